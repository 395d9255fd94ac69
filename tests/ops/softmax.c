/* SPDX-License-Identifier: MIT
 * Cases of softmax, its logarithm and hardmax: every axis, the flattening rule, large and special numbers. */
#include <math.h>

#include "short.h"

#define P(softmax_kind, softmax_axis, softmax_flatten)                                                        \
    .params = &(const struct cvk_softmax_params){.kind = softmax_kind, .axis = softmax_axis, .flatten = softmax_flatten}
#define ONE(...) .input_count = 1, .inputs = {__VA_ARGS__}

static const double large[] = {1000, 1001, 999, 0, -1000};
static const double with_lowest[] = {0, -HUGE_VAL, 1, -HUGE_VAL};
static const double with_nan[] = {0, (double)NAN, 1, 2};
static const double highest[] = {0, HUGE_VAL, 1, 2};
static const double lowest[] = {-HUGE_VAL};

#define KIND(name, kind)                                                                                      \
    {name "_matrix", P(kind, 1, 0), ONE({DIMS(3, 10), .lo = -4, .hi = 4})},                                   \
    {name "_axis_0", P(kind, 0, 0), ONE({DIMS(4, 3, 2, 5), .lo = -4, .hi = 4})},                              \
    {name "_channels", P(kind, 1, 0), ONE({DIMS(2, 21, 3, 5), .lo = -4, .hi = 4})},                           \
    {name "_axis_2", P(kind, 2, 0), ONE({DIMS(2, 3, 7, 5), .lo = -4, .hi = 4})},                              \
    {name "_last", P(kind, -1, 0), ONE({DIMS(2, 3, 4, 17), .lo = -4, .hi = 4})},                              \
    {name "_negative_axis", P(kind, -3, 0), ONE({DIMS(2, 6, 4, 3), .lo = -4, .hi = 4})},                      \
    {name "_flatten_0", P(kind, 0, 1), ONE({DIMS(2, 3, 5), .lo = -4, .hi = 4})},                              \
    {name "_flatten_1", P(kind, 1, 1), ONE({DIMS(2, 3, 5), .lo = -4, .hi = 4})},                              \
    {name "_flatten_last", P(kind, -1, 1), ONE({DIMS(2, 3, 5), .lo = -4, .hi = 4})},                          \
    {name "_vector", P(kind, 0, 0), ONE({DIMS(13), .lo = -4, .hi = 4})},                                      \
    {name "_size_1", P(kind, 1, 0), ONE(X(3, 1, 4))},                                                         \
    {name "_large", P(kind, 0, 0), ONE({DIMS(5), VALUES(large)})},                                            \
    {name "_lowest_among_others", P(kind, 0, 0), ONE({DIMS(4), VALUES(with_lowest)})},                        \
    {name "_nan", P(kind, 1, 0), ONE({DIMS(2, 4), VALUES(with_nan)})},                                        \
    {name "_equal", P(kind, 1, 0), ONE({DIMS(2, 7), .lo = 0.5, .hi = 0.5})},                                  \
    {name "_ties", P(kind, 1, 0), ONE({DIMS(6, 9), .fill = CVK_FILL_TIES})},                                  \
    {name "_empty_axis", P(kind, 1, 0), ONE(X(2, 0))},                                                        \
    {name "_empty_batch", P(kind, 1, 0), ONE(X(0, 5))},                                                       \
    {name "_wide", P(kind, 0, 0), ONE({DIMS(3, 131), .lo = -9, .hi = 9})},                                    \
    {name "_thousand", P(kind, 1, 0), ONE({DIMS(2, 1000), .lo = -9, .hi = 9})},                               \
    {name "_f64", P(kind, 1, 0), .rtol = 1e-12, ONE(TYPED(CVK_F64, 3, 10))},                                  \
    {name "_f16", F16_TOLERANCE, P(kind, 1, 0), ONE(TYPED(CVK_F16, 3, 10))},                                  \
    {name "_bf16", BF16_TOLERANCE, P(kind, 1, 0), ONE(TYPED(CVK_BF16, 3, 10))}

static const struct cvk_case cases[] = {
    KIND("softmax", CVK_SOFTMAX),
    KIND("log_softmax", CVK_LOG_SOFTMAX),
    KIND("hardmax", CVK_HARDMAX),
    {"softmax_highest", P(CVK_SOFTMAX, 0, 0), ONE({DIMS(4), VALUES(highest)})},
    {"softmax_all_lowest", P(CVK_SOFTMAX, 0, 0), ONE({DIMS(4), VALUES(lowest)})},
    {"hardmax_all_lowest", P(CVK_HARDMAX, 0, 0), ONE({DIMS(4), VALUES(lowest)})},
    {"softmax_rows_of_3", P(CVK_SOFTMAX, 1, 0), ONE(X(5, 3))},
    {"softmax_rows_of_15", P(CVK_SOFTMAX, 1, 0), ONE(X(5, 15))},
    {"softmax_rows_of_16", P(CVK_SOFTMAX, 1, 0), ONE(X(5, 16))},
    {"softmax_rows_of_33", P(CVK_SOFTMAX, 1, 0), ONE(X(601, 33))},
    {"softmax_long_rows", P(CVK_SOFTMAX, 1, 0), ONE({DIMS(2, 10007), .lo = -9, .hi = 9})},
    {"log_softmax_long_rows", P(CVK_LOG_SOFTMAX, 1, 0), ONE({DIMS(2, 10007), .lo = -9, .hi = 9})},
    {"softmax_lanes_63", P(CVK_SOFTMAX, 1, 0), ONE({DIMS(2, 9, 63), .lo = -9, .hi = 9})},
    {"softmax_lanes_64", P(CVK_SOFTMAX, 1, 0), ONE({DIMS(2, 9, 64), .lo = -9, .hi = 9})},
    {"log_softmax_lanes_65", P(CVK_LOG_SOFTMAX, 1, 0), ONE({DIMS(2, 9, 65), .lo = -9, .hi = 9})},
    {"softmax_many_lanes", P(CVK_SOFTMAX, 1, 0), ONE({DIMS(3, 21, 33, 17), .lo = -9, .hi = 9})},
    {"softmax_columns_nan", P(CVK_SOFTMAX, 0, 0), ONE({DIMS(3, 4), VALUES(with_nan)})},
    {"softmax_columns_lowest", P(CVK_SOFTMAX, 0, 0), ONE({DIMS(5, 3), VALUES(with_lowest)})},
    {"softmax_columns_highest", P(CVK_SOFTMAX, 0, 0), ONE({DIMS(5, 3), VALUES(highest)})},
    {"softmax_columns_large", P(CVK_SOFTMAX, 0, 0), ONE({DIMS(5, 4), VALUES(large)})},
    {"log_softmax_columns_large", P(CVK_LOG_SOFTMAX, 0, 0), ONE({DIMS(5, 4), VALUES(large)})},
    {"bench_classes", P(CVK_SOFTMAX, 1, 0), ONE(X(256, 1000)), .bench = 1},
    {"bench_channels", P(CVK_SOFTMAX, 1, 0), ONE(X(4, 21, 128, 128)), .bench = 1},
};

const struct cvk_case_table cvk_cases_softmax = {CVK_OP_SOFTMAX, cases, COUNT(cases)};
