/* SPDX-License-Identifier: MIT
 * Gradient of the weights of a depthwise convolution: one map of one block of channels, [h][width][block], is multiplied with
 * one of the results, [oh][ow][block]:
 *
 *   sum[kh, kw, c] += sum over o:  y[o, c] * x[o * stride - pad + k * dilation, c], where that is inside. */
#ifndef SIMD_WGRAD_DEPTHWISE_H
#define SIMD_WGRAD_DEPTHWISE_H

#include <stdint.h>

/* Outputs begin..end-1 of a line, or lines, that meet the map with one tap of the window; begin == end: none. */
struct simd_span {
    uint64_t begin, end;
};

struct simd_wgrad_depthwise {
    const float *x, *y;
    float *sum; /* [kh][kw][block] */
    int64_t width, ow, kh, kw, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    const struct simd_span *lines, *pixels; /* of the taps kh, of the taps kw */
};

struct simd_wgrad_depthwise_fns {
    void (*map)(const struct simd_wgrad_depthwise *d);
};

#endif
