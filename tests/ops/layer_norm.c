/* SPDX-License-Identifier: MIT
 * Cases of layer_norm. */
#include "short.h"

#define P(on, e)                                                                                                                 \
    .params = &(const struct cvk_layer_norm_params)                                                                              \
    {                                                                                                                            \
        .axis = on, .epsilon = e                                                                                                 \
    }

static const double far_away[] = {1000.25, 1000.5, 1000.75, 1001};

static const struct cvk_case cases[] = {
    {"last_axis", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(3, 4, 10), W(10), W(10)}},
    {"no_bias", P(-1, 1e-5f), .atol = 1e-5, .input_count = 2, .inputs = {X(3, 10), W(10)}},
    {"bias_left_out", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(3, 10), W(10), ABSENT}},
    {"not_constant", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(3, 10), X(10), X(10)}},
    {"axis_0", P(0, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(2, 3, 4), W(2, 3, 4), W(2, 3, 4)}},
    {"axis_1_of_4", P(1, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(2, 3, 4, 5), W(3, 4, 5), W(3, 4, 5)}},
    {"axis_2_of_4", P(2, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(2, 3, 4, 5), W(4, 5), W(4, 5)}},
    {"axis_minus_3", P(-3, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(2, 3, 4, 5), W(3, 4, 5), W(3, 4, 5)}},
    {"large_epsilon", P(-1, 0.1f), .atol = 1e-5, .input_count = 3, .inputs = {X(3, 10), W(10), W(10)}},
    {"statistics", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .output_count = 3, .inputs = {X(3, 4, 10), W(10), W(10)}},
    {"statistics_axis_1", P(1, 1e-5f), .atol = 1e-5, .input_count = 2, .output_count = 3, .inputs = {X(3, 4, 5), W(4, 5)}},
    {"mean_alone", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .output_count = 2, .inputs = {X(3, 10), W(10), W(10)}},
    {"scale_number", P(-1, 1e-5f), .atol = 1e-5, .input_count = 2, .inputs = {X(3, 10), {.rank = 0, .constant = 1}}},
    {"scale_broadcast", P(1, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(2, 3, 4), W(3, 1), W(4)}},
    {"scale_differs_by_row", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(2, 3, 4), W(3, 4), W(2, 1, 1)}},
    {"size_1", P(-1, 1e-5f), .input_count = 3, .inputs = {X(4, 1), W(1), W(1)}},
    {"width_77", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(5, 77), W(77), W(77)}},
    {"width_3", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(7, 3), W(3), W(3)}},
    {"width_15", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .output_count = 3, .inputs = {X(7, 15), W(15), W(15)}},
    {"width_16", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(7, 16), W(16), W(16)}},
    {"width_65", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .output_count = 3, .inputs = {X(301, 65), W(65), W(65)}},
    {"width_5000", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(3, 5000), W(5000), W(5000)}},
    {"bias_number", P(-1, 1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(3, 20), W(20), W(1)}},
    {"mean_far_from_0", P(-1, 1e-5f), .rtol = 1e-3, .atol = 1e-3, .input_count = 2,
     .inputs = {{DIMS(2, 16), VALUES(far_away)}, W(16)}},
    {"batch_0", P(-1, 1e-5f), .input_count = 3, .inputs = {X(0, 4), W(4), W(4)}},
    {"width_0", P(-1, 1e-5f), .input_count = 3, .inputs = {X(3, 0), W(0), W(0)}},
    {"special_values", P(-1, 1e-5f), .input_count = 2, .inputs = {{DIMS(6, 3), .fill = CVK_FILL_SPECIAL}, W(3)}},
    {"f64", P(-1, 1e-5f), .rtol = 1e-11, .atol = 1e-12, .input_count = 3, .output_count = 3,
     .inputs = {TYPED(CVK_F64, 3, 10), TYPED(CVK_F64, 10), TYPED(CVK_F64, 10)}},
    {"f16", P(-1, 1e-3f), F16_TOLERANCE, .input_count = 3, .output_count = 3,
     .inputs = {TYPED(CVK_F16, 3, 10), TYPED(CVK_F16, 10), TYPED(CVK_F16, 10)}},
    {"bench_768", P(-1, 1e-5f), .atol = 1e-4, .bench = 1, .input_count = 3, .inputs = {X(128, 768), W(768), W(768)}},
};

const struct cvk_case_table cvk_cases_layer_norm = {CVK_OP_LAYER_NORM, cases, COUNT(cases)};
