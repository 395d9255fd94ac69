/* SPDX-License-Identifier: MIT
 * The messages of a model that is written: nodes, attributes, initialisers, all in memory that is freed at once. The contents
 * of constants stay where they are. */
#include "export.h"

#include <math.h>
#include <stdarg.h>

#include "../ops/op_def.h"
#include "convoke/tensor.h"

#define BLOCK_BYTES (64u << 10)

struct cvk__export_block {
    struct cvk__export_block *next;
    uint64_t used, capacity;
    max_align_t data[];
};

void *cvk__export_alloc(struct cvk__export *e, uint64_t bytes)
{
    bytes = cvk__round_up(bytes ? bytes : 1, _Alignof(max_align_t));
    if (!e->blocks || bytes > e->blocks->capacity - e->blocks->used) {
        uint64_t capacity = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;
        struct cvk__export_block *b = cvk__alloc(CVK__TAG_ONNX, sizeof *b + capacity);
        if (!b) {
            e->status = e->status ? e->status : cvk__fail_memory(capacity, "an ONNX model");
            return NULL;
        }
        b->capacity = capacity;
        b->next = e->blocks;
        e->blocks = b;
    }
    void *memory = (char *)e->blocks->data + e->blocks->used;
    e->blocks->used += bytes;
    return memory;
}

char *cvk__export_text(struct cvk__export *e, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = cvk__export_alloc(e, bytes);
    return copy ? memcpy(copy, text, bytes) : NULL;
}

void cvk__export_finish(struct cvk__export *e)
{
    while (e->blocks) {
        struct cvk__export_block *next = e->blocks->next;
        cvk__free(e->blocks);
        e->blocks = next;
    }
    cvk__free(e->out.node);
    cvk__free(e->out.initializer);
    cvk__free(e->names);
    cvk__free(e->wanted);
    cvk__free(e->live);
    cvk__free(e->open);
    cvk__free(e->sized);
    cvk_graph_destroy(e->value_names);
    cvk_graph_destroy(e->node_names);
}

int32_t cvk__export_fail(struct cvk__export *e, int32_t status, const char *format, ...)
{
    char text[600], shown[100];
    if (e->status != CVK_OK)
        return e->status;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    e->status = cvk__fail(status, "node '%s' (%s): %s", cvk__text_escape(e->node->name, shown, sizeof shown),
                          cvk__op_find(e->node->op)->name, text);
    return e->status;
}

/* Appends to an array of pointers. */
static void append(struct cvk__export *e, void ***array, size_t *count, uint64_t *capacity, void *item)
{
    if (!item)
        return;
    if (*count == *capacity) {
        uint64_t bigger = *capacity ? *capacity * 2 : 64;
        void **grown = cvk__realloc(CVK__TAG_ONNX, *array, bigger * sizeof *grown);
        if (!grown) {
            e->status = e->status ? e->status : cvk__fail_memory(bigger * sizeof *grown, "an ONNX model");
            return;
        }
        *array = grown;
        *capacity = bigger;
    }
    (*array)[(*count)++] = item;
}

/* ---- nodes ---- */

static char **copy_names(struct cvk__export *e, uint32_t count, const char *const *names)
{
    char **copy = cvk__export_alloc(e, count * sizeof *copy);
    for (uint32_t i = 0; copy && i < count; i++)
        copy[i] = (char *)(uintptr_t)names[i]; /* names live as long as the export; protobuf-c only reads them */
    return copy;
}

static void check_types(struct cvk__export *e, const char *op, uint32_t input_count, const char *const *inputs)
{
    for (uint32_t i = 0; i < input_count; i++) {
        uint32_t dtype = cvk__export_name_type(e, inputs[i]);
        if (dtype && !cvk__export_takes(op, e->opset, i, dtype))
            cvk__export_fail(e, CVK_E_UNSUPPORTED, "ONNX's %s of opset %lld takes no %s", op, (long long)e->opset,
                             cvk_dtype_name(dtype));
    }
}

void cvk__export_node(struct cvk__export *e, const char *op, uint32_t input_count, const char *const *inputs,
                      uint32_t output_count, const char *const *outputs)
{
    Onnx__NodeProto *n = cvk__export_alloc(e, sizeof *n);
    if (e->status != CVK_OK || !n)
        return;
    onnx__node_proto__init(n);
    while (input_count && !inputs[input_count - 1][0])
        input_count--;
    while (output_count && !outputs[output_count - 1][0])
        output_count--;
    check_types(e, op, input_count, inputs);
    bool main_node =
        output_count && e->node->output_count && e->node->outputs[0] && e->names[e->node->outputs[0] - 1] == outputs[0];
    char name[300];
    snprintf(name, sizeof name, "%.200s/%s", e->node->name, op);
    n->name = (char *)(uintptr_t)cvk__export_node_name(e, main_node ? e->node->name : name);
    n->op_type = (char *)(uintptr_t)op;
    n->input = copy_names(e, input_count, inputs);
    n->n_input = input_count;
    n->output = copy_names(e, output_count, outputs);
    n->n_output = output_count;
    n->attribute = cvk__export_alloc(e, CVK__EXPORT_ATTRIBUTES * sizeof(Onnx__AttributeProto *));
    if (e->status != CVK_OK)
        return;
    append(e, (void ***)&e->out.node, &e->out.n_node, &e->node_capacity, n);
    e->last = n;
}

const char *cvk__export_emit(struct cvk__export *e, const char *op, const char *out, uint32_t input_count,
                             const char *const *inputs)
{
    if (e->status != CVK_OK)
        return "";
    out = out ? out : cvk__export_temp(e, op);
    cvk__export_node(e, op, input_count, inputs, 1, &out);
    return out;
}

void cvk__export_domain(struct cvk__export *e)
{
    if (e->status != CVK_OK)
        return;
    e->last->domain = (char *)(uintptr_t)CVK__ONNX_TRAINING;
    e->trains = true;
}

/* ---- attributes ---- */

static Onnx__AttributeProto *attribute(struct cvk__export *e, const char *name, Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *a = cvk__export_alloc(e, sizeof *a);
    if (e->status != CVK_OK || !a)
        return NULL;
    onnx__attribute_proto__init(a);
    a->name = (char *)(uintptr_t)name;
    a->has_type = true;
    a->type = type;
    e->last->attribute[e->last->n_attribute++] = a;
    return a;
}

void cvk__export_int(struct cvk__export *e, const char *name, int64_t value)
{
    Onnx__AttributeProto *a = attribute(e, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (a) {
        a->has_i = true;
        a->i = value;
    }
}

void cvk__export_ints(struct cvk__export *e, const char *name, const int64_t *values, uint32_t count)
{
    int64_t *copy = cvk__export_alloc(e, count * sizeof *copy);
    Onnx__AttributeProto *a = attribute(e, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    if (a && copy) {
        memcpy(copy, values, count * sizeof *copy);
        a->ints = copy;
        a->n_ints = count;
    }
}

void cvk__export_float(struct cvk__export *e, const char *name, float value)
{
    Onnx__AttributeProto *a = attribute(e, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (a) {
        a->has_f = true;
        a->f = value;
    }
}

void cvk__export_word(struct cvk__export *e, const char *name, const char *text)
{
    Onnx__AttributeProto *a = attribute(e, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    if (a) {
        a->has_s = true;
        a->s = (ProtobufCBinaryData){strlen(text), (uint8_t *)(uintptr_t)text};
    }
}

void cvk__export_tensor(struct cvk__export *e, const char *name, Onnx__TensorProto *t)
{
    Onnx__AttributeProto *a = attribute(e, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR);
    if (a)
        a->t = t;
}

/* ---- tensors ---- */

Onnx__TensorProto *cvk__export_message(struct cvk__export *e, uint32_t dtype, uint32_t rank, const int64_t *dims,
                                       const void *data, uint64_t bytes)
{
    Onnx__TensorProto *t = cvk__export_alloc(e, sizeof *t);
    int64_t *copy = cvk__export_alloc(e, rank * sizeof *copy);
    if (!t || !copy)
        return NULL;
    onnx__tensor_proto__init(t);
    if (rank)
        memcpy(copy, dims, rank * sizeof *copy);
    t->dims = copy;
    t->n_dims = rank;
    t->has_data_type = true;
    t->data_type = cvk__onnx_data_type(dtype);
    t->has_raw_data = true;
    t->raw_data = (ProtobufCBinaryData){(size_t)bytes, (uint8_t *)(uintptr_t)data};
    return t;
}

void cvk__export_initializer(struct cvk__export *e, const char *name, Onnx__TensorProto *t)
{
    if (!t)
        return;
    t->name = (char *)(uintptr_t)name;
    append(e, (void ***)&e->out.initializer, &e->out.n_initializer, &e->tensor_capacity, t);
}

static const char *initializer(struct cvk__export *e, const char *part, uint32_t dtype, uint32_t rank, int64_t count,
                               const void *data)
{
    char wanted[300];
    uint64_t bytes = (uint64_t)count * cvk_dtype_bytes(dtype);
    void *copy = cvk__export_alloc(e, bytes);
    snprintf(wanted, sizeof wanted, "%.200s.%s", e->node->name, part);
    const char *name = cvk__export_new_name(e, wanted, dtype);
    if (!copy)
        return "";
    if (bytes)
        memcpy(copy, data, (size_t)bytes);
    cvk__export_initializer(e, name, cvk__export_message(e, dtype, rank, &count, copy, bytes));
    return name;
}

const char *cvk__export_list(struct cvk__export *e, const char *part, const int64_t *values, uint32_t count)
{
    return initializer(e, part, CVK_I64, 1, count, values);
}

const char *cvk__export_floats(struct cvk__export *e, const char *part, const float *values, uint32_t count)
{
    return initializer(e, part, CVK_F32, 1, count, values);
}

uint32_t cvk__export_encode(uint32_t dtype, double value, void *out)
{
    float single = (float)value;
    int64_t whole = dtype == CVK_BOOL      ? value != 0
                    : isnan(value)         ? 0
                    : fabs(value) < 0x1p63 ? (int64_t)value
                    : value < 0            ? INT64_MIN
                    : dtype == CVK_U64     ? (int64_t)(value < 0x1p64 ? (uint64_t)value : UINT64_MAX)
                                           : INT64_MAX;
    uint32_t bytes = cvk_dtype_bytes(dtype);
    memcpy(out,
           dtype == CVK_F32   ? (const void *)&single
           : dtype == CVK_F64 ? (const void *)&value
                              : (const void *)&whole,
           bytes);
    return bytes;
}

const char *cvk__export_number(struct cvk__export *e, const char *part, uint32_t dtype, uint32_t rank, double value)
{
    char data[8];
    bool half = dtype == CVK_F16 || dtype == CVK_BF16;
    cvk__export_encode(half ? (uint32_t)CVK_F32 : dtype, value, data);
    const char *name = initializer(e, part, half ? (uint32_t)CVK_F32 : dtype, rank, 1, data);
    if (!half)
        return name;
    name = CVK__EMIT(e, "Cast", NULL, name);
    cvk__export_int(e, "to", cvk__onnx_data_type(dtype));
    return name;
}
