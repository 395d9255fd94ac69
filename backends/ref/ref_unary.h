/* SPDX-License-Identifier: MIT
 * Every function of op/unary.h on one double, and its derivative: for the unary op and for the activation of epilogues. */
#ifndef REF_UNARY_H
#define REF_UNARY_H

#include <math.h>

#include "convoke/op/unary.h"

static inline double ref_sigmoid(double x)
{
    /* The exponent is never positive, so nothing overflows. */
    double e = exp(-fabs(x));
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

static inline double ref_softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x))) + (x != x ? x : 0);
}

/* min and max that let NaN in x through, as all functions here do. */
static inline double ref_clip(double x, double lo, double hi)
{
    double y = x < lo ? lo : x;
    return y > hi ? hi : y;
}

/* The kinds with a corner: the rectifiers and their relatives. */
static inline double ref_rectify(uint32_t kind, double a, double b, double x)
{
    switch (kind) {
    case CVK_LEAKY_RELU: return x < 0 ? a * x : x;
    case CVK_ELU: return x < 0 ? a * expm1(x) : x;
    case CVK_SELU: return b * (x <= 0 ? a * expm1(x) : x);
    case CVK_CELU: return x < 0 ? a * expm1(x / a) : x;
    case CVK_CLIP: return ref_clip(x, a, b);
    case CVK_THRESHOLDED_RELU: return x > a || x != x ? x : 0;
    case CVK_SHRINK: return x < -a ? x + b : x > a ? x - b : x != x ? x : 0;
    default: return x > 0 || x != x ? x : 0; /* relu; -0 becomes 0 */
    }
}

/* kind is enum cvk_unary_kind; a and b are its parameters. An unknown kind gives NaN: plans refuse it before. */
static inline double ref_unary(uint32_t kind, double a, double b, double x)
{
    switch (kind) {
    case CVK_RELU:
    case CVK_LEAKY_RELU:
    case CVK_ELU:
    case CVK_SELU:
    case CVK_CELU:
    case CVK_CLIP:
    case CVK_THRESHOLDED_RELU:
    case CVK_SHRINK: return ref_rectify(kind, a, b, x);
    case CVK_SIGMOID: return ref_sigmoid(x);
    case CVK_HARD_SIGMOID: return ref_clip(a * x + b, 0, 1);
    case CVK_HARD_SWISH: return x * ref_clip(x / 6 + 0.5, 0, 1);
    case CVK_TANH: return tanh(x);
    case CVK_SOFTPLUS: return ref_softplus(x);
    case CVK_SOFTSIGN: return x / (1 + fabs(x));
    case CVK_GELU: return 0.5 * x * erfc(-x * 0.70710678118654752440);
    case CVK_GELU_TANH: return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
    case CVK_SILU: return x * ref_sigmoid(x);
    case CVK_MISH: return x * tanh(ref_softplus(x));
    case CVK_ERF: return erf(x);
    case CVK_EXP: return exp(x);
    case CVK_LOG: return log(x);
    case CVK_SQRT: return sqrt(x);
    case CVK_ABS: return fabs(x);
    case CVK_NEG: return -x;
    case CVK_RECIPROCAL: return 1 / x;
    case CVK_ROUND: return rint(x);
    case CVK_FLOOR: return floor(x);
    case CVK_CEIL: return ceil(x);
    case CVK_SIGN: return x > 0 ? 1 : x < 0 ? -1 : x;
    case CVK_SIN: return sin(x);
    case CVK_COS: return cos(x);
    case CVK_TAN: return tan(x);
    case CVK_ASIN: return asin(x);
    case CVK_ACOS: return acos(x);
    case CVK_ATAN: return atan(x);
    case CVK_SINH: return sinh(x);
    case CVK_COSH: return cosh(x);
    case CVK_ASINH: return asinh(x);
    case CVK_ACOSH: return acosh(x);
    case CVK_ATANH: return atanh(x);
    case CVK_NOT: return x == 0;
    case CVK_IS_NAN: return x != x;
    case CVK_IS_INF: return (a != 0 && x == HUGE_VAL) || (b != 0 && x == -HUGE_VAL);
    default: return (double)NAN;
    }
}

/* ---- derivatives ---------------------------------------------------------------------------------------------- */

/* From the result, for the kinds of cvk_unary_gradient_from_y. */
static inline double ref_unary_slope_y(uint32_t kind, double a, double b, double y)
{
    switch (kind) {
    case CVK_RELU: return y > 0;
    case CVK_CLIP: return y > a && y < b;
    case CVK_LEAKY_RELU: return y > 0 ? 1 : a;
    case CVK_ELU: return y > 0 ? 1 : y + a;
    case CVK_HARD_SIGMOID: return y > 0 && y < 1 ? a : 0;
    case CVK_SIGMOID: return y * (1 - y);
    case CVK_TANH: return 1 - y * y;
    case CVK_EXP: return y;
    case CVK_SQRT: return 0.5 / y;
    default: return (double)NAN;
    }
}

static inline double ref_gelu_tanh_slope(double x)
{
    double root = 0.79788456080286535588, t = tanh(root * (x + 0.044715 * x * x * x));
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * root * (1 + 3 * 0.044715 * x * x);
}

/* The kinds with a corner: the rectifiers and their relatives. */
static inline double ref_rectify_slope(uint32_t kind, double a, double b, double x)
{
    switch (kind) {
    case CVK_LEAKY_RELU: return x > 0 ? 1 : a;
    case CVK_ELU: return x > 0 ? 1 : a * exp(x);
    case CVK_SELU: return b * (x > 0 ? 1 : a * exp(x));
    case CVK_CELU: return x > 0 ? 1 : exp(x / a);
    case CVK_HARD_SIGMOID: return a * x + b > 0 && a * x + b < 1 ? a : 0;
    case CVK_HARD_SWISH: return x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5;
    case CVK_THRESHOLDED_RELU: return x > a;
    default: return x < -a || x > a; /* shrink */
    }
}

/* From the argument, for the other kinds. */
static inline double ref_unary_slope_x(uint32_t kind, double a, double b, double x)
{
    double t;
    switch (kind) {
    case CVK_LEAKY_RELU:
    case CVK_ELU:
    case CVK_SELU:
    case CVK_CELU:
    case CVK_HARD_SIGMOID:
    case CVK_HARD_SWISH:
    case CVK_THRESHOLDED_RELU:
    case CVK_SHRINK: return ref_rectify_slope(kind, a, b, x);
    case CVK_SOFTPLUS: return ref_sigmoid(x);
    case CVK_SOFTSIGN: return 1 / ((1 + fabs(x)) * (1 + fabs(x)));
    case CVK_GELU: return 0.5 * erfc(-x * 0.70710678118654752440) + x * 0.39894228040143267794 * exp(-0.5 * x * x);
    case CVK_GELU_TANH: return ref_gelu_tanh_slope(x);
    case CVK_SILU: return ref_sigmoid(x) * (1 + x * ref_sigmoid(-x));
    case CVK_MISH: t = tanh(ref_softplus(x)); return t + x * (1 - t * t) * ref_sigmoid(x);
    case CVK_ERF: return 1.12837916709551257390 * exp(-x * x);
    case CVK_LOG: return 1 / x;
    case CVK_ABS: return x > 0 ? 1 : x < 0 ? -1 : x;
    case CVK_NEG: return -1;
    case CVK_RECIPROCAL: return -1 / (x * x);
    case CVK_ROUND:
    case CVK_FLOOR:
    case CVK_CEIL:
    case CVK_SIGN: return 0;
    case CVK_SIN: return cos(x);
    case CVK_COS: return -sin(x);
    case CVK_TAN: return 1 + tan(x) * tan(x);
    case CVK_ASIN: return 1 / sqrt(1 - x * x);
    case CVK_ACOS: return -1 / sqrt(1 - x * x);
    case CVK_ATAN: return 1 / (1 + x * x);
    case CVK_SINH: return cosh(x);
    case CVK_COSH: return sinh(x);
    case CVK_ASINH: return 1 / sqrt(1 + x * x);
    case CVK_ACOSH: return 1 / sqrt(x * x - 1);
    case CVK_ATANH: return 1 / (1 - x * x);
    default: return (double)NAN;
    }
}

#endif
