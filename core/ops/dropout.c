/* SPDX-License-Identifier: MIT
 * dropout: schema, shape rule and builder call. */
#include "dtype_sets.h"

static int32_t infer(struct cvk__infer *c)
{
    const struct cvk_dropout_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    if (!(p->drop >= 0 && p->drop < 1))
        return cvk__infer_bad(c, "drop is %g; it is the probability of being dropped, at least 0 and below 1", (double)p->drop);
    if (!cvk__dtype_in(x->dtype, CVK__FLOATS))
        return cvk__infer_fail(c, "drops %s elements; it needs floating-point ones", cvk_dtype_name(x->dtype));
    const struct cvk_tensor_desc *step = cvk__infer_in(c, 1);
    if (step && (step->dtype != CVK_I64 || cvk_tensor_desc_count(step) != 1))
        return cvk__infer_fail(c, "step must be one i64 number");
    CVK__TRY(cvk__infer_out_like(c, 0, x));
    return cvk__infer_out(c, 1, CVK_BOOL, x->rank, x->dims);
}

/* What was dropped is drawn again from the seed and the step, so nothing of the data must survive. */
static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(1)},
};

/* What is dropped in training depends on the place in the whole tensor. */
static bool separable(const struct cvk_node *node, bool *cut)
{
    return !((const struct cvk_dropout_params *)node->params)->training && cvk__cut_first(node, cut);
}

const struct cvk__op_def cvk__op_dropout = {
    .id = CVK_OP_DROPOUT,
    .param_bytes = sizeof(struct cvk_dropout_params),
    .name = "dropout",
    .min_inputs = 1,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 2,
    .infer = infer,
    .separable = separable,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
    .elementwise = true,
};

cvk_value cvk_dropout(struct cvk_graph *g, cvk_value x, const struct cvk_dropout_params *p, cvk_value *mask)
{
    cvk_value y[2] = {0, 0};
    cvk_graph_add(g, CVK_OP_DROPOUT, p, &x, 1, y, mask ? 2 : 1);
    if (mask)
        *mask = y[1];
    return y[0];
}
