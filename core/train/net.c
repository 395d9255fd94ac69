/* SPDX-License-Identifier: MIT
 * From a net to the graph of a training step: sizes for the batch, the loss behind the prediction, gradients, updates. */
#include "net.h"

#include "../graph/autodiff.h"
#include "../graph/kernel.h"
#include "../ops/op_def.h"

int32_t cvk__train_add(struct cvk__train_net *net, uint32_t op, const void *params, const char *name, const cvk_value *inputs,
                       uint32_t input_count, cvk_value *outputs, uint32_t output_count)
{
    for (uint32_t o = 0; o < output_count; o++)
        if (!(outputs[o] = cvk__graph_new_value(net->g, NULL)))
            return cvk__fail_memory(sizeof *outputs, "a training step");
    struct cvk__node *n = cvk__graph_new_node(net->g, op, params, name, inputs, input_count, outputs, output_count);
    return n ? cvk__infer_node(net->g, n, net->evaluator) : cvk__fail_memory(sizeof *n, "a training step");
}

int32_t cvk__train_make_state(struct cvk__train_net *net, cvk_value v, const char *name, bool of_net, uint32_t *index)
{
    if (net->state_count == net->state_capacity) {
        uint32_t capacity = net->state_capacity ? net->state_capacity * 2 : 32;
        struct cvk__train_state *grown = cvk__realloc(CVK__TAG_GRAPH, net->states, capacity * sizeof *grown);
        if (!grown)
            return cvk__fail_memory(capacity * sizeof *grown, "a training step");
        net->states = grown;
        net->state_capacity = capacity;
    }
    char *copy = cvk__strdup(CVK__TAG_GRAPH, name);
    if (!copy)
        return cvk__fail_memory(strlen(name), "a training step");
    *index = net->state_count;
    net->states[net->state_count++] = (struct cvk__train_state){.name = copy, .v = v, .of_net = of_net};
    struct cvk__value *value = cvk__value_at(net->g, v);
    value->initial = value->blob;
    value->blob = NULL;
    return CVK_OK;
}

/* ---- the net for one batch ------------------------------------------------------------------------------------------------ */

static int32_t set_batch(struct cvk_graph *g, int64_t batch)
{
    for (uint32_t i = 0; i < g->input_count; i++) {
        struct cvk__value *v = cvk__value_at(g, g->inputs[i]);
        int64_t dims[CVK_MAX_RANK];
        for (uint32_t k = 0; k < v->desc.rank; k++)
            dims[k] = v->open_dims >> k & 1 ? batch : v->desc.dims[k];
        CVK__TRY(cvk_tensor_desc_init(&v->desc, v->desc.dtype, CVK_LAYOUT_PLAIN, v->desc.rank, dims));
        v->open_dims = 0;
    }
    return CVK_OK;
}

static int32_t find_prediction(struct cvk__train_net *net, const struct cvk_trainer_params *p)
{
    const struct cvk_graph *g = net->g;
    char shown[96];
    if (!p->prediction)
        net->prediction = g->outputs[0];
    for (uint32_t i = 0; p->prediction && i < g->output_count; i++)
        if (!strcmp(g->output_names[i], p->prediction))
            net->prediction = g->outputs[i];
    if (!net->prediction)
        return cvk__fail(CVK_E_NOT_FOUND, "training: the net has no output '%s' (its first is '%s')",
                         cvk__text_escape(p->prediction, shown, sizeof shown), CVK__SHOW(g->output_names[0]));
    /* What the loss does itself, and more accurately from the scores, is left out. */
    int32_t producer = cvk__value_at(g, net->prediction)->producer;
    const struct cvk__node *n = producer >= 0 ? &g->nodes[producer] : NULL;
    bool softmax = n && n->op == CVK_OP_SOFTMAX && ((const struct cvk_softmax_params *)n->params)->kind != CVK_HARDMAX &&
                   ((const struct cvk_softmax_params *)n->params)->axis == 1 &&
                   (!((const struct cvk_softmax_params *)n->params)->flatten || cvk__value_at(g, n->inputs[0])->desc.rank == 2);
    bool sigmoid = n && n->op == CVK_OP_UNARY && ((const struct cvk_unary_params *)n->params)->kind == CVK_SIGMOID;
    if ((softmax && p->loss.kind == CVK_LOSS_SOFTMAX_CROSS_ENTROPY) ||
        (sigmoid && p->loss.kind == CVK_LOSS_SIGMOID_CROSS_ENTROPY))
        net->prediction = n->inputs[0];
    return CVK_OK;
}

static int32_t add_target(struct cvk__train_net *net, const struct cvk_trainer_params *p, cvk_value *target)
{
    const struct cvk_tensor_desc x = cvk__value_at(net->g, net->prediction)->desc;
    bool classes = p->loss.kind == CVK_LOSS_SOFTMAX_CROSS_ENTROPY;
    uint32_t dtype = p->target_dtype ? p->target_dtype : classes ? CVK_I64 : CVK_F32, rank = 0;
    int64_t dims[CVK_MAX_RANK];
    char text[CVK_SHAPE_TEXT];
    if (x.rank < 2)
        return cvk__fail(CVK_E_SHAPE,
                         "training: the prediction is %s; the loss needs a batch axis and classes or values on axis 1",
                         cvk_shape_text(x.rank, x.dims, text));
    for (uint32_t i = 0; i < x.rank; i++)
        if (i != 1 || (dtype != CVK_I64 && dtype != CVK_I32))
            dims[rank++] = x.dims[i];
    *target = cvk_input(net->g, "train/target", dtype, rank, dims);
    return *target ? CVK_OK : net->g->status;
}

static int32_t add_loss(struct cvk__train_net *net, const struct cvk_trainer_params *p, cvk_value target, uint32_t reduction)
{
    struct cvk_loss_params loss = p->loss;
    cvk_value inputs[3] = {net->prediction, target, 0};
    loss.reduction = reduction;
    if (p->class_weights) {
        int64_t dims[1] = {p->class_count};
        inputs[2] = cvk_constant(net->g, NULL, CVK_F32, 1, dims, p->class_weights);
        if (!inputs[2])
            return net->g->status;
    }
    CVK__TRY(cvk__train_add(net, CVK_OP_LOSS, &loss, "loss", inputs, 3, &net->loss, 1));
    cvk_output(net->g, net->loss, "loss");
    cvk_output(net->g, net->prediction, "prediction");
    return net->g->status;
}

static int32_t add_gradients(struct cvk__train_net *net)
{
    uint32_t count = net->weight_count;
    cvk_value *wrt = cvk__alloc_array(CVK__TAG_GRAPH, count * 2ull, sizeof *wrt);
    if (!wrt)
        return cvk__fail_memory(count * 2 * sizeof *wrt, "gradients");
    for (uint32_t i = 0; i < count; i++)
        wrt[i] = net->weights[i].v;
    int32_t status = cvk__autodiff(net->g, net->loss, 0, wrt, count, net->evaluator, wrt + count);
    uint32_t reached = 0;
    for (uint32_t i = 0; status == CVK_OK && i < count; i++) {
        net->weights[i].gradient = wrt[count + i];
        reached += wrt[count + i] != 0;
    }
    cvk__free(wrt);
    if (status == CVK_OK && !reached)
        status = cvk__fail(CVK_E_UNSUPPORTED,
                           "training: no gradient of the loss reaches a weight: what lies between them passes none on");
    return status;
}

/* What the loss does not depend on stays as it is. */
static void drop_unreached(struct cvk__train_net *net)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < net->weight_count; i++)
        if (net->weights[i].gradient)
            net->weights[kept++] = net->weights[i];
    net->weight_count = kept;
}

static void clear_outputs(struct cvk_graph *g)
{
    for (uint32_t i = 0; i < g->output_count; i++)
        cvk__free(g->output_names[i]);
    g->output_count = 0;
}

/* The net with concrete sizes, its prediction found, without outputs. */
static int32_t prepare(struct cvk__train_net *net, const struct cvk_graph *g, const struct cvk_trainer_params *p)
{
    CVK__TRY(cvk__graph_clone(g, &net->g));
    net->g->macs_limit = p->macs_limit;
    CVK__TRY(set_batch(net->g, p->batch ? p->batch : 1));
    int32_t status = cvk__graph_infer(net->g, net->evaluator);
    if (status == CVK__UNKNOWN)
        status = cvk__fail(CVK_E_SHAPE, "training: sizes of the net depend on what its input holds");
    CVK__TRY(status);
    CVK__TRY(find_prediction(net, p));
    clear_outputs(net->g);
    return CVK_OK;
}

static int32_t build_step(struct cvk__train_net *net, const struct cvk_trainer_params *p)
{
    cvk_value target, hyper, step = 0;
    const struct cvk_tensor_desc x = cvk__value_at(net->g, net->g->inputs[0])->desc;
    if (p->batch && x.rank && x.dims[0] != p->batch)
        return cvk__fail(CVK_E_ARG, "training: the net '%s' is made for batches of %lld, not of %lld", CVK__SHOW(net->g->name),
                         (long long)x.dims[0], (long long)p->batch);
    if (p->loss.reduction == CVK_LOSS_NONE)
        return cvk__fail(CVK_E_ARG, "training: the loss must be one number; take the mean or the sum");
    CVK__TRY(add_target(net, p, &target));
    hyper = cvk_input(net->g, "train/hyper", CVK_F32, 1, (int64_t[]){2});
    net->random = cvk__train_is_random(net->g);
    if (net->random)
        step = cvk_input(net->g, "train/step", CVK_I64, 1, (int64_t[]){1});
    CVK__TRY(net->g->status);
    CVK__TRY(cvk__train_find_weights(net, p, step));
    CVK__TRY(add_loss(net, p, target, p->loss.reduction));
    CVK__TRY(add_gradients(net));
    drop_unreached(net);
    return cvk__train_add_updates(net, p, hyper);
}

static int32_t build_evaluation(struct cvk__train_net *net, const struct cvk_trainer_params *p)
{
    cvk_value target;
    CVK__TRY(add_target(net, p, &target));
    return add_loss(net, p, target, CVK_LOSS_NONE);
}

static int32_t init(struct cvk__train_net *net, struct cvk_context *ctx, const struct cvk_graph *g,
                    const struct cvk_trainer_params *p,
                    int32_t (*build)(struct cvk__train_net *net, const struct cvk_trainer_params *p))
{
    memset(net, 0, sizeof *net);
    if (g->status != CVK_OK)
        return cvk__fail(g->status, "the graph was not built whole: %s", cvk_graph_error(g));
    if (g->input_count != 1 || !g->output_count)
        return cvk__fail(CVK_E_ARG, "training: the net '%s' has %u inputs and %u outputs; it needs one input and an output",
                         CVK__SHOW(g->name), g->input_count, g->output_count);
    const struct cvk__backend *reference = cvk__backend_reference(ctx);
    if (reference)
        CVK__TRY(cvk__device_open(ctx, reference, 0, NULL, &net->evaluator));
    int32_t status = prepare(net, g, p);
    if (status == CVK_OK)
        status = build(net, p);
    cvk__device_close(net->evaluator);
    net->evaluator = NULL;
    if (status != CVK_OK)
        cvk__train_net_finish(net);
    return status;
}

int32_t cvk__train_net_init(struct cvk__train_net *net, struct cvk_context *ctx, const struct cvk_graph *g,
                            const struct cvk_trainer_params *p)
{
    return init(net, ctx, g, p, build_step);
}

int32_t cvk__train_evaluation_init(struct cvk__train_net *net, struct cvk_context *ctx, const struct cvk_graph *g,
                                   const struct cvk_trainer_params *p)
{
    return init(net, ctx, g, p, build_evaluation);
}

void cvk__train_net_finish(struct cvk__train_net *net)
{
    for (uint32_t i = 0; i < net->state_count; i++)
        cvk__free(net->states[i].name);
    cvk__free(net->states);
    cvk__free(net->weights);
    cvk_graph_destroy(net->g);
    memset(net, 0, sizeof *net);
}
