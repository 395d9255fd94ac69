/* SPDX-License-Identifier: MIT
 * The order of a model's nodes: everything is made before it is read, without cycles, and what no output needs is marked. */
#include "import.h"

/* True if node `from` reads, directly or through others, what node `on` makes. Sets *failed when there is no memory. */
static bool depends(const struct cvk__onnx *c, uint32_t from, uint32_t on, bool *failed)
{
    uint32_t count = (uint32_t)c->graph->n_node, top = 0;
    bool *seen = cvk__alloc_array(CVK__TAG_ONNX, count, sizeof *seen);
    uint32_t *stack = cvk__alloc_array(CVK__TAG_ONNX, count, sizeof *stack);
    bool found = false;
    *failed = !seen || !stack;
    if (!*failed) {
        stack[top++] = from;
        seen[from] = true;
    }
    while (top && !found) {
        const Onnx__NodeProto *n = c->graph->node[stack[--top]];
        for (size_t i = 0; i < n->n_input; i++) {
            const struct cvk__onnx_name *name = n->input[i][0] ? cvk__onnx_name_find(c, n->input[i]) : NULL;
            if (!name || name->maker < 0 || seen[name->maker])
                continue;
            found |= name->maker == (int32_t)on;
            seen[name->maker] = true;
            stack[top++] = (uint32_t)name->maker;
        }
    }
    cvk__free(seen);
    cvk__free(stack);
    return found;
}

/* Node `index` reads `text`, which is made by itself or later. */
static int32_t fail_order(const struct cvk__onnx *c, uint32_t index, const char *text, uint32_t maker)
{
    char shown[100], reader[CVK__ONNX_NODE_TEXT], later[CVK__ONNX_NODE_TEXT];
    cvk__text_escape(text, shown, sizeof shown);
    cvk__onnx_node_text(c, index, reader);
    cvk__onnx_node_text(c, maker, later);
    if (maker == index)
        return cvk__fail(CVK_E_FORMAT, "ONNX graph: %s reads its own output '%s'", reader, shown);
    bool failed;
    if (depends(c, maker, index, &failed))
        return cvk__fail(CVK_E_FORMAT, "ONNX graph: a cycle: %s reads '%s' of %s, which depends on it", reader, shown, later);
    if (failed)
        return cvk__fail_memory(c->graph->n_node, "the order of nodes");
    return cvk__fail(CVK_E_FORMAT,
                     "ONNX graph: %s reads '%s', which is made by %s further down; nodes must stand in the order in "
                     "which they run",
                     reader, shown, later);
}

static int32_t check_inputs(struct cvk__onnx *c)
{
    char shown[100], reader[CVK__ONNX_NODE_TEXT];
    for (uint32_t i = 0; i < c->graph->n_node; i++) {
        const Onnx__NodeProto *n = c->graph->node[i];
        for (size_t k = 0; k < n->n_input; k++) {
            if (!n->input[k][0])
                continue;
            const struct cvk__onnx_name *name = cvk__onnx_name_find(c, n->input[k]);
            if (!name)
                return cvk__fail(CVK_E_FORMAT, "ONNX graph: %s: input %zu is '%s', but nothing in the graph has this name",
                                 cvk__onnx_node_text(c, i, reader), k, cvk__text_escape(n->input[k], shown, sizeof shown));
            if (name->maker >= (int32_t)i)
                return fail_order(c, i, n->input[k], (uint32_t)name->maker);
        }
    }
    return CVK_OK;
}

/* Backwards from the outputs. Nodes that lead nowhere are legal and are left out of the graph. */
static int32_t mark_needed(struct cvk__onnx *c)
{
    char shown[100];
    for (size_t i = 0; i < c->graph->n_output; i++) {
        const char *text = c->graph->output[i]->name;
        struct cvk__onnx_name *name = text && text[0] ? cvk__onnx_name_find(c, text) : NULL;
        if (!name)
            return cvk__fail(CVK_E_FORMAT, "ONNX graph: output[%zu] is '%s', but nothing in the graph has this name", i,
                             cvk__text_escape(text ? text : "", shown, sizeof shown));
        name->needed = true;
    }
    for (uint32_t i = (uint32_t)c->graph->n_node; i-- > 0;) {
        const Onnx__NodeProto *n = c->graph->node[i];
        for (size_t k = 0; k < n->n_output && !c->live[i]; k++)
            c->live[i] = n->output[k][0] && cvk__onnx_name_find(c, n->output[k])->needed;
        for (size_t k = 0; k < n->n_input && c->live[i]; k++)
            if (n->input[k][0])
                cvk__onnx_name_find(c, n->input[k])->needed = true;
        struct cvk__onnx_name *y = c->live[i] ? cvk__onnx_gradient_of(c, n) : NULL;
        if (y)
            y->needed = true;
    }
    return CVK_OK;
}

int32_t cvk__onnx_order_check(struct cvk__onnx *c)
{
    c->live = cvk__alloc_array(CVK__TAG_ONNX, c->graph->n_node, sizeof *c->live);
    if (!c->live)
        return cvk__fail_memory(c->graph->n_node, "the order of nodes");
    CVK__TRY(check_inputs(c));
    return mark_needed(c);
}
