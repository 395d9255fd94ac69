/* SPDX-License-Identifier: MIT
 * resize: shape rule, cost, window, gradient declaration and builder call. */
#include <math.h>

#include "move.h"

static const char *const modes[] = {"nearest", "linear", "cubic"};

static int32_t check_kinds(const struct cvk__infer *c, const struct cvk_resize_params *p)
{
    if (p->mode > CVK_RESIZE_CUBIC)
        return cvk__infer_bad(c, "mode %u is not known (0 nearest, 1 linear, 2 cubic)", p->mode);
    if (p->coord > CVK_COORD_TF_HALF_PIXEL_FOR_NN)
        return cvk__infer_bad(c, "coordinate mode %u is not known (0 to %d are)", p->coord, CVK_COORD_TF_HALF_PIXEL_FOR_NN);
    if (p->nearest > CVK_NEAREST_CEIL)
        return cvk__infer_bad(c, "nearest mode %u is not known (0 to %d are)", p->nearest, CVK_NEAREST_CEIL);
    if (p->count > CVK_MAX_RANK)
        return cvk__infer_bad(c, "%u axes are given, a tensor has at most %d", p->count, CVK_MAX_RANK);
    if (!isfinite(p->cubic_a))
        return cvk__infer_bad(c, "the cubic coefficient is %g", (double)p->cubic_a);
    return CVK_OK;
}

/* One of the inputs roi, scales, sizes: an empty one counts as left out. */
static int32_t check_count(const struct cvk__infer *c, const char *what, uint32_t count, uint32_t want)
{
    if (count != want)
        return cvk__infer_bad(c, "%u %s where %u are needed", count, what, want);
    return CVK_OK;
}

static int32_t read_inputs(struct cvk__infer *c, uint32_t rank, struct cvk_resize_params *p)
{
    double roi[2 * CVK_MAX_RANK] = {0}, scale[CVK_MAX_RANK] = {0};
    int64_t sizes[CVK_MAX_RANK] = {0};
    uint32_t roi_count = 0, scale_count = 0, size_count = 0;
    if (cvk__infer_in(c, 1) && p->coord == CVK_COORD_TF_CROP_AND_RESIZE)
        CVK__TRY(cvk__infer_numbers(c, 1, roi, 2 * CVK_MAX_RANK, &roi_count));
    if (cvk__infer_in(c, 2))
        CVK__TRY(cvk__infer_numbers(c, 2, scale, CVK_MAX_RANK, &scale_count));
    if (cvk__infer_in(c, 3))
        CVK__TRY(cvk__infer_ints(c, 3, sizes, CVK_MAX_RANK, &size_count));
    if (scale_count && size_count)
        return cvk__infer_bad(c, "scales and sizes are both given; one of them decides");
    if (roi_count) {
        CVK__TRY(check_count(c, "numbers in roi", roi_count, 2 * rank));
        memcpy(p->roi_begin, roi, rank * sizeof roi[0]);
        memcpy(p->roi_end, roi + rank, rank * sizeof roi[0]);
    }
    if (scale_count) {
        CVK__TRY(check_count(c, "scales", scale_count, rank));
        memcpy(p->scale, scale, sizeof scale);
        memset(p->dims, 0, sizeof p->dims);
    }
    if (size_count) {
        CVK__TRY(check_count(c, "sizes", size_count, rank));
        for (uint32_t i = 0; i < rank; i++) {
            if (sizes[i] < 1 && cvk__infer_in(c, 0)->dims[i] != 0)
                return cvk__infer_bad(c, "size %lld of axis %u is below 1", (long long)sizes[i], i);
        }
        memcpy(p->dims, sizes, sizeof sizes);
        memset(p->scale, 0, sizeof p->scale);
    }
    if (scale_count || size_count)
        p->count = rank;
    return CVK_OK;
}

/* No roi at all means the whole tensor; the other coordinate modes have none. */
static int32_t resolve_roi(const struct cvk__infer *c, uint32_t rank, struct cvk_resize_params *p)
{
    bool given = false;
    for (uint32_t i = 0; i < rank && p->coord == CVK_COORD_TF_CROP_AND_RESIZE; i++) {
        if (!isfinite(p->roi_begin[i]) || !isfinite(p->roi_end[i]))
            return cvk__infer_bad(c, "the roi of axis %u is %g to %g", i, p->roi_begin[i], p->roi_end[i]);
        given = given || p->roi_begin[i] != 0 || p->roi_end[i] != 0;
    }
    for (uint32_t i = 0; i < CVK_MAX_RANK && !given; i++) {
        p->roi_begin[i] = 0;
        p->roi_end[i] = i < rank ? 1 : 0;
    }
    return CVK_OK;
}

/* floor(n * scale). The product is rounded to float first, because scales are written as floats: 10 * 0.7 is 7. */
static int32_t scaled(const struct cvk__infer *c, uint32_t axis, int64_t n, double scale, int64_t *out)
{
    double product = (double)n * scale;
    product = floor(n < 1 << 24 ? (double)(float)product : product);
    if (product >= 0x1p62)
        return cvk__infer_fail(c, "axis %u: %lld elements times %g pass 2^62", axis, (long long)n, scale);
    *out = product < 0 ? 0 : (int64_t)product;
    return CVK_OK;
}

/* Size and scale of one axis, both set afterwards. */
static int32_t resolve_axis(const struct cvk__infer *c, uint32_t i, int64_t n, struct cvk_resize_params *p)
{
    if (!(p->scale[i] >= 0) || isinf(p->scale[i]))
        return cvk__infer_bad(c, "the scale of axis %u is %g, it must be above 0", i, p->scale[i]);
    if (p->dims[i] < 0)
        return cvk__infer_bad(c, "size %lld of axis %u is negative", (long long)p->dims[i], i);
    if (p->dims[i] == 0 && n > 0) {
        double window = p->coord == CVK_COORD_TF_CROP_AND_RESIZE ? p->roi_end[i] - p->roi_begin[i] : 1;
        if (p->scale[i] <= 0)
            return cvk__infer_bad(c, "axis %u has neither a size nor a scale above 0", i);
        CVK__TRY(scaled(c, i, n, window * p->scale[i], &p->dims[i]));
        if (p->dims[i] < 1)
            return window == 1
                       ? cvk__infer_fail(c, "scale %g leaves nothing of the %lld elements of axis %u; at least 1/%lld would fit",
                                         p->scale[i], (long long)n, i, (long long)n)
                       : cvk__infer_fail(c, "scale %g leaves nothing of a roi of %g times the %lld elements of axis %u",
                                         p->scale[i], window, (long long)n, i);
    }
    if (n == 0 && p->dims[i] > 0)
        return cvk__infer_fail(c, "axis %u has no elements to make %lld of", i, (long long)p->dims[i]);
    if (p->scale[i] <= 0)
        p->scale[i] = n ? (double)p->dims[i] / (double)n : 1;
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_resize_params p = *(const struct cvk_resize_params *)c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    CVK__TRY(check_kinds(c, &p));
    CVK__TRY(read_inputs(c, x->rank, &p));
    if (p.count != x->rank)
        return cvk__infer_bad(c, "sizes or scales of %u axes are given, but x has %u", p.count, x->rank);
    if (p.mode != CVK_RESIZE_NEAREST && x->dtype == CVK_BOOL)
        return cvk__infer_fail(c, "mode %s cannot interpolate between bools; nearest would fit", modes[p.mode]);
    CVK__TRY(resolve_roi(c, x->rank, &p));
    for (uint32_t i = 0; i < x->rank; i++)
        CVK__TRY(resolve_axis(c, i, x->dims[i], &p));
    CVK__TRY(cvk__infer_out(c, 0, x->dtype, x->rank, p.dims));
    p.cubic_a = p.cubic_a == 0 ? -0.75f : p.cubic_a;
    *(struct cvk_resize_params *)c->node->params = p;
    cvk__infer_absorb(c, 1);
    return CVK_OK;
}

/* Elements of x that one output element reads along an axis. */
static int64_t taps(const struct cvk_resize_params *p, uint32_t axis)
{
    if (p->mode == CVK_RESIZE_NEAREST || p->scale[axis] == 1)
        return 1;
    return p->mode == CVK_RESIZE_LINEAR ? 2 : 4;
}

/* The sum over all taps; working out the weights is per axis and not counted. */
static void cost(const struct cvk_node *node, struct cvk__cost *out)
{
    const struct cvk_resize_params *p = node->params;
    uint64_t each = 1;
    for (uint32_t i = 0; i < p->count; i++)
        each *= (uint64_t)taps(p, i);
    out->macs = p->mode == CVK_RESIZE_NEAREST ? 0 : each * cvk_tensor_desc_count(node->outputs[0]);
    out->flops = 2 * out->macs;
}

/* Regular where the scale, or one over it, is whole. */
static void window(const struct cvk_node *node, struct cvk__window *w)
{
    const struct cvk_resize_params *p = node->params;
    uint32_t spatial_rank = p->coord == CVK_COORD_TF_CROP_AND_RESIZE ? 0 : cvk__window_rank(node->inputs[0]);
    cvk__window_point(w, spatial_rank);
    for (uint32_t i = 0; i < spatial_rank; i++) {
        int64_t in = node->inputs[0]->dims[2 + i], out = node->outputs[0]->dims[2 + i];
        w->kernel[i] = taps(p, 2 + i);
        w->pad_begin[i] = w->kernel[i] == 4 ? 1 : 0;
        if (in > 0 && out % in == 0)
            w->upstride[i] = out / in;
        else if (out > 0 && in % out == 0)
            w->stride[i] = in / out;
        else
            w->spatial_rank = 0;
    }
}

static const char *kind(const void *params)
{
    uint32_t mode = ((const struct cvk_resize_params *)params)->mode;
    return mode <= CVK_RESIZE_CUBIC ? modes[mode] : "?";
}

static const struct cvk__grad grads[] = {{CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0)}};

/* The other ways to place an element may read a neighbour along an axis that keeps its size. */
static bool separable(const struct cvk_node *node, bool *cut)
{
    const struct cvk_resize_params *p = node->params;
    return p->scale[0] == 1 && p->coord <= CVK_COORD_PYTORCH_HALF_PIXEL && cvk__cut_first(node, cut);
}

const struct cvk__op_def cvk__op_resize = {
    .id = CVK_OP_RESIZE,
    .param_bytes = sizeof(struct cvk_resize_params),
    .name = "resize",
    .min_inputs = 1,
    .max_inputs = 4,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
    .window = window,
    .kind = kind,
    .separable = separable,
    .grads = grads,
    .grad_count = 1,
};

cvk_value cvk_resize(struct cvk_graph *g, cvk_value x, const struct cvk_resize_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_RESIZE, p, &x, 1);
}
