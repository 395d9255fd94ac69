/* SPDX-License-Identifier: MIT
 * softmax: schema, shape rule, cost and builder call. */
#include "dtype_sets.h"

static const char *const kinds[] = {"softmax", "log_softmax", "hardmax"};

static const char *kind_name(const void *params)
{
    uint32_t kind = ((const struct cvk_softmax_params *)params)->kind;
    return kind <= CVK_HARDMAX ? kinds[kind] : NULL;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_softmax_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    if (p->kind > CVK_HARDMAX)
        return cvk__infer_bad(c, "no softmax kind %u; the last one known is %d, 'hardmax'", p->kind, CVK_HARDMAX);
    if (!cvk__dtype_in(x->dtype, CVK__FLOATS))
        return cvk__infer_fail(c, "%s of %s elements; it needs floating-point ones, cast the input first", kinds[p->kind],
                               cvk_dtype_name(x->dtype));
    if (x->rank == 0)
        return cvk__infer_fail(c, "%s runs along an axis, but the input is a single number without axes", kinds[p->kind]);
    CVK__TRY(cvk__infer_axis(c, "axis", p->axis, x->rank, &p->axis));
    return cvk__infer_out_like(c, 0, x);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    cost->macs = 0;
    cost->flops = 5 * cvk_tensor_desc_count(node->inputs[0]); /* maximum, difference, exponential, sum, quotient */
}

static void window(const struct cvk_node *node, struct cvk__window *window)
{
    const struct cvk_softmax_params *p = node->params;
    cvk__window_along(node, p->flatten ? CVK_MAX_RANK : p->axis, window);
}

/* Softmax and its logarithm need y alone; hardmax is constant between its jumps and gives zeros. */
static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__Y(0)},
};

static bool separable(const struct cvk_node *node, bool *cut)
{
    return ((const struct cvk_softmax_params *)node->params)->axis != 0 && cvk__cut_first(node, cut);
}

const struct cvk__op_def cvk__op_softmax = {
    .id = CVK_OP_SOFTMAX,
    .param_bytes = sizeof(struct cvk_softmax_params),
    .name = "softmax",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
    .window = window,
    .kind = kind_name,
    .separable = separable,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
};

cvk_value cvk_softmax(struct cvk_graph *g, cvk_value x, const struct cvk_softmax_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_SOFTMAX, p, &x, 1);
}
