/* SPDX-License-Identifier: MIT
 * unary: one function applied to every element. a and b are the function's parameters where it has any.
 *
 * NaN in gives NaN out unless the line says otherwise. relu(NaN) is NaN, relu(-0) is 0. All kinds but not take floating-
 * point types; relu, clip, abs and sign also take integers, neg signed ones: clip's bounds are then rounded inward, and what
 * does not fit wraps (abs(-128) is -128). Sources: ONNX operators of the same names; gelu: Hendrycks and Gimpel, arXiv
 * 1606.08415; selu: arXiv 1706.02515; mish: arXiv 1908.08681.
 *
 * Example (relu6: cut to 0..6):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value relu6(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_unary(g, x, &(struct cvk_unary_params){.kind = CVK_CLIP, .a = 0, .b = 6});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_UNARY_H
#define CONVOKE_OP_UNARY_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_unary_kind {
    CVK_RELU = 0,          /* max(0, x) */
    CVK_LEAKY_RELU = 1,    /* x < 0 ? a*x : x */
    CVK_ELU = 2,           /* x < 0 ? a*(exp(x)-1) : x */
    CVK_SELU = 3,          /* b * (x <= 0 ? a*exp(x) - a : x) */
    CVK_CELU = 4,          /* max(0,x) + min(0, a*(exp(x/a)-1)) */
    CVK_CLIP = 5,          /* min(max(x, a), b); relu6 is a = 0, b = 6 */
    CVK_SIGMOID = 6,       /* 1 / (1 + exp(-x)) */
    CVK_HARD_SIGMOID = 7,  /* max(0, min(1, a*x + b)) */
    CVK_HARD_SWISH = 8,    /* x * max(0, min(1, x/6 + 0.5)) */
    CVK_TANH = 9,
    CVK_SOFTPLUS = 10,     /* log(1 + exp(x)), without overflow */
    CVK_SOFTSIGN = 11,     /* x / (1 + |x|) */
    CVK_GELU = 12,         /* x * Phi(x), with erf */
    CVK_GELU_TANH = 13,    /* the tanh form of gelu */
    CVK_SILU = 14,         /* x * sigmoid(x) */
    CVK_MISH = 15,         /* x * tanh(softplus(x)) */
    CVK_THRESHOLDED_RELU = 16, /* x > a ? x : 0 */
    CVK_SHRINK = 17,       /* x < -a ? x + b : x > a ? x - b : 0 */
    CVK_ERF = 18,
    CVK_EXP = 19,
    CVK_LOG = 20,          /* natural; log(0) = -inf, log(x<0) = NaN */
    CVK_SQRT = 21,
    CVK_ABS = 22,
    CVK_NEG = 23,
    CVK_RECIPROCAL = 24,   /* 1/x; +-0 gives +-inf */
    CVK_ROUND = 25,        /* to nearest, ties to even */
    CVK_FLOOR = 26,
    CVK_CEIL = 27,
    CVK_SIGN = 28,
    CVK_SIN = 29,
    CVK_COS = 30,
    CVK_TAN = 31,
    CVK_ASIN = 32,
    CVK_ACOS = 33,
    CVK_ATAN = 34,
    CVK_SINH = 35,
    CVK_COSH = 36,
    CVK_ASINH = 37,
    CVK_ACOSH = 38,
    CVK_ATANH = 39,
    CVK_NOT = 40,          /* bool to bool */
    CVK_IS_NAN = 41,       /* to bool */
    CVK_IS_INF = 42,       /* to bool; a != 0: counts +inf, b != 0: counts -inf */
    CVK_UNARY_KINDS = 43   /* not a kind: how many this header knows */
};

struct cvk_unary_params {
    uint32_t size;
    uint32_t kind; /* enum cvk_unary_kind */
    float a;       /* as the kind says; no hidden defaults: 0 is 0 */
    float b;
};

/* Gradient (backward data): inputs dy and one more; output dx = dy * derivative. The other is y for the kinds where the derivative
 * follows from it (then x need not be kept, and the op may run in place), else x. At a corner: relu'(0) = 0, and its relatives (leaky_relu,
 * elu, selu, celu) take the side of the negative numbers; clip, hard_sigmoid and hard_swish the outer side; thresholded_relu and shrink that
 * of 0; abs'(0) = 0. Where the result is constant by pieces (sign, floor, ...) the derivative is 0, and dx is 0 wherever the derivative
 * is, whatever dy. */
static inline uint32_t cvk_unary_gradient_from_y(const struct cvk_unary_params *p)
{
    switch (p->kind) {
    case CVK_RELU:
    case CVK_CLIP:
    case CVK_SIGMOID:
    case CVK_TANH:
    case CVK_EXP:
    case CVK_SQRT: return 1;
    case CVK_LEAKY_RELU:
    case CVK_ELU:
    case CVK_HARD_SIGMOID: return p->a > 0;
    default: return 0;
    }
}

CVK_API cvk_value cvk_unary(struct cvk_graph *g, cvk_value x, const struct cvk_unary_params *p);
/* Short forms without parameters. */
CVK_API cvk_value cvk_relu(struct cvk_graph *g, cvk_value x);
CVK_API cvk_value cvk_sigmoid(struct cvk_graph *g, cvk_value x);
CVK_API cvk_value cvk_tanh(struct cvk_graph *g, cvk_value x);
/* The kind's name, "hard_sigmoid"; NULL for an unknown kind. Owns: static text. */
CVK_API const char *cvk_unary_name(uint32_t kind);

#ifdef __cplusplus
}
#endif
#endif
