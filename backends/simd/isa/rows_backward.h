/* SPDX-License-Identifier: MIT
 * Gradients of what runs along rows of floats or down columns (rows.h): softmax, layer norm. */
#ifndef SIMD_ROWS_BACKWARD_H
#define SIMD_ROWS_BACKWARD_H

#include <stdint.h>

/* One row of layer norm. */
struct simd_norm_slope {
    const float *dy, *x, *scale;
    float *dx; /* may be dy */
    uint64_t n;
    float mean, inv_std;
};

/* Some columns of all rows of layer norm. */
struct simd_norm_columns {
    const float *dy, *x, *mean, *inv_std; /* mean and inv_std: of each row */
    float *dscale, *dbias;                /* NULL: not wanted */
    uint64_t rows, stride;
    uint64_t count; /* columns */
};

struct simd_rows_backward_fns {
    /* From y, the result: softmax dx = y * (dy - sum(dy * y)), its logarithm dx = dy - exp(y) * sum(dy). dx may be dy. */
    void (*softmax)(uint32_t kind, const float *dy, const float *y, float *dx, uint64_t n);
    /* Down columns i < count, of n elements `stride` floats apart. */
    void (*softmax_columns)(uint32_t kind, const float *dy, const float *y, float *dx, uint64_t n, uint64_t stride,
                            uint32_t count);
    /* With g = dy * scale and z = (x - mean) * inv_std: dx = (g - mean of g - z * mean of g * z) * inv_std. */
    void (*norm)(const struct simd_norm_slope *s);
    /* dscale is the sum of dy * z over the rows, dbias that of dy. */
    void (*norm_columns)(const struct simd_norm_columns *c);
};

#endif
