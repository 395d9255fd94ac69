/* SPDX-License-Identifier: MIT
 * Cases of batch_norm: inference, and training with its five outputs and three gradients, wanted or not. */
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

/* Training: statistics are measured and the running ones replaced; nothing is known when the kernel is built. */
#define T(...) .params = &(const struct cvk_batch_norm_params){.training = 1, __VA_ARGS__}, .input_count = 5, .output_count = 5
#define USUAL .epsilon = 1e-5f, .momentum = 0.9f
#define CHANNELS(c) {DIMS(c), .lo = 0.5, .hi = 1.5}, X(c), X(c), {DIMS(c), .lo = 0.1, .hi = 2}
#define TYPED_CHANNELS(type, c) \
    {.dtype = type, DIMS(c), .lo = 0.5, .hi = 1.5}, TYPED(type, c), TYPED(type, c), {.dtype = type, DIMS(c), .lo = 0.1, .hi = 2}
#define RELU .epilogue = {.parts = CVK_EPI_ACTIVATION, .axis = 1, ACTIVATION(CVK_RELU, 0, 0)}
#define OUTPUT(i) (1u << (i))
#define GRADIENT(i) (1u << (i))

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
    /* training */
    {"train", T(USUAL), SUM_TOLERANCE, .inputs = {X(4, 3, 5, 6), CHANNELS(3)}},
    {"train_rank_2", T(USUAL), SUM_TOLERANCE, .inputs = {X(9, 10), CHANNELS(10)}},
    {"train_rank_1", T(USUAL), SUM_TOLERANCE, .inputs = {X(9), CHANNELS(1)}},
    {"train_rank_3", T(USUAL), SUM_TOLERANCE, .inputs = {X(3, 5, 7), CHANNELS(5)}},
    {"train_rank_5", T(USUAL), SUM_TOLERANCE, .inputs = {X(2, 3, 2, 3, 4), CHANNELS(3)}},
    {"train_channels_17", T(USUAL), SUM_TOLERANCE, .inputs = {X(2, 17, 5, 3), CHANNELS(17)}},
    {"train_channels_32", T(USUAL), SUM_TOLERANCE, .inputs = {X(3, 32, 7, 9), CHANNELS(32)}},
    {"train_channels_1", T(USUAL), SUM_TOLERANCE, .inputs = {X(2, 1, 9, 9), CHANNELS(1)}},
    {"train_batch_1", T(USUAL), SUM_TOLERANCE, .inputs = {X(1, 5, 6, 7), CHANNELS(5)}},
    {"train_one_pixel", T(USUAL), SUM_TOLERANCE, .inputs = {X(8, 20, 1, 1), CHANNELS(20)}},
    {"train_one_of_each", T(.epsilon = 0.01f, .momentum = 0.5f), SUM_TOLERANCE, .inputs = {X(1, 3, 1, 1), CHANNELS(3)}},
    {"train_many", T(USUAL), SUM_TOLERANCE, .inputs = {X(5, 2, 60, 70), CHANNELS(2)}},
    {"train_large_mean", T(USUAL), .rtol = 1e-4, .atol = 2e-4,
     .inputs = {{DIMS(4, 5, 6, 6), .lo = 100, .hi = 102}, CHANNELS(5)}},
    {"train_momentum_0", T(.epsilon = 1e-5f), SUM_TOLERANCE, .inputs = {X(3, 4, 3, 3), CHANNELS(4)}},
    {"train_momentum_1", T(.epsilon = 1e-5f, .momentum = 1), SUM_TOLERANCE, .inputs = {X(3, 4, 3, 3), CHANNELS(4)}},
    {"train_large_epsilon", T(.epsilon = 0.5f, .momentum = 0.9f), SUM_TOLERANCE, .inputs = {X(3, 4, 3, 3), CHANNELS(4)}},
    {"train_weights_constant", T(USUAL), SUM_TOLERANCE,
     .inputs = {X(3, 4, 3, 3), W(4), W(4), X(4), {DIMS(4), .lo = 0.1, .hi = 2}}},
    {"train_without_running", T(USUAL), SUM_TOLERANCE, .outputs_absent = OUTPUT(1) | OUTPUT(2),
     .inputs = {X(3, 4, 5, 3), CHANNELS(4)}},
    {"train_without_measured", T(USUAL), SUM_TOLERANCE, .outputs_absent = OUTPUT(3) | OUTPUT(4),
     .inputs = {X(3, 17, 5, 3), CHANNELS(17)}},
    {"train_running_var_alone", T(USUAL), SUM_TOLERANCE, .outputs_absent = OUTPUT(1) | OUTPUT(3) | OUTPUT(4),
     .inputs = {X(3, 4, 5, 3), CHANNELS(4)}},
    {"train_y_alone", T(USUAL), SUM_TOLERANCE, .inputs = {X(3, 4, 5, 3), CHANNELS(4)},
     .outputs_absent = OUTPUT(1) | OUTPUT(2) | OUTPUT(3) | OUTPUT(4)},
    {"train_no_dx", T(USUAL), SUM_TOLERANCE, .grads_absent = GRADIENT(0), .inputs = {X(3, 17, 5, 3), CHANNELS(17)}},
    {"train_dx_alone", T(USUAL), SUM_TOLERANCE, .grads_absent = GRADIENT(1) | GRADIENT(2),
     .inputs = {X(3, 17, 5, 3), CHANNELS(17)}},
    {"train_dbias_alone", T(USUAL), SUM_TOLERANCE, .grads_absent = GRADIENT(0) | GRADIENT(1),
     .inputs = {X(3, 6, 5, 3), CHANNELS(6)}},
    {"train_no_dscale", T(USUAL), SUM_TOLERANCE, .grads_absent = GRADIENT(1), .inputs = {X(3, 6, 5, 3), CHANNELS(6)}},
    {"train_relu", T(USUAL), SUM_TOLERANCE, .inputs = {X(3, 17, 5, 6), CHANNELS(17)}, RELU},
    {"train_relu_rank_2", T(USUAL), SUM_TOLERANCE, .inputs = {X(9, 10), CHANNELS(10)}, RELU},
    {"train_relu_dx_alone", T(USUAL), SUM_TOLERANCE, .grads_absent = GRADIENT(1) | GRADIENT(2),
     .inputs = {X(2, 4, 5, 6), CHANNELS(4)}, RELU},
    {"train_clip", T(USUAL), SUM_TOLERANCE, .inputs = {X(3, 32, 4, 5), CHANNELS(32)},
     .epilogue = {.parts = CVK_EPI_ACTIVATION, .axis = 1, ACTIVATION(CVK_CLIP, -0.25f, 0.75f)}},
    {"train_residual", T(USUAL), SUM_TOLERANCE, .inputs = {X(3, 5, 4, 5), CHANNELS(5)},
     .epilogue = {.parts = CVK_EPI_RESIDUAL, .axis = 1}},
    {"train_residual_relu", T(USUAL), SUM_TOLERANCE, .inputs = {X(3, 18, 4, 5), CHANNELS(18)},
     .epilogue = {.parts = CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION, .axis = 1, ACTIVATION(CVK_RELU, 0, 0)}},
    {"train_f64", T(USUAL), .rtol = 1e-11, .atol = 1e-12, .inputs = {TYPED(CVK_F64, 3, 3, 4, 4), TYPED_CHANNELS(CVK_F64, 3)}},
    {"train_f16_with_f32_statistics", T(USUAL), F16_TOLERANCE, .inputs = {TYPED(CVK_F16, 3, 3, 4, 4), CHANNELS(3)}},
    {"train_f16", T(USUAL), .rtol = 1e-2, .atol = 1e-2, .inputs = {TYPED(CVK_F16, 3, 3, 4, 4), TYPED_CHANNELS(CVK_F16, 3)}},
    {"bench_train", T(USUAL), .rtol = 1e-3, .atol = 1e-3, .bench = 1, .inputs = {X(32, 64, 28, 28), CHANNELS(64)}},
    {"bench_resnet", P(1e-5f), .bench = 1, .input_count = 5, .inputs = {X(1, 256, 56, 56), W(256), W(256), W(256), VAR(256)}},
};

const struct cvk_case_table cvk_cases_batch_norm = {CVK_OP_BATCH_NORM, cases, COUNT(cases)};
