/* SPDX-License-Identifier: MIT
 * vec.h for AVX-512 (F, BW, DQ, VL). */
#include <immintrin.h>

#define V_ISA avx512
#define V_LEN 16
#define V_REGISTERS 32
#define V_HAS_MASKED 1
typedef __m512 V;
typedef __m512i VI;
typedef __mmask16 VM;

SIMD_INLINE V v_load(const float *p) { return _mm512_loadu_ps(p); }
SIMD_INLINE void v_store(float *p, V x) { _mm512_storeu_ps(p, x); }
SIMD_INLINE V v_load_masked(const float *p, uint32_t n) { return _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p); }
SIMD_INLINE void v_store_masked(float *p, V x, uint32_t n) { _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), x); }
SIMD_INLINE V v_set1(float x) { return _mm512_set1_ps(x); }
SIMD_INLINE V v_zero(void) { return _mm512_setzero_ps(); }
SIMD_INLINE V v_add(V a, V b) { return _mm512_add_ps(a, b); }
SIMD_INLINE V v_sub(V a, V b) { return _mm512_sub_ps(a, b); }
SIMD_INLINE V v_mul(V a, V b) { return _mm512_mul_ps(a, b); }
SIMD_INLINE V v_div(V a, V b) { return _mm512_div_ps(a, b); }
SIMD_INLINE V v_fma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
SIMD_INLINE V v_fnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); } /* c - a * b */
SIMD_INLINE V v_max(V a, V b) { return _mm512_max_ps(a, b); }
SIMD_INLINE V v_min(V a, V b) { return _mm512_min_ps(a, b); }
SIMD_INLINE V v_sqrt(V a) { return _mm512_sqrt_ps(a); }
SIMD_INLINE V v_abs(V a) { return _mm512_abs_ps(a); }
SIMD_INLINE V v_round(V a) { return _mm512_roundscale_ps(a, 0x08); } /* to nearest, ties to even */
SIMD_INLINE V v_floor(V a) { return _mm512_roundscale_ps(a, 0x09); }
SIMD_INLINE V v_ceil(V a) { return _mm512_roundscale_ps(a, 0x0a); }
SIMD_INLINE VM v_lt(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
SIMD_INLINE VM v_le(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
SIMD_INLINE VM v_eq(V a, V b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
SIMD_INLINE VM v_isnan(V a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
SIMD_INLINE V v_select(VM m, V yes, V no) { return _mm512_mask_blend_ps(m, no, yes); }
SIMD_INLINE uint32_t v_mask_bits(VM m) { return m; }
SIMD_INLINE VI v_bits(V a) { return _mm512_castps_si512(a); }
SIMD_INLINE V v_from_bits(VI a) { return _mm512_castsi512_ps(a); }
SIMD_INLINE VI vi_set1(int32_t x) { return _mm512_set1_epi32(x); }
SIMD_INLINE VI vi_add(VI a, VI b) { return _mm512_add_epi32(a, b); }
SIMD_INLINE VI vi_sub(VI a, VI b) { return _mm512_sub_epi32(a, b); }
SIMD_INLINE VI vi_and(VI a, VI b) { return _mm512_and_si512(a, b); }
SIMD_INLINE VI vi_or(VI a, VI b) { return _mm512_or_si512(a, b); }
SIMD_INLINE VI vi_xor(VI a, VI b) { return _mm512_xor_si512(a, b); }
SIMD_INLINE VI vi_shl(VI a, int n) { return _mm512_slli_epi32(a, (unsigned)n); }
SIMD_INLINE VI vi_shr(VI a, int n) { return _mm512_srai_epi32(a, (unsigned)n); }
SIMD_INLINE VI v_to_int(V a) { return _mm512_cvtps_epi32(a); } /* rounds to nearest */
SIMD_INLINE V v_from_int(VI a) { return _mm512_cvtepi32_ps(a); }
