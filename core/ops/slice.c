/* SPDX-License-Identifier: MIT
 * slice: shape rule, window, gradient declaration and builder call. */
#include "../graph/autodiff.h"
#include "move.h"

/* What is asked for, from the fields or from the inputs. */
struct request {
    uint32_t count;
    int64_t axes[CVK_MAX_RANK], start[CVK_MAX_RANK], end[CVK_MAX_RANK], step[CVK_MAX_RANK];
};

static int32_t read_fields(struct cvk__infer *c, const struct cvk_slice_params *p, struct request *r)
{
    if (p->count > CVK_MAX_RANK)
        return cvk__infer_bad(c, "%u axes are named, a tensor has at most %d", p->count, CVK_MAX_RANK);
    r->count = p->count;
    for (uint32_t i = 0; i < p->count; i++) {
        r->axes[i] = p->axes_given ? p->axes[i] : (int64_t)i;
        r->start[i] = p->start[i];
        r->end[i] = p->end[i];
        r->step[i] = p->step[i] ? p->step[i] : 1;
    }
    return CVK_OK;
}

static int32_t read_list(struct cvk__infer *c, uint32_t input, const char *what, int64_t *out, uint32_t want)
{
    uint32_t count = 0;
    CVK__TRY(cvk__infer_ints(c, input, out, CVK_MAX_RANK, &count));
    if (count != want)
        return cvk__infer_bad(c, "%u %s for %u starts", count, what, want);
    return CVK_OK;
}

static int32_t read_inputs(struct cvk__infer *c, struct request *r)
{
    if (!cvk__infer_in(c, 1) || !cvk__infer_in(c, 2))
        return cvk__infer_bad(c, "starts and ends are given both or not at all");
    CVK__TRY(cvk__infer_ints(c, 1, r->start, CVK_MAX_RANK, &r->count));
    CVK__TRY(read_list(c, 2, "ends", r->end, r->count));
    for (uint32_t i = 0; i < r->count; i++) {
        r->axes[i] = i;
        r->step[i] = 1;
    }
    if (cvk__infer_in(c, 3))
        CVK__TRY(read_list(c, 3, "axes", r->axes, r->count));
    if (cvk__infer_in(c, 4))
        CVK__TRY(read_list(c, 4, "steps", r->step, r->count));
    return CVK_OK;
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

/* Brings start, end and step of an axis of n elements into the form that kernels use; gives how many elements are taken. An axis
 * that takes nothing gets start 0, and one that takes a single element step 1, so that no product in a kernel overflows. */
static int64_t resolve(int64_t n, int64_t *start, int64_t *end, int64_t *step)
{
    bool down = *step < 0;
    uint64_t stride = down ? 0 - (uint64_t)*step : (uint64_t)*step;
    int64_t first = *start < 0 ? *start + n : *start, last = *end < 0 ? *end + n : *end;
    first = down ? clamp(first, 0, n - 1) : clamp(first, 0, n);
    last = down ? clamp(last, -1, n - 1) : clamp(last, 0, n);
    int64_t span = down ? first - last : last - first;
    int64_t count = n == 0 || span <= 0 ? 0 : (int64_t)(((uint64_t)span - 1) / stride) + 1;
    *start = count ? first : 0;
    *end = count > 1 ? (last < 0 ? INT64_MIN : last) : *start + count; /* INT64_MIN: "before the first" when read again */
    *step = count > 1 ? *step : 1;
    return count;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_slice_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    struct request r = {0};
    bool from_inputs = cvk__infer_in(c, 1) || cvk__infer_in(c, 2);
    CVK__TRY(from_inputs ? read_inputs(c, &r) : read_fields(c, p, &r));
    if (r.count > x->rank)
        return cvk__infer_bad(c, "%u axes are named, but x has %u", r.count, x->rank);

    struct cvk_slice_params out = *p;
    int64_t dims[CVK_MAX_RANK] = {0};
    uint32_t seen = 0;
    memset(out.step, 0, sizeof out.step);
    for (uint32_t i = 0; i < r.count; i++) {
        int32_t axis = 0;
        CVK__TRY(cvk__infer_axis(c, "axis", r.axes[i], x->rank, &axis));
        if (seen >> axis & 1)
            return cvk__infer_bad(c, "axis %d is named twice", axis);
        if (r.step[i] == 0)
            return cvk__infer_bad(c, "the step on axis %d is 0", axis);
        seen |= 1u << axis;
        out.start[axis] = r.start[i];
        out.end[axis] = r.end[i];
        out.step[axis] = r.step[i];
    }
    for (uint32_t i = 0; i < x->rank; i++) {
        out.axes[i] = (int32_t)i;
        if (!(seen >> i & 1)) {
            out.start[i] = 0;
            out.end[i] = x->dims[i];
            out.step[i] = 1;
        }
        dims[i] = resolve(x->dims[i], &out.start[i], &out.end[i], &out.step[i]);
    }
    CVK__TRY(cvk__infer_out(c, 0, x->dtype, x->rank, dims));
    out.count = x->rank;
    out.axes_given = 1;
    *p = out;
    cvk__infer_absorb(c, 1);
    return CVK_OK;
}

static void window(const struct cvk_node *node, struct cvk__window *w)
{
    const struct cvk_slice_params *p = node->params;
    cvk__window_point(w, cvk__window_rank(node->inputs[0]));
    for (uint32_t i = 0; i < w->spatial_rank; i++) {
        w->stride[i] = p->step[2 + i];
        w->pad_begin[i] = -p->start[2 + i];
        if (w->stride[i] < 0) { /* a mirrored map has no regular grid */
            w->spatial_rank = 0;
            return;
        }
    }
}

static const struct cvk__grad grads[] = {{CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0)}};

static bool separable(const struct cvk_node *node, bool *cut)
{
    const struct cvk_slice_params *p = node->params;
    return p->start[0] == 0 && p->step[0] == 1 && cvk__cut_first(node, cut);
}

/* Zeros around dy; with other steps between its elements too, which the declared rows do. */
static int32_t differentiate(struct cvk__diff *d)
{
    const struct cvk_slice_params *s = cvk__diff_node(d)->params;
    const struct cvk_tensor_desc *x = cvk__diff_desc(d, cvk__diff_node(d)->inputs[0]);
    const struct cvk_tensor_desc *y = cvk__diff_desc(d, cvk__diff_node(d)->outputs[0]);
    struct cvk_pad_params p = {.size = sizeof p, .mode = CVK_PAD_CONSTANT};
    const cvk_value dy = cvk__diff_dy(d, 0);
    for (uint32_t i = 0; i < x->rank; i++) {
        if (s->step[i] != 1)
            return CVK_E_NOT_FOUND;
        p.begin[i] = s->start[i];
        p.end[i] = x->dims[i] - s->start[i] - y->dims[i];
    }
    return cvk__diff_give(d, 0, cvk__diff_op(d, CVK_OP_PAD, &p, &dy, 1));
}

const struct cvk__op_def cvk__op_slice = {
    .id = CVK_OP_SLICE,
    .param_bytes = sizeof(struct cvk_slice_params),
    .name = "slice",
    .min_inputs = 1,
    .max_inputs = 5,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cvk__cost_none,
    .window = window,
    .separable = separable,
    .grads = grads,
    .grad_count = 1,
    .differentiate = differentiate,
};

cvk_value cvk_slice(struct cvk_graph *g, cvk_value x, const struct cvk_slice_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_SLICE, p, &x, 1);
}
