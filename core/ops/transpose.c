/* SPDX-License-Identifier: MIT
 * transpose: shape rule, window and builder call. Its gradient is a transpose. */
#include "../graph/autodiff.h"
#include "move.h"

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_transpose_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    int64_t dims[CVK_MAX_RANK] = {0};
    int32_t perm[CVK_MAX_RANK] = {0};
    uint32_t seen = 0;
    if (p->count != 0 && p->count != x->rank)
        return cvk__infer_bad(c, "perm has %u entries, but x has %u axes", p->count, x->rank);
    for (uint32_t i = 0; i < x->rank; i++) {
        CVK__TRY(cvk__infer_axis(c, "an entry of perm", p->count ? p->perm[i] : (int64_t)(x->rank - 1 - i), x->rank, &perm[i]));
        if (seen >> perm[i] & 1)
            return cvk__infer_bad(c, "perm names axis %d twice", perm[i]);
        seen |= 1u << perm[i];
        dims[i] = x->dims[perm[i]];
    }
    CVK__TRY(cvk__infer_out(c, 0, x->dtype, x->rank, dims));
    p->count = x->rank;
    memcpy(p->perm, perm, sizeof perm);
    return CVK_OK;
}

/* Only a transpose that leaves the spatial axes where they are keeps the grid. */
static void window(const struct cvk_node *node, struct cvk__window *w)
{
    const struct cvk_transpose_params *p = node->params;
    cvk__window_point(w, cvk__window_rank(node->inputs[0]));
    for (uint32_t i = 2; i < p->count; i++) {
        if (p->perm[i] != (int32_t)i)
            w->spatial_rank = 0;
    }
}

static bool separable(const struct cvk_node *node, bool *cut)
{
    return ((const struct cvk_transpose_params *)node->params)->perm[0] == 0 && cvk__cut_first(node, cut);
}

/* The way back. */
static int32_t differentiate(struct cvk__diff *d)
{
    const struct cvk_transpose_params *p = cvk__diff_node(d)->params;
    struct cvk_transpose_params back = {.size = sizeof back, .count = p->count};
    const cvk_value dy = cvk__diff_dy(d, 0);
    for (uint32_t i = 0; i < p->count; i++)
        back.perm[p->perm[i]] = (int32_t)i;
    return cvk__diff_give(d, 0, cvk__diff_op(d, CVK_OP_TRANSPOSE, &back, &dy, 1));
}

const struct cvk__op_def cvk__op_transpose = {
    .id = CVK_OP_TRANSPOSE,
    .param_bytes = sizeof(struct cvk_transpose_params),
    .name = "transpose",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cvk__cost_none,
    .window = window,
    .separable = separable,
    .differentiate = differentiate,
};

cvk_value cvk_transpose(struct cvk_graph *g, cvk_value x, const struct cvk_transpose_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_TRANSPOSE, p, &x, 1);
}
