/* SPDX-License-Identifier: MIT
 * Cases of batch_norm. */
#include "short.h"

#define P(e)                                                                                                                     \
    .params = &(const struct cvk_batch_norm_params)                                                                              \
    {                                                                                                                            \
        .epsilon = e                                                                                                             \
    }
/* A variance is positive. */
#define VAR(...)                                                                                                                 \
    {                                                                                                                            \
        DIMS(__VA_ARGS__), .constant = 1, .lo = 0.1, .hi = 2                                                                     \
    }

static const double zeros[] = {0};
static const double negative[] = {-1, 1, 0};

static const struct cvk_case cases[] = {
    {"maps", P(1e-5f), .input_count = 5, .inputs = {X(2, 3, 5, 6), W(3), W(3), W(3), VAR(3)}},
    {"not_constant", P(1e-5f), .input_count = 5, .inputs = {X(2, 3, 4, 4), X(3), X(3), X(3), {DIMS(3), .lo = 0.1, .hi = 2}}},
    {"large_epsilon", P(0.5f), .input_count = 5, .inputs = {X(1, 4, 3, 3), W(4), W(4), W(4), VAR(4)}},
    {"epsilon_0", P(0), .input_count = 5, .inputs = {X(1, 4, 3, 3), W(4), W(4), W(4), VAR(4)}},
    {"variance_0", P(1e-3f), .input_count = 5,
     .inputs = {X(1, 4, 3, 3), W(4), W(4), W(4), {DIMS(4), .constant = 1, VALUES(zeros)}}},
    {"variance_not_positive", P(0), .input_count = 5,
     .inputs = {X(1, 3, 2, 2), W(3), W(3), W(3), {DIMS(3), .constant = 1, VALUES(negative)}}},
    {"channels_17", P(1e-5f), .input_count = 5, .inputs = {X(1, 17, 7, 9), W(17), W(17), W(17), VAR(17)}},
    {"channels_32", P(1e-5f), .input_count = 5, .inputs = {X(3, 32, 4, 4), W(32), W(32), W(32), VAR(32)}},
    {"rank_1", P(1e-5f), .input_count = 5, .inputs = {X(7), W(1), W(1), W(1), VAR(1)}},
    {"rank_2", P(1e-5f), .input_count = 5, .inputs = {X(4, 10), W(10), W(10), W(10), VAR(10)}},
    {"rank_3", P(1e-5f), .input_count = 5, .inputs = {X(2, 5, 7), W(5), W(5), W(5), VAR(5)}},
    {"rank_5", P(1e-5f), .input_count = 5, .inputs = {X(2, 3, 2, 3, 4), W(3), W(3), W(3), VAR(3)}},
    {"size_1", P(1e-5f), .input_count = 5, .inputs = {X(1, 1, 1, 1), W(1), W(1), W(1), VAR(1)}},
    {"batch_0", P(1e-5f), .input_count = 5, .inputs = {X(0, 3, 2, 2), W(3), W(3), W(3), VAR(3)}},
    {"pixels_0", P(1e-5f), .input_count = 5, .inputs = {X(2, 3, 0, 2), W(3), W(3), W(3), VAR(3)}},
    {"special_values", P(1e-5f), .input_count = 5,
     .inputs = {{DIMS(1, 2, 4, 9), .fill = CVK_FILL_SPECIAL}, W(2), W(2), W(2), VAR(2)}},
    {"f64", P(1e-5f), .rtol = 1e-12, .atol = 1e-13, .input_count = 5,
     .inputs = {TYPED(CVK_F64, 1, 3, 4, 4),
                TYPED(CVK_F64, 3),
                TYPED(CVK_F64, 3),
                TYPED(CVK_F64, 3),
                {.dtype = CVK_F64, DIMS(3), .lo = 0.1, .hi = 2}}},
    {"f16_with_f32_statistics", P(1e-5f), F16_TOLERANCE, .input_count = 5,
     .inputs = {TYPED(CVK_F16, 1, 3, 4, 4), W(3), W(3), W(3), VAR(3)}},
    {"bench_resnet", P(1e-5f), .bench = 1, .input_count = 5, .inputs = {X(1, 256, 56, 56), W(256), W(256), W(256), VAR(256)}},
};

const struct cvk_case_table cvk_cases_batch_norm = {CVK_OP_BATCH_NORM, cases, COUNT(cases)};
