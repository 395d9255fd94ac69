/* SPDX-License-Identifier: MIT
 * Nodes in the boundary's form, and asking one row whether it takes one. */
#include "kernel.h"

#include "../ops/op_def.h"

int32_t cvk__node_view_init(struct cvk__node_view *view, const struct cvk_graph *g, const struct cvk__node *n, uint32_t flags)
{
    memset(view, 0, sizeof *view);
    view->inputs = cvk__alloc_array(CVK__TAG_SESSION, n->input_count + 1u, sizeof *view->inputs);
    view->outputs = cvk__alloc_array(CVK__TAG_SESSION, n->output_count + 1u, sizeof *view->outputs);
    view->constants = cvk__alloc_array(CVK__TAG_SESSION, n->input_count + 1u, sizeof *view->constants);
    if (!view->inputs || !view->outputs || !view->constants) {
        cvk__node_view_finish(view);
        return cvk__fail_memory(n->input_count * sizeof *view->inputs, "a plan");
    }
    for (uint32_t i = 0; i < n->input_count; i++) {
        const struct cvk__value *v = cvk__value_at(g, n->inputs[i]);
        view->inputs[i] = v ? &v->desc : NULL;
        view->constants[i] = v && v->blob ? v->blob->data : NULL;
    }
    for (uint32_t i = 0; i < n->output_count; i++) {
        const struct cvk__value *v = cvk__value_at(g, n->outputs[i]);
        view->outputs[i] = v ? &v->desc : NULL;
    }
    view->epilogue = n->epilogue;
    view->epilogue.size = sizeof view->epilogue;
    view->node = (struct cvk_node){.size = sizeof view->node,
                                   .op = n->op,
                                   .pass = n->pass,
                                   .flags = flags,
                                   .name = n->name,
                                   .params = n->params,
                                   .input_count = n->input_count,
                                   .output_count = n->output_count,
                                   .inputs = view->inputs,
                                   .outputs = view->outputs,
                                   .constants = view->constants};
    view->node.epilogue = n->epilogue.parts ? &view->epilogue : NULL;
    return CVK_OK;
}

void cvk__node_view_finish(struct cvk__node_view *view)
{
    cvk__free(view->inputs);
    cvk__free(view->outputs);
    cvk__free(view->constants);
    memset(view, 0, sizeof *view);
}

/* Says no with the row's own words if its masks exclude the node. */
static bool masks_allow(const struct cvk_kernel *row, const struct cvk_node *node, uint32_t layout_x, uint32_t layout_y, char *reason)
{
    uint32_t dtypes = row->dtypes ? row->dtypes : CVK_DTYPE_BIT(CVK_F32);
    uint32_t dtype = node->input_count && node->inputs[0] ? node->inputs[0]->dtype : node->outputs[0]->dtype;
    if (!(dtypes & CVK_DTYPE_BIT(dtype))) {
        snprintf(reason, CVK__REASON_BYTES, "no %s", cvk_dtype_name(dtype));
        return false;
    }
    uint32_t layouts_x = row->layouts_x ? row->layouts_x : CVK_LAYOUT_BIT(CVK_LAYOUT_PLAIN);
    uint32_t layouts_y = row->layouts_y ? row->layouts_y : CVK_LAYOUT_BIT(CVK_LAYOUT_PLAIN);
    bool any = row->flags & CVK_KERNEL_ANY_LAYOUT && layout_x == layout_y;
    if (!any && !(layouts_x & CVK_LAYOUT_BIT(layout_x) && layouts_y & CVK_LAYOUT_BIT(layout_y))) {
        snprintf(reason, CVK__REASON_BYTES, "does not read %s and write %s", cvk_layout_name(layout_x), cvk_layout_name(layout_y));
        return false;
    }
    uint32_t parts = node->epilogue ? node->epilogue->parts : 0;
    bool act_ok = !(parts & CVK_EPI_ACTIVATION) || !row->activations ||
                  (node->epilogue->activation < 64 && row->activations >> node->epilogue->activation & 1);
    if (parts & ~row->epilogues || !act_ok) {
        snprintf(reason, CVK__REASON_BYTES, "does not apply this epilogue");
        return false;
    }
    return true;
}

uint32_t cvk__input_layout(const struct cvk_kernel *row, uint32_t i, uint32_t rank, uint32_t layout_x)
{
    if (i == 0 || row->flags & CVK_KERNEL_ANY_LAYOUT)
        return layout_x;
    return row->flags & CVK_KERNEL_ALL_INPUTS && rank >= 3 ? layout_x : CVK_LAYOUT_PLAIN;
}

uint32_t cvk__output_layout(const struct cvk_kernel *row, uint32_t i, uint32_t rank, uint32_t layout_y)
{
    return i == 0 || rank >= 3 || row->flags & CVK_KERNEL_ANY_LAYOUT ? layout_y : CVK_LAYOUT_PLAIN;
}

bool cvk__row_allows(const struct cvk_kernel *row, uint32_t layout_x, uint32_t layout_y)
{
    uint32_t plain = CVK_LAYOUT_BIT(CVK_LAYOUT_PLAIN);
    uint32_t xs = row->layouts_x ? row->layouts_x : plain, ys = row->layouts_y ? row->layouts_y : plain;
    bool both = xs & CVK_LAYOUT_BIT(layout_x) && ys & CVK_LAYOUT_BIT(layout_y);
    bool stays = layout_x != layout_y && ys & CVK_LAYOUT_BIT(layout_x) && row->op != CVK_OP_REORDER;
    return (both && !stays) || (row->flags & CVK_KERNEL_ANY_LAYOUT && layout_x == layout_y);
}

/* True with the sentence if a self-test has found the kernel wrong for such nodes. */
static bool found_wrong(struct cvk__device *d, const struct cvk_kernel *row, uint32_t variant, const struct cvk_node *node,
                        uint32_t layout_x, uint32_t layout_y, char *reason)
{
    char key[CVK_NOTE_KEY_BYTES], text[CVK_NOTE_TEXT_BYTES];
    if (!d->heeds_verdicts || !cvk__notes_refuse(d))
        return false;
    cvk__verdict_key(d, row, variant, node, layout_x, layout_y, key);
    if (!cvk__note_known(d, key, text) || strncmp(text, CVK__WRONG, strlen(CVK__WRONG)) != 0)
        return false;
    snprintf(reason, CVK__REASON_BYTES, "%s", text + strlen(CVK__WRONG));
    return true;
}

/* Forms of an op that are younger than the boundary that the plugin was built for: it would take them for the old ones. */
static bool younger(const struct cvk__device *d, const struct cvk_node *node)
{
    if (d->backend->plugin.abi_minor >= 2)
        return false;
    if (node->op == CVK_OP_BATCH_NORM)
        return ((const struct cvk_batch_norm_params *)node->params)->training != 0;
    return node->op == CVK_OP_DROPOUT && node->input_count > 1;
}

int32_t cvk__kernel_ask(struct cvk__device *d, const struct cvk_kernel *row, const struct cvk_node *node, uint32_t layout_x,
                        uint32_t layout_y, struct cvk_plan *plan, char *reason)
{
    return cvk__kernel_ask_variant(d, row, node, layout_x, layout_y, 0, plan, reason);
}

int32_t cvk__kernel_ask_variant(struct cvk__device *d, const struct cvk_kernel *row, const struct cvk_node *node,
                                uint32_t layout_x, uint32_t layout_y, uint32_t variant, struct cvk_plan *plan, char *reason)
{
    memset(plan, 0, sizeof *plan);
    plan->size = sizeof *plan;
    reason[0] = 0;
    if (row->op != node->op || row->pass != node->pass) {
        snprintf(reason, CVK__REASON_BYTES, "is for another op or pass");
        return CVK_E_UNSUPPORTED;
    }
    if (younger(d, node)) {
        snprintf(reason, CVK__REASON_BYTES, "was built before %s could train", cvk__op_find(node->op)->name);
        return CVK_E_UNSUPPORTED;
    }
    if (!masks_allow(row, node, layout_x, layout_y, reason))
        return CVK_E_UNSUPPORTED;
    if (found_wrong(d, row, variant, node, layout_x, layout_y, reason))
        return CVK_E_UNSUPPORTED;
    if (!row->plan && variant) {
        snprintf(reason, CVK__REASON_BYTES, "has no parameter set %u", variant);
        return CVK_E_UNSUPPORTED;
    }
    if (!row->plan)
        return CVK_OK;
    struct cvk_query q = {.size = sizeof q,
                          .layout_x = layout_x,
                          .layout_y = layout_y,
                          .host = &d->host,
                          .device = d->handle,
                          .node = node,
                          .answer = reason,
                          .variant = variant};
    int32_t status = row->plan(&q, plan);
    if (status == CVK_OK && variant && variant >= plan->variant_count) {
        snprintf(reason, CVK__REASON_BYTES, "has no parameter set %u for this node", variant);
        return CVK_E_UNSUPPORTED;
    }
    if (status == CVK_OK)
        return CVK_OK;
    if (!reason[0])
        snprintf(reason, CVK__REASON_BYTES, "refused without a reason (%s)", cvk_status_name(status));
    return CVK_E_UNSUPPORTED;
}
