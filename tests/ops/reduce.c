/* SPDX-License-Identifier: MIT
 * Cases of reduce: every kind over last, first, middle and all axes, axes as an input, empty sets, other types. */
#include <math.h>

#include "short.h"

#define P(reduce_kind, ...) .params = &(const struct cvk_reduce_params){.kind = reduce_kind, __VA_ARGS__}
#define AXES(...) .axis_count = sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t), .axes = {__VA_ARGS__}
#define ONE(...) .input_count = 1, .inputs = {__VA_ARGS__}

static const double axes_1_3[] = {1, 3};
static const double axes_negative[] = {-1, 0};
static const double nothing[] = {0};
static const double with_nan[] = {1, (double)NAN, 3, -2};
static const double infinities[] = {HUGE_VAL, 1, -HUGE_VAL, 2, -HUGE_VAL, -HUGE_VAL};
static const double far_apart[] = {1000, 1001, -1000, 999.5, -HUGE_VAL};
static const double lowest[] = {-HUGE_VAL};
static const double some_zeros[] = {2, 3, -4, 2, 0, -4, 0, 3, 0};

/* One kind over the axes of a picture in turn; numbers from lo to hi. */
#define KIND(name, kind, from, to)                                                                                               \
    {name "_all", SUM_TOLERANCE, P(kind, .keep_dims = 0), ONE({DIMS(2, 3, 4, 5), .lo = from, .hi = to})},                        \
    {name "_all_keep", SUM_TOLERANCE, P(kind, .keep_dims = 1), ONE({DIMS(2, 3, 4, 5), .lo = from, .hi = to})},                   \
    {name "_last", SUM_TOLERANCE, P(kind, AXES(3)), ONE({DIMS(2, 3, 4, 5), .lo = from, .hi = to})},                              \
    {name "_first", SUM_TOLERANCE, P(kind, AXES(0), .keep_dims = 1), ONE({DIMS(3, 2, 4, 5), .lo = from, .hi = to})},             \
    {name "_channels", SUM_TOLERANCE, P(kind, AXES(1), .keep_dims = 1), ONE({DIMS(2, 7, 4, 5), .lo = from, .hi = to})},          \
    {name "_pixels", SUM_TOLERANCE, P(kind, AXES(2, 3), .keep_dims = 1), ONE({DIMS(2, 5, 6, 7), .lo = from, .hi = to})},         \
    {name "_batch_and_pixels", SUM_TOLERANCE, P(kind, AXES(0, 2, 3)), ONE({DIMS(3, 5, 2, 4), .lo = from, .hi = to})},            \
    {name "_wide", SUM_TOLERANCE, P(kind, AXES(0)), ONE({DIMS(5, 131), .lo = from, .hi = to})},                                  \
    {name "_nothing", P(kind, AXES(1)), ONE(X(2, 0, 3))}
#define TYPE(name, kind, type)                                                                                                   \
    {name, P(kind, AXES(1), .keep_dims = 1), ONE({.dtype = type, DIMS(3, 5, 4), .lo = 1, .hi = 3})}
#define SIGNED_TYPE(name, kind, type) {name, P(kind, AXES(-1)), ONE({.dtype = type, DIMS(7, 5)})}
/* Ends of the type's range: sums wrap. */
#define ENDS(name, kind, type) {name, P(kind, AXES(0)), ONE({.dtype = type, DIMS(4, 10), .fill = CVK_FILL_SPECIAL})}

static const struct cvk_case cases[] = {
    KIND("sum", CVK_REDUCE_SUM, -1, 1),
    KIND("mean", CVK_REDUCE_MEAN, -1, 1),
    KIND("max", CVK_REDUCE_MAX, -1, 1),
    KIND("min", CVK_REDUCE_MIN, -1, 1),
    KIND("prod", CVK_REDUCE_PROD, 0.8, 1.2),
    KIND("l1", CVK_REDUCE_L1, -1, 1),
    KIND("l2", CVK_REDUCE_L2, -1, 1),
    KIND("log_sum", CVK_REDUCE_LOG_SUM, 0.5, 3),
    KIND("log_sum_exp", CVK_REDUCE_LOG_SUM_EXP, -5, 5),
    KIND("sum_square", CVK_REDUCE_SUM_SQUARE, -1, 1),

    /* ways to name the axes */
    {"negative_axes", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(-1, -3)), ONE(X(2, 3, 4, 5))},
    {"axes_out_of_order", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(3, 0, 1)), ONE(X(2, 3, 4, 5))},
    {"axes_twice", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(1, 1, -3)), ONE(X(2, 3, 4, 5))},
    {"axes_input", SUM_TOLERANCE, P(CVK_REDUCE_SUM, .keep_dims = 1), .input_count = 2,
     .inputs = {X(2, 3, 4, 5), {.dtype = CVK_I64, DIMS(2), VALUES(axes_1_3), .constant = 1}}},
    {"axes_input_negative", SUM_TOLERANCE, P(CVK_REDUCE_MEAN, .keep_dims = 0), .input_count = 2,
     .inputs = {X(2, 3, 4, 5), {.dtype = CVK_I64, DIMS(2), VALUES(axes_negative), .constant = 1}}},
    {"axes_input_empty", SUM_TOLERANCE, P(CVK_REDUCE_SUM, .keep_dims = 1), .input_count = 2,
     .inputs = {X(2, 3, 4), {.dtype = CVK_I64, DIMS(0), VALUES(nothing), .constant = 1}}},
    {"noop_sum", P(CVK_REDUCE_SUM, .noop_empty = 1), ONE(X(2, 3, 4))},
    {"noop_sum_square", P(CVK_REDUCE_SUM_SQUARE, .noop_empty = 1), ONE(X(2, 3, 4))},
    {"noop_axes_input_empty", P(CVK_REDUCE_L1, .noop_empty = 1), .input_count = 2,
     .inputs = {X(2, 3, 4), {.dtype = CVK_I64, DIMS(0), VALUES(nothing), .constant = 1}}},
    {"alternate_axes", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(0, 2, 4)), ONE(X(2, 3, 4, 3, 2))},
    {"alternate_axes_rest", SUM_TOLERANCE, P(CVK_REDUCE_MAX, AXES(1, 3), .keep_dims = 1), ONE(X(2, 3, 4, 3, 2))},
    {"rank_8", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(1, 2, 5, 7)), ONE(X(2, 1, 3, 1, 2, 3, 2, 2))},

    /* sizes */
    {"number", P(CVK_REDUCE_L1, .keep_dims = 0), ONE({.rank = 0})},
    {"size_1_axis", P(CVK_REDUCE_MEAN, AXES(1)), ONE(X(3, 1, 4))},
    {"one_element", P(CVK_REDUCE_LOG_SUM_EXP, .keep_dims = 0), ONE(X(1, 1, 1, 1))},
    {"empty_result", P(CVK_REDUCE_SUM, AXES(1)), ONE(X(0, 3))},
    {"nothing_of_nothing", P(CVK_REDUCE_MAX, AXES(1)), ONE(X(0, 0, 2))},
    {"long_row", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(1)), ONE(X(2, 10007))},
    {"long_column", SUM_TOLERANCE, P(CVK_REDUCE_MEAN, AXES(0)), ONE(X(10007, 3))},
    {"rows_of_15", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(1)), ONE(X(5, 15))},
    {"rows_of_16", SUM_TOLERANCE, P(CVK_REDUCE_MAX, AXES(1)), ONE(X(5, 16))},
    {"rows_of_17", SUM_TOLERANCE, P(CVK_REDUCE_MIN, AXES(1)), ONE({DIMS(5, 17), .lo = 1, .hi = 2})},
    {"rows_of_63", SUM_TOLERANCE, P(CVK_REDUCE_PROD, AXES(1)), ONE({DIMS(5, 63), .lo = 0.9, .hi = 1.1})},
    {"rows_of_65", SUM_TOLERANCE, P(CVK_REDUCE_LOG_SUM_EXP, AXES(1)), ONE({DIMS(5, 65), .lo = -20, .hi = -10})},
    {"rows_of_4097", SUM_TOLERANCE, P(CVK_REDUCE_L2, AXES(1)), ONE(X(5, 4097))},
    {"max_below_zero", P(CVK_REDUCE_MAX, AXES(1)), ONE({DIMS(7, 21), .lo = -2, .hi = -1})},
    {"max_long_row", P(CVK_REDUCE_MAX, AXES(1)), ONE({DIMS(3, 9001), .lo = -2, .hi = -1})},
    {"columns_of_65", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(1)), ONE(X(3, 65, 17))},
    {"columns_min", P(CVK_REDUCE_MIN, AXES(1)), ONE({DIMS(3, 130, 70), .lo = 1, .hi = 2})},
    {"columns_log_sum_exp", SUM_TOLERANCE, P(CVK_REDUCE_LOG_SUM_EXP, AXES(0)), ONE({DIMS(130, 67), .lo = -20, .hi = 20})},
    {"columns_nan", P(CVK_REDUCE_MAX, AXES(0)), ONE({DIMS(3, 4), VALUES(with_nan)})},
    {"columns_infinities", P(CVK_REDUCE_LOG_SUM_EXP, AXES(0)), ONE({DIMS(2, 3), VALUES(infinities)})},
    {"pixels_16", SUM_TOLERANCE, P(CVK_REDUCE_MEAN, AXES(2, 3), .keep_dims = 1), ONE(X(2, 16, 7, 7))},
    {"pixels_33", SUM_TOLERANCE, P(CVK_REDUCE_MEAN, AXES(2, 3), .keep_dims = 1), ONE(X(3, 33, 14, 14))},
    {"pixels_33_dropped", SUM_TOLERANCE, P(CVK_REDUCE_MEAN, AXES(2, 3)), ONE(X(3, 33, 14, 14))},
    {"pixels_max_dropped", P(CVK_REDUCE_MAX, AXES(2, 3)), ONE({DIMS(3, 19, 9, 5), .lo = -2, .hi = -1})},
    {"pixels_of_one_image", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(2, 3)), ONE(X(1, 16, 5, 5))},
    {"pixels_none", P(CVK_REDUCE_SUM, AXES(2, 3), .keep_dims = 1), ONE(X(2, 5, 0, 3))},
    {"pixels_none_dropped", P(CVK_REDUCE_PROD, AXES(2, 3)), ONE(X(2, 5, 0, 3))},
    {"pixels_special", P(CVK_REDUCE_MAX, AXES(2, 3), .keep_dims = 1), ONE({DIMS(2, 3, 2, 2), VALUES(with_nan)})},
    {"series_mean", SUM_TOLERANCE, P(CVK_REDUCE_MEAN, AXES(2), .keep_dims = 1), ONE(X(2, 19, 50))},
    {"volume_mean", SUM_TOLERANCE, P(CVK_REDUCE_MEAN, AXES(2, 3, 4)), ONE(X(2, 19, 3, 4, 5))},
    {"many_rows", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(2)), ONE(X(31, 41, 37))},
    {"many_columns", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(1)), ONE(X(11, 41, 137))},
    {"lanes_64", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(0)), ONE(X(3, 64))},
    {"lanes_65", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(1)), ONE(X(2, 3, 65))},

    /* special numbers */
    {"max_nan", P(CVK_REDUCE_MAX, AXES(1)), ONE({DIMS(2, 4), VALUES(with_nan)})},
    {"min_nan", P(CVK_REDUCE_MIN, AXES(1)), ONE({DIMS(2, 4), VALUES(with_nan)})},
    {"sum_nan", P(CVK_REDUCE_SUM, AXES(1)), ONE({DIMS(2, 4), VALUES(with_nan)})},
    {"sum_infinities", P(CVK_REDUCE_SUM, AXES(1)), ONE({DIMS(3, 2), VALUES(infinities)})},
    {"max_infinities", P(CVK_REDUCE_MAX, AXES(1)), ONE({DIMS(3, 2), VALUES(infinities)})},
    {"log_sum_exp_infinities", P(CVK_REDUCE_LOG_SUM_EXP, AXES(1)), ONE({DIMS(3, 2), VALUES(infinities)})},
    {"log_sum_exp_far_apart", P(CVK_REDUCE_LOG_SUM_EXP, AXES(0)), ONE({DIMS(5), VALUES(far_apart)})},
    {"log_sum_exp_lowest", P(CVK_REDUCE_LOG_SUM_EXP, AXES(0)), ONE({DIMS(3), VALUES(lowest)})},
    {"log_sum_exp_nan", P(CVK_REDUCE_LOG_SUM_EXP, AXES(1)), ONE({DIMS(2, 4), VALUES(with_nan)})},
    {"log_sum_negative", P(CVK_REDUCE_LOG_SUM, AXES(1)), ONE({DIMS(2, 3), .lo = -2, .hi = -1})},
    {"prod_zeros", P(CVK_REDUCE_PROD, AXES(1)), ONE({DIMS(3, 3), VALUES(some_zeros)})},
    {"prod_zeros_columns", P(CVK_REDUCE_PROD, AXES(0)), ONE({DIMS(3, 3), VALUES(some_zeros)})},
    {"max_ties", P(CVK_REDUCE_MAX, AXES(1)), ONE({DIMS(5, 9), .fill = CVK_FILL_TIES})},

    /* other types */
    TYPE("sum_i32", CVK_REDUCE_SUM, CVK_I32),
    TYPE("mean_i32", CVK_REDUCE_MEAN, CVK_I32),
    TYPE("prod_i64", CVK_REDUCE_PROD, CVK_I64),
    TYPE("l2_i32", CVK_REDUCE_L2, CVK_I32),
    TYPE("log_sum_u32", CVK_REDUCE_LOG_SUM, CVK_U32),
    TYPE("log_sum_exp_i64", CVK_REDUCE_LOG_SUM_EXP, CVK_I64),
    TYPE("sum_square_u8", CVK_REDUCE_SUM_SQUARE, CVK_U8),
    TYPE("max_u8", CVK_REDUCE_MAX, CVK_U8),
    SIGNED_TYPE("mean_i8", CVK_REDUCE_MEAN, CVK_I8),
    SIGNED_TYPE("l1_i16", CVK_REDUCE_L1, CVK_I16),
    SIGNED_TYPE("min_i8", CVK_REDUCE_MIN, CVK_I8),
    SIGNED_TYPE("sum_u64", CVK_REDUCE_SUM, CVK_U64),
    ENDS("sum_i8_ends", CVK_REDUCE_SUM, CVK_I8),
    ENDS("max_u64_ends", CVK_REDUCE_MAX, CVK_U64),
    ENDS("min_u64_ends", CVK_REDUCE_MIN, CVK_U64),
    ENDS("max_i64_ends", CVK_REDUCE_MAX, CVK_I64),
    ENDS("min_i32_ends", CVK_REDUCE_MIN, CVK_I32),
    ENDS("l1_i64_ends", CVK_REDUCE_L1, CVK_I64),
    ENDS("l1_u64_ends", CVK_REDUCE_L1, CVK_U64),
    {"max_bool", P(CVK_REDUCE_MAX, AXES(1)), ONE(TYPED(CVK_BOOL, 9, 3))},
    {"min_bool", P(CVK_REDUCE_MIN, AXES(1)), ONE(TYPED(CVK_BOOL, 9, 3))},
    {"max_bool_nothing", P(CVK_REDUCE_MAX, AXES(1)), ONE(TYPED(CVK_BOOL, 2, 0))},
    {"min_bool_nothing", P(CVK_REDUCE_MIN, AXES(1)), ONE(TYPED(CVK_BOOL, 2, 0))},
    {"max_i16_nothing", P(CVK_REDUCE_MAX, AXES(1)), ONE(TYPED(CVK_I16, 2, 0))},
    {"min_u32_nothing", P(CVK_REDUCE_MIN, AXES(1)), ONE(TYPED(CVK_U32, 2, 0))},
    {"mean_i32_nothing", P(CVK_REDUCE_MEAN, AXES(1)), ONE(TYPED(CVK_I32, 2, 0))},
    {"sum_to_channels", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(0, 2, 3)), ONE(X(3, 37, 4, 5))},
    {"mean_to_channels_keep", SUM_TOLERANCE, P(CVK_REDUCE_MEAN, AXES(0, 2, 3), .keep_dims = 1), ONE(X(3, 37, 4, 5))},
    {"max_to_channels", P(CVK_REDUCE_MAX, AXES(0, 2, 3)), ONE(X(3, 37, 4, 5))},
    {"sum_long_rows", .rtol = 1e-4, .atol = 2e-3, P(CVK_REDUCE_SUM, AXES(1)), ONE(X(2, 270001))},
    {"l2_long_row", SUM_TOLERANCE, P(CVK_REDUCE_L2, AXES(0)), ONE(X(263000))},
    {"max_long_row", P(CVK_REDUCE_MAX, AXES(0)), ONE(X(263000))},
    {"sum_f64", P(CVK_REDUCE_SUM, AXES(1)), .rtol = 1e-12, ONE(TYPED(CVK_F64, 3, 50))},
    {"log_sum_exp_f64", P(CVK_REDUCE_LOG_SUM_EXP, AXES(1)), .rtol = 1e-12, ONE(TYPED(CVK_F64, 3, 50))},
    {"mean_f16", F16_TOLERANCE, P(CVK_REDUCE_MEAN, AXES(2, 3), .keep_dims = 1), ONE(TYPED(CVK_F16, 2, 5, 7, 7))},
    {"max_bf16", P(CVK_REDUCE_MAX, AXES(1)), ONE(TYPED(CVK_BF16, 4, 9))},

    {"bench_pixels", SUM_TOLERANCE, P(CVK_REDUCE_MEAN, AXES(2, 3)), ONE(X(8, 512, 28, 28)), .bench = 1},
    {"bench_channels", SUM_TOLERANCE, P(CVK_REDUCE_SUM, AXES(1)), ONE(X(8, 512, 28, 28)), .bench = 1},
};

const struct cvk_case_table cvk_cases_reduce = {CVK_OP_REDUCE, cases, COUNT(cases)};
