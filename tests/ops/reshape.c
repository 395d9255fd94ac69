/* SPDX-License-Identifier: MIT
 * Cases of reshape. */
#include "short.h"

#define LIST(...) {__VA_ARGS__}
#define TO(k, n, d) .params = &(const struct cvk_reshape_params){.kind = CVK_##k, .count = n, .dims = d}
#define KIND(k) .params = &(const struct cvk_reshape_params){.kind = CVK_##k}
#define LITERAL(n, d) .params = &(const struct cvk_reshape_params){.count = n, .dims = d, .allow_zero = 1}
#define INTS(array) {CVK_I64, DIMS(sizeof(array) / sizeof((array)[0])), VALUES(array), .constant = 1}

static const double to_4_minus_1[] = {4, -1}, axes_0_minus_1[] = {0, -1}, axis_2[] = {2};

static const struct cvk_case cases[] = {
    {"reshape", TO(RESHAPE, 2, LIST(4, 6)), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"worked_out", TO(RESHAPE, 3, LIST(4, -1, 2)), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"copied", TO(RESHAPE, 2, LIST(0, -1)), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"copied_all", TO(RESHAPE, 3, LIST(0, 0, 0)), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"to_rank_8", TO(RESHAPE, 8, LIST(1, 2, 1, 3, 1, 2, 2, 1)), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"to_scalar", TO(RESHAPE, 0, LIST(0)), .input_count = 1, .inputs = {X(1, 1)}},
    {"from_scalar", TO(RESHAPE, 2, LIST(1, -1)), .input_count = 1, .inputs = {{.rank = 0}}},
    {"empty", TO(RESHAPE, 2, LIST(0, 5)), .input_count = 1, .inputs = {X(0, 3)}},
    {"zero_is_zero", LITERAL(3, LIST(0, 7, 2)), .input_count = 1, .inputs = {X(3, 0)}},
    {"dims_as_input", KIND(RESHAPE), .input_count = 2, .inputs = {X(2, 3, 4), INTS(to_4_minus_1)}},
    {"flatten", KIND(FLATTEN), .input_count = 1, .inputs = {X(2, 64, 3, 3)}},
    {"flatten_0", TO(FLATTEN, 1, LIST(0)), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"flatten_2", TO(FLATTEN, 1, LIST(2)), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"flatten_behind_the_last", TO(FLATTEN, 1, LIST(3)), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"flatten_negative", TO(FLATTEN, 1, LIST(-1)), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"flatten_scalar", TO(FLATTEN, 1, LIST(0)), .input_count = 1, .inputs = {{.rank = 0}}},
    {"flatten_empty", KIND(FLATTEN), .input_count = 1, .inputs = {X(2, 0, 3)}},
    {"squeeze_all", KIND(SQUEEZE), .input_count = 1, .inputs = {X(1, 3, 1, 1)}},
    {"squeeze_all_to_scalar", KIND(SQUEEZE), .input_count = 1, .inputs = {X(1, 1)}},
    {"squeeze_none_to_drop", KIND(SQUEEZE), .input_count = 1, .inputs = {X(2, 3)}},
    {"squeeze_named", TO(SQUEEZE, 2, LIST(-1, 0)), .input_count = 1, .inputs = {X(1, 3, 1, 1)}},
    {"squeeze_axes_as_input", KIND(SQUEEZE), .input_count = 2, .inputs = {X(1, 3, 1), INTS(axes_0_minus_1)}},
    {"unsqueeze_first", TO(UNSQUEEZE, 1, LIST(0)), .input_count = 1, .inputs = {X(2, 3)}},
    {"unsqueeze_last", TO(UNSQUEEZE, 1, LIST(-1)), .input_count = 1, .inputs = {X(2, 3)}},
    {"unsqueeze_unsorted", TO(UNSQUEEZE, 3, LIST(4, 0, 2)), .input_count = 1, .inputs = {X(2, 3)}},
    {"unsqueeze_scalar", TO(UNSQUEEZE, 2, LIST(0, 1)), .input_count = 1, .inputs = {{.rank = 0}}},
    {"unsqueeze_axes_as_input", KIND(UNSQUEEZE), .input_count = 2, .inputs = {X(2, 3), INTS(axis_2)}},
    {"identity", KIND(IDENTITY), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"identity_scalar", KIND(IDENTITY), .input_count = 1, .inputs = {{.rank = 0}}},
    {"special_values", TO(RESHAPE, 2, LIST(-1, 8)), .input_count = 1, .inputs = {{DIMS(64), .fill = CVK_FILL_SPECIAL}}},
    {"f64", KIND(FLATTEN), .input_count = 1, .inputs = {TYPED(CVK_F64, 2, 3, 2)}},
    {"f16", KIND(FLATTEN), .input_count = 1, .inputs = {TYPED(CVK_F16, 2, 3, 3)}},
    {"i8", KIND(FLATTEN), .input_count = 1, .inputs = {TYPED(CVK_I8, 3, 3, 3)}},
    {"i64_ends", KIND(IDENTITY), .input_count = 1, .inputs = {{CVK_I64, DIMS(20), .fill = CVK_FILL_SPECIAL}}},
    {"bool", KIND(FLATTEN), .input_count = 1, .inputs = {TYPED(CVK_BOOL, 3, 3, 3)}},
};

const struct cvk_case_table cvk_cases_reshape = {CVK_OP_RESHAPE, cases, COUNT(cases)};
