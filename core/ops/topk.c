/* SPDX-License-Identifier: MIT
 * topk: schema, shape rule, cost and builder call. */
#include "dtype_sets.h"

/* k from the second input if there is one, else from the parameters. */
static int32_t read_k(struct cvk__infer *c, int64_t *k)
{
    *k = ((const struct cvk_topk_params *)c->node->params)->k;
    if (!cvk__infer_in(c, 1))
        return CVK_OK;
    uint32_t count = 0;
    int64_t given[2];
    CVK__TRY(cvk__infer_ints(c, 1, given, 2, &count));
    if (count != 1)
        return cvk__infer_fail(c, "k is a tensor of %u elements; it must be one", count);
    *k = given[0];
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_topk_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    if (!cvk__dtype_in(x->dtype, CVK__NUMBERS))
        return cvk__infer_fail(c, "has no order for %s elements; cast the input first", cvk_dtype_name(x->dtype));
    if (x->rank == 0)
        return cvk__infer_fail(c, "looks along an axis, but the input is a single number without axes");
    CVK__TRY(cvk__infer_axis(c, "axis", p->axis, x->rank, &p->axis));
    int64_t k = 0, n = x->dims[p->axis];
    CVK__TRY(read_k(c, &k));
    if (k < 1)
        return cvk__infer_bad(c, "k is %lld; it must be at least 1, in the parameters or as the second input", (long long)k);
    if (k > n)
        return cvk__infer_fail(c, "k is %lld, but axis %d holds only %lld elements", (long long)k, p->axis, (long long)n);
    p->k = k;
    cvk__infer_absorb(c, 1);
    int64_t dims[CVK_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    dims[p->axis] = k;
    CVK__TRY(cvk__infer_out(c, 0, x->dtype, x->rank, dims));
    return cvk__infer_out(c, 1, CVK_I64, x->rank, dims);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    cost->macs = 0;
    cost->flops = cvk_tensor_desc_count(node->inputs[0]); /* one comparison each; what is kept is few */
}

static void window(const struct cvk_node *node, struct cvk__window *window)
{
    cvk__window_along(node, ((const struct cvk_topk_params *)node->params)->axis, window);
}

/* dy goes back to where the elements came from, which the indices say. */
static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__Y(1)},
};

static bool separable(const struct cvk_node *node, bool *cut)
{
    return ((const struct cvk_topk_params *)node->params)->axis != 0 && cvk__cut_first(node, cut);
}

const struct cvk__op_def cvk__op_topk = {
    .id = CVK_OP_TOPK,
    .param_bytes = sizeof(struct cvk_topk_params),
    .name = "topk",
    .min_inputs = 1,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 2,
    .infer = infer,
    .cost = cost,
    .window = window,
    .separable = separable,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
};

cvk_value cvk_topk(struct cvk_graph *g, cvk_value x, const struct cvk_topk_params *p, cvk_value *indices)
{
    cvk_value y[2] = {0, 0};
    cvk_graph_add(g, CVK_OP_TOPK, p, &x, 1, y, 2);
    if (indices)
        *indices = y[1];
    return y[0];
}
