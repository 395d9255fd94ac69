/* SPDX-License-Identifier: MIT
 * Elementary functions over the vectors of vec.h. A lane's result depends on that lane alone, so nothing changes with the place
 * of an element in an array. The method throughout: the argument is brought into a short interval by steps that lose nothing
 * even without a fused multiply-add, a polynomial does the rest (coefficients by Chebyshev interpolation in 40 digits). What
 * remains wrong is measured by tests/simd and told in docs/accuracy.md.
 *
 * NaN gives NaN; overflow gives an infinity, and denormal results are rounded once. */
#ifndef SIMD_MATH_H
#define SIMD_MATH_H

#include <math.h>

#include "vec.h"

SIMD_INLINE V v_neg(V x)
{
    return v_from_bits(vi_xor(v_bits(x), vi_set1(INT32_MIN)));
}

/* The size of `x` with the sign of `sign`, which may be anything. */
SIMD_INLINE V v_copysign(V x, V sign)
{
    VI bit = vi_set1(INT32_MIN);
    return v_from_bits(vi_or(v_bits(v_abs(x)), vi_and(v_bits(sign), bit)));
}

/* x < border ? yes : no */
SIMD_INLINE V v_below(V x, V border, V yes, V no)
{
    return v_select(v_lt(x, border), yes, no);
}

/* -1, 1, or x itself where it is 0 or NaN. */
SIMD_INLINE V v_sign(V x)
{
    return v_below(v_zero(), x, v_set1(1.0f), v_below(x, v_zero(), v_set1(-1.0f), x));
}

/* c[0] + c[1] x + ... + c[n] x^n */
SIMD_INLINE V v_poly(V x, const float *c, const int n)
{
    V y = v_set1(c[n]);
#pragma GCC unroll 16
    for (int i = n - 1; i >= 0; i--)
        y = v_fma(y, x, v_set1(c[i]));
    return y;
}

/* 2^k for whole k from -126 to 127. */
SIMD_INLINE V v_exp2_int(VI k)
{
    return v_from_bits(vi_shl(vi_add(k, vi_set1(127)), 23));
}

/* x * 2^k, k whole, rounded once. */
SIMD_INLINE V v_scale(V x, V k)
{
#if defined(V_HAS_SCALE)
    return v_scale_native(x, k);
#else
    /* In two steps, since 2^k itself may be no float. */
    VI whole = v_to_int(k), half = vi_shr(whole, 1);
    return v_mul(v_mul(x, v_exp2_int(half)), v_exp2_int(vi_sub(whole, half)));
#endif
}

/* x = k ln 2 + r with |r| <= ln 2 / 2. The first part of ln 2 has so few digits that k times it is exact. */
SIMD_INLINE V v_exp_reduce(V x, V *k)
{
    *k = v_round(v_mul(x, v_set1(1.44269504f)));
    return v_fnma(*k, v_set1(0x1.7f7d1cp-20f), v_fnma(*k, v_set1(0x1.62e4p-1f), x));
}

/* exp(r) - 1 for |r| <= ln 2 / 2 */
SIMD_INLINE V v_expm1_core(V r)
{
    static const float c[] = {0.5f, 0.166666672f, 0.0416664556f, 0.00833331048f, 0.00139345415f, 0.000198919806f};
    return v_fma(v_mul(r, r), v_poly(r, c, 5), r);
}

/* exp(x + small), small so much smaller than x that it only corrects what x lost in rounding. */
SIMD_INLINE V v_exp_sum(V x, V small)
{
    V k, r;
    /* Beyond these the result is 0 or infinite anyway; a NaN stays, because it stands second. */
    x = v_min(v_set1(89.0f), v_max(v_set1(-104.0f), x));
    r = v_add(v_exp_reduce(x, &k), small);
    return v_scale(v_add(v_expm1_core(r), v_set1(1.0f)), k);
}

SIMD_INLINE V v_exp(V x)
{
    V k, r;
    x = v_min(v_set1(89.0f), v_max(v_set1(-104.0f), x));
    r = v_exp_reduce(x, &k);
    return v_scale(v_add(v_expm1_core(r), v_set1(1.0f)), k);
}

/* exp(x) - 1 without cancellation near 0 */
SIMD_INLINE V v_expm1(V x)
{
    V k, bounded = v_min(v_set1(89.0f), v_max(v_set1(-20.0f), x)), e = v_expm1_core(v_exp_reduce(bounded, &k));
    /* Half of 2^k, so that k = 128 fits; both sums are exact or dominated by their larger part. */
    V half = v_exp2_int(vi_sub(v_to_int(k), vi_set1(1)));
    V y = v_fma(half, e, v_sub(half, v_set1(0.5f)));
    y = v_add(y, y);
    /* Where halving would lose a digit, x itself is the result. */
    return v_select(v_lt(v_abs(x), v_set1(0x1p-25f)), x, y);
}

/* Natural logarithm: x = m 2^k with m from sqrt(1/2) to sqrt(2). */
SIMD_INLINE V v_log(V x)
{
    static const float c[] = {0.333333313f,  -0.24999997f, 0.2000072f,    -0.166678101f, 0.142488763f,
                              -0.124253601f, 0.116870247f, -0.114830814f, 0.0697134659f};
    VM tiny = v_lt(x, v_set1(0x1p-126f));
    V grown = v_select(tiny, v_mul(x, v_set1(0x1p24f)), x);
    VI bits = vi_sub(v_bits(grown), vi_set1(0x3f3504f3)); /* of sqrt(1/2) */
    V k = v_sub(v_from_int(vi_shr(bits, 23)), v_select(tiny, v_set1(24.0f), v_zero()));
    V f = v_sub(v_from_bits(vi_add(vi_and(bits, vi_set1(0x7fffff)), vi_set1(0x3f3504f3))), v_set1(1.0f));
    V square = v_mul(f, f);
    V y = v_mul(v_mul(square, f), v_poly(f, c, 8));
    y = v_fma(k, v_set1(0x1.7f7d1cp-20f), y);
    y = v_fnma(v_set1(0.5f), square, y);
    y = v_fma(k, v_set1(0x1.62e4p-1f), v_add(f, y));
    V edge = v_select(v_eq(x, v_zero()), v_set1(-INFINITY), v_select(v_eq(x, v_set1(INFINITY)), x, v_set1(NAN)));
    return v_select(v_lt(v_zero(), x), v_select(v_lt(x, v_set1(INFINITY)), y, edge), edge);
}

/* log(1 + x) for x from 0 to 1 */
SIMD_INLINE V v_log1p_unit(V x)
{
    static const float c[] = {0.333333343f, 0.199998528f, 0.142961785f, 0.108532876f, 0.11612165f};
    V z = v_div(x, v_add(x, v_set1(2.0f))), w = v_mul(z, z); /* log(1 + x) = 2 artanh(x / (2 + x)) */
    z = v_add(z, z);
    return v_fma(v_mul(z, w), v_poly(w, c, 4), z);
}

/* log(1 + exp(x)) */
SIMD_INLINE V v_softplus(V x)
{
    return v_add(v_max(v_zero(), x), v_log1p_unit(v_exp(v_neg(v_abs(x)))));
}

/* The exponent is never positive, so nothing overflows, and small results keep their digits. */
SIMD_INLINE V v_sigmoid(V x)
{
    V e = v_exp(v_neg(v_abs(x))), one = v_set1(1.0f);
    return v_div(v_select(v_lt(x, v_zero()), e, one), v_add(one, e));
}

SIMD_INLINE V v_tanh(V x)
{
    V size = v_min(v_set1(10.0f), v_abs(x)), e = v_expm1(v_add(size, size)); /* at 10 the result is 1 long since */
    return v_copysign(v_div(e, v_add(e, v_set1(2.0f))), x);
}

/* x tanh(log(1 + exp(x))), the tangent as a fraction in exp(-|x|). */
SIMD_INLINE V v_mish(V x)
{
    V e = v_exp(v_neg(v_abs(x))), two = v_set1(2.0f);
    VM negative = v_lt(x, v_zero());
    V above = v_select(negative, v_mul(e, v_add(e, two)), v_fma(two, e, v_set1(1.0f)));
    V rest = v_select(negative, two, v_mul(two, v_mul(e, e)));
    return v_mul(x, v_div(above, v_add(above, rest)));
}

/* exp(-factor z^2) for z >= 0, factor a power of two. z^2 is split: the leading digits' square is exact. */
SIMD_INLINE V v_exp_square(V z, const float factor)
{
    V lead = v_from_bits(vi_and(v_bits(z), vi_set1(-4096)));
    V rest = v_mul(v_sub(z, lead), v_add(z, lead));
    return v_exp_sum(v_mul(v_set1(-factor), v_mul(lead, lead)), v_mul(v_set1(-factor), rest));
}

/* exp(z^2) erfc(z) for 0 <= z, as a polynomial in 1 / (1 + z / 2). */
SIMD_INLINE V v_erfcx(V z)
{
    static const float c[] = {0.510791361f, 0.687160671f, 0.558943152f,  0.145768628f,  -0.172030374f, -0.103670999f,
                              0.097829707f, 0.0540207364f, -0.0755954906f, -0.015354244f, 0.0386172086f};
    V t = v_div(v_set1(1.0f), v_fma(v_set1(0.5f), z, v_set1(1.0f)));
    return v_mul(t, v_poly(v_sub(t, v_set1(0.5f)), c, 10));
}

SIMD_INLINE V v_erf(V x)
{
    static const float c[] = {1.12837911f,    -0.37612626f,   0.112835944f,  -0.0268542115f,
                              0.00518908724f, -0.00080168643f, 7.87587487e-05f};
    V z = v_min(v_set1(5.0f), v_abs(x)); /* at 5 the result is 1 long since */
    V large = v_fnma(v_exp_square(z, 1.0f), v_erfcx(z), v_set1(1.0f));
    return v_select(v_lt(z, v_set1(1.0f)), v_mul(x, v_poly(v_mul(x, x), c, 6)), v_copysign(large, x));
}

/* x Phi(x): Phi(-|x|) is half of erfc(|x| / sqrt(2)). */
SIMD_INLINE V v_gelu(V x)
{
    V size = v_min(v_set1(16.0f), v_abs(x)); /* at 16 the tail is 0 */
    V tail = v_mul(v_mul(v_set1(0.5f), v_exp_square(size, 0.5f)), v_erfcx(v_mul(size, v_set1(0.707106781f))));
    return v_mul(x, v_select(v_lt(x, v_zero()), tail, v_sub(v_set1(1.0f), tail)));
}

/* x / 2 (1 + tanh(u)) is x sigmoid(2 u). */
SIMD_INLINE V v_gelu_tanh(V x)
{
    V u = v_fma(v_mul(v_mul(x, x), x), v_set1(0.044715f), x);
    return v_mul(x, v_sigmoid(v_mul(v_set1(1.59576912f), u)));
}

/* One lane after the other through the C library, for functions that nets hardly use. */
SIMD_INLINE V v_lanes(V x, float (*function)(float))
{
    float lanes[V_LEN];
    v_store(lanes, x);
    for (int i = 0; i < V_LEN; i++)
        lanes[i] = function(lanes[i]);
    return v_load(lanes);
}

#if defined(V_HAS_FMA)
/* From here on the three parts of pi / 2 below are too few. */
#define TRIG_LIMIT 1e5f

/* x = k pi / 2 + r with |r| <= pi / 4; k - 4 floor(k / 4) is the quadrant. */
SIMD_INLINE V v_trig_reduce(V x, VI *quadrant)
{
    V k = v_round(v_mul(x, v_set1(0.636619772f)));
    *quadrant = v_to_int(k);
    V r = v_fnma(k, v_set1(1.57079637f), x);
    r = v_fnma(k, v_set1(-4.37113883e-08f), r);
    return v_fnma(k, v_set1(-1.71512451e-15f), r);
}

/* For |r| <= pi / 4; square is r^2. */
SIMD_INLINE V v_sin_core(V r, V square)
{
    static const float c[] = {-0.166666672f, 0.00833333191f, -0.000198400827f, 2.72493139e-06f};
    return v_fma(v_mul(r, square), v_poly(square, c, 3), r);
}

SIMD_INLINE V v_cos_core(V square)
{
    static const float c[] = {0.0416666679f, -0.00138888881f, 2.48005963e-05f, -2.73004474e-07f};
    return v_fma(v_mul(square, square), v_poly(square, c, 3), v_fnma(v_set1(0.5f), square, v_set1(1.0f)));
}

/* The lanes of y where |x| is above TRIG_LIMIT, anew from the C library. */
SIMD_INLINE V v_trig_repair(V x, V y, float (*function)(float))
{
    VM far = v_le(v_set1(TRIG_LIMIT), v_abs(x));
    return v_mask_bits(far) ? v_select(far, v_lanes(v_select(far, x, v_zero()), function), y) : y;
}

/* sin(x + turn pi / 2) */
SIMD_INLINE V v_sin_turned(V x, const int turn)
{
    VI quadrant;
    V r = v_trig_reduce(x, &quadrant), square = v_mul(r, r);
    quadrant = vi_add(quadrant, vi_set1(turn));
    VI odd = vi_and(quadrant, vi_set1(1)), sign = vi_shl(vi_and(quadrant, vi_set1(2)), 30);
    V y = v_select(v_lt(v_zero(), v_from_int(odd)), v_cos_core(square), v_sin_core(r, square));
    return v_from_bits(vi_xor(v_bits(y), sign));
}

SIMD_INLINE V v_sin(V x)
{
    return v_trig_repair(x, v_sin_turned(x, 0), sinf);
}

SIMD_INLINE V v_cos(V x)
{
    return v_trig_repair(x, v_sin_turned(x, 1), cosf);
}

SIMD_INLINE V v_tan(V x)
{
    VI quadrant;
    V r = v_trig_reduce(x, &quadrant), square = v_mul(r, r), s = v_sin_core(r, square), c = v_cos_core(square);
    VM odd = v_lt(v_zero(), v_from_int(vi_and(quadrant, vi_set1(1))));
    return v_trig_repair(x, v_div(v_select(odd, v_neg(c), s), v_select(odd, s, c)), tanf);
}
#else
/* Without a fused multiply-add the argument loses too much on its way to an angle below pi / 4. */
SIMD_INLINE V v_sin(V x)
{
    return v_lanes(x, sinf);
}

SIMD_INLINE V v_cos(V x)
{
    return v_lanes(x, cosf);
}

SIMD_INLINE V v_tan(V x)
{
    return v_lanes(x, tanf);
}
#endif

#endif
