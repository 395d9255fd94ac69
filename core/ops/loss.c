/* SPDX-License-Identifier: MIT
 * loss: schema, shape rule, cost, gradient and builder call. */
#include "dtype_sets.h"

static const char *const kinds[CVK_LOSS_KINDS] = {
    [CVK_LOSS_SOFTMAX_CROSS_ENTROPY] = "softmax_cross_entropy",
    [CVK_LOSS_SIGMOID_CROSS_ENTROPY] = "sigmoid_cross_entropy",
    [CVK_LOSS_MSE] = "mse",
    [CVK_LOSS_L1] = "l1",
    [CVK_LOSS_HUBER] = "huber",
};

const char *cvk_loss_name(uint32_t kind)
{
    return kind < CVK_LOSS_KINDS ? kinds[kind] : NULL;
}

static const char *kind_name(const void *params)
{
    return cvk_loss_name(((const struct cvk_loss_params *)params)->kind);
}

static int32_t check_params(const struct cvk__infer *c, struct cvk_loss_params *p)
{
    if (p->kind >= CVK_LOSS_KINDS)
        return cvk__infer_bad(c, "no loss %u; the last one known is %u, '%s'", p->kind, CVK_LOSS_KINDS - 1,
                              kinds[CVK_LOSS_KINDS - 1]);
    if (p->reduction > CVK_LOSS_NONE)
        return cvk__infer_bad(c, "reduction is %u; mean is 0, sum 1, none 2", p->reduction);
    if (!(p->smoothing >= 0 && p->smoothing < 1))
        return cvk__infer_bad(c, "smoothing is %g; it must be at least 0 and below 1", (double)p->smoothing);
    if (!(p->delta >= 0))
        return cvk__infer_bad(c, "delta is %g; it must be above 0", (double)p->delta);
    p->delta = p->delta > 0 ? p->delta : 1;
    return CVK_OK;
}

/* Class indices have x's sizes without the class axis, other targets x's own. *indexed tells which. */
static int32_t check_target(const struct cvk__infer *c, const struct cvk_loss_params *p, bool *indexed)
{
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0), *t = cvk__infer_in(c, 1);
    char xt[CVK_SHAPE_TEXT], tt[CVK_SHAPE_TEXT];
    *indexed = t->dtype == CVK_I32 || t->dtype == CVK_I64;
    if (*indexed && p->kind != CVK_LOSS_SOFTMAX_CROSS_ENTROPY)
        return cvk__infer_fail(c, "%s compares numbers, but the target holds class numbers (%s)", kinds[p->kind],
                               cvk_dtype_name(t->dtype));
    if (!*indexed && t->dtype != x->dtype)
        return cvk__infer_fail(c, "the target is %s; it must be of x's type, %s%s", cvk_dtype_name(t->dtype),
                               cvk_dtype_name(x->dtype),
                               p->kind == CVK_LOSS_SOFTMAX_CROSS_ENTROPY ? ", or class numbers in i32 or i64" : "");
    bool fits = t->rank == x->rank - (*indexed ? 1u : 0u);
    for (uint32_t i = 0, k = 0; fits && k < t->rank; i++)
        if (!*indexed || i != 1)
            fits = t->dims[k++] == x->dims[i];
    if (!fits)
        return cvk__infer_fail(c, "the target is %s, x is %s; %s", cvk_shape_text(t->rank, t->dims, tt),
                               cvk_shape_text(x->rank, x->dims, xt),
                               *indexed ? "class numbers have x's sizes without axis 1" : "they must have the same sizes");
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_loss_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0), *w = cvk__infer_in(c, 2);
    char text[CVK_SHAPE_TEXT];
    bool indexed;
    CVK__TRY(check_params(c, p));
    if (!cvk__dtype_in(x->dtype, CVK__FLOATS))
        return cvk__infer_fail(c, "x is %s; it must be f32, f64, f16 or bf16", cvk_dtype_name(x->dtype));
    if (x->rank < 2)
        return cvk__infer_fail(c, "x is %s; it needs a batch and, on axis 1, classes or values",
                               cvk_shape_text(x->rank, x->dims, text));
    CVK__TRY(check_target(c, p, &indexed));
    if (w && p->kind > CVK_LOSS_SIGMOID_CROSS_ENTROPY)
        return cvk__infer_fail(c, "weights are for the cross-entropies, not for %s", kinds[p->kind]);
    if (w && (w->dtype != x->dtype || w->rank != 1 || w->dims[0] != x->dims[1]))
        return cvk__infer_fail(c, "weights are %s %s, but x has %lld classes: one %s number each", cvk_dtype_name(w->dtype),
                               cvk_shape_text(w->rank, w->dims, text), (long long)x->dims[1], cvk_dtype_name(x->dtype));
    if (p->reduction != CVK_LOSS_NONE)
        return cvk__infer_out(c, 0, x->dtype, 0, NULL);
    if (p->kind != CVK_LOSS_SOFTMAX_CROSS_ENTROPY)
        return cvk__infer_out_like(c, 0, x);
    int64_t dims[CVK_MAX_RANK];
    for (uint32_t i = 0, k = 0; i < x->rank; i++)
        if (i != 1)
            dims[k++] = x->dims[i];
    return cvk__infer_out(c, 0, x->dtype, x->rank - 1, dims);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    cost->macs = 0;
    cost->flops = cvk__cost_mul(6, cvk_tensor_desc_count(node->inputs[0]));
}

static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(0) | CVK__X(1) | CVK__X(2)},
};

const struct cvk__op_def cvk__op_loss = {
    .id = CVK_OP_LOSS,
    .param_bytes = sizeof(struct cvk_loss_params),
    .name = "loss",
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
    .kind = kind_name,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
};

cvk_value cvk_loss(struct cvk_graph *g, cvk_value x, cvk_value target, cvk_value weights, const struct cvk_loss_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_LOSS, p, (cvk_value[]){x, target, weights}, 3);
}
