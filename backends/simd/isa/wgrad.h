/* SPDX-License-Identifier: MIT
 * Gradient of the weights of a convolution: sums of outer products over pixels,
 *
 *   sum[i, c] = sum over images, lines, p < px:  x[i at pixel p] * y[p, c]
 *
 * for `rows` numbers i of one tensor and `v` vectors of channels c of another, in the order of images, lines, pixels. The sums
 * stay in registers over all the pixels of a call and are added to those of the calls before at its end: sums of sums round
 * less than long ones. What lies behind a tap of the window is a matter of where x begins. */
#ifndef SIMD_WGRAD_H
#define SIMD_WGRAD_H

#include <stdint.h>

struct simd_wgrad {
    const float *x;       /* row i of pixel p: x[p * x_step + i], or with x_off x[p * x_step + x_off[i]] */
    const int64_t *x_off; /* of the functions `far` alone */
    const float *y;       /* vector j of pixel p: y[j * y_vector + p * block] */
    int64_t x_step, x_line, x_image, y_vector, y_line, y_image; /* floats */
    uint64_t px, lines, images;                                 /* 0 of any: there is nothing to add */
    float *sum;                                                 /* [rows][v][block] */
    uint32_t add;                                               /* 1: to what is there; 0: instead of it */
    int64_t x_ahead; /* `near` fetches what lies so far behind each pixel of x into the cache, for a later call; 0: nothing */
};

/* Sums of several parts, turned from [row][channel] into rows of weights: number r = i * taps + tap of channel c is
 *   to[c * to_step + r] = sum over parts k:  sum[k * part_step + i * row_step + tap * tap_step + c]. */
struct simd_wgrad_store {
    const float *sum;
    uint64_t parts, part_step, taps, row_step, tap_step;
    uint64_t count;             /* numbers r: whole rows i */
    uint32_t channel, channels; /* of the vector: those from `channel` on are stored, the first one at `to` */
    float *to;
    uint64_t to_step;
};

#define SIMD_WGRAD_MAX_V 4
#define SIMD_WGRAD_MAX_ROWS 16

typedef void (*simd_wgrad_fn)(const struct simd_wgrad *t);

/* near[v - 1][rows - 1] and far, for rows up to max_rows[v - 1]; 0 where there is no such tile. */
struct simd_wgrad_fns {
    uint32_t max_v;
    uint32_t max_rows[SIMD_WGRAD_MAX_V], max_far[SIMD_WGRAD_MAX_V];
    simd_wgrad_fn near[SIMD_WGRAD_MAX_V][SIMD_WGRAD_MAX_ROWS], far[SIMD_WGRAD_MAX_V][SIMD_WGRAD_MAX_ROWS];
    void (*store)(const struct simd_wgrad_store *s);
    /* sum[c] += sum over p < px: y[p * block + c], in an order that px alone decides. */
    void (*pixels)(const float *y, uint64_t px, float *sum);
};

#endif
