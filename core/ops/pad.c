/* SPDX-License-Identifier: MIT
 * pad: shape rule, window, gradient declaration and builder call. */
#include "../graph/autodiff.h"
#include "move.h"

static const char *const modes[] = {"constant", "reflect", "edge", "wrap"};

/* Pads, value and axes from the inputs; what they do not give stays as in the fields. */
static int32_t read_inputs(struct cvk__infer *c, uint32_t rank, struct cvk_pad_params *p)
{
    int64_t pads[2 * CVK_MAX_RANK] = {0}, axes[CVK_MAX_RANK] = {0};
    uint32_t pad_count = 0, axis_count = rank, value_count = 0;
    for (uint32_t i = 0; i < CVK_MAX_RANK; i++)
        axes[i] = i;
    if (cvk__infer_in(c, 3))
        CVK__TRY(cvk__infer_ints(c, 3, axes, CVK_MAX_RANK, &axis_count));
    if (cvk__infer_in(c, 1)) {
        CVK__TRY(cvk__infer_ints(c, 1, pads, 2 * CVK_MAX_RANK, &pad_count));
        if (pad_count != 2 * axis_count)
            return cvk__infer_bad(c, "%u pads for %u axes: %u are needed, all begins and then all ends", pad_count, axis_count,
                                  2 * axis_count);
        memset(p->begin, 0, sizeof p->begin);
        memset(p->end, 0, sizeof p->end);
        uint32_t seen = 0;
        for (uint32_t i = 0; i < axis_count; i++) {
            int32_t axis = 0;
            CVK__TRY(cvk__infer_axis(c, "axis", axes[i], rank, &axis));
            if (seen >> axis & 1)
                return cvk__infer_bad(c, "axis %d is named twice", axis);
            seen |= 1u << axis;
            p->begin[axis] = pads[i];
            p->end[axis] = pads[axis_count + i];
        }
    } else if (cvk__infer_in(c, 3)) {
        return cvk__infer_bad(c, "axes are given without pads");
    }
    if (cvk__infer_in(c, 2)) {
        double value = 0;
        CVK__TRY(cvk__infer_numbers(c, 2, &value, 1, &value_count));
        p->value = value_count ? value : 0;
    }
    return CVK_OK;
}

/* Size of one axis after padding; negative pads cut first, and what is left is what the modes repeat. */
static int32_t padded(const struct cvk__infer *c, const struct cvk_pad_params *p, uint32_t axis, int64_t n, int64_t *out)
{
    int64_t begin = p->begin[axis], end = p->end[axis], kept = n, size = 0;
    if (!cvk__add_i64(kept, begin < 0 ? begin : 0, &kept) || !cvk__add_i64(kept, end < 0 ? end : 0, &kept) || kept < 0)
        return cvk__infer_fail(c, "pads %lld and %lld on axis %u cut more than its %lld elements", (long long)begin,
                               (long long)end, axis, (long long)n);
    if (!cvk__add_i64(kept, begin > 0 ? begin : 0, &size) || !cvk__add_i64(size, end > 0 ? end : 0, &size))
        return cvk__infer_fail(c, "pads %lld and %lld on axis %u: the size passes 2^63", (long long)begin, (long long)end, axis);
    if (p->mode != CVK_PAD_CONSTANT && kept == 0 && size > 0)
        return cvk__infer_fail(c, "axis %u has no element that mode %s could repeat", axis, modes[p->mode]);
    *out = size;
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_pad_params p = *(const struct cvk_pad_params *)c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    int64_t dims[CVK_MAX_RANK] = {0};
    if (p.mode > CVK_PAD_WRAP)
        return cvk__infer_bad(c, "mode %u is not known (0 constant, 1 reflect, 2 edge, 3 wrap)", p.mode);
    CVK__TRY(read_inputs(c, x->rank, &p));
    for (uint32_t i = 0; i < x->rank; i++)
        CVK__TRY(padded(c, &p, i, x->dims[i], &dims[i]));
    CVK__TRY(cvk__infer_out(c, 0, x->dtype, x->rank, dims));
    *(struct cvk_pad_params *)c->node->params = p;
    cvk__infer_absorb(c, 1);
    return CVK_OK;
}

static void window(const struct cvk_node *node, struct cvk__window *w)
{
    const struct cvk_pad_params *p = node->params;
    cvk__window_point(w, cvk__window_rank(node->inputs[0]));
    for (uint32_t i = 0; i < w->spatial_rank; i++)
        w->pad_begin[i] = p->begin[2 + i];
}

static const char *kind(const void *params)
{
    uint32_t mode = ((const struct cvk_pad_params *)params)->mode;
    return mode <= CVK_PAD_WRAP ? modes[mode] : "?";
}

static const struct cvk__grad grads[] = {{CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0)}};

static bool separable(const struct cvk_node *node, bool *cut)
{
    const struct cvk_pad_params *p = node->params;
    return p->begin[0] == 0 && p->end[0] == 0 && cvk__cut_first(node, cut);
}

/* What lies inside; the other modes, whose border is made of x, have declared rows. */
static int32_t differentiate(struct cvk__diff *d)
{
    const struct cvk_pad_params *p = cvk__diff_node(d)->params;
    const struct cvk_tensor_desc *x = cvk__diff_desc(d, cvk__diff_node(d)->inputs[0]);
    struct cvk_slice_params s = {.size = sizeof s, .count = x->rank, .axes_given = 1};
    const cvk_value dy = cvk__diff_dy(d, 0);
    if (p->mode != CVK_PAD_CONSTANT)
        return CVK_E_NOT_FOUND;
    for (uint32_t i = 0; i < x->rank; i++) {
        if (p->begin[i] < 0 || p->end[i] < 0)
            return CVK_E_NOT_FOUND;
        s.axes[i] = (int32_t)i;
        s.start[i] = p->begin[i];
        s.end[i] = p->begin[i] + x->dims[i];
        s.step[i] = 1;
    }
    return cvk__diff_give(d, 0, cvk__diff_op(d, CVK_OP_SLICE, &s, &dy, 1));
}

const struct cvk__op_def cvk__op_pad = {
    .id = CVK_OP_PAD,
    .param_bytes = sizeof(struct cvk_pad_params),
    .name = "pad",
    .min_inputs = 1,
    .max_inputs = 4,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cvk__cost_none,
    .window = window,
    .kind = kind,
    .separable = separable,
    .grads = grads,
    .grad_count = 1,
    .differentiate = differentiate,
};

cvk_value cvk_pad(struct cvk_graph *g, cvk_value x, const struct cvk_pad_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_PAD, p, &x, 1);
}
