/* SPDX-License-Identifier: MIT
 * Batch norm down columns: each lane of a vector has its own mean and factors, rows are pixels or images.
 *
 * Sums are made in the order of the rows, SIMD_NORM_RUN of them in float (in four chains), these in double: what is joined with
 * what depends on the rows of one call alone. */
#ifndef SIMD_NORM_H
#define SIMD_NORM_H

#include <stdint.h>

#define SIMD_NORM_RUN 64
#define SIMD_NORM_MAX_LANES 16

/* `lanes` columns of `rows` rows, `stride` floats apart; the vectors have whole blocks. */
struct simd_norm {
    const float *x;
    const float *dy;       /* backward */
    const float *residual; /* forward; NULL: none */
    float *y;              /* y, or dx; may be x, dy or residual */
    uint64_t rows, stride;
    uint32_t lanes;                      /* at most a block */
    uint32_t activation;                 /* SIMD_LINEAR (tile.h), CVK_RELU, CVK_CLIP */
    const float *low, *high;             /* limits of the activation, if there is one */
    const float *mean, *factor, *offset; /* y = (x - mean) * factor + offset */
    const float *slope, *shift;          /* backward: dx = factor * dy + slope * (x - mean) + shift */
};

struct simd_norm_sums {
    double first[SIMD_NORM_MAX_LANES], second[SIMD_NORM_MAX_LANES];
};

struct simd_norm_fns {
    /* Adds the sums of x - origin and of its square. Each run is summed around its own first row, so that a variance far below
     * the square of the mean is not lost. */
    void (*moments)(const struct simd_norm *n, const float *origin, struct simd_norm_sums *sums);
    /* y = activation((x - mean) * factor + offset + residual) */
    void (*normalise)(const struct simd_norm *n);
    /* Adds the sums of dz and of dz * (x - mean), dz being dy where the activation of the y that x gives lets it through, else
     * 0. */
    void (*products)(const struct simd_norm *n, struct simd_norm_sums *sums);
    /* y = factor * dz + slope * (x - mean) + shift */
    void (*backward)(const struct simd_norm *n);
};

#endif
