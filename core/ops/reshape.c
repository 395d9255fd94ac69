/* SPDX-License-Identifier: MIT
 * reshape and its kin (flatten, squeeze, unsqueeze, identity): shape rule and builder calls. The output is the memory of x
 * under other sizes; so is its gradient. */
#include "../graph/autodiff.h"
#include "move.h"

static const char *const kinds[] = {"reshape", "flatten", "squeeze", "unsqueeze", "identity"};

/* Sizes or axes, from the second input or from the field. */
struct list {
    uint32_t count;
    int64_t at[CVK_MAX_RANK];
};

static int32_t reshape(const struct cvk__infer *c, const struct cvk_tensor_desc *x, bool allow_zero, struct list *wanted)
{
    int64_t known = 1, total = (int64_t)cvk_tensor_desc_count(x);
    int32_t open = -1;
    char text[CVK_SHAPE_TEXT];
    for (uint32_t i = 0; i < wanted->count; i++) {
        int64_t *size = &wanted->at[i];
        if (*size < -1)
            return cvk__infer_bad(c, "size %lld of axis %u is negative; only a single -1 may be", (long long)*size, i);
        if (*size == -1 && open >= 0)
            return cvk__infer_bad(c, "axes %d and %u are both -1: only one size can be worked out", open, i);
        if (*size == 0 && !allow_zero) {
            if (i >= x->rank)
                return cvk__infer_bad(c, "0 on axis %u means the size that x has there, but x has %u axes", i, x->rank);
            *size = x->dims[i];
        }
        if (*size == -1)
            open = (int32_t)i;
        else if (!cvk__mul_i64(known, *size, &known))
            return cvk__infer_fail(c, "the sizes up to axis %u hold more than 2^63 elements", i);
    }
    if (open >= 0) {
        if (known == 0 || total % known != 0)
            return cvk__infer_fail(c, "the -1 on axis %d cannot be worked out: %lld elements (%s) over %lld", open,
                                   (long long)total, cvk_shape_text(x->rank, x->dims, text), (long long)known);
        wanted->at[open] = total / known;
    } else if (known != total) {
        char other[CVK_SHAPE_TEXT];
        return cvk__infer_fail(c,
                               "%s holds %lld elements and %s would hold %lld (a size that follows the batch is 0 or -1)",
                               cvk_shape_text(x->rank, x->dims, text), (long long)total,
                               cvk_shape_text(wanted->count, wanted->at, other), (long long)known);
    }
    return CVK_OK;
}

static int32_t flatten(const struct cvk__infer *c, const struct cvk_tensor_desc *x, struct list *wanted, struct list *dims)
{
    int64_t rank = x->rank, axis = wanted->count ? wanted->at[0] : 1;
    if (wanted->count > 1)
        return cvk__infer_bad(c, "flatten takes one axis, not %u", wanted->count);
    if (axis < -rank || axis > rank)
        return cvk__infer_bad(c, "axis is %lld, but the tensor has %lld axes: %lld to %lld would fit", (long long)axis,
                              (long long)rank, (long long)-rank, (long long)rank);
    axis = axis < 0 ? axis + rank : axis;
    *dims = (struct list){2, {1, 1}};
    for (int64_t i = 0; i < rank; i++)
        dims->at[i >= axis] *= x->dims[i]; /* fits: a descriptor's sizes do so with 0 counted as 1 */
    *wanted = (struct list){1, {axis}};
    return CVK_OK;
}

static int32_t squeeze(const struct cvk__infer *c, const struct cvk_tensor_desc *x, struct list *axes, struct list *dims)
{
    uint32_t drop = 0;
    for (uint32_t i = 0; i < axes->count; i++) {
        int32_t axis = 0;
        CVK__TRY(cvk__infer_axis(c, "an axis", axes->at[i], x->rank, &axis));
        if (drop >> axis & 1)
            return cvk__infer_bad(c, "axis %d is named twice", axis);
        if (x->dims[axis] != 1)
            return cvk__infer_fail(c, "axis %d has size %lld; only axes of size 1 can be dropped", axis,
                                   (long long)x->dims[axis]);
        drop |= 1u << axis;
        axes->at[i] = axis;
    }
    bool all = axes->count == 0;
    for (uint32_t i = 0; i < x->rank; i++) {
        if (!(all ? x->dims[i] == 1 : drop >> i & 1))
            dims->at[dims->count++] = x->dims[i];
    }
    return CVK_OK;
}

static int32_t unsqueeze(const struct cvk__infer *c, const struct cvk_tensor_desc *x, struct list *axes, struct list *dims)
{
    uint32_t put = 0;
    if (x->rank + axes->count > CVK_MAX_RANK)
        return cvk__infer_fail(c, "%u axes and %u new ones are more than %d", x->rank, axes->count, CVK_MAX_RANK);
    dims->count = x->rank + axes->count;
    for (uint32_t i = 0; i < axes->count; i++) {
        int32_t axis = 0;
        CVK__TRY(cvk__infer_axis(c, "an axis", axes->at[i], dims->count, &axis));
        if (put >> axis & 1)
            return cvk__infer_bad(c, "axis %d is named twice", axis);
        put |= 1u << axis;
        axes->at[i] = axis;
    }
    for (uint32_t i = 0, from = 0; i < dims->count; i++)
        dims->at[i] = put >> i & 1 ? 1 : x->dims[from++];
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_reshape_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    struct list wanted = {0}, dims = {0};
    if (p->kind > CVK_IDENTITY)
        return cvk__infer_bad(c, "kind %u is not known (0 %s to %d %s are)", p->kind, kinds[0], CVK_IDENTITY,
                              kinds[CVK_IDENTITY]);
    if (cvk__infer_in(c, 1)) {
        if (p->kind == CVK_FLATTEN || p->kind == CVK_IDENTITY)
            return cvk__infer_bad(c, "%s takes no second input", kinds[p->kind]);
        CVK__TRY(cvk__infer_ints(c, 1, wanted.at, CVK_MAX_RANK, &wanted.count));
    } else if (p->count > CVK_MAX_RANK) {
        return cvk__infer_bad(c, "%u entries in dims, a tensor has at most %d axes", p->count, CVK_MAX_RANK);
    } else {
        wanted.count = p->count;
        memcpy(wanted.at, p->dims, sizeof wanted.at);
    }

    switch (p->kind) {
    case CVK_RESHAPE: CVK__TRY(reshape(c, x, p->allow_zero != 0, &wanted)); dims = wanted; break;
    case CVK_FLATTEN: CVK__TRY(flatten(c, x, &wanted, &dims)); break;
    case CVK_SQUEEZE: CVK__TRY(squeeze(c, x, &wanted, &dims)); break;
    case CVK_UNSQUEEZE: CVK__TRY(unsqueeze(c, x, &wanted, &dims)); break;
    default: dims.count = x->rank; memcpy(dims.at, x->dims, sizeof dims.at); break;
    }
    CVK__TRY(cvk__infer_out(c, 0, x->dtype, dims.count, dims.at));
    p->count = wanted.count;
    memcpy(p->dims, wanted.at, sizeof wanted.at);
    p->allow_zero = p->kind == CVK_RESHAPE ? 1 : p->allow_zero; /* the sizes are literal now */
    cvk__infer_absorb(c, 1);
    return CVK_OK;
}

static const char *kind(const void *params)
{
    uint32_t k = ((const struct cvk_reshape_params *)params)->kind;
    return k <= CVK_IDENTITY ? kinds[k] : "?";
}

/* Sizes behind axis 0 may change: the elements of an image lie one behind the other. */
static bool separable(const struct cvk_node *node, bool *cut)
{
    return node->inputs[0]->rank > 0 && node->outputs[0]->rank > 0 && node->inputs[0]->dims[0] == node->outputs[0]->dims[0] &&
           cvk__cut_first(node, cut);
}

static int32_t differentiate(struct cvk__diff *d)
{
    const struct cvk_tensor_desc x = *cvk__diff_desc(d, cvk__diff_node(d)->inputs[0]);
    return cvk__diff_give(d, 0, cvk__diff_reshape(d, cvk__diff_dy(d, 0), &x));
}

const struct cvk__op_def cvk__op_reshape = {
    .id = CVK_OP_RESHAPE,
    .param_bytes = sizeof(struct cvk_reshape_params),
    .name = "reshape",
    .min_inputs = 1,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cvk__cost_none,
    .kind = kind,
    .separable = separable,
    .view = true,
    .differentiate = differentiate,
};

cvk_value cvk_reshape(struct cvk_graph *g, cvk_value x, const struct cvk_reshape_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_RESHAPE, p, &x, 1);
}

cvk_value cvk_flatten(struct cvk_graph *g, cvk_value x)
{
    struct cvk_reshape_params p = {.kind = CVK_FLATTEN, .count = 1, .dims = {1}};
    return cvk__graph_add_one(g, CVK_OP_RESHAPE, &p, &x, 1);
}
