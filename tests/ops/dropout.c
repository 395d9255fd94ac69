/* SPDX-License-Identifier: MIT
 * Cases of dropout: identity in inference; while training the draws are those of rng.h, so they are compared like any result. */
#include "short.h"

#define P(is_training, from_seed, probability)                                                                \
    .params = &(const struct cvk_dropout_params){.training = is_training, .seed = from_seed, .drop = probability}
#define ONE(...) .input_count = 1, .inputs = {__VA_ARGS__}

#define STEP(x, array) .input_count = 2, .inputs = {x, {.dtype = CVK_I64, DIMS(1), VALUES(array)}}

static const double third[] = {3};
static const double far[] = {5000000000};
static const double none[] = {0};

static const struct cvk_case cases[] = {
    {"inference", P(0, 1, 0.5f), ONE(X(2, 5, 3, 7))},
    {"inference_mask", P(0, 1, 0.5f), ONE(X(2, 5, 3, 7)), .output_count = 2},
    {"inference_special", P(0, 0, 0), ONE({DIMS(3, 15), .fill = CVK_FILL_SPECIAL})},
    {"training", P(1, 1, 0.5f), ONE(X(2, 5, 3, 7))},
    {"training_mask", P(1, 2, 0.5f), ONE(X(2, 5, 3, 7)), .output_count = 2},
    {"training_few", P(1, 3, 0.1f), ONE(X(3, 700)), .output_count = 2},
    {"training_most", P(1, 4, 0.95f), ONE(X(3, 700)), .output_count = 2},
    {"training_none", P(1, 5, 0), ONE(X(3, 70)), .output_count = 2},
    {"training_large_seed", P(1, 0xfedcba9876543210u, 0.3f), ONE(X(1037)), .output_count = 2},
    {"training_blocks", P(1, 6, 0.5f), ONE(X(1, 3, 5, 5))},
    {"training_number", P(1, 7, 0.5f), ONE({.rank = 0})},
    {"empty", P(1, 8, 0.5f), ONE(X(0, 4)), .output_count = 2},
    {"inference_empty", P(0, 8, 0.5f), ONE(X(0, 4)), .output_count = 2},
    {"training_f64", P(1, 9, 0.25f), .rtol = 1e-12, ONE(TYPED(CVK_F64, 4, 9)), .output_count = 2},
    {"training_f16", F16_TOLERANCE, P(1, 10, 0.25f), ONE(TYPED(CVK_F16, 4, 9)), .output_count = 2},
    {"inference_bf16", P(0, 11, 0.25f), ONE(TYPED(CVK_BF16, 4, 9)), .output_count = 2},
    {"step", P(1, 1, 0.5f), STEP(X(2, 5, 3, 7), third)},
    {"step_0", P(1, 1, 0.5f), STEP(X(2, 5, 3, 7), none)},
    {"step_far", P(1, 0xfedcba9876543210u, 0.25f), STEP(X(5, 40), far), .output_count = 2},
    {"step_constant", P(1, 1, 0.5f), .input_count = 2,
     .inputs = {X(2, 5, 3, 7), {.dtype = CVK_I64, DIMS(1), .constant = 1, VALUES(third)}}},
    {"step_blocks", P(1, 3, 0.5f), STEP(X(2, 17, 3, 5), third)},
    {"step_large_maps", P(1, 3, 0.5f), STEP(X(1, 18, 17, 17), third)},
    {"step_number", P(1, 3, 0.5f), .input_count = 2, .inputs = {X(3, 17), {.dtype = CVK_I64, .rank = 0, VALUES(third)}}},
    {"step_inference", P(0, 1, 0.5f), STEP(X(2, 5, 3, 7), third), .output_count = 2},
    {"step_f64", P(1, 9, 0.25f), .rtol = 1e-12, STEP(TYPED(CVK_F64, 4, 9), third)},
    {"step_f16", F16_TOLERANCE, P(1, 10, 0.25f), STEP(TYPED(CVK_F16, 4, 9), third)},
    {"bench_training", P(1, 12, 0.5f), ONE(X(256, 4096)), .bench = 1},
};

const struct cvk_case_table cvk_cases_dropout = {CVK_OP_DROPOUT, cases, COUNT(cases)};
