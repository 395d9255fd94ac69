/* SPDX-License-Identifier: MIT
 * Making, copying and freeing graphs, their values, nodes and constants. */
#include "ir.h"

#include "../ops/op_def.h"
#include "convoke/rng.h"

struct cvk__blob *cvk__blob_create(void *data, uint64_t bytes)
{
    struct cvk__blob *blob = cvk__alloc(CVK__TAG_GRAPH, sizeof *blob);
    if (!blob) {
        cvk__free(data);
        return NULL;
    }
    atomic_init(&blob->refs, 1);
    blob->data = data;
    blob->bytes = bytes;
    return blob;
}

struct cvk__blob *cvk__blob_ref(struct cvk__blob *blob)
{
    if (blob)
        atomic_fetch_add_explicit(&blob->refs, 1, memory_order_relaxed);
    return blob;
}

void cvk__blob_unref(struct cvk__blob *blob)
{
    if (blob && atomic_fetch_sub_explicit(&blob->refs, 1, memory_order_acq_rel) == 1) {
        cvk__free(blob->data);
        cvk__free(blob);
    }
}

int32_t cvk_graph_create(const char *name, struct cvk_graph **out)
{
    if (!out)
        return cvk__fail(CVK_E_ARG, "cvk_graph_create: out is NULL");
    *out = NULL;
    struct cvk_graph *g = cvk__alloc(CVK__TAG_GRAPH, sizeof *g);
    char *copy = cvk__strdup(CVK__TAG_GRAPH, name ? name : "");
    if (!g || !copy) {
        cvk__free(g);
        cvk__free(copy);
        return cvk__fail_memory(sizeof *g, "a graph");
    }
    g->name = copy;
    g->name_salt = (uint32_t)cvk_rng_bits((uint64_t)cvk__now_ns(), 0, (uint64_t)(uintptr_t)g);
    *out = g;
    return CVK_OK;
}

void cvk__node_finish(struct cvk__node *n)
{
    cvk__free(n->name);
    cvk__free(n->params);
    cvk__free(n->note);
    cvk__free(n->inputs);
    cvk__free(n->outputs);
    memset(n, 0, sizeof *n);
}

void cvk_graph_destroy(struct cvk_graph *g)
{
    if (!g)
        return;
    for (uint32_t i = 0; i < g->value_count; i++) {
        cvk__free(g->values[i].name);
        cvk__blob_unref(g->values[i].blob);
        cvk__blob_unref(g->values[i].initial);
    }
    for (uint32_t i = 0; i < g->node_count; i++)
        cvk__node_finish(&g->nodes[i]);
    for (uint32_t i = 0; i < g->output_count; i++)
        cvk__free(g->output_names[i]);
    cvk__free(g->values);
    cvk__free(g->nodes);
    cvk__free(g->inputs);
    cvk__free(g->outputs);
    cvk__free(g->output_names);
    cvk__free(g->names);
    cvk__free(g->name);
    cvk__free(g->error);
    cvk__free(g);
}

/* Grows an array to hold one more element; false when there is no memory. */
static bool reserve(void **array, uint32_t count, uint32_t *capacity, size_t each)
{
    if (count < *capacity)
        return true;
    uint64_t bigger = *capacity ? (uint64_t)*capacity * 2 : 16;
    if (bigger > INT32_MAX)
        return false;
    void *grown = cvk__realloc(CVK__TAG_GRAPH, *array, bigger * each);
    if (!grown)
        return false;
    *array = grown;
    *capacity = (uint32_t)bigger;
    return true;
}

/* FNV-1a (Fowler, Noll, Vo) from a start that differs from graph to graph, so that no file can be made whose names collide. */
static uint32_t hash(const struct cvk_graph *g, const char *name)
{
    uint32_t h = 2166136261u ^ g->name_salt;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 16777619u;
    return h;
}

/* The slot that holds the name, or the free one where it would go. */
static uint32_t find_slot(const struct cvk_graph *g, const char *name)
{
    uint32_t slot = hash(g, name) & (g->name_slots - 1);
    while (g->names[slot] && strcmp(g->values[g->names[slot] - 1].name, name))
        slot = (slot + 1) & (g->name_slots - 1);
    return slot;
}

cvk_value cvk__graph_named(const struct cvk_graph *g, const char *name)
{
    return g->name_slots ? g->names[find_slot(g, name)] : 0;
}

static bool grow_names(struct cvk_graph *g)
{
    if (g->name_count * 2 < g->name_slots)
        return true;
    uint32_t old_slots = g->name_slots;
    cvk_value *old = g->names;
    cvk_value *names = cvk__alloc_array(CVK__TAG_GRAPH, old_slots ? old_slots * 2ull : 64, sizeof *names);
    if (!names)
        return false;
    g->names = names;
    g->name_slots = old_slots ? old_slots * 2 : 64;
    for (uint32_t i = 0; i < old_slots; i++)
        if (old[i])
            names[find_slot(g, g->values[old[i] - 1].name)] = old[i];
    cvk__free(old);
    return true;
}

bool cvk__graph_set_name(struct cvk_graph *g, cvk_value v, const char *name)
{
    char *copy = grow_names(g) ? cvk__strdup(CVK__TAG_GRAPH, name) : NULL;
    if (!copy)
        return false;
    g->values[v - 1].name = copy;
    uint32_t slot = find_slot(g, name);
    if (!g->names[slot]) {
        g->names[slot] = v;
        g->name_count++;
    }
    return true;
}

cvk_value cvk__graph_new_value(struct cvk_graph *g, const char *name)
{
    if (!reserve((void **)&g->values, g->value_count, &g->value_capacity, sizeof *g->values))
        return 0;
    struct cvk__value *v = &g->values[g->value_count++];
    memset(v, 0, sizeof *v);
    v->producer = -1;
    cvk_value handle = (cvk_value)g->value_count;
    if (name && name[0] && !cvk__graph_set_name(g, handle, name)) {
        g->value_count--;
        return 0;
    }
    return handle;
}

struct cvk__node *cvk__graph_new_node(struct cvk_graph *g, uint32_t op, const void *params, const char *name,
                                      const cvk_value *inputs, uint32_t input_count, const cvk_value *outputs,
                                      uint32_t output_count)
{
    const struct cvk__op_def *def = cvk__op_find(op);
    uint32_t param_bytes = def ? def->param_bytes : 0;
    if (!reserve((void **)&g->nodes, g->node_count, &g->node_capacity, sizeof *g->nodes))
        return NULL;
    struct cvk__node *n = &g->nodes[g->node_count];
    memset(n, 0, sizeof *n);
    n->op = op;
    n->pass = def ? def->pass : CVK_PASS_FORWARD;
    n->name = cvk__strdup(CVK__TAG_GRAPH, name);
    n->params = cvk__alloc(CVK__TAG_GRAPH, param_bytes ? param_bytes : 1);
    n->inputs = cvk__alloc_array(CVK__TAG_GRAPH, input_count + 1u, sizeof *n->inputs);
    n->outputs = cvk__alloc_array(CVK__TAG_GRAPH, output_count + 1u, sizeof *n->outputs);
    if (!n->name || !n->params || !n->inputs || !n->outputs) {
        cvk__node_finish(n);
        return NULL;
    }
    if (param_bytes) {
        uint32_t given = 0;
        if (params)
            memcpy(&given, params, sizeof given);
        /* A caller who leaves size 0 means the header it was compiled with, which is this one or a longer one's prefix. */
        if (params)
            memcpy(n->params, params, given && given < param_bytes ? given : param_bytes);
        memcpy(n->params, &param_bytes, sizeof param_bytes);
    }
    if (input_count)
        memcpy(n->inputs, inputs, input_count * sizeof *inputs);
    if (output_count)
        memcpy(n->outputs, outputs, output_count * sizeof *outputs);
    n->input_count = input_count;
    n->output_count = output_count;
    for (uint32_t i = 0; i < output_count; i++)
        if (outputs[i]) {
            g->values[outputs[i] - 1].producer = (int32_t)g->node_count;
            g->values[outputs[i] - 1].producer_output = i;
        }
    g->node_count++;
    return n;
}

static int32_t clone_value(struct cvk_graph *to, const struct cvk__value *from)
{
    cvk_value v = cvk__graph_new_value(to, from->name);
    if (!v)
        return cvk__fail_memory(sizeof *from, "a copy of the graph");
    struct cvk__value *copy = &to->values[v - 1];
    char *name = copy->name;
    *copy = *from;
    copy->name = name;
    copy->blob = from->blob ? cvk__blob_ref(from->blob) : NULL;
    copy->initial = from->initial ? cvk__blob_ref(from->initial) : NULL;
    return CVK_OK;
}

static int32_t clone_node(struct cvk_graph *to, const struct cvk__node *from)
{
    struct cvk__node *n =
        cvk__graph_new_node(to, from->op, from->params, from->name, from->inputs, from->input_count, from->outputs, from->output_count);
    if (!n)
        return cvk__fail_memory(sizeof *from, "a copy of the graph");
    n->pass = from->pass;
    n->epilogue = from->epilogue;
    n->bias = from->bias;
    n->scale = from->scale;
    n->shift = from->shift;
    n->residual = from->residual;
    n->dead = from->dead;
    return CVK_OK;
}

int32_t cvk__graph_clone(const struct cvk_graph *g, struct cvk_graph **out)
{
    struct cvk_graph *copy = NULL;
    CVK__TRY(cvk_graph_create(g->name, &copy));
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < g->value_count && status == CVK_OK; i++)
        status = clone_value(copy, &g->values[i]);
    for (uint32_t i = 0; i < g->node_count && status == CVK_OK; i++)
        status = clone_node(copy, &g->nodes[i]);
    for (uint32_t i = 0; i < copy->value_count; i++) { /* a node that is dead by now has named itself */
        copy->values[i].producer = g->values[i].producer;
        copy->values[i].producer_output = g->values[i].producer_output;
    }
    copy->inputs = cvk__alloc_array(CVK__TAG_GRAPH, g->input_count + 1u, sizeof *copy->inputs);
    copy->outputs = cvk__alloc_array(CVK__TAG_GRAPH, g->output_count + 1u, sizeof *copy->outputs);
    copy->output_names = cvk__alloc_array(CVK__TAG_GRAPH, g->output_count + 1u, sizeof *copy->output_names);
    if (status == CVK_OK && (!copy->inputs || !copy->outputs || !copy->output_names))
        status = cvk__fail_memory(sizeof *copy, "a copy of the graph");
    for (uint32_t i = 0; i < g->input_count && status == CVK_OK; i++)
        copy->inputs[copy->input_count++] = g->inputs[i];
    for (uint32_t i = 0; i < g->output_count && status == CVK_OK; i++) {
        copy->outputs[i] = g->outputs[i];
        copy->output_names[i] = cvk__strdup(CVK__TAG_GRAPH, g->output_names[i]);
        if (!copy->output_names[i])
            status = cvk__fail_memory(strlen(g->output_names[i]), "a copy of the graph");
        else
            copy->output_count++;
    }
    if (status != CVK_OK) {
        cvk_graph_destroy(copy);
        return status;
    }
    *out = copy;
    return CVK_OK;
}

cvk_value cvk__graph_new_constant(struct cvk_graph *g, const char *name, const struct cvk_tensor_desc *desc, void *data)
{
    struct cvk__blob *blob = cvk__blob_create(data, desc->bytes);
    cvk_value v = blob ? cvk__graph_new_value(g, name) : 0;
    if (!v) {
        cvk__blob_unref(blob);
        return 0;
    }
    g->values[v - 1].desc = *desc;
    g->values[v - 1].blob = blob;
    return v;
}
