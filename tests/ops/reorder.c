/* SPDX-License-Identifier: MIT
 * Cases of reorder. A case gives the tensor alone: the harness goes through the pairs of layouts that a row's masks allow. */
#include "short.h"

static const struct cvk_case cases[] = {
    {"maps", .input_count = 1, .inputs = {X(2, 3, 4, 5)}},
    {"channels_1", .input_count = 1, .inputs = {X(2, 1, 4, 5)}},
    {"channels_4", .input_count = 1, .inputs = {X(2, 4, 3, 3)}},
    {"channels_7", .input_count = 1, .inputs = {X(2, 7, 3, 3)}},
    {"channels_8", .input_count = 1, .inputs = {X(1, 8, 3, 5)}},
    {"channels_15", .input_count = 1, .inputs = {X(2, 15, 2, 3)}},
    {"channels_16", .input_count = 1, .inputs = {X(1, 16, 3, 3)}},
    {"channels_17", .input_count = 1, .inputs = {X(1, 17, 3, 3)}},
    {"channels_50", .input_count = 1, .inputs = {X(2, 50, 3, 3)}},
    {"one_pixel", .input_count = 1, .inputs = {X(3, 20, 1, 1)}},
    {"one_pixel_blocks", .input_count = 1, .inputs = {X(3, 32, 1, 1)}},
    {"many_pixels", .input_count = 1, .inputs = {X(2, 21, 23, 29)}},
    {"one_row", .input_count = 1, .inputs = {X(1, 6, 1, 19)}},
    {"rank_3", .input_count = 1, .inputs = {X(2, 18, 7)}},
    {"rank_5", .input_count = 1, .inputs = {X(1, 9, 2, 3, 4)}},
    {"rank_8", .input_count = 1, .inputs = {X(1, 5, 1, 2, 1, 2, 1, 3)}},
    {"rank_2", .input_count = 1, .inputs = {X(3, 5)}},
    {"rank_1", .input_count = 1, .inputs = {X(5)}},
    {"scalar", .input_count = 1, .inputs = {{.rank = 0}}},
    {"batch_0", .input_count = 1, .inputs = {X(0, 3, 4, 5)}},
    {"channels_0", .input_count = 1, .inputs = {X(2, 0, 4, 5)}},
    {"pixels_0", .input_count = 1, .inputs = {X(2, 3, 0, 5)}},
    {"special_values", .input_count = 1, .inputs = {{DIMS(1, 10, 3, 3), .fill = CVK_FILL_SPECIAL}}},
    {"f64", .input_count = 1, .inputs = {TYPED(CVK_F64, 2, 5, 3, 3)}},
    {"f16", .input_count = 1, .inputs = {TYPED(CVK_F16, 2, 17, 3, 3)}},
    {"bf16", .input_count = 1, .inputs = {TYPED(CVK_BF16, 2, 9, 3, 3)}},
    {"i8", .input_count = 1, .inputs = {TYPED(CVK_I8, 2, 17, 3, 3)}},
    {"u8", .input_count = 1, .inputs = {TYPED(CVK_U8, 2, 3, 3, 3)}},
    {"i32", .input_count = 1, .inputs = {TYPED(CVK_I32, 2, 5, 3, 3)}},
    {"i64_ends", .input_count = 1, .inputs = {{CVK_I64, DIMS(1, 5, 2, 3), .fill = CVK_FILL_SPECIAL}}},
    {"bool", .input_count = 1, .inputs = {TYPED(CVK_BOOL, 2, 5, 3, 3)}},
    {"bench_56", .bench = 1, .input_count = 1, .inputs = {X(1, 64, 56, 56)}},
    {"bench_image", .bench = 1, .input_count = 1, .inputs = {X(8, 3, 224, 224)}},
};

const struct cvk_case_table cvk_cases_reorder = {CVK_OP_REORDER, cases, COUNT(cases)};
