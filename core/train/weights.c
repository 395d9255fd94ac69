/* SPDX-License-Identifier: MIT
 * What of a net is trained: constants that stand where layers have weights. They become states; batch norms take the statistics
 * of the batch and keep running ones, dropouts drop. */
#include <fnmatch.h>

#include "../device/backend.h"
#include "../graph/session_impl.h"
#include "../ops/op_def.h"
#include "net.h"

/* A word for what input i is to its op. */
static const char *role_of(uint32_t op, uint32_t i)
{
    static const char *const norm[] = {"x", "scale", "bias", "mean", "var"};
    if (op == CVK_OP_BATCH_NORM || op == CVK_OP_INSTANCE_NORM || op == CVK_OP_LAYER_NORM)
        return i < 5 ? norm[i] : "input";
    if (op == CVK_OP_BINARY)
        return "bias";
    return i == 2 ? "bias" : "weight";
}

static bool taken(const struct cvk__train_net *net, const char *name)
{
    for (uint32_t i = 0; i < net->state_count; i++)
        if (!strcmp(net->states[i].name, name))
            return true;
    return false;
}

/* The constant's own name, or one made of its node's. */
static void name_of(const struct cvk__train_net *net, uint32_t node, uint32_t i, char *out, size_t bytes)
{
    const struct cvk__node *n = &net->g->nodes[node];
    const struct cvk__value *v = cvk__value_at(net->g, n->inputs[i]);
    if (v->name && v->name[0])
        snprintf(out, bytes, "%.200s", v->name);
    else
        snprintf(out, bytes, "%.180s.%s", n->name, role_of(n->op, i));
    size_t length = strlen(out);
    for (uint32_t k = 2; taken(net, out) && k < UINT32_MAX; k++)
        snprintf(out + length, bytes - length, "_%u", k);
}

/* The next of comma-separated globs, as far as `glob` has room; false at the end. */
static bool next_glob(const char **globs, char *glob, size_t bytes)
{
    if (!*globs || !**globs)
        return false;
    size_t length = strcspn(*globs, ",");
    snprintf(glob, bytes, "%.*s", (int)(length < bytes ? length : bytes), *globs);
    *globs += length + ((*globs)[length] == ',');
    return true;
}

/* True if one of the globs fits the name; those that do are marked as used, the first 64 of them. */
static bool listed(const char *globs, const char *name, uint64_t *used)
{
    char glob[256];
    bool any = false;
    for (uint32_t k = 0; next_glob(&globs, glob, sizeof glob); k++) {
        bool fits = strlen(glob) + 1 < sizeof glob && fnmatch(glob, name, 0) == 0;
        *used |= fits && k < 64 ? 1ull << k : 0;
        any |= fits;
    }
    return any;
}

/* A name that fits nothing is a mistake: what was meant to stay would be trained. */
static int32_t check_globs(const struct cvk__train_net *net, const char *globs)
{
    char glob[256];
    for (uint32_t k = 0; k < 64 && next_glob(&globs, glob, sizeof glob); k++)
        if (glob[0] && !(net->globs_used >> k & 1))
            return cvk__fail(CVK_E_NOT_FOUND,
                             "training: there is no weight '%s' to be frozen; the first one that is trained is '%s'",
                             CVK__SHOW(glob), CVK__SHOW(net->states[net->weights[0].state].name));
    return CVK_OK;
}

static const struct cvk__value *constant(const struct cvk_graph *g, cvk_value v)
{
    const struct cvk__value *value = cvk__value_at(g, v);
    return value && value->blob && value->desc.dtype == CVK_F32 && value->desc.bytes ? value : NULL;
}

/* Inputs of the node that training changes where they are constants. derived: values that depend on a layer's weights. */
static uint32_t weight_inputs(const struct cvk_graph *g, const struct cvk__node *n, const bool *derived)
{
    if (n->op != CVK_OP_BINARY)
        return cvk__op_find(n->op)->weights;
    uint32_t kind = ((const struct cvk_binary_params *)n->params)->kind;
    if (kind == CVK_PRELU)
        return CVK__X(1);
    uint32_t bits = 0;
    for (uint32_t i = 0; kind == CVK_ADD && i < 2; i++) {
        const struct cvk__value *v = constant(g, n->inputs[i]);
        if (v && cvk_tensor_desc_count(&v->desc) > 1 && derived[n->inputs[1 - i] - 1])
            bits |= CVK__X(i);
    }
    return bits;
}

static int32_t add_weight(struct cvk__train_net *net, uint32_t node, uint32_t i, const char *name)
{
    cvk_value v = net->g->nodes[node].inputs[i];
    if (net->weight_count == net->weight_capacity) {
        uint32_t capacity = net->weight_capacity ? net->weight_capacity * 2 : 32;
        struct cvk__train_weight *grown = cvk__realloc(CVK__TAG_GRAPH, net->weights, capacity * sizeof *grown);
        if (!grown)
            return cvk__fail_memory(capacity * sizeof *grown, "a training step");
        net->weights = grown;
        net->weight_capacity = capacity;
    }
    struct cvk__train_weight *w = &net->weights[net->weight_count];
    *w = (struct cvk__train_weight){.v = v};
    CVK__TRY(cvk__train_make_state(net, v, name, true, &w->state));
    net->weight_count++;
    return CVK_OK;
}

/* True if the statistics are states that a use of the same norm before leaves new content in. */
static bool used_before(const struct cvk_graph *g, const struct cvk__node *n)
{
    const struct cvk__value *mean = cvk__value_at(g, n->inputs[3]), *var = cvk__value_at(g, n->inputs[4]);
    return mean && var && mean->initial && var->initial && mean->becomes && var->becomes;
}

/* The running mean and variance become states. */
static int32_t make_statistics(struct cvk__train_net *net, uint32_t node)
{
    char name[256];
    for (uint32_t i = 3; i < 5; i++) {
        uint32_t state;
        name_of(net, node, i, name, sizeof name);
        CVK__TRY(cvk__train_make_state(net, net->g->nodes[node].inputs[i], name, true, &state));
    }
    return CVK_OK;
}

/* The node's outputs 1 and 2 replace the running mean and variance. A norm that is used again goes on with what the use before
 * left. */
static int32_t train_norm(struct cvk__train_net *net, uint32_t node)
{
    cvk_value outputs[5] = {0}, states[2];
    struct cvk__node *n = &net->g->nodes[node];
    struct cvk_batch_norm_params *p = n->params;
    bool again = used_before(net->g, n);
    if (n->inputs[3] == n->inputs[4] || (!again && !(constant(net->g, n->inputs[3]) && constant(net->g, n->inputs[4]))))
        return CVK_OK; /* known to be no statistics of this norm's own: they stay */
    if (!again)
        CVK__TRY(make_statistics(net, node));
    outputs[0] = n->outputs[0];
    for (uint32_t o = 1; o < 5; o++)
        if (!(outputs[o] = cvk__graph_new_value(net->g, NULL)))
            return cvk__fail_memory(sizeof *outputs, "a training step");
    cvk_value *grown = cvk__alloc_array(CVK__TAG_GRAPH, 6, sizeof *grown);
    if (!grown)
        return cvk__fail_memory(sizeof outputs, "a training step");
    memcpy(grown, outputs, sizeof outputs);
    cvk__free(n->outputs);
    n->outputs = grown;
    n->output_count = 5;
    p->training = 1;
    if (p->momentum == 0)
        p->momentum = 0.9f;
    for (uint32_t o = 1; o < 5; o++) {
        struct cvk__value *v = cvk__value_at(net->g, outputs[o]);
        v->desc = cvk__value_at(net->g, n->inputs[3])->desc;
        v->producer = (int32_t)node;
        v->producer_output = o;
    }
    for (uint32_t i = 0; i < 2; i++) {
        states[i] = n->inputs[3 + i];
        if (again)
            n->inputs[3 + i] = cvk__value_at(net->g, states[i])->becomes;
        cvk__value_at(net->g, states[i])->becomes = outputs[1 + i];
    }
    return CVK_OK;
}

bool cvk__train_is_random(const struct cvk_graph *g)
{
    for (uint32_t i = 0; i < g->node_count; i++)
        if (!g->nodes[i].dead && g->nodes[i].op == CVK_OP_DROPOUT &&
            ((const struct cvk_dropout_params *)g->nodes[i].params)->drop > 0)
            return true;
    return false;
}

/* Its own numbers at every step: by the seed of the training, its own and its place in the net. */
static int32_t train_dropout(struct cvk__train_net *net, uint32_t node, uint64_t seed, cvk_value step)
{
    struct cvk__node *n = &net->g->nodes[node];
    struct cvk_dropout_params *p = n->params;
    if (!(p->drop > 0))
        return CVK_OK;
    cvk_value *inputs = cvk__alloc_array(CVK__TAG_GRAPH, 3, sizeof *inputs);
    if (!inputs)
        return cvk__fail_memory(3 * sizeof *inputs, "a training step");
    inputs[0] = n->inputs[0];
    inputs[1] = step;
    cvk__free(n->inputs);
    n->inputs = inputs;
    n->input_count = 2;
    p->training = 1;
    p->seed = cvk__hash(seed + p->seed, &node, sizeof node);
    return CVK_OK;
}

static int32_t train_node(struct cvk__train_net *net, uint32_t node, const struct cvk_trainer_params *p, cvk_value step,
                          bool *derived)
{
    struct cvk_graph *g = net->g;
    uint32_t bits = weight_inputs(g, &g->nodes[node], derived);
    bool norm = g->nodes[node].op == CVK_OP_BATCH_NORM, scale_trains = false, any = bits != 0;
    char name[256];
    for (uint32_t i = 0; i < g->nodes[node].input_count && i < 16; i++) {
        cvk_value v = g->nodes[node].inputs[i];
        if (!(bits & CVK__X(i)) || !v)
            continue;
        if (cvk__value_at(g, v)->initial) { /* shared with a node before */
            scale_trains |= norm && i == 1;
            continue;
        }
        name_of(net, node, i, name, sizeof name);
        if (!constant(g, v) || listed(p->freeze, name, &net->globs_used))
            continue;
        CVK__TRY(add_weight(net, node, i, name));
        scale_trains |= norm && i == 1;
    }
    if (scale_trains)
        CVK__TRY(train_norm(net, node));
    if (g->nodes[node].op == CVK_OP_DROPOUT)
        CVK__TRY(train_dropout(net, node, p->seed, step));
    const struct cvk__node *n = &g->nodes[node];
    for (uint32_t i = 0; i < n->input_count; i++)
        any = any || (n->inputs[i] && derived[n->inputs[i] - 1]);
    if (any && n->outputs[0])
        derived[n->outputs[0] - 1] = true;
    for (uint32_t o = 1; any && o < n->output_count && n->op != CVK_OP_BATCH_NORM; o++)
        if (n->outputs[o])
            derived[n->outputs[o] - 1] = true;
    return CVK_OK;
}

/* ---- statistics that norms share ------------------------------------------------------------------------------------------ */

static bool is_norm(const struct cvk__node *n)
{
    return !n->dead && n->op == CVK_OP_BATCH_NORM && n->input_count == 5;
}

/* One norm that is used several times: all four vectors are the same. */
static bool same_norm(const struct cvk__node *a, const struct cvk__node *b)
{
    return is_norm(b) && !memcmp(a->inputs + 1, b->inputs + 1, 4 * sizeof *a->inputs);
}

/* Gives node `first` and the other uses of its norm statistics of their own, with the same content. */
static int32_t separate(struct cvk_graph *g, uint32_t first)
{
    cvk_value old[5], own[2];
    memcpy(old, g->nodes[first].inputs, sizeof old);
    for (uint32_t k = 0; k < 2; k++) {
        if (!(own[k] = cvk__graph_new_value(g, NULL)))
            return cvk__fail_memory(sizeof *own, "a training step");
        const struct cvk__value *from = cvk__value_at(g, old[3 + k]);
        cvk__value_at(g, own[k])->desc = from->desc;
        cvk__value_at(g, own[k])->blob = cvk__blob_ref(from->blob);
    }
    for (uint32_t i = first; i < g->node_count; i++)
        if (is_norm(&g->nodes[i]) && !memcmp(g->nodes[i].inputs + 1, old + 1, 4 * sizeof *old))
            memcpy(g->nodes[i].inputs + 3, own, sizeof own);
    return CVK_OK;
}

/* Exporters give equal constants one place, so norms that know nothing of each other read the same zeros and ones. */
int32_t cvk__train_separate_statistics(struct cvk_graph *g)
{
    uint32_t *uses = cvk__count_uses(g), counted = g->value_count;
    int32_t status = uses ? CVK_OK : cvk__fail_memory(g->value_count * sizeof *uses, "a training step");
    for (uint32_t i = 0; i < g->node_count && status == CVK_OK; i++) {
        const struct cvk__node *n = &g->nodes[i];
        if (!is_norm(n) || !constant(g, n->inputs[3]) || !constant(g, n->inputs[4]))
            continue;
        cvk_value mean = n->inputs[3], var = n->inputs[4];
        if ((uint32_t)mean > counted || (uses[mean - 1] == 1 && uses[var - 1] == 1))
            continue;
        uint32_t same = 0;
        for (uint32_t k = 0; k < g->node_count; k++)
            same += same_norm(n, &g->nodes[k]);
        if (mean == var || uses[mean - 1] != same || uses[var - 1] != same)
            status = separate(g, i);
    }
    cvk__free(uses);
    return status;
}

int32_t cvk__train_find_weights(struct cvk__train_net *net, const struct cvk_trainer_params *p, cvk_value step)
{
    bool *derived = cvk__alloc_array(CVK__TAG_GRAPH, net->g->value_count + 1u, sizeof *derived);
    int32_t status = derived ? CVK_OK : cvk__fail_memory(net->g->value_count, "a training step");
    uint32_t count = net->g->node_count;
    for (uint32_t i = 0; i < count && status == CVK_OK; i++)
        if (!net->g->nodes[i].dead)
            status = train_node(net, i, p, step, derived);
    cvk__free(derived);
    if (status == CVK_OK && !net->weight_count)
        status = cvk__fail(CVK_E_ARG, "training: the net '%s' has no weights that could be trained%s", CVK__SHOW(net->g->name),
                           p->freeze ? "; is everything frozen?" : "");
    return status == CVK_OK ? check_globs(net, p->freeze) : status;
}
