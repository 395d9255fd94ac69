/* SPDX-License-Identifier: MIT
 * expand: shape rule, gradient declaration and builder call. */
#include "../graph/autodiff.h"
#include "move.h"

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_expand_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    int64_t dims[CVK_MAX_RANK] = {0};
    uint32_t rank = p->count;
    if (cvk__infer_in(c, 1))
        CVK__TRY(cvk__infer_ints(c, 1, dims, CVK_MAX_RANK, &rank));
    else if (p->count > CVK_MAX_RANK)
        return cvk__infer_bad(c, "%u sizes are given, a tensor has at most %d", p->count, CVK_MAX_RANK);
    else
        memcpy(dims, p->dims, rank * sizeof dims[0]);
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return cvk__infer_bad(c, "size %lld of axis %u is negative", (long long)dims[i], i);
    }
    CVK__TRY(cvk__infer_broadcast(c, &rank, dims, x));
    CVK__TRY(cvk__infer_out(c, 0, x->dtype, rank, dims));
    p->count = rank;
    memcpy(p->dims, dims, sizeof dims);
    cvk__infer_absorb(c, 1);
    return CVK_OK;
}

static const struct cvk__grad grads[] = {{CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0)}};

static int32_t differentiate(struct cvk__diff *d)
{
    const struct cvk_tensor_desc x = *cvk__diff_desc(d, cvk__diff_node(d)->inputs[0]);
    return cvk__diff_give(d, 0, cvk__diff_unbroadcast(d, cvk__diff_dy(d, 0), &x));
}

const struct cvk__op_def cvk__op_expand = {
    .id = CVK_OP_EXPAND,
    .param_bytes = sizeof(struct cvk_expand_params),
    .name = "expand",
    .min_inputs = 1,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cvk__cost_none,
    .separable = cvk__cut_broadcast,
    .grads = grads,
    .grad_count = 1,
    .differentiate = differentiate,
};

cvk_value cvk_expand(struct cvk_graph *g, cvk_value x, const struct cvk_expand_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_EXPAND, p, &x, 1);
}
