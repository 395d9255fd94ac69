/* SPDX-License-Identifier: MIT
 * Cases of slice. */
#include "short.h"

#define LIST(...) {__VA_ARGS__}
/* From the first axis on. */
#define FIRST(n, s, e, d) .params = &(const struct cvk_slice_params){.count = n, .start = s, .end = e, .step = d}
#define ON(n, a, s, e, d)                                                                                                   \
    .params = &(const struct cvk_slice_params){.count = n, .axes_given = 1, .axes = a, .start = s, .end = e, .step = d}
#define INTS(type, array) {type, DIMS(sizeof(array) / sizeof((array)[0])), VALUES(array), .constant = 1}

static const double starts[] = {1, -3}, ends[] = {100, -1}, axes[] = {2, -3}, steps[] = {2, 1}, back_steps[] = {1, -1},
                    back_starts[] = {0, -1}, back_ends[] = {2, -9e18};

static const struct cvk_case cases[] = {
    {"nothing_named", .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"crop", ON(2, LIST(2, 3), LIST(1, 2), LIST(5, 6), LIST(0)), .input_count = 1, .inputs = {X(2, 3, 7, 8)}},
    {"channels", ON(1, LIST(1), LIST(2), LIST(5), LIST(0)), .input_count = 1, .inputs = {X(2, 7, 4, 4)}},
    {"blocks_of_16", ON(1, LIST(1), LIST(16), LIST(48), LIST(0)), .input_count = 1, .inputs = {X(2, 48, 3, 3)}},
    {"crop_of_blocks", ON(2, LIST(2, 3), LIST(1, 2), LIST(6, 9), LIST(2, 1)), .input_count = 1, .inputs = {X(2, 21, 7, 11)}},
    {"blocks_to_the_end", ON(2, LIST(1, 2), LIST(16, 1), LIST(41, 4), LIST(0)), .input_count = 1, .inputs = {X(2, 41, 5, 3)}},
    {"long_runs", FIRST(2, LIST(0, 3), LIST(2, 40003), LIST(0)), .input_count = 1, .inputs = {X(2, 40010)}},
    {"many_rows", ON(1, LIST(3), LIST(1), LIST(4), LIST(0)), .input_count = 1, .inputs = {X(3, 40, 90, 7)}},
    {"batch", FIRST(1, LIST(1), LIST(2), LIST(0)), .input_count = 1, .inputs = {X(3, 2, 2, 2)}},
    {"first_axes", FIRST(3, LIST(0, 1, 1), LIST(2, 3, 4), LIST(1, 1, 2)), .input_count = 1, .inputs = {X(3, 4, 5, 2)}},
    {"step_2", ON(2, LIST(2, 3), LIST(0, 1), LIST(9, 9), LIST(2, 3)), .input_count = 1, .inputs = {X(1, 2, 9, 9)}},
    {"step_beyond_end", FIRST(1, LIST(1), LIST(9), LIST(100)), .input_count = 1, .inputs = {X(5, 2)}},
    {"step_huge", FIRST(1, LIST(1), LIST(9), LIST(INT64_MAX)), .input_count = 1, .inputs = {X(5, 2)}},
    {"step_huge_back", FIRST(1, LIST(3), LIST(INT64_MIN), LIST(INT64_MIN)), .input_count = 1, .inputs = {X(5, 2)}},
    {"reversed", FIRST(1, LIST(-1), LIST(INT64_MIN), LIST(-1)), .input_count = 1, .inputs = {X(6, 3)}},
    {"reversed_all_axes", FIRST(3, LIST(-1, -1, -1), LIST(-99, -99, -99), LIST(-1, -1, -1)), .input_count = 1,
     .inputs = {X(3, 4, 5)}},
    {"step_minus_2", FIRST(1, LIST(6), LIST(1), LIST(-2)), .input_count = 1, .inputs = {X(8, 2)}},
    {"step_minus_2_to_the_first", FIRST(1, LIST(6), LIST(-20), LIST(-2)), .input_count = 1, .inputs = {X(8, 2)}},
    {"from_the_end", ON(1, LIST(-1), LIST(-3), LIST(-1), LIST(0)), .input_count = 1, .inputs = {X(2, 7)}},
    {"bounds_clamped", FIRST(2, LIST(-100, -2), LIST(100, 1000), LIST(0)), .input_count = 1, .inputs = {X(4, 5)}},
    {"start_clamped_back", FIRST(1, LIST(100), LIST(2), LIST(-1)), .input_count = 1, .inputs = {X(6)}},
    {"bounds_huge", FIRST(1, LIST(INT64_MIN), LIST(INT64_MAX), LIST(0)), .input_count = 1, .inputs = {X(6, 2)}},
    {"one_element", FIRST(3, LIST(1, 2, 3), LIST(2, 3, 4), LIST(0)), .input_count = 1, .inputs = {X(4, 4, 4)}},
    {"end_before_start", FIRST(1, LIST(3), LIST(1), LIST(0)), .input_count = 1, .inputs = {X(5, 2)}},
    {"start_behind_the_end", FIRST(1, LIST(9), LIST(20), LIST(0)), .input_count = 1, .inputs = {X(5, 2)}},
    {"empty_x", FIRST(2, LIST(0, 1), LIST(5, 2), LIST(0)), .input_count = 1, .inputs = {X(0, 3)}},
    {"empty_x_back", FIRST(1, LIST(-1), LIST(-9), LIST(-1)), .input_count = 1, .inputs = {X(0, 3)}},
    {"rank_1", FIRST(1, LIST(2), LIST(9), LIST(3)), .input_count = 1, .inputs = {X(10)}},
    {"rank_8", ON(2, LIST(7, 1), LIST(1, 0), LIST(3, 1), LIST(0)), .input_count = 1, .inputs = {X(1, 2, 1, 2, 1, 2, 1, 3)}},
    {"inputs", .input_count = 3, .inputs = {X(5, 6, 2), INTS(CVK_I64, starts), INTS(CVK_I64, ends)}},
    {"inputs_with_axes", .input_count = 4,
     .inputs = {X(5, 3, 6), INTS(CVK_I64, starts), INTS(CVK_I64, ends), INTS(CVK_I64, axes)}},
    {"inputs_with_steps", .input_count = 5,
     .inputs = {X(5, 3, 6), INTS(CVK_I32, starts), INTS(CVK_I32, ends), INTS(CVK_I32, axes), INTS(CVK_I32, steps)}},
    {"inputs_without_axes", .input_count = 5,
     .inputs = {X(5, 6, 3), INTS(CVK_I64, back_starts), INTS(CVK_I64, back_ends), ABSENT, INTS(CVK_I64, back_steps)}},
    {"special_values", FIRST(1, LIST(3), LIST(60), LIST(2)), .input_count = 1, .inputs = {{DIMS(64), .fill = CVK_FILL_SPECIAL}}},
    {"f64", FIRST(1, LIST(1), LIST(3), LIST(0)), .input_count = 1, .inputs = {TYPED(CVK_F64, 4, 3)}},
    {"f16", FIRST(1, LIST(1), LIST(3), LIST(0)), .input_count = 1, .inputs = {TYPED(CVK_F16, 4, 3)}},
    {"bf16", FIRST(1, LIST(1), LIST(3), LIST(0)), .input_count = 1, .inputs = {TYPED(CVK_BF16, 4, 3)}},
    {"u8", FIRST(2, LIST(1, 1), LIST(3, 3), LIST(0)), .input_count = 1, .inputs = {TYPED(CVK_U8, 4, 3)}},
    {"i16", FIRST(2, LIST(1, 1), LIST(3, 3), LIST(0)), .input_count = 1, .inputs = {TYPED(CVK_I16, 4, 3)}},
    {"i32", FIRST(2, LIST(1, 1), LIST(3, 3), LIST(0)), .input_count = 1, .inputs = {TYPED(CVK_I32, 4, 3)}},
    {"i64_ends", FIRST(1, LIST(-1), LIST(-99), LIST(-1)), .input_count = 1,
     .inputs = {{CVK_I64, DIMS(20), .fill = CVK_FILL_SPECIAL}}},
    {"bool", FIRST(2, LIST(1, 1), LIST(3, 3), LIST(0)), .input_count = 1, .inputs = {TYPED(CVK_BOOL, 4, 3)}},
    {"bench_crop", ON(2, LIST(2, 3), LIST(16, 16), LIST(240, 240), LIST(0)), .bench = 1, .input_count = 1,
     .inputs = {X(4, 3, 256, 256)}},
};

const struct cvk_case_table cvk_cases_slice = {CVK_OP_SLICE, cases, COUNT(cases)};
