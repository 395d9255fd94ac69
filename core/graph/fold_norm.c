/* SPDX-License-Identifier: MIT
 * Folds batch norm into the convolution or dense layer before it: y = s*(w*x + b - mean) + bias with s = scale/sqrt(var + eps)
 * is the same sum with weights s*w and bias s*(b - mean) + bias. Worked out in double, stored once rounded. */
#include <math.h>

#include "../ops/op_def.h"
#include "session_impl.h"

static const float *content(const struct cvk_graph *g, cvk_value v)
{
    const struct cvk__value *value = cvk__value_at(g, v);
    return value && value->blob && value->desc.dtype == CVK_F32 ? value->blob->data : NULL;
}

/* How the output channel runs through a weight tensor: element e belongs to channel (e / inner) % count, plus the
 * group's part for conv_transpose. */
struct channel_walk {
    uint64_t count, inner, per_group_outer;
};

static bool walk_of(const struct cvk_graph *g, const struct cvk__node *sum, struct channel_walk *walk)
{
    const struct cvk_tensor_desc *w = &cvk__value_at(g, sum->inputs[1])->desc;
    walk->per_group_outer = 0;
    if (sum->op == CVK_OP_CONV) {
        walk->count = (uint64_t)w->dims[0];
        walk->inner = walk->count ? cvk_tensor_desc_count(w) / walk->count : 0;
    } else if (sum->op == CVK_OP_CONV_TRANSPOSE) {
        const struct cvk_conv_transpose_params *p = sum->params;
        walk->count = (uint64_t)w->dims[1];
        walk->inner = 1;
        for (uint32_t i = 2; i < w->rank; i++)
            walk->inner *= (uint64_t)w->dims[i];
        walk->per_group_outer = (uint64_t)w->dims[0] / p->group;
    } else if (sum->op == CVK_OP_GEMM) {
        const struct cvk_gemm_params *p = sum->params;
        walk->count = (uint64_t)w->dims[p->trans_b ? 0 : 1];
        walk->inner = p->trans_b ? (uint64_t)w->dims[1] : 1;
    } else {
        return false;
    }
    return walk->inner > 0 && walk->count > 0;
}

static uint64_t channel_at(const struct channel_walk *walk, uint64_t e)
{
    uint64_t c = e / walk->inner % walk->count;
    if (walk->per_group_outer)
        c += e / (walk->inner * walk->count) / walk->per_group_outer * walk->count;
    return c;
}

/* New constants for the weights and the bias; the old ones may belong to the user's graph. */
static int32_t scale_weights(struct cvk_graph *g, struct cvk__node *sum, const struct channel_walk *walk, const double *s,
                             const double *t, uint64_t channels)
{
    const struct cvk_tensor_desc desc = cvk__value_at(g, sum->inputs[1])->desc;
    const float *old = content(g, sum->inputs[1]);
    const float *old_bias = sum->input_count > 2 ? content(g, sum->inputs[2]) : NULL;
    double beta = sum->op == CVK_OP_GEMM ? ((const struct cvk_gemm_params *)sum->params)->beta : 1;
    float *w = cvk__alloc_buffer(CVK__TAG_SESSION, desc.bytes);
    float *b = cvk__alloc_buffer(CVK__TAG_SESSION, channels * sizeof *b);
    if (!w || !b) {
        cvk__free(w);
        cvk__free(b);
        return cvk__fail_memory(desc.bytes, "folding a batch norm");
    }
    for (uint64_t e = 0; e < cvk_tensor_desc_count(&desc); e++)
        w[e] = (float)(old[e] * s[channel_at(walk, e)]);
    for (uint64_t c = 0; c < channels; c++)
        b[c] = (float)((old_bias ? beta * old_bias[c] : 0) * s[c] + t[c]);
    if (sum->op == CVK_OP_GEMM)
        ((struct cvk_gemm_params *)sum->params)->beta = 1;
    struct cvk_tensor_desc bias_desc;
    int64_t dims[1] = {(int64_t)channels};
    cvk_tensor_desc_init(&bias_desc, CVK_F32, CVK_LAYOUT_PLAIN, 1, dims);
    cvk_value wv = cvk__graph_new_constant(g, NULL, &desc, w);
    cvk_value bv = cvk__graph_new_constant(g, NULL, &bias_desc, b);
    cvk_value *inputs = cvk__alloc_array(CVK__TAG_SESSION, 3, sizeof *inputs);
    if (!wv || !bv || !inputs) {
        cvk__free(inputs);
        return cvk__fail_memory(desc.bytes, "folding a batch norm");
    }
    inputs[0] = sum->inputs[0];
    inputs[1] = wv;
    inputs[2] = bv;
    cvk__free(sum->inputs);
    sum->inputs = inputs;
    sum->input_count = 3;
    return CVK_OK;
}

/* True if the sum's weights and bias are known and its channels are those of the norm. */
static bool can_fold(const struct cvk_graph *g, const struct cvk__node *sum, struct channel_walk *walk, uint64_t channels)
{
    if (sum->dead || sum->pass != CVK_PASS_FORWARD || sum->epilogue.parts || sum->input_count < 2 || !content(g, sum->inputs[1]) || !walk_of(g, sum, walk))
        return false;
    uint64_t groups = sum->op == CVK_OP_CONV_TRANSPOSE ? ((const struct cvk_conv_transpose_params *)sum->params)->group : 1;
    if (walk->count * groups != channels)
        return false;
    if (sum->input_count < 3 || !sum->inputs[2])
        return true;
    /* gemm's C may also be a column or a number, which is no bias of the channels. */
    const struct cvk_tensor_desc *b = &cvk__value_at(g, sum->inputs[2])->desc;
    return content(g, sum->inputs[2]) && cvk_tensor_desc_count(b) == channels && b->rank &&
           (uint64_t)b->dims[b->rank - 1] == channels;
}

static int32_t fold_one(struct cvk_graph *g, struct cvk__node *norm, const uint32_t *uses)
{
    struct cvk__value *x = cvk__value_at(g, norm->inputs[0]);
    if (norm->pass != CVK_PASS_FORWARD || ((const struct cvk_batch_norm_params *)norm->params)->training)
        return CVK_OK;
    if (x->producer < 0 || uses[norm->inputs[0] - 1] != 1)
        return CVK_OK;
    struct cvk__node *sum = &g->nodes[x->producer];
    const float *p[4];
    for (uint32_t i = 0; i < 4; i++)
        if (!(p[i] = content(g, norm->inputs[i + 1])))
            return CVK_OK;
    uint64_t channels = cvk_tensor_desc_count(&cvk__value_at(g, norm->inputs[1])->desc);
    struct channel_walk walk;
    if (!can_fold(g, sum, &walk, channels))
        return CVK_OK;
    double *s = cvk__alloc_array(CVK__TAG_SESSION, channels * 2, sizeof *s);
    if (!s)
        return cvk__fail_memory(channels * 2 * sizeof *s, "folding a batch norm");
    double *t = s + channels, epsilon = ((const struct cvk_batch_norm_params *)norm->params)->epsilon;
    for (uint64_t c = 0; c < channels; c++) {
        s[c] = p[0][c] / sqrt((double)p[3][c] + epsilon);
        t[c] = p[1][c] - s[c] * p[2][c];
    }
    int32_t status = scale_weights(g, sum, &walk, s, t, channels);
    cvk__free(s);
    if (status != CVK_OK)
        return status;
    sum->outputs[0] = norm->outputs[0];
    struct cvk__value *y = cvk__value_at(g, norm->outputs[0]);
    y->producer = (int32_t)(sum - g->nodes);
    y->producer_output = 0;
    norm->dead = true;
    return CVK_OK;
}

int32_t cvk__fold_norms(struct cvk_graph *g)
{
    uint32_t *uses = cvk__count_uses(g);
    if (!uses)
        return cvk__fail_memory(g->value_count * sizeof *uses, "a plan");
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < g->node_count && status == CVK_OK; i++)
        if (!g->nodes[i].dead && g->nodes[i].op == CVK_OP_BATCH_NORM)
            status = fold_one(g, &g->nodes[i], uses);
    cvk__free(uses);
    return status;
}
