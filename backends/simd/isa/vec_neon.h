/* SPDX-License-Identifier: MIT
 * vec.h for NEON of 64-bit Arm. */
#include <arm_neon.h>

#define V_ISA neon
#define V_LEN 4
#define V_REGISTERS 32
#define V_HAS_FMA 1
typedef float32x4_t V;
typedef int32x4_t VI;
typedef uint32x4_t VM;

SIMD_INLINE V v_load(const float *p) { return vld1q_f32(p); }
SIMD_INLINE void v_store(float *p, V x) { vst1q_f32(p, x); }
SIMD_INLINE V v_set1(float x) { return vdupq_n_f32(x); }
SIMD_INLINE V v_zero(void) { return vdupq_n_f32(0.0f); }
SIMD_INLINE V v_add(V a, V b) { return vaddq_f32(a, b); }
SIMD_INLINE V v_sub(V a, V b) { return vsubq_f32(a, b); }
SIMD_INLINE V v_mul(V a, V b) { return vmulq_f32(a, b); }
SIMD_INLINE V v_div(V a, V b) { return vdivq_f32(a, b); }
SIMD_INLINE V v_fma(V a, V b, V c) { return vfmaq_f32(c, a, b); }
SIMD_INLINE V v_fnma(V a, V b, V c) { return vfmsq_f32(c, a, b); } /* c - a * b */
SIMD_INLINE V v_max(V a, V b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
SIMD_INLINE V v_min(V a, V b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
SIMD_INLINE V v_sqrt(V a) { return vsqrtq_f32(a); }
SIMD_INLINE V v_abs(V a) { return vabsq_f32(a); }
SIMD_INLINE V v_round(V a) { return vrndnq_f32(a); } /* to nearest, ties to even */
SIMD_INLINE V v_floor(V a) { return vrndmq_f32(a); }
SIMD_INLINE V v_ceil(V a) { return vrndpq_f32(a); }
SIMD_INLINE VM v_lt(V a, V b) { return vcltq_f32(a, b); }
SIMD_INLINE VM v_le(V a, V b) { return vcleq_f32(a, b); }
SIMD_INLINE VM v_eq(V a, V b) { return vceqq_f32(a, b); }
SIMD_INLINE VM v_isnan(V a) { return vmvnq_u32(vceqq_f32(a, a)); }
SIMD_INLINE V v_select(VM m, V yes, V no) { return vbslq_f32(m, yes, no); }
SIMD_INLINE uint32_t v_mask_bits(VM m)
{
    const uint32x4_t bits = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(m, bits));
}
SIMD_INLINE VI v_bits(V a) { return vreinterpretq_s32_f32(a); }
SIMD_INLINE V v_from_bits(VI a) { return vreinterpretq_f32_s32(a); }
SIMD_INLINE VI vi_set1(int32_t x) { return vdupq_n_s32(x); }
SIMD_INLINE VI vi_add(VI a, VI b) { return vaddq_s32(a, b); }
SIMD_INLINE VI vi_sub(VI a, VI b) { return vsubq_s32(a, b); }
SIMD_INLINE VI vi_and(VI a, VI b) { return vandq_s32(a, b); }
SIMD_INLINE VI vi_or(VI a, VI b) { return vorrq_s32(a, b); }
SIMD_INLINE VI vi_xor(VI a, VI b) { return veorq_s32(a, b); }
SIMD_INLINE VI vi_shl(VI a, int n) { return vshlq_s32(a, vdupq_n_s32(n)); }
SIMD_INLINE VI vi_shr(VI a, int n) { return vshlq_s32(a, vdupq_n_s32(-n)); }
SIMD_INLINE VI v_to_int(V a) { return vcvtnq_s32_f32(a); } /* rounds to nearest */
SIMD_INLINE V v_from_int(VI a) { return vcvtq_f32_s32(a); }
/* Rows become columns: lane j of r[i] moves to lane i of r[j]. */
SIMD_INLINE void v_transpose(V r[4])
{
    const float64x2_t even_ab = vreinterpretq_f64_f32(vtrn1q_f32(r[0], r[1])), odd_ab = vreinterpretq_f64_f32(vtrn2q_f32(r[0], r[1]));
    const float64x2_t even_cd = vreinterpretq_f64_f32(vtrn1q_f32(r[2], r[3])), odd_cd = vreinterpretq_f64_f32(vtrn2q_f32(r[2], r[3]));
    r[0] = vreinterpretq_f32_f64(vtrn1q_f64(even_ab, even_cd));
    r[1] = vreinterpretq_f32_f64(vtrn1q_f64(odd_ab, odd_cd));
    r[2] = vreinterpretq_f32_f64(vtrn2q_f64(even_ab, even_cd));
    r[3] = vreinterpretq_f32_f64(vtrn2q_f64(odd_ab, odd_cd));
}
SIMD_INLINE V v_hold(V x)
{
    __asm__("" : "+w"(x));
    return x;
}
/* All lanes, in an order of its own. */
SIMD_INLINE float v_sum(V x) { return vaddvq_f32(x); }
