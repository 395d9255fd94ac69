/* SPDX-License-Identifier: MIT
 * A form made concrete: a graph of one op through the public builder, resolved as a session would, with its data. */
#include "harness.h"

/* Multiply-adds, and elements of the first input. The few cases above are most of the time of all. */
#define LARGE_MACS 8000000
#define LARGE_COUNT 250000

/* Streams of the epilogue's operands, behind those of the inputs. */
#define OPERAND_STREAM 16

static const struct cvk_tensor_desc *output_desc(const struct cvk__trial *t)
{
    return t->view.outputs[0];
}

static cvk_value add_input(struct cvk__trial *t, uint32_t i, const void *data)
{
    const struct cvk_case_tensor *tensor = &t->c->inputs[i];
    uint32_t dtype = tensor->dtype ? tensor->dtype : CVK_F32;
    char name[16];
    snprintf(name, sizeof name, "input%u", i);
    if (tensor->constant && !(t->form->trained && cvk__op_find(t->op)->weights & CVK__X(i)))
        return cvk_constant(t->graph, name, dtype, tensor->rank, tensor->dims, data);
    return cvk_input(t->graph, name, dtype, tensor->rank, tensor->dims);
}

/* Builds the graph and resolves its node; `drawn` gets the data of the case's inputs, `values` their handles. */
static int32_t build(struct cvk__trial *t, cvk_value *values, void **drawn)
{
    const struct cvk_case *c = t->c;
    cvk_value outputs[CVK__TRIAL_OUTPUTS];
    uint32_t output_count = c->output_count ? c->output_count : 1;
    if (c->input_count > CVK_CASE_INPUTS || output_count > CVK__TRIAL_OUTPUTS)
        return cvk__fail(CVK_E_LIMIT, "the case has %u inputs and %u outputs; at most %d and %d are possible", c->input_count,
                         output_count, CVK_CASE_INPUTS, CVK__TRIAL_OUTPUTS);
    CVK__TRY(cvk_graph_create("conform", &t->graph));
    for (uint32_t i = 0; i < c->input_count; i++) {
        if (c->inputs[i].absent)
            continue;
        CVK__TRY(cvk__draw(&c->inputs[i], t->op, i, &drawn[i]));
        values[i] = add_input(t, i, drawn[i]);
    }
    int32_t status = cvk_graph_add(t->graph, t->op, c->params, values, c->input_count, outputs, output_count);
    if (status == CVK_OK)
        status = cvk_graph_status(t->graph);
    if (status != CVK_OK)
        return cvk__fail(status, "%s", cvk_graph_error(t->graph));
    CVK__TRY(cvk__graph_infer(t->graph, NULL));
    t->node = &t->graph->nodes[0];
    t->folded = t->node->dead;
    for (uint32_t i = 0; i < t->node->output_count && i < 32; i++)
        if (c->outputs_absent >> i & 1)
            t->node->outputs[i] = 0;
    return CVK_OK;
}

/* Hands the drawn data over to the inputs that the resolved node still has. */
static void keep_inputs(struct cvk__trial *t, const cvk_value *values, void **drawn)
{
    for (uint32_t i = 0; i < t->node->input_count; i++)
        for (uint32_t k = 0; k < t->c->input_count; k++)
            if (t->node->inputs[i] && t->node->inputs[i] == values[k]) {
                t->inputs[i] = drawn[k];
                drawn[k] = NULL;
            }
}

int32_t cvk__trial_draw_operand(struct cvk__trial *t, enum cvk__epilogue_operand which, double lo, double hi)
{
    const struct cvk_tensor_desc *y = output_desc(t);
    struct cvk_case_tensor tensor = {.dtype = CVK_F32, .rank = 1, .lo = lo, .hi = hi};
    if (which == CVK__RESIDUAL) {
        tensor.dtype = y->dtype;
        tensor.rank = y->rank;
        memcpy(tensor.dims, y->dims, sizeof tensor.dims);
    } else {
        tensor.dims[0] = y->dims[t->view.epilogue.axis];
    }
    CVK__TRY(cvk_tensor_desc_init(&t->operand_desc[which], tensor.dtype, CVK_LAYOUT_PLAIN, tensor.rank, tensor.dims));
    return cvk__draw(&tensor, t->op, OPERAND_STREAM + which, &t->operands[which]);
}

static int32_t add_epilogue(struct cvk__trial *t)
{
    uint32_t parts = t->c->epilogue.parts, rank = output_desc(t)->rank;
    if (!parts)
        return CVK_OK;
    t->node->epilogue = t->c->epilogue;
    t->node->epilogue.size = sizeof t->node->epilogue;
    t->view.epilogue = t->node->epilogue;
    t->view.node.epilogue = &t->view.epilogue;
    /* 0 is the batch, so it cannot be meant: the channels of maps, the columns of matrices. */
    bool maps = t->op != CVK_OP_GEMM && t->op != CVK_OP_MATMUL;
    if (t->view.epilogue.axis == 0)
        t->view.epilogue.axis = maps || rank == 0 ? 1 : rank - 1;
    if (t->view.epilogue.axis >= rank)
        return cvk__fail(CVK_E_ARG, "the epilogue's axis %u is not one of the result's %u", t->view.epilogue.axis, rank);
    if (parts & CVK_EPI_BIAS)
        CVK__TRY(cvk__trial_draw_operand(t, CVK__BIAS, -1, 1));
    if (parts & CVK_EPI_SCALE) {
        CVK__TRY(cvk__trial_draw_operand(t, CVK__SCALE, 0.5, 1.5));
        CVK__TRY(cvk__trial_draw_operand(t, CVK__SHIFT, -1, 1));
    }
    if (parts & CVK_EPI_RESIDUAL)
        CVK__TRY(cvk__trial_draw_operand(t, CVK__RESIDUAL, -1, 1));
    return CVK_OK;
}

static bool is_large(const struct cvk__trial *t)
{
    const struct cvk__op_def *def = cvk__op_find(t->op);
    struct cvk__cost cost = {0};
    if (def->cost)
        def->cost(&t->view.node, &cost);
    return cost.macs > LARGE_MACS || (t->view.inputs[0] && cvk_tensor_desc_count(t->view.inputs[0]) > LARGE_COUNT);
}

int32_t cvk__trial_init(struct cvk__trial *t, uint32_t op, const struct cvk_case *c, const struct cvk__form *form,
                        bool deterministic, struct cvk__device *reference)
{
    uint32_t flags = deterministic ? CVK_NODE_DETERMINISTIC : 0;
    cvk_value values[CVK_CASE_INPUTS] = {0};
    void *drawn[CVK_CASE_INPUTS] = {0};
    memset(t, 0, sizeof *t);
    t->c = c;
    t->form = form;
    t->op = op;
    int32_t status = build(t, values, drawn);
    if (status == CVK_OK && !t->folded) {
        keep_inputs(t, values, drawn);
        status = cvk__node_view_init(&t->view, t->graph, t->node, flags);
        if (status == CVK_OK)
            t->large = is_large(t);
        if (status == CVK_OK)
            status = form->pass == cvk__op_find(op)->pass ? add_epilogue(t) : cvk__trial_differentiate(t, flags, reference);
    }
    for (uint32_t i = 0; i < CVK_CASE_INPUTS; i++)
        cvk__free(drawn[i]);
    if (status != CVK_OK)
        cvk__trial_finish(t);
    return status;
}

void cvk__trial_train(struct cvk__trial *t, const struct cvk__form *form)
{
    uint32_t weights = cvk__op_find(t->op)->weights;
    t->form = form;
    for (uint32_t i = 0; i < t->node->input_count && i < 16; i++)
        if (weights & CVK__X(i))
            t->view.constants[i] = NULL;
}

void cvk__trial_finish(struct cvk__trial *t)
{
    cvk__node_view_finish(&t->view);
    cvk_graph_destroy(t->graph);
    for (uint32_t i = 0; i < CVK__TRIAL_INPUTS; i++)
        cvk__free(t->inputs[i]);
    for (uint32_t i = 0; i < CVK__TRIAL_OUTPUTS; i++)
        cvk__free(t->wanted[i]);
    for (uint32_t i = 0; i < CVK__EPILOGUE_OPERANDS; i++)
        cvk__free(t->operands[i]);
    memset(t, 0, sizeof *t);
}

static int32_t set_layout(struct cvk__trial *t, cvk_value v, uint32_t layout)
{
    struct cvk__value *value = cvk__value_at(t->graph, v);
    if (!value)
        return CVK_OK;
    struct cvk_tensor_desc old = value->desc;
    if (layout != CVK_LAYOUT_PLAIN && old.rank < 3) /* no session asks for it */
        return CVK_E_UNSUPPORTED;
    return cvk_tensor_desc_init(&value->desc, old.dtype, layout, old.rank, old.dims) == CVK_OK ? CVK_OK : CVK_E_UNSUPPORTED;
}

int32_t cvk__trial_set_layouts(struct cvk__trial *t, const struct cvk_kernel *row, uint32_t layout_x, uint32_t layout_y)
{
    for (uint32_t i = 0; i < t->node->input_count; i++)
        if (t->view.inputs[i])
            CVK__TRY(set_layout(t, t->node->inputs[i], cvk__input_layout(row, i, t->view.inputs[i]->rank, layout_x)));
    for (uint32_t i = 0; i < t->node->output_count; i++)
        if (t->view.outputs[i])
            CVK__TRY(set_layout(t, t->node->outputs[i], cvk__output_layout(row, i, t->view.outputs[i]->rank, layout_y)));
    if (t->operand_desc[CVK__RESIDUAL].size && output_desc(t))
        t->operand_desc[CVK__RESIDUAL] = *output_desc(t);
    if (t->op == CVK_OP_REORDER)
        ((struct cvk_reorder_params *)t->node->params)->layout = layout_y;
    return CVK_OK;
}

/* The first row of the reference that takes the node as it is. */
static int32_t run_reference(struct cvk__trial *t, struct cvk__device *reference, struct cvk__cycle_result *result,
                             struct cvk__text *fault)
{
    const struct cvk__cycle cycle = {.poison = 0xff};
    const struct cvk__backend *backend = reference->backend;
    char reason[CVK__REASON_BYTES], last[CVK__REASON_BYTES] = "it has no row for the op and pass";
    for (uint32_t r = 0; r < backend->plugin.kernel_count; r++) {
        const struct cvk_kernel *row = &backend->kernels[r];
        struct cvk_plan plan;
        if (row->op != t->op || row->pass != t->node->pass)
            continue;
        CVK__TRY(cvk__trial_set_layouts(t, row, CVK_LAYOUT_PLAIN, CVK_LAYOUT_PLAIN));
        if (cvk__kernel_ask(reference, row, &t->view.node, CVK_LAYOUT_PLAIN, CVK_LAYOUT_PLAIN, &plan, reason) == CVK_OK)
            return cvk__cycle_run(t, reference, row, &plan, &cycle, result, fault);
        memcpy(last, reason, sizeof last);
    }
    return cvk__fail(CVK_E_UNSUPPORTED, "the reference '%s' does not do this case: %s", backend->plugin.name, last);
}

int32_t cvk__trial_solve(struct cvk__trial *t, struct cvk__device *reference)
{
    struct cvk__cycle_result result;
    struct cvk__text fault = {0};
    memset(&result, 0, sizeof result);
    if (t->op == CVK_OP_REORDER) { /* the same elements, whatever the layout */
        t->wanted[0] = cvk__alloc_buffer(CVK__TAG_TENSOR, output_desc(t)->bytes);
        if (!t->wanted[0])
            return cvk__fail_memory(output_desc(t)->bytes, "the wanted result");
        memcpy(t->wanted[0], t->inputs[0], output_desc(t)->bytes);
        return CVK_OK;
    }
    int32_t status = run_reference(t, reference, &result, &fault);
    if (status == CVK_OK && fault.bytes)
        status = cvk__fail(CVK_E_DEVICE, "the reference '%s': %s", reference->backend->plugin.name, fault.data);
    if (status == CVK_OK && result.status != CVK_OK && !t->c->fails)
        status = cvk__fail(result.status, "the reference '%s': %s", reference->backend->plugin.name, result.error);
    if (status == CVK_OK) {
        t->wanted_status = result.status;
        memcpy(t->wanted, result.outputs, sizeof t->wanted);
        memset(result.outputs, 0, sizeof result.outputs);
    }
    cvk__cycle_result_finish(&result);
    cvk__text_finish(&fault);
    return status;
}
