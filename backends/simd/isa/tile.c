/* SPDX-License-Identifier: MIT
 * tile.h over the vectors of vec.h: one text, a function for each size of tile, all accumulators in registers. */
#include "tile_store.h"

#include <stdbool.h>

/* px * v accumulators, v vectors of weights and one of x must fit the registers. */
#define NARROW(X, s)                                                                                                              \
    X(s, 1, 1) X(s, 1, 2) X(s, 1, 3) X(s, 1, 4) X(s, 1, 5) X(s, 1, 6) X(s, 2, 1) X(s, 2, 2) X(s, 2, 3) X(s, 2, 4) X(s, 2, 5)      \
    X(s, 2, 6)
#define LONG(X, s)                                                                                                                \
    X(s, 1, 7) X(s, 1, 8) X(s, 1, 9) X(s, 1, 10) X(s, 1, 11) X(s, 1, 12) X(s, 1, 13) X(s, 1, 14) X(s, 2, 7) X(s, 2, 8)            \
    X(s, 2, 9) X(s, 2, 10) X(s, 2, 11) X(s, 2, 12) X(s, 2, 13) X(s, 2, 14)
#define WIDE(X, s) X(s, 3, 1) X(s, 3, 2) X(s, 3, 3)
#if V_REGISTERS >= 32 && !defined(SIMD_NEON)
#define TILES(X, s)                                                                                                               \
    NARROW(X, s) LONG(X, s) WIDE(X, s) X(s, 3, 4) X(s, 3, 5) X(s, 3, 6) X(s, 3, 7) X(s, 3, 8) X(s, 3, 9) X(s, 4, 1) X(s, 4, 2)    \
    X(s, 4, 3) X(s, 4, 4) X(s, 4, 5) X(s, 4, 6)
#define MAX_PX {14, 14, 9, 6}
#elif defined(SIMD_NEON) /* gcc keeps three or four vectors together in memory there */
#define TILES(X, s) NARROW(X, s) LONG(X, s)
#define MAX_PX {14, 14, 0, 0}
#else
#define TILES(X, s) NARROW(X, s) WIDE(X, s)
#define MAX_PX {6, 6, 3, 0}
#endif
#define BEST_V 2

/* Unrolled wholly, gcc moves loads up until 16 registers do not suffice. */
#if V_REGISTERS >= 32
#define K_UNROLL
#else
#define K_UNROLL _Pragma("GCC unroll 2")
#endif

/* One step of the reduction: `depth` channels of a block. */
SIMD_INLINE void multiply_block(const float *x, const float *next, const float *w, V *acc, const int px, const int v,
                                const int64_t step, const bool fixed, const int depth)
{
K_UNROLL
    for (int k = 0; k < depth; k++) {
        V weights[SIMD_TILE_MAX_V];
#pragma GCC unroll 4
        for (int j = 0; j < v; j++)
            weights[j] = v_load(w + j * V_LEN);
#pragma GCC unroll 16
        for (int p = 0; p < px; p++) {
            const V input = v_set1(x[p * step + k]);
#pragma GCC unroll 4
            for (int j = 0; j < v; j++)
                acc[p * v + j] = v_fma(input, weights[j], acc[p * v + j]);
        }
        w += v * V_LEN;
        if (fixed) /* one line of the next block of input for each k */
            __builtin_prefetch(next + k * step);
    }
}

/* The sums of one tile: acc[p * v + j]. STEP 0: the distance between pixels is read from t. */
SIMD_INLINE void multiply(const struct simd_tile *t, V *acc, const int px, const int v, const int64_t fixed_step)
{
    const int64_t step = fixed_step ? fixed_step : t->x_step;
    const float *w = t->w;
    const uint32_t whole = t->n_red - t->part_red;
    uint32_t r = 0;
    for (; r < whole; r++, w += v * V_LEN * V_LEN)
        multiply_block(t->x + t->x_off[r], t->x + t->x_off[r + 1], w, acc, px, v, step, fixed_step != 0, V_LEN);
    for (; r < t->n_red; r++, w += v * V_LEN * V_LEN)
        multiply_block(t->x + t->x_off[r], t->x + t->x_off[r + 1], w, acc, px, v, step, fixed_step != 0, (int)t->part_k);
}

SIMD_INLINE void fetch_residual(const struct simd_tile *t, const int px, const int v)
{
    for (int j = 0; j < v; j++)
#pragma GCC unroll 16
        for (int p = 0; p < px; p++)
            __builtin_prefetch(t->residual + j * t->y_block + p * t->y_step);
}

SIMD_INLINE void tile(const struct simd_tile *t, const int px, const int v, const int64_t fixed_step)
{
    V acc[SIMD_TILE_MAX_PX * 2];
    if (t->residual)
        fetch_residual(t, px, v);
    tile_begin(t, acc, px, v);
    multiply(t, acc, px, v, fixed_step);
    tile_store(t, acc, px, v);
}

#define DEFINE(s, v, px)                                     \
    static void tile_##s##_##v##_##px(const struct simd_tile *t) \
    {                                                        \
        tile(t, px, v, s == 2 ? 0 : (s + 1) * V_LEN);            \
    }
TILES(DEFINE, 0)
TILES(DEFINE, 1)
TILES(DEFINE, 2)

#define ENTRY(s, v, px) [s][v - 1][px - 1] = tile_##s##_##v##_##px,
const struct simd_tile_fns SIMD_FN(simd_tile_fns) = {
    .block = V_LEN, .max_px = MAX_PX, .best_v = BEST_V, .step = {TILES(ENTRY, 0) TILES(ENTRY, 1) TILES(ENTRY, 2)}};
