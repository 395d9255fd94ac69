/* SPDX-License-Identifier: MIT
 * From GraphProto to a graph: initialisers, inputs, nodes one by one, outputs. */
#include "import.h"

#define MAX_ENDS 4096    /* inputs, and outputs, of a model */
#define SHOWN_BYTES 4096 /* of a name that the graph keeps: what cannot be shown safely is kept escaped */

static int32_t import_tensor(struct cvk__onnx *c, struct cvk__onnx_name *name)
{
    char shown[SHOWN_BYTES];
    cvk__text_escape(name->text, shown, sizeof shown);
    struct cvk__onnx_data d;
    int32_t status = cvk__onnx_tensor_read(&c->source, c->graph->initializer[name->source], &d);
    if (status != CVK_OK)
        return cvk__fail_in(status, "initialiser '%.100s': ", shown);
    struct cvk_tensor_desc desc;
    status = cvk_tensor_desc_init(&desc, d.dtype, CVK_LAYOUT_PLAIN, d.rank, d.dims);
    if (status != CVK_OK) {
        cvk__free(d.data);
        return cvk__fail_in(status, "initialiser '%.100s': ", shown);
    }
    name->value = cvk__graph_new_constant(c->g, shown, &desc, d.data);
    return name->value ? CVK_OK : cvk__fail_memory(d.bytes, "an initialiser");
}

static int32_t import_tensors(struct cvk__onnx *c)
{
    if (c->graph->n_sparse_initializer) {
        const Onnx__TensorProto *values = c->graph->sparse_initializer[0]->values;
        char shown[100];
        return cvk__fail(CVK_E_UNSUPPORTED, "sparse initialiser '%s': sparse tensors are not supported",
                         cvk__text_escape(values && values->name ? values->name : "", shown, sizeof shown));
    }
    for (uint32_t i = 0; i < c->name_count; i++)
        if (c->names[i].maker == CVK__ONNX_MAKER_TENSOR && c->names[i].needed)
            CVK__TRY(import_tensor(c, &c->names[i]));
    return CVK_OK;
}

static const char *type_text(const Onnx__TypeProto *type)
{
    switch (type ? type->value_case : ONNX__TYPE_PROTO__VALUE__NOT_SET) {
    case ONNX__TYPE_PROTO__VALUE_SEQUENCE_TYPE:
        return "a sequence";
    case ONNX__TYPE_PROTO__VALUE_MAP_TYPE:
        return "a map";
    case ONNX__TYPE_PROTO__VALUE_OPTIONAL_TYPE:
        return "an optional";
    case ONNX__TYPE_PROTO__VALUE_SPARSE_TENSOR_TYPE:
        return "a sparse tensor";
    default:
        return "of no known type";
    }
}

static int32_t import_input(struct cvk__onnx *c, const Onnx__ValueInfoProto *info, struct cvk__onnx_name *name)
{
    char shown[SHOWN_BYTES];
    cvk__text_escape(name->text, shown, sizeof shown);
    if (!info->type || info->type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE || !info->type->tensor_type)
        return cvk__fail(CVK_E_UNSUPPORTED, "input '%.100s' is %s; only tensors are supported", shown, type_text(info->type));
    const Onnx__TypeProto__Tensor *t = info->type->tensor_type;
    int32_t data_type = t->has_elem_type ? t->elem_type : 0;
    uint32_t dtype = cvk__onnx_dtype(data_type);
    if (!dtype)
        return cvk__fail(CVK_E_UNSUPPORTED, "input '%.100s': data type %s (%d) is not supported", shown,
                         cvk__onnx_dtype_name(data_type), (int)data_type);
    if (!t->shape)
        return cvk__fail(CVK_E_UNSUPPORTED,
                         "input '%.100s' has no shape: its number of axes must be known (export the model with "
                         "shapes; open sizes may have names)",
                         shown);
    if (t->shape->n_dim > CVK_MAX_RANK)
        return cvk__fail(CVK_E_LIMIT, "input '%.100s' has %zu axes; at most %d are possible", shown, t->shape->n_dim,
                         CVK_MAX_RANK);
    int64_t dims[CVK_MAX_RANK];
    for (size_t i = 0; i < t->shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *d = t->shape->dim[i];
        bool fixed = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        if (fixed && d->dim_value < 0)
            return cvk__fail(CVK_E_FORMAT, "input '%.100s': size %zu is negative (%lld)", shown, i, (long long)d->dim_value);
        dims[i] = fixed ? d->dim_value : CVK_BATCH;
    }
    name->value = cvk_input(c->g, shown, dtype, (uint32_t)t->shape->n_dim, dims);
    return name->value ? CVK_OK : cvk__fail(cvk_graph_status(c->g), "%s", cvk_graph_error(c->g));
}

static int32_t import_inputs(struct cvk__onnx *c)
{
    uint32_t count = 0;
    for (size_t i = 0; i < c->graph->n_input; i++) {
        struct cvk__onnx_name *name = cvk__onnx_name_find(c, c->graph->input[i]->name);
        if (name->maker != CVK__ONNX_MAKER_INPUT)
            continue; /* an initialiser gives it */
        if (++count > MAX_ENDS)
            return cvk__fail(CVK_E_LIMIT, "ONNX graph: more than %d inputs", MAX_ENDS);
        CVK__TRY(import_input(c, c->graph->input[i], name));
    }
    return CVK_OK;
}

static int32_t import_outputs(struct cvk__onnx *c)
{
    if (c->graph->n_output == 0)
        return cvk__fail(CVK_E_FORMAT, "ONNX graph: there are no outputs");
    if (c->graph->n_output > MAX_ENDS)
        return cvk__fail(CVK_E_LIMIT, "ONNX graph: more than %d outputs", MAX_ENDS);
    for (size_t i = 0; i < c->graph->n_output; i++) {
        char shown[SHOWN_BYTES];
        const struct cvk__onnx_name *name = cvk__onnx_name_find(c, c->graph->output[i]->name);
        CVK__TRY(cvk_output(c->g, name->value, cvk__text_escape(name->text, shown, sizeof shown)));
    }
    return CVK_OK;
}

int32_t cvk__onnx_import_graph(struct cvk__onnx *c)
{
    CVK__TRY(cvk__onnx_names_collect(c));
    CVK__TRY(cvk__onnx_order_check(c));
    CVK__TRY(import_inputs(c));
    CVK__TRY(import_tensors(c));
    for (uint32_t i = 0; i < c->graph->n_node; i++) {
        if (!c->live[i])
            continue;
        c->node = c->graph->node[i];
        c->index = i;
        CVK__TRY(cvk__onnx_node(c));
    }
    return import_outputs(c);
}
