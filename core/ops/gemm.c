/* SPDX-License-Identifier: MIT
 * gemm: schema, shape rule, cost, gradients and builder calls. */
#include "../graph/autodiff.h"
#include "dtype_sets.h"

static int32_t check_matrix(const struct cvk__infer *c, uint32_t i, const char *what)
{
    const struct cvk_tensor_desc *d = cvk__infer_in(c, i), *a = cvk__infer_in(c, 0);
    char text[CVK_SHAPE_TEXT];
    if (!cvk__dtype_in(d->dtype, CVK__FLOATS) || d->dtype != a->dtype)
        return cvk__infer_fail(c, "%s is %s; all inputs must be of one type: f32, f64, f16 or bf16 (a is %s)", what,
                               cvk_dtype_name(d->dtype), cvk_dtype_name(a->dtype));
    if (i < 2 && d->rank != 2)
        return cvk__infer_fail(c, "%s is %s, %u axes; it must be a matrix, 2 axes%s", what,
                               cvk_shape_text(d->rank, d->dims, text), d->rank, d->rank > 2 ? ": flatten it first" : "");
    return CVK_OK;
}

/* c must broadcast to the result, not the other way round. */
static int32_t check_c(const struct cvk__infer *c, const int64_t *out)
{
    const struct cvk_tensor_desc *d = cvk__infer_in(c, 2);
    char text[CVK_SHAPE_TEXT], want[CVK_SHAPE_TEXT];
    if (!d)
        return CVK_OK;
    CVK__TRY(check_matrix(c, 2, "c"));
    bool fits = d->rank <= 2;
    for (uint32_t i = 0; fits && i < d->rank; i++)
        fits = d->dims[i] == 1 || d->dims[i] == out[2 - d->rank + i];
    if (!fits)
        return cvk__infer_fail(c, "c is %s; that does not broadcast to the result %s: %lld, 1x%lld, %lldx1 or %s would fit",
                               cvk_shape_text(d->rank, d->dims, text), cvk_shape_text(2, out, want), (long long)out[1],
                               (long long)out[1], (long long)out[0], want);
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_gemm_params *p = c->node->params;
    const struct cvk_tensor_desc *a = cvk__infer_in(c, 0), *b = cvk__infer_in(c, 1);
    char at[CVK_SHAPE_TEXT], bt[CVK_SHAPE_TEXT];
    CVK__TRY(check_matrix(c, 0, "a"));
    CVK__TRY(check_matrix(c, 1, "b"));
    p->trans_a = p->trans_a != 0;
    p->trans_b = p->trans_b != 0;
    int64_t depth = a->dims[p->trans_a ? 0 : 1], other = b->dims[p->trans_b ? 1 : 0];
    if (depth != other)
        return cvk__infer_fail(c, "a has %lld columns%s but b has %lld rows%s (a is %s, b is %s); they must be the same",
                               (long long)depth, p->trans_a ? " after its transposition" : "", (long long)other,
                               p->trans_b ? " after its transposition" : "", cvk_shape_text(2, a->dims, at),
                               cvk_shape_text(2, b->dims, bt));
    if (!p->scaled)
        p->alpha = p->beta = 1;
    p->scaled = 1;
    int64_t out[2] = {a->dims[p->trans_a ? 1 : 0], b->dims[p->trans_b ? 0 : 1]};
    CVK__TRY(check_c(c, out));
    return cvk__infer_out(c, 0, a->dtype, 2, out);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    const struct cvk_gemm_params *p = node->params;
    uint64_t outputs = cvk_tensor_desc_count(node->outputs[0]);
    bool c = node->input_count > 2 && node->inputs[2];
    cost->macs = cvk__cost_mul(outputs, (uint64_t)node->inputs[0]->dims[p->trans_a ? 0 : 1]);
    cost->flops = cvk__cost_flops(cost->macs, c ? outputs : 0);
}

/* spatial_rank 0: every output sees all of a's row. */
static void window(const struct cvk_node *node, struct cvk__window *window)
{
    (void)node;
    window->spatial_rank = 0;
}

static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(1)},
    {CVK_PASS_BACKWARD_WEIGHTS, CVK__X(1) | CVK__X(2), CVK__DY(0) | CVK__X(0)},
};

/* Rows of a make rows of the product; c may have a row for each, too. */
static bool separable(const struct cvk_node *node, bool *cut)
{
    const struct cvk_tensor_desc *c = node->input_count > 2 ? node->inputs[2] : NULL;
    cut[0] = true;
    if (c)
        cut[2] = c->rank == 2 && c->dims[0] == node->outputs[0]->dims[0];
    return !((const struct cvk_gemm_params *)node->params)->trans_a;
}

/* One product; trans_a and trans_b as gemm has them. */
static cvk_value product(struct cvk__diff *d, cvk_value a, uint32_t trans_a, cvk_value b, uint32_t trans_b, float alpha)
{
    const struct cvk_gemm_params p = {
        .size = sizeof p, .trans_a = trans_a, .trans_b = trans_b, .scaled = 1, .alpha = alpha, .beta = 1};
    return cvk__diff_op(d, CVK_OP_GEMM, &p, (cvk_value[]){a, b}, 2);
}

/* With A' and B' as the product sees them: dA' = dy B'^T, dB' = A'^T dy, and what was transposed comes out transposed. */
static int32_t differentiate(struct cvk__diff *d)
{
    const struct cvk_gemm_params p = *(const struct cvk_gemm_params *)cvk__diff_node(d)->params;
    const cvk_value dy = cvk__diff_dy(d, 0), a = cvk__diff_node(d)->inputs[0], b = cvk__diff_node(d)->inputs[1];
    if (cvk__diff_wants(d, 0))
        CVK__TRY(cvk__diff_give(
            d, 0, p.trans_a ? product(d, b, p.trans_b, dy, 1, p.alpha) : product(d, dy, 0, b, !p.trans_b, p.alpha)));
    if (cvk__diff_wants(d, 1))
        CVK__TRY(cvk__diff_give(
            d, 1, p.trans_b ? product(d, dy, 1, a, p.trans_a, p.alpha) : product(d, a, !p.trans_a, dy, 0, p.alpha)));
    if (cvk__diff_wants(d, 2)) {
        const struct cvk_tensor_desc c = *cvk__diff_desc(d, cvk__diff_node(d)->inputs[2]); /* descriptors move with new values */
        CVK__TRY(cvk__diff_give(d, 2, cvk__diff_unbroadcast(d, cvk__diff_scale(d, dy, (double)p.beta), &c)));
    }
    return d->status;
}

const struct cvk__op_def cvk__op_gemm = {
    .id = CVK_OP_GEMM,
    .param_bytes = sizeof(struct cvk_gemm_params),
    .name = "gemm",
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
    .window = window,
    .separable = separable,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
    .weights = CVK__X(1) | CVK__X(2),
    .accepts_epilogue = true,
    .differentiate = differentiate,
};

cvk_value cvk_gemm(struct cvk_graph *g, cvk_value a, cvk_value b, cvk_value c, const struct cvk_gemm_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_GEMM, p, (cvk_value[]){a, b, c}, 3);
}

cvk_value cvk_dense(struct cvk_graph *g, cvk_value x, cvk_value w, cvk_value b)
{
    return cvk_gemm(g, x, w, b, &(struct cvk_gemm_params){.trans_b = 1});
}
