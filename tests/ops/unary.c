/* SPDX-License-Identifier: MIT
 * Cases of unary: every kind on a range where it is defined and on its corners, other types, sizes. */
#include <math.h>

#include "short.h"

#define P(unary_kind, unary_a, unary_b) .params = &(const struct cvk_unary_params){.kind = unary_kind, .a = unary_a, .b = unary_b}

/* Corners of every kind; no denormal numbers, which devices may flush to zero. */
static const double corners[] = {(double)NAN, HUGE_VAL, -HUGE_VAL, 0.0, -0.0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5,
                                 3, -3, 6, 0.25, -0.25, 20, -20, 88, -88, 1e-20, -1e-20};
/* sin, cos and tan alone: what they do with huge numbers is another matter, and infinities give NaN. */
static const double angles[] = {(double)NAN, HUGE_VAL, -HUGE_VAL, 0.0, -0.0, 1, -1, 1.5, -1.5, 3, -3, 10, -10, 100, -100};
static const double bounds_i8[] = {-128, -127, -5, -1, 0, 1, 5, 126, 127};

/* One kind: numbers from lo to hi with a number of channels that fills no block, and the corners. */
#define KIND(name, unary_kind, a, b, from, to)                                                                          \
    {name, P(unary_kind, a, b), .input_count = 1, .inputs = {{DIMS(2, 5, 3, 7), .lo = from, .hi = to}}},                \
    {name "_corners", P(unary_kind, a, b), .input_count = 1, .inputs = {{DIMS(1, 25), VALUES(corners)}}}
#define ANGLE(name, unary_kind, from, to)                                                                               \
    {name, P(unary_kind, 0, 0), .input_count = 1, .inputs = {{DIMS(2, 5, 3, 7), .lo = from, .hi = to}}},                \
    {name "_corners", P(unary_kind, 0, 0), .input_count = 1, .inputs = {{DIMS(1, 15), VALUES(angles)}}}
/* The whole set of special numbers, for functions that are exact on them. */
#define SPECIAL(name, unary_kind, a, b)                                                                                 \
    {name "_special", P(unary_kind, a, b), .input_count = 1, .inputs = {{DIMS(1, 5, 9), .fill = CVK_FILL_SPECIAL}}}
#define TYPE(name, unary_kind, a, b, type)                                                                              \
    {name, P(unary_kind, a, b), .input_count = 1, .inputs = {{.dtype = type, DIMS(2, 5, 3, 3)}}},                       \
    {name "_special", P(unary_kind, a, b), .input_count = 1, .inputs = {{.dtype = type, DIMS(3, 11), .fill = CVK_FILL_SPECIAL}}}
#define SHORT_TYPE(name, unary_kind, a, b, type, tolerance)                                                             \
    {name, tolerance, P(unary_kind, a, b), .input_count = 1, .inputs = {{.dtype = type, DIMS(2, 5, 3, 3), .lo = -4, .hi = 4}}}

static const struct cvk_case cases[] = {
    KIND("relu", CVK_RELU, 0, 0, -1, 1),
    KIND("leaky_relu", CVK_LEAKY_RELU, 0.01f, 0, -3, 3),
    KIND("leaky_relu_steep", CVK_LEAKY_RELU, -2, 0, -3, 3),
    KIND("elu", CVK_ELU, 1.5f, 0, -5, 5),
    KIND("selu", CVK_SELU, 1.67326319f, 1.05070102f, -5, 5),
    KIND("celu", CVK_CELU, 2, 0, -5, 5),
    KIND("celu_negative", CVK_CELU, -0.5f, 0, -3, 3),
    KIND("clip", CVK_CLIP, -0.5f, 0.75f, -2, 2),
    KIND("relu6", CVK_CLIP, 0, 6, -9, 9),
    KIND("clip_below", CVK_CLIP, -1, INFINITY, -3, 3),
    KIND("clip_crossed", CVK_CLIP, 2, -2, -3, 3),
    KIND("sigmoid", CVK_SIGMOID, 0, 0, -12, 12),
    KIND("hard_sigmoid", CVK_HARD_SIGMOID, 0.2f, 0.5f, -4, 4),
    KIND("hard_swish", CVK_HARD_SWISH, 0, 0, -5, 5),
    KIND("tanh", CVK_TANH, 0, 0, -6, 6),
    KIND("tanh_small", CVK_TANH, 0, 0, -0.01, 0.01),
    KIND("softplus", CVK_SOFTPLUS, 0, 0, -30, 30),
    KIND("softsign", CVK_SOFTSIGN, 0, 0, -9, 9),
    KIND("gelu", CVK_GELU, 0, 0, -6, 6),
    KIND("gelu_tanh", CVK_GELU_TANH, 0, 0, -6, 6),
    KIND("silu", CVK_SILU, 0, 0, -9, 9),
    KIND("mish", CVK_MISH, 0, 0, -9, 9),
    KIND("thresholded_relu", CVK_THRESHOLDED_RELU, 1, 0, -3, 3),
    KIND("shrink", CVK_SHRINK, 0.5f, 0.25f, -2, 2),
    KIND("erf", CVK_ERF, 0, 0, -4, 4),
    KIND("exp", CVK_EXP, 0, 0, -20, 10),
    KIND("log", CVK_LOG, 0, 0, 0.01, 100),
    KIND("sqrt", CVK_SQRT, 0, 0, 0, 100),
    KIND("abs", CVK_ABS, 0, 0, -2, 2),
    KIND("neg", CVK_NEG, 0, 0, -2, 2),
    KIND("reciprocal", CVK_RECIPROCAL, 0, 0, 0.1, 10),
    KIND("round", CVK_ROUND, 0, 0, -9, 9),
    KIND("floor", CVK_FLOOR, 0, 0, -9, 9),
    KIND("ceil", CVK_CEIL, 0, 0, -9, 9),
    KIND("sign", CVK_SIGN, 0, 0, -2, 2),
    ANGLE("sin", CVK_SIN, -20, 20),
    ANGLE("cos", CVK_COS, -20, 20),
    ANGLE("tan", CVK_TAN, -1.4, 1.4),
    KIND("asin", CVK_ASIN, 0, 0, -1, 1),
    KIND("acos", CVK_ACOS, 0, 0, -1, 1),
    KIND("atan", CVK_ATAN, 0, 0, -20, 20),
    KIND("sinh", CVK_SINH, 0, 0, -9, 9),
    KIND("cosh", CVK_COSH, 0, 0, -9, 9),
    KIND("asinh", CVK_ASINH, 0, 0, -50, 50),
    KIND("acosh", CVK_ACOSH, 0, 0, 1.01, 50),
    KIND("atanh", CVK_ATANH, 0, 0, -0.99, 0.99),
    KIND("is_nan", CVK_IS_NAN, 0, 0, -1, 1),
    KIND("is_inf", CVK_IS_INF, 1, 1, -1, 1),
    KIND("is_inf_positive", CVK_IS_INF, 1, 0, -1, 1),
    KIND("is_inf_negative", CVK_IS_INF, 0, 1, -1, 1),
    KIND("is_inf_neither", CVK_IS_INF, 0, 0, -1, 1),
    SPECIAL("relu", CVK_RELU, 0, 0),
    SPECIAL("clip", CVK_CLIP, -2, 100),
    SPECIAL("leaky_relu", CVK_LEAKY_RELU, 0.5f, 0),
    SPECIAL("abs", CVK_ABS, 0, 0),
    SPECIAL("neg", CVK_NEG, 0, 0),
    SPECIAL("exp", CVK_EXP, 0, 0),
    SPECIAL("tanh", CVK_TANH, 0, 0),
    SPECIAL("sigmoid", CVK_SIGMOID, 0, 0),
    SPECIAL("elu", CVK_ELU, 1, 0),
    SPECIAL("softplus", CVK_SOFTPLUS, 0, 0),
    SPECIAL("erf", CVK_ERF, 0, 0),
    SPECIAL("sign", CVK_SIGN, 0, 0),
    SPECIAL("threshold", CVK_THRESHOLDED_RELU, 0.5f, 0),
    SPECIAL("shrink", CVK_SHRINK, 0.5f, 0.25f),
    SPECIAL("hard_sigmoid", CVK_HARD_SIGMOID, 0.25f, 0.5f),
    SPECIAL("round", CVK_ROUND, 0, 0),
    SPECIAL("floor", CVK_FLOOR, 0, 0),
    SPECIAL("ceil", CVK_CEIL, 0, 0),
    SPECIAL("is_nan", CVK_IS_NAN, 0, 0),
    SPECIAL("is_inf", CVK_IS_INF, 1, 1),

    /* other types */
    {"not", P(CVK_NOT, 0, 0), .input_count = 1, .inputs = {TYPED(CVK_BOOL, 2, 5, 3)}},
    {"clip_i8", P(CVK_CLIP, -5, 100), .input_count = 1, .inputs = {{.dtype = CVK_I8, DIMS(9), VALUES(bounds_i8)}}},
    {"clip_i8_fractions", P(CVK_CLIP, -4.5f, 4.5f), .input_count = 1, .inputs = {{.dtype = CVK_I8, DIMS(9), VALUES(bounds_i8)}}},
    {"clip_i8_open", P(CVK_CLIP, -INFINITY, 1e30f), .input_count = 1, .inputs = {{.dtype = CVK_I8, DIMS(9), VALUES(bounds_i8)}}},
    TYPE("relu_f64", CVK_RELU, 0, 0, CVK_F64),
    TYPE("relu_f16", CVK_RELU, 0, 0, CVK_F16),
    TYPE("relu_bf16", CVK_RELU, 0, 0, CVK_BF16),
    TYPE("relu_i8", CVK_RELU, 0, 0, CVK_I8),
    TYPE("relu_i32", CVK_RELU, 0, 0, CVK_I32),
    TYPE("clip_u8", CVK_CLIP, 2, 6, CVK_U8),
    TYPE("clip_i32", CVK_CLIP, -2, 6, CVK_I32),
    TYPE("clip_u64", CVK_CLIP, 2, 1e30f, CVK_U64),
    TYPE("clip_i64", CVK_CLIP, -3, 4, CVK_I64),
    TYPE("abs_i8", CVK_ABS, 0, 0, CVK_I8),
    TYPE("abs_u16", CVK_ABS, 0, 0, CVK_U16),
    TYPE("abs_i32", CVK_ABS, 0, 0, CVK_I32),
    TYPE("abs_i64", CVK_ABS, 0, 0, CVK_I64),
    TYPE("neg_i16", CVK_NEG, 0, 0, CVK_I16),
    TYPE("neg_i64", CVK_NEG, 0, 0, CVK_I64),
    TYPE("sign_u64", CVK_SIGN, 0, 0, CVK_U64),
    TYPE("sign_i32", CVK_SIGN, 0, 0, CVK_I32),
    TYPE("is_nan_f16", CVK_IS_NAN, 0, 0, CVK_F16),
    TYPE("is_inf_f64", CVK_IS_INF, 1, 1, CVK_F64),
    SHORT_TYPE("exp_f64", CVK_EXP, 0, 0, CVK_F64, .rtol = 1e-12),
    SHORT_TYPE("sigmoid_f64", CVK_SIGMOID, 0, 0, CVK_F64, .rtol = 1e-12),
    SHORT_TYPE("sigmoid_f16", CVK_SIGMOID, 0, 0, CVK_F16, F16_TOLERANCE),
    SHORT_TYPE("tanh_f16", CVK_TANH, 0, 0, CVK_F16, F16_TOLERANCE),
    SHORT_TYPE("gelu_f16", CVK_GELU, 0, 0, CVK_F16, F16_TOLERANCE),
    SHORT_TYPE("silu_bf16", CVK_SILU, 0, 0, CVK_BF16, BF16_TOLERANCE),

    /* sizes */
    {"number", P(CVK_EXP, 0, 0), .input_count = 1, .inputs = {{.rank = 0}}},
    {"empty", P(CVK_EXP, 0, 0), .input_count = 1, .inputs = {X(3, 0, 2)}},
    {"one_element", P(CVK_SIGMOID, 0, 0), .input_count = 1, .inputs = {X(1, 1, 1, 1)}},
    {"rank_1_odd", P(CVK_RELU, 0, 0), .input_count = 1, .inputs = {X(1037)}},
    {"rank_8", P(CVK_TANH, 0, 0), .input_count = 1, .inputs = {X(1, 2, 1, 3, 2, 1, 2, 3)}},
    {"one_channel", P(CVK_EXP, 0, 0), .input_count = 1, .inputs = {X(2, 1, 5, 5)}},
    {"three_channels", P(CVK_EXP, 0, 0), .input_count = 1, .inputs = {X(2, 3, 4, 5)}},
    {"sixteen_channels", P(CVK_SIGMOID, 0, 0), .input_count = 1, .inputs = {X(2, 16, 3, 3)}},
    {"volume", P(CVK_COS, 0, 0), .input_count = 1, .inputs = {X(1, 6, 2, 3, 4)}},


    /* around the length of a vector, and many blocks with padding in more than one piece of work */
    {"length_3", P(CVK_GELU, 0, 0), .input_count = 1, .inputs = {X(3)}},
    {"length_5", P(CVK_ELU, 1, 0), .input_count = 1, .inputs = {X(5)}},
    {"length_7", P(CVK_SOFTPLUS, 0, 0), .input_count = 1, .inputs = {X(7)}},
    {"length_9", P(CVK_MISH, 0, 0), .input_count = 1, .inputs = {X(9)}},
    {"length_15", P(CVK_SILU, 0, 0), .input_count = 1, .inputs = {X(15)}},
    {"length_16", P(CVK_TANH, 0, 0), .input_count = 1, .inputs = {X(16)}},
    {"length_17", P(CVK_ERF, 0, 0), .input_count = 1, .inputs = {X(17)}},
    {"length_33", P(CVK_SIN, 0, 0), .input_count = 1, .inputs = {X(33)}},
    {"length_1000", P(CVK_EXP, 0, 0), .input_count = 1, .inputs = {X(1000)}},
    {"large_sigmoid", P(CVK_SIGMOID, 0, 0), .input_count = 1, .inputs = {X(3, 19, 23, 29)}},
    {"large_exp", P(CVK_EXP, 0, 0), .input_count = 1, .inputs = {X(2, 33, 41, 13)}},
    {"large_hard_swish", P(CVK_HARD_SWISH, 0, 0), .input_count = 1, .inputs = {{DIMS(2, 17, 37, 31), .lo = -5, .hi = 5}}},
    {"large_angles", P(CVK_COS, 0, 0), .input_count = 1, .inputs = {{DIMS(5, 1001), .lo = -9e4, .hi = 9e4}}},
    {"large_tan", P(CVK_TAN, 0, 0), .rtol = 1e-4, .input_count = 1, .inputs = {{DIMS(5, 1001), .lo = -100, .hi = 100}}},

    {"bench_relu", P(CVK_RELU, 0, 0), .input_count = 1, .inputs = {X(8, 64, 112, 112)}, .bench = 1},
    {"bench_sigmoid", P(CVK_SIGMOID, 0, 0), .input_count = 1, .inputs = {X(8, 64, 56, 56)}, .bench = 1},
};

const struct cvk_case_table cvk_cases_unary = {CVK_OP_UNARY, cases, COUNT(cases)};
