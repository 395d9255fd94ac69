/* SPDX-License-Identifier: MIT
 * Cases of expand. */
#include "short.h"

#define TO(n, ...) .params = &(const struct cvk_expand_params){.count = n, .dims = {__VA_ARGS__}}
#define INTS(array) {CVK_I64, DIMS(sizeof(array) / sizeof((array)[0])), VALUES(array), .constant = 1}

static const double to_2_1_6[] = {2, 1, 6}, to_rank_5[] = {2, 1, 1, 3, 1};

static const struct cvk_case cases[] = {
    {"one_axis", TO(2, 3, 4), .input_count = 1, .inputs = {X(3, 1)}},
    {"first_axis", TO(2, 3, 4), .input_count = 1, .inputs = {X(1, 4)}},
    {"every_axis", TO(3, 2, 3, 4), .input_count = 1, .inputs = {X(1, 1, 1)}},
    {"new_axes", TO(4, 2, 3, 4, 5), .input_count = 1, .inputs = {X(4, 1)}},
    {"channels_to_maps", TO(4, 2, 3, 4, 5), .input_count = 1, .inputs = {X(1, 3, 1, 1)}},
    {"both_ways", TO(3, 2, 1, 6), .input_count = 1, .inputs = {X(3, 1)}},
    {"x_is_larger", TO(1, 1), .input_count = 1, .inputs = {X(2, 3)}},
    {"no_sizes", .input_count = 1, .inputs = {X(2, 3)}},
    {"unchanged", TO(2, 2, 3), .input_count = 1, .inputs = {X(2, 3)}},
    {"scalar", TO(3, 2, 1, 3), .input_count = 1, .inputs = {{.rank = 0}}},
    {"scalar_to_scalar", .input_count = 1, .inputs = {{.rank = 0}}},
    {"rank_8", TO(8, 2, 1, 2, 1, 2, 1, 2, 3), .input_count = 1, .inputs = {X(1, 2, 1, 2, 1, 2, 1, 3)}},
    {"to_empty", TO(2, 0, 3), .input_count = 1, .inputs = {X(1, 3)}},
    {"empty_x", TO(3, 2, 0, 3), .input_count = 1, .inputs = {X(0, 1)}},
    {"sizes_as_input", .input_count = 2, .inputs = {X(3, 1), INTS(to_2_1_6)}},
    {"sizes_as_input_rank_5", .input_count = 2, .inputs = {X(1, 2, 1, 4), INTS(to_rank_5)}},
    {"special_values", TO(2, 3, 32), .input_count = 1, .inputs = {{DIMS(32), .fill = CVK_FILL_SPECIAL}}},
    {"f64", TO(2, 3, 4), .input_count = 1, .inputs = {TYPED(CVK_F64, 3, 1)}},
    {"f16", TO(2, 3, 4), .input_count = 1, .inputs = {TYPED(CVK_F16, 3, 1)}},
    {"bf16", TO(2, 3, 4), .input_count = 1, .inputs = {TYPED(CVK_BF16, 3, 1)}},
    {"u8", TO(2, 3, 5), .input_count = 1, .inputs = {TYPED(CVK_U8, 3, 1)}},
    {"i16", TO(2, 3, 5), .input_count = 1, .inputs = {TYPED(CVK_I16, 1, 5)}},
    {"i32", TO(2, 3, 5), .input_count = 1, .inputs = {TYPED(CVK_I32, 1, 5)}},
    {"i64_ends", TO(2, 3, 10), .input_count = 1, .inputs = {{CVK_I64, DIMS(1, 10), .fill = CVK_FILL_SPECIAL}}},
    {"bool", TO(2, 3, 5), .input_count = 1, .inputs = {TYPED(CVK_BOOL, 3, 1)}},
    {"bench_channels", TO(4, 1, 64, 112, 112), .bench = 1, .input_count = 1, .inputs = {X(1, 64, 1, 1)}},
};

const struct cvk_case_table cvk_cases_expand = {CVK_OP_EXPAND, cases, COUNT(cases)};
