/* SPDX-License-Identifier: MIT
 * depth_space: shape rule, window, gradient declaration and builder call. */
#include "../graph/autodiff.h"
#include "move.h"

static const char *const kinds[] = {"depth_to_space", "space_to_depth"};

static int32_t infer(struct cvk__infer *c)
{
    const struct cvk_depth_space_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    char text[CVK_SHAPE_TEXT];
    int64_t b = p->block;
    if (p->kind > CVK_SPACE_TO_DEPTH)
        return cvk__infer_bad(c, "kind %u is not known (0 depth to space, 1 space to depth)", p->kind);
    if (p->mode > CVK_MODE_CRD)
        return cvk__infer_bad(c, "mode %u is not known (0 DCR, 1 CRD)", p->mode);
    if (b < 1 || b > 0x7fff)
        return cvk__infer_bad(c, "block is %u, 1 to 32767 would fit", p->block);
    int64_t square = b * b;
    if (x->rank != 4)
        return cvk__infer_fail(c, "x is %s, %u axes; 4 are needed: N, C, H, W",
                               cvk_shape_text(x->rank, x->dims, text), x->rank);
    int64_t dims[4] = {x->dims[0], x->dims[1], x->dims[2], x->dims[3]};
    if (p->kind == CVK_DEPTH_TO_SPACE) {
        if (dims[1] % square != 0)
            return cvk__infer_fail(c, "%lld channels do not divide by block * block = %lld", (long long)dims[1],
                                   (long long)square);
        dims[1] /= square;
        if (!cvk__mul_i64(dims[2], b, &dims[2]) || !cvk__mul_i64(dims[3], b, &dims[3]))
            return cvk__infer_fail(c, "height %lld or width %lld times block %lld passes 2^63", (long long)x->dims[2],
                                   (long long)x->dims[3], (long long)b);
    } else {
        if (dims[2] % b != 0 || dims[3] % b != 0)
            return cvk__infer_fail(c, "a map of %lldx%lld does not divide into blocks of %lldx%lld", (long long)dims[2],
                                   (long long)dims[3], (long long)b, (long long)b);
        dims[2] /= b;
        dims[3] /= b;
        if (!cvk__mul_i64(dims[1], square, &dims[1]))
            return cvk__infer_fail(c, "%lld channels times %lld pass 2^63", (long long)x->dims[1], (long long)square);
    }
    return cvk__infer_out(c, 0, x->dtype, 4, dims);
}

static void window(const struct cvk_node *node, struct cvk__window *w)
{
    const struct cvk_depth_space_params *p = node->params;
    cvk__window_point(w, 2);
    for (uint32_t i = 0; i < 2; i++) {
        if (p->kind == CVK_DEPTH_TO_SPACE)
            w->upstride[i] = p->block;
        else
            w->kernel[i] = w->stride[i] = p->block;
    }
}

static const char *kind(const void *params)
{
    uint32_t k = ((const struct cvk_depth_space_params *)params)->kind;
    return k <= CVK_SPACE_TO_DEPTH ? kinds[k] : "?";
}

static const struct cvk__grad grads[] = {{CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0)}};

/* The way back. */
static int32_t differentiate(struct cvk__diff *d)
{
    struct cvk_depth_space_params back = *(const struct cvk_depth_space_params *)cvk__diff_node(d)->params;
    const cvk_value dy = cvk__diff_dy(d, 0);
    back.kind = back.kind == CVK_DEPTH_TO_SPACE ? CVK_SPACE_TO_DEPTH : CVK_DEPTH_TO_SPACE;
    return cvk__diff_give(d, 0, cvk__diff_op(d, CVK_OP_DEPTH_SPACE, &back, &dy, 1));
}

const struct cvk__op_def cvk__op_depth_space = {
    .id = CVK_OP_DEPTH_SPACE,
    .param_bytes = sizeof(struct cvk_depth_space_params),
    .name = "depth_space",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cvk__cost_none,
    .window = window,
    .kind = kind,
    .separable = cvk__cut_first,
    .grads = grads,
    .grad_count = 1,
    .differentiate = differentiate,
};

cvk_value cvk_depth_space(struct cvk_graph *g, cvk_value x, const struct cvk_depth_space_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_DEPTH_SPACE, p, &x, 1);
}
