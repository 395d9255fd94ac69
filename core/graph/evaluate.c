/* SPDX-License-Identifier: MIT
 * Constant folding: a node whose inputs are known is run once, by an ordinary kernel of a host-memory device. */
#include "../ops/op_def.h"
#include "infer.h"

/* Folding must not take more than a session may, neither memory nor time: the refusal comes before the allocation. */
static int32_t check_limits(struct cvk_graph *g, const struct cvk__node *n, const struct cvk_node *node,
                            const struct cvk__device *d)
{
    struct cvk__cost cost;
    cvk__node_cost(node, &cost);
    bool fits = cvk__add_u64(g->folded_macs, cost.macs, &g->folded_macs);
    if (g->macs_limit && (!fits || g->folded_macs > g->macs_limit))
        return cvk__fail(CVK_E_LIMIT,
                         "node '%s': folding the constants up to here needs %llu multiply-adds; the limit is %llu", CVK__SHOW(n->name),
                         (unsigned long long)g->folded_macs, (unsigned long long)g->macs_limit);
    for (uint32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i] && !cvk__add_u64(g->folded_bytes, cvk__value_at(g, n->outputs[i])->desc.bytes, &g->folded_bytes))
            g->folded_bytes = UINT64_MAX;
    uint64_t limit = d->ctx->memory_limit_bytes;
    if (limit && g->folded_bytes > limit)
        return cvk__fail(CVK_E_LIMIT,
                         "node '%s': the constant results up to here take %llu bytes; the memory limit is %llu "
                         "(raise it with CONVOKE_MEMORY_LIMIT)",
                         CVK__SHOW(n->name), (unsigned long long)g->folded_bytes, (unsigned long long)limit);
    return CVK_OK;
}

static void bind(struct cvk_binding *b, void *data, uint64_t bytes)
{
    b->buffer = data;
    b->offset = 0;
    b->bytes = bytes;
}

static int32_t run_row(struct cvk__device *d, const struct cvk_kernel *row, const struct cvk_plan *plan,
                       const struct cvk__node_view *view, struct cvk_binding *inputs, struct cvk_binding *outputs)
{
    struct cvk_binding workspace = {0};
    struct cvk_exec e = {.size = sizeof e,
                         .host = &d->host,
                         .device = d->handle,
                         .queue = d->queue,
                         .node = &view->node,
                         .plan = plan,
                         .inputs = inputs,
                         .outputs = outputs};
    int32_t status = CVK_OK;
    if (plan->workspace_bytes) {
        bind(&workspace, cvk__alloc_buffer(CVK__TAG_SESSION, plan->workspace_bytes), plan->workspace_bytes);
        e.workspace = &workspace;
    }
    if (plan->packed_bytes)
        e.packed = cvk__alloc_buffer(CVK__TAG_SESSION, plan->packed_bytes);
    if ((plan->workspace_bytes && !workspace.buffer) || (plan->packed_bytes && !e.packed)) {
        status = cvk__fail_memory(plan->workspace_bytes + plan->packed_bytes, "folding a constant");
    } else {
        cvk__plugin_enter();
        if (row->build)
            status = cvk__plugin_leave(d, row->build(&e), "building a kernel");
        bool built = status == CVK_OK;
        if (built)
            status = cvk__plugin_leave(d, row->run(&e), "running a kernel");
        if (status == CVK_OK)
            status = cvk__device_finish(d);
        if (built && row->finish)
            row->finish(&e);
    }
    cvk__free(workspace.buffer);
    cvk__free(e.packed);
    return status;
}

static int32_t run_on(struct cvk_graph *g, struct cvk__node *n, struct cvk__device *d, const struct cvk__node_view *view,
                      struct cvk_binding *bindings)
{
    struct cvk_plan plan;
    char reason[CVK__REASON_BYTES];
    const struct cvk_kernel *row = NULL;
    for (uint32_t r = 0; r < d->backend->plugin.kernel_count && !row; r++)
        if (cvk__kernel_ask(d, &d->backend->kernels[r], &view->node, CVK_LAYOUT_PLAIN, CVK_LAYOUT_PLAIN, &plan, reason) == CVK_OK)
            row = &d->backend->kernels[r];
    if (!row)
        return CVK_E_UNSUPPORTED;
    CVK__TRY(check_limits(g, n, &view->node, d));
    struct cvk_binding *outputs = bindings + n->input_count;
    for (uint32_t i = 0; i < n->input_count; i++)
        if (n->inputs[i])
            bind(&bindings[i], cvk__value_at(g, n->inputs[i])->blob->data, cvk__value_at(g, n->inputs[i])->desc.bytes);
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < n->output_count && status == CVK_OK; i++)
        if (n->outputs[i]) {
            uint64_t bytes = cvk__value_at(g, n->outputs[i])->desc.bytes;
            bind(&outputs[i], cvk__alloc_buffer(CVK__TAG_GRAPH, bytes), bytes);
            if (!outputs[i].buffer)
                status = cvk__fail_memory(bytes, "folding a constant");
        }
    if (status == CVK_OK)
        status = run_row(d, row, &plan, view, bindings, outputs);
    if (status != CVK_OK)
        cvk__fail_in(status, "node '%s' (folded): ", CVK__SHOW(n->name));
    for (uint32_t i = 0; i < n->output_count; i++) {
        struct cvk__value *v = cvk__value_at(g, n->outputs[i]);
        if (status != CVK_OK) {
            cvk__free(outputs[i].buffer);
        } else if (v) {
            v->blob = cvk__blob_create(outputs[i].buffer, outputs[i].bytes);
            if (!v->blob)
                status = cvk__fail_memory(outputs[i].bytes, "folding a constant");
        }
        outputs[i].buffer = NULL;
    }
    return status;
}

int32_t cvk__evaluate(struct cvk_graph *g, struct cvk__node *n, struct cvk__device *d)
{
    if (cvk__op_find(n->op)->view && n->input_count) {
        cvk__value_at(g, n->outputs[0])->blob = cvk__blob_ref(cvk__value_at(g, n->inputs[0])->blob);
        return CVK_OK;
    }
    if (!d->host_memory)
        return CVK_E_UNSUPPORTED;
    struct cvk__node_view view;
    CVK__TRY(cvk__node_view_init(&view, g, n, 0));
    struct cvk_binding *bindings = cvk__alloc_array(CVK__TAG_SESSION, n->input_count + n->output_count + 1u, sizeof *bindings);
    int32_t status = bindings ? run_on(g, n, d, &view, bindings) : cvk__fail_memory(sizeof *bindings, "folding a constant");
    cvk__free(bindings);
    cvk__node_view_finish(&view);
    return status;
}
