/* SPDX-License-Identifier: MIT
 * vec.h for AVX-512 (F, BW, DQ, VL). */
#include <immintrin.h>

#define V_ISA avx512
#define V_LEN 16
#define V_REGISTERS 32
#define V_HAS_MASKED 1
#define V_HAS_FMA 1
#define V_HAS_SCALE 1
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
SIMD_INLINE V v_scale_native(V x, V k) { return _mm512_scalef_ps(x, k); }
/* Rows become columns: lane j of r[i] moves to lane i of r[j]. */
SIMD_INLINE void v_transpose(V r[16])
{
    V a[16], b[16];
#pragma GCC unroll 8
    for (int i = 0; i < 16; i += 2) {
        a[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
        a[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) { /* b[i + j]: column j of four rows in each quarter */
        b[i] = _mm512_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm512_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm512_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        const V even_low = _mm512_shuffle_f32x4(b[j], b[j + 4], 0x88), odd_low = _mm512_shuffle_f32x4(b[j], b[j + 4], 0xdd);
        const V even_high = _mm512_shuffle_f32x4(b[j + 8], b[j + 12], 0x88), odd_high = _mm512_shuffle_f32x4(b[j + 8], b[j + 12], 0xdd);
        r[j] = _mm512_shuffle_f32x4(even_low, even_high, 0x88);
        r[j + 4] = _mm512_shuffle_f32x4(odd_low, odd_high, 0x88);
        r[j + 8] = _mm512_shuffle_f32x4(even_low, even_high, 0xdd);
        r[j + 12] = _mm512_shuffle_f32x4(odd_low, odd_high, 0xdd);
    }
}
SIMD_INLINE V v_hold(V x)
{
    __asm__("" : "+v"(x));
    return x;
}
/* All lanes, in an order of its own. */
SIMD_INLINE float v_sum(V x)
{
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
