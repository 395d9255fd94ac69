/* SPDX-License-Identifier: MIT
 * Depthwise convolution of rows of one block of channels, each channel with its own window:
 *
 *   y[i, o] = epilogue( bias + sum over r < kh, k < kw:
 *                              x[i * stride_h - pad_top + r * dilation_h, o * stride_w - pad_left + k * dilation_w] * w[r, k] )
 *
 * over the pixels inside the map, summed in the order of r, then k, whatever the tile; and its gradient, where results lie
 * `stride` apart:
 *
 *   y[i, o] = epilogue( bias + sum over r < kh, k < kw:
 *                              x[(i + pad_top - r * dilation_h) / stride_h,
 *                                (o + pad_left - k * dilation_w) / stride_w] * w[r, k] )
 *
 * over the divisions without a rest whose pixel is inside the map, in the order of r, then of k from the last on. */
#ifndef SIMD_DEPTHWISE_H
#define SIMD_DEPTHWISE_H

#include "tile.h"

struct simd_depthwise {
    const float *x; /* the map */
    const float *w; /* [kh][kw][block] */
    int64_t h, width, ow, kh, kw;
    int64_t stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    struct simd_tile out; /* y, residual: the first pixel of the whole map; bias to channels; y_step = block; the rest 0 */
};

struct simd_depthwise_fns {
    /* Rows begin..end-1 of the output. */
    void (*rows)(const struct simd_depthwise *d, int64_t begin, int64_t end);
    void (*spread)(const struct simd_depthwise *d, int64_t begin, int64_t end); /* of the gradient */
};

#endif
