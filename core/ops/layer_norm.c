/* SPDX-License-Identifier: MIT
 * layer_norm: schema, shape rule, cost, window, gradients and builder call. */
#include "dtype_sets.h"

/* scale and bias broadcast to x, not the other way round. */
static int32_t check_affine(const struct cvk__infer *c, uint32_t i, const char *name)
{
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0), *d = cvk__infer_in(c, i);
    char text[CVK_SHAPE_TEXT], xt[CVK_SHAPE_TEXT];
    if (!d)
        return CVK_OK;
    if (!cvk__dtype_in(d->dtype, CVK__FLOATS))
        return cvk__infer_fail(c, "%s is %s; it must be f32, f64, f16 or bf16", name, cvk_dtype_name(d->dtype));
    bool fits = d->rank <= x->rank;
    for (uint32_t k = 0; fits && k < d->rank; k++)
        fits = d->dims[k] == 1 || d->dims[k] == x->dims[x->rank - d->rank + k];
    if (!fits)
        return cvk__infer_fail(c, "%s is %s; that does not broadcast to x, which is %s", name,
                               cvk_shape_text(d->rank, d->dims, text), cvk_shape_text(x->rank, x->dims, xt));
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_layer_norm_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    if (!(p->epsilon >= 0))
        return cvk__infer_bad(c, "epsilon is %g; it must be at least 0", (double)p->epsilon);
    if (!cvk__dtype_in(x->dtype, CVK__FLOATS))
        return cvk__infer_fail(c, "x is %s; it must be f32, f64, f16 or bf16", cvk_dtype_name(x->dtype));
    CVK__TRY(cvk__infer_axis(c, "axis", p->axis, x->rank, &p->axis));
    CVK__TRY(check_affine(c, 1, "scale"));
    CVK__TRY(check_affine(c, 2, "bias"));
    int64_t folded[CVK_MAX_RANK];
    for (uint32_t i = 0; i < x->rank; i++)
        folded[i] = i < (uint32_t)p->axis ? x->dims[i] : 1;
    /* The statistics of short floats are kept in f32, as ONNX has it. */
    uint32_t stash = x->dtype == CVK_F64 ? CVK_F64 : CVK_F32;
    CVK__TRY(cvk__infer_out(c, 1, stash, x->rank, folded));
    CVK__TRY(cvk__infer_out(c, 2, stash, x->rank, folded));
    return cvk__infer_out_like(c, 0, x);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    cost->macs = 0;
    cost->flops = 7 * cvk_tensor_desc_count(node->outputs[0]); /* mean; difference, square, sum; product, scale, bias */
}

/* spatial_rank 0: the folded axes end with the last one, so the mean is over space. */
static void window(const struct cvk_node *node, struct cvk__window *window)
{
    (void)node;
    window->spatial_rank = 0;
}

static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(0) | CVK__X(1)},
    {CVK_PASS_BACKWARD_WEIGHTS, CVK__X(1) | CVK__X(2), CVK__DY(0) | CVK__X(0)},
};

static bool separable(const struct cvk_node *node, bool *cut)
{
    return ((const struct cvk_layer_norm_params *)node->params)->axis != 0 && cvk__cut_broadcast(node, cut);
}

const struct cvk__op_def cvk__op_layer_norm = {
    .id = CVK_OP_LAYER_NORM,
    .param_bytes = sizeof(struct cvk_layer_norm_params),
    .name = "layer_norm",
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 3,
    .infer = infer,
    .cost = cost,
    .window = window,
    .separable = separable,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
    .weights = CVK__X(1) | CVK__X(2),
};

cvk_value cvk_layer_norm(struct cvk_graph *g, cvk_value x, cvk_value scale, cvk_value bias, const struct cvk_layer_norm_params *p,
                         cvk_value *mean, cvk_value *inv_std)
{
    cvk_value y[3] = {0, 0, 0};
    cvk_graph_add(g, CVK_OP_LAYER_NORM, p, (cvk_value[]){x, scale, bias}, 3, y, inv_std ? 3 : mean ? 2 : 1);
    if (mean)
        *mean = y[1];
    if (inv_std)
        *inv_std = y[2];
    return y[0];
}
