/* SPDX-License-Identifier: MIT
 * Cases of tile. */
#include "short.h"

#define TIMES(n, ...) .params = &(const struct cvk_tile_params){.count = n, .repeats = {__VA_ARGS__}}
#define INTS(array) {CVK_I64, DIMS(sizeof(array) / sizeof((array)[0])), VALUES(array), .constant = 1}

static const double twice_thrice[] = {2, 3}, once_never[] = {1, 0};

static const struct cvk_case cases[] = {
    {"one_axis", TIMES(2, 1, 3), .input_count = 1, .inputs = {X(2, 3)}},
    {"every_axis", TIMES(3, 2, 3, 2), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"channels", TIMES(4, 1, 3, 1, 1), .input_count = 1, .inputs = {X(2, 1, 4, 5)}},
    {"maps", TIMES(4, 1, 1, 2, 3), .input_count = 1, .inputs = {X(2, 3, 2, 3)}},
    {"batch", TIMES(4, 3, 1, 1, 1), .input_count = 1, .inputs = {X(2, 3, 2, 2)}},
    {"once", TIMES(2, 1, 1), .input_count = 1, .inputs = {X(3, 4)}},
    {"not_given", .input_count = 1, .inputs = {X(3, 4)}},
    {"never", TIMES(2, 2, 0), .input_count = 1, .inputs = {X(3, 4)}},
    {"empty", TIMES(2, 2, 3), .input_count = 1, .inputs = {X(0, 4)}},
    {"scalar", .input_count = 1, .inputs = {{.rank = 0}}},
    {"rank_1", TIMES(1, 7), .input_count = 1, .inputs = {X(3)}},
    {"rank_8", TIMES(8, 2, 1, 2, 1, 1, 2, 1, 2), .input_count = 1, .inputs = {X(1, 2, 1, 2, 1, 2, 1, 3)}},
    {"repeats_as_input", .input_count = 2, .inputs = {X(2, 3), INTS(twice_thrice)}},
    {"repeats_as_input_never", .input_count = 2, .inputs = {X(2, 3), INTS(once_never)}},
    {"special_values", TIMES(1, 2), .input_count = 1, .inputs = {{DIMS(32), .fill = CVK_FILL_SPECIAL}}},
    {"f64", TIMES(2, 2, 2), .input_count = 1, .inputs = {TYPED(CVK_F64, 3, 2)}},
    {"f16", TIMES(2, 2, 2), .input_count = 1, .inputs = {TYPED(CVK_F16, 3, 2)}},
    {"bf16", TIMES(2, 2, 2), .input_count = 1, .inputs = {TYPED(CVK_BF16, 3, 2)}},
    {"u8", TIMES(2, 2, 3), .input_count = 1, .inputs = {TYPED(CVK_U8, 3, 3)}},
    {"i16", TIMES(2, 2, 3), .input_count = 1, .inputs = {TYPED(CVK_I16, 3, 3)}},
    {"i32", TIMES(2, 2, 3), .input_count = 1, .inputs = {TYPED(CVK_I32, 3, 3)}},
    {"i64_ends", TIMES(1, 3), .input_count = 1, .inputs = {{CVK_I64, DIMS(10), .fill = CVK_FILL_SPECIAL}}},
    {"bool", TIMES(2, 2, 3), .input_count = 1, .inputs = {TYPED(CVK_BOOL, 3, 3)}},
    {"bench_maps", TIMES(4, 1, 1, 4, 4), .bench = 1, .input_count = 1, .inputs = {X(1, 32, 28, 28)}},
};

const struct cvk_case_table cvk_cases_tile = {CVK_OP_TILE, cases, COUNT(cases)};
