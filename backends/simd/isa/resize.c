/* SPDX-License-Identifier: MIT
 * resize.h over the vectors of vec.h. */
#include "vec.h"

#include "resize.h"

static void nearest_plain(const struct simd_resize_taps *taps, const float *x, float *y, uint64_t pixels)
{
    for (uint64_t i = 0; i < pixels; i++)
        memcpy(y + i, x + taps->low[i], sizeof *y);
}

static void nearest_blocks(const struct simd_resize_taps *taps, const float *x, float *y, uint64_t pixels)
{
    for (uint64_t i = 0; i < pixels; i++)
        v_store(y + i * V_LEN, v_load(x + (int64_t)taps->low[i] * V_LEN));
}

static void linear_plain(const struct simd_resize_taps *taps, const float *x, const float *below, float share, float *y,
                         uint64_t pixels)
{
    for (uint64_t i = 0; i < pixels; i++) {
        const int32_t low = taps->low[i], high = taps->high[i];
        const float w = taps->weight[i];
        float value = x[low];
        if (low != high)
            value = value * (1 - w) + x[high] * w;
        if (below != x) {
            float other = below[low];
            if (low != high)
                other = other * (1 - w) + below[high] * w;
            value = value * (1 - share) + other * share;
        }
        y[i] = value;
    }
}

SIMD_INLINE V between(V low, V high, V rest, V weight)
{
    return v_fma(high, weight, v_mul(low, rest));
}

static void linear_blocks(const struct simd_resize_taps *taps, const float *x, const float *below, float share, float *y,
                          uint64_t pixels)
{
    const V lower = v_set1(share), upper = v_set1(1 - share);
    for (uint64_t i = 0; i < pixels; i++) {
        const int64_t low = (int64_t)taps->low[i] * V_LEN, high = (int64_t)taps->high[i] * V_LEN;
        const V right = v_set1(taps->weight[i]), left = v_set1(1 - taps->weight[i]);
        V value = v_load(x + low);
        if (low != high)
            value = between(value, v_load(x + high), left, right);
        if (below != x) {
            V other = v_load(below + low);
            if (low != high)
                other = between(other, v_load(below + high), left, right);
            value = between(value, other, upper, lower);
        }
        v_store(y + i * V_LEN, value);
    }
}

static void nearest_backward_plain(const struct simd_resize_taps *taps, const float *dy, float *dx, uint64_t pixels)
{
    for (uint64_t i = 0; i < pixels; i++)
        dx[taps->low[i]] += dy[i];
}

SIMD_INLINE void add_to(float *to, V x)
{
    v_store(to, v_add(v_load(to), x));
}

static void nearest_backward_blocks(const struct simd_resize_taps *taps, const float *dy, float *dx, uint64_t pixels)
{
    for (uint64_t i = 0; i < pixels; i++)
        add_to(dx + (int64_t)taps->low[i] * V_LEN, v_load(dy + i * V_LEN));
}

/* One number of dy to the two places in a row that it came from. */
SIMD_INLINE void share_number(const struct simd_resize_taps *taps, uint64_t i, float dy, float *row)
{
    const int32_t low = taps->low[i], high = taps->high[i];
    const float w = low == high ? 0 : taps->weight[i];
    row[low] += dy * (1 - w);
    if (low != high)
        row[high] += dy * w;
}

static void linear_backward_plain(const struct simd_resize_taps *taps, const float *dy, float *dx, float *below, float share,
                                  uint64_t pixels)
{
    const float upper = below == dx ? 1 : 1 - share;
    for (uint64_t i = 0; i < pixels; i++) {
        share_number(taps, i, dy[i] * upper, dx);
        if (below != dx)
            share_number(taps, i, dy[i] * share, below);
    }
}

SIMD_INLINE void share_vector(const struct simd_resize_taps *taps, uint64_t i, V dy, float *row)
{
    const int64_t low = (int64_t)taps->low[i] * V_LEN, high = (int64_t)taps->high[i] * V_LEN;
    const float w = low == high ? 0 : taps->weight[i];
    add_to(row + low, v_mul(dy, v_set1(1 - w)));
    if (low != high)
        add_to(row + high, v_mul(dy, v_set1(w)));
}

static void linear_backward_blocks(const struct simd_resize_taps *taps, const float *dy, float *dx, float *below, float share,
                                   uint64_t pixels)
{
    const V lower = v_set1(share), upper = v_set1(below == dx ? 1 : 1 - share);
    for (uint64_t i = 0; i < pixels; i++) {
        const V slope = v_load(dy + i * V_LEN);
        share_vector(taps, i, v_mul(slope, upper), dx);
        if (below != dx)
            share_vector(taps, i, v_mul(slope, lower), below);
    }
}

const struct simd_resize_fns SIMD_FN(simd_resize_fns) = {.nearest = {nearest_plain, nearest_blocks},
                                                         .linear = {linear_plain, linear_blocks},
                                                         .nearest_backward = {nearest_backward_plain, nearest_backward_blocks},
                                                         .linear_backward = {linear_backward_plain, linear_backward_blocks}};
