/* SPDX-License-Identifier: MIT
 * reorder: shape rule and builder call. The output has the sizes of x and the layout that the parameter names: the rule
 * sets it, so whoever inserts a reorder needs only the parameter. Its gradient is a reorder, which autodiff builds by code. */
#include "move.h"

static int32_t infer(struct cvk__infer *c)
{
    const struct cvk_reorder_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    if (p->layout > CVK_LAYOUT_NC16)
        return cvk__infer_bad(c, "layout %u is not known (0 %s to %d %s are)", p->layout, cvk_layout_name(CVK_LAYOUT_PLAIN),
                              CVK_LAYOUT_NC16, cvk_layout_name(CVK_LAYOUT_NC16));
    if (x->rank < 2 && p->layout != CVK_LAYOUT_PLAIN)
        return cvk__infer_fail(c, "layout %s needs a batch and a channel axis, but x has %u axes", cvk_layout_name(p->layout),
                               x->rank);
    CVK__TRY(cvk__infer_out_like(c, 0, x));
    struct cvk__value *y = cvk__value_at(c->g, c->node->outputs[0]);
    return cvk_tensor_desc_init(&y->desc, x->dtype, p->layout, x->rank, x->dims);
}

const struct cvk__op_def cvk__op_reorder = {
    .id = CVK_OP_REORDER,
    .param_bytes = sizeof(struct cvk_reorder_params),
    .name = "reorder",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cvk__cost_none,
    .separable = cvk__cut_first,
};

cvk_value cvk_reorder(struct cvk_graph *g, cvk_value x, const struct cvk_reorder_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_REORDER, p, &x, 1);
}
