/* SPDX-License-Identifier: MIT
 * Cases of loss. Where the loss is a sum, its gradient is one number's; without reduction, each element has its own. */
#include <math.h>

#include "short.h"

#define P(...) .params = &(const struct cvk_loss_params){__VA_ARGS__}
#define SOFTMAX .kind = CVK_LOSS_SOFTMAX_CROSS_ENTROPY
#define SIGMOID .kind = CVK_LOSS_SIGMOID_CROSS_ENTROPY
#define MSE .kind = CVK_LOSS_MSE
#define L1 .kind = CVK_LOSS_L1
#define HUBER .kind = CVK_LOSS_HUBER
#define SUM .reduction = CVK_LOSS_SUM
#define NONE .reduction = CVK_LOSS_NONE
#define IGNORE(index) .ignores = 1, .ignore_index = index

#define IN2(x, target) .input_count = 2, .inputs = {x, target}
#define IN3(x, target, weights) .input_count = 3, .inputs = {x, target, weights}
/* Class numbers up to and with `last`, soft labels, and positive weights of classes. */
#define I32(last, ...) {.dtype = CVK_I32, DIMS(__VA_ARGS__), .hi = last}
#define I64(last, ...) {.dtype = CVK_I64, DIMS(__VA_ARGS__), .hi = last}
#define LABELS(...) {DIMS(__VA_ARGS__), .lo = 0, .hi = 1}
#define POSITIVE(...) {DIMS(__VA_ARGS__), .lo = 0.25, .hi = 2}
#define WIDE(range, ...) {DIMS(__VA_ARGS__), .lo = -(range), .hi = range}
#define TYPED_LABELS(type, ...) {.dtype = type, DIMS(__VA_ARGS__), .lo = 0, .hi = 1}
#define EQUALS(...) {DIMS(__VA_ARGS__), .fill = CVK_FILL_TIES}
#define NUMBERS(array, type, ...) {.dtype = type, DIMS(__VA_ARGS__), VALUES(array)}

static const double zero_one[] = {0, 0, 1, 0, 1};
static const double zeros[] = {0};
static const double third[] = {3};
static const double beyond[] = {0, 1, 7, 2, 3};
static const double below[] = {0, 1, -2, 2, 3};
static const double with_nan[] = {0.5, -1, 2, 0.25, NAN, 1, -0.5, 0.75, 1.5, -2, 0, 1.25};

static const struct cvk_case cases[] = {
    /* softmax cross-entropy with class numbers */
    {"softmax_indices", P(SOFTMAX), IN2(X(5, 7), I64(6, 5))},
    {"softmax_i32", P(SOFTMAX), IN2(X(5, 7), I32(6, 5))},
    {"softmax_sum", P(SOFTMAX, SUM), IN2(X(17, 10), I32(9, 17))},
    {"softmax_none", P(SOFTMAX, NONE), IN2(X(6, 10), I64(9, 6))},
    {"softmax_classes_1000", P(SOFTMAX), IN2(X(4, 1000), I64(999, 4))},
    {"softmax_batch_300", P(SOFTMAX), IN2(X(300, 11), I32(10, 300))},
    {"softmax_one_class", P(SOFTMAX, NONE), IN2(X(3, 1), NUMBERS(zeros, CVK_I32, 3))},
    {"softmax_size_1", P(SOFTMAX), IN2(X(1, 2), I64(1, 1))},
    {"softmax_batch_0", P(SOFTMAX, SUM), IN2(X(0, 4), I64(3, 0))},
    {"softmax_weights", P(SOFTMAX), IN3(X(9, 5), I64(4, 9), POSITIVE(5))},
    {"softmax_weights_sum", P(SOFTMAX, SUM), IN3(X(9, 5), I32(4, 9), POSITIVE(5))},
    {"softmax_weights_none", P(SOFTMAX, NONE), IN3(X(9, 5), I32(4, 9), POSITIVE(5))},
    {"softmax_weights_constant", P(SOFTMAX), IN3(X(4, 3), I32(2, 4), W(3))},
    {"softmax_smoothing", P(SOFTMAX, .smoothing = 0.1f), IN2(X(5, 7), I64(6, 5))},
    {"softmax_smoothing_weights", P(SOFTMAX, .smoothing = 0.3f), IN3(X(6, 4), I32(3, 6), POSITIVE(4))},
    {"softmax_ignore", P(SOFTMAX, IGNORE(2)), IN2(X(23, 4), I64(3, 23))},
    {"softmax_ignore_none", P(SOFTMAX, NONE, IGNORE(2)), IN2(X(23, 4), I32(3, 23))},
    {"softmax_ignore_beyond", P(SOFTMAX, IGNORE(7)), IN2(X(5, 4), NUMBERS(beyond, CVK_I32, 5))},
    {"softmax_ignore_below", P(SOFTMAX, SUM, IGNORE(-2)), IN2(X(5, 4), NUMBERS(below, CVK_I64, 5))},
    {"softmax_ignore_weights_smoothing", P(SOFTMAX, .smoothing = 0.2f, IGNORE(1)), IN3(X(19, 4), I32(3, 19), POSITIVE(4))},
    {"softmax_all_ignored", P(SOFTMAX, IGNORE(3)), .grads_absent = 1, IN2(X(3, 4), NUMBERS(third, CVK_I32, 3))},
    {"softmax_all_ignored_sum", P(SOFTMAX, SUM, IGNORE(3)), IN2(X(3, 4), NUMBERS(third, CVK_I32, 3))},
    {"softmax_index_beyond", P(SOFTMAX), .fails = 1, IN2(X(5, 4), NUMBERS(beyond, CVK_I64, 5))},
    {"softmax_index_below", P(SOFTMAX, IGNORE(7)), .fails = 1, IN2(X(5, 4), NUMBERS(below, CVK_I32, 5))},
    {"softmax_maps", P(SOFTMAX), IN2(X(2, 5, 3, 4), I64(4, 2, 3, 4))},
    {"softmax_maps_none_ignore", P(SOFTMAX, NONE, IGNORE(0)), IN2(X(2, 3, 5, 7), I32(2, 2, 5, 7))},
    {"softmax_maps_weights", P(SOFTMAX, .smoothing = 0.1f), IN3(X(2, 17, 6, 3), I64(16, 2, 6, 3), POSITIVE(17))},
    {"softmax_row", P(SOFTMAX, SUM), IN2(X(3, 4, 9), I32(3, 3, 9))},
    {"softmax_large", P(SOFTMAX), IN2(WIDE(500, 8, 6), I64(5, 8))},
    {"softmax_huge", P(SOFTMAX, NONE), IN2(WIDE(1e30, 8, 6), I64(5, 8))},
    {"softmax_nan", P(SOFTMAX, NONE), IN2(NUMBERS(with_nan, CVK_F32, 4, 3), I64(2, 4))},
    {"softmax_f64", P(SOFTMAX), .rtol = 1e-12, .atol = 1e-13, IN2(TYPED(CVK_F64, 5, 7), I64(6, 5))},
    {"softmax_f16", P(SOFTMAX), F16_TOLERANCE, IN2(TYPED(CVK_F16, 5, 7), I64(6, 5))},
    {"softmax_bf16", P(SOFTMAX, NONE), BF16_TOLERANCE, IN2(TYPED(CVK_BF16, 5, 7), I64(6, 5))},
    /* softmax cross-entropy with labels */
    {"softmax_labels", P(SOFTMAX), IN2(X(5, 7), LABELS(5, 7))},
    {"softmax_labels_constant", P(SOFTMAX, SUM), IN2(X(5, 7), W(5, 7))},
    {"softmax_labels_none", P(SOFTMAX, NONE), IN2(X(5, 7), LABELS(5, 7))},
    {"softmax_labels_weights_smoothing", P(SOFTMAX, .smoothing = 0.1f), IN3(X(5, 7), LABELS(5, 7), POSITIVE(7))},
    {"softmax_labels_maps", P(SOFTMAX, NONE), IN2(X(2, 3, 4, 5), LABELS(2, 3, 4, 5))},
    {"softmax_labels_zero_one", P(SOFTMAX), IN2(X(3, 4), NUMBERS(zero_one, CVK_F32, 3, 4))},
    {"softmax_labels_large", P(SOFTMAX, SUM), IN2(WIDE(500, 4, 6), LABELS(4, 6))},
    {"softmax_labels_f64", P(SOFTMAX), .rtol = 1e-12, .atol = 1e-13, IN2(TYPED(CVK_F64, 3, 4), TYPED_LABELS(CVK_F64, 3, 4))},
    {"softmax_labels_f16", P(SOFTMAX), F16_TOLERANCE, IN2(TYPED(CVK_F16, 3, 4), TYPED_LABELS(CVK_F16, 3, 4))},
    /* sigmoid cross-entropy */
    {"sigmoid", P(SIGMOID), IN2(WIDE(4, 5, 3), NUMBERS(zero_one, CVK_F32, 5, 3))},
    {"sigmoid_sum", P(SIGMOID, SUM), IN2(X(7, 1), LABELS(7, 1))},
    {"sigmoid_none", P(SIGMOID, NONE), IN2(X(2, 3, 4, 5), LABELS(2, 3, 4, 5))},
    {"sigmoid_weights", P(SIGMOID), IN3(X(5, 3), LABELS(5, 3), POSITIVE(3))},
    {"sigmoid_weights_maps", P(SIGMOID, NONE), IN3(X(2, 3, 2, 3), LABELS(2, 3, 2, 3), POSITIVE(3))},
    {"sigmoid_smoothing", P(SIGMOID, .smoothing = 0.2f), IN2(X(5, 3), NUMBERS(zero_one, CVK_F32, 5, 3))},
    {"sigmoid_large", P(SIGMOID, NONE), IN2(WIDE(500, 5, 9), LABELS(5, 9))},
    {"sigmoid_many", P(SIGMOID), IN2(X(70, 70), LABELS(70, 70))},
    {"sigmoid_f64", P(SIGMOID), .rtol = 1e-12, .atol = 1e-13, IN2(TYPED(CVK_F64, 5, 3), TYPED_LABELS(CVK_F64, 5, 3))},
    {"sigmoid_f16", P(SIGMOID), F16_TOLERANCE, IN2(TYPED(CVK_F16, 5, 3), TYPED_LABELS(CVK_F16, 5, 3))},
    /* distances */
    {"mse", P(MSE), IN2(X(5, 3), X(5, 3))},
    {"mse_sum", P(MSE, SUM), IN2(X(2, 3, 7), X(2, 3, 7))},
    {"mse_none", P(MSE, NONE), IN2(X(2, 3, 4, 5), X(2, 3, 4, 5))},
    {"mse_many", P(MSE), IN2(X(70, 70), X(70, 70))},
    {"mse_f64", P(MSE), .rtol = 1e-12, .atol = 1e-13, IN2(TYPED(CVK_F64, 5, 3), TYPED(CVK_F64, 5, 3))},
    {"mse_f16", P(MSE), F16_TOLERANCE, IN2(TYPED(CVK_F16, 5, 3), TYPED(CVK_F16, 5, 3))},
    {"l1", P(L1), IN2(X(5, 3), X(5, 3))},
    {"l1_equal", P(L1, SUM), IN2(EQUALS(6, 5), EQUALS(6, 5))},
    {"l1_none", P(L1, NONE), IN2(X(2, 3, 4, 5), X(2, 3, 4, 5))},
    {"huber", P(HUBER), IN2(WIDE(2, 5, 6), WIDE(2, 5, 6))},
    {"huber_delta", P(HUBER, SUM, .delta = 0.25f), IN2(X(5, 6), X(5, 6))},
    {"huber_none", P(HUBER, NONE, .delta = 0.5f), IN2(X(2, 3, 4, 5), X(2, 3, 4, 5))},
    {"huber_f64", P(HUBER), .rtol = 1e-12, .atol = 1e-13, IN2(TYPED(CVK_F64, 5, 3), TYPED(CVK_F64, 5, 3))},
    {"mse_batch_0", P(MSE, SUM), IN2(X(0, 3), X(0, 3))},
    {"bench_classes_1000", P(SOFTMAX), .bench = 1, IN2(X(256, 1000), I64(999, 256))},
};

const struct cvk_case_table cvk_cases_loss = {CVK_OP_LOSS, cases, COUNT(cases)};
