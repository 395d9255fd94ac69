/* SPDX-License-Identifier: MIT
 * Epilogue fusion: what follows a sum (conv, conv_transpose, gemm, matmul) moves into it, step by step, as long as the device
 * that would run the bare sum has a kernel that accepts the result. Nobody accepts: the nodes stay apart. */
#include <math.h>

#include "../ops/op_def.h"
#include "session_impl.h"

/* Index on which the epilogue's vectors run: the channels of conv, the columns of a matrix product. */
static uint32_t channel_axis(const struct cvk__node *sum, const struct cvk_tensor_desc *y)
{
    bool matrix = sum->op == CVK_OP_GEMM || sum->op == CVK_OP_MATMUL;
    return matrix && y->rank ? y->rank - 1 : 1;
}

static bool same_sizes(const struct cvk_tensor_desc *a, const struct cvk_tensor_desc *b)
{
    return a->dtype == b->dtype && a->rank == b->rank && !memcmp(a->dims, b->dims, a->rank * sizeof *a->dims);
}

/* Does `device` still take the node with this result in the place of its own? */
static int32_t accepted(struct cvk_session *s, const struct cvk__node *trial, cvk_value *output, int32_t device, bool *yes)
{
    struct cvk__node copy = *trial;
    cvk_value outputs[8];
    int32_t found;
    memcpy(outputs, trial->outputs, trial->output_count * sizeof *outputs); /* batch norm has the most, 5 */
    outputs[0] = *output;
    copy.outputs = outputs;
    CVK__TRY(cvk__assign_find(s, &copy, NULL, &found));
    *yes = found == device;
    return CVK_OK;
}

/* ---- bias --------------------------------------------------------------------------------------------------------- */

/* A vector with one element per channel of y, in whatever sizes it is written. */
static bool is_channel_vector(const struct cvk__value *v, const struct cvk_tensor_desc *y, uint32_t axis)
{
    return v && v->desc.dtype == CVK_F32 && axis < y->rank && v->desc.rank >= 1 &&
           cvk_tensor_desc_count(&v->desc) == (uint64_t)y->dims[axis] && v->desc.dims[v->desc.rank - 1] == y->dims[axis];
}

/* beta * C as a new constant; 0 when there is no memory. */
static cvk_value scaled_constant(struct cvk_graph *g, cvk_value c, float beta)
{
    const struct cvk__value *v = cvk__value_at(g, c);
    struct cvk_tensor_desc desc = v->desc;
    const float *old = v->blob->data;
    float *scaled = cvk__alloc_buffer(CVK__TAG_SESSION, desc.bytes);
    for (uint64_t i = 0; scaled && i < cvk_tensor_desc_count(&desc); i++)
        scaled[i] = beta * old[i];
    return scaled ? cvk__graph_new_constant(g, NULL, &desc, scaled) : 0;
}

/* Makes the third input of conv and gemm a bias of the epilogue; where no kernel takes that, it stays an input. If nodes are to
 * stay as they are written (`keep`), it moves only where the device does not take it as an input. */
static int32_t fuse_bias(struct cvk_session *s, struct cvk__node *sum, bool keep)
{
    if (sum->pass != CVK_PASS_FORWARD || sum->op == CVK_OP_BATCH_NORM || sum->input_count < 3 || !sum->inputs[2])
        return CVK_OK;
    const struct cvk_tensor_desc y = cvk__value_at(s->g, sum->outputs[0])->desc;
    uint32_t axis = channel_axis(sum, &y);
    if (!is_channel_vector(cvk__value_at(s->g, sum->inputs[2]), &y, axis))
        return CVK_OK;
    float beta = sum->op == CVK_OP_GEMM ? ((const struct cvk_gemm_params *)sum->params)->beta : 1;
    if (beta != 1 && !cvk__value_at(s->g, sum->inputs[2])->blob)
        return CVK_OK;
    struct cvk__node trial = *sum;
    trial.input_count = 2;
    trial.epilogue.parts |= CVK_EPI_BIAS;
    trial.epilogue.axis = axis;
    struct cvk__node bare = trial;
    bare.epilogue.parts = 0;
    int32_t device, found;
    CVK__TRY(cvk__assign_find(s, &bare, NULL, &device));
    CVK__TRY(cvk__assign_find(s, sum, NULL, &found));
    if (device < 0 || (keep && found == device))
        return CVK_OK;
    CVK__TRY(cvk__assign_find(s, &trial, NULL, &found));
    if (found != device)
        return CVK_OK;
    trial.bias = beta == 1 ? sum->inputs[2] : scaled_constant(s->g, sum->inputs[2], beta);
    if (!trial.bias)
        return cvk__fail_memory(y.bytes, "a bias");
    *sum = trial;
    return CVK_OK;
}

/* The bias as [C, 1, ...], which shares its content and broadcasts over the sum's result y; 0 when there is no memory. */
static cvk_value broadcast_bias(struct cvk_graph *g, cvk_value b, const struct cvk_tensor_desc *y)
{
    struct cvk_tensor_desc wide;
    int64_t dims[CVK_MAX_RANK] = {y->dims[1], 1, 1, 1, 1, 1, 1, 1};
    cvk_value bias = cvk__graph_new_value(g, NULL);
    struct cvk__value *from = cvk__value_at(g, b);
    if (!bias || cvk_tensor_desc_init(&wide, from->desc.dtype, CVK_LAYOUT_PLAIN, y->rank - 1, dims) != CVK_OK)
        return 0;
    cvk__value_at(g, bias)->desc = wide;
    cvk__value_at(g, bias)->blob = cvk__blob_ref(from->blob);
    return bias;
}

/* A bias that no kernel of the device takes in any form becomes an addition behind the sum: a new node at the end of the list,
 * whose index is told in *added; it belongs right behind the sum. */
static int32_t split_bias(struct cvk_session *s, uint32_t index, uint32_t *added)
{
    struct cvk_graph *g = s->g;
    struct cvk__node *sum = &g->nodes[index], bare = *sum;
    int32_t now, better;
    if (sum->pass != CVK_PASS_FORWARD || (sum->op != CVK_OP_CONV && sum->op != CVK_OP_CONV_TRANSPOSE) || sum->input_count < 3 ||
        !sum->inputs[2])
        return CVK_OK;
    CVK__TRY(cvk__assign_find(s, sum, NULL, &now));
    if (now == 0 || !cvk__value_at(g, sum->inputs[2])->blob)
        return CVK_OK;
    bare.input_count = 2;
    CVK__TRY(cvk__assign_find(s, &bare, NULL, &better));
    if (better < 0 || (now >= 0 && now <= better))
        return CVK_OK;
    const struct cvk_tensor_desc y = cvk__value_at(g, sum->outputs[0])->desc;
    cvk_value result = sum->outputs[0], bias = broadcast_bias(g, sum->inputs[2], &y), acc = cvk__graph_new_value(g, NULL);
    if (!bias || !acc)
        return cvk__fail_memory(y.bytes, "a plan");
    cvk__value_at(g, acc)->desc = y;
    const struct cvk_binary_params add = {.size = sizeof add, .kind = CVK_ADD};
    char name[128];
    snprintf(name, sizeof name, "%.100s.bias", sum->name);
    if (!cvk__graph_new_node(g, CVK_OP_BINARY, &add, name, (cvk_value[]){acc, bias}, 2, &result, 1))
        return cvk__fail_memory(sizeof *sum, "a plan");
    sum = &g->nodes[index];
    sum->outputs[0] = acc;
    sum->input_count = 2;
    *added = g->node_count - 1;
    return CVK_OK;
}

/* Puts the nodes from old_count on behind those that they belong to: behind[i] is what follows node i, 0 if nothing does. */
static int32_t sort_in(struct cvk_graph *g, uint32_t old_count, const uint32_t *behind)
{
    struct cvk__node *nodes = cvk__alloc_array(CVK__TAG_GRAPH, g->node_count, sizeof *nodes);
    if (!nodes)
        return cvk__fail_memory(g->node_count * sizeof *nodes, "a plan");
    uint32_t count = 0;
    for (uint32_t i = 0; i < old_count; i++) {
        nodes[count++] = g->nodes[i];
        if (behind[i])
            nodes[count++] = g->nodes[behind[i]];
    }
    cvk__free(g->nodes);
    g->nodes = nodes;
    g->node_capacity = g->node_count;
    for (uint32_t i = 0; i < g->node_count; i++)
        for (uint32_t k = 0; !nodes[i].dead && k < nodes[i].output_count; k++)
            if (nodes[i].outputs[k])
                cvk__value_at(g, nodes[i].outputs[k])->producer = (int32_t)i;
    return CVK_OK;
}

static int32_t place_biases(struct cvk_session *s, bool keep)
{
    struct cvk_graph *g = s->g;
    uint32_t count = g->node_count, *behind = cvk__alloc_array(CVK__TAG_SESSION, count + 1u, sizeof *behind);
    int32_t status = behind ? CVK_OK : cvk__fail_memory(count * sizeof *behind, "a plan");
    for (uint32_t i = 0; i < count && status == CVK_OK; i++) {
        if (g->nodes[i].dead || !cvk__op_find(g->nodes[i].op)->accepts_epilogue)
            continue;
        status = fuse_bias(s, &g->nodes[i], keep);
        if (status == CVK_OK)
            status = split_bias(s, i, &behind[i]);
    }
    if (status == CVK_OK && g->node_count > count)
        status = sort_in(g, count, behind);
    cvk__free(behind);
    return status;
}

/* ---- nodes behind the sum --------------------------------------------------------------------------------------------- */

static const float *known_floats(const struct cvk_graph *g, cvk_value v)
{
    const struct cvk__value *value = cvk__value_at(g, v);
    return value && value->blob && value->desc.dtype == CVK_F32 ? value->blob->data : NULL;
}

/* scale and shift of a batch norm with known statistics, as constants of the session; *fits is false if they are not known. */
static int32_t norm_constants(struct cvk_graph *g, const struct cvk__node *norm, cvk_value *scale, cvk_value *shift, bool *fits)
{
    const float *p[4];
    for (uint32_t i = 0; i < 4; i++)
        if (!(p[i] = known_floats(g, norm->inputs[i + 1])))
            return CVK_OK;
    struct cvk_tensor_desc desc = cvk__value_at(g, norm->inputs[1])->desc;
    double epsilon = ((const struct cvk_batch_norm_params *)norm->params)->epsilon;
    float *s = cvk__alloc_buffer(CVK__TAG_SESSION, desc.bytes), *t = cvk__alloc_buffer(CVK__TAG_SESSION, desc.bytes);
    if (!s || !t) {
        cvk__free(s);
        cvk__free(t);
        return cvk__fail_memory(desc.bytes, "scale and shift");
    }
    for (uint64_t c = 0; c < cvk_tensor_desc_count(&desc); c++) {
        double factor = p[0][c] / sqrt((double)p[3][c] + epsilon);
        s[c] = (float)factor;
        t[c] = (float)(p[1][c] - factor * p[2][c]);
    }
    *scale = cvk__graph_new_constant(g, NULL, &desc, s);
    *shift = cvk__graph_new_constant(g, NULL, &desc, t);
    *fits = *scale && *shift;
    return *fits ? CVK_OK : cvk__fail_memory(desc.bytes, "scale and shift");
}

/* Is `v` a constant that an addition spreads over y as one number per channel: [C, 1, 1] behind conv, [N] behind a matrix
 * product? */
static bool spreads_as_bias(const struct cvk__value *v, const struct cvk_tensor_desc *y, uint32_t axis)
{
    if (!v || !v->blob || v->desc.dtype != CVK_F32 || axis >= y->rank || v->desc.rank > y->rank || v->desc.rank < y->rank - axis)
        return false;
    for (uint32_t i = 0; i < v->desc.rank; i++) {
        uint32_t of_y = y->rank - v->desc.rank + i;
        if (v->desc.dims[i] != (of_y == axis ? y->dims[axis] : 1))
            return false;
    }
    return true;
}

/* The constant as [C], which shares its content; 0 when there is no memory. */
static cvk_value flat_bias(struct cvk_graph *g, cvk_value constant, int64_t channels)
{
    struct cvk_tensor_desc flat;
    cvk_value bias = cvk__graph_new_value(g, NULL);
    if (!bias || cvk_tensor_desc_init(&flat, CVK_F32, CVK_LAYOUT_PLAIN, 1, &channels) != CVK_OK)
        return 0;
    cvk__value_at(g, bias)->desc = flat;
    cvk__value_at(g, bias)->blob = cvk__blob_ref(cvk__value_at(g, constant)->blob);
    return bias;
}

/* The parts that may follow this node: all behind a layer's sum, another gradient behind the gradient of a sum's input, residual
 * and activation behind a batch norm that trains. */
static uint32_t parts_behind(const struct cvk__node *n)
{
    bool slides = n->op == CVK_OP_CONV || n->op == CVK_OP_CONV_TRANSPOSE;
    if (n->pass == CVK_PASS_BACKWARD_DATA)
        return slides ? CVK_EPI_RESIDUAL : 0;
    if (n->pass != CVK_PASS_FORWARD)
        return 0;
    if (n->op == CVK_OP_BATCH_NORM)
        return ((const struct cvk_batch_norm_params *)n->params)->training ? CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION : 0;
    return CVK_EPI_BIAS | CVK_EPI_SCALE | CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION;
}

/* The epilogue that the sum would have with `next` in it; *fits stays false if it does not go behind the parts already there. */
static int32_t extend(struct cvk_graph *g, const struct cvk__node *next, struct cvk__node *trial, bool *fits)
{
    const struct cvk_tensor_desc *y = &cvk__value_at(g, trial->outputs[0])->desc;
    uint32_t parts = trial->epilogue.parts, possible = parts_behind(trial);
    if (next->pass != CVK_PASS_FORWARD || !possible)
        return CVK_OK;
    /* A kernel stores what it sums up: a function that gives truth values is none of its activations, a broadcast sum none of its
     * residuals. */
    if (!same_sizes(&cvk__value_at(g, next->outputs[0])->desc, y))
        return CVK_OK;
    trial->epilogue.axis = channel_axis(trial, y);
    if (next->op == CVK_OP_BATCH_NORM && possible & CVK_EPI_SCALE && !(parts & ~(uint32_t)CVK_EPI_BIAS) &&
        next->inputs[0] == trial->outputs[0] && trial->epilogue.axis == 1) {
        trial->epilogue.parts |= CVK_EPI_SCALE;
        return norm_constants(g, next, &trial->scale, &trial->shift, fits);
    }
    if (next->op == CVK_OP_BINARY && ((const struct cvk_binary_params *)next->params)->kind == CVK_ADD &&
        !(parts & (CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION)) && next->inputs[0] != next->inputs[1]) {
        cvk_value other = next->inputs[next->inputs[0] == trial->outputs[0]];
        bool has_bias = trial->input_count > 2 && trial->inputs[2];
        if (possible & CVK_EPI_BIAS && !parts && !has_bias && spreads_as_bias(cvk__value_at(g, other), y, trial->epilogue.axis)) {
            trial->epilogue.parts |= CVK_EPI_BIAS;
            trial->bias = flat_bias(g, other, y->dims[trial->epilogue.axis]);
            *fits = trial->bias != 0;
            return *fits ? CVK_OK : cvk__fail_memory(sizeof *trial, "a plan");
        }
        trial->epilogue.parts |= CVK_EPI_RESIDUAL;
        trial->residual = other;
        *fits = same_sizes(&cvk__value_at(g, other)->desc, y);
    } else if (next->op == CVK_OP_UNARY && possible & CVK_EPI_ACTIVATION && !(parts & CVK_EPI_ACTIVATION)) {
        const struct cvk_unary_params *p = next->params;
        trial->epilogue.parts |= CVK_EPI_ACTIVATION;
        trial->epilogue.activation = p->kind;
        trial->epilogue.a = p->a;
        trial->epilogue.b = p->b;
        *fits = true;
    }
    return CVK_OK;
}

/* The one node that reads the value, -1 if there are several or none; being an output of the net counts as a use. */
static int32_t sole_reader(cvk_value v, const int32_t *readers, const uint32_t *uses)
{
    return uses[v - 1] == 1 ? readers[v - 1] : -1;
}

/* Takes `next` into the sum; the sum moves to its place, where all that it reads has been made. */
static void merge(struct cvk_graph *g, uint32_t sum, uint32_t next, const struct cvk__node *trial)
{
    cvk_value y = g->nodes[next].outputs[0];
    cvk__node_finish(&g->nodes[next]);
    g->nodes[next] = *trial;
    g->nodes[next].outputs[0] = y;
    memset(&g->nodes[sum], 0, sizeof g->nodes[sum]);
    g->nodes[sum].dead = true;
    for (uint32_t o = 0; o < g->nodes[next].output_count; o++)
        if (g->nodes[next].outputs[o])
            cvk__value_at(g, g->nodes[next].outputs[o])->producer = (int32_t)next;
    cvk__value_at(g, y)->producer_output = 0;
}

/* True if a node between the two reads another output than the first: the sum cannot move behind it. */
static bool read_between(const struct cvk_graph *g, uint32_t sum, uint32_t next)
{
    const struct cvk__node *n = &g->nodes[sum];
    for (uint32_t i = sum + 1; n->output_count > 1 && i < next; i++)
        for (uint32_t k = 0; !g->nodes[i].dead && k < g->nodes[i].input_count; k++)
            for (uint32_t o = 1; o < n->output_count; o++)
                if (n->outputs[o] && g->nodes[i].inputs[k] == n->outputs[o])
                    return true;
    return false;
}

static int32_t fuse_chain(struct cvk_session *s, uint32_t sum, const int32_t *readers, const uint32_t *uses)
{
    struct cvk_graph *g = s->g;
    int32_t device;
    CVK__TRY(cvk__assign_find(s, &g->nodes[sum], NULL, &device));
    while (device >= 0) {
        int32_t next = sole_reader(g->nodes[sum].outputs[0], readers, uses);
        if (next < 0 || g->nodes[next].dead || read_between(g, sum, (uint32_t)next))
            break;
        struct cvk__node trial = g->nodes[sum];
        bool fits = false;
        /* Constants made for a trial that fails stay unread values of the working graph: they are never uploaded. */
        CVK__TRY(extend(g, &g->nodes[next], &trial, &fits));
        cvk_value y = g->nodes[next].outputs[0];
        if (fits)
            CVK__TRY(accepted(s, &trial, &y, device, &fits));
        if (!fits)
            break;
        merge(g, sum, (uint32_t)next, &trial);
        sum = (uint32_t)next;
    }
    return CVK_OK;
}

/* The last node that reads each value, -1 for none. */
static int32_t *find_readers(const struct cvk_graph *g)
{
    int32_t *readers = cvk__alloc_array(CVK__TAG_SESSION, g->value_count + 1u, sizeof *readers);
    for (uint32_t i = 0; readers && i < g->value_count; i++)
        readers[i] = -1;
    for (uint32_t i = 0; readers && i < g->node_count; i++)
        for (uint32_t k = 0; !g->nodes[i].dead && k < g->nodes[i].input_count; k++)
            if (g->nodes[i].inputs[k])
                readers[g->nodes[i].inputs[k] - 1] = (int32_t)i;
    return readers;
}

/* ---- behind in the backward direction ----------------------------------------------------------------------------------- */

static const struct cvk__node *producer_of(const struct cvk_graph *g, cvk_value v)
{
    int32_t producer = v ? cvk__value_at(g, v)->producer : -1;
    return producer < 0 ? NULL : &g->nodes[producer];
}

/* The gradient of an activation that went into a batch norm's epilogue goes into the batch norm's gradient: there its input is
 * worked out again from what is read anyway. */
static int32_t fuse_norm_gradient(struct cvk_session *s, uint32_t index, const uint32_t *uses)
{
    struct cvk_graph *g = s->g;
    const struct cvk__node *n = &g->nodes[index];
    const struct cvk__node *act = producer_of(g, n->inputs[0]);
    if (!act || act->op != CVK_OP_UNARY || act->pass != CVK_PASS_BACKWARD_DATA || uses[n->inputs[0] - 1] != 1)
        return CVK_OK;
    const struct cvk_unary_params *p = act->params;
    const struct cvk__node *norm = producer_of(g, act->inputs[1]);
    if (!norm || norm->op != CVK_OP_BATCH_NORM || norm->pass != CVK_PASS_FORWARD || norm->inputs[0] != n->inputs[3] ||
        norm->epilogue.parts != CVK_EPI_ACTIVATION || norm->epilogue.activation != p->kind)
        return CVK_OK;
    if (p->kind != CVK_RELU && p->kind != CVK_CLIP)
        return CVK_OK;
    struct cvk__node trial = *n;
    cvk_value inputs[8];
    int32_t device, found;
    memcpy(inputs, n->inputs, n->input_count * sizeof *inputs);
    inputs[0] = act->inputs[0];
    trial.inputs = inputs;
    trial.epilogue = norm->epilogue;
    CVK__TRY(cvk__assign_find(s, n, NULL, &device));
    CVK__TRY(cvk__assign_find(s, &trial, NULL, &found));
    if (device < 0 || found != device)
        return CVK_OK;
    uint32_t replaced = (uint32_t)cvk__value_at(g, n->inputs[0])->producer;
    g->nodes[index].inputs[0] = inputs[0];
    g->nodes[index].epilogue = trial.epilogue;
    g->nodes[replaced].dead = true;
    return CVK_OK;
}

static int32_t fuse_norm_gradients(struct cvk_session *s)
{
    uint32_t *uses = cvk__count_uses(s->g);
    int32_t status = uses ? CVK_OK : cvk__fail_memory(s->g->value_count * sizeof *uses, "a plan");
    for (uint32_t i = 0; i < s->g->node_count && status == CVK_OK; i++) {
        const struct cvk__node *n = &s->g->nodes[i];
        if (!n->dead && n->op == CVK_OP_BATCH_NORM && n->pass == CVK_PASS_BACKWARD_DATA &&
            ((const struct cvk_batch_norm_params *)n->params)->training && !n->epilogue.parts)
            status = fuse_norm_gradient(s, i, uses);
    }
    cvk__free(uses);
    return status;
}

int32_t cvk__fuse(struct cvk_session *s, bool merge_nodes)
{
    struct cvk_graph *g = s->g;
    CVK__TRY(place_biases(s, !merge_nodes));
    if (!merge_nodes)
        return CVK_OK;
    int32_t *readers = find_readers(g);
    uint32_t *uses = cvk__count_uses(g);
    uint32_t old_values = g->value_count;
    int32_t status = readers && uses ? CVK_OK : cvk__fail_memory(g->value_count * sizeof *uses, "a plan");
    for (uint32_t i = 0; i < g->node_count && status == CVK_OK; i++) {
        const struct cvk__node *n = &g->nodes[i];
        if (!n->dead && !(n->epilogue.parts & ~(uint32_t)CVK_EPI_BIAS) && cvk__op_find(n->op)->accepts_epilogue &&
            parts_behind(n) && n->outputs[0] && (uint32_t)n->outputs[0] <= old_values)
            status = fuse_chain(s, i, readers, uses);
    }
    cvk__free(readers);
    cvk__free(uses);
    return status == CVK_OK ? fuse_norm_gradients(s) : status;
}
