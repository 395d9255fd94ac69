/* SPDX-License-Identifier: MIT
 * Pooling of rows of one block of channels: the maximum or the mean of each window, over the pixels inside the map.
 *
 * A window is taken column by column, then the columns' results from left to right, whatever the tile: neighbouring windows share
 * columns. A NaN in the window is the maximum. */
#ifndef SIMD_POOL_H
#define SIMD_POOL_H

#include <stdint.h>

struct simd_pool {
    const float *x; /* the map */
    float *y;       /* the map of results */
    int64_t h, width, ow, kh, kw;
    int64_t stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    int64_t counted_h, counted_w; /* pixels from the first: up to there the mean counts padding; 0: it counts none */
    float *columns;               /* scratch: width * block floats */
};

struct simd_pool_fns {
    /* Rows begin..end-1 of the results. */
    void (*max_rows)(const struct simd_pool *p, int64_t begin, int64_t end);
    void (*mean_rows)(const struct simd_pool *p, int64_t begin, int64_t end);
    /* y[block] of x[pixels][block]. */
    void (*max_all)(const float *x, uint64_t pixels, float *y);
    void (*mean_all)(const float *x, uint64_t pixels, float *y);
};

/* Whether the rows are computed without `columns`. */
static inline int simd_pool_direct(const struct simd_pool *p)
{
    return p->dilation_w == 1 && p->stride_w <= 2 && (p->kw == 2 || p->kw == 3);
}

#endif
