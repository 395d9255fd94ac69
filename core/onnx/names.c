/* SPDX-License-Identifier: MIT
 * The value names of a model in a sorted array: no choice of names makes it slow. */
#include "import.h"

#include <stdlib.h>

const char *cvk__onnx_node_text(const struct cvk__onnx *c, uint32_t index, char text[CVK__ONNX_NODE_TEXT])
{
    const Onnx__NodeProto *n = c->graph->node[index];
    char op[64], name[100];
    cvk__text_escape(n->op_type ? n->op_type : "", op, sizeof op);
    if (n->name && n->name[0])
        cvk__text_escape(n->name, name, sizeof name);
    else
        snprintf(name, sizeof name, "%s_%u", op, index);
    snprintf(text, CVK__ONNX_NODE_TEXT, "node '%s' (%s)", name, op);
    return text;
}

static int by_text(const void *a, const void *b)
{
    const struct cvk__onnx_name *x = a, *y = b;
    int order = strcmp(x->text, y->text);
    return order ? order : (x->maker > y->maker) - (x->maker < y->maker);
}

static const char *maker_text(const struct cvk__onnx *c, int32_t maker, char text[CVK__ONNX_NODE_TEXT])
{
    if (maker >= 0)
        return cvk__onnx_node_text(c, (uint32_t)maker, text);
    snprintf(text, CVK__ONNX_NODE_TEXT, "%s", maker == CVK__ONNX_MAKER_INPUT ? "an input" : "an initialiser");
    return text;
}

/* Sorts, and joins the input and the initialiser of one name: the initialiser gives its content. */
static int32_t sort_names(struct cvk__onnx *c)
{
    if (c->name_count)
        qsort(c->names, c->name_count, sizeof *c->names, by_text);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->name_count; i++) {
        const struct cvk__onnx_name *last = kept ? &c->names[kept - 1] : NULL, *next = &c->names[i];
        if (!last || strcmp(last->text, next->text)) {
            c->names[kept++] = *next;
            continue;
        }
        if (last->maker == CVK__ONNX_MAKER_TENSOR && next->maker == CVK__ONNX_MAKER_INPUT)
            continue;
        char shown[100], a[CVK__ONNX_NODE_TEXT], b[CVK__ONNX_NODE_TEXT];
        return cvk__fail(CVK_E_FORMAT, "ONNX graph: two values are called '%s': %s and %s",
                         cvk__text_escape(next->text, shown, sizeof shown), maker_text(c, last->maker, a),
                         maker_text(c, next->maker, b));
    }
    c->name_count = kept;
    return CVK_OK;
}

static void add(struct cvk__onnx *c, const char *text, int32_t maker, uint32_t source)
{
    c->names[c->name_count++] = (struct cvk__onnx_name){.text = text, .maker = maker, .source = source};
}

int32_t cvk__onnx_names_collect(struct cvk__onnx *c)
{
    const Onnx__GraphProto *graph = c->graph;
    uint64_t count = (uint64_t)graph->n_initializer + graph->n_input;
    for (size_t i = 0; i < graph->n_node; i++)
        count += graph->node[i]->n_output;
    c->names = cvk__alloc_array(CVK__TAG_ONNX, count, sizeof *c->names);
    if (!c->names)
        return cvk__fail_memory(count * sizeof *c->names, "the names of a model");
    for (size_t i = 0; i < graph->n_initializer; i++) {
        const char *name = graph->initializer[i]->name;
        if (!name || !name[0])
            return cvk__fail(CVK_E_FORMAT, "ONNX graph: initializer[%zu] has no name", i);
        add(c, name, CVK__ONNX_MAKER_TENSOR, (uint32_t)i);
    }
    for (size_t i = 0; i < graph->n_input; i++) {
        const char *name = graph->input[i]->name;
        if (!name || !name[0])
            return cvk__fail(CVK_E_FORMAT, "ONNX graph: input[%zu] has no name", i);
        add(c, name, CVK__ONNX_MAKER_INPUT, (uint32_t)i);
    }
    for (size_t i = 0; i < graph->n_node; i++)
        for (size_t k = 0; k < graph->node[i]->n_output; k++)
            if (graph->node[i]->output[k][0])
                add(c, graph->node[i]->output[k], (int32_t)i, (uint32_t)k);
    return sort_names(c);
}

struct cvk__onnx_name *cvk__onnx_name_find(const struct cvk__onnx *c, const char *text)
{
    uint32_t low = 0, high = c->name_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(c->names[middle].text, text);
        if (order == 0)
            return &c->names[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
