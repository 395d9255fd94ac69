/* SPDX-License-Identifier: MIT
 * How a tile of accumulators begins and ends: acc[p * v + j] is pixel p, vector j of channels. For files that compute struct simd_tile. */
#ifndef SIMD_TILE_STORE_H
#define SIMD_TILE_STORE_H

#include "vec.h"

#include "convoke/op/unary.h"
#include "tile.h"

/* The first n lanes, n < V_LEN. */
SIMD_INLINE VM v_first(const uint32_t n)
{
    static const float numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return v_lt(v_load(numbers), v_set1((float)n));
}

/* What the sums begin with: the bias, what y holds, or 0. */
SIMD_INLINE void tile_begin(const struct simd_tile *t, V *acc, const int px, const int v)
{
#pragma GCC unroll 4
    for (int j = 0; j < v; j++) {
        const V begin = t->bias && !t->accumulate ? v_load(t->bias + j * V_LEN) : v_zero();
#pragma GCC unroll 16
        for (int p = 0; p < px; p++)
            acc[p * v + j] = begin;
    }
    if (t->accumulate) {
#pragma GCC unroll 4
        for (int j = 0; j < v; j++)
#pragma GCC unroll 16
            for (int p = 0; p < px; p++)
                acc[p * v + j] = v_load(t->y + j * t->y_block + p * t->y_step);
    }
}

/* The epilogue, then the results. */
SIMD_INLINE void tile_store(const struct simd_tile *t, V *acc, const int px, const int v)
{
    for (int j = 0; j < v; j++) {
        if (t->scale) {
            const V scale = v_load(t->scale + j * V_LEN), shift = v_load(t->shift + j * V_LEN);
#pragma GCC unroll 16
            for (int p = 0; p < px; p++)
                acc[p * v + j] = v_fma(acc[p * v + j], scale, shift);
        }
    }
    if (t->residual) {
#pragma GCC unroll 4
        for (int j = 0; j < v; j++)
#pragma GCC unroll 16
            for (int p = 0; p < px; p++)
                acc[p * v + j] = v_add(acc[p * v + j], v_load(t->residual + j * t->y_block + p * t->y_step));
    }
    if (t->activation == CVK_RELU) {
#pragma GCC unroll 64
        for (int i = 0; i < px * v; i++)
            acc[i] = v_relu(acc[i]);
    } else if (t->activation == CVK_CLIP) {
        const V low = v_set1(t->a), high = v_set1(t->b);
#pragma GCC unroll 64
        for (int i = 0; i < px * v; i++)
            acc[i] = v_min(high, v_max(low, acc[i]));
    }
    if (t->channels && t->channels < (uint64_t)v * V_LEN) { /* not 0 by themselves: a NaN has reached them, or clip's limit */
        const VM real = v_first((uint32_t)(t->channels % V_LEN));
#pragma GCC unroll 16
        for (int p = 0; p < px; p++)
            acc[p * v + v - 1] = v_select(real, acc[p * v + v - 1], v_zero());
    }
#pragma GCC unroll 4
    for (int j = 0; j < v; j++)
#pragma GCC unroll 16
        for (int p = 0; p < px; p++)
            v_store(t->y + j * t->y_block + p * t->y_step, acc[p * v + j]);
}

#endif
