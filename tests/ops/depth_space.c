/* SPDX-License-Identifier: MIT
 * Cases of depth_space. */
#include "short.h"

#define P(k, m, b) .params = &(const struct cvk_depth_space_params){.kind = k, .mode = CVK_MODE_##m, .block = b}
#define TO_SPACE(m, b) P(CVK_DEPTH_TO_SPACE, m, b)
#define TO_DEPTH(m, b) P(CVK_SPACE_TO_DEPTH, m, b)

static const struct cvk_case cases[] = {
    {"to_space_dcr", TO_SPACE(DCR, 2), .input_count = 1, .inputs = {X(2, 12, 3, 4)}},
    {"to_space_crd", TO_SPACE(CRD, 2), .input_count = 1, .inputs = {X(2, 12, 3, 4)}},
    {"to_space_dcr_3", TO_SPACE(DCR, 3), .input_count = 1, .inputs = {X(1, 18, 2, 5)}},
    {"to_space_crd_3", TO_SPACE(CRD, 3), .input_count = 1, .inputs = {X(1, 18, 2, 5)}},
    {"to_space_one_pixel", TO_SPACE(CRD, 4), .input_count = 1, .inputs = {X(1, 16, 1, 1)}},
    {"to_space_block_1", TO_SPACE(DCR, 1), .input_count = 1, .inputs = {X(2, 3, 4, 5)}},
    {"to_space_blocks_of_16", TO_SPACE(DCR, 2), .input_count = 1, .inputs = {X(1, 64, 3, 3)}},
    {"to_space_empty", TO_SPACE(DCR, 2), .input_count = 1, .inputs = {X(0, 4, 3, 3)}},
    {"to_space_no_channels", TO_SPACE(CRD, 2), .input_count = 1, .inputs = {X(2, 0, 3, 3)}},
    {"to_depth_dcr", TO_DEPTH(DCR, 2), .input_count = 1, .inputs = {X(2, 3, 4, 6)}},
    {"to_depth_crd", TO_DEPTH(CRD, 2), .input_count = 1, .inputs = {X(2, 3, 4, 6)}},
    {"to_depth_3", TO_DEPTH(DCR, 3), .input_count = 1, .inputs = {X(1, 2, 3, 6)}},
    {"to_depth_whole_map", TO_DEPTH(DCR, 4), .input_count = 1, .inputs = {X(1, 3, 4, 4)}},
    {"to_depth_block_1", TO_DEPTH(DCR, 1), .input_count = 1, .inputs = {X(2, 3, 4, 5)}},
    {"to_depth_empty", TO_DEPTH(DCR, 2), .input_count = 1, .inputs = {X(1, 2, 0, 4)}},
    {"special_values", TO_SPACE(CRD, 2), .input_count = 1, .inputs = {{DIMS(1, 4, 3, 3), .fill = CVK_FILL_SPECIAL}}},
    {"f64", TO_SPACE(DCR, 2), .input_count = 1, .inputs = {TYPED(CVK_F64, 1, 8, 2, 3)}},
    {"f16", TO_SPACE(DCR, 2), .input_count = 1, .inputs = {TYPED(CVK_F16, 1, 8, 2, 3)}},
    {"bf16", TO_SPACE(CRD, 2), .input_count = 1, .inputs = {TYPED(CVK_BF16, 1, 8, 2, 3)}},
    {"u8", TO_SPACE(CRD, 2), .input_count = 1, .inputs = {TYPED(CVK_U8, 1, 8, 2, 3)}},
    {"i32", TO_DEPTH(DCR, 2), .input_count = 1, .inputs = {TYPED(CVK_I32, 1, 2, 4, 6)}},
    {"i64_ends", TO_DEPTH(DCR, 2), .input_count = 1, .inputs = {{CVK_I64, DIMS(1, 1, 4, 6), .fill = CVK_FILL_SPECIAL}}},
    {"bool", TO_DEPTH(DCR, 2), .input_count = 1, .inputs = {TYPED(CVK_BOOL, 1, 2, 4, 6)}},
    {"bench_super_resolution", TO_SPACE(CRD, 3), .bench = 1, .input_count = 1, .inputs = {X(1, 9, 224, 224)}},
    {"bench_focus", TO_DEPTH(DCR, 2), .bench = 1, .input_count = 1, .inputs = {X(1, 3, 640, 640)}},
};

const struct cvk_case_table cvk_cases_depth_space = {CVK_OP_DEPTH_SPACE, cases, COUNT(cases)};
