/* SPDX-License-Identifier: MIT
 * vec.h for AVX2 with FMA. */
#include <immintrin.h>

#define V_ISA avx2
#define V_LEN 8
#define V_REGISTERS 16
#define V_HAS_MASKED 1
#define V_HAS_FMA 1
typedef __m256 V;
typedef __m256i VI;
typedef __m256 VM;

SIMD_INLINE __m256i v_lanes_below(uint32_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
SIMD_INLINE V v_load(const float *p) { return _mm256_loadu_ps(p); }
SIMD_INLINE void v_store(float *p, V x) { _mm256_storeu_ps(p, x); }
SIMD_INLINE V v_load_masked(const float *p, uint32_t n) { return _mm256_maskload_ps(p, v_lanes_below(n)); }
SIMD_INLINE void v_store_masked(float *p, V x, uint32_t n) { _mm256_maskstore_ps(p, v_lanes_below(n), x); }
SIMD_INLINE V v_set1(float x) { return _mm256_set1_ps(x); }
SIMD_INLINE V v_zero(void) { return _mm256_setzero_ps(); }
SIMD_INLINE V v_add(V a, V b) { return _mm256_add_ps(a, b); }
SIMD_INLINE V v_sub(V a, V b) { return _mm256_sub_ps(a, b); }
SIMD_INLINE V v_mul(V a, V b) { return _mm256_mul_ps(a, b); }
SIMD_INLINE V v_div(V a, V b) { return _mm256_div_ps(a, b); }
SIMD_INLINE V v_fma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
SIMD_INLINE V v_fnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); } /* c - a * b */
SIMD_INLINE V v_max(V a, V b) { return _mm256_max_ps(a, b); }
SIMD_INLINE V v_min(V a, V b) { return _mm256_min_ps(a, b); }
SIMD_INLINE V v_sqrt(V a) { return _mm256_sqrt_ps(a); }
SIMD_INLINE V v_abs(V a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
SIMD_INLINE V v_round(V a) { return _mm256_round_ps(a, 0x08); } /* to nearest, ties to even */
SIMD_INLINE V v_floor(V a) { return _mm256_round_ps(a, 0x09); }
SIMD_INLINE V v_ceil(V a) { return _mm256_round_ps(a, 0x0a); }
SIMD_INLINE VM v_lt(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
SIMD_INLINE VM v_le(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
SIMD_INLINE VM v_eq(V a, V b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
SIMD_INLINE VM v_isnan(V a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
SIMD_INLINE V v_select(VM m, V yes, V no) { return _mm256_blendv_ps(no, yes, m); }
SIMD_INLINE uint32_t v_mask_bits(VM m) { return (uint32_t)_mm256_movemask_ps(m); }
SIMD_INLINE VI v_bits(V a) { return _mm256_castps_si256(a); }
SIMD_INLINE V v_from_bits(VI a) { return _mm256_castsi256_ps(a); }
SIMD_INLINE VI vi_set1(int32_t x) { return _mm256_set1_epi32(x); }
SIMD_INLINE VI vi_add(VI a, VI b) { return _mm256_add_epi32(a, b); }
SIMD_INLINE VI vi_sub(VI a, VI b) { return _mm256_sub_epi32(a, b); }
SIMD_INLINE VI vi_and(VI a, VI b) { return _mm256_and_si256(a, b); }
SIMD_INLINE VI vi_or(VI a, VI b) { return _mm256_or_si256(a, b); }
SIMD_INLINE VI vi_xor(VI a, VI b) { return _mm256_xor_si256(a, b); }
SIMD_INLINE VI vi_shl(VI a, int n) { return _mm256_slli_epi32(a, n); }
SIMD_INLINE VI vi_shr(VI a, int n) { return _mm256_srai_epi32(a, n); }
SIMD_INLINE VI v_to_int(V a) { return _mm256_cvtps_epi32(a); } /* rounds to nearest */
SIMD_INLINE V v_from_int(VI a) { return _mm256_cvtepi32_ps(a); }
/* Rows become columns: lane j of r[i] moves to lane i of r[j]. */
SIMD_INLINE void v_transpose(V r[8])
{
    V a[8], b[8];
#pragma GCC unroll 4
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) { /* b[i + j]: column j of four rows in each half */
        b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        r[j] = _mm256_permute2f128_ps(b[j], b[j + 4], 0x20);
        r[j + 4] = _mm256_permute2f128_ps(b[j], b[j + 4], 0x31);
    }
}
SIMD_INLINE V v_hold(V x)
{
    __asm__("" : "+x"(x));
    return x;
}
/* All lanes, in an order of its own. */
SIMD_INLINE float v_sum(V x)
{
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
