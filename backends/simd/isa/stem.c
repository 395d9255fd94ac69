/* SPDX-License-Identifier: MIT
 * stem.h over the vectors of vec.h. */
#include "tile_store.h"

#include "stem.h"

#if V_REGISTERS >= 32
#define TILES(X, s)                                                                                                              \
    X(s, 1, 1) X(s, 1, 2) X(s, 1, 3) X(s, 1, 4) X(s, 1, 5) X(s, 1, 6) X(s, 1, 7) X(s, 1, 8) X(s, 1, 9) X(s, 1, 10) X(s, 1, 11)   \
    X(s, 1, 12) X(s, 1, 13) X(s, 1, 14)                                                                                          \
    X(s, 2, 1) X(s, 2, 2) X(s, 2, 3) X(s, 2, 4) X(s, 2, 5) X(s, 2, 6) X(s, 2, 7) X(s, 2, 8) X(s, 2, 9) X(s, 2, 10) X(s, 2, 11)   \
    X(s, 2, 12) X(s, 2, 13) X(s, 2, 14)
#define MAX_PX {14, 14}
#else
#define TILES(X, s)                                                             \
    X(s, 1, 1) X(s, 1, 2) X(s, 1, 3) X(s, 1, 4) X(s, 1, 5) X(s, 1, 6)           \
    X(s, 2, 1) X(s, 2, 2) X(s, 2, 3) X(s, 2, 4) X(s, 2, 5) X(s, 2, 6)
#define MAX_PX {6, 6}
#endif

SIMD_INLINE void stem(const struct simd_tile *t, const int px, const int v, const int64_t fixed_step)
{
    V acc[SIMD_TILE_MAX_PX * 2];
    const int64_t step = fixed_step ? fixed_step : t->x_step;
    const float *w = t->w;
    tile_begin(t, acc, px, v);
    for (uint32_t r = 0; r < t->n_red; r++, w += v * V_LEN) {
        const float *x = t->x + t->x_off[r];
        V weights[2];
#pragma GCC unroll 2
        for (int j = 0; j < v; j++)
            weights[j] = v_load(w + j * V_LEN);
#pragma GCC unroll 16
        for (int p = 0; p < px; p++) {
            const V input = v_set1(x[p * step]);
#pragma GCC unroll 2
            for (int j = 0; j < v; j++)
                acc[p * v + j] = v_fma(input, weights[j], acc[p * v + j]);
        }
    }
    tile_store(t, acc, px, v);
}

#define DEFINE(s, v, px)                                         \
    static void stem_##s##_##v##_##px(const struct simd_tile *t) \
    {                                                            \
        stem(t, px, v, s);                                       \
    }
TILES(DEFINE, 0)
TILES(DEFINE, 1)
TILES(DEFINE, 2)

#define ENTRY(s, v, px) [s][v - 1][px - 1] = stem_##s##_##v##_##px,
const struct simd_stem_fns SIMD_FN(simd_stem_fns) = {.max_px = MAX_PX,
                                                     .step = {TILES(ENTRY, 0) TILES(ENTRY, 1) TILES(ENTRY, 2)}};
