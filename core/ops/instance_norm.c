/* SPDX-License-Identifier: MIT
 * instance_norm: schema, shape rule, cost, gradients and builder call. */
#include "dtype_sets.h"

static int32_t infer(struct cvk__infer *c)
{
    static const char *const names[] = {"x", "scale", "bias"};
    const struct cvk_instance_norm_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    char text[CVK_SHAPE_TEXT], xt[CVK_SHAPE_TEXT];
    if (!(p->epsilon >= 0))
        return cvk__infer_bad(c, "epsilon is %g; it must be at least 0", (double)p->epsilon);
    if (x->rank < 3)
        return cvk__infer_fail(c,
                               "x is %s, %u axes; it needs a batch, channels and at least one spatial axis to take a mean over",
                               cvk_shape_text(x->rank, x->dims, xt), x->rank);
    for (uint32_t i = 0; i < 3; i++) {
        const struct cvk_tensor_desc *d = cvk__infer_in(c, i);
        if (!cvk__dtype_in(d->dtype, CVK__FLOATS))
            return cvk__infer_fail(c, "%s is %s; it must be f32, f64, f16 or bf16", names[i], cvk_dtype_name(d->dtype));
        if (i > 0 && (d->rank != 1 || d->dims[0] != x->dims[1]))
            return cvk__infer_fail(c, "%s is %s, but x (%s) has %lld channels, each of which needs one number", names[i],
                                   cvk_shape_text(d->rank, d->dims, text), cvk_shape_text(x->rank, x->dims, xt),
                                   (long long)x->dims[1]);
    }
    return cvk__infer_out_like(c, 0, x);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    cost->macs = 0;
    cost->flops = 6 * cvk_tensor_desc_count(node->outputs[0]); /* mean; difference, square, sum; factor and shift */
}

/* spatial_rank 0: the mean is over the whole map. */
static void window(const struct cvk_node *node, struct cvk__window *window)
{
    (void)node;
    window->spatial_rank = 0;
}

static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(0) | CVK__X(1)},
    {CVK_PASS_BACKWARD_WEIGHTS, CVK__X(1) | CVK__X(2), CVK__DY(0) | CVK__X(0)},
};

const struct cvk__op_def cvk__op_instance_norm = {
    .id = CVK_OP_INSTANCE_NORM,
    .param_bytes = sizeof(struct cvk_instance_norm_params),
    .name = "instance_norm",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
    .window = window,
    .separable = cvk__cut_first,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
    .weights = CVK__X(1) | CVK__X(2),
};

cvk_value cvk_instance_norm(struct cvk_graph *g, cvk_value x, cvk_value scale, cvk_value bias,
                            const struct cvk_instance_norm_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_INSTANCE_NORM, p, (cvk_value[]){x, scale, bias}, 3);
}
