/* SPDX-License-Identifier: MIT
 * one_hot: schema, shape rule and builder call. */
#include "dtype_sets.h"

/* The depth from the second input if there is one (of any number type: ONNX allows 10.0), else from the parameters. */
static int32_t read_depth(struct cvk__infer *c, int64_t *depth)
{
    *depth = ((const struct cvk_one_hot_params *)c->node->params)->depth;
    if (cvk__infer_in(c, 1)) {
        uint32_t count = 0;
        double given[2];
        CVK__TRY(cvk__infer_numbers(c, 1, given, 2, &count));
        if (count != 1)
            return cvk__infer_fail(c, "the depth is a tensor of %u elements; it must be one", count);
        if (!(given[0] >= 1 && given[0] < 0x1p53))
            return cvk__infer_bad(c, "the depth is %g; it must be a whole number, at least 1", given[0]);
        *depth = (int64_t)given[0];
        if ((double)*depth != given[0])
            return cvk__infer_bad(c, "the depth is %g; it must be a whole number, at least 1", given[0]);
    }
    if (*depth < 1)
        return cvk__infer_bad(c, "the depth is %lld; it must be at least 1, in the parameters or as the second input",
                              (long long)*depth);
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_one_hot_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0), *values = cvk__infer_in(c, 2);
    if (!cvk__dtype_in(x->dtype, CVK__NUMBERS))
        return cvk__infer_fail(c, "the indices are %s; they must be numbers", cvk_dtype_name(x->dtype));
    if (!values)
        return cvk__infer_bad(c,
                              "input 2 is missing: a tensor of two elements, the value elsewhere and the value at the hot place");
    if (cvk_tensor_desc_count(values) != 2)
        return cvk__infer_fail(c,
                               "input 2 has %llu elements; it must have two, the value elsewhere and the value at the hot place",
                               (unsigned long long)cvk_tensor_desc_count(values));
    int64_t depth = 0;
    CVK__TRY(read_depth(c, &depth));
    if (x->rank == CVK_MAX_RANK)
        return cvk__infer_fail(c, "the indices have %u axes already, so there is no room for one more; at most %d are possible",
                               x->rank, CVK_MAX_RANK);
    CVK__TRY(cvk__infer_axis(c, "axis", p->axis, x->rank + 1, &p->axis));
    int64_t dims[CVK_MAX_RANK];
    for (uint32_t i = 0; i <= x->rank; i++)
        dims[i] = i == (uint32_t)p->axis ? depth : x->dims[i - (i > (uint32_t)p->axis)];
    p->depth = depth;
    c->node->inputs[1] = 0; /* absorbed; the values behind it stay in their place */
    return cvk__infer_out(c, 0, values->dtype, x->rank + 1, dims);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    (void)node;
    cost->macs = cost->flops = 0;
}

static bool separable(const struct cvk_node *node, bool *cut)
{
    return ((const struct cvk_one_hot_params *)node->params)->axis != 0 && cvk__cut_first(node, cut);
}

/* min_inputs is 1 because the depth in the middle may be left out; the rule asks for the values itself. */
const struct cvk__op_def cvk__op_one_hot = {
    .id = CVK_OP_ONE_HOT,
    .param_bytes = sizeof(struct cvk_one_hot_params),
    .name = "one_hot",
    .min_inputs = 1,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
    .separable = separable,
};

cvk_value cvk_one_hot(struct cvk_graph *g, cvk_value indices, cvk_value depth, cvk_value values,
                      const struct cvk_one_hot_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_ONE_HOT, p, (cvk_value[]){indices, depth, values}, 3);
}
