/* SPDX-License-Identifier: MIT
 * Cases of split. */
#include "short.h"

#define AXIS(a) .params = &(const struct cvk_split_params){.axis = a}
#define RAGGED(a) .params = &(const struct cvk_split_params){.axis = a, .ragged = 1}
#define SIZES(array) {CVK_I64, DIMS(sizeof(array) / sizeof((array)[0])), VALUES(array), .constant = 1}

static const double sizes_132[] = {1, 3, 2}, sizes_022[] = {0, 2, 2}, sizes_5[] = {5}, sizes_00[] = {0, 0},
                    sizes_16_32_5[] = {16, 32, 5};

static const struct cvk_case cases[] = {
    {"channels", AXIS(1), .output_count = 2, .input_count = 1, .inputs = {X(2, 6, 4, 5)}},
    {"blocks_of_16", AXIS(1), .output_count = 2, .input_count = 1, .inputs = {X(2, 32, 4, 5)}},
    {"blocks_and_a_rest", AXIS(1), .output_count = 3, .input_count = 2, .inputs = {X(2, 53, 3, 5), SIZES(sizes_16_32_5)}},
    {"height_of_blocks", AXIS(2), .output_count = 2, .input_count = 1, .inputs = {X(2, 19, 4, 5)}},
    {"batch", AXIS(0), .output_count = 3, .input_count = 1, .inputs = {X(3, 2, 4, 5)}},
    {"width", AXIS(3), .output_count = 5, .input_count = 1, .inputs = {X(2, 2, 4, 5)}},
    {"axis_negative", AXIS(-2), .output_count = 2, .input_count = 1, .inputs = {X(2, 4, 5)}},
    {"one_part", AXIS(0), .output_count = 1, .input_count = 1, .inputs = {X(3, 4)}},
    {"sixteen_parts", AXIS(1), .output_count = 16, .input_count = 1, .inputs = {X(2, 16)}},
    {"ragged", RAGGED(0), .output_count = 4, .input_count = 1, .inputs = {X(7, 3)}},
    {"ragged_that_divides", RAGGED(1), .output_count = 3, .input_count = 1, .inputs = {X(2, 6)}},
    {"ragged_last_empty", RAGGED(0), .output_count = 4, .input_count = 1, .inputs = {X(6, 2)}},
    {"sizes", AXIS(1), .output_count = 3, .input_count = 2, .inputs = {X(2, 6, 3), SIZES(sizes_132)}},
    {"sizes_with_0", AXIS(0), .output_count = 3, .input_count = 2, .inputs = {X(4, 3), SIZES(sizes_022)}},
    {"sizes_of_one", AXIS(-1), .output_count = 1, .input_count = 2, .inputs = {X(2, 5), SIZES(sizes_5)}},
    {"sizes_all_0", AXIS(0), .output_count = 2, .input_count = 2, .inputs = {X(0, 5), SIZES(sizes_00)}},
    {"empty_axis", AXIS(1), .output_count = 3, .input_count = 1, .inputs = {X(2, 0, 4)}},
    {"empty_elsewhere", AXIS(1), .output_count = 2, .input_count = 1, .inputs = {X(0, 4)}},
    {"rank_1", AXIS(0), .output_count = 2, .input_count = 1, .inputs = {X(10)}},
    {"rank_8", AXIS(3), .output_count = 2, .input_count = 1, .inputs = {X(1, 2, 1, 4, 1, 2, 1, 3)}},
    {"special_values", AXIS(0), .output_count = 2, .input_count = 1, .inputs = {{DIMS(64), .fill = CVK_FILL_SPECIAL}}},
    {"f64", AXIS(0), .output_count = 2, .input_count = 1, .inputs = {TYPED(CVK_F64, 4, 3)}},
    {"f16", AXIS(1), .output_count = 3, .input_count = 1, .inputs = {TYPED(CVK_F16, 4, 3)}},
    {"bf16", AXIS(1), .output_count = 3, .input_count = 1, .inputs = {TYPED(CVK_BF16, 4, 3)}},
    {"i8", AXIS(1), .output_count = 3, .input_count = 1, .inputs = {TYPED(CVK_I8, 5, 3)}},
    {"u8", AXIS(1), .output_count = 3, .input_count = 1, .inputs = {TYPED(CVK_U8, 5, 3)}},
    {"i32", AXIS(1), .output_count = 3, .input_count = 1, .inputs = {TYPED(CVK_I32, 5, 3)}},
    {"i64_ends", AXIS(0), .output_count = 2, .input_count = 1, .inputs = {{CVK_I64, DIMS(20), .fill = CVK_FILL_SPECIAL}}},
    {"bool", AXIS(1), .output_count = 3, .input_count = 1, .inputs = {TYPED(CVK_BOOL, 5, 3)}},
    {"bench_halves", AXIS(1), .bench = 1, .output_count = 2, .input_count = 1, .inputs = {X(8, 116, 28, 28)}},
};

const struct cvk_case_table cvk_cases_split = {CVK_OP_SPLIT, cases, COUNT(cases)};
