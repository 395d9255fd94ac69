/* SPDX-License-Identifier: MIT
 * Fresh weights for a net, as if it had just been built. */
#include <math.h>

#include "../ops/op_def.h"
#include "convoke/rng.h"
#include "convoke/train.h"

/* How many numbers go into one sum, and into how many sums one number goes. */
static void fans(const struct cvk__node *n, const struct cvk_tensor_desc *w, double *in, double *out)
{
    double taps = 1;
    for (uint32_t i = 2; i < w->rank; i++)
        taps *= (double)w->dims[i];
    double first = (double)w->dims[0], second = w->rank > 1 ? (double)w->dims[1] : 1;
    bool turned = n->op == CVK_OP_CONV_TRANSPOSE || n->op == CVK_OP_MATMUL ||
                  (n->op == CVK_OP_GEMM && !((const struct cvk_gemm_params *)n->params)->trans_b);
    if (n->op == CVK_OP_CONV) /* [filters, depth / group, kernel...] */
        first /=
            ((const struct cvk_conv_params *)n->params)->group ? (double)((const struct cvk_conv_params *)n->params)->group : 1;
    if (n->op == CVK_OP_CONV_TRANSPOSE) {
        const struct cvk_conv_transpose_params *p = n->params;
        first /= p->group ? (double)p->group : 1;
        for (uint32_t i = 0; i + 2 < w->rank && i < 3; i++)
            if (p->stride[i] > 1)
                first /= (double)p->stride[i]; /* only every stride-th tap meets an input */
    }
    *in = (turned ? first : second) * taps;
    *out = (turned ? second : first) * taps;
}

static bool is_norm(uint32_t op)
{
    return op == CVK_OP_BATCH_NORM || op == CVK_OP_INSTANCE_NORM || op == CVK_OP_LAYER_NORM;
}

/* Replaces the content of a constant; the old one may be another graph's too. */
static int32_t put(struct cvk__value *v, double deviation, float constant, uint64_t seed, uint32_t stream)
{
    uint64_t count = cvk_tensor_desc_count(&v->desc);
    float *data = cvk__alloc_buffer(CVK__TAG_GRAPH, v->desc.bytes);
    if (!data)
        return cvk__fail_memory(v->desc.bytes, "fresh weights");
    for (uint64_t i = 0; i < count; i++)
        data[i] = deviation > 0 ? (float)(deviation * (double)cvk_rng_normal(seed, stream, i)) : constant;
    struct cvk__blob *blob = cvk__blob_create(data, v->desc.bytes);
    if (!blob)
        return cvk__fail_memory(v->desc.bytes, "fresh weights");
    cvk__blob_unref(v->blob);
    v->blob = blob;
    return CVK_OK;
}

static int32_t draw_input(struct cvk_graph *g, const struct cvk__node *n, uint32_t i, uint64_t seed, uint32_t kind,
                          uint32_t *stream)
{
    struct cvk__value *v = cvk__value_at(g, n->inputs[i]);
    if (!v || !v->blob || v->desc.dtype != CVK_F32 || v->is_input)
        return CVK_OK;
    if (is_norm(n->op))
        return put(v, 0, i == 1 || i == 4 ? 1 : 0, seed, 0);
    if (i == 2)
        return put(v, 0, 0, seed, 0);
    double in, out;
    fans(n, &v->desc, &in, &out);
    return put(v, sqrt(2 / (kind == CVK_INIT_XAVIER ? in + out : in)), 0, seed, (*stream)++);
}

int32_t cvk_graph_draw_weights(struct cvk_graph *g, uint64_t seed, uint32_t kind)
{
    uint32_t stream = 0;
    if (!g || kind > CVK_INIT_XAVIER)
        return cvk__fail(CVK_E_ARG, "cvk_graph_draw_weights: the graph is NULL, or there is no initialiser %u", kind);
    for (uint32_t k = 0; k < g->node_count; k++) {
        const struct cvk__node *n = &g->nodes[k];
        uint32_t bits = n->dead ? 0 : cvk__op_find(n->op)->weights | (n->op == CVK_OP_BATCH_NORM ? CVK__X(3) | CVK__X(4) : 0);
        for (uint32_t i = 0; i < n->input_count && i < 16; i++)
            if (bits & CVK__X(i))
                CVK__TRY(draw_input(g, n, i, seed, kind, &stream));
    }
    return CVK_OK;
}
