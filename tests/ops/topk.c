/* SPDX-License-Identifier: MIT
 * Cases of topk: largest and smallest along every axis, k from the field and from an input, ties, NaN, other types. */
#include <math.h>

#include "short.h"

#define P(...) .params = &(const struct cvk_topk_params){__VA_ARGS__}
#define ONE(...) .input_count = 1, .output_count = 2, .inputs = {__VA_ARGS__}
#define TIES(type, ...) {.dtype = type, DIMS(__VA_ARGS__), .fill = CVK_FILL_TIES}
#define ENDS(type, ...) {.dtype = type, DIMS(__VA_ARGS__), .fill = CVK_FILL_SPECIAL}

static const double with_nan[] = {1, (double)NAN, HUGE_VAL, (double)NAN, -HUGE_VAL, 0.0, -0.0};
static const double three[] = {3};

#define KIND(name, small)                                                                                     \
    {name "_matrix", P(.axis = 1, .k = 3, .smallest = small), ONE(X(5, 10))},                                 \
    {name "_one", P(.axis = 1, .k = 1, .smallest = small), ONE(X(5, 10))},                                    \
    {name "_all_sorted", P(.axis = 1, .k = 10, .smallest = small), ONE(X(5, 10))},                            \
    {name "_axis_0", P(.axis = 0, .k = 2, .smallest = small), ONE(X(6, 3, 2, 5))},                            \
    {name "_channels", P(.axis = 1, .k = 4, .smallest = small), ONE(X(2, 21, 3, 5))},                         \
    {name "_last_axis", P(.axis = -1, .k = 5, .smallest = small), ONE(X(2, 3, 4, 17))},                       \
    {name "_vector", P(.axis = 0, .k = 7, .smallest = small), ONE(X(13))},                                    \
    {name "_size_1", P(.axis = 1, .k = 1, .smallest = small), ONE(X(3, 1, 4))},                               \
    {name "_ties", P(.axis = 1, .k = 8, .smallest = small), ONE(TIES(CVK_F32, 7, 20))},                       \
    {name "_ties_all", P(.axis = 1, .k = 20, .smallest = small), ONE(TIES(CVK_F32, 7, 20))},                  \
    {name "_nan", P(.axis = 1, .k = 4, .smallest = small), ONE({DIMS(2, 7), VALUES(with_nan)})},              \
    {name "_nan_all", P(.axis = 1, .k = 7, .smallest = small), ONE({DIMS(2, 7), VALUES(with_nan)})},          \
    {name "_no_rows", P(.axis = 1, .k = 2, .smallest = small), ONE(X(0, 4))},                                 \
    {name "_f64", P(.axis = 1, .k = 3, .smallest = small), ONE(TYPED(CVK_F64, 3, 9))},                        \
    {name "_f16", P(.axis = 1, .k = 3, .smallest = small), ONE(TYPED(CVK_F16, 3, 9))},                        \
    {name "_i8", P(.axis = 1, .k = 3, .smallest = small), ONE(TYPED(CVK_I8, 3, 9))},                          \
    {name "_u8_ends", P(.axis = 1, .k = 9, .smallest = small), ONE(ENDS(CVK_U8, 5, 9))},                      \
    {name "_i32_ends", P(.axis = 1, .k = 9, .smallest = small), ONE(ENDS(CVK_I32, 5, 9))},                    \
    {name "_i64_ends", P(.axis = 1, .k = 9, .smallest = small), ONE(ENDS(CVK_I64, 5, 9))},                    \
    {name "_u64_ends", P(.axis = 1, .k = 9, .smallest = small), ONE(ENDS(CVK_U64, 5, 9))},                    \
    {name "_k_input", P(.axis = 1, .smallest = small), .input_count = 2, .output_count = 2,                   \
     .inputs = {X(4, 6), {.dtype = CVK_I64, DIMS(1), VALUES(three), .constant = 1}}},                         \
    {name "_values_alone", P(.axis = 1, .k = 3, .smallest = small), .input_count = 1, .inputs = {X(5, 10)}}

static const struct cvk_case cases[] = {
    KIND("largest", 0),
    KIND("smallest", 1),
    {"thousand", P(.axis = 1, .k = 100), ONE(X(3, 1000))},
    {"bench_classes", P(.axis = 1, .k = 5), ONE(X(256, 1000)), .bench = 1},
};

const struct cvk_case_table cvk_cases_topk = {CVK_OP_TOPK, cases, COUNT(cases)};
