/* SPDX-License-Identifier: MIT
 * A gradient's trial: the node that training would make of the forward node, with the forward results that it needs. */
#include <math.h>

#include "graph/autodiff.h"
#include "harness.h"

/* Streams of the gradients of outputs, behind those of the epilogue's operands. */
#define DY_STREAM 32
/* The gradient's activation is worked out again: nearer to its corner than this, rounding may choose the other side. */
#define CORNER 1e-4

static bool is_float(uint32_t dtype)
{
    return dtype == CVK_F32 || dtype == CVK_F64 || dtype == CVK_F16 || dtype == CVK_BF16;
}

/* Whether training would make such a node, and none of other ops. */
static int32_t is_a_row(const struct cvk__trial *t, const struct cvk__grad *grad, bool *row)
{
    const struct cvk__op_def *def = cvk__op_find(t->op);
    struct cvk_graph *g = NULL;
    cvk_value wrt[16], grads[16];
    uint32_t count = 0;
    *row = true;
    if (!def->differentiate)
        return CVK_OK;
    CVK__TRY(cvk__graph_clone(t->graph, &g));
    for (uint32_t i = 0; i < t->node->input_count && i < 16; i++)
        if (grad->gives & CVK__X(i) && t->node->inputs[i])
            wrt[count++] = t->node->inputs[i];
    int32_t status = cvk__autodiff(g, t->node->outputs[0], 0, wrt, count, NULL, grads);
    *row = false;
    for (uint32_t i = 0; i < g->node_count; i++)
        *row = *row || (g->nodes[i].op == t->op && g->nodes[i].pass == grad->pass);
    cvk_graph_destroy(g);
    return status;
}

/* Real numbers must be asked for, and come in; forward results that are read must be there. */
static bool is_real(const struct cvk__trial *t, const struct cvk__grad *grad)
{
    bool gives = false;
    for (uint32_t i = 0; i < t->node->input_count && i < 16; i++)
        gives = gives || (grad->gives & CVK__X(i) && t->view.inputs[i] && is_float(t->view.inputs[i]->dtype) &&
                          !(t->c->grads_absent & CVK__X(i)));
    for (uint32_t o = 0; o < 8; o++)
        if (grad->needs & CVK__DY(o) &&
            (o >= t->node->output_count || !t->view.outputs[o] || !is_float(t->view.outputs[o]->dtype)))
            return false;
    for (uint32_t o = 0; o < 8; o++)
        if (grad->needs & CVK__Y(o) && (o >= t->node->output_count || !t->view.outputs[o]))
            return false;
    return gives;
}

/* What the new node reads, in the boundary's order, while the old one is still there. */
struct operands {
    cvk_value values[CVK__TRIAL_INPUTS];
    void *data[CVK__TRIAL_INPUTS];
    uint32_t count;
};

static int32_t add_operand(struct operands *in, cvk_value value, void **data)
{
    if (in->count == CVK__TRIAL_INPUTS)
        return cvk__fail(CVK_E_LIMIT, "the gradient reads more than %d tensors", CVK__TRIAL_INPUTS);
    in->values[in->count] = value;
    in->data[in->count++] = *data;
    *data = NULL;
    return CVK_OK;
}

static int32_t add_dy(struct cvk__trial *t, uint32_t o, struct operands *in)
{
    struct cvk_tensor_desc desc = *t->view.outputs[o]; /* descriptors move with new values */
    struct cvk_case_tensor tensor = {.dtype = desc.dtype, .rank = desc.rank};
    void *data = NULL;
    memcpy(tensor.dims, desc.dims, sizeof tensor.dims);
    CVK__TRY(cvk__draw(&tensor, t->op, DY_STREAM + o, &data));
    cvk_value v = cvk__graph_new_value(t->graph, NULL);
    int32_t status = v ? CVK_OK : cvk__fail_memory(sizeof desc, "a gradient");
    if (status == CVK_OK) {
        cvk__value_at(t->graph, v)->desc = desc;
        status = add_operand(in, v, &data);
    }
    cvk__free(data);
    return status;
}

static int32_t gather_operands(struct cvk__trial *t, uint32_t needs, struct operands *in)
{
    for (uint32_t o = 0; o < 8; o++)
        if (needs & CVK__DY(o))
            CVK__TRY(add_dy(t, o, in));
    for (uint32_t o = 0; o < 8; o++)
        if (needs & CVK__Y(o))
            CVK__TRY(add_operand(in, t->node->outputs[o], &t->wanted[o]));
    for (uint32_t i = 0; i < 16; i++)
        if (needs & CVK__X(i) && i < t->node->input_count)
            CVK__TRY(add_operand(in, t->node->inputs[i], &t->inputs[i]));
        else if (needs & CVK__X(i))
            CVK__TRY(add_operand(in, 0, &(void *){NULL}));
    return CVK_OK;
}

static int32_t add_outputs(struct cvk__trial *t, uint32_t gives, cvk_value *outputs, uint32_t *count)
{
    *count = 0;
    for (uint32_t i = 0; i < 16; i++) {
        if (!(gives & CVK__X(i)))
            continue;
        cvk_value of = i < t->node->input_count && !(t->c->grads_absent & CVK__X(i)) ? t->node->inputs[i] : 0;
        outputs[(*count)++] = 0;
        if (!of || !is_float(cvk__value_at(t->graph, of)->desc.dtype))
            continue;
        struct cvk_tensor_desc desc = cvk__value_at(t->graph, of)->desc;
        cvk_value v = cvk__graph_new_value(t->graph, NULL);
        if (!v)
            return cvk__fail_memory(sizeof desc, "a gradient");
        outputs[*count - 1] = v;
        cvk__value_at(t->graph, v)->desc = desc;
    }
    return CVK_OK;
}

/* Puts the new node's data in the place of the old one's. */
static void exchange_data(struct cvk__trial *t, struct operands *in)
{
    for (uint32_t i = 0; i < CVK__TRIAL_INPUTS; i++) {
        cvk__free(t->inputs[i]);
        t->inputs[i] = in->data[i];
        in->data[i] = NULL;
    }
    for (uint32_t o = 0; o < CVK__TRIAL_OUTPUTS; o++) {
        cvk__free(t->wanted[o]);
        t->wanted[o] = NULL;
    }
}

/* Batch norm's gradient through the activation that followed it, which a residual in between hides. */
static bool has_activation(const struct cvk__trial *t)
{
    const struct cvk_epilogue *e = &t->c->epilogue;
    return t->op == CVK_OP_BATCH_NORM && ((const struct cvk_batch_norm_params *)t->node->params)->training &&
           e->parts == CVK_EPI_ACTIVATION && (e->activation == CVK_RELU || e->activation == CVK_CLIP);
}

static int32_t check_corners(const struct cvk__trial *t)
{
    const struct cvk_epilogue *e = &t->c->epilogue;
    const struct cvk_tensor_desc *desc = t->view.outputs[0];
    struct cvk_tensor *y = NULL;
    uint64_t near = 0;
    CVK__TRY(cvk_tensor_wrap(desc->dtype, desc->rank, desc->dims, t->wanted[0], desc->bytes, &y));
    for (uint64_t i = 0; i < cvk_tensor_desc_count(desc); i++) {
        double value = cvk_tensor_at(y, i);
        bool relu = e->activation == CVK_RELU;
        near += fabs(value - (relu ? 0 : (double)e->a)) < CORNER || (!relu && fabs(value - (double)e->b) < CORNER);
    }
    cvk_tensor_destroy(y);
    return near ? cvk__fail(CVK_E_ARG, "%llu elements lie so near to the activation's corner that rounding decides: give the "
                                       "case other sizes", (unsigned long long)near) : CVK_OK;
}

static int32_t make_node(struct cvk__trial *t, const struct cvk__grad *grad, struct operands *in, uint32_t flags)
{
    cvk_value outputs[16];
    uint32_t output_count;
    CVK__TRY(gather_operands(t, grad->needs, in));
    CVK__TRY(add_outputs(t, grad->gives, outputs, &output_count));
    struct cvk__node *n = cvk__graph_new_node(t->graph, t->op, t->graph->nodes[0].params, "gradient", in->values, in->count,
                                              outputs, output_count);
    if (!n)
        return cvk__fail_memory(sizeof *n, "a gradient");
    n->pass = grad->pass;
    t->node = n;
    if (t->form->residual)
        n->epilogue = (struct cvk_epilogue){.size = sizeof n->epilogue, .parts = CVK_EPI_RESIDUAL, .axis = 1};
    if (has_activation(t)) {
        n->epilogue = t->c->epilogue;
        n->epilogue.size = sizeof n->epilogue;
        n->epilogue.axis = 1;
    }
    cvk__node_view_finish(&t->view);
    CVK__TRY(cvk__node_view_init(&t->view, t->graph, n, flags));
    exchange_data(t, in);
    return t->form->residual ? cvk__trial_draw_operand(t, CVK__RESIDUAL, -1, 1) : CVK_OK;
}

int32_t cvk__trial_differentiate(struct cvk__trial *t, uint32_t flags, struct cvk__device *reference)
{
    uint32_t count;
    bool row;
    const struct cvk__op_def *def = cvk__op_find(t->op);
    const struct cvk__grad *grads = cvk__form_grads(def, t->node->params, &count);
    if (t->form->grad >= count || grads[t->form->grad].pass != t->form->pass)
        return cvk__fail(CVK_E_ARG, "the resolved parameters have other gradients than the given ones");
    const struct cvk__grad grad = grads[t->form->grad];
    t->void_gradient = !is_real(t, &grad);
    if (t->void_gradient)
        return CVK_OK;
    CVK__TRY(is_a_row(t, &grad, &row));
    t->void_gradient = !row;
    if (t->void_gradient)
        return CVK_OK;
    bool needs_outputs = grad.needs & 0x00ff0000u;
    if (needs_outputs || has_activation(t))
        CVK__TRY(cvk__trial_solve(t, reference));
    if (has_activation(t))
        CVK__TRY(check_corners(t));
    struct operands in = {0};
    int32_t status = make_node(t, &grad, &in, flags);
    for (uint32_t i = 0; i < CVK__TRIAL_INPUTS; i++)
        cvk__free(in.data[i]);
    return status;
}
