/* SPDX-License-Identifier: MIT
 * unary.h over the vectors of vec.h: each function is written once for a vector, and has a loop of its own. */
#include "math.h"

#include "convoke/op/unary.h"
#include "unary.h"

/* What the reference calls clip: crossed bounds give the upper one, a NaN stays. */
SIMD_INLINE V clip(V x, V low, V high)
{
    return v_min(high, v_max(low, x));
}

SIMD_INLINE V shrink(V x, V a, V b)
{
    V inside = v_select(v_isnan(x), x, v_zero());
    return v_below(x, v_neg(a), v_add(x, b), v_below(a, x, v_sub(x, b), inside));
}

#define ZERO v_zero()
#define ONE v_set1(1.0f)

/* Each kind from x, a and b. relu adds 0, which turns -0 into 0. */
#define KINDS(X)                                                                              \
    X(RELU, v_add(v_relu(x), ZERO))                                                           \
    X(LEAKY_RELU, v_below(x, ZERO, v_mul(a, x), x))                                           \
    X(ELU, v_below(x, ZERO, v_mul(a, v_expm1(v_min(ZERO, x))), x))                            \
    X(SELU, v_mul(b, v_select(v_le(x, ZERO), v_mul(a, v_expm1(v_min(ZERO, x))), x)))          \
    X(CELU, v_below(x, ZERO, v_mul(a, v_expm1(v_div(x, a))), x))                              \
    X(CLIP, clip(x, a, b))                                                                    \
    X(SIGMOID, v_sigmoid(x))                                                                  \
    X(HARD_SIGMOID, clip(v_fma(a, x, b), ZERO, ONE))                                          \
    X(HARD_SWISH, v_mul(x, clip(v_fma(x, v_set1(1.0f / 6.0f), v_set1(0.5f)), ZERO, ONE)))     \
    X(TANH, v_tanh(x))                                                                        \
    X(SOFTPLUS, v_softplus(x))                                                                \
    X(SOFTSIGN, v_div(x, v_add(ONE, v_abs(x))))                                               \
    X(GELU, v_gelu(x))                                                                        \
    X(GELU_TANH, v_gelu_tanh(x))                                                              \
    X(SILU, v_mul(x, v_sigmoid(x)))                                                           \
    X(MISH, v_mish(x))                                                                        \
    X(THRESHOLDED_RELU, v_select(v_le(x, a), ZERO, x))                                        \
    X(SHRINK, shrink(x, a, b))                                                                \
    X(ERF, v_erf(x))                                                                          \
    X(EXP, v_exp(x))                                                                          \
    X(LOG, v_log(x))                                                                          \
    X(SQRT, v_sqrt(x))                                                                        \
    X(ABS, v_abs(x))                                                                          \
    X(NEG, v_neg(x))                                                                          \
    X(RECIPROCAL, v_div(ONE, x))                                                              \
    X(ROUND, v_round(x))                                                                      \
    X(FLOOR, v_floor(x))                                                                      \
    X(CEIL, v_ceil(x))                                                                        \
    X(SIGN, v_sign(x))                                                                        \
    X(SIN, v_sin(x))                                                                          \
    X(COS, v_cos(x))                                                                          \
    X(TAN, v_tan(x))                                                                          \
    X(ASIN, v_lanes(x, asinf))                                                                \
    X(ACOS, v_lanes(x, acosf))                                                                \
    X(ATAN, v_lanes(x, atanf))                                                                \
    X(SINH, v_lanes(x, sinhf))                                                                \
    X(COSH, v_lanes(x, coshf))                                                                \
    X(ASINH, v_lanes(x, asinhf))                                                              \
    X(ACOSH, v_lanes(x, acoshf))                                                              \
    X(ATANH, v_lanes(x, atanhf))

#define DEFINE(KIND, value)                                                                   \
    static void apply_##KIND(V a, V b, const float *from, float *to, uint64_t count)          \
    {                                                                                         \
        (void)a;                                                                              \
        (void)b;                                                                              \
        uint64_t i = 0;                                                                       \
        for (; i + V_LEN <= count; i += V_LEN) {                                              \
            V x = v_load(from + i);                                                           \
            v_store(to + i, value);                                                           \
        }                                                                                     \
        if (i < count) {                                                                      \
            V x = v_load_n(from + i, (uint32_t)(count - i));                                  \
            v_store_n(to + i, value, (uint32_t)(count - i));                                  \
        }                                                                                     \
    }
KINDS(DEFINE)

static void apply(uint32_t kind, float a, float b, const float *x, float *y, uint64_t count)
{
    static void (*const functions[CVK_UNARY_KINDS])(V, V, const float *, float *, uint64_t) = {
#define ENTRY(KIND, value) [CVK_##KIND] = apply_##KIND,
        KINDS(ENTRY)
    };
    functions[kind](v_set1(a), v_set1(b), x, y, count);
}

const struct simd_unary_fns SIMD_FN(simd_unary_fns) = {.apply = apply};
