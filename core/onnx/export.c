/* SPDX-License-Identifier: MIT
 * From a graph to a model: what the outputs need, node by node through the table of its op, then inputs, outputs and the head;
 * and the public calls that write it. The contents of weights go from the graph to the file in one step. */
#include "export.h"

#include "../base/whole_file.h"
#include "../graph/session_impl.h"
#include "../ops/op_def.h"
#include "convoke/tensor.h"

#define MAX_MODEL_BYTES 0x7FFFFFFFull /* protobuf's own limit */

/* ---- what the converters ask ---- */

static const struct cvk__value *input_value(const struct cvk__export *e, uint32_t i)
{
    return i < e->node->input_count ? cvk__value_at(e->g, e->node->inputs[i]) : NULL;
}

bool cvk__export_has(const struct cvk__export *e, uint32_t i)
{
    return input_value(e, i) != NULL;
}

/* Constants become initialisers when something reads them for the first time. */
static const char *value_name(struct cvk__export *e, cvk_value handle)
{
    const struct cvk__value *v = &e->g->values[handle - 1];
    if (v->blob && !v->is_input && !e->wanted[handle - 1]) {
        e->wanted[handle - 1] = true;
        cvk__export_initializer(
            e, e->names[handle - 1],
            cvk__export_message(e, v->desc.dtype, v->desc.rank, v->desc.dims, v->blob->data, v->desc.bytes));
    }
    return e->names[handle - 1];
}

const char *cvk__export_in(struct cvk__export *e, uint32_t i)
{
    return cvk__export_has(e, i) ? value_name(e, e->node->inputs[i]) : "";
}

const char *cvk__export_out(struct cvk__export *e, uint32_t i)
{
    if (i < e->node->output_count && e->node->outputs[i])
        return e->names[e->node->outputs[i] - 1];
    return cvk__export_temp(e, "unused");
}

bool cvk__export_wants(const struct cvk__export *e, uint32_t i)
{
    return i < e->node->output_count && e->node->outputs[i] && e->wanted[e->node->outputs[i] - 1];
}

uint32_t cvk__export_type(const struct cvk__export *e, uint32_t i)
{
    return cvk__export_has(e, i) ? cvk__onnx_value_type(e->g, e->node->inputs[i]) : 0;
}

const struct cvk_tensor_desc *cvk__export_desc(const struct cvk__export *e, uint32_t i)
{
    const struct cvk__value *v = input_value(e, i);
    return v && v->desc.size ? &v->desc : NULL;
}

uint32_t cvk__export_open(const struct cvk__export *e, uint32_t i)
{
    cvk_value v = e->node->inputs[i];
    return e->sized[v - 1] ? e->open[v - 1] : UINT32_MAX;
}

int32_t cvk__export_need(struct cvk__export *e, uint32_t i, const struct cvk_tensor_desc **out)
{
    *out = cvk__export_desc(e, i);
    return *out ? CVK_OK
                : cvk__export_fail(e, CVK_E_UNSUPPORTED,
                                   "the sizes of input %u must be known to write it; only a session knows them", i);
}

bool cvk__export_content(const struct cvk__export *e, uint32_t i, int64_t *out, uint32_t capacity, uint32_t *count)
{
    const struct cvk__value *v = input_value(e, i);
    struct cvk_tensor *t = NULL;
    if (!v || !v->blob || v->desc.dtype < CVK_I8 || cvk_tensor_desc_count(&v->desc) > capacity)
        return false;
    if (cvk_tensor_wrap(v->desc.dtype, v->desc.rank, v->desc.dims, v->blob->data, v->desc.bytes, &t) != CVK_OK)
        return false;
    *count = (uint32_t)cvk_tensor_count(t);
    for (uint32_t k = 0; k < *count; k++)
        out[k] = v->desc.dtype == CVK_I64 ? ((const int64_t *)v->blob->data)[k] : (int64_t)cvk_tensor_at(t, k);
    cvk_tensor_destroy(t);
    return true;
}

const char *cvk__export_pick(struct cvk__export *e, const char *const *words, uint32_t count, uint32_t i)
{
    if (i < count)
        return words[i];
    cvk__export_fail(e, CVK_E_ARG, "%u is no known kind or mode", i);
    return "";
}

int32_t cvk__export_count(struct cvk__export *e, uint32_t count)
{
    return count <= CVK_MAX_RANK
               ? CVK_OK
               : cvk__export_fail(e, CVK_E_ARG, "%u axes are named; a tensor has at most %d", count, CVK_MAX_RANK);
}

/* ---- the graph ---- */

static int32_t convert_node(struct cvk__export *e)
{
    static const struct cvk__export_table *const tables[] = {&cvk__export_layers,  &cvk__export_norms, &cvk__export_math,
                                                             &cvk__export_index,   &cvk__export_move,  &cvk__export_sizes,
                                                             &cvk__export_training};
    if (e->node->pass != cvk__op_find(e->node->op)->pass)
        return cvk__export_fail(e, CVK_E_UNSUPPORTED, "the gradient of an op cannot be written as ONNX");
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
        for (uint32_t i = 0; i < tables[t]->count; i++)
            if (tables[t]->rows[i].op == e->node->op) {
                CVK__TRY(tables[t]->rows[i].convert(e));
                return e->status;
            }
    return cvk__export_fail(e, CVK_E_UNSUPPORTED, "this op cannot be written as ONNX");
}

/* Backwards from the outputs: what leads nowhere is left out. Constants are marked later, when they become initialisers. */
static int32_t mark_live(struct cvk__export *e)
{
    const struct cvk_graph *g = e->g;
    if (!g->output_count)
        return cvk__fail(CVK_E_ARG, "the graph has no outputs, so there is nothing to write");
    for (uint32_t i = 0; i < g->output_count; i++)
        e->wanted[g->outputs[i] - 1] = true;
    for (uint32_t i = g->node_count; i-- > 0;) {
        const struct cvk__node *n = &g->nodes[i];
        for (uint32_t k = 0; k < n->output_count && !n->dead; k++)
            e->live[i] |= n->outputs[k] && e->wanted[n->outputs[k] - 1];
        for (uint32_t k = 0; k < n->input_count && e->live[i]; k++)
            if (n->inputs[k])
                e->wanted[n->inputs[k] - 1] = true;
    }
    for (uint32_t v = 0; v < g->value_count; v++) {
        const struct cvk__value *value = &g->values[v];
        if (e->wanted[v] && value->producer < 0 && !value->is_input && !value->blob)
            return cvk__fail(CVK_E_ARG, "the value '%s' is neither an input nor has a content", CVK__SHOW(value->name));
    }
    return CVK_OK;
}

/* Type and sizes; a size that follows the batch is "N" where it is the batch, and open otherwise. */
static Onnx__ValueInfoProto *value_info(struct cvk__export *e, cvk_value handle, const char *name)
{
    const struct cvk__value *v = &e->g->values[handle - 1];
    Onnx__ValueInfoProto *info = cvk__export_alloc(e, sizeof *info);
    Onnx__TypeProto *type = cvk__export_alloc(e, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = cvk__export_alloc(e, sizeof *tensor);
    Onnx__TensorShapeProto *shape = cvk__export_alloc(e, sizeof *shape);
    Onnx__TensorShapeProto__Dimension **dims = cvk__export_alloc(e, CVK_MAX_RANK * sizeof *dims);
    Onnx__TensorShapeProto__Dimension *dim = cvk__export_alloc(e, CVK_MAX_RANK * sizeof *dim);
    if (e->status != CVK_OK)
        return NULL;
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    onnx__tensor_shape_proto__init(shape);
    info->name = (char *)(uintptr_t)name;
    info->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->elem_type = cvk__onnx_data_type(cvk__onnx_value_type(e->g, handle));
    tensor->has_elem_type = tensor->elem_type != 0;
    if (!v->desc.size)
        return info;
    tensor->shape = shape;
    shape->dim = dims;
    shape->n_dim = v->desc.rank;
    for (uint32_t k = 0; k < v->desc.rank; k++) {
        dims[k] = &dim[k];
        onnx__tensor_shape_proto__dimension__init(dims[k]);
        bool open = !e->sized[handle - 1] || (e->open[handle - 1] >> k & 1);
        if (!open) {
            dims[k]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dims[k]->dim_value = v->desc.dims[k];
        } else if (e->sized[handle - 1] && v->desc.dims[k] == 1) {
            dims[k]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dims[k]->dim_param = (char *)(uintptr_t) "N";
        }
    }
    return info;
}

static int32_t write_ends(struct cvk__export *e)
{
    const struct cvk_graph *g = e->g;
    e->out.input = cvk__export_alloc(e, g->input_count * sizeof *e->out.input);
    e->out.output = cvk__export_alloc(e, g->output_count * sizeof *e->out.output);
    for (uint32_t i = 0; i < g->input_count && e->status == CVK_OK; i++)
        e->out.input[e->out.n_input++] = value_info(e, g->inputs[i], e->names[g->inputs[i] - 1]);
    for (uint32_t i = 0; i < g->output_count && e->status == CVK_OK; i++) {
        cvk_value v = g->outputs[i];
        const char *name = e->names[v - 1];
        bool told = g->values[v - 1].producer < 0;
        for (uint32_t k = 0; k < i && !told; k++)
            told = g->outputs[k] == v;
        if (told) {
            struct cvk__node identity = {.op = CVK_OP_RESHAPE, .name = g->output_names[i]};
            e->node = &identity;
            name = cvk__export_new_name(e, g->output_names[i], 0);
            CVK__EMIT(e, "Identity", name, value_name(e, v));
        }
        e->out.output[e->out.n_output++] = value_info(e, v, name);
    }
    return e->status;
}

static int32_t write_graph(struct cvk__export *e)
{
    const struct cvk_graph *g = e->g;
    e->names = cvk__alloc_array(CVK__TAG_ONNX, g->value_count + 1ull, sizeof *e->names);
    e->wanted = cvk__alloc_array(CVK__TAG_ONNX, g->value_count + 1ull, sizeof *e->wanted);
    e->open = cvk__alloc_array(CVK__TAG_ONNX, g->value_count + 1ull, sizeof *e->open);
    e->sized = cvk__alloc_array(CVK__TAG_ONNX, g->value_count + 1ull, sizeof *e->sized);
    e->live = cvk__alloc_array(CVK__TAG_ONNX, g->node_count + 1ull, sizeof *e->live);
    if (!e->names || !e->wanted || !e->open || !e->sized || !e->live)
        return cvk__fail_memory(g->value_count * sizeof *e->names, "an ONNX model");
    CVK__TRY(cvk_graph_create("", &e->value_names));
    CVK__TRY(cvk_graph_create("", &e->node_names));
    CVK__TRY(mark_live(e));
    CVK__TRY(cvk__export_probe(e));
    cvk__export_name_values(e);
    for (uint32_t v = 0; v < g->value_count; v++)
        if (g->values[v].blob && !g->values[v].is_input)
            e->wanted[v] = false; /* from here on: is written */
    for (uint32_t i = 0; i < g->node_count && e->status == CVK_OK; i++) {
        if (!e->live[i])
            continue;
        e->node = &g->nodes[i];
        e->index = i;
        CVK__TRY(convert_node(e));
    }
    return write_ends(e);
}

/* ---- the working copy ---- */

/* Training forms become inference forms, and fields that mean their default get it, as cvk__fold_norms wants them. */
static int32_t settle_nodes(struct cvk_graph *g)
{
    uint32_t *uses = cvk__count_uses(g);
    if (!uses)
        return cvk__fail_memory(g->value_count * sizeof *uses, "an ONNX model");
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < g->node_count; i++) {
        struct cvk__node *n = &g->nodes[i];
        if (n->op == CVK_OP_CONV_TRANSPOSE) {
            struct cvk_conv_transpose_params *p = n->params;
            p->group = p->group ? p->group : 1;
        } else if (n->op == CVK_OP_GEMM) {
            struct cvk_gemm_params *p = n->params;
            p->alpha = p->scaled ? p->alpha : 1;
            p->beta = p->scaled ? p->beta : 1;
            p->scaled = 1;
        } else if (n->op == CVK_OP_BATCH_NORM) {
            ((struct cvk_batch_norm_params *)n->params)->training = 0;
            for (uint32_t k = 1; k < n->output_count; k++)
                if (n->outputs[k] && uses[n->outputs[k] - 1] && status == CVK_OK)
                    status = cvk__fail(
                        CVK_E_UNSUPPORTED,
                        "node '%s' (batch_norm): its statistics are read, and a norm is written in its inference form",
                        CVK__SHOW(n->name));
            n->output_count = 1;
        }
    }
    cvk__free(uses);
    return status;
}

static int32_t check_params(const struct cvk_graph *g, const struct cvk_onnx_save_params *p)
{
    if (p->opset && p->opset != 13 && p->opset != CVK__ONNX_LAST)
        return cvk__fail(CVK_E_ARG, "cvk_onnx_save_params.opset is %u; it must be 13, 17 or 0 (17)", p->opset);
    if (p->fold_norms > 1)
        return cvk__fail(CVK_E_ARG, "cvk_onnx_save_params.fold_norms is %u; it must be 0 or 1", p->fold_norms);
    if (cvk_graph_status(g) != CVK_OK)
        return cvk__fail(cvk_graph_status(g), "%s", cvk_graph_error(g));
    return CVK_OK;
}

/* Makes the model's head around the graph and hands it to `take`. */
static int32_t write_model(const struct cvk_graph *g, const struct cvk_onnx_save_params *given,
                           int32_t (*take)(const Onnx__ModelProto *m, uint64_t bytes, void *arg), void *arg)
{
    const struct cvk_onnx_save_params p = given ? *given : (struct cvk_onnx_save_params){0};
    CVK__TRY(check_params(g, &p));
    struct cvk_graph *copy = NULL;
    CVK__TRY(cvk__graph_clone(g, &copy));
    struct cvk__export e = {.g = copy, .opset = p.opset ? p.opset : CVK__ONNX_LAST};
    onnx__graph_proto__init(&e.out);
    int32_t status = settle_nodes(copy);
    if (status == CVK_OK && p.fold_norms)
        status = cvk__fold_norms(copy);
    if (status == CVK_OK)
        status = write_graph(&e);
    Onnx__OperatorSetIdProto set[2], *sets[2] = {&set[0], &set[1]};
    for (uint32_t i = 0; i < 2; i++) {
        onnx__operator_set_id_proto__init(sets[i]);
        set[i].domain = (char *)(uintptr_t)(i ? CVK__ONNX_TRAINING : "");
        set[i].has_version = true;
        set[i].version = i ? 1 : e.opset;
    }
    Onnx__ModelProto m;
    onnx__model_proto__init(&m);
    m.has_ir_version = true;
    m.ir_version = e.opset < 15 ? 7 : 8;
    m.producer_name = (char *)(uintptr_t) "convoke";
    m.producer_version = (char *)(uintptr_t)CVK__VERSION;
    m.n_opset_import = e.trains ? 2 : 1;
    m.opset_import = sets;
    m.graph = &e.out;
    const char *name = p.name && p.name[0] ? p.name : copy->name[0] ? copy->name : "net";
    if (status == CVK_OK) {
        char shown[512];
        e.out.name = cvk__export_text(&e, cvk__text_escape(name, shown, sizeof shown));
        status = e.status;
    }
    uint64_t bytes = status == CVK_OK ? onnx__model_proto__get_packed_size(&m) : 0;
    if (bytes > MAX_MODEL_BYTES)
        status = cvk__fail(CVK_E_LIMIT, "the model takes %llu bytes; a file of protobuf may have %llu at most",
                           (unsigned long long)bytes, (unsigned long long)MAX_MODEL_BYTES);
    if (status == CVK_OK)
        status = take(&m, bytes, arg);
    cvk__export_finish(&e);
    cvk_graph_destroy(copy);
    return status;
}

/* ---- the public calls ---- */

struct to_file {
    ProtobufCBuffer base; /* first: protobuf-c hands it back */
    struct cvk__whole_file *file;
};

static void append_to_file(ProtobufCBuffer *buffer, size_t bytes, const uint8_t *data)
{
    cvk__whole_file_write(((struct to_file *)(void *)buffer)->file, data, bytes);
}

static int32_t take_file(const Onnx__ModelProto *m, uint64_t bytes, void *arg)
{
    (void)bytes;
    struct to_file out = {{append_to_file}, arg};
    onnx__model_proto__pack_to_buffer(m, &out.base);
    return CVK_OK; /* the file remembers failures */
}

static int32_t take_memory(const Onnx__ModelProto *m, uint64_t bytes, void *arg)
{
    struct cvk_tensor **out = arg;
    CVK__TRY(cvk_tensor_create(CVK_U8, 1, (const int64_t[]){(int64_t)bytes}, out));
    onnx__model_proto__pack(m, cvk_tensor_data(*out));
    return CVK_OK;
}

int32_t cvk_onnx_save(const struct cvk_graph *g, const char *path, const struct cvk_onnx_save_params *params)
{
    if (!g || !path)
        return cvk__fail(CVK_E_ARG, "cvk_onnx_save: the graph or the path is NULL");
    struct cvk__whole_file file;
    CVK__TRY(cvk__whole_file_create(&file, path));
    return cvk__whole_file_finish(&file, write_model(g, params, take_file, &file));
}

int32_t cvk_onnx_save_memory(const struct cvk_graph *g, const struct cvk_onnx_save_params *params, struct cvk_tensor **out)
{
    if (out)
        *out = NULL;
    if (!g || !out)
        return cvk__fail(CVK_E_ARG, "cvk_onnx_save_memory: the graph or out is NULL");
    return write_model(g, params, take_memory, out);
}
