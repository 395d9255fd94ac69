/* SPDX-License-Identifier: MIT
 * norm.h over the vectors of vec.h. */
#include "vec.h"

#include "convoke/op/unary.h"
#include "norm.h"
#include "tile.h"

#define WAYS 4 /* rows under way at once */

/* ---- sums --------------------------------------------------------------------------------------------------------- */

/* Two sums of a run, and what they are added to. */
struct run {
    V first[WAYS], second[WAYS];
};

SIMD_INLINE struct run no_run(void)
{
    struct run r;
#pragma GCC unroll 4
    for (int w = 0; w < WAYS; w++)
        r.first[w] = r.second[w] = v_zero();
    return r;
}

SIMD_INLINE void join_run(const struct run *r, float first[V_LEN], float second[V_LEN])
{
    v_store(first, v_add(v_add(r->first[0], r->first[1]), v_add(r->first[2], r->first[3])));
    v_store(second, v_add(v_add(r->second[0], r->second[1]), v_add(r->second[2], r->second[3])));
}

/* A run of `rows` rows around its first one; sums then move it to the origin: (x - o)^2 = (x - s)^2 + 2 (s - o) (x - s) + (s -
 * o)^2. */
SIMD_INLINE void moments_run(const float *x, uint64_t rows, uint64_t stride, const uint32_t lanes, const float *origin,
                             struct simd_norm_sums *sums)
{
    const V shift = v_load_lanes(x, lanes);
    float first[V_LEN], second[V_LEN], shifts[V_LEN];
    struct run r = no_run();
    uint64_t i = 0;
    for (; i + WAYS <= rows; i += WAYS, x += WAYS * stride)
#pragma GCC unroll 4
        for (int w = 0; w < WAYS; w++) {
            const V d = v_sub(v_load_lanes(x + (uint64_t)w * stride, lanes), shift);
            r.first[w] = v_add(r.first[w], d);
            r.second[w] = v_fma(d, d, r.second[w]);
        }
    for (; i < rows; i++, x += stride) {
        const V d = v_sub(v_load_lanes(x, lanes), shift);
        r.first[0] = v_add(r.first[0], d);
        r.second[0] = v_fma(d, d, r.second[0]);
    }
    join_run(&r, first, second);
    v_store(shifts, shift);
    const double n = (double)rows;
    for (int k = 0; k < V_LEN; k++) {
        const double u = (double)shifts[k] - (double)origin[k], d = (double)first[k];
        sums->first[k] += d + n * u;
        sums->second[k] += (double)second[k] + u * (2 * d + n * u);
    }
}

SIMD_INLINE void moments_of(const struct simd_norm *n, const uint32_t lanes, const float *origin, struct simd_norm_sums *sums)
{
    for (uint64_t i = 0; i < n->rows; i += SIMD_NORM_RUN)
        moments_run(n->x + i * n->stride, n->rows - i < SIMD_NORM_RUN ? n->rows - i : SIMD_NORM_RUN, n->stride, lanes, origin,
                    sums);
}

static void moments(const struct simd_norm *n, const float *origin, struct simd_norm_sums *sums)
{
    if (n->lanes == V_LEN)
        moments_of(n, V_LEN, origin, sums);
    else
        moments_of(n, n->lanes, origin, sums);
}

/* ---- forward ------------------------------------------------------------------------------------------------------ */

/* The vectors of a call in registers. */
struct factors {
    V mean, factor, offset, low, high;
};

SIMD_INLINE struct factors factors_of(const struct simd_norm *n, const uint32_t activation)
{
    const int limits = activation != SIMD_LINEAR;
    return (struct factors){v_load(n->mean), v_load(n->factor), v_load(n->offset), limits ? v_load(n->low) : v_zero(),
                            limits ? v_load(n->high) : v_zero()};
}

SIMD_INLINE void normalise_row(const struct simd_norm *n, const struct factors *f, uint64_t at, const uint32_t lanes,
                               const int residual, const uint32_t activation)
{
    V y = v_fma(v_sub(v_load_lanes(n->x + at, lanes), f->mean), f->factor, f->offset);
    if (residual)
        y = v_add(y, v_load_lanes(n->residual + at, lanes));
    if (activation == CVK_RELU)
        y = v_relu(y);
    else if (activation == CVK_CLIP)
        y = v_min(f->high, v_max(f->low, y));
    v_store_lanes(n->y + at, y, lanes);
}

SIMD_INLINE void normalise_of(const struct simd_norm *n, const uint32_t lanes, const int residual, const uint32_t activation)
{
    const struct factors f = factors_of(n, activation);
    uint64_t i = 0, at = 0;
    for (; i + WAYS <= n->rows; i += WAYS)
#pragma GCC unroll 4
        for (int w = 0; w < WAYS; w++, at += n->stride)
            normalise_row(n, &f, at, lanes, residual, activation);
    for (; i < n->rows; i++, at += n->stride)
        normalise_row(n, &f, at, lanes, residual, activation);
}

SIMD_INLINE void normalise_with(const struct simd_norm *n, const int residual, const uint32_t activation)
{
    if (n->lanes == V_LEN)
        normalise_of(n, V_LEN, residual, activation);
    else
        normalise_of(n, n->lanes, residual, activation);
}

static void normalise(const struct simd_norm *n)
{
    if (n->residual)
        n->activation == CVK_RELU   ? normalise_with(n, 1, CVK_RELU)
        : n->activation == CVK_CLIP ? normalise_with(n, 1, CVK_CLIP)
                                    : normalise_with(n, 1, SIMD_LINEAR);
    else
        n->activation == CVK_RELU   ? normalise_with(n, 0, CVK_RELU)
        : n->activation == CVK_CLIP ? normalise_with(n, 0, CVK_CLIP)
                                    : normalise_with(n, 0, SIMD_LINEAR);
}

/* ---- backward ----------------------------------------------------------------------------------------------------- */

/* dy, or 0 where the activation was flat; *d becomes x - mean. */
SIMD_INLINE V passed(const struct simd_norm *n, const struct factors *f, uint64_t at, const uint32_t lanes, const int masked,
                     V *d)
{
    V dy = v_load_lanes(n->dy + at, lanes);
    *d = v_sub(v_load_lanes(n->x + at, lanes), f->mean);
    if (masked) {
        const V y = v_fma(*d, f->factor, f->offset);
        dy = v_select(v_lt(f->low, y), v_select(v_lt(y, f->high), dy, v_zero()), v_zero());
    }
    return dy;
}

SIMD_INLINE void products_of(const struct simd_norm *n, const uint32_t lanes, const int masked, struct simd_norm_sums *sums)
{
    const struct factors f = factors_of(n, n->activation);
    float first[V_LEN], second[V_LEN];
    V d;
    for (uint64_t i = 0, at = 0; i < n->rows;) {
        const uint64_t end = n->rows - i < SIMD_NORM_RUN ? n->rows : i + SIMD_NORM_RUN;
        struct run r = no_run();
        for (; i + WAYS <= end; i += WAYS)
#pragma GCC unroll 4
            for (int w = 0; w < WAYS; w++, at += n->stride) {
                const V dz = passed(n, &f, at, lanes, masked, &d);
                r.first[w] = v_add(r.first[w], dz);
                r.second[w] = v_fma(dz, d, r.second[w]);
            }
        for (; i < end; i++, at += n->stride) {
            const V dz = passed(n, &f, at, lanes, masked, &d);
            r.first[0] = v_add(r.first[0], dz);
            r.second[0] = v_fma(dz, d, r.second[0]);
        }
        join_run(&r, first, second);
        for (int k = 0; k < V_LEN; k++) {
            sums->first[k] += (double)first[k];
            sums->second[k] += (double)second[k];
        }
    }
}

static void products(const struct simd_norm *n, struct simd_norm_sums *sums)
{
    if (n->lanes < V_LEN)
        products_of(n, n->lanes, n->activation != SIMD_LINEAR, sums);
    else if (n->activation != SIMD_LINEAR)
        products_of(n, V_LEN, 1, sums);
    else
        products_of(n, V_LEN, 0, sums);
}

SIMD_INLINE void backward_row(const struct simd_norm *n, const struct factors *f, V slope, V shift, uint64_t at,
                              const uint32_t lanes, const int masked)
{
    V d;
    const V dz = passed(n, f, at, lanes, masked, &d);
    v_store_lanes(n->y + at, v_fma(f->factor, dz, v_fma(slope, d, shift)), lanes);
}

SIMD_INLINE void backward_of(const struct simd_norm *n, const uint32_t lanes, const int masked)
{
    const struct factors f = factors_of(n, n->activation);
    const V slope = v_load(n->slope), shift = v_load(n->shift);
    uint64_t i = 0, at = 0;
    for (; i + WAYS <= n->rows; i += WAYS)
#pragma GCC unroll 4
        for (int w = 0; w < WAYS; w++, at += n->stride)
            backward_row(n, &f, slope, shift, at, lanes, masked);
    for (; i < n->rows; i++, at += n->stride)
        backward_row(n, &f, slope, shift, at, lanes, masked);
}

static void backward(const struct simd_norm *n)
{
    if (n->lanes < V_LEN)
        backward_of(n, n->lanes, n->activation != SIMD_LINEAR);
    else if (n->activation != SIMD_LINEAR)
        backward_of(n, V_LEN, 1);
    else
        backward_of(n, V_LEN, 0);
}

const struct simd_norm_fns SIMD_FN(simd_norm_fns) = {
    .moments = moments, .normalise = normalise, .products = products, .backward = backward};
