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

const struct simd_resize_fns SIMD_FN(simd_resize_fns) = {.nearest = {nearest_plain, nearest_blocks},
                                                         .linear = {linear_plain, linear_blocks}};
