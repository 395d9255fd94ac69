/* SPDX-License-Identifier: MIT
 * Cases of one_hot: every place of the new axis, depth from the field and from an input, indices out of range, types. */
#include <math.h>

#include "short.h"

#define P(...) .params = &(const struct cvk_one_hot_params){__VA_ARGS__}
#define THREE(...) .input_count = 3, .inputs = {__VA_ARGS__}
#define INDICES(type, from, to, ...) {.dtype = type, DIMS(__VA_ARGS__), .lo = from, .hi = to}

static const double off_on[] = {0, 1};
static const double other_values[] = {-2, 7};
static const double ten[] = {10};
static const double fractions[] = {0, 1.75, -1.25, 3, (double)NAN, HUGE_VAL, -HUGE_VAL, 1e30};
#define OFF_ON {DIMS(2), VALUES(off_on)}
#define OTHER(type) {.dtype = type, DIMS(2), VALUES(other_values)}

static const struct cvk_case cases[] = {
    {"last", P(.axis = -1, .depth = 5), THREE(INDICES(CVK_I64, 0, 4, 7), ABSENT, OFF_ON)},
    {"first", P(.axis = 0, .depth = 5), THREE(INDICES(CVK_I64, 0, 4, 2, 3), ABSENT, OFF_ON)},
    {"middle", P(.axis = 1, .depth = 5), THREE(INDICES(CVK_I64, 0, 4, 2, 3), ABSENT, OFF_ON)},
    {"negative_axis", P(.axis = -3, .depth = 4), THREE(INDICES(CVK_I64, 0, 3, 2, 3, 2), ABSENT, OFF_ON)},
    {"negative_indices", P(.axis = 1, .depth = 4), THREE(INDICES(CVK_I64, -4, -1, 9), ABSENT, OFF_ON)},
    {"out_of_range", P(.axis = 1, .depth = 3), THREE(INDICES(CVK_I64, -9, 9, 30), ABSENT, OFF_ON)},
    {"far_out_of_range", P(.axis = 1, .depth = 3),
     THREE({.dtype = CVK_I64, DIMS(10), .fill = CVK_FILL_SPECIAL}, ABSENT, OFF_ON)},
    {"far_out_of_range_u64", P(.axis = 1, .depth = 3),
     THREE({.dtype = CVK_U64, DIMS(10), .fill = CVK_FILL_SPECIAL}, ABSENT, OFF_ON)},
    {"depth_input", P(.axis = 1),
     THREE(INDICES(CVK_I64, 0, 9, 6), {.dtype = CVK_I64, DIMS(1), VALUES(ten), .constant = 1}, OFF_ON)},
    {"depth_input_f32", P(.axis = 1), THREE(INDICES(CVK_I64, 0, 9, 6), {DIMS(1), VALUES(ten), .constant = 1}, OFF_ON)},
    {"depth_1", P(.axis = 1, .depth = 1), THREE(INDICES(CVK_I64, -1, 1, 6), ABSENT, OFF_ON)},
    {"number", P(.axis = 0, .depth = 4), THREE({.dtype = CVK_I64, .rank = 0, .lo = 1, .hi = 2}, ABSENT, OFF_ON)},
    {"empty", P(.axis = 1, .depth = 4), THREE(TYPED(CVK_I64, 0, 3), ABSENT, OFF_ON)},
    {"f32_indices", P(.axis = 1, .depth = 4), THREE({DIMS(8), VALUES(fractions)}, ABSENT, OFF_ON)},
    {"i32_indices", P(.axis = 1, .depth = 4), THREE(INDICES(CVK_I32, 0, 3, 5), ABSENT, OFF_ON)},
    {"u8_indices", P(.axis = 1, .depth = 4), THREE(INDICES(CVK_U8, 0, 5, 5), ABSENT, OFF_ON)},
    {"i32_values", P(.axis = 1, .depth = 4), THREE(INDICES(CVK_I64, 0, 3, 5), ABSENT, OTHER(CVK_I32))},
    {"i8_values", P(.axis = 1, .depth = 4), THREE(INDICES(CVK_I64, 0, 3, 5), ABSENT, OTHER(CVK_I8))},
    {"f64_values", P(.axis = 1, .depth = 4), THREE(INDICES(CVK_I64, 0, 3, 5), ABSENT, OTHER(CVK_F64))},
    {"f16_values", P(.axis = 1, .depth = 4), THREE(INDICES(CVK_I64, 0, 3, 5), ABSENT, OTHER(CVK_F16))},
    {"bool_values", P(.axis = 1, .depth = 4),
     THREE(INDICES(CVK_I64, 0, 3, 5), ABSENT, {.dtype = CVK_BOOL, DIMS(2), VALUES(off_on)})},
    {"bench_labels", P(.axis = 1, .depth = 1000), THREE(INDICES(CVK_I64, 0, 999, 1024), ABSENT, OFF_ON), .bench = 1},
};

const struct cvk_case_table cvk_cases_one_hot = {CVK_OP_ONE_HOT, cases, COUNT(cases)};
