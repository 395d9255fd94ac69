/* SPDX-License-Identifier: MIT
 * rows_backward.h over the vectors of vec.h. Long sums are made of runs, as in rows.h. */
#include "math.h"

#include "convoke/op/softmax.h"
#include "rows.h"
#include "rows_backward.h"

SIMD_INLINE uint32_t lanes_at(uint64_t i, uint64_t n)
{
    return n - i < V_LEN ? (uint32_t)(n - i) : V_LEN;
}

/* ---- softmax ------------------------------------------------------------------------------------------------------ */

/* What an element adds to the sum, and its gradient. */
SIMD_INLINE V softmax_part(const uint32_t kind, V sum, V dy, V y)
{
    return kind == CVK_SOFTMAX ? v_fma(dy, y, sum) : v_add(sum, dy);
}

SIMD_INLINE V softmax_slope(const uint32_t kind, V dy, V y, V sum)
{
    return kind == CVK_SOFTMAX ? v_mul(y, v_sub(dy, sum)) : v_fnma(v_exp(y), sum, dy);
}

static void softmax(uint32_t kind, const float *dy, const float *y, float *dx, uint64_t n)
{
    double total = 0;
    for (uint64_t chunk = 0; chunk < n; chunk += SIMD_ROWS_CHUNK) {
        const uint64_t end = n - chunk < SIMD_ROWS_CHUNK ? n : chunk + SIMD_ROWS_CHUNK;
        V sum = v_zero();
        for (uint64_t i = chunk; i < end; i += V_LEN) {
            const uint32_t lanes = lanes_at(i, end);
            sum = softmax_part(kind, sum, v_load_lanes(dy + i, lanes), v_load_lanes(y + i, lanes));
        }
        total += (double)v_sum(sum);
    }
    const V sum = v_set1((float)total);
    for (uint64_t i = 0; i < n; i += V_LEN) {
        const uint32_t lanes = lanes_at(i, n);
        v_store_lanes(dx + i, softmax_slope(kind, v_load_lanes(dy + i, lanes), v_load_lanes(y + i, lanes), sum), lanes);
    }
}

static void softmax_columns(uint32_t kind, const float *dy, const float *y, float *dx, uint64_t n, uint64_t stride,
                            uint32_t count)
{
    for (uint32_t i = 0; i < count; i += V_LEN) {
        const uint32_t lanes = lanes_at(i, count);
        V sum = v_zero();
        for (uint64_t r = 0, at = i; r < n; r++, at += stride)
            sum = softmax_part(kind, sum, v_load_lanes(dy + at, lanes), v_load_lanes(y + at, lanes));
        for (uint64_t r = 0, at = i; r < n; r++, at += stride)
            v_store_lanes(dx + at, softmax_slope(kind, v_load_lanes(dy + at, lanes), v_load_lanes(y + at, lanes), sum), lanes);
    }
}

/* ---- layer norm --------------------------------------------------------------------------------------------------- */

static void norm(const struct simd_norm_slope *s)
{
    const V mean = v_set1(s->mean);
    const double n = (double)s->n, inv_std = (double)s->inv_std;
    double first = 0, second = 0;
    for (uint64_t chunk = 0; chunk < s->n; chunk += SIMD_ROWS_CHUNK) {
        const uint64_t end = s->n - chunk < SIMD_ROWS_CHUNK ? s->n : chunk + SIMD_ROWS_CHUNK;
        V sum = v_zero(), products = v_zero();
        for (uint64_t i = chunk; i < end; i += V_LEN) { /* lanes that are not there have g = 0 */
            const uint32_t lanes = lanes_at(i, end);
            const V g = v_mul(v_load_lanes(s->dy + i, lanes), v_load_lanes(s->scale + i, lanes));
            sum = v_add(sum, g);
            products = v_fma(g, v_sub(v_load_lanes(s->x + i, lanes), mean), products);
        }
        first += (double)v_sum(sum);
        second += (double)v_sum(products);
    }
    const V by = v_set1(s->inv_std), level = v_set1((float)(first / n)),
            slope = v_set1((float)(second / n * inv_std * inv_std));
    for (uint64_t i = 0; i < s->n; i += V_LEN) {
        const uint32_t lanes = lanes_at(i, s->n);
        const V g = v_mul(v_load_lanes(s->dy + i, lanes), v_load_lanes(s->scale + i, lanes));
        const V d = v_sub(v_load_lanes(s->x + i, lanes), mean);
        v_store_lanes(s->dx + i, v_mul(by, v_fnma(d, slope, v_sub(g, level))), lanes);
    }
}

static void norm_columns(const struct simd_norm_columns *c)
{
    for (uint64_t i = 0; i < c->count; i += V_LEN) {
        const uint32_t lanes = lanes_at(i, c->count);
        V dscale = v_zero(), dbias = v_zero();
        for (uint64_t r = 0, at = i; r < c->rows;) {
            const uint64_t end = c->rows - r < SIMD_ROWS_RUN ? c->rows : r + SIMD_ROWS_RUN;
            V products = v_zero(), sum = v_zero();
            for (; r < end; r++, at += c->stride) {
                const V dy = v_load_lanes(c->dy + at, lanes), d = v_sub(v_load_lanes(c->x + at, lanes), v_set1(c->mean[r]));
                products = v_fma(dy, v_mul(d, v_set1(c->inv_std[r])), products);
                sum = v_add(sum, dy);
            }
            dscale = v_add(dscale, products);
            dbias = v_add(dbias, sum);
        }
        if (c->dscale)
            v_store_lanes(c->dscale + i, dscale, lanes);
        if (c->dbias)
            v_store_lanes(c->dbias + i, dbias, lanes);
    }
}

const struct simd_rows_backward_fns SIMD_FN(simd_rows_backward_fns) = {
    .softmax = softmax, .softmax_columns = softmax_columns, .norm = norm, .norm_columns = norm_columns};
