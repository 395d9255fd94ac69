/* SPDX-License-Identifier: MIT
 * One node: its converter is found in the tables and run; and what converters call. */
#include "import.h"

#include <stdarg.h>

#include "../ops/op_def.h"
#include "convoke/tensor.h"

static const struct cvk__onnx_table *const tables[] = {
    &cvk__onnx_conv,   &cvk__onnx_dense,    &cvk__onnx_pool,  &cvk__onnx_unary,   &cvk__onnx_binary,
    &cvk__onnx_reduce, &cvk__onnx_norm,     &cvk__onnx_shape, &cvk__onnx_slice,   &cvk__onnx_resize,
    &cvk__onnx_index,  &cvk__onnx_constant, &cvk__onnx_loss,  &cvk__onnx_quantize};

int32_t cvk__onnx_fail(const struct cvk__onnx *c, int32_t status, const char *format, ...)
{
    char text[1024], node[CVK__ONNX_NODE_TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return cvk__fail(status, "%s: %s", cvk__onnx_node_text(c, c->index, node), text);
}

uint32_t cvk__onnx_in_count(const struct cvk__onnx *c)
{
    size_t count = c->node->n_input;
    while (count && !c->node->input[count - 1][0])
        count--;
    return (uint32_t)count;
}

cvk_value cvk__onnx_in(const struct cvk__onnx *c, uint32_t i)
{
    if (i >= c->node->n_input || !c->node->input[i][0])
        return 0;
    return cvk__onnx_name_find(c, c->node->input[i])->value;
}

bool cvk__onnx_wants(const struct cvk__onnx *c, uint32_t i)
{
    return i < c->node->n_output && c->node->output[i][0];
}

int32_t cvk__onnx_graph_status(const struct cvk__onnx *c)
{
    int32_t status = cvk_graph_status(c->g);
    return status == CVK_OK ? CVK_OK : cvk__onnx_fail(c, status, "%s", cvk_graph_error(c->g));
}

int32_t cvk__onnx_out(struct cvk__onnx *c, uint32_t i, cvk_value v)
{
    CVK__TRY(cvk__onnx_graph_status(c));
    if (!v)
        return cvk__onnx_fail(c, CVK_E_UNSUPPORTED, "output %u could not be made", i);
    if (cvk__onnx_wants(c, i))
        cvk__onnx_name_find(c, c->node->output[i])->value = v;
    return CVK_OK;
}

int32_t cvk__onnx_add(struct cvk__onnx *c, uint32_t op, const void *params, uint32_t input_count)
{
    cvk_value inputs[8] = {0}, y = 0;
    for (uint32_t i = 0; i < input_count && i < 8; i++)
        inputs[i] = cvk__onnx_in(c, i);
    while (input_count && !inputs[input_count - 1])
        input_count--;
    cvk_graph_add(c->g, op, params, inputs, input_count, &y, 1);
    return cvk__onnx_out(c, 0, y);
}

const struct cvk_tensor_desc *cvk__onnx_desc(const struct cvk__onnx *c, cvk_value v)
{
    return v ? cvk_graph_desc(c->g, v) : NULL;
}

int32_t cvk__onnx_need_desc(const struct cvk__onnx *c, uint32_t i, const struct cvk_tensor_desc **out)
{
    char shown[100];
    *out = cvk__onnx_desc(c, cvk__onnx_in(c, i));
    if (*out)
        return CVK_OK;
    return cvk__onnx_fail(c, CVK_E_UNSUPPORTED,
                          "type and shape of input %u ('%s') must be known when the model is read; they depend on "
                          "the content of an input",
                          i, cvk__text_escape(i < c->node->n_input ? c->node->input[i] : "", shown, sizeof shown));
}

int32_t cvk__onnx_content(const struct cvk__onnx *c, uint32_t i, struct cvk_tensor **out)
{
    *out = NULL;
    const struct cvk__value *v = cvk__value_at(c->g, cvk__onnx_in(c, i));
    if (!v || !v->blob || v->is_input)
        return CVK_OK;
    return cvk_tensor_wrap(v->desc.dtype, v->desc.rank, v->desc.dims, v->blob->data, v->desc.bytes, out);
}

/* Whole numbers go through i64, everything else through f64; the library's own cast makes the wanted type. */
cvk_value cvk__onnx_number(struct cvk__onnx *c, uint32_t dtype, double number)
{
    float single = (float)number;
    cvk_value v = dtype == CVK_F32 ? cvk_constant(c->g, NULL, CVK_F32, 0, NULL, &single)
                                   : cvk_constant(c->g, NULL, CVK_F64, 0, NULL, &number);
    return dtype == CVK_F32 || dtype == CVK_F64 ? v : cvk_cast(c->g, v, &(struct cvk_cast_params){.to = dtype});
}

cvk_value cvk__onnx_ints(struct cvk__onnx *c, const int64_t *numbers, uint32_t count)
{
    return cvk_constant(c->g, NULL, CVK_I64, 1, (const int64_t[]){count}, numbers);
}

/* The row of one table; *other is one for another opset. */
static const struct cvk__onnx_row *find_in(const struct cvk__onnx *c, const struct cvk__onnx_table *table,
                                           const struct cvk__onnx_row **other)
{
    for (uint32_t i = 0; i < table->count; i++) {
        const struct cvk__onnx_row *row = &table->rows[i];
        if (strcmp(row->op_type, c->node->op_type ? c->node->op_type : ""))
            continue;
        if (c->opset >= row->since && c->opset <= row->until)
            return row;
        *other = row;
    }
    return NULL;
}

/* The row for the node's op and the model's opset. */
static int32_t find_row(const struct cvk__onnx *c, const struct cvk__onnx_row **out)
{
    const char *op = c->node->op_type ? c->node->op_type : "";
    const struct cvk__onnx_row *other = NULL;
    *out = cvk__onnx_is_training(c->node) ? find_in(c, &cvk__onnx_training, &other) : NULL;
    for (size_t t = 0; t < sizeof tables / sizeof tables[0] && !*out && !cvk__onnx_is_training(c->node); t++)
        *out = find_in(c, tables[t], &other);
    if (*out)
        return CVK_OK;
    if (other)
        return cvk__onnx_fail(c, CVK_E_UNSUPPORTED, "in opset %lld this op is not supported (but in opsets %d to %d)",
                              (long long)c->opset, (int)other->since, (int)other->until);
    static const char *const flow[] = {"If", "Loop", "Scan", "SequenceMap"};
    for (size_t i = 0; i < sizeof flow / sizeof flow[0]; i++)
        if (!strcmp(op, flow[i]))
            return cvk__onnx_fail(c, CVK_E_UNSUPPORTED, "ops with graphs of their own (control flow) are not supported");
    return cvk__onnx_fail(c, CVK_E_UNSUPPORTED, "this op is not supported");
}

static int32_t check_arity(const struct cvk__onnx *c, const struct cvk__onnx_row *row)
{
    uint32_t inputs = cvk__onnx_in_count(c);
    if (inputs > row->max_inputs)
        return cvk__onnx_fail(c, CVK_E_FORMAT, "%u inputs; at most %u are allowed in opset %lld", inputs, row->max_inputs,
                              (long long)c->opset);
    for (uint32_t i = 0; i < row->min_inputs; i++)
        if (i >= inputs || !c->node->input[i][0])
            return cvk__onnx_fail(c, CVK_E_FORMAT, "input %u is missing; %u are needed", i, row->min_inputs);
    for (size_t i = row->max_outputs; i < c->node->n_output; i++)
        if (c->node->output[i][0])
            return cvk__onnx_fail(c, CVK_E_UNSUPPORTED, "%zu outputs; at most %u are supported in opset %lld", i + 1,
                                  row->max_outputs, (long long)c->opset);
    for (uint32_t i = 0; i < inputs; i++)
        if (c->node->input[i][0] && !cvk__onnx_in(c, i))
            return cvk__onnx_fail(c, CVK_E_UNSUPPORTED, "input %u is an output that its node does not give", i);
    return CVK_OK;
}

/* Gives the new nodes and values the model's names; nodes beside the one that makes output 0 get their op's name behind it. */
static int32_t name_nodes(struct cvk__onnx *c, uint32_t first)
{
    char name[256], op[64], value[4096], whole[340];
    cvk__text_escape(c->node->op_type, op, sizeof op);
    if (c->node->name && c->node->name[0])
        cvk__text_escape(c->node->name, name, sizeof name);
    else
        snprintf(name, sizeof name, "%s_%u", op, c->index);
    cvk_value main_value = 0;
    for (uint32_t i = 0; i < c->node->n_output; i++) {
        if (!c->node->output[i][0])
            continue;
        cvk_value v = cvk__onnx_name_find(c, c->node->output[i])->value;
        if (!v)
            return cvk__onnx_fail(c, CVK_E_UNSUPPORTED, "output %u is not supported", i);
        if (!main_value)
            main_value = v;
        cvk__text_escape(c->node->output[i], value, sizeof value);
        if (!cvk__value_at(c->g, v)->name && !cvk__graph_set_name(c->g, v, value))
            return cvk__fail_memory(strlen(value), "a name");
    }
    int32_t main_node = main_value ? cvk__value_at(c->g, main_value)->producer : -1;
    for (uint32_t i = first; i < c->g->node_count; i++) {
        const struct cvk__node *n = &c->g->nodes[i];
        snprintf(whole, sizeof whole, "%s/%s", name, cvk__op_find(n->op)->name);
        for (uint32_t k = 0; k < n->output_count; k++)
            if (n->outputs[k]) {
                cvk_name(c->g, n->outputs[k], (int32_t)i == main_node ? name : whole);
                break;
            }
    }
    return cvk__onnx_graph_status(c);
}

int32_t cvk__onnx_node(struct cvk__onnx *c)
{
    const char *domain = c->node->domain;
    char shown[100];
    c->used = 0;
    if (domain && domain[0] && strcmp(domain, "ai.onnx") && !cvk__onnx_is_training(c->node))
        return cvk__onnx_fail(c, CVK_E_UNSUPPORTED, "its domain '%s' is not supported",
                              cvk__text_escape(domain, shown, sizeof shown));
    CVK__TRY(find_row(c, &c->row));
    CVK__TRY(check_arity(c, c->row));
    CVK__TRY(cvk__onnx_attr_check(c));
    if (c->opset < 6)
        cvk__onnx_attr_ignore(c, "consumed_inputs"); /* a hint for work in place, of many ops */
    uint32_t first = c->g->node_count;
    CVK__TRY(c->row->convert(c));
    CVK__TRY(cvk__onnx_attr_finish(c));
    return name_nodes(c, first);
}
