/* SPDX-License-Identifier: MIT
 * Back-propagation: a walk over the nodes from the last to the first. An op declares its gradient as rows that backends have, or
 * builds it out of other ops; contributions that meet in one value are added. */
#include "autodiff.h"

#include "../ops/op_def.h"
#include "kernel.h"

const struct cvk__node *cvk__diff_node(const struct cvk__diff *d)
{
    return &d->g->nodes[d->node];
}

const struct cvk_tensor_desc *cvk__diff_desc(const struct cvk__diff *d, cvk_value v)
{
    return &cvk__value_at(d->g, v)->desc;
}

cvk_value cvk__diff_dy(const struct cvk__diff *d, uint32_t o)
{
    const struct cvk__node *n = cvk__diff_node(d);
    return o < n->output_count && n->outputs[o] ? d->grads[n->outputs[o] - 1] : 0;
}

bool cvk__diff_wants(const struct cvk__diff *d, uint32_t i)
{
    const struct cvk__node *n = cvk__diff_node(d);
    return i < n->input_count && n->inputs[i] && d->needed[n->inputs[i] - 1];
}

/* ---- new nodes ------------------------------------------------------------------------------------------------------------ */

int32_t cvk__diff_op_many(struct cvk__diff *d, uint32_t op, const void *params, const cvk_value *inputs, uint32_t input_count,
                          cvk_value *outputs, uint32_t output_count)
{
    char name[160];
    if (d->status != CVK_OK)
        return d->status;
    snprintf(name, sizeof name, "%.120s.grad%u", cvk__diff_node(d)->name, d->g->node_count);
    for (uint32_t o = 0; o < output_count; o++)
        if (!(outputs[o] = cvk__graph_new_value(d->g, NULL)))
            return d->status = cvk__fail_memory(sizeof *outputs, "a gradient");
    struct cvk__node *n = cvk__graph_new_node(d->g, op, params, name, inputs, input_count, outputs, output_count);
    if (!n)
        return d->status = cvk__fail_memory(sizeof *n, "a gradient");
    return d->status = cvk__infer_node(d->g, n, d->evaluator);
}

cvk_value cvk__diff_op(struct cvk__diff *d, uint32_t op, const void *params, const cvk_value *inputs, uint32_t input_count)
{
    cvk_value y;
    return cvk__diff_op_many(d, op, params, inputs, input_count, &y, 1) == CVK_OK ? y : 0;
}

cvk_value cvk__diff_reshape(struct cvk__diff *d, cvk_value v, const struct cvk_tensor_desc *like)
{
    struct cvk_reshape_params p = {.size = sizeof p, .kind = CVK_RESHAPE, .count = like->rank, .allow_zero = 1};
    if (!v)
        return 0;
    const struct cvk_tensor_desc *have = cvk__diff_desc(d, v);
    if (have->rank == like->rank && !memcmp(have->dims, like->dims, like->rank * sizeof *like->dims))
        return v;
    memcpy(p.dims, like->dims, like->rank * sizeof *like->dims);
    return cvk__diff_op(d, CVK_OP_RESHAPE, &p, &v, 1);
}

cvk_value cvk__diff_unbroadcast(struct cvk__diff *d, cvk_value v, const struct cvk_tensor_desc *to)
{
    if (!v)
        return 0;
    struct cvk_tensor_desc want = *to; /* `to` may lie among the values, which move */
    const struct cvk_tensor_desc *have = cvk__diff_desc(d, v);
    struct cvk_reduce_params p = {.size = sizeof p, .kind = CVK_REDUCE_SUM, .keep_dims = 1};
    for (uint32_t i = 0; i < have->rank; i++) {
        bool added = i < have->rank - want.rank;
        if (added || (want.dims[i - (have->rank - want.rank)] == 1 && have->dims[i] != 1))
            p.axes[p.axis_count++] = (int32_t)i;
    }
    if (p.axis_count)
        v = cvk__diff_op(d, CVK_OP_REDUCE, &p, &v, 1);
    return cvk__diff_reshape(d, v, &want);
}

cvk_value cvk__diff_constant(struct cvk__diff *d, const struct cvk_tensor_desc *like, double number)
{
    struct cvk_fill_params p = {.size = sizeof p, .dtype = like->dtype, .count = like->rank, .value = number};
    memcpy(p.dims, like->dims, like->rank * sizeof *like->dims);
    return cvk__diff_op(d, CVK_OP_FILL, &p, NULL, 0);
}

cvk_value cvk__diff_scale(struct cvk__diff *d, cvk_value v, double factor)
{
    const struct cvk_binary_params mul = {.size = sizeof mul, .kind = CVK_MUL};
    if (!v || factor == 1)
        return v;
    const struct cvk_tensor_desc one = {.dtype = cvk__diff_desc(d, v)->dtype};
    cvk_value number = cvk__diff_constant(d, &one, factor);
    return cvk__diff_op(d, CVK_OP_BINARY, &mul, (cvk_value[]){v, number}, 2);
}

/* ---- the walk ---------------------------------------------------------------------------------------------------------------
 */

static int32_t add_gradient(struct cvk__diff *d, cvk_value of, cvk_value v)
{
    const struct cvk_binary_params add = {.size = sizeof add, .kind = CVK_ADD};
    if (v && d->grads[of - 1])
        v = cvk__diff_op(d, CVK_OP_BINARY, &add, (cvk_value[]){d->grads[of - 1], v}, 2);
    d->grads[of - 1] = v;
    return d->status;
}

int32_t cvk__diff_give(struct cvk__diff *d, uint32_t i, cvk_value v)
{
    if (d->status != CVK_OK || !v || !cvk__diff_wants(d, i))
        return d->status;
    return add_gradient(d, cvk__diff_node(d)->inputs[i], v);
}

/* Outputs that a declared gradient reads and that the net left out: the node gives them from now on. */
static int32_t add_needed_outputs(struct cvk__diff *d, uint32_t needs)
{
    uint32_t count = 0;
    for (uint32_t o = 0; o < 8; o++)
        count = needs & CVK__Y(o) ? o + 1 : count;
    struct cvk__node *n = &d->g->nodes[d->node];
    if (count > n->output_count) {
        cvk_value *grown = cvk__alloc_array(CVK__TAG_GRAPH, count + 1u, sizeof *grown);
        if (!grown)
            return cvk__fail_memory(count * sizeof *grown, "a gradient");
        memcpy(grown, n->outputs, n->output_count * sizeof *grown);
        cvk__free(n->outputs);
        n->outputs = grown;
        n->output_count = count;
    }
    bool added = false;
    for (uint32_t o = 0; o < count; o++) {
        if (!(needs & CVK__Y(o)) || n->outputs[o])
            continue;
        cvk_value v = cvk__graph_new_value(d->g, NULL);
        if (!v)
            return cvk__fail_memory(sizeof v, "a gradient");
        n->outputs[o] = v;
        cvk__value_at(d->g, v)->producer = (int32_t)d->node;
        cvk__value_at(d->g, v)->producer_output = o;
        added = true;
    }
    return added ? cvk__infer_node(d->g, n, d->evaluator) : CVK_OK;
}

/* The inputs that a declared gradient reads, in the order of the boundary. False if a gradient of an output that it needs is not
 * there: then nothing comes from it. */
static bool gather_needs(const struct cvk__diff *d, uint32_t needs, cvk_value *inputs, uint32_t *count)
{
    const struct cvk__node *n = cvk__diff_node(d);
    *count = 0;
    for (uint32_t o = 0; o < 8; o++)
        if (needs & CVK__DY(o) && !(inputs[(*count)++] = cvk__diff_dy(d, o)))
            return false;
    for (uint32_t o = 0; o < 8; o++)
        if (needs & CVK__Y(o))
            inputs[(*count)++] = o < n->output_count ? n->outputs[o] : 0;
    for (uint32_t i = 0; i < 16; i++)
        if (needs & CVK__X(i))
            inputs[(*count)++] = i < n->input_count ? n->inputs[i] : 0;
    return true;
}

/* A node that a row of some backend will run. */
static int32_t declared(struct cvk__diff *d, const struct cvk__grad *grad)
{
    cvk_value inputs[32], outputs[16];
    uint32_t input_count, output_count = 0, given[16];
    bool any = false;
    for (uint32_t i = 0; i < 16; i++)
        if (grad->gives & CVK__X(i)) {
            outputs[output_count] = 0;
            given[output_count++] = i;
            any = any || cvk__diff_wants(d, i);
        }
    if (any)
        CVK__TRY(add_needed_outputs(d, grad->needs));
    if (!any || !gather_needs(d, grad->needs, inputs, &input_count))
        return CVK_OK;
    for (uint32_t o = 0; o < output_count; o++) {
        if (!cvk__diff_wants(d, given[o]))
            continue;
        if (!(outputs[o] = cvk__graph_new_value(d->g, NULL)))
            return cvk__fail_memory(sizeof *outputs, "a gradient");
        const struct cvk_tensor_desc *like = cvk__diff_desc(d, cvk__diff_node(d)->inputs[given[o]]);
        struct cvk__value *v = cvk__value_at(d->g, outputs[o]);
        CVK__TRY(cvk_tensor_desc_init(&v->desc, like->dtype, CVK_LAYOUT_PLAIN, like->rank, like->dims));
    }
    const struct cvk__node *of = cvk__diff_node(d);
    uint32_t op = of->op;
    char name[160];
    snprintf(name, sizeof name, "%.120s.%s", of->name, grad->pass == CVK_PASS_BACKWARD_WEIGHTS ? "bwd_weights" : "bwd_data");
    struct cvk__node *n = cvk__graph_new_node(d->g, op, of->params, name, inputs, input_count, outputs, output_count);
    if (!n)
        return cvk__fail_memory(sizeof *n, "a gradient");
    n->pass = grad->pass;
    for (uint32_t o = 0; o < output_count; o++)
        CVK__TRY(cvk__diff_give(d, given[o], outputs[o]));
    return CVK_OK;
}

static int32_t differentiate(struct cvk__diff *d)
{
    const struct cvk__node *n = cvk__diff_node(d);
    const struct cvk__op_def *def = cvk__op_find(n->op);
    if (def->differentiate) {
        int32_t status = def->differentiate(d);
        status = status == CVK_OK ? d->status : status;
        if (status != CVK_E_NOT_FOUND)
            return status;
    }
    uint32_t count = def->grad_count;
    const struct cvk__grad *grads = def->grads_for ? def->grads_for(n->params, &count) : def->grads;
    /* Weights first: the memory of what only they read is free sooner. */
    for (uint32_t k = count; k-- > 0;)
        CVK__TRY(declared(d, &grads[k]));
    return d->status;
}

static bool is_real(const struct cvk_tensor_desc *desc)
{
    return desc->dtype == CVK_F32 || desc->dtype == CVK_F64 || desc->dtype == CVK_F16 || desc->dtype == CVK_BF16;
}

/* Marks the values of real numbers that depend on what is asked for. */
static void mark_needed(struct cvk__diff *d, const cvk_value *wrt, uint32_t count)
{
    struct cvk_graph *g = d->g;
    for (uint32_t k = 0; k < count; k++)
        d->needed[wrt[k] - 1] = true;
    for (uint32_t i = 0; i < g->node_count; i++) {
        const struct cvk__node *n = &g->nodes[i];
        bool any = false;
        for (uint32_t k = 0; !n->dead && k < n->input_count; k++)
            any = any || (n->inputs[k] && d->needed[n->inputs[k] - 1]);
        for (uint32_t k = 0; any && k < n->output_count; k++)
            if (n->outputs[k] && is_real(&cvk__value_at(g, n->outputs[k])->desc))
                d->needed[n->outputs[k] - 1] = true;
    }
}

static int32_t walk(struct cvk__diff *d, uint32_t node_count)
{
    for (uint32_t i = node_count; i-- > 0;) {
        d->node = i;
        const struct cvk__node *n = cvk__diff_node(d);
        bool any = false;
        for (uint32_t o = 0; !n->dead && o < n->output_count; o++)
            any = any || (n->outputs[o] && d->needed[n->outputs[o] - 1] && d->grads[n->outputs[o] - 1]);
        if (!any)
            continue;
        int32_t status = differentiate(d);
        if (status != CVK_OK)
            return cvk__fail_in(status, "gradient of node '%s': ", CVK__SHOW(cvk__diff_node(d)->name));
    }
    return CVK_OK;
}

int32_t cvk__autodiff(struct cvk_graph *g, cvk_value y, cvk_value dy, const cvk_value *wrt, uint32_t count,
                      struct cvk__device *evaluator, cvk_value *grads)
{
    struct cvk__diff d = {.g = g, .evaluator = evaluator, .count = g->value_count};
    uint32_t node_count = g->node_count;
    if (!node_count)
        return cvk__fail(CVK_E_ARG, "gradients: the graph has no nodes");
    d.grads = cvk__alloc_array(CVK__TAG_GRAPH, d.count, sizeof *d.grads);
    d.needed = cvk__alloc_array(CVK__TAG_GRAPH, d.count, sizeof *d.needed);
    int32_t status = d.grads && d.needed ? CVK_OK : cvk__fail_memory(d.count * sizeof *d.grads, "gradients");
    if (status == CVK_OK) {
        int32_t producer = cvk__value_at(g, y)->producer;
        d.node = producer < 0 ? 0 : (uint32_t)producer;
        mark_needed(&d, wrt, count);
        d.grads[y - 1] = dy ? dy : cvk__diff_constant(&d, cvk__diff_desc(&d, y), 1);
        status = d.status == CVK_OK ? walk(&d, node_count) : d.status;
    }
    for (uint32_t k = 0; status == CVK_OK && k < count; k++)
        grads[k] = d.grads[wrt[k] - 1];
    cvk__free(d.grads);
    cvk__free(d.needed);
    return status;
}
