/* SPDX-License-Identifier: MIT
 * Cases of optimize: every kind, its parameters one by one, at the first step and at a later one. */
#include "short.h"

#define P(...) .params = &(const struct cvk_optimize_params){__VA_ARGS__}
/* Learning rate and step count. */
#define HYPER(array) {DIMS(2), VALUES(array)}
/* A state that is a sum or mean of squares. */
#define SQUARES(...) {DIMS(__VA_ARGS__), .lo = 0, .hi = 2}

/* Without state, with one, with one of squares, with both, with two of which the first is of squares; `h` is HYPER. */
#define STATELESS(h, ...) .input_count = 3, .inputs = {X(__VA_ARGS__), X(__VA_ARGS__), h}
#define MOMENTUM(h, ...) .input_count = 4, .output_count = 2, .inputs = {X(__VA_ARGS__), X(__VA_ARGS__), h, X(__VA_ARGS__)}
#define SQUARED(h, ...) .input_count = 4, .output_count = 2, .inputs = {X(__VA_ARGS__), X(__VA_ARGS__), h, SQUARES(__VA_ARGS__)}
#define BOTH(h, ...) \
    .input_count = 5, .output_count = 3, .inputs = {X(__VA_ARGS__), X(__VA_ARGS__), h, X(__VA_ARGS__), SQUARES(__VA_ARGS__)}
#define SQUARED_MOMENTUM(h, ...) \
    .input_count = 5, .output_count = 3, .inputs = {X(__VA_ARGS__), X(__VA_ARGS__), h, SQUARES(__VA_ARGS__), X(__VA_ARGS__)}
/* With dw multiplied by a number first. */
#define FACTOR {DIMS(1), .lo = 0.25, .hi = 0.75}
#define TYPED_SQUARES(type, ...) {.dtype = type, DIMS(__VA_ARGS__), .lo = 0, .hi = 2}

#define NOTHING(...) {DIMS(__VA_ARGS__), .fill = CVK_FILL_VALUES}

#define ADAM .kind = CVK_ADAM, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f
#define ADAMW .kind = CVK_ADAMW, .beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-6f
#define RMSPROP .kind = CVK_RMSPROP, .beta2 = 0.9f, .epsilon = 1e-6f
#define ADAGRAD .kind = CVK_ADAGRAD, .epsilon = 1e-6f

static const double first[] = {0.1, 0};
static const double one[] = {0.05, 1};
static const double third[] = {0.1, 3};
static const double later[] = {0.01, 1000};
static const double nothing[] = {0, 5};
static const double zeros[] = {0, 1, -1, 0, 2};

static const struct cvk_case cases[] = {
    {"sgd", P(.kind = CVK_SGD), STATELESS(HYPER(third), 5, 7)},
    {"sgd_first", P(.kind = CVK_SGD), STATELESS(HYPER(first), 17)},
    {"sgd_empty", P(.kind = CVK_SGD), STATELESS(HYPER(third), 0)},
    {"sgd_one", P(.kind = CVK_SGD), STATELESS(HYPER(third), 1)},
    {"sgd_many", P(.kind = CVK_SGD), STATELESS(HYPER(third), 1000)},
    {"sgd_rate_0", P(.kind = CVK_SGD), STATELESS(HYPER(nothing), 17)},
    {"sgd_l1_l2", P(.kind = CVK_SGD, .l1 = 0.3f, .l2 = 0.2f), STATELESS(HYPER(third), 17)},
    {"sgd_l1_at_0", P(.kind = CVK_SGD, .l1 = 0.5f), .input_count = 3,
     .inputs = {{DIMS(13), VALUES(zeros)}, X(13), HYPER(third)}},
    {"sgd_factor", P(.kind = CVK_SGD, .l2 = 0.2f), .input_count = 6,
     .inputs = {X(17), X(17), HYPER(third), ABSENT, ABSENT, FACTOR}},
    {"sgd_special_values", P(.kind = CVK_SGD), .input_count = 3,
     .inputs = {X(21), {DIMS(21), .fill = CVK_FILL_SPECIAL}, HYPER(third)}},
    {"sgd_maps", P(.kind = CVK_SGD), STATELESS(HYPER(third), 5, 3, 3, 3)},
    {"momentum_first", P(.kind = CVK_SGD, .momentum = 0.9f), MOMENTUM(HYPER(first), 17)},
    {"momentum", P(.kind = CVK_SGD, .momentum = 0.9f), MOMENTUM(HYPER(third), 1000)},
    {"momentum_empty", P(.kind = CVK_SGD, .momentum = 0.9f), MOMENTUM(HYPER(third), 0)},
    {"momentum_dampening_first", P(.kind = CVK_SGD, .momentum = 0.9f, .dampening = 0.25f), MOMENTUM(HYPER(first), 17)},
    {"momentum_dampening", P(.kind = CVK_SGD, .momentum = 0.9f, .dampening = 0.25f), MOMENTUM(HYPER(third), 17)},
    {"nesterov", P(.kind = CVK_SGD, .momentum = 0.9f, .nesterov = 1), MOMENTUM(HYPER(third), 6, 17)},
    {"nesterov_first", P(.kind = CVK_SGD, .momentum = 0.5f, .nesterov = 1, .l2 = 0.1f), MOMENTUM(HYPER(first), 17)},
    {"momentum_factor", P(.kind = CVK_SGD, .momentum = 0.9f, .l1 = 0.1f, .l2 = 0.2f), .input_count = 6, .output_count = 2,
     .inputs = {X(33), X(33), HYPER(third), X(33), ABSENT, FACTOR}},
    {"adam", P(ADAM), BOTH(HYPER(third), 1000)},
    {"adam_first", P(ADAM), BOTH(HYPER(one), 17)},
    {"adam_t_0", P(ADAM), BOTH(HYPER(first), 17)},
    {"adam_later", P(ADAM), BOTH(HYPER(later), 17)},
    {"adam_empty", P(ADAM), BOTH(HYPER(third), 0)},
    {"adam_one", P(ADAM), BOTH(HYPER(third), 1)},
    {"adam_matrix", P(ADAM, .l1 = 0.1f, .l2 = 0.2f), BOTH(HYPER(third), 6, 7)},
    {"adam_post_decay", P(ADAM, .post_decay = 0.1f), BOTH(HYPER(third), 17)},
    {"adam_factor", P(ADAM), .input_count = 6, .output_count = 3,
     .inputs = {X(37), X(37), HYPER(third), X(37), SQUARES(37), FACTOR}},
    {"adam_from_zeros", P(ADAM), .input_count = 5, .output_count = 3,
     .inputs = {X(17), X(17), HYPER(one), NOTHING(17), NOTHING(17)}},
    {"adamw", P(ADAMW, .decay = 0.01f), BOTH(HYPER(third), 1000)},
    {"adamw_large_decay", P(ADAMW, .decay = 0.5f, .l2 = 0.1f), BOTH(HYPER(one), 17)},
    {"adamw_factor", P(ADAMW, .decay = 0.1f), .input_count = 6, .output_count = 3,
     .inputs = {X(5, 3), X(5, 3), HYPER(later), X(5, 3), SQUARES(5, 3), FACTOR}},
    {"rmsprop", P(RMSPROP), SQUARED(HYPER(third), 1000)},
    {"rmsprop_first", P(RMSPROP, .l2 = 0.1f), SQUARED(HYPER(one), 17)},
    {"rmsprop_momentum", P(RMSPROP, .momentum = 0.8f), SQUARED_MOMENTUM(HYPER(third), 17)},
    {"rmsprop_factor", P(RMSPROP, .momentum = 0.8f, .l1 = 0.1f), .input_count = 6, .output_count = 3,
     .inputs = {X(17), X(17), HYPER(third), SQUARES(17), X(17), FACTOR}},
    {"adagrad", P(ADAGRAD), SQUARED(HYPER(third), 1000)},
    {"adagrad_first", P(ADAGRAD, .lr_decay = 0.1f), SQUARED(HYPER(first), 17)},
    {"adagrad_decay", P(ADAGRAD, .lr_decay = 0.1f, .l1 = 0.1f, .l2 = 0.2f), SQUARED(HYPER(third), 17)},
    {"adagrad_factor", P(ADAGRAD), .input_count = 6, .output_count = 2,
     .inputs = {X(17), X(17), HYPER(third), SQUARES(17), ABSENT, FACTOR}},
    {"adam_f64", P(ADAM, .l2 = 0.1f), .rtol = 1e-12, .atol = 1e-13, .input_count = 5, .output_count = 3,
     .inputs = {TYPED(CVK_F64, 17), TYPED(CVK_F64, 17), HYPER(third), TYPED(CVK_F64, 17), TYPED_SQUARES(CVK_F64, 17)}},
    {"momentum_f64", P(.kind = CVK_SGD, .momentum = 0.9f), .rtol = 1e-12, .atol = 1e-13, .input_count = 6, .output_count = 2,
     .inputs = {TYPED(CVK_F64, 17), TYPED(CVK_F64, 17), HYPER(third), TYPED(CVK_F64, 17), ABSENT, FACTOR}},
    {"sgd_f16", P(.kind = CVK_SGD), F16_TOLERANCE, .input_count = 3,
     .inputs = {TYPED(CVK_F16, 17), TYPED(CVK_F16, 17), HYPER(third)}},
    {"adam_bf16", P(ADAM), BF16_TOLERANCE, .input_count = 5, .output_count = 3,
     .inputs = {TYPED(CVK_BF16, 17), TYPED(CVK_BF16, 17), HYPER(third), TYPED(CVK_BF16, 17), TYPED_SQUARES(CVK_BF16, 17)}},
    {"bench_momentum", P(.kind = CVK_SGD, .momentum = 0.9f), .bench = 1, MOMENTUM(HYPER(third), 512, 512, 3, 3)},
};

const struct cvk_case_table cvk_cases_optimize = {CVK_OP_OPTIMIZE, cases, COUNT(cases)};
