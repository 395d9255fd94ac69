/* SPDX-License-Identifier: MIT
 * concat: shape rule and builder call. Its gradient is split. */
#include "../graph/autodiff.h"
#include "move.h"

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_concat_params *p = c->node->params;
    const struct cvk_tensor_desc *first = cvk__infer_in(c, 0);
    int64_t dims[CVK_MAX_RANK] = {0};
    CVK__TRY(cvk__infer_axis(c, "axis", p->axis, first->rank, &p->axis));
    memcpy(dims, first->dims, first->rank * sizeof dims[0]);
    for (uint32_t i = 1; i < c->node->input_count; i++) {
        const struct cvk_tensor_desc *x = cvk__infer_in(c, i);
        char mine[CVK_SHAPE_TEXT], other[CVK_SHAPE_TEXT];
        if (!x)
            return cvk__infer_bad(c, "input %u of %u is left out", i, c->node->input_count);
        if (x->dtype != first->dtype)
            return cvk__infer_fail(c, "input %u is %s and input 0 is %s: cast one of them", i, cvk_dtype_name(x->dtype),
                                   cvk_dtype_name(first->dtype));
        bool fits = x->rank == first->rank;
        for (uint32_t k = 0; fits && k < x->rank; k++)
            fits = (int32_t)k == p->axis || x->dims[k] == first->dims[k];
        if (!fits)
            return cvk__infer_fail(c, "input %u is %s and input 0 is %s: they may differ on axis %d only", i,
                                   cvk_shape_text(x->rank, x->dims, other), cvk_shape_text(first->rank, first->dims, mine),
                                   p->axis);
        if (!cvk__add_i64(dims[p->axis], x->dims[p->axis], &dims[p->axis]))
            return cvk__infer_fail(c, "the sizes on axis %d sum up to more than 2^63", p->axis);
    }
    return cvk__infer_out(c, 0, first->dtype, first->rank, dims);
}

static bool separable(const struct cvk_node *node, bool *cut)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        cut[i] = true;
    return ((const struct cvk_concat_params *)node->params)->axis != 0;
}

/* The parts of dy. */
static int32_t differentiate(struct cvk__diff *d)
{
    const uint32_t count = cvk__diff_node(d)->input_count;
    const int32_t axis = ((const struct cvk_concat_params *)cvk__diff_node(d)->params)->axis;
    const struct cvk_split_params p = {.size = sizeof p, .axis = axis};
    const int64_t dims[1] = {count};
    struct cvk_tensor_desc desc;
    CVK__TRY(cvk_tensor_desc_init(&desc, CVK_I64, CVK_LAYOUT_PLAIN, 1, dims));
    int64_t *sizes = cvk__alloc_buffer(CVK__TAG_GRAPH, desc.bytes);
    cvk_value *parts = cvk__alloc_array(CVK__TAG_GRAPH, count, sizeof *parts);
    cvk_value inputs[2] = {cvk__diff_dy(d, 0), 0};
    int32_t status = sizes && parts ? CVK_OK : cvk__fail_memory(desc.bytes, "a gradient");
    for (uint32_t i = 0; status == CVK_OK && i < count; i++)
        sizes[i] = cvk__diff_desc(d, cvk__diff_node(d)->inputs[i])->dims[axis];
    if (status == CVK_OK) {
        inputs[1] = cvk__graph_new_constant(d->g, NULL, &desc, sizes);
        status = inputs[1] ? cvk__diff_op_many(d, CVK_OP_SPLIT, &p, inputs, 2, parts, count)
                           : cvk__fail_memory(desc.bytes, "a gradient");
    } else {
        cvk__free(sizes);
    }
    for (uint32_t i = 0; status == CVK_OK && i < count; i++)
        status = cvk__diff_give(d, i, parts[i]);
    cvk__free(parts);
    return status;
}

const struct cvk__op_def cvk__op_concat = {
    .id = CVK_OP_CONCAT,
    .param_bytes = sizeof(struct cvk_concat_params),
    .name = "concat",
    .min_inputs = 1,
    .max_inputs = 0xffffffff,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cvk__cost_none,
    .separable = separable,
    .differentiate = differentiate,
};

cvk_value cvk_concat(struct cvk_graph *g, const cvk_value *x, uint32_t count, const struct cvk_concat_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_CONCAT, p, x, count);
}
