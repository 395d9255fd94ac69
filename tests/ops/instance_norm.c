/* SPDX-License-Identifier: MIT
 * Cases of instance_norm. */
#include "short.h"

#define P(e)                                                                                                                     \
    .params = &(const struct cvk_instance_norm_params)                                                                           \
    {                                                                                                                            \
        .epsilon = e                                                                                                             \
    }

static const double ones[] = {1};
static const double far_away[] = {1000.25, 1000.5, 1000.75, 1001};

static const struct cvk_case cases[] = {
    {"maps", P(1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(2, 3, 4, 5), W(3), W(3)}},
    {"not_constant", P(1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(2, 3, 4, 5), X(3), X(3)}},
    {"large_epsilon", P(0.1f), .atol = 1e-5, .input_count = 3, .inputs = {X(1, 2, 3, 3), W(2), W(2)}},
    {"one_dimension", P(1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(2, 5, 17), W(5), W(5)}},
    {"three_dimensions", P(1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(1, 2, 3, 4, 5), W(2), W(2)}},
    {"channels_17", P(1e-5f), .atol = 1e-5, .input_count = 3, .inputs = {X(1, 17, 9, 7), W(17), W(17)}},
    {"one_pixel", P(1e-5f), .input_count = 3, .inputs = {X(2, 3, 1, 1), W(3), W(3)}},
    {"no_variance", P(1e-5f), .input_count = 3, .inputs = {{DIMS(1, 2, 4, 4), VALUES(ones)}, W(2), W(2)}},
    /* A variance from squares minus the square of the mean would drown here. */
    {"mean_far_from_0", P(1e-5f), .rtol = 1e-3, .atol = 1e-3, .input_count = 3,
     .inputs = {{DIMS(1, 2, 4, 4), VALUES(far_away)}, W(2), W(2)}},
    {"batch_0", P(1e-5f), .input_count = 3, .inputs = {X(0, 3, 4, 4), W(3), W(3)}},
    {"pixels_0", P(1e-5f), .input_count = 3, .inputs = {X(2, 3, 0, 4), W(3), W(3)}},
    {"special_values", P(1e-5f), .input_count = 3, .inputs = {{DIMS(1, 3, 2, 9), .fill = CVK_FILL_SPECIAL}, W(3), W(3)}},
    {"f64", P(1e-5f), .rtol = 1e-11, .atol = 1e-12, .input_count = 3,
     .inputs = {TYPED(CVK_F64, 1, 3, 4, 4), TYPED(CVK_F64, 3), TYPED(CVK_F64, 3)}},
    {"f16", P(1e-3f), F16_TOLERANCE, .input_count = 3,
     .inputs = {TYPED(CVK_F16, 1, 3, 4, 4), TYPED(CVK_F16, 3), TYPED(CVK_F16, 3)}},
    {"bench_style", P(1e-5f), .atol = 1e-4, .bench = 1, .input_count = 3, .inputs = {X(1, 32, 112, 112), W(32), W(32)}},
};

const struct cvk_case_table cvk_cases_instance_norm = {CVK_OP_INSTANCE_NORM, cases, COUNT(cases)};
