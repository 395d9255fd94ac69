/* SPDX-License-Identifier: MIT
 * batch_norm: schema, shape rule, cost, gradients and builder call. */
#include "dtype_sets.h"

static int32_t infer(struct cvk__infer *c)
{
    static const char *const names[] = {"x", "scale", "bias", "mean", "var"};
    const struct cvk_batch_norm_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    char text[CVK_SHAPE_TEXT], xt[CVK_SHAPE_TEXT];
    if (!(p->epsilon >= 0))
        return cvk__infer_bad(c, "epsilon is %g; it must be at least 0", (double)p->epsilon);
    if (x->rank < 1)
        return cvk__infer_fail(c, "x is a single number; it needs a batch axis and, from rank 2 on, channels on axis 1");
    int64_t channels = x->rank > 1 ? x->dims[1] : 1;
    for (uint32_t i = 0; i < 5; i++) {
        const struct cvk_tensor_desc *d = cvk__infer_in(c, i);
        if (!cvk__dtype_in(d->dtype, CVK__FLOATS))
            return cvk__infer_fail(c, "%s is %s; it must be f32, f64, f16 or bf16", names[i], cvk_dtype_name(d->dtype));
        if (i > 0 && (d->rank != 1 || d->dims[0] != channels))
            return cvk__infer_fail(c, "%s is %s, but x (%s) has %lld channels, each of which needs one number", names[i],
                                   cvk_shape_text(d->rank, d->dims, text), cvk_shape_text(x->rank, x->dims, xt),
                                   (long long)channels);
    }
    if (!p->training && c->node->output_count > 1)
        return cvk__infer_bad(c, "%u outputs; outside training there is one", c->node->output_count);
    if (!(p->momentum >= 0 && p->momentum <= 1))
        return cvk__infer_bad(c, "momentum is %g; it must be between 0 and 1", (double)p->momentum);
    for (uint32_t i = 1; i < c->node->output_count; i++)
        CVK__TRY(cvk__infer_out_like(c, i, cvk__infer_in(c, 3)));
    return cvk__infer_out_like(c, 0, x);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    cost->macs = 0;
    cost->flops = 2 * cvk_tensor_desc_count(node->outputs[0]); /* the factors per channel are worked out once */
}

static const struct cvk__grad inference[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(1) | CVK__X(4)},
    {CVK_PASS_BACKWARD_WEIGHTS, CVK__X(1) | CVK__X(2), CVK__DY(0) | CVK__X(0) | CVK__X(3) | CVK__X(4)},
};

/* The gradient of x needs the sums that are those of scale and bias, so one pass gives all three. */
static const struct cvk__grad training[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0) | CVK__X(1) | CVK__X(2),
     CVK__DY(0) | CVK__Y(3) | CVK__Y(4) | CVK__X(0) | CVK__X(1) | CVK__X(2)},
};

static const struct cvk__grad *grads_for(const void *params, uint32_t *count)
{
    bool trains = ((const struct cvk_batch_norm_params *)params)->training;
    *count = trains ? 1 : 2;
    return trains ? training : inference;
}

/* Training mixes the images of a batch. */
static bool separable(const struct cvk_node *node, bool *cut)
{
    return !((const struct cvk_batch_norm_params *)node->params)->training && cvk__cut_first(node, cut);
}

const struct cvk__op_def cvk__op_batch_norm = {
    .id = CVK_OP_BATCH_NORM,
    .param_bytes = sizeof(struct cvk_batch_norm_params),
    .name = "batch_norm",
    .min_inputs = 5,
    .max_inputs = 5,
    .min_outputs = 1,
    .max_outputs = 5,
    .infer = infer,
    .cost = cost,
    .separable = separable,
    .accepts_epilogue = true,
    .grads_for = grads_for,
    .replaces = (const int8_t[]){-1, 3, 4, -1, -1},
    .weights = CVK__X(1) | CVK__X(2),
};

cvk_value cvk_batch_norm(struct cvk_graph *g, cvk_value x, cvk_value scale, cvk_value bias, cvk_value mean, cvk_value var,
                         const struct cvk_batch_norm_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_BATCH_NORM, p, (cvk_value[]){x, scale, bias, mean, var}, 5);
}

void cvk_batch_norm_train(struct cvk_graph *g, cvk_value x, cvk_value scale, cvk_value bias, cvk_value mean, cvk_value var,
                          const struct cvk_batch_norm_params *p, cvk_value y[5])
{
    struct cvk_batch_norm_params params = {0};
    if (p)
        params = *p;
    params.training = 1;
    cvk_graph_add(g, CVK_OP_BATCH_NORM, &params, (cvk_value[]){x, scale, bias, mean, var}, 5, y, 5);
}
