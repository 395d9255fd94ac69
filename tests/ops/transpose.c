/* SPDX-License-Identifier: MIT
 * Cases of transpose. */
#include "short.h"

#define PERM(n, ...) .params = &(const struct cvk_transpose_params){.count = n, .perm = {__VA_ARGS__}}

static const struct cvk_case cases[] = {
    {"reversed", .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"matrix", PERM(2, 1, 0), .input_count = 1, .inputs = {X(5, 7)}},
    {"matrix_17", PERM(2, 1, 0), .input_count = 1, .inputs = {X(17, 33)}},
    {"matrix_long", PERM(2, 1, 0), .input_count = 1, .inputs = {X(150, 333)}},
    {"to_channels_last_21", PERM(4, 0, 2, 3, 1), .input_count = 1, .inputs = {X(2, 21, 19, 5)}},
    {"to_channels_first_rgb", PERM(4, 0, 3, 1, 2), .input_count = 1, .inputs = {X(2, 90, 71, 3)}},
    {"groups_of_channels", PERM(5, 0, 2, 1, 3, 4), .input_count = 1, .inputs = {X(2, 3, 29, 16, 17)}},
    {"identity", PERM(3, 0, 1, 2), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"to_channels_last", PERM(4, 0, 2, 3, 1), .input_count = 1, .inputs = {X(2, 3, 4, 5)}},
    {"to_channels_first", PERM(4, 0, 3, 1, 2), .input_count = 1, .inputs = {X(2, 4, 5, 3)}},
    {"height_and_width", PERM(4, 0, 1, 3, 2), .input_count = 1, .inputs = {X(2, 3, 4, 5)}},
    {"batch_and_channels", PERM(4, 1, 0, 2, 3), .input_count = 1, .inputs = {X(2, 3, 4, 5)}},
    {"cycle", PERM(3, 1, 2, 0), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"swap_ends", PERM(3, 2, 1, 0), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"negative", PERM(3, -1, 0, -2), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"shuffle", PERM(5, 0, 2, 1, 3, 4), .input_count = 1, .inputs = {X(1, 2, 4, 3, 3)}},
    {"rank_1", .input_count = 1, .inputs = {X(5)}},
    {"scalar", .input_count = 1, .inputs = {{.rank = 0}}},
    {"rank_8", PERM(8, 7, 0, 6, 1, 5, 2, 4, 3), .input_count = 1, .inputs = {X(1, 2, 1, 3, 2, 1, 2, 2)}},
    {"ones", PERM(4, 3, 2, 1, 0), .input_count = 1, .inputs = {X(1, 1, 1, 1)}},
    {"size_1_axes", PERM(4, 2, 0, 3, 1), .input_count = 1, .inputs = {X(1, 5, 1, 3)}},
    {"empty", PERM(3, 2, 0, 1), .input_count = 1, .inputs = {X(2, 0, 4)}},
    {"special_values", .input_count = 1, .inputs = {{DIMS(8, 8), .fill = CVK_FILL_SPECIAL}}},
    {"f64", .input_count = 1, .inputs = {TYPED(CVK_F64, 3, 5)}},
    {"f16", .input_count = 1, .inputs = {TYPED(CVK_F16, 3, 5)}},
    {"bf16", .input_count = 1, .inputs = {TYPED(CVK_BF16, 3, 5)}},
    {"u8", PERM(3, 1, 2, 0), .input_count = 1, .inputs = {TYPED(CVK_U8, 3, 5, 7)}},
    {"i8", .input_count = 1, .inputs = {TYPED(CVK_I8, 3, 5)}},
    {"i16", .input_count = 1, .inputs = {TYPED(CVK_I16, 3, 5)}},
    {"i32", .input_count = 1, .inputs = {TYPED(CVK_I32, 3, 5)}},
    {"i64_ends", .input_count = 1, .inputs = {{CVK_I64, DIMS(3, 7), .fill = CVK_FILL_SPECIAL}}},
    {"bool", .input_count = 1, .inputs = {TYPED(CVK_BOOL, 3, 5)}},
    {"bench_to_channels_last", PERM(4, 0, 2, 3, 1), .bench = 1, .input_count = 1, .inputs = {X(1, 64, 112, 112)}},
    {"bench_matrix", PERM(2, 1, 0), .bench = 1, .input_count = 1, .inputs = {X(1000, 1000)}},
};

const struct cvk_case_table cvk_cases_transpose = {CVK_OP_TRANSPOSE, cases, COUNT(cases)};
