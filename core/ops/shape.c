/* SPDX-License-Identifier: MIT
 * shape: schema, the rule that works out its content, and builder call. */
#include "op_def.h"

static int32_t clamp_axis(int64_t axis, uint32_t rank)
{
    if (axis < 0)
        axis += rank;
    return (int32_t)(axis < 0 ? 0 : axis > (int64_t)rank ? (int64_t)rank : axis);
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_shape_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    int64_t content[CVK_MAX_RANK + 1] = {0};
    if (p->kind > CVK_SHAPE_COUNT)
        return cvk__infer_bad(c, "no shape kind %u; there are %d, dims, and %d, count", p->kind, CVK_SHAPE_DIMS, CVK_SHAPE_COUNT);
    if (p->kind == CVK_SHAPE_COUNT) {
        content[0] = (int64_t)cvk_tensor_desc_count(x);
        CVK__TRY(cvk__infer_out(c, 0, CVK_I64, 0, content));
        return cvk__infer_out_constant(c, 0, content);
    }
    p->start = clamp_axis(p->start, x->rank);
    p->end = p->end_given ? clamp_axis(p->end, x->rank) : (int32_t)x->rank;
    p->end_given = 1;
    int64_t count = p->end > p->start ? p->end - p->start : 0;
    for (int64_t i = 0; i < count; i++)
        content[i] = x->dims[p->start + i];
    CVK__TRY(cvk__infer_out(c, 0, CVK_I64, 1, &count));
    return cvk__infer_out_constant(c, 0, content);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    (void)node;
    cost->macs = cost->flops = 0;
}

static const char *kind_name(const void *params)
{
    return ((const struct cvk_shape_params *)params)->kind == CVK_SHAPE_COUNT ? "count" : "dims";
}

const struct cvk__op_def cvk__op_shape = {
    .id = CVK_OP_SHAPE,
    .param_bytes = sizeof(struct cvk_shape_params),
    .name = "shape",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
    .kind = kind_name,
};

cvk_value cvk_shape(struct cvk_graph *g, cvk_value x, const struct cvk_shape_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_SHAPE, p, &x, 1);
}
