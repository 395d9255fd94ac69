/* SPDX-License-Identifier: MIT
 * Cases of pad. */
#include <math.h>

#include "short.h"

#define LIST(...) {__VA_ARGS__}
#define PAD(m, b, e) .params = &(const struct cvk_pad_params){.mode = CVK_PAD_##m, .begin = b, .end = e}
#define FILL(v, b, e) .params = &(const struct cvk_pad_params){.value = v, .begin = b, .end = e}
#define MODE(m) .params = &(const struct cvk_pad_params){.mode = CVK_PAD_##m}
#define INTS(array) {CVK_I64, DIMS(sizeof(array) / sizeof((array)[0])), VALUES(array), .constant = 1}

static const double pads[] = {1, 0, 2, 0, 3, -1}, two_pads[] = {1, 2, 3, 0}, two_axes[] = {-1, 1}, value[] = {-2.5};

static const struct cvk_case cases[] = {
    {"border_of_zeros", FILL(0, LIST(0, 0, 1, 1), LIST(0, 0, 1, 1)), .input_count = 1, .inputs = {X(2, 3, 4, 5)}},
    {"asymmetric", FILL(0, LIST(0, 0, 2, 0), LIST(0, 0, 0, 3)), .input_count = 1, .inputs = {X(2, 3, 4, 5)}},
    {"every_axis", FILL(1.5, LIST(1, 2, 3, 0), LIST(2, 1, 0, 3)), .input_count = 1, .inputs = {X(2, 3, 2, 3)}},
    {"channels", FILL(-1, LIST(0, 3), LIST(0, 13)), .input_count = 1, .inputs = {X(2, 5, 3, 3)}},
    {"whole_blocks", FILL(-1, LIST(0, 0, 1, 2), LIST(0, 0, 3, 1)), .input_count = 1, .inputs = {X(2, 32, 3, 5)}},
    {"cut_block", FILL(0, LIST(1, 0, 1, 2), LIST(0, 0, 0, 1)), .input_count = 1, .inputs = {X(2, 21, 3, 5)}},
    {"reflected_blocks", PAD(REFLECT, LIST(0, 0, 2, 2), LIST(0, 0, 2, 1)), .input_count = 1, .inputs = {X(1, 21, 5, 4)}},
    {"rows_cut_and_grown", PAD(EDGE, LIST(0, 0, -1, 2), LIST(0, 0, 1, -1)), .input_count = 1, .inputs = {X(1, 17, 5, 4)}},
    {"many_rows", FILL(0, LIST(0, 0, 3, 3), LIST(0, 0, 3, 3)), .input_count = 1, .inputs = {X(1, 16, 90, 90)}},
    {"none", FILL(7, LIST(0), LIST(0)), .input_count = 1, .inputs = {X(2, 3, 4)}},
    {"cut", FILL(7, LIST(-1, 0, -2), LIST(0, -1, -1)), .input_count = 1, .inputs = {X(3, 3, 6)}},
    {"cut_and_grow", FILL(7, LIST(-1, 2), LIST(3, -2)), .input_count = 1, .inputs = {X(3, 5)}},
    {"cut_to_nothing", FILL(7, LIST(-1), LIST(-2)), .input_count = 1, .inputs = {X(3, 5)}},
    {"cut_to_nothing_and_grow", FILL(7, LIST(-3), LIST(2)), .input_count = 1, .inputs = {X(3, 2)}},
    {"empty_x", FILL(3, LIST(1, 0), LIST(1, 0)), .input_count = 1, .inputs = {X(0, 4)}},
    {"value_inf", FILL(-INFINITY, LIST(0, 1), LIST(0, 1)), .input_count = 1, .inputs = {X(2, 3)}},
    {"value_nan", FILL(NAN, LIST(0, 1), LIST(0, 1)), .input_count = 1, .inputs = {X(2, 3)}},
    {"value_minus_zero", FILL(-0.0, LIST(1), LIST(1)), .input_count = 1, .inputs = {X(2)}},
    {"rank_1", FILL(2, LIST(3), LIST(4)), .input_count = 1, .inputs = {X(5)}},
    {"rank_3", FILL(2, LIST(0, 0, 2), LIST(0, 0, 1)), .input_count = 1, .inputs = {X(2, 3, 7)}},
    {"rank_5", FILL(2, LIST(0, 0, 1, 0, 1), LIST(0, 0, 0, 1, 1)), .input_count = 1, .inputs = {X(1, 2, 3, 2, 2)}},
    {"rank_8", FILL(2, LIST(0, 1, 0, 0, 0, 0, 0, 1), LIST(1)), .input_count = 1, .inputs = {X(1, 2, 1, 2, 1, 2, 1, 2)}},
    {"scalar", FILL(2, LIST(0), LIST(0)), .input_count = 1, .inputs = {{.rank = 0}}},
    {"reflect", PAD(REFLECT, LIST(0, 0, 2, 1), LIST(0, 0, 1, 3)), .input_count = 1, .inputs = {X(1, 2, 4, 5)}},
    {"reflect_full", PAD(REFLECT, LIST(3), LIST(3)), .input_count = 1, .inputs = {X(4, 2)}},
    {"reflect_beyond", PAD(REFLECT, LIST(7), LIST(11)), .input_count = 1, .inputs = {X(3, 2)}},
    {"reflect_size_1", PAD(REFLECT, LIST(2), LIST(3)), .input_count = 1, .inputs = {X(1, 2)}},
    {"reflect_what_is_left", PAD(REFLECT, LIST(-2, 1), LIST(2, -1)), .input_count = 1, .inputs = {X(5, 4)}},
    {"edge", PAD(EDGE, LIST(0, 0, 2, 1), LIST(0, 0, 1, 3)), .input_count = 1, .inputs = {X(1, 2, 4, 5)}},
    {"edge_beyond", PAD(EDGE, LIST(9), LIST(9)), .input_count = 1, .inputs = {X(2, 2)}},
    {"edge_what_is_left", PAD(EDGE, LIST(-2, 1), LIST(2, -1)), .input_count = 1, .inputs = {X(5, 4)}},
    {"wrap", PAD(WRAP, LIST(0, 0, 2, 1), LIST(0, 0, 1, 3)), .input_count = 1, .inputs = {X(1, 2, 4, 5)}},
    {"wrap_beyond", PAD(WRAP, LIST(7), LIST(8)), .input_count = 1, .inputs = {X(3, 2)}},
    {"wrap_size_1", PAD(WRAP, LIST(2), LIST(2)), .input_count = 1, .inputs = {X(1, 3)}},
    {"wrap_what_is_left", PAD(WRAP, LIST(-2, 1), LIST(2, -1)), .input_count = 1, .inputs = {X(5, 4)}},
    {"inputs", .input_count = 2, .inputs = {X(2, 3, 4), INTS(pads)}},
    {"inputs_with_value", .input_count = 3, .inputs = {X(2, 3, 4), INTS(pads), {DIMS(1), VALUES(value), .constant = 1}}},
    {"inputs_with_scalar_value", .input_count = 3, .inputs = {X(2, 3, 4), INTS(pads), {.rank = 0, VALUES(value), .constant = 1}}},
    {"inputs_with_axes", MODE(REFLECT), .input_count = 4, .inputs = {X(2, 3, 4), INTS(two_pads), ABSENT, INTS(two_axes)}},
    {"special_values", FILL(0, LIST(1), LIST(1)), .input_count = 1, .inputs = {{DIMS(40), .fill = CVK_FILL_SPECIAL}}},
    {"f64", FILL(0.1, LIST(1, 1), LIST(1, 1)), .input_count = 1, .inputs = {TYPED(CVK_F64, 2, 3)}},
    {"f16", FILL(0.5, LIST(1, 1), LIST(1, 1)), .input_count = 1, .inputs = {TYPED(CVK_F16, 2, 3)}},
    {"bf16", FILL(0.5, LIST(1, 1), LIST(1, 1)), .input_count = 1, .inputs = {TYPED(CVK_BF16, 2, 3)}},
    {"i8", FILL(-100, LIST(1, 1), LIST(1, 1)), .input_count = 1, .inputs = {TYPED(CVK_I8, 2, 3)}},
    {"u8", FILL(255, LIST(1, 1), LIST(1, 1)), .input_count = 1, .inputs = {TYPED(CVK_U8, 2, 3)}},
    {"i16", FILL(-30000, LIST(1, 1), LIST(1, 1)), .input_count = 1, .inputs = {TYPED(CVK_I16, 2, 3)}},
    {"i32", FILL(-7, LIST(1, 1), LIST(1, 1)), .input_count = 1, .inputs = {TYPED(CVK_I32, 2, 3)}},
    {"i64", FILL(1e15, LIST(1, 1), LIST(1, 1)), .input_count = 1, .inputs = {TYPED(CVK_I64, 2, 3)}},
    {"u64", FILL(3, LIST(1, 1), LIST(1, 1)), .input_count = 1, .inputs = {TYPED(CVK_U64, 2, 3)}},
    {"bool", FILL(1, LIST(1, 1), LIST(1, 1)), .input_count = 1, .inputs = {TYPED(CVK_BOOL, 2, 3)}},
    {"bench_reflect", PAD(REFLECT, LIST(0, 0, 3, 3), LIST(0, 0, 3, 3)), .bench = 1,
     .input_count = 1, .inputs = {X(1, 32, 112, 112)}},
};

const struct cvk_case_table cvk_cases_pad = {CVK_OP_PAD, cases, COUNT(cases)};
