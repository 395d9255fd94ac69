/* SPDX-License-Identifier: MIT
 * What shape rules call, and the walk over all nodes that applies them and folds what is constant. */
#include "infer.h"

#include <stdarg.h>

#include "../ops/op_def.h"

/* One tensor beyond this is a mistake or an attack on any machine: 16 TiB. */
#define MAX_TENSOR_BYTES (1ull << 44)

const struct cvk_tensor_desc *cvk__infer_in(const struct cvk__infer *c, uint32_t i)
{
    if (i >= c->node->input_count || !c->node->inputs[i])
        return NULL;
    return &cvk__value_at(c->g, c->node->inputs[i])->desc;
}

bool cvk__infer_wants(const struct cvk__infer *c, uint32_t i)
{
    return i < c->node->output_count && c->node->outputs[i];
}

static int32_t fail_as(const struct cvk__infer *c, int32_t status, const char *format, va_list args)
{
    char text[768], shown[96];
    vsnprintf(text, sizeof text, format, args);
    return cvk__fail(status, "%s '%s': %s", c->def->name, cvk__text_escape(c->node->name, shown, sizeof shown), text);
}

int32_t cvk__infer_fail(const struct cvk__infer *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int32_t status = fail_as(c, CVK_E_SHAPE, format, args);
    va_end(args);
    return status;
}

int32_t cvk__infer_bad(const struct cvk__infer *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int32_t status = fail_as(c, CVK_E_ARG, format, args);
    va_end(args);
    return status;
}

int32_t cvk__infer_note(struct cvk__infer *c, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    char *note = cvk__strdup(CVK__TAG_GRAPH, text);
    if (!note)
        return cvk__fail_memory(strlen(text), "a note");
    cvk__free(c->node->note);
    c->node->note = note;
    return CVK_OK;
}

int32_t cvk__infer_out(struct cvk__infer *c, uint32_t i, uint32_t dtype, uint32_t rank, const int64_t *dims)
{
    if (!cvk__infer_wants(c, i))
        return CVK_OK;
    char shape[CVK_SHAPE_TEXT];
    if (rank > CVK_MAX_RANK)
        return cvk__infer_fail(c, "the result would have %u axes; at most %d are possible", rank, CVK_MAX_RANK);
    struct cvk_tensor_desc desc;
    int32_t status = cvk_tensor_desc_init(&desc, dtype, CVK_LAYOUT_PLAIN, rank, dims);
    if (status != CVK_OK) {
        char shown[96];
        return cvk__fail_in(status, "%s '%s': result: ", c->def->name, cvk__text_escape(c->node->name, shown, sizeof shown));
    }
    if (desc.bytes > MAX_TENSOR_BYTES) {
        cvk__infer_fail(c, "the result %s would take %llu bytes; the limit is %llu", cvk_shape_text(rank, dims, shape),
                        (unsigned long long)desc.bytes, (unsigned long long)MAX_TENSOR_BYTES);
        return CVK_E_LIMIT;
    }
    cvk__value_at(c->g, c->node->outputs[i])->desc = desc;
    return CVK_OK;
}

int32_t cvk__infer_out_like(struct cvk__infer *c, uint32_t i, const struct cvk_tensor_desc *like)
{
    /* The descriptor may live in the array of values, whose entries do not move here. */
    return cvk__infer_out(c, i, like->dtype, like->rank, like->dims);
}

int32_t cvk__infer_out_constant(struct cvk__infer *c, uint32_t i, const void *data)
{
    /* While building, open sizes count as 1, so what was worked out from them must not stick. */
    if (!c->final || !cvk__infer_wants(c, i))
        return CVK_OK;
    struct cvk__value *v = cvk__value_at(c->g, c->node->outputs[i]);
    void *copy = cvk__alloc_buffer(CVK__TAG_GRAPH, v->desc.bytes);
    if (!copy)
        return cvk__fail_memory(v->desc.bytes, "a constant");
    memcpy(copy, data, v->desc.bytes);
    struct cvk__blob *blob = cvk__blob_create(copy, v->desc.bytes);
    if (!blob)
        return cvk__fail_memory(v->desc.bytes, "a constant");
    cvk__blob_unref(v->blob);
    v->blob = blob;
    return CVK_OK;
}

/* Marks the values that v is made from, v included: one walk backwards over the nodes, which stand in order. */
static bool *mark_origins(const struct cvk_graph *g, cvk_value v)
{
    bool *marked = cvk__alloc_array(CVK__TAG_GRAPH, g->value_count + 1u, sizeof *marked);
    if (!marked)
        return NULL;
    marked[v - 1] = true;
    for (int32_t i = cvk__value_at(g, v)->producer; i >= 0; i--) {
        const struct cvk__node *n = &g->nodes[i];
        bool wanted = false;
        for (uint32_t k = 0; !n->dead && k < n->output_count; k++)
            wanted |= n->outputs[k] && marked[n->outputs[k] - 1];
        for (uint32_t k = 0; wanted && k < n->input_count; k++)
            if (n->inputs[k])
                marked[n->inputs[k] - 1] = true;
    }
    return marked;
}

/* Asks for the content of the inputs of the net that decide this value; *given is false if the caller gave not all of them. */
static int32_t want_content(struct cvk_graph *g, cvk_value v, bool *given)
{
    bool *marked = mark_origins(g, v);
    if (!marked)
        return cvk__fail_memory(g->value_count, "a session");
    *given = true;
    for (uint32_t i = 0; i < g->value_count; i++) {
        struct cvk__value *value = &g->values[i];
        if (!marked[i] || value->blob || value->producer >= 0)
            continue;
        *given = *given && value->is_input && value->content;
        value->fix_wanted = value->is_input && value->content;
    }
    cvk__free(marked);
    return CVK_OK;
}

/* Content of input i, or CVK__UNKNOWN, or a failure. */
static int32_t content(struct cvk__infer *c, uint32_t i, const struct cvk_tensor_desc **desc, struct cvk_tensor **wrapped)
{
    *wrapped = NULL;
    *desc = cvk__infer_in(c, i);
    if (!*desc)
        return cvk__infer_bad(c, "input %u is missing", i);
    struct cvk__value *v = cvk__value_at(c->g, c->node->inputs[i]);
    if (!v->blob) {
        bool given = false;
        if (c->final)
            CVK__TRY(want_content(c->g, c->node->inputs[i], &given));
        if (!c->final || given)
            return CVK__UNKNOWN;
        char shown[96];
        return cvk__infer_fail(c, "input %u ('%s') decides sizes, so its content must be known when the session is made", i,
                               cvk__text_escape(v->name ? v->name : "", shown, sizeof shown));
    }
    return cvk_tensor_wrap(v->desc.dtype, v->desc.rank, v->desc.dims, v->blob->data, v->desc.bytes, wrapped);
}

static int32_t check_count(struct cvk__infer *c, uint32_t i, uint64_t have, uint32_t capacity)
{
    if (have > capacity)
        return cvk__infer_fail(c, "input %u has %llu elements; at most %u make sense here", i, (unsigned long long)have,
                               capacity);
    return CVK_OK;
}

int32_t cvk__infer_ints(struct cvk__infer *c, uint32_t i, int64_t *out, uint32_t capacity, uint32_t *count)
{
    const struct cvk_tensor_desc *desc;
    struct cvk_tensor *t;
    CVK__TRY(content(c, i, &desc, &t));
    int32_t status = check_count(c, i, cvk_tensor_count(t), capacity);
    bool whole = desc->dtype >= CVK_I8 && desc->dtype <= CVK_BOOL;
    if (status == CVK_OK && !whole)
        status = cvk__infer_fail(c, "input %u must hold whole numbers, not %s", i, cvk_dtype_name(desc->dtype));
    *count = 0;
    for (uint64_t k = 0; status == CVK_OK && k < cvk_tensor_count(t); k++) {
        const void *data = cvk_tensor_data(t);
        /* 64-bit numbers do not pass through double. */
        if (desc->dtype == CVK_U64 && ((const uint64_t *)data)[k] > INT64_MAX)
            status = cvk__infer_fail(c, "input %u: %llu is too large", i, (unsigned long long)((const uint64_t *)data)[k]);
        else if (desc->dtype == CVK_I64 || desc->dtype == CVK_U64)
            out[(*count)++] = ((const int64_t *)data)[k];
        else
            out[(*count)++] = (int64_t)cvk_tensor_at(t, k);
    }
    cvk_tensor_destroy(t);
    return status;
}

int32_t cvk__infer_numbers(struct cvk__infer *c, uint32_t i, double *out, uint32_t capacity, uint32_t *count)
{
    const struct cvk_tensor_desc *desc;
    struct cvk_tensor *t;
    CVK__TRY(content(c, i, &desc, &t));
    int32_t status = check_count(c, i, cvk_tensor_count(t), capacity);
    *count = 0;
    for (uint64_t k = 0; status == CVK_OK && k < cvk_tensor_count(t); k++)
        out[(*count)++] = cvk_tensor_at(t, k);
    cvk_tensor_destroy(t);
    return status;
}

void cvk__infer_absorb(struct cvk__infer *c, uint32_t first)
{
    if (first < c->node->input_count)
        c->node->input_count = first;
}

/* True if every input is a constant and the node is a pure function. */
static bool foldable(const struct cvk_graph *g, const struct cvk__node *n)
{
    if (n->op == CVK_OP_DROPOUT && ((const struct cvk_dropout_params *)n->params)->training)
        return false;
    for (uint32_t i = 0; i < n->input_count; i++)
        if (n->inputs[i] && !cvk__value_at(g, n->inputs[i])->blob)
            return false;
    return true;
}

static bool known(const struct cvk_graph *g, const struct cvk__node *n)
{
    for (uint32_t i = 0; i < n->output_count; i++)
        if (n->outputs[i] && !cvk__value_at(g, n->outputs[i])->blob)
            return false;
    return true;
}

int32_t cvk__infer_node(struct cvk_graph *g, struct cvk__node *n, struct cvk__device *evaluator)
{
    const struct cvk__op_def *def = cvk__op_find(n->op);
    struct cvk__infer c = {.g = g, .node = n, .def = def, .final = true};
    if (n->pass != def->pass)
        return CVK_OK; /* a gradient's sizes are known since it was made, its parameters are resolved */
    for (uint32_t i = 0; i < n->input_count; i++)
        if (n->inputs[i] && !cvk__value_at(g, n->inputs[i])->desc.size)
            return cvk__infer_fail(&c, "the sizes of input %u are not known", i);
    CVK__TRY(def->infer(&c));
    if (!known(g, n) && foldable(g, n) && evaluator) {
        int32_t status = cvk__evaluate(g, n, evaluator);
        if (status != CVK_OK && status != CVK_E_UNSUPPORTED)
            return status;
    }
    if (known(g, n)) {
        n->dead = true;
        for (uint32_t i = 0; i < n->output_count; i++)
            if (n->outputs[i])
                cvk__value_at(g, n->outputs[i])->producer = -1;
    }
    return CVK_OK;
}

int32_t cvk__graph_infer(struct cvk_graph *g, struct cvk__device *evaluator)
{
    for (uint32_t i = 0; i < g->node_count; i++)
        if (!g->nodes[i].dead)
            CVK__TRY(cvk__infer_node(g, &g->nodes[i], evaluator));
    return CVK_OK;
}
