/* SPDX-License-Identifier: MIT
 * Cases of lrn. */
#include "short.h"

#define P(n, al, be, bias)                                                                                                       \
    .params = &(const struct cvk_lrn_params)                                                                                     \
    {                                                                                                                            \
        .window = n, .alpha = al, .beta = be, .k = bias                                                                          \
    }

static const struct cvk_case cases[] = {
    {"alexnet", P(5, 1e-4f, 0.75f, 2), .input_count = 1, .inputs = {{DIMS(1, 12, 5, 5), .lo = -20, .hi = 20}}},
    {"window_3", P(3, 0.02f, 0.5f, 1), .input_count = 1, .inputs = {X(2, 5, 5, 5)}},
    {"window_1", P(1, 0.5f, 0.75f, 1), .input_count = 1, .inputs = {X(1, 4, 3, 3)}},
    {"window_even", P(4, 0.5f, 0.75f, 1), .input_count = 1, .inputs = {X(1, 7, 3, 4)}},
    {"window_2", P(2, 0.5f, 0.75f, 1), .input_count = 1, .inputs = {X(1, 5, 2, 3)}},
    {"window_beyond_channels", P(9, 0.5f, 0.75f, 1), .input_count = 1, .inputs = {X(1, 3, 4, 4)}},
    {"beta_1", P(3, 1, 1, 0.5f), .input_count = 1, .inputs = {X(1, 6, 4, 4)}},
    {"beta_odd", P(3, 0.3f, 1.3f, 2), .input_count = 1, .inputs = {X(1, 6, 4, 4)}},
    {"beta_negative", P(3, 0.3f, -0.5f, 2), .input_count = 1, .inputs = {X(1, 6, 4, 4)}},
    {"base_0", P(3, 0, 0.75f, 0), .input_count = 1, .inputs = {X(1, 3, 2, 2)}},
    {"channels_33", P(5, 0.1f, 0.75f, 1), .input_count = 1, .inputs = {X(2, 33, 5, 3)}},
    {"channels_1", P(5, 0.1f, 0.75f, 1), .input_count = 1, .inputs = {X(2, 1, 5, 3)}},
    {"rank_2", P(3, 0.1f, 0.75f, 1), .input_count = 1, .inputs = {X(4, 9)}},
    {"rank_3", P(3, 0.1f, 0.75f, 1), .input_count = 1, .inputs = {X(2, 5, 11)}},
    {"rank_5", P(3, 0.1f, 0.75f, 1), .input_count = 1, .inputs = {X(1, 5, 2, 3, 4)}},
    {"batch_0", P(3, 0.1f, 0.75f, 1), .input_count = 1, .inputs = {X(0, 5, 2, 3)}},
    {"channels_0", P(3, 0.1f, 0.75f, 1), .input_count = 1, .inputs = {X(2, 0, 2, 3)}},
    {"f64", P(3, 0.1f, 0.75f, 1), .input_count = 1, .inputs = {TYPED(CVK_F64, 1, 5, 4, 4)}},
    {"f16", P(3, 0.1f, 0.75f, 1), F16_TOLERANCE, .input_count = 1, .inputs = {TYPED(CVK_F16, 1, 5, 4, 4)}},
    {"bench_alexnet", P(5, 1e-4f, 0.75f, 2), .bench = 1, .input_count = 1, .inputs = {X(1, 96, 55, 55)}},
};

const struct cvk_case_table cvk_cases_lrn = {CVK_OP_LRN, cases, COUNT(cases)};
