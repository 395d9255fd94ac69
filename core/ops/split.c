/* SPDX-License-Identifier: MIT
 * split: shape rule and builder call. Its gradient is concat. */
#include "../graph/autodiff.h"
#include "move.h"

/* The parts' sizes from the second input. */
static int32_t given_sizes(struct cvk__infer *c, int64_t whole, int64_t *sizes)
{
    uint32_t parts = c->node->output_count, count = 0;
    CVK__TRY(cvk__infer_ints(c, 1, sizes, parts, &count));
    if (count != parts)
        return cvk__infer_bad(c, "%u sizes for %u outputs", count, parts);
    int64_t sum = 0;
    for (uint32_t i = 0; i < parts; i++) {
        if (sizes[i] < 0)
            return cvk__infer_bad(c, "size %lld of part %u is negative", (long long)sizes[i], i);
        if (!cvk__add_i64(sum, sizes[i], &sum) || sum > whole)
            return cvk__infer_fail(c, "the sizes of parts 0 to %u sum up to more than the %lld elements of the axis", i,
                                   (long long)whole);
    }
    if (sum != whole)
        return cvk__infer_fail(c, "the %u sizes sum up to %lld, but the axis has %lld elements", parts, (long long)sum,
                               (long long)whole);
    return CVK_OK;
}

static int32_t equal_sizes(struct cvk__infer *c, bool ragged, int64_t whole, int64_t *sizes)
{
    int64_t parts = c->node->output_count, each = cvk__ceil_div(whole, parts);
    if (whole % parts != 0 && !ragged)
        return cvk__infer_fail(c,
                               "%lld elements do not split into %lld equal parts; %lld or %lld elements would, or ragged parts",
                               (long long)whole, (long long)parts, (long long)(whole - whole % parts), (long long)(each * parts));
    if (whole < each * (parts - 1))
        return cvk__infer_fail(c, "%lld elements do not fill %lld parts of %lld: fewer parts, or the parts' sizes, would fit",
                               (long long)whole, (long long)parts - 1, (long long)each);
    for (int64_t i = 0; i < parts; i++)
        sizes[i] = i < parts - 1 ? each : whole - each * (parts - 1);
    return CVK_OK;
}

/* The parts' sizes as they were worked out before: of a node that is resolved already the second input is gone. */
static bool known_sizes(const struct cvk__infer *c, int32_t axis, int64_t whole, int64_t *sizes)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < c->node->output_count; i++) {
        const struct cvk__value *v = cvk__value_at(c->g, c->node->outputs[i]);
        if (!v || !v->desc.size || (uint32_t)axis >= v->desc.rank || !cvk__add_i64(sum, v->desc.dims[axis], &sum))
            return false;
        sizes[i] = v->desc.dims[axis];
    }
    return sum == whole;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_split_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    uint32_t parts = c->node->output_count;
    int32_t axis = 0;
    CVK__TRY(cvk__infer_axis(c, "axis", p->axis, x->rank, &axis));
    int64_t *sizes = cvk__alloc_array(CVK__TAG_GRAPH, parts, sizeof *sizes);
    if (!sizes)
        return cvk__fail_memory((uint64_t)parts * sizeof *sizes, "the sizes of a split's parts");
    int64_t dims[CVK_MAX_RANK] = {0};
    memcpy(dims, x->dims, x->rank * sizeof dims[0]);
    int32_t status = CVK_OK;
    if (cvk__infer_in(c, 1))
        status = given_sizes(c, x->dims[axis], sizes);
    else if (!known_sizes(c, axis, x->dims[axis], sizes))
        status = equal_sizes(c, p->ragged != 0, x->dims[axis], sizes);
    for (uint32_t i = 0; status == CVK_OK && i < parts; i++) {
        dims[axis] = sizes[i];
        status = cvk__infer_out(c, i, x->dtype, x->rank, dims);
    }
    cvk__free(sizes);
    if (status == CVK_OK) {
        p->axis = axis;
        cvk__infer_absorb(c, 1);
    }
    return status;
}

static bool separable(const struct cvk_node *node, bool *cut)
{
    return ((const struct cvk_split_params *)node->params)->axis != 0 && cvk__cut_first(node, cut);
}

/* The outputs' gradients one behind the other; an output that nobody reads has zeros. */
static int32_t differentiate(struct cvk__diff *d)
{
    const uint32_t count = cvk__diff_node(d)->output_count;
    const struct cvk_concat_params p = {.size = sizeof p,
                                        .axis = ((const struct cvk_split_params *)cvk__diff_node(d)->params)->axis};
    cvk_value *parts = cvk__alloc_array(CVK__TAG_GRAPH, count, sizeof *parts);
    if (!parts)
        return cvk__fail_memory(count * sizeof *parts, "a gradient");
    for (uint32_t o = 0; o < count; o++) {
        cvk_value y = cvk__diff_node(d)->outputs[o];
        parts[o] = cvk__diff_dy(d, o);
        if (!parts[o] && y)
            parts[o] = cvk__diff_constant(d, cvk__diff_desc(d, y), 0);
        if (!y) {
            cvk__free(parts);
            return cvk__fail(CVK_E_UNSUPPORTED, "output %u is left out, so its place in the gradient is not known", o);
        }
    }
    int32_t status = cvk__diff_give(d, 0, cvk__diff_op(d, CVK_OP_CONCAT, &p, parts, count));
    cvk__free(parts);
    return status;
}

const struct cvk__op_def cvk__op_split = {
    .id = CVK_OP_SPLIT,
    .param_bytes = sizeof(struct cvk_split_params),
    .name = "split",
    .min_inputs = 1,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 0xffffffff,
    .infer = infer,
    .cost = cvk__cost_none,
    .separable = separable,
    .differentiate = differentiate,
};

int32_t cvk_split(struct cvk_graph *g, cvk_value x, cvk_value sizes, const struct cvk_split_params *p, uint32_t count,
                  cvk_value *y)
{
    cvk_value inputs[2] = {x, sizes};
    return cvk_graph_add(g, CVK_OP_SPLIT, p, inputs, sizes ? 2 : 1, y, count);
}
