/* SPDX-License-Identifier: MIT
 * fill: schema, shape rule and builder call. */
#include "op_def.h"

/* The sizes from the input if there is one, else from the parameters. */
static int32_t read_dims(struct cvk__infer *c, int64_t *dims, uint32_t *count)
{
    const struct cvk_fill_params *p = c->node->params;
    if (cvk__infer_in(c, 0))
        return cvk__infer_ints(c, 0, dims, CVK_MAX_RANK, count);
    if (p->count > CVK_MAX_RANK)
        return cvk__infer_bad(c, "%u sizes are given; a tensor has at most %d axes", p->count, CVK_MAX_RANK);
    *count = p->count;
    memcpy(dims, p->dims, sizeof p->dims);
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_fill_params *p = c->node->params;
    uint32_t dtype = p->dtype ? p->dtype : (uint32_t)CVK_F32, count = 0;
    if (cvk_dtype_bytes(dtype) == 0)
        return cvk__infer_bad(c, "no element type %u; give one of enum cvk_dtype, 1 (f32) to 13 (bool)", dtype);
    int64_t dims[CVK_MAX_RANK] = {0};
    CVK__TRY(read_dims(c, dims, &count));
    for (uint32_t i = 0; i < count; i++)
        if (dims[i] < 0)
            return cvk__infer_fail(c, "size %u of the shape is %lld; sizes are at least 0", i, (long long)dims[i]);
    p->dtype = dtype;
    p->count = count;
    memcpy(p->dims, dims, sizeof p->dims);
    cvk__infer_absorb(c, 0);
    return cvk__infer_out(c, 0, dtype, count, dims);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    (void)node;
    cost->macs = cost->flops = 0;
}

const struct cvk__op_def cvk__op_fill = {
    .id = CVK_OP_FILL,
    .param_bytes = sizeof(struct cvk_fill_params),
    .name = "fill",
    .min_inputs = 0,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
};

cvk_value cvk_fill(struct cvk_graph *g, cvk_value shape, const struct cvk_fill_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_FILL, p, &shape, shape ? 1 : 0);
}
