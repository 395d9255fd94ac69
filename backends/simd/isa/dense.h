/* SPDX-License-Identifier: MIT
 * Products of a few rows with a large matrix that is read once, where it lies, at the speed of memory; and the end of any
 * product. */
#ifndef SIMD_DENSE_H
#define SIMD_DENSE_H

#include <stdint.h>

#define SIMD_DENSE_ROWS 4    /* most rows of x in one call */
#define SIMD_DENSE_COLUMNS 8 /* results in a row that dots sums together: work is best cut in multiples of it */
#define SIMD_DENSE_DEPTH 8   /* rows of the matrix that axpys adds together */

/* y[m * y_step + n] = sum over k < depth: x[m * x_step + k] * w(k, n) for m < rows (1..SIMD_DENSE_ROWS), begin <= n < end. */
struct simd_dense {
    const float *x, *w;
    float *y;
    uint64_t x_step, w_step, y_step;
    uint64_t rows, depth, begin, end;
    uint32_t accumulate; /* axpys: 1: sums begin with what y holds */
};

/* What follows a product, in this order: y = activation((alpha * y + beta * c + bias) * scale + shift + residual). */
struct simd_dense_end {
    float alpha, beta;
    const float *c; /* NULL: none; element (m, n) at c[m * c_row + n * c_column], c_column 0 or 1 */
    uint64_t c_row, c_column;
    const float *bias, *scale, *shift; /* per column, NULL: none */
    uint32_t activation;               /* SIMD_LINEAR (tile.h), CVK_RELU, CVK_CLIP */
    float a, b;
};

/* A sum is made in an order that depends on `depth` alone: what is computed together with what does not change a bit. */
struct simd_dense_fns {
    void (*dots)(const struct simd_dense *d);  /* w(k, n) = w[n * w_step + k] */
    void (*axpys)(const struct simd_dense *d); /* w(k, n) = w[k * w_step + n] */
    /* Row m of y, columns begin..end-1; y and the residual (NULL: none) point to column `begin`. */
    void (*end)(const struct simd_dense_end *f, uint64_t m, uint64_t begin, uint64_t end, float *y, const float *residual);
    /* y[r * y_step + i] = i < count ? factor * x[r * x_step + i] : 0 for r < rows, i < width, a multiple of the block. */
    void (*copy)(float factor, const float *x, uint64_t x_step, uint64_t rows, uint64_t count, float *y, uint64_t y_step,
                 uint64_t width);
};

#endif
