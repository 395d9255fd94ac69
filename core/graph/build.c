/* SPDX-License-Identifier: MIT
 * Builder calls: inputs, constants, nodes, outputs and names. Sizes are inferred as the net grows. */
#include "../ops/op_def.h"
#include "infer.h"

#include <stdarg.h>

#define MAX_ENDS 4096 /* inputs, and outputs, of one graph */

int32_t cvk__graph_fail(struct cvk_graph *g, int32_t status, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    cvk__fail(status, "%s", text);
    if (g && g->status == CVK_OK) {
        g->status = status;
        g->error = cvk__strdup(CVK__TAG_GRAPH, text);
    }
    return status;
}

/* Puts the thread's last sentence into the graph. */
static int32_t keep_failure(struct cvk_graph *g, int32_t status)
{
    char text[1024];
    snprintf(text, sizeof text, "%s", cvk_error_text());
    return cvk__graph_fail(g, status, "%s", text);
}

int32_t cvk_graph_status(const struct cvk_graph *g)
{
    return g ? g->status : CVK_E_ARG;
}

const char *cvk_graph_error(const struct cvk_graph *g)
{
    return !g ? "the graph is NULL" : g->error ? g->error : g->status ? cvk_status_name(g->status) : "";
}

const char *cvk_graph_name(const struct cvk_graph *g)
{
    return g ? g->name : "";
}

/* False when the graph cannot take another call. */
static bool usable(const struct cvk_graph *g)
{
    if (!g) {
        cvk__fail(CVK_E_ARG, "the graph is NULL");
        return false;
    }
    return g->status == CVK_OK;
}

static bool name_taken(struct cvk_graph *g, const char *name, const char *what)
{
    if (!name || !name[0] || !cvk__graph_named(g, name))
        return false;
    char shown[80];
    cvk__graph_fail(g, CVK_E_ARG, "%s '%s': the name is taken already", what, cvk__text_escape(name, shown, sizeof shown));
    return true;
}

cvk_value cvk_input(struct cvk_graph *g, const char *name, uint32_t dtype, uint32_t rank, const int64_t *dims)
{
    if (!usable(g))
        return 0;
    char shown[80];
    cvk__text_escape(name ? name : "", shown, sizeof shown);
    if (!name || !name[0] || rank > CVK_MAX_RANK || (rank && !dims)) {
        cvk__graph_fail(g, CVK_E_ARG, "input '%s': needs a name, at most %d axes and their sizes", shown, CVK_MAX_RANK);
        return 0;
    }
    if (name_taken(g, name, "input"))
        return 0;
    if (g->input_count >= MAX_ENDS) {
        cvk__graph_fail(g, CVK_E_LIMIT, "input '%s': a graph has at most %d inputs", shown, MAX_ENDS);
        return 0;
    }
    int64_t sizes[CVK_MAX_RANK];
    uint32_t open_dims = 0;
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] == CVK_BATCH)
            open_dims |= 1u << i;
        sizes[i] = dims[i] == CVK_BATCH ? 1 : dims[i];
    }
    struct cvk_tensor_desc desc;
    int32_t status = cvk_tensor_desc_init(&desc, dtype, CVK_LAYOUT_PLAIN, rank, sizes);
    if (status != CVK_OK) {
        keep_failure(g, cvk__fail_in(status, "input '%s': ", shown));
        return 0;
    }
    cvk_value *inputs = cvk__realloc(CVK__TAG_GRAPH, g->inputs, (g->input_count + 1u) * sizeof *inputs);
    if (inputs)
        g->inputs = inputs;
    cvk_value v = inputs ? cvk__graph_new_value(g, name) : 0;
    if (!v) {
        cvk__graph_fail(g, CVK_E_MEMORY, "out of memory for input '%s'", shown);
        return 0;
    }
    struct cvk__value *value = cvk__value_at(g, v);
    value->desc = desc;
    value->open_dims = open_dims;
    value->is_input = true;
    g->inputs[g->input_count++] = v;
    return v;
}

cvk_value cvk_constant(struct cvk_graph *g, const char *name, uint32_t dtype, uint32_t rank, const int64_t *dims, const void *data)
{
    if (!usable(g))
        return 0;
    char shown[80];
    cvk__text_escape(name ? name : "", shown, sizeof shown);
    if (name_taken(g, name, "constant"))
        return 0;
    struct cvk_tensor_desc desc;
    int32_t status = cvk_tensor_desc_init(&desc, dtype, CVK_LAYOUT_PLAIN, rank, dims);
    if (status != CVK_OK) {
        keep_failure(g, cvk__fail_in(status, "constant '%s': ", shown));
        return 0;
    }
    if (desc.bytes && !data) {
        cvk__graph_fail(g, CVK_E_ARG, "constant '%s': no content for %llu bytes", shown, (unsigned long long)desc.bytes);
        return 0;
    }
    void *copy = cvk__alloc_buffer(CVK__TAG_GRAPH, desc.bytes);
    if (copy && desc.bytes)
        memcpy(copy, data, desc.bytes);
    cvk_value v = copy ? cvk__graph_new_constant(g, name, &desc, copy) : 0;
    if (!v)
        cvk__graph_fail(g, CVK_E_MEMORY, "out of memory for constant '%s' of %llu bytes", shown, (unsigned long long)desc.bytes);
    return v;
}

cvk_value cvk_constant_take(struct cvk_graph *g, const char *name, uint32_t dtype, uint32_t rank, const int64_t *dims, void *data)
{
    /* Memory of malloc promises neither our alignment nor our tail, so the content moves once. */
    cvk_value v = cvk_constant(g, name, dtype, rank, dims, data);
    cvk__free(data);
    return v;
}

/* Finds the sizes of a new node's outputs on a copy of it, so that open sizes and resolved parameters do not stick. */
static int32_t infer_new(struct cvk_graph *g, const struct cvk__node *node, const struct cvk__op_def *def)
{
    for (uint32_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] && !cvk__value_at(g, node->inputs[i])->desc.size)
            return CVK_OK; /* comes behind something that only the session knows */
    struct cvk__node copy = *node;
    copy.note = NULL;
    copy.params = cvk__alloc(CVK__TAG_GRAPH, def->param_bytes);
    copy.inputs = cvk__alloc_array(CVK__TAG_GRAPH, node->input_count + 1u, sizeof *copy.inputs);
    int32_t status = CVK_E_MEMORY;
    if (copy.params && copy.inputs) {
        memcpy(copy.params, node->params, def->param_bytes);
        memcpy(copy.inputs, node->inputs, node->input_count * sizeof *copy.inputs);
        struct cvk__infer c = {.g = g, .node = &copy, .def = def};
        status = def->infer(&c);
    } else {
        cvk__fail_memory(def->param_bytes, "a node");
    }
    cvk__free(copy.params);
    cvk__free(copy.inputs);
    cvk__free(copy.note);
    if (status == CVK__UNKNOWN) {
        for (uint32_t i = 0; i < node->output_count; i++)
            if (node->outputs[i])
                cvk__value_at(g, node->outputs[i])->desc.size = 0;
        return CVK_OK;
    }
    return status;
}

/* "2 to 3", "1", "at least 1" */
static const char *range_text(uint32_t least, uint32_t most, char *text, size_t bytes)
{
    if (most == 0xffffffff)
        snprintf(text, bytes, "at least %u", least);
    else if (least == most)
        snprintf(text, bytes, "%u", least);
    else
        snprintf(text, bytes, "%u to %u", least, most);
    return text;
}

static int32_t check_arity(struct cvk_graph *g, const struct cvk__op_def *def, const cvk_value *inputs, uint32_t input_count,
                           uint32_t output_count)
{
    char range[32];
    if (input_count < def->min_inputs || input_count > def->max_inputs)
        return cvk__graph_fail(g, CVK_E_ARG, "%s: %u input%s, but it takes %s", def->name, input_count,
                               input_count == 1 ? "" : "s", range_text(def->min_inputs, def->max_inputs, range, sizeof range));
    if (output_count < def->min_outputs || output_count > def->max_outputs)
        return cvk__graph_fail(g, CVK_E_ARG, "%s: %u output%s, but it gives %s", def->name, output_count,
                               output_count == 1 ? "" : "s", range_text(def->min_outputs, def->max_outputs, range, sizeof range));
    for (uint32_t i = 0; i < input_count; i++) {
        if (inputs[i] && !cvk__value_at(g, inputs[i]))
            return cvk__graph_fail(g, CVK_E_ARG, "%s: input %u is no value of this graph (%d)", def->name, i, (int)inputs[i]);
        if (!inputs[i] && i < def->min_inputs)
            return cvk__graph_fail(g, CVK_E_ARG, "%s: input %u is missing", def->name, i);
    }
    return CVK_OK;
}

int32_t cvk_graph_add(struct cvk_graph *g, uint32_t op, const void *params, const cvk_value *inputs, uint32_t input_count,
                      cvk_value *outputs, uint32_t output_count)
{
    for (uint32_t i = 0; outputs && i < output_count; i++)
        outputs[i] = 0;
    if (!usable(g))
        return g ? g->status : CVK_E_ARG;
    const struct cvk__op_def *def = cvk__op_find(op);
    if (!def || !outputs || (input_count && !inputs))
        return cvk__graph_fail(g, CVK_E_ARG, "cvk_graph_add: no op %u, or inputs or outputs are NULL", op);
    CVK__TRY(check_arity(g, def, inputs, input_count, output_count));
    /* Optional inputs at the end that are left out; in a list of any length a 0 is a mistake, which the shape rule tells. */
    while (input_count > def->min_inputs && def->max_inputs != 0xffffffff && !inputs[input_count - 1])
        input_count--;
    for (uint32_t i = 0; i < output_count; i++)
        if (!(outputs[i] = cvk__graph_new_value(g, NULL)))
            return cvk__graph_fail(g, CVK_E_MEMORY, "out of memory for a node of op %s", def->name);
    char name[64];
    snprintf(name, sizeof name, "%s_%u", def->name, g->node_count);
    struct cvk__node *node = cvk__graph_new_node(g, op, params, name, inputs, input_count, outputs, output_count);
    if (!node)
        return cvk__graph_fail(g, CVK_E_MEMORY, "out of memory for a node of op %s", def->name);
    int32_t status = infer_new(g, node, def);
    if (status == CVK_OK)
        return CVK_OK;
    for (uint32_t i = 0; i < output_count; i++)
        outputs[i] = 0;
    return keep_failure(g, status);
}

cvk_value cvk__graph_add_one(struct cvk_graph *g, uint32_t op, const void *params, const cvk_value *inputs, uint32_t input_count)
{
    cvk_value y = 0;
    cvk_graph_add(g, op, params, inputs, input_count, &y, 1);
    return y;
}

int32_t cvk_output(struct cvk_graph *g, cvk_value v, const char *name)
{
    if (!usable(g))
        return g ? g->status : CVK_E_ARG;
    char shown[80];
    cvk__text_escape(name ? name : "", shown, sizeof shown);
    if (!cvk__value_at(g, v) || !name || !name[0])
        return cvk__graph_fail(g, CVK_E_ARG, "output '%s': needs a name and a value of this graph (got %d)", shown, (int)v);
    if (g->output_count >= MAX_ENDS)
        return cvk__graph_fail(g, CVK_E_LIMIT, "output '%s': a graph has at most %d outputs", shown, MAX_ENDS);
    for (uint32_t i = 0; i < g->output_count; i++)
        if (!strcmp(g->output_names[i], name))
            return cvk__graph_fail(g, CVK_E_ARG, "output '%s': the name is taken already", shown);
    cvk_value *outputs = cvk__realloc(CVK__TAG_GRAPH, g->outputs, (g->output_count + 1u) * sizeof *outputs);
    if (outputs)
        g->outputs = outputs;
    char **names = cvk__realloc(CVK__TAG_GRAPH, g->output_names, (g->output_count + 1u) * sizeof *names);
    if (names)
        g->output_names = names;
    char *copy = outputs && names ? cvk__strdup(CVK__TAG_GRAPH, name) : NULL;
    if (!copy)
        return cvk__graph_fail(g, CVK_E_MEMORY, "out of memory for output '%s'", shown);
    g->outputs[g->output_count] = v;
    g->output_names[g->output_count++] = copy;
    return CVK_OK;
}

cvk_value cvk_name(struct cvk_graph *g, cvk_value v, const char *name)
{
    if (!usable(g) || !cvk__value_at(g, v) || !name)
        return v;
    struct cvk__value *value = cvk__value_at(g, v);
    bool done = true;
    if (value->producer >= 0) {
        char *copy = cvk__strdup(CVK__TAG_GRAPH, name);
        done = copy != NULL;
        if (done) {
            cvk__free(g->nodes[value->producer].name);
            g->nodes[value->producer].name = copy;
        }
    } else if (!value->name) {
        done = cvk__graph_set_name(g, v, name);
    }
    if (!done)
        cvk__graph_fail(g, CVK_E_MEMORY, "out of memory for a name");
    return v;
}

const struct cvk_tensor_desc *cvk_graph_desc(const struct cvk_graph *g, cvk_value v)
{
    const struct cvk__value *value = g ? cvk__value_at(g, v) : NULL;
    return value && value->desc.size ? &value->desc : NULL;
}

uint32_t cvk_graph_input_count(const struct cvk_graph *g)
{
    return g ? g->input_count : 0;
}

uint32_t cvk_graph_output_count(const struct cvk_graph *g)
{
    return g ? g->output_count : 0;
}

cvk_value cvk_graph_input(const struct cvk_graph *g, uint32_t i)
{
    return g && i < g->input_count ? g->inputs[i] : 0;
}

cvk_value cvk_graph_output(const struct cvk_graph *g, uint32_t i)
{
    return g && i < g->output_count ? g->outputs[i] : 0;
}

const char *cvk_graph_value_name(const struct cvk_graph *g, cvk_value v)
{
    for (uint32_t i = 0; g && i < g->output_count; i++)
        if (g->outputs[i] == v)
            return g->output_names[i];
    const struct cvk__value *value = g ? cvk__value_at(g, v) : NULL;
    return value && value->name ? value->name : "";
}

cvk_value cvk_graph_find(const struct cvk_graph *g, const char *name)
{
    if (!g || !name)
        return 0;
    cvk_value v = cvk__graph_named(g, name);
    if (v)
        return v;
    for (uint32_t i = 0; i < g->output_count; i++)
        if (!strcmp(g->output_names[i], name))
            return g->outputs[i];
    return 0;
}
