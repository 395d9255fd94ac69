/* SPDX-License-Identifier: MIT
 * What follows the gradients in a training step: their norms, the clipping factor, and one optimiser's node for each weight. */
#include "../ops/op_def.h"
#include "net.h"

static int32_t one(struct cvk__train_net *net, uint32_t op, const void *params, const char *name, const cvk_value *inputs,
                   uint32_t count, cvk_value *y)
{
    return cvk__train_add(net, op, params, name, inputs, count, y, 1);
}

/* The sum of squares of each gradient as [weights]. */
static int32_t add_squares(struct cvk__train_net *net, cvk_value *squares)
{
    const struct cvk_reduce_params sum = {.size = sizeof sum, .kind = CVK_REDUCE_SUM_SQUARE};
    const struct cvk_reshape_params flat = {.size = sizeof flat, .kind = CVK_RESHAPE, .count = 1, .dims = {1}};
    const struct cvk_concat_params join = {.size = sizeof join};
    cvk_value *parts = cvk__alloc_array(CVK__TAG_GRAPH, net->weight_count, sizeof *parts);
    int32_t status = parts ? CVK_OK : cvk__fail_memory(net->weight_count * sizeof *parts, "a training step");
    for (uint32_t i = 0; i < net->weight_count && status == CVK_OK; i++) {
        char name[300];
        cvk_value square;
        snprintf(name, sizeof name, "%.200s.square", net->states[net->weights[i].state].name);
        status = one(net, CVK_OP_REDUCE, &sum, name, &net->weights[i].gradient, 1, &square);
        if (status == CVK_OK)
            status = one(net, CVK_OP_RESHAPE, &flat, name, &square, 1, &parts[i]);
    }
    if (status == CVK_OK)
        status = one(net, CVK_OP_CONCAT, &join, "gradient_squares", parts, net->weight_count, squares);
    cvk__free(parts);
    return status;
}

/* factor = min(1, clip / norm) */
static int32_t add_norms(struct cvk__train_net *net, const struct cvk_trainer_params *p, cvk_value *factor)
{
    const struct cvk_reduce_params sum = {.size = sizeof sum, .kind = CVK_REDUCE_SUM, .keep_dims = 1};
    const struct cvk_unary_params root = {.size = sizeof root, .kind = CVK_SQRT};
    const struct cvk_binary_params div = {.size = sizeof div, .kind = CVK_DIV}, min = {.size = sizeof min, .kind = CVK_MIN};
    cvk_value squares, norms, total, norm, ratio;
    *factor = 0;
    if (!(p->clip_norm > 0) && !(p->flags & CVK_TRAIN_NORMS))
        return CVK_OK;
    CVK__TRY(add_squares(net, &squares));
    CVK__TRY(one(net, CVK_OP_UNARY, &root, "gradient_norms", &squares, 1, &norms));
    CVK__TRY(one(net, CVK_OP_REDUCE, &sum, "gradient_square", &squares, 1, &total));
    CVK__TRY(one(net, CVK_OP_UNARY, &root, "gradient_norm", &total, 1, &norm));
    cvk_output(net->g, norm, "gradient_norm");
    cvk_output(net->g, norms, "gradient_norms");
    net->measures = true;
    if (!(p->clip_norm > 0))
        return net->g->status;
    cvk_value clip = cvk_constant(net->g, NULL, CVK_F32, 1, (int64_t[]){1}, &p->clip_norm);
    cvk_value unit = cvk_constant(net->g, NULL, CVK_F32, 1, (int64_t[]){1}, (float[]){1});
    CVK__TRY(net->g->status);
    CVK__TRY(one(net, CVK_OP_BINARY, &div, "clip_ratio", (cvk_value[]){clip, norm}, 2, &ratio));
    return one(net, CVK_OP_BINARY, &min, "clip_factor", (cvk_value[]){ratio, unit}, 2, factor);
}

/* A state of zeros like the weight. */
static int32_t add_moment(struct cvk__train_net *net, const struct cvk__train_weight *w, uint32_t k, cvk_value *out)
{
    struct cvk_tensor_desc desc = cvk__value_at(net->g, w->v)->desc;
    char name[300];
    uint32_t index;
    void *zeros = cvk__alloc_buffer(CVK__TAG_GRAPH, desc.bytes);
    if (!zeros)
        return cvk__fail_memory(desc.bytes, "the state of the optimiser");
    memset(zeros, 0, desc.bytes);
    *out = cvk__graph_new_constant(net->g, NULL, &desc, zeros);
    if (!*out)
        return cvk__fail_memory(desc.bytes, "the state of the optimiser");
    snprintf(name, sizeof name, "%.240s/s%u", net->states[w->state].name, k);
    return cvk__train_make_state(net, *out, name, false, &index);
}

static int32_t add_update(struct cvk__train_net *net, const struct cvk__train_weight *w, const struct cvk_trainer_params *p,
                          cvk_value hyper, cvk_value factor)
{
    struct cvk_optimize_params o = p->optimizer;
    uint32_t states = cvk_optimizer_states(&o);
    cvk_value inputs[6] = {w->v, w->gradient, hyper, 0, 0, factor}, outputs[3];
    char name[300];
    if (cvk__value_at(net->g, w->v)->desc.rank < 2 && !p->decay_biases)
        o.l1 = o.l2 = o.decay = 0;
    for (uint32_t k = 0; k < states; k++)
        CVK__TRY(add_moment(net, w, k, &inputs[3 + k]));
    snprintf(name, sizeof name, "%.200s.update", net->states[w->state].name);
    CVK__TRY(cvk__train_add(net, CVK_OP_OPTIMIZE, &o, name, inputs, 6, outputs, 1 + states));
    cvk__value_at(net->g, w->v)->becomes = outputs[0];
    for (uint32_t k = 0; k < states; k++)
        cvk__value_at(net->g, inputs[3 + k])->becomes = outputs[1 + k];
    return CVK_OK;
}

int32_t cvk__train_add_updates(struct cvk__train_net *net, const struct cvk_trainer_params *p, cvk_value hyper)
{
    cvk_value factor;
    CVK__TRY(add_norms(net, p, &factor));
    for (uint32_t i = 0; i < net->weight_count; i++)
        CVK__TRY(add_update(net, &net->weights[i], p, hyper, factor));
    return CVK_OK;
}
