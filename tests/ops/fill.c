/* SPDX-License-Identifier: MIT
 * Cases of fill: every type, sizes from the fields and from an input. */
#include <math.h>

#include "short.h"

#define P(...) .params = &(const struct cvk_fill_params){__VA_ARGS__}
#define SIZES(...) .count = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), .dims = {__VA_ARGS__}

static const double three_four[] = {3, 4};
static const double nothing[] = {0};

static const struct cvk_case cases[] = {
    {"zeros", P(SIZES(2, 3, 4)), .input_count = 0},
    {"f32", P(SIZES(2, 3), .value = 1.5), .input_count = 0},
    {"f64", P(SIZES(2, 3), .value = 0.1, .dtype = CVK_F64), .input_count = 0},
    {"f16", P(SIZES(2, 3), .value = 0.1, .dtype = CVK_F16), .input_count = 0},
    {"bf16", P(SIZES(2, 3), .value = 0.1, .dtype = CVK_BF16), .input_count = 0},
    {"nan", P(SIZES(5), .value = (double)NAN), .input_count = 0},
    {"infinity", P(SIZES(5), .value = -HUGE_VAL), .input_count = 0},
    {"i8", P(SIZES(2, 3), .integer = -7, .dtype = CVK_I8), .input_count = 0},
    {"u8", P(SIZES(2, 3), .integer = 200, .dtype = CVK_U8), .input_count = 0},
    {"i16", P(SIZES(2, 3), .integer = -700, .dtype = CVK_I16), .input_count = 0},
    {"u16", P(SIZES(2, 3), .integer = 60000, .dtype = CVK_U16), .input_count = 0},
    {"i32", P(SIZES(2, 3), .integer = -70000, .dtype = CVK_I32), .input_count = 0},
    {"u32", P(SIZES(2, 3), .integer = 4000000000, .dtype = CVK_U32), .input_count = 0},
    {"i64", P(SIZES(2, 3), .integer = INT64_MIN, .dtype = CVK_I64), .input_count = 0},
    {"u64", P(SIZES(2, 3), .integer = INT64_MAX, .dtype = CVK_U64), .input_count = 0},
    {"bool", P(SIZES(2, 3), .integer = 1, .dtype = CVK_BOOL), .input_count = 0},
    {"bool_false", P(SIZES(2, 3), .integer = 0, .dtype = CVK_BOOL), .input_count = 0},
    {"number", P(.value = 3), .input_count = 0},
    {"empty", P(SIZES(3, 0, 2), .value = 3), .input_count = 0},
    {"odd_row", P(SIZES(2051), .value = 3), .input_count = 0},
    {"shape_input", P(.value = 2), .input_count = 1, .inputs = {{.dtype = CVK_I64, DIMS(2), VALUES(three_four), .constant = 1}}},
    {"shape_input_number", P(.value = 2), .input_count = 1,
     .inputs = {{.dtype = CVK_I64, DIMS(0), VALUES(nothing), .constant = 1}}},
};

const struct cvk_case_table cvk_cases_fill = {CVK_OP_FILL, cases, COUNT(cases)};
