/* SPDX-License-Identifier: MIT
 * unary_backward.h over the vectors of vec.h: each derivative is written once for a vector, and has a loop of its own. */
#include "math.h"

#include "convoke/op/unary.h"
#include "unary_backward.h"

/* yes where low < x < high */
SIMD_INLINE V between(V x, V low, V high, V yes)
{
    return v_below(low, x, v_below(x, high, yes, v_zero()), v_zero());
}

/* (1 - x) (1 + x): loses less near 1 than 1 - x^2. */
SIMD_INLINE V one_minus_square(V x)
{
    const V one = v_set1(1.0f);
    return v_mul(v_sub(one, x), v_add(one, x));
}

SIMD_INLINE V hard_swish(V x)
{
    const V three = v_set1(3.0f);
    return v_below(x, three, v_select(v_le(x, v_neg(three)), v_zero(), v_add(v_div(x, three), v_set1(0.5f))),
                   v_select(v_isnan(x), x, v_set1(1.0f)));
}

/* Phi(x) + x phi(x) */
SIMD_INLINE V gelu(V x)
{
    const V size = v_min(v_set1(16.0f), v_abs(x)), e = v_exp_square(size, 0.5f); /* at 16 both tails are 0 */
    const V tail = v_mul(v_mul(v_set1(0.5f), e), v_erfcx(v_mul(size, v_set1(0.707106781f))));
    return v_fma(v_mul(x, v_set1(0.398942280f)), e, v_below(x, v_zero(), tail, v_sub(v_set1(1.0f), tail)));
}

/* sigmoid(u) and sigmoid(u) * sigmoid(-u), both from exp(-|u|), so that nothing cancels. */
SIMD_INLINE V sigmoid_pair(V u, V *product)
{
    const V e = v_exp(v_neg(v_abs(u))), one = v_set1(1.0f), sum = v_add(one, e);
    *product = v_div(e, v_mul(sum, sum));
    return v_div(v_below(u, v_zero(), e, one), sum);
}

/* y = x s(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3) */
SIMD_INLINE V gelu_tanh(V x)
{
    const V square = v_mul(x, x), twice = v_set1(1.59576912f);
    V product;
    const V s = sigmoid_pair(v_mul(twice, v_fma(v_mul(square, x), v_set1(0.044715f), x)), &product);
    return v_fma(v_mul(v_mul(x, product), twice), v_fma(square, v_set1(0.134145f), v_set1(1.0f)), s);
}

SIMD_INLINE V silu(V x)
{
    V product;
    const V s = sigmoid_pair(x, &product);
    return v_fma(x, product, s);
}

/* With t = tanh(log(1 + exp(x))) as a fraction in exp(-|x|), as in v_mish: t + x (1 - t) (1 + t) sigmoid(x). */
SIMD_INLINE V mish(V x)
{
    const V e = v_exp(v_neg(v_abs(x))), one = v_set1(1.0f), two = v_set1(2.0f);
    const VM negative = v_lt(x, v_zero());
    const V above = v_select(negative, v_mul(e, v_add(e, two)), v_fma(two, e, one));
    const V rest = v_select(negative, two, v_mul(two, v_mul(e, e))), sum = v_add(above, rest);
    const V t = v_div(above, sum), slope = v_mul(v_div(rest, sum), v_add(one, t));
    return v_fma(x, v_mul(slope, v_div(v_select(negative, e, one), v_add(one, e))), t);
}

SIMD_INLINE V tan_slope(V x)
{
    const V t = v_tan(x);
    return v_fma(t, t, v_set1(1.0f));
}

/* 1 / sqrt(x^2 - 1) */
SIMD_INLINE V acosh_slope(V x)
{
    const V one = v_set1(1.0f), size = v_abs(x);
    return v_div(one, v_sqrt(v_mul(v_sub(size, one), v_add(size, one))));
}

#define ZERO v_zero()
#define ONE v_set1(1.0f)

/* Each derivative from y, a and b, for the kinds of cvk_unary_gradient_from_y. */
#define KINDS_Y(X)                                                                     \
    X(RELU, v_below(ZERO, y, ONE, ZERO))                                               \
    X(LEAKY_RELU, v_below(ZERO, y, ONE, a))                                            \
    X(ELU, v_below(ZERO, y, ONE, v_add(y, a)))                                         \
    X(CLIP, between(y, a, b, ONE))                                                     \
    X(SIGMOID, v_mul(y, v_sub(ONE, y)))                                                \
    X(HARD_SIGMOID, between(y, ZERO, ONE, a))                                          \
    X(TANH, one_minus_square(y))                                                       \
    X(EXP, y)                                                                          \
    X(SQRT, v_div(v_set1(0.5f), y))

/* The others from x. */
#define KINDS_X(X)                                                                     \
    X(LEAKY_RELU, v_below(ZERO, x, ONE, a))                                            \
    X(ELU, v_below(ZERO, x, ONE, v_mul(a, v_exp(x))))                                  \
    X(SELU, v_mul(b, v_below(ZERO, x, ONE, v_mul(a, v_exp(x)))))                       \
    X(CELU, v_below(ZERO, x, ONE, v_exp(v_div(x, a))))                                 \
    X(HARD_SIGMOID, between(v_fma(a, x, b), ZERO, ONE, a))                             \
    X(HARD_SWISH, hard_swish(x))                                                       \
    X(SOFTPLUS, v_sigmoid(x))                                                          \
    X(SOFTSIGN, v_div(ONE, v_mul(v_add(ONE, v_abs(x)), v_add(ONE, v_abs(x)))))         \
    X(GELU, gelu(x))                                                                   \
    X(GELU_TANH, gelu_tanh(x))                                                         \
    X(SILU, silu(x))                                                                   \
    X(MISH, mish(x))                                                                   \
    X(THRESHOLDED_RELU, v_below(a, x, ONE, ZERO))                                      \
    X(SHRINK, v_below(x, v_neg(a), ONE, v_below(a, x, ONE, ZERO)))                     \
    X(ERF, v_mul(v_set1(1.12837917f), v_exp_square(v_min(v_set1(16.0f), v_abs(x)), 1.0f))) \
    X(LOG, v_div(ONE, x))                                                              \
    X(ABS, v_sign(x))                                                                  \
    X(NEG, v_set1(-1.0f))                                                              \
    X(RECIPROCAL, v_div(v_set1(-1.0f), v_mul(x, x)))                                   \
    X(ROUND, ZERO)                                                                     \
    X(FLOOR, ZERO)                                                                     \
    X(CEIL, ZERO)                                                                      \
    X(SIGN, ZERO)                                                                      \
    X(SIN, v_cos(x))                                                                   \
    X(COS, v_neg(v_sin(x)))                                                            \
    X(TAN, tan_slope(x))                                                               \
    X(ASIN, v_div(ONE, v_sqrt(one_minus_square(x))))                                   \
    X(ACOS, v_div(v_set1(-1.0f), v_sqrt(one_minus_square(x))))                         \
    X(ATAN, v_div(ONE, v_fma(x, x, ONE)))                                              \
    X(SINH, v_lanes(x, coshf))                                                         \
    X(COSH, v_lanes(x, sinhf))                                                         \
    X(ASINH, v_div(ONE, v_sqrt(v_fma(x, x, ONE))))                                     \
    X(ACOSH, acosh_slope(x))                                                           \
    X(ATANH, v_div(ONE, one_minus_square(x)))

SIMD_INLINE V times(V dy, V slope)
{
    return v_select(v_eq(slope, v_zero()), v_zero(), v_mul(dy, slope));
}

#define DEFINE(name, v, value)                                                                              \
    static void name(V a, V b, const float *dy, const float *from, float *dx, uint64_t count)               \
    {                                                                                                       \
        (void)a;                                                                                            \
        (void)b;                                                                                            \
        uint64_t i = 0;                                                                                     \
        for (; i + V_LEN <= count; i += V_LEN) {                                                            \
            const V v = v_load(from + i);                                                                   \
            (void)v;                                                                                        \
            v_store(dx + i, times(v_load(dy + i), value));                                                  \
        }                                                                                                   \
        if (i < count) {                                                                                    \
            const uint32_t left = (uint32_t)(count - i);                                                    \
            const V v = v_load_n(from + i, left);                                                           \
            (void)v;                                                                                        \
            v_store_n(dx + i, times(v_load_n(dy + i, left), value), left);                                  \
        }                                                                                                   \
    }
#define DEFINE_X(KIND, value) DEFINE(from_x_##KIND, x, value)
#define DEFINE_Y(KIND, value) DEFINE(from_y_##KIND, y, value)
KINDS_X(DEFINE_X)
KINDS_Y(DEFINE_Y)

static void apply(uint32_t kind, uint32_t from_y, float a, float b, const float *dy, const float *v, float *dx, uint64_t count)
{
    static void (*const functions[2][CVK_UNARY_KINDS])(V, V, const float *, const float *, float *, uint64_t) = {
#define ENTRY_X(KIND, value) [CVK_##KIND] = from_x_##KIND,
#define ENTRY_Y(KIND, value) [CVK_##KIND] = from_y_##KIND,
        {KINDS_X(ENTRY_X)},
        {KINDS_Y(ENTRY_Y)},
    };
    functions[from_y][kind](v_set1(a), v_set1(b), dy, v, dx, count);
}

const struct simd_unary_backward_fns SIMD_FN(simd_unary_backward_fns) = {.apply = apply};
