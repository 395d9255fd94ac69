/* SPDX-License-Identifier: MIT
 * Cases of arg: both kinds along every axis, ties to the first and the last, NaN, other types. */
#include <math.h>

#include "short.h"

#define P(...) .params = &(const struct cvk_arg_params){__VA_ARGS__}
#define ONE(...) .input_count = 1, .inputs = {__VA_ARGS__}
#define LAST .select_last = 1
#define TIES(type, ...) {.dtype = type, DIMS(__VA_ARGS__), .fill = CVK_FILL_TIES}
#define ENDS(type, ...) {.dtype = type, DIMS(__VA_ARGS__), .fill = CVK_FILL_SPECIAL}

static const double with_nan[] = {1, (double)NAN, HUGE_VAL, (double)NAN, -HUGE_VAL};
static const double zeros[] = {0.0, -0.0};
static const double lowest[] = {-HUGE_VAL};

#define KIND(name, which)                                                                             \
    {name "_matrix", P(which, .axis = 1), ONE(X(5, 10))},                                             \
    {name "_axis_0", P(which, .axis = 0), ONE(X(4, 3, 2, 5))},                                        \
    {name "_channels", P(which, .axis = 1), ONE(X(2, 21, 3, 5))},                                     \
    {name "_channels_keep", P(which, .axis = 1, .keep_dims = 1), ONE(X(2, 21, 3, 5))},                \
    {name "_last_axis", P(which, .axis = -1), ONE(X(2, 3, 4, 17))},                                   \
    {name "_negative_axis_keep", P(which, .axis = -2, .keep_dims = 1), ONE(X(2, 3, 9, 2))},           \
    {name "_vector", P(which, .axis = 0), ONE(X(13))},                                                \
    {name "_vector_keep", P(which, .axis = 0, .keep_dims = 1), ONE(X(13))},                           \
    {name "_size_1", P(which, .axis = 1), ONE(X(3, 1, 4))},                                           \
    {name "_ties", P(which, .axis = 1), ONE(TIES(CVK_F32, 7, 20))},                                   \
    {name "_ties_last", P(which, .axis = 1, LAST), ONE(TIES(CVK_F32, 7, 20))},                        \
    {name "_ties_columns", P(which, .axis = 0), ONE(TIES(CVK_F32, 20, 67))},                          \
    {name "_ties_columns_last", P(which, .axis = 0, LAST), ONE(TIES(CVK_F32, 20, 67))},               \
    {name "_nan", P(which, .axis = 1), ONE({DIMS(2, 5), VALUES(with_nan)})},                          \
    {name "_nan_last", P(which, .axis = 1, LAST), ONE({DIMS(2, 5), VALUES(with_nan)})},               \
    {name "_zeros", P(which, .axis = 1), ONE({DIMS(2, 4), VALUES(zeros)})},                           \
    {name "_zeros_last", P(which, .axis = 1, LAST), ONE({DIMS(2, 4), VALUES(zeros)})},                \
    {name "_lowest", P(which, .axis = 0), ONE({DIMS(3), VALUES(lowest)})},                            \
    {name "_no_rows", P(which, .axis = 1), ONE(X(0, 4))},                                             \
    {name "_f64", P(which, .axis = 1), ONE(TYPED(CVK_F64, 3, 9))},                                    \
    {name "_f16", P(which, .axis = 1), ONE(TYPED(CVK_F16, 3, 9))},                                    \
    {name "_i8", P(which, .axis = 1), ONE(TIES(CVK_I8, 5, 9))},                                       \
    {name "_u8_ends", P(which, .axis = 1), ONE(ENDS(CVK_U8, 5, 9))},                                  \
    {name "_i32_ends", P(which, .axis = 1), ONE(ENDS(CVK_I32, 5, 9))},                                \
    {name "_i64_ends", P(which, .axis = 1), ONE(ENDS(CVK_I64, 5, 9))},                                \
    {name "_u64_ends", P(which, .axis = 1), ONE(ENDS(CVK_U64, 5, 9))}

static const struct cvk_case cases[] = {
    KIND("max", .kind = CVK_ARG_MAX),
    KIND("min", .kind = CVK_ARG_MIN),
    {"bench_classes", P(.axis = 1), ONE(X(256, 1000)), .bench = 1},
    {"bench_channels", P(.axis = 1), ONE(X(4, 21, 128, 128)), .bench = 1},
};

const struct cvk_case_table cvk_cases_arg = {CVK_OP_ARG, cases, COUNT(cases)};
