/* SPDX-License-Identifier: MIT
 * Losses, put together from other ops. */
#include "import.h"

enum { REDUCTION_NONE, REDUCTION_SUM, REDUCTION_MEAN };

struct loss {
    uint32_t reduction;
    bool ignores;
    int64_t ignored; /* target value that does not count */
};

static int32_t read_loss(struct cvk__onnx *c, struct loss *l)
{
    static const char *const words[] = {[REDUCTION_NONE] = "none", [REDUCTION_SUM] = "sum", [REDUCTION_MEAN] = "mean"};
    l->ignores = cvk__onnx_attr(c, "ignore_index") != NULL;
    CVK__TRY(cvk__onnx_attr_int(c, "ignore_index", 0, INT32_MIN, INT32_MAX, &l->ignored));
    return cvk__onnx_attr_word(c, "reduction", words, 3, REDUCTION_MEAN, &l->reduction);
}

/* -log_prob[n, target[n], ...], weighted, zero where the target is ignored, then summed or averaged by weight. */
static int32_t likelihood(struct cvk__onnx *c, const struct loss *l, cvk_value log_prob)
{
    uint32_t dtype, index_dtype;
    CVK__TRY(cvk__onnx_need_type(c, 0, &dtype));
    CVK__TRY(cvk__onnx_need_type(c, 1, &index_dtype));
    struct cvk_graph *g = c->g;
    cvk_value target = cvk__onnx_in(c, 1), weight = cvk__onnx_in(c, 2), counts = 0;
    if (l->ignores) {
        cvk_value bad = cvk_binary(g, CVK_EQUAL, target, cvk__onnx_number(c, index_dtype, (double)l->ignored));
        target = cvk_where(g, bad, cvk__onnx_number(c, index_dtype, 0), target);
        counts = cvk_unary(g, bad, &(struct cvk_unary_params){.kind = CVK_NOT});
    }
    const struct cvk_reshape_params in = {.kind = CVK_UNSQUEEZE, .count = 1, .dims = {1}};
    const struct cvk_reshape_params out = {.kind = CVK_SQUEEZE, .count = 1, .dims = {1}};
    cvk_value picked =
        cvk_gather(g, log_prob, cvk_reshape(g, target, &in), &(struct cvk_gather_params){.kind = CVK_GATHER_ELEMENTS, .axis = 1});
    cvk_value loss = cvk_unary(g, cvk_reshape(g, picked, &out), &(struct cvk_unary_params){.kind = CVK_NEG});
    cvk_value zero = cvk__onnx_number(c, dtype, 0);
    cvk_value each = weight ? cvk_gather(g, weight, target, &(struct cvk_gather_params){.kind = CVK_GATHER}) : 0;
    if (each)
        loss = cvk_mul(g, loss, each);
    if (counts) {
        loss = cvk_where(g, counts, loss, zero);
        each = cvk_where(g, counts, each ? each : cvk__onnx_number(c, dtype, 1), zero);
    }
    const struct cvk_reduce_params sum = {.kind = CVK_REDUCE_SUM}, mean = {.kind = CVK_REDUCE_MEAN};
    if (l->reduction == REDUCTION_SUM)
        loss = cvk_reduce(g, loss, &sum);
    else if (l->reduction == REDUCTION_MEAN && each)
        loss = cvk_binary(g, CVK_DIV, cvk_reduce(g, loss, &sum), cvk_reduce(g, each, &sum));
    else if (l->reduction == REDUCTION_MEAN)
        loss = cvk_reduce(g, loss, &mean);
    return cvk__onnx_out(c, 0, loss);
}

static int32_t negative_log_likelihood(struct cvk__onnx *c)
{
    struct loss l;
    CVK__TRY(read_loss(c, &l));
    return likelihood(c, &l, cvk__onnx_in(c, 0));
}

static int32_t softmax_cross_entropy(struct cvk__onnx *c)
{
    struct loss l;
    CVK__TRY(read_loss(c, &l));
    cvk_value log_prob = cvk_softmax(c->g, cvk__onnx_in(c, 0), &(struct cvk_softmax_params){.kind = CVK_LOG_SOFTMAX, .axis = 1});
    CVK__TRY(likelihood(c, &l, log_prob));
    return cvk__onnx_wants(c, 1) ? cvk__onnx_out(c, 1, log_prob) : CVK_OK;
}

static const struct cvk__onnx_row rows[] = {
    {"NegativeLogLikelihoodLoss", 12, CVK__ONNX_LAST, 2, 3, 1, negative_log_likelihood, 0},
    {"SoftmaxCrossEntropyLoss", 12, CVK__ONNX_LAST, 2, 3, 2, softmax_cross_entropy, 0},
};
const struct cvk__onnx_table cvk__onnx_loss = {rows, sizeof rows / sizeof rows[0]};
