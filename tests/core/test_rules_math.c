/* SPDX-License-Identifier: MIT
 * Shape rules of the ops that compute: products, element by element, reductions, norms, order, and conversions. */
#include "rules.h"

#define A4 X(2, 3, 4, 5)
#define NUMBER SCALAR(CVK_F32)
#define I32(...) OF(CVK_I32, __VA_ARGS__)
#define AXIS_OF_4 "the tensor has 4 axes: -4 to 3 would fit"
#define NAN_F __builtin_nanf("")
#define INF_F __builtin_inff()

/* ---- gemm, matmul ------------------------------------------------------------------------------------------------------ */

#define M(...) P(gemm, __VA_ARGS__)
static const struct rule_case gemm_rows[] = {
    MISFIT("a of whole numbers", NULL, "a is i32|f32, f64, f16 or bf16", I32(2, 3), I32(3, 4)),
    MISFIT("b of another type", NULL, "b is f64|one type|a is f32", X(2, 3), OF(CVK_F64, 3, 4)),
    MISFIT("c of another type", NULL, "c is f16", X(2, 3), X(3, 4), OF(CVK_F16, 4)),
    MISFIT("a of maps", NULL, "a is 2x3x4x5, 4 axes|2 axes: flatten it first", A4, X(5, 6)),
    MISFIT("a a vector", NULL, "a is 3, 1 axes|a matrix, 2 axes", X(3), X(3, 4)),
    MISFIT("b a number", NULL, "b is scalar, 0 axes", X(2, 3), NUMBER),
    MISFIT("depths differ", NULL, "a has 3 columns but b has 4 rows|a is 2x3, b is 4x3", X(2, 3), X(4, 3)),
    MISFIT("depths differ, a transposed", M(.trans_a = 1), "a has 2 columns after its transposition but b has 3 rows (", X(2, 3),
           X(3, 4)),
    MISFIT("depths differ, b transposed", M(.trans_b = 1), "3 columns but b has 4 rows after its transposition", X(2, 3),
           X(3, 4)),
    MISFIT("c too long", NULL, "c is 5|result 2x4: 4, 1x4, 2x1 or 2x4 would fit", X(2, 3), X(3, 4), X(5)),
    MISFIT("c of 3 axes", NULL, "c is 1x2x4|2x4", X(2, 3), X(3, 4), X(1, 2, 4)),
    MISFIT("c would stretch the result", NULL, "c is 2x4|result 1x4", X(1, 3), X(3, 4), X(2, 4)),
    TOO_BIG("result past 2^63", NULL, "result|2^63", X(HUGE_SIZE / 4, 1), X(1, 1024)),
    FITS("plain", NULL, "f32 2x4", X(2, 3), X(3, 4)),
    FITS("dense", M(.trans_b = 1), "f32 2x10", X(2, 576), X(10, 576), X(10)),
    FITS("both transposed", M(.trans_a = 7, .trans_b = 7), "f32 3x4", X(2, 3), X(4, 2), X(3, 1)),
    FITS("c a number", NULL, "f32 2x4", X(2, 3), X(3, 4), NUMBER),
    FITS("nothing to sum", NULL, "f32 2x4", X(2, 0), X(0, 4)),
    FITS("no rows", NULL, "f64 0x4", OF(CVK_F64, 0, 3), OF(CVK_F64, 3, 4)),
};
RULE_TEST(GEMM, gemm)

static const struct rule_case matmul_rows[] = {
    MISFIT("types differ", NULL, "a is f32 and b is i32|same type", X(2, 3), I32(3, 4)),
    MISFIT("bools", NULL, "a is bool and b is bool", OF(CVK_BOOL, 2, 3), OF(CVK_BOOL, 3, 4)),
    MISFIT("a number", NULL, "a is scalar and b is 3x4|no axis", NUMBER, X(3, 4)),
    MISFIT("times a number", NULL, "a is 2x3 and b is scalar", X(2, 3), NUMBER),
    MISFIT("depths differ", NULL, "a (2x3) has 3 columns but b (4x3) has 4 rows", X(2, 3), X(4, 3)),
    MISFIT("vectors differ", NULL, "a (3) has 3 columns but b (4) has 4 rows", X(3), X(4)),
    MISFIT("stacks do not broadcast", NULL, "a is 2x3x4 and b is 3x4x5|do not broadcast", X(2, 3, 4), X(3, 4, 5)),
    MISFIT("stack of nothing against 2", NULL, "a is 0x3x4 and b is 2x4x5", X(0, 3, 4), X(2, 4, 5)),
    TOO_BIG("result past the limit", NULL, "the limit is", X(1 << 22, 1), X(1, 1 << 22)),
    FITS("matrices", NULL, "i32 2x4", I32(2, 3), I32(3, 4)),
    FITS("row times matrix", NULL, "f32 4", X(3), X(3, 4)),
    FITS("matrix times column", NULL, "f32 2", X(2, 3), X(3)),
    FITS("dot product", NULL, "f32 scalar", X(3), X(3)),
    FITS("stacks", NULL, "f32 7x2x3x5", X(7, 1, 3, 4), X(2, 4, 5)),
    FITS("stack times column", NULL, "f32 7x2x3", X(7, 2, 3, 4), X(4)),
    FITS("8 axes", NULL, "f32 1x1x1x1x1x9x2x4", X(1, 1, 1, 1, 1, 1, 2, 3), X(1, 1, 1, 1, 1, 9, 3, 4)),
    FITS("nothing to sum", NULL, "f32 2x4", X(2, 0), X(0, 4)),
};
RULE_TEST(MATMUL, matmul)

/* ---- element by element ------------------------------------------------------------------------------------------------ */

#define U(...) P(unary, __VA_ARGS__)
static const struct rule_case unary_rows[] = {
    BAD("kind unknown", U(.kind = CVK_UNARY_KINDS), "no unary kind 43|42, 'is_inf'", A4),
    BAD("kind of all ones", U(.kind = 0xffffffff), "no unary kind 4294967295", A4),
    MISFIT("sigmoid of i32", U(.kind = CVK_SIGMOID), "sigmoid is not defined for i32|cast", I32(3)),
    MISFIT("relu of bool", U(.kind = CVK_RELU), "relu is not defined for bool", OF(CVK_BOOL, 3)),
    MISFIT("neg of u8", U(.kind = CVK_NEG), "neg is not defined for u8", OF(CVK_U8, 3)),
    MISFIT("not of f32", U(.kind = CVK_NOT), "not is not defined for f32", A4),
    MISFIT("is_nan of i64", U(.kind = CVK_IS_NAN), "is_nan is not defined for i64", OF(CVK_I64, 3)),
    BAD("clip at NaN", U(.kind = CVK_CLIP, .a = NAN_F, .b = 6), "bounds are nan and 6|numbers or infinities", A4),
    BAD("clip below NaN", U(.kind = CVK_CLIP, .a = 0, .b = NAN_F), "bounds are 0 and nan", A4),
    BAD("celu without a", U(.kind = CVK_CELU), "divides by a, which is 0", A4),
    BAD("celu of NaN", U(.kind = CVK_CELU, .a = NAN_F), "which is nan", A4),
    FITS("relu is the default", NULL, "f32 2x3x4x5", A4),
    FITS("clip at infinity", U(.kind = CVK_CLIP, .a = -INF_F, .b = INF_F), "i8 3", OF(CVK_I8, 3)),
    FITS("is_inf", U(.kind = CVK_IS_INF, .a = 1), "bool 2x3x4x5", A4),
    FITS("a number", U(.kind = CVK_EXP), "f16 scalar", SCALAR(CVK_F16)),
    FITS("nothing", U(.kind = CVK_TANH), "f32 0x3", X(0, 3)),
};
RULE_TEST(UNARY, unary)

#define B(...) P(binary, __VA_ARGS__)
static const struct rule_case binary_rows[] = {
    BAD("kind unknown", B(.kind = CVK_BINARY_KINDS), "no binary kind 18|17, 'xor'", A4, A4),
    BAD("kind of all ones", B(.kind = 0xffffffff), "no binary kind 4294967295", A4, A4),
    MISFIT("types differ", B(.kind = CVK_MUL), "mul of f32 and i32|cast", A4, I32(2, 3, 4, 5)),
    MISFIT("add of bools", NULL, "add is not defined for bool", OF(CVK_BOOL, 3), OF(CVK_BOOL, 3)),
    MISFIT("and of numbers", B(.kind = CVK_AND), "and is not defined for f32", A4, A4),
    MISFIT("exponent of bools", B(.kind = CVK_POW), "exponent is bool", A4, OF(CVK_BOOL, 5)),
    MISFIT("does not broadcast", NULL, "2x3x4x5|3x4x6|axis 3 has 5 and 6, and neither is 1", A4, X(3, 4, 6)),
    MISFIT("longer one does not broadcast", NULL, "7x5|2x3x4x5|axis 2 has 7 and 4", X(7, 5), A4),
    MISFIT("nothing against 2", NULL, "0x3 and 2x3|axis 0 has 0 and 2", X(0, 3), X(2, 3)),
    MISFIT("2 against nothing", NULL, "2x3 and 0x3|axis 0 has 2 and 0", X(2, 3), X(0, 3)),
    MISFIT("slopes per channel without axes", B(.kind = CVK_PRELU), "2x3x3x3 and 4|axis 3", X(2, 3, 3, 3), X(4)),
    MISFIT("slopes that stretch the input", B(.kind = CVK_PRELU), "slopes of 4x3 must stretch to the input's 1x3|Cx1x1", X(1, 3),
           X(4, 3)),
    MISFIT("slopes of more axes", B(.kind = CVK_PRELU), "slopes of 1x3|input's 3", X(3), X(1, 3)),
    TOO_BIG("result past the limit", NULL, "the limit is", X(1 << 22, 1), X(1, 1 << 22)),
    FITS("both stretch", NULL, "f32 2x3x4x5", X(2, 1, 4, 1), X(3, 1, 5)),
    FITS("with a number", B(.kind = CVK_LESS), "bool 2x3", I32(2, 3), SCALAR(CVK_I32)),
    FITS("with nothing", NULL, "f32 2x0", X(2, 1), X(1, 0)),
    FITS("exponent of another type", B(.kind = CVK_POW), "f32 3", X(3), OF(CVK_I64, 1)),
    FITS("xor", B(.kind = CVK_XOR), "bool 3", OF(CVK_BOOL, 3), OF(CVK_BOOL, 1)),
    FITS("slopes", B(.kind = CVK_PRELU), "f32 2x3x4x5", A4, X(3, 1, 1)),
};
RULE_TEST(BINARY, binary)

static const struct rule_case where_rows[] = {
    MISFIT("condition of numbers", NULL, "condition is f32|bool", A4, A4, A4),
    MISFIT("types differ", NULL, "between f32 and f64", OF(CVK_BOOL, 1), X(3), OF(CVK_F64, 3)),
    MISFIT("condition does not broadcast", NULL, "2x1 and 3x1|axis 0 has 2 and 3", OF(CVK_BOOL, 2, 1), X(3, 1), X(1)),
    MISFIT("choices do not broadcast", NULL, "2x3 and 2x4|axis 1 has 3 and 4", OF(CVK_BOOL, 1), X(2, 3), X(2, 4)),
    TOO_BIG("result past the limit", NULL, "the limit is", OF(CVK_BOOL, 1 << 22, 1), X(1, 1 << 22), X(1)),
    FITS("all three stretch", NULL, "i8 2x3x4", OF(CVK_BOOL, 2, 1, 1), OF(CVK_I8, 3, 1), OF(CVK_I8, 4)),
    FITS("numbers", NULL, "f32 scalar", SCALAR(CVK_BOOL), NUMBER, NUMBER),
};
RULE_TEST(WHERE, where)

#define D(...) P(dropout, __VA_ARGS__)
static const struct rule_case dropout_rows[] = {
    BAD("drop 1", D(.drop = 1), "drop is 1|at least 0 and below 1", A4),
    BAD("drop negative", D(.drop = -0.1f), "drop is -0.1", A4),
    BAD("drop NaN", D(.drop = NAN_F), "drop is nan", A4),
    BAD("drop infinite", D(.drop = INF_F), "drop is inf", A4),
    MISFIT("whole numbers", D(.drop = 0.5f), "drops i32 elements", I32(3)),
    FITS("half", D(.drop = 0.5f), "f32 2x3x4x5|bool 2x3x4x5", A4),
    FITS("none", NULL, "f32 scalar", NUMBER),
};
RULE_TEST(DROPOUT, dropout)

#define C(...) P(cast, __VA_ARGS__)
static const struct rule_case cast_rows[] = {
    BAD("to nothing", NULL, "no element type 0 to cast to|1 (f32) to 13 (bool)", A4),
    BAD("to an unknown type", C(.to = 14), "no element type 14", A4),
    BAD("to all ones", C(.to = 0xffffffff), "no element type 4294967295", A4),
    FITS("to bool", C(.to = CVK_BOOL), "bool 2x3x4x5", A4),
    FITS("number to bf16", C(.to = CVK_BF16), "bf16 scalar", SCALAR(CVK_U64)),
};
RULE_TEST(CAST, cast)

/* ---- along axes -------------------------------------------------------------------------------------------------------- */

#define R(...) P(reduce, __VA_ARGS__)
static const struct rule_case reduce_rows[] = {
    BAD("kind unknown", R(.kind = CVK_REDUCE_KINDS), "no reduce kind 10|9, 'sum_square'", A4),
    BAD("kind of all ones", R(.kind = 0xffffffff), "no reduce kind 4294967295", A4),
    MISFIT("sum of bools", NULL, "sum is not defined for bool", OF(CVK_BOOL, 3)),
    BAD("9 axes", R(.axis_count = 9), "axis_count is 9|at most 8", A4),
    BAD("axes of all ones", R(.axis_count = 0xffffffff), "axis_count is 4294967295", A4),
    BAD("axis too large", R(.axis_count = 2, .axes = {0, 4}), "an entry of axes is 4|" AXIS_OF_4, A4),
    BAD("axis the least", R(.axis_count = 1, .axes = {INT32_MIN}), "an entry of axes is -2147483648", A4),
    BAD("axis of a number", R(.axis_count = 1), "an entry of axes is 0|single number without axes", NUMBER),
    BAD("input axis too large", NULL, "an entry of axes is 9223372036854775807", A4, INTS(INT64_MAX)),
    MISFIT("axes of f32", NULL, "input 1 must hold whole numbers, not f32", A4, FLOATS(1)),
    MISFIT("9 axes as input", NULL, "input 1 has 9 elements; at most 8", A4, INTS(0, 0, 0, 0, 0, 0, 0, 0, 0)),
    FITS("all", NULL, "f32 scalar", A4),
    FITS("all, kept", R(.keep_dims = 1), "f32 1x1x1x1", A4),
    FITS("none", R(.noop_empty = 1), "f32 2x3x4x5", A4),
    FITS("space", R(.kind = CVK_REDUCE_MEAN, .axis_count = 2, .axes = {2, -1}), "f32 2x3", A4),
    FITS("named twice", R(.axis_count = 2, .axes = {1, -3}, .keep_dims = 1), "f32 2x1x4x5", A4),
    FITS("from an input", R(.kind = CVK_REDUCE_MAX, .axis_count = 1), "bool 2x3x4", OF(CVK_BOOL, 2, 3, 4, 5), INTS(-1)),
    MISFIT("mean of bools", R(.kind = CVK_REDUCE_MEAN), "mean is not defined for bool", OF(CVK_BOOL, 3)),
    FITS("nothing folded to something", R(.axis_count = 1), "f32 3", X(0, 3)),
    FITS("nothing behind the axis", R(.axis_count = 1), "f32 0x5", X(3, 0, 5)),
};
RULE_TEST(REDUCE, reduce)

#define S(...) P(softmax, __VA_ARGS__)
static const struct rule_case softmax_rows[] = {
    BAD("kind unknown", S(.kind = 3), "no softmax kind 3|2, 'hardmax'", A4),
    BAD("kind of all ones", S(.kind = 0xffffffff), "no softmax kind 4294967295", A4),
    MISFIT("whole numbers", S(.kind = CVK_LOG_SOFTMAX), "log_softmax of i32", I32(3)),
    MISFIT("a number", NULL, "single number without axes", NUMBER),
    BAD("axis too large", S(.axis = 4), "axis is 4|" AXIS_OF_4, A4),
    BAD("axis too small", S(.axis = -5, .flatten = 1), "axis is -5|" AXIS_OF_4, A4),
    FITS("last axis", S(.axis = -1), "f32 2x3x4x5", A4),
    FITS("nothing", S(.kind = CVK_HARDMAX), "f64 0x2", OF(CVK_F64, 0, 2)),
};
RULE_TEST(SOFTMAX, softmax)

#define G(...) P(arg, __VA_ARGS__)
static const struct rule_case arg_rows[] = {
    BAD("kind unknown", G(.kind = 2), "no arg kind 2|0, max, and 1, min", A4),
    BAD("kind of all ones", G(.kind = 0xffffffff), "no arg kind 4294967295", A4),
    MISFIT("bools", NULL, "no order for bool|cast", OF(CVK_BOOL, 3)),
    MISFIT("a number", NULL, "single number without axes", NUMBER),
    BAD("axis too large", G(.axis = 4), "axis is 4|" AXIS_OF_4, A4),
    BAD("axis the least", G(.axis = INT32_MIN), "axis is -2147483648", A4),
    MISFIT("largest of nothing", G(.axis = 1), "axis 1 has size 0|largest", X(2, 0)),
    MISFIT("smallest of nothing", G(.kind = CVK_ARG_MIN), "axis 0 has size 0|smallest", X(0, 2)),
    FITS("channels", G(.axis = 1), "i64 2x4x5", A4),
    FITS("kept", G(.axis = -1, .keep_dims = 1), "i64 2x3x4x1", A4),
    FITS("a vector", NULL, "i64 scalar", X(7)),
    FITS("no rows", G(.axis = 1), "i64 0x4", X(0, 3, 4)),
    FITS("no rows, kept", G(.axis = 1, .keep_dims = 1), "i64 0x1x4x5", X(0, 3, 4, 5)),
    FITS("no rows of nothing", G(.axis = 1), "i64 0x4", X(0, 0, 4)),
};
RULE_TEST(ARG, arg)

#define K(...) P(topk, __VA_ARGS__)
static const struct rule_case topk_rows[] = {
    MISFIT("bools", K(.k = 1), "no order for bool", OF(CVK_BOOL, 3)),
    MISFIT("a number", K(.k = 1), "single number without axes", NUMBER),
    BAD("axis too large", K(.axis = 4, .k = 1), "axis is 4|" AXIS_OF_4, A4),
    BAD("no k", NULL, "k is 0|at least 1", A4),
    BAD("k negative", K(.k = -1), "k is -1", A4),
    BAD("k the least as input", NULL, "k is -9223372036854775808", A4, INTS(INT64_MIN)),
    MISFIT("k too large", K(.axis = -1, .k = 6), "k is 6, but axis 3 holds only 5", A4),
    MISFIT("k the most", K(.k = INT64_MAX), "k is 9223372036854775807, but axis 0 holds only 2", A4),
    MISFIT("1 of nothing", K(.k = 1), "k is 1, but axis 0 holds only 0", X(0, 2)),
    MISFIT("two k", NULL, "k is a tensor of 2 elements", A4, INTS(1, 2)),
    MISFIT("no k as input", NULL, "k is a tensor of 0 elements", A4, NO_INTS),
    MISFIT("k of f32", NULL, "input 1 must hold whole numbers, not f32", A4, FLOATS(1)),
    FITS("all", K(.axis = 1, .k = 3), "f32 2x3x4x5|i64 2x3x4x5", A4),
    FITS("from an input", K(.axis = 3, .k = 9), "f32 2x3x4x2|i64 2x3x4x2", A4, INTS(2)),
    FITS("values alone", K(.k = 1), "i8 1x0", OF(CVK_I8, 4, 0)),
};
RULE_TEST(TOPK, topk)

#define H(...) P(one_hot, __VA_ARGS__)
#define OFF_ON X(2)
static const struct rule_case one_hot_rows[] = {
    MISFIT("indices of bools", H(.depth = 10), "indices are bool", OF(CVK_BOOL, 3), NONE, OFF_ON),
    BAD("no values", H(.depth = 10), "input 2 is missing|two elements", I32(3)),
    MISFIT("three values", H(.depth = 10), "input 2 has 3 elements", I32(3), NONE, X(3)),
    BAD("no depth", NULL, "depth is 0|at least 1", I32(3), NONE, OFF_ON),
    BAD("depth negative", H(.depth = -10), "depth is -10", I32(3), NONE, OFF_ON),
    BAD("depth 0 as input", H(.depth = 10), "depth is 0", I32(3), INTS(0), OFF_ON),
    BAD("depth of 2.5", NULL, "depth is 2.5|whole number", I32(3), FLOATS(2.5f), OFF_ON),
    BAD("depth NaN", NULL, "depth is nan", I32(3), FLOATS(NAN_F), OFF_ON),
    BAD("depth infinite", NULL, "depth is inf", I32(3), FLOATS(INF_F), OFF_ON),
    MISFIT("two depths", NULL, "depth is a tensor of 2", I32(3), INTS(1, 2), OFF_ON),
    BAD("axis too large", H(.axis = 2, .depth = 10), "axis is 2|2 axes: -2 to 1 would fit", I32(3), NONE, OFF_ON),
    BAD("axis the least", H(.axis = INT32_MIN, .depth = 10), "axis is -2147483648", I32(3), NONE, OFF_ON),
    MISFIT("9 axes", H(.depth = 10), "8 axes already", I32(1, 1, 1, 1, 1, 1, 1, 1), NONE, OFF_ON),
    TOO_BIG("result past 2^63", H(.depth = INT64_MAX), "result|2^63", I32(3), NONE, OFF_ON),
    FITS("labels", H(.axis = -1, .depth = 10), "f32 3x10", I32(3), NONE, OFF_ON),
    FITS("channels first", H(.axis = 1), "u8 2x4x5x6", OF(CVK_I64, 2, 5, 6), FLOATS(4), OF(CVK_U8, 2)),
    FITS("one label", H(.depth = 3), "f32 3", SCALAR(CVK_U8), NONE, OFF_ON),
    FITS("no labels", H(.axis = 1, .depth = 3), "f32 0x3", I32(0), NONE, OFF_ON),
};
RULE_TEST(ONE_HOT, one_hot)

/* ---- norms ------------------------------------------------------------------------------------------------------------- */

#define N(...) P(batch_norm, __VA_ARGS__)
#define PER3 X(3)
static const struct rule_case batch_norm_rows[] = {
    BAD("epsilon negative", N(.epsilon = -1), "epsilon is -1|at least 0", A4, PER3, PER3, PER3, PER3),
    BAD("epsilon NaN", N(.epsilon = NAN_F), "epsilon is nan", A4, PER3, PER3, PER3, PER3),
    MISFIT("x a number", NULL, "x is a single number", NUMBER, PER3, PER3, PER3, PER3),
    MISFIT("x of whole numbers", NULL, "x is i32", I32(2, 3), PER3, PER3, PER3, PER3),
    MISFIT("var of whole numbers", NULL, "var is i32", A4, PER3, PER3, PER3, I32(3)),
    MISFIT("scale too long", NULL, "scale is 4|2x3x4x5|3 channels", A4, X(4), PER3, PER3, PER3),
    MISFIT("bias a matrix", NULL, "bias is 3x1|3 channels", A4, PER3, X(3, 1), PER3, PER3),
    MISFIT("mean a number", NULL, "mean is scalar", A4, PER3, PER3, NUMBER, PER3),
    MISFIT("a vector has one channel", NULL, "scale is 3|1 channels", X(3), PER3, PER3, PER3, PER3),
    FITS("maps", NULL, "f32 2x3x4x5", A4, PER3, PER3, PER3, PER3),
    FITS("statistics of another type", NULL, "f16 2x3", OF(CVK_F16, 2, 3), PER3, PER3, OF(CVK_F64, 3), PER3),
    FITS("no channels", NULL, "f32 2x0x4", X(2, 0, 4), X(0), X(0), X(0), X(0)),
};
RULE_TEST(BATCH_NORM, batch_norm)

#define V(...) P(instance_norm, __VA_ARGS__)
static const struct rule_case instance_norm_rows[] = {
    BAD("epsilon negative", V(.epsilon = -1e-5f), "epsilon is -1e-05|at least 0", A4, PER3, PER3),
    BAD("epsilon NaN", V(.epsilon = NAN_F), "epsilon is nan", A4, PER3, PER3),
    MISFIT("no space", NULL, "x is 2x3, 2 axes|spatial axis", X(2, 3), PER3, PER3),
    MISFIT("x of bool", NULL, "x is bool", OF(CVK_BOOL, 2, 3, 4), PER3, PER3),
    MISFIT("bias of i8", NULL, "bias is i8", A4, PER3, OF(CVK_I8, 3)),
    MISFIT("scale too short", NULL, "scale is 2|2x3x4x5|3 channels", A4, X(2), PER3),
    MISFIT("bias a matrix", NULL, "bias is 3x1|3 channels", A4, PER3, X(3, 1)),
    FITS("maps", NULL, "f32 2x3x4x5", A4, PER3, PER3),
    FITS("no pixels", NULL, "f32 2x3x0", X(2, 3, 0), PER3, PER3),
};
RULE_TEST(INSTANCE_NORM, instance_norm)

#define L(...) P(layer_norm, __VA_ARGS__)
static const struct rule_case layer_norm_rows[] = {
    BAD("epsilon negative", L(.epsilon = -1), "epsilon is -1", A4, X(5)),
    BAD("epsilon NaN", L(.epsilon = NAN_F), "epsilon is nan", A4, X(5)),
    MISFIT("x of u16", NULL, "x is u16", OF(CVK_U16, 2, 3), X(3)),
    BAD("axis too large", L(.axis = 4), "axis is 4|" AXIS_OF_4, A4, X(5)),
    BAD("x a number", NULL, "axis is 0|single number without axes", NUMBER, NUMBER),
    MISFIT("scale of i64", NULL, "scale is i64", A4, OF(CVK_I64, 5)),
    MISFIT("scale does not broadcast", NULL, "scale is 4|does not broadcast to x, which is 2x3x4x5", A4, X(4)),
    MISFIT("bias would stretch x", NULL, "bias is 1x2x3x4x5|2x3x4x5", A4, X(5), X(1, 2, 3, 4, 5)),
    FITS("rows", L(.axis = -1), "f32 2x3x4x5|f32 2x3x4x1|f32 2x3x4x1", A4, X(5), X(4, 5)),
    FITS("short floats", L(.axis = 1), "f16 2x3|f32 2x1", OF(CVK_F16, 2, 3), OF(CVK_F16, 3)),
    FITS("long floats", L(.axis = 0), "f64 2x3|f64 1x1", OF(CVK_F64, 2, 3), OF(CVK_F64, 1)),
};
RULE_TEST(LAYER_NORM, layer_norm)

#define Y(...) P(lrn, __VA_ARGS__)
static const struct rule_case lrn_rows[] = {
    BAD("no window", NULL, "window is 0 channels|1 to 2147483647", A4),
    BAD("window of all ones", Y(.window = 0xffffffff), "window is 4294967295", A4),
    MISFIT("whole numbers", Y(.window = 5), "x is i32", I32(2, 3, 4, 5)),
    MISFIT("a vector", Y(.window = 5), "x is 3; it needs a batch axis and channels", X(3)),
    FITS("window beyond the channels", Y(.window = INT32_MAX), "f32 2x3x4x5", A4),
    FITS("rows", Y(.window = 1), "f32 2x3", X(2, 3)),
};
RULE_TEST(LRN, lrn)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gemm),          cmocka_unit_test(test_matmul),     cmocka_unit_test(test_unary),
        cmocka_unit_test(test_binary),        cmocka_unit_test(test_where),      cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_cast),          cmocka_unit_test(test_reduce),     cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_arg),           cmocka_unit_test(test_topk),       cmocka_unit_test(test_one_hot),
        cmocka_unit_test(test_batch_norm),    cmocka_unit_test(test_instance_norm), cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_lrn),
    };
    return cmocka_run_group_tests_name("rules of mathematics", tests, NULL, NULL);
}
