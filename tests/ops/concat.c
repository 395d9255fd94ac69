/* SPDX-License-Identifier: MIT
 * Cases of concat. */
#include "short.h"

#define AXIS(a) .params = &(const struct cvk_concat_params){.axis = a}

static const struct cvk_case cases[] = {
    {"channels", AXIS(1), .input_count = 2, .inputs = {X(2, 3, 4, 5), X(2, 2, 4, 5)}},
    {"blocks_of_16", AXIS(1), .input_count = 2, .inputs = {X(2, 16, 4, 5), X(2, 32, 4, 5)}},
    {"blocks_and_a_rest", AXIS(1), .input_count = 3, .inputs = {X(1, 16, 3, 3), X(1, 5, 3, 3), X(1, 8, 3, 3)}},
    {"cut_blocks", AXIS(1), .input_count = 4, .inputs = {X(2, 24, 3, 5), X(2, 7, 3, 5), X(2, 40, 3, 5), X(2, 1, 3, 5)}},
    {"cut_blocks_long", AXIS(1), .input_count = 3, .inputs = {X(1, 12, 19, 17), X(1, 12, 19, 17), X(1, 20, 19, 17)}},
    {"blocks_along_height", AXIS(2), .input_count = 2, .inputs = {X(2, 20, 2, 5), X(2, 20, 3, 5)}},
    {"many_pixels", AXIS(3), .input_count = 2, .inputs = {X(1, 3, 40, 200), X(1, 3, 40, 100)}},
    {"long_runs", AXIS(0), .input_count = 2, .inputs = {X(1, 40000), X(2, 40000)}},
    {"batch", AXIS(0), .input_count = 3, .inputs = {X(1, 3, 4, 5), X(2, 3, 4, 5), X(3, 3, 4, 5)}},
    {"height", AXIS(2), .input_count = 2, .inputs = {X(2, 3, 1, 5), X(2, 3, 7, 5)}},
    {"width", AXIS(3), .input_count = 2, .inputs = {X(2, 3, 4, 5), X(2, 3, 4, 1)}},
    {"axis_negative", AXIS(-1), .input_count = 2, .inputs = {X(2, 3, 5), X(2, 3, 4)}},
    {"axis_negative_first", AXIS(-4), .input_count = 2, .inputs = {X(1, 3, 2, 2), X(2, 3, 2, 2)}},
    {"single", AXIS(0), .input_count = 1, .inputs = {X(3, 4)}},
    {"six", AXIS(1), .input_count = 6, .inputs = {X(2, 1), X(2, 2), X(2, 3), X(2, 4), X(2, 5), X(2, 6)}},
    {"rank_1", AXIS(0), .input_count = 2, .inputs = {X(7), X(3)}},
    {"rank_5", AXIS(2), .input_count = 2, .inputs = {X(1, 2, 3, 2, 2), X(1, 2, 1, 2, 2)}},
    {"rank_8", AXIS(7), .input_count = 2, .inputs = {X(1, 2, 1, 2, 1, 2, 1, 3), X(1, 2, 1, 2, 1, 2, 1, 2)}},
    {"ones", AXIS(1), .input_count = 2, .inputs = {X(1, 1, 1, 1), X(1, 1, 1, 1)}},
    {"empty_part", AXIS(1), .input_count = 3, .inputs = {X(2, 3, 4), X(2, 0, 4), X(2, 1, 4)}},
    {"empty_parts_first_and_last", AXIS(0), .input_count = 3, .inputs = {X(0, 3), X(2, 3), X(0, 3)}},
    {"all_empty", AXIS(0), .input_count = 2, .inputs = {X(0, 3), X(0, 3)}},
    {"empty_elsewhere", AXIS(0), .input_count = 2, .inputs = {X(2, 0), X(3, 0)}},
    {"special_values", AXIS(0), .input_count = 2,
     .inputs = {{DIMS(33), .fill = CVK_FILL_SPECIAL}, {DIMS(31), .fill = CVK_FILL_SPECIAL}}},
    {"constant_part", AXIS(1), .input_count = 2, .inputs = {X(2, 3, 2), W(2, 1, 2)}},
    {"f64", AXIS(1), .input_count = 2, .inputs = {TYPED(CVK_F64, 2, 3, 2), TYPED(CVK_F64, 2, 1, 2)}},
    {"f16", AXIS(1), .input_count = 2, .inputs = {TYPED(CVK_F16, 2, 3, 2), TYPED(CVK_F16, 2, 1, 2)}},
    {"bf16", AXIS(0), .input_count = 2, .inputs = {TYPED(CVK_BF16, 2, 3), TYPED(CVK_BF16, 1, 3)}},
    {"i8", AXIS(1), .input_count = 2, .inputs = {TYPED(CVK_I8, 3, 3), TYPED(CVK_I8, 3, 2)}},
    {"u8", AXIS(1), .input_count = 2, .inputs = {TYPED(CVK_U8, 3, 3), TYPED(CVK_U8, 3, 2)}},
    {"i16", AXIS(1), .input_count = 2, .inputs = {TYPED(CVK_I16, 3, 3), TYPED(CVK_I16, 3, 2)}},
    {"u16", AXIS(1), .input_count = 2, .inputs = {TYPED(CVK_U16, 3, 3), TYPED(CVK_U16, 3, 2)}},
    {"i32", AXIS(1), .input_count = 2, .inputs = {TYPED(CVK_I32, 3, 3), TYPED(CVK_I32, 3, 2)}},
    {"u32", AXIS(1), .input_count = 2, .inputs = {TYPED(CVK_U32, 3, 3), TYPED(CVK_U32, 3, 2)}},
    {"i64_ends", AXIS(0), .input_count = 2,
     .inputs = {{CVK_I64, DIMS(12), .fill = CVK_FILL_SPECIAL}, {CVK_I64, DIMS(11), .fill = CVK_FILL_SPECIAL}}},
    {"u64", AXIS(1), .input_count = 2, .inputs = {TYPED(CVK_U64, 3, 3), TYPED(CVK_U64, 3, 2)}},
    {"bool", AXIS(1), .input_count = 2, .inputs = {TYPED(CVK_BOOL, 3, 3), TYPED(CVK_BOOL, 3, 2)}},
    {"bench_fire", AXIS(1), .bench = 1, .input_count = 2, .inputs = {X(1, 128, 55, 55), X(1, 128, 55, 55)}},
};

const struct cvk_case_table cvk_cases_concat = {CVK_OP_CONCAT, cases, COUNT(cases)};
