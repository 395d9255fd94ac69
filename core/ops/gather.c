/* SPDX-License-Identifier: MIT
 * gather: schema, shape rules of its three kinds, and builder call. */
#include "dtype_sets.h"

static const char *const kinds[] = {"gather", "elements", "nd"};

static const char *kind_name(const void *params)
{
    uint32_t kind = ((const struct cvk_gather_params *)params)->kind;
    return kind <= CVK_GATHER_ND ? kinds[kind] : NULL;
}

/* Whole slices: the axis is replaced by the sizes of the indices. */
static int32_t infer_slices(struct cvk__infer *c, const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *indices)
{
    uint32_t axis = (uint32_t)((const struct cvk_gather_params *)c->node->params)->axis;
    uint32_t rank = x->rank - 1 + indices->rank;
    if (rank > CVK_MAX_RANK)
        return cvk__infer_fail(c,
                               "the input has %u axes and the indices %u, so the result would have %u; at most %d are possible",
                               x->rank, indices->rank, rank, CVK_MAX_RANK);
    int64_t dims[CVK_MAX_RANK];
    for (uint32_t i = 0; i < rank; i++)
        dims[i] = i < axis ? x->dims[i] : i < axis + indices->rank ? indices->dims[i - axis] : x->dims[i + 1 - indices->rank];
    return cvk__infer_out(c, 0, x->dtype, rank, dims);
}

static int32_t infer_elements(struct cvk__infer *c, const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *indices)
{
    uint32_t axis = (uint32_t)((const struct cvk_gather_params *)c->node->params)->axis;
    char have[CVK_SHAPE_TEXT], want[CVK_SHAPE_TEXT];
    if (indices->rank != x->rank)
        return cvk__infer_fail(c, "elements: the input has %u axes and the indices %u; both must have the same number", x->rank,
                               indices->rank);
    for (uint32_t i = 0; i < x->rank; i++)
        if (i != axis && indices->dims[i] > x->dims[i])
            return cvk__infer_fail(
                c, "elements: indices of %s reach beyond the input of %s: axis %u has %lld places, asked for %lld",
                cvk_shape_text(indices->rank, indices->dims, have), cvk_shape_text(x->rank, x->dims, want), i,
                (long long)x->dims[i], (long long)indices->dims[i]);
    return cvk__infer_out(c, 0, x->dtype, indices->rank, indices->dims);
}

/* Tuples in the last axis of the indices address x after the batch axes. */
static int32_t infer_nd(struct cvk__infer *c, const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *indices)
{
    uint32_t batch = ((const struct cvk_gather_params *)c->node->params)->batch_dims;
    if (indices->rank == 0)
        return cvk__infer_fail(c, "nd: the indices are a single number; they need an axis that holds the tuples");
    if (batch >= x->rank || batch >= indices->rank)
        return cvk__infer_bad(c, "nd: batch_dims is %u, but the input has %u axes and the indices %u; it must be below both",
                              batch, x->rank, indices->rank);
    for (uint32_t i = 0; i < batch; i++)
        if (x->dims[i] != indices->dims[i])
            return cvk__infer_fail(c,
                                   "nd: batch axis %u has %lld places in the input and %lld in the indices; they must be equal",
                                   i, (long long)x->dims[i], (long long)indices->dims[i]);
    int64_t tuple = indices->dims[indices->rank - 1];
    if (tuple < 1 || tuple > (int64_t)(x->rank - batch))
        return cvk__infer_fail(c,
                               "nd: the indices' last axis holds tuples of %lld; with %u axes behind %u batch axes 1 to %u fit",
                               (long long)tuple, x->rank - batch, batch, x->rank - batch);
    uint32_t outer = indices->rank - 1, inner = x->rank - batch - (uint32_t)tuple;
    if (outer + inner > CVK_MAX_RANK)
        return cvk__infer_fail(c, "nd: the result would have %u axes; at most %d are possible", outer + inner, CVK_MAX_RANK);
    int64_t dims[CVK_MAX_RANK];
    for (uint32_t i = 0; i < outer; i++)
        dims[i] = indices->dims[i];
    for (uint32_t i = 0; i < inner; i++)
        dims[outer + i] = x->dims[x->rank - inner + i];
    return cvk__infer_out(c, 0, x->dtype, outer + inner, dims);
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_gather_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0), *indices = cvk__infer_in(c, 1);
    if (p->kind > CVK_GATHER_ND)
        return cvk__infer_bad(c, "no gather kind %u; the last one known is %d, 'nd'", p->kind, CVK_GATHER_ND);
    if (indices->dtype != CVK_I64 && indices->dtype != CVK_I32)
        return cvk__infer_fail(c, "the indices are %s; they must be i64 or i32, cast them first", cvk_dtype_name(indices->dtype));
    if (x->rank == 0)
        return cvk__infer_fail(c, "the input is a single number without axes to pick from");
    if (p->kind == CVK_GATHER_ND)
        return infer_nd(c, x, indices);
    CVK__TRY(cvk__infer_axis(c, "axis", p->axis, x->rank, &p->axis));
    return p->kind == CVK_GATHER ? infer_slices(c, x, indices) : infer_elements(c, x, indices);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    (void)node;
    cost->macs = cost->flops = 0;
}

static void window(const struct cvk_node *node, struct cvk__window *window)
{
    const struct cvk_gather_params *p = node->params;
    bool keeps_axes = p->kind == CVK_GATHER_ELEMENTS || (p->kind == CVK_GATHER && node->inputs[1]->rank == 1);
    cvk__window_along(node, keeps_axes ? p->axis : CVK_MAX_RANK, window);
}

/* dy is added up at the places that the indices name. */
static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(1)},
};

/* Along another axis each image is picked from alone; by numbers along axis 0 the images are those of the numbers. */
static bool separable(const struct cvk_node *node, bool *cut)
{
    const struct cvk_gather_params *p = node->params;
    if (p->kind == CVK_GATHER) {
        cut[p->axis == 0] = true;
        return p->axis != 0 || node->inputs[1]->rank > 0;
    }
    cut[0] = cut[1] = true;
    return p->kind == CVK_GATHER_ELEMENTS ? p->axis != 0 : p->batch_dims > 0;
}

const struct cvk__op_def cvk__op_gather = {
    .id = CVK_OP_GATHER,
    .param_bytes = sizeof(struct cvk_gather_params),
    .name = "gather",
    .min_inputs = 2,
    .max_inputs = 2,
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

cvk_value cvk_gather(struct cvk_graph *g, cvk_value x, cvk_value indices, const struct cvk_gather_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_GATHER, p, (cvk_value[]){x, indices}, 2);
}
