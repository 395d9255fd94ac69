/* SPDX-License-Identifier: MIT
 * arg: schema, shape rule, cost and builder call. */
#include "dtype_sets.h"

static const char *kind_name(const void *params)
{
    uint32_t kind = ((const struct cvk_arg_params *)params)->kind;
    return kind == CVK_ARG_MAX ? "max" : kind == CVK_ARG_MIN ? "min" : NULL;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_arg_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    if (p->kind > CVK_ARG_MIN)
        return cvk__infer_bad(c, "no arg kind %u; there are %d, max, and %d, min", p->kind, CVK_ARG_MAX, CVK_ARG_MIN);
    if (!cvk__dtype_in(x->dtype, CVK__NUMBERS))
        return cvk__infer_fail(c, "has no order for %s elements; cast the input first", cvk_dtype_name(x->dtype));
    if (x->rank == 0)
        return cvk__infer_fail(c, "looks along an axis, but the input is a single number without axes");
    CVK__TRY(cvk__infer_axis(c, "axis", p->axis, x->rank, &p->axis));
    int64_t dims[CVK_MAX_RANK];
    uint32_t rank = 0;
    bool any = true;
    for (uint32_t i = 0; i < x->rank; i++) {
        if (i != (uint32_t)p->axis)
            any = (dims[rank++] = x->dims[i]) > 0 && any;
        else if (p->keep_dims)
            dims[rank++] = 1;
    }
    if (x->dims[p->axis] == 0 && any)
        return cvk__infer_fail(c, "axis %d has size 0, so no element of it is the %s", p->axis,
                               p->kind == CVK_ARG_MAX ? "largest" : "smallest");
    return cvk__infer_out(c, 0, CVK_I64, rank, dims);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    cost->macs = 0;
    cost->flops = cvk_tensor_desc_count(node->inputs[0]);
}

static bool separable(const struct cvk_node *node, bool *cut)
{
    return ((const struct cvk_arg_params *)node->params)->axis != 0 && cvk__cut_first(node, cut);
}

const struct cvk__op_def cvk__op_arg = {
    .id = CVK_OP_ARG,
    .param_bytes = sizeof(struct cvk_arg_params),
    .name = "arg",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
    .kind = kind_name,
    .separable = separable,
};

cvk_value cvk_arg(struct cvk_graph *g, cvk_value x, const struct cvk_arg_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_ARG, p, &x, 1);
}
