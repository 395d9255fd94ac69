/* SPDX-License-Identifier: MIT
 * lrn: schema, shape rule, cost, gradient and builder call. */
#include "dtype_sets.h"

static int32_t infer(struct cvk__infer *c)
{
    const struct cvk_lrn_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    char text[CVK_SHAPE_TEXT];
    if (p->window < 1 || p->window > INT32_MAX)
        return cvk__infer_bad(c, "window is %u channels; it must be 1 to %d", p->window, INT32_MAX);
    if (!cvk__dtype_in(x->dtype, CVK__FLOATS))
        return cvk__infer_fail(c, "x is %s; it must be f32, f64, f16 or bf16", cvk_dtype_name(x->dtype));
    if (x->rank < 2)
        return cvk__infer_fail(c, "x is %s; it needs a batch axis and channels on axis 1",
                               cvk_shape_text(x->rank, x->dims, text));
    return cvk__infer_out_like(c, 0, x);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    const struct cvk_lrn_params *p = node->params;
    cost->macs = 0;
    cost->flops = cvk_tensor_desc_count(node->outputs[0]) * (2 * (uint64_t)p->window + 4);
}

static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(0)},
};

const struct cvk__op_def cvk__op_lrn = {
    .id = CVK_OP_LRN,
    .param_bytes = sizeof(struct cvk_lrn_params),
    .name = "lrn",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
    .separable = cvk__cut_first,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
};

cvk_value cvk_lrn(struct cvk_graph *g, cvk_value x, const struct cvk_lrn_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_LRN, p, &x, 1);
}
