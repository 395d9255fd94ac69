/* SPDX-License-Identifier: MIT
 * tile: shape rule, window, gradient declaration and builder call. */
#include "move.h"

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_tile_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    int64_t repeats[CVK_MAX_RANK] = {0}, dims[CVK_MAX_RANK] = {0};
    uint32_t count = x->rank;
    if (cvk__infer_in(c, 1)) {
        CVK__TRY(cvk__infer_ints(c, 1, repeats, CVK_MAX_RANK, &count));
    } else {
        count = p->count ? p->count : x->rank;
        for (uint32_t i = 0; i < x->rank; i++)
            repeats[i] = p->count ? p->repeats[i] : 1;
    }
    if (count != x->rank)
        return cvk__infer_bad(c, "%u repeats, but x has %u axes", count, x->rank);
    for (uint32_t i = 0; i < x->rank; i++) {
        if (repeats[i] < 0)
            return cvk__infer_bad(c, "axis %u is to be repeated %lld times; it must be at least 0", i,
                                  (long long)repeats[i]);
        if (!cvk__mul_i64(x->dims[i], repeats[i], &dims[i]))
            return cvk__infer_fail(c, "axis %u: %lld elements repeated %lld times pass 2^63", i, (long long)x->dims[i],
                                   (long long)repeats[i]);
    }
    CVK__TRY(cvk__infer_out(c, 0, x->dtype, x->rank, dims));
    p->count = x->rank;
    memcpy(p->repeats, repeats, sizeof repeats);
    cvk__infer_absorb(c, 1);
    return CVK_OK;
}

/* A repeated map has no regular grid. */
static void window(const struct cvk_node *node, struct cvk__window *w)
{
    const struct cvk_tile_params *p = node->params;
    cvk__window_point(w, cvk__window_rank(node->inputs[0]));
    for (uint32_t i = 2; i < p->count; i++) {
        if (p->repeats[i] != 1)
            w->spatial_rank = 0;
    }
}

static const struct cvk__grad grads[] = {{CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0)}};

static bool separable(const struct cvk_node *node, bool *cut)
{
    return ((const struct cvk_tile_params *)node->params)->repeats[0] == 1 && cvk__cut_first(node, cut);
}

const struct cvk__op_def cvk__op_tile = {
    .id = CVK_OP_TILE,
    .param_bytes = sizeof(struct cvk_tile_params),
    .name = "tile",
    .min_inputs = 1,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cvk__cost_none,
    .window = window,
    .separable = separable,
    .grads = grads,
    .grad_count = 1,
};

cvk_value cvk_tile(struct cvk_graph *g, cvk_value x, const struct cvk_tile_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_TILE, p, &x, 1);
}
