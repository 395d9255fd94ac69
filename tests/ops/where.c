/* SPDX-License-Identifier: MIT
 * Cases of where: broadcasting of each of the three inputs, element types of each size. */
#include "short.h"

#define C(...) TYPED(CVK_BOOL, __VA_ARGS__)
#define THREE(...) .input_count = 3, .inputs = {__VA_ARGS__}

static const struct cvk_case cases[] = {
    {"equal_sizes", THREE(C(2, 5, 3, 7), X(2, 5, 3, 7), X(2, 5, 3, 7))},
    {"condition_stretches", THREE(C(5, 1), X(2, 5, 3), X(2, 5, 3))},
    {"a_is_a_number", THREE(C(2, 5, 3), {.rank = 0}, X(2, 5, 3))},
    {"b_is_a_number", THREE(C(2, 5, 3), X(2, 5, 3), {.rank = 0})},
    {"all_stretch", THREE(C(4, 1, 1), X(3, 1), X(5))},
    {"condition_is_a_number", THREE({.dtype = CVK_BOOL, .rank = 0}, X(2, 3), X(2, 3))},
    {"numbers", THREE({.dtype = CVK_BOOL, .rank = 0}, {.rank = 0}, {.rank = 0})},
    {"higher_rank_condition", THREE(C(2, 3, 4, 5), X(5), X(4, 1))},
    {"constant_b", THREE(C(4, 4), X(4, 4), W(1))},
    {"special", THREE(C(40), {DIMS(40), .fill = CVK_FILL_SPECIAL}, X(40))},
    {"empty", THREE(C(2, 0), X(2, 0), X(1))},
    {"odd_row", THREE(C(1037), X(1037), X(1037))},
    {"f64", THREE(C(3, 5), TYPED(CVK_F64, 3, 5), TYPED(CVK_F64, 5))},
    {"f16", THREE(C(3, 5), TYPED(CVK_F16, 3, 5), TYPED(CVK_F16, 5))},
    {"i8", THREE(C(3, 5), TYPED(CVK_I8, 3, 5), TYPED(CVK_I8, 5))},
    {"i32", THREE(C(3, 5), TYPED(CVK_I32, 3, 5), TYPED(CVK_I32, 5))},
    {"i64", THREE(C(3, 5), {.dtype = CVK_I64, DIMS(3, 5), .fill = CVK_FILL_SPECIAL}, TYPED(CVK_I64, 5))},
    {"bool", THREE(C(3, 5), TYPED(CVK_BOOL, 3, 5), TYPED(CVK_BOOL, 5))},
    {"bench_mask", THREE(C(8, 1, 56, 56), X(8, 64, 56, 56), X(1)), .bench = 1},
};

const struct cvk_case_table cvk_cases_where = {CVK_OP_WHERE, cases, COUNT(cases)};
