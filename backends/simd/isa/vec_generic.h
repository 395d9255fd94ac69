/* SPDX-License-Identifier: MIT
 * vec.h in the compiler's own vectors of 16 bytes, for processors that have nothing better: no fused multiply-add is assumed, and
 * none is made, so that the bits are the same on every one of them. */
#include <math.h>

#define V_ISA generic
#define V_LEN 4
#define V_REGISTERS 16
typedef float V __attribute__((vector_size(16)));
typedef int32_t VI __attribute__((vector_size(16)));
typedef int32_t VM __attribute__((vector_size(16)));

SIMD_INLINE V v_load(const float *p)
{
    V x;
    memcpy(&x, p, sizeof x);
    return x;
}
SIMD_INLINE void v_store(float *p, V x) { memcpy(p, &x, sizeof x); }
SIMD_INLINE V v_set1(float x) { return (V){x, x, x, x}; }
SIMD_INLINE V v_zero(void) { return (V){0, 0, 0, 0}; }
SIMD_INLINE V v_add(V a, V b) { return a + b; }
SIMD_INLINE V v_sub(V a, V b) { return a - b; }
SIMD_INLINE V v_mul(V a, V b) { return a * b; }
SIMD_INLINE V v_div(V a, V b) { return a / b; }
SIMD_INLINE V v_fma(V a, V b, V c) { return a * b + c; }
SIMD_INLINE V v_fnma(V a, V b, V c) { return c - a * b; }
SIMD_INLINE VI v_bits(V a) { return (VI)a; }
SIMD_INLINE V v_from_bits(VI a) { return (V)a; }
SIMD_INLINE V v_select(VM m, V yes, V no) { return (V)(((VI)yes & m) | ((VI)no & ~m)); }
SIMD_INLINE VM v_lt(V a, V b) { return a < b; }
SIMD_INLINE VM v_le(V a, V b) { return a <= b; }
SIMD_INLINE VM v_eq(V a, V b) { return a == b; }
SIMD_INLINE VM v_isnan(V a) { return a != a; }
SIMD_INLINE V v_max(V a, V b) { return v_select(a > b, a, b); }
SIMD_INLINE V v_min(V a, V b) { return v_select(a < b, a, b); }
SIMD_INLINE V v_sqrt(V a) { return (V){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])}; }
SIMD_INLINE V v_abs(V a) { return (V)((VI)a & 0x7fffffff); }
SIMD_INLINE V v_round(V a) { return (V){rintf(a[0]), rintf(a[1]), rintf(a[2]), rintf(a[3])}; } /* to nearest, ties to even */
SIMD_INLINE V v_floor(V a) { return (V){floorf(a[0]), floorf(a[1]), floorf(a[2]), floorf(a[3])}; }
SIMD_INLINE V v_ceil(V a) { return (V){ceilf(a[0]), ceilf(a[1]), ceilf(a[2]), ceilf(a[3])}; }
SIMD_INLINE uint32_t v_mask_bits(VM m) { return (m[0] & 1u) | (m[1] & 2u) | (m[2] & 4u) | (m[3] & 8u); }
SIMD_INLINE VI vi_set1(int32_t x) { return (VI){x, x, x, x}; }
/* Sums wrap, as in the instruction sets. */
typedef uint32_t VU __attribute__((vector_size(16)));
SIMD_INLINE VI vi_add(VI a, VI b) { return (VI)((VU)a + (VU)b); }
SIMD_INLINE VI vi_sub(VI a, VI b) { return (VI)((VU)a - (VU)b); }
SIMD_INLINE VI vi_and(VI a, VI b) { return a & b; }
SIMD_INLINE VI vi_or(VI a, VI b) { return a | b; }
SIMD_INLINE VI vi_xor(VI a, VI b) { return a ^ b; }
SIMD_INLINE VI vi_shl(VI a, int n) { return (VI)((VU)a << (uint32_t)n); }
SIMD_INLINE VI vi_shr(VI a, int n) { return a >> n; }
SIMD_INLINE int32_t v_lane_to_int(float x)
{
    /* Out of range gives what the instruction sets give. */
    return x >= -2147483648.0f && x < 2147483648.0f ? (int32_t)rintf(x) : INT32_MIN;
}
SIMD_INLINE VI v_to_int(V a) /* rounds to nearest */
{
    return (VI){v_lane_to_int(a[0]), v_lane_to_int(a[1]), v_lane_to_int(a[2]), v_lane_to_int(a[3])};
}
SIMD_INLINE V v_from_int(VI a) { return __builtin_convertvector(a, V); }
/* Rows become columns: lane j of r[i] moves to lane i of r[j]. */
SIMD_INLINE void v_transpose(V r[4])
{
    const V a = r[0], b = r[1], c = r[2], d = r[3];
    for (int i = 0; i < 4; i++)
        r[i] = (V){a[i], b[i], c[i], d[i]};
}
SIMD_INLINE V v_hold(V x) { return x; }
/* All lanes, in an order of its own. */
SIMD_INLINE float v_sum(V x) { return (x[0] + x[2]) + (x[1] + x[3]); }
