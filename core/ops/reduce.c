/* SPDX-License-Identifier: MIT
 * reduce: schema, shape rule, cost and builder call. */
#include "../graph/autodiff.h"
#include "dtype_sets.h"

static const char *const kinds[CVK_REDUCE_KINDS] = {
    [CVK_REDUCE_SUM] = "sum",
    [CVK_REDUCE_MEAN] = "mean",
    [CVK_REDUCE_MAX] = "max",
    [CVK_REDUCE_MIN] = "min",
    [CVK_REDUCE_PROD] = "prod",
    [CVK_REDUCE_L1] = "l1",
    [CVK_REDUCE_L2] = "l2",
    [CVK_REDUCE_LOG_SUM] = "log_sum",
    [CVK_REDUCE_LOG_SUM_EXP] = "log_sum_exp",
    [CVK_REDUCE_SUM_SQUARE] = "sum_square",
};

static const char *kind_name(const void *params)
{
    uint32_t kind = ((const struct cvk_reduce_params *)params)->kind;
    return kind < CVK_REDUCE_KINDS ? kinds[kind] : NULL;
}

/* The axes to fold as a set of bits, from the second input if there is one, else from the parameters. */
static int32_t read_axes(struct cvk__infer *c, uint32_t rank, uint32_t *folded)
{
    const struct cvk_reduce_params *p = c->node->params;
    int64_t axes[CVK_MAX_RANK];
    uint32_t count = p->axis_count;
    if (cvk__infer_in(c, 1)) {
        CVK__TRY(cvk__infer_ints(c, 1, axes, CVK_MAX_RANK, &count));
    } else {
        if (count > CVK_MAX_RANK)
            return cvk__infer_bad(c, "axis_count is %u; a tensor has at most %d axes", count, CVK_MAX_RANK);
        for (uint32_t i = 0; i < count; i++)
            axes[i] = p->axes[i];
    }
    *folded = 0;
    if (count == 0 && !p->noop_empty)
        *folded = (1u << rank) - 1;
    for (uint32_t i = 0; i < count; i++) {
        int32_t axis = 0;
        CVK__TRY(cvk__infer_axis(c, "an entry of axes", axes[i], rank, &axis));
        *folded |= 1u << axis;
    }
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_reduce_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    if (p->kind >= CVK_REDUCE_KINDS)
        return cvk__infer_bad(c, "no reduce kind %u; the last one known is %u, '%s'", p->kind, CVK_REDUCE_KINDS - 1,
                              kinds[CVK_REDUCE_KINDS - 1]);
    uint32_t allowed = CVK__NUMBERS;
    if (p->kind == CVK_REDUCE_MAX || p->kind == CVK_REDUCE_MIN)
        allowed |= CVK_DTYPE_BIT(CVK_BOOL);
    if (!cvk__dtype_in(x->dtype, allowed))
        return cvk__infer_fail(c, "%s is not defined for %s elements; cast the input first", kinds[p->kind],
                               cvk_dtype_name(x->dtype));
    uint32_t folded = 0;
    CVK__TRY(read_axes(c, x->rank, &folded));
    int64_t dims[CVK_MAX_RANK];
    uint32_t rank = 0;
    p->axis_count = 0;
    for (uint32_t i = 0; i < x->rank; i++) {
        if (folded >> i & 1)
            p->axes[p->axis_count++] = (int32_t)i;
        if (!(folded >> i & 1) || p->keep_dims)
            dims[rank++] = folded >> i & 1 ? 1 : x->dims[i];
    }
    cvk__infer_absorb(c, 1);
    return cvk__infer_out(c, 0, x->dtype, rank, dims);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    cost->macs = 0;
    cost->flops = cvk_tensor_desc_count(node->inputs[0]);
}

/* One declaration serves all kinds: sum and mean ignore the values of y and x. */
static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__Y(0) | CVK__X(0)},
};

static bool separable(const struct cvk_node *node, bool *cut)
{
    const struct cvk_reduce_params *p = node->params;
    for (uint32_t i = 0; i < p->axis_count; i++)
        if (p->axes[i] == 0)
            return false;
    return cvk__cut_first(node, cut);
}

/* Sums and means spread dy; the others have declared rows. */
static int32_t differentiate(struct cvk__diff *d)
{
    const struct cvk_reduce_params p = *(const struct cvk_reduce_params *)cvk__diff_node(d)->params;
    const struct cvk_tensor_desc x = *cvk__diff_desc(d, cvk__diff_node(d)->inputs[0]);
    struct cvk_tensor_desc kept = x;
    struct cvk_expand_params to = {.size = sizeof to, .count = x.rank};
    if (p.kind != CVK_REDUCE_SUM && p.kind != CVK_REDUCE_MEAN)
        return CVK_E_NOT_FOUND;
    double share = 1;
    memcpy(to.dims, x.dims, x.rank * sizeof *x.dims);
    for (uint32_t i = 0; i < p.axis_count; i++) {
        share *= (double)x.dims[p.axes[i]];
        kept.dims[p.axes[i]] = 1;
    }
    cvk_value v = cvk__diff_reshape(d, cvk__diff_scale(d, cvk__diff_dy(d, 0), p.kind == CVK_REDUCE_MEAN ? 1 / share : 1), &kept);
    return cvk__diff_give(d, 0, cvk__diff_op(d, CVK_OP_EXPAND, &to, &v, 1));
}

const struct cvk__op_def cvk__op_reduce = {
    .id = CVK_OP_REDUCE,
    .param_bytes = sizeof(struct cvk_reduce_params),
    .name = "reduce",
    .min_inputs = 1,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
    .kind = kind_name,
    .separable = separable,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
    .differentiate = differentiate,
};

cvk_value cvk_reduce(struct cvk_graph *g, cvk_value x, const struct cvk_reduce_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_REDUCE, p, &x, 1);
}
