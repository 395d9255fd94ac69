/* SPDX-License-Identifier: MIT
 * One row of a resized map from one or two rows of the map, in blocks of channels (pixels are vectors) or plain (pixels are
 * numbers), and the gradient: one row of it added to one or two rows. */
#ifndef SIMD_RESIZE_H
#define SIMD_RESIZE_H

#include <stdint.h>

/* Pixel i lies between places low[i] and high[i] of a row, high having weight[i]; equal where there is but one. */
struct simd_resize_taps {
    const int32_t *low, *high;
    const float *weight; /* 0..1 */
};

/* [0]: plain, [1]: blocks. */
struct simd_resize_fns {
    /* y[i] = x[low[i]], numbers of four bytes whatever they mean */
    void (*nearest[2])(const struct simd_resize_taps *taps, const float *x, float *y, uint64_t pixels);
    /* Between rows x and `below`, which has weight `share`; below == x: one row alone. What has no weight is not looked at. */
    void (*linear[2])(const struct simd_resize_taps *taps, const float *x, const float *below, float share, float *y,
                      uint64_t pixels);
    /* dx[low[i]] += dy[i] */
    void (*nearest_backward[2])(const struct simd_resize_taps *taps, const float *dy, float *dx, uint64_t pixels);
    /* To rows dx and `below`, which has weight `share`; below == dx: one row alone. */
    void (*linear_backward[2])(const struct simd_resize_taps *taps, const float *dy, float *dx, float *below, float share,
                               uint64_t pixels);
};

#endif
