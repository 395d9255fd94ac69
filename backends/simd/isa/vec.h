/* SPDX-License-Identifier: MIT
 * One vector of floats under one set of names, for whichever instruction set this file is compiled for (SIMD_AVX512, SIMD_AVX2,
 * SIMD_NEON or SIMD_GENERIC): the kernels beside it are written once over these names.
 *
 * V a vector of V_LEN floats, VI the same bits as int32, VM a comparison's result. Memory need not be aligned.
 * v_max(a, b) is a > b ? a : b, v_min(a, b) is a < b ? a : b: where one is NaN the second is taken.
 * v_fma(a, b, c) is a * b + c, rounded once where the instruction set can.
 * v_hold(x) is x, in a register from there on: what was loaded once is not loaded again at each use. */
#ifndef SIMD_VEC_H
#define SIMD_VEC_H

#include <stdint.h>
#include <string.h>

#define SIMD_INLINE static inline __attribute__((always_inline, unused))
#define SIMD_NAME_(name, isa) name##_##isa
#define SIMD_NAME__(name, isa) SIMD_NAME_(name, isa)

#if defined(SIMD_AVX512)
#include "vec_avx512.h"
#elif defined(SIMD_AVX2)
#include "vec_avx2.h"
#elif defined(SIMD_NEON)
#include "vec_neon.h"
#elif defined(SIMD_GENERIC)
#include "vec_generic.h"
#else
#error "compile with one of SIMD_AVX512, SIMD_AVX2, SIMD_NEON, SIMD_GENERIC"
#endif

/* Exported names end in the instruction set: SIMD_FN(simd_tile) is simd_tile_avx512. */
#define SIMD_FN(name) SIMD_NAME__(name, V_ISA)

/* relu keeps a NaN: it stands second. It keeps a -0, too, which equals the 0 that is asked for. */
SIMD_INLINE V v_relu(V x)
{
    return v_max(v_set1(0.0f), x);
}

/* The first `n` lanes (0..V_LEN) from memory, the others 0. */
SIMD_INLINE V v_load_n(const float *p, uint32_t n)
{
#if defined(V_HAS_MASKED)
    return v_load_masked(p, n);
#else
    float lanes[V_LEN] = {0};
    memcpy(lanes, p, n * sizeof *p);
    return v_load(lanes);
#endif
}

SIMD_INLINE void v_store_n(float *p, V x, uint32_t n)
{
#if defined(V_HAS_MASKED)
    v_store_masked(p, x, n);
#else
    float lanes[V_LEN];
    v_store(lanes, x);
    memcpy(p, lanes, n * sizeof *p);
#endif
}

/* The same for up to V_LEN lanes, as quick as a whole vector where that is known to be meant. */
SIMD_INLINE V v_load_lanes(const float *p, const uint32_t lanes)
{
    return lanes == V_LEN ? v_load(p) : v_load_n(p, lanes);
}

SIMD_INLINE void v_store_lanes(float *p, V x, const uint32_t lanes)
{
    if (lanes == V_LEN)
        v_store(p, x);
    else
        v_store_n(p, x, lanes);
}

#endif
