/* SPDX-License-Identifier: MIT
 * dense.h over the vectors of vec.h. Several rows of the matrix are read at once: that keeps more of the memory busy than one
 * stream does, and the processor's own prefetching follows each of them. */
#include "vec.h"

#include "convoke/op/unary.h"
#include "dense.h"
#include "tile.h"

/* `columns` results of each row from column n on. Each has one accumulator, lane i of which sums the products at k = i modulo
 * V_LEN. */
SIMD_INLINE void dot(const struct simd_dense *d, uint64_t n, const int rows, const int columns)
{
    V acc[SIMD_DENSE_ROWS * SIMD_DENSE_COLUMNS];
    const float *w = d->w + n * d->w_step;
    uint64_t k = 0;
#pragma GCC unroll 32
    for (int i = 0; i < rows * columns; i++)
        acc[i] = v_zero();
    for (; k + V_LEN <= d->depth; k += V_LEN) {
#pragma GCC unroll 8
        for (int c = 0; c < columns; c++) {
            const V weights = v_load(w + (uint64_t)c * d->w_step + k);
#pragma GCC unroll 4
            for (int m = 0; m < rows; m++)
                acc[m * columns + c] = v_fma(v_load(d->x + (uint64_t)m * d->x_step + k), weights, acc[m * columns + c]);
        }
    }
    if (k < d->depth) {
        const uint32_t left = (uint32_t)(d->depth - k);
#pragma GCC unroll 8
        for (int c = 0; c < columns; c++) {
            const V weights = v_load_n(w + (uint64_t)c * d->w_step + k, left);
#pragma GCC unroll 4
            for (int m = 0; m < rows; m++)
                acc[m * columns + c] = v_fma(v_load_n(d->x + (uint64_t)m * d->x_step + k, left), weights, acc[m * columns + c]);
        }
    }
#pragma GCC unroll 4
    for (int m = 0; m < rows; m++)
#pragma GCC unroll 8
        for (int c = 0; c < columns; c++)
            d->y[(uint64_t)m * d->y_step + n + (uint64_t)c] = v_sum(acc[m * columns + c]);
}

/* Results together: as many as the registers hold. */
#if V_REGISTERS >= 32
#define TOGETHER(rows) ((rows) == 4 ? 6 : 8)
#else
#define TOGETHER(rows) ((rows) == 1 ? 8 : (rows) == 2 ? 4 : 2)
#endif

SIMD_INLINE void dots_of(const struct simd_dense *d, const int rows)
{
    uint64_t n = d->begin;
    for (; n + TOGETHER(rows) <= d->end; n += TOGETHER(rows))
        dot(d, n, rows, TOGETHER(rows));
    for (; n < d->end; n++)
        dot(d, n, rows, 1);
}

static void dots(const struct simd_dense *d)
{
    switch (d->rows) {
    case 1:
        dots_of(d, 1);
        break;
    case 2:
        dots_of(d, 2);
        break;
    case 3:
        dots_of(d, 3);
        break;
    default:
        dots_of(d, 4);
    }
}

/* Adds `depth` rows of the matrix from row k on; first: y is written, not read. */
SIMD_INLINE void axpy(const struct simd_dense *d, uint64_t k, const int rows, const int depth, const int first)
{
    for (uint64_t n = d->begin; n < d->end; n += V_LEN) {
        const uint32_t count = d->end - n < V_LEN ? (uint32_t)(d->end - n) : V_LEN;
        V acc[SIMD_DENSE_ROWS];
#pragma GCC unroll 4
        for (int m = 0; m < rows; m++)
            acc[m] = first            ? v_zero()
                     : count == V_LEN ? v_load(d->y + (uint64_t)m * d->y_step + n)
                                      : v_load_n(d->y + (uint64_t)m * d->y_step + n, count);
#pragma GCC unroll 8
        for (int i = 0; i < depth; i++) {
            const float *w = d->w + (k + (uint64_t)i) * d->w_step + n;
            const V weights = count == V_LEN ? v_load(w) : v_load_n(w, count);
#pragma GCC unroll 4
            for (int m = 0; m < rows; m++)
                acc[m] = v_fma(v_set1(d->x[(uint64_t)m * d->x_step + k + (uint64_t)i]), weights, acc[m]);
        }
#pragma GCC unroll 4
        for (int m = 0; m < rows; m++)
            if (count == V_LEN)
                v_store(d->y + (uint64_t)m * d->y_step + n, acc[m]);
            else
                v_store_n(d->y + (uint64_t)m * d->y_step + n, acc[m], count);
    }
}

SIMD_INLINE void axpys_of(const struct simd_dense *d, const int rows)
{
    uint64_t k = 0;
    if (!d->accumulate)
        axpy(d, 0, rows, 0, 1);
    for (; k + SIMD_DENSE_DEPTH <= d->depth; k += SIMD_DENSE_DEPTH)
        axpy(d, k, rows, SIMD_DENSE_DEPTH, 0);
    for (; k < d->depth; k++)
        axpy(d, k, rows, 1, 0);
}

static void axpys(const struct simd_dense *d)
{
    switch (d->rows) {
    case 1:
        axpys_of(d, 1);
        break;
    case 2:
        axpys_of(d, 2);
        break;
    case 3:
        axpys_of(d, 3);
        break;
    default:
        axpys_of(d, 4);
    }
}

static void end_row(const struct simd_dense_end *f, uint64_t m, uint64_t begin, uint64_t end, float *y, const float *residual)
{
    const V alpha = v_set1(f->alpha), beta = v_set1(f->beta), low = v_set1(f->a), high = v_set1(f->b);
    const float *c = f->c ? f->c + m * f->c_row : NULL;
    for (uint64_t n = begin; n < end; n += V_LEN, y += V_LEN, residual += residual ? V_LEN : 0) {
        const uint32_t count = end - n < V_LEN ? (uint32_t)(end - n) : V_LEN;
        V sum = v_mul(alpha, v_load_n(y, count));
        if (c)
            sum = v_fma(beta, f->c_column ? v_load_n(c + n, count) : v_set1(*c), sum);
        if (f->bias)
            sum = v_add(sum, v_load_n(f->bias + n, count));
        if (f->scale)
            sum = v_fma(sum, v_load_n(f->scale + n, count), v_load_n(f->shift + n, count));
        if (residual)
            sum = v_add(sum, v_load_n(residual, count));
        if (f->activation == CVK_RELU)
            sum = v_relu(sum);
        else if (f->activation == CVK_CLIP)
            sum = v_min(high, v_max(low, sum));
        v_store_n(y, sum, count);
    }
}

static void copy(float factor, const float *x, uint64_t x_step, uint64_t rows, uint64_t count, float *y, uint64_t y_step,
                 uint64_t width)
{
    const V by = v_set1(factor);
    for (uint64_t r = 0; r < rows; r++, x += x_step, y += y_step) {
        uint64_t i = 0;
        for (; i + V_LEN <= count; i += V_LEN)
            v_store(y + i, v_mul(by, v_load(x + i)));
        if (i < count) {
            v_store(y + i, v_mul(by, v_load_n(x + i, (uint32_t)(count - i))));
            i += V_LEN;
        }
        for (; i < width; i += V_LEN)
            v_store(y + i, v_zero());
    }
}

const struct simd_dense_fns SIMD_FN(simd_dense_fns) = {.dots = dots, .axpys = axpys, .end = end_row, .copy = copy};
