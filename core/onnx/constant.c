/* SPDX-License-Identifier: MIT
 * Constant in all its forms, ConstantOfShape, and Range of constants. */
#include "import.h"

#include <math.h>

#include "convoke/tensor.h"

/* Makes output 0 a constant with this content, which it takes. */
static int32_t take_data(struct cvk__onnx *c, const struct cvk__onnx_data *d)
{
    struct cvk_tensor_desc desc;
    int32_t status = cvk_tensor_desc_init(&desc, d->dtype, CVK_LAYOUT_PLAIN, d->rank, d->dims);
    if (status != CVK_OK) {
        cvk__free(d->data);
        return status;
    }
    cvk_value v = cvk__graph_new_constant(c->g, NULL, &desc, d->data);
    return v ? cvk__onnx_out(c, 0, v) : cvk__fail_memory(d->bytes, "a constant");
}

static int32_t constant(struct cvk__onnx *c)
{
    static const char *const unsupported[] = {"sparse_value", "value_string", "value_strings"};
    if (c->node->n_attribute != 1)
        return cvk__onnx_fail(c, CVK_E_FORMAT, "%zu attributes; exactly one must give the value", c->node->n_attribute);
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
        if (cvk__onnx_attr(c, unsupported[i]))
            return cvk__onnx_fail_attr(c, CVK_E_UNSUPPORTED, unsupported[i], "sparse tensors and strings are not supported");
    const Onnx__TensorProto *t;
    CVK__TRY(cvk__onnx_attr_tensor(c, "value", &t));
    if (t) {
        struct cvk__onnx_data d;
        int32_t status = cvk__onnx_tensor_read(&c->source, t, &d);
        if (status != CVK_OK) {
            char text[600];
            snprintf(text, sizeof text, "%s", cvk_error_text());
            return cvk__onnx_fail_attr(c, status, "value", "%s", text);
        }
        return take_data(c, &d);
    }
    if (c->opset < 12)
        return cvk__onnx_fail_attr(c, CVK_E_FORMAT, "value", "is missing");
    const Onnx__AttributeProto *ints = cvk__onnx_attr(c, "value_ints");
    const float *floats;
    uint64_t count;
    float number = 0;
    int64_t integer = 0;
    CVK__TRY(cvk__onnx_attr_floats(c, "value_floats", &floats, &count));
    CVK__TRY(cvk__onnx_attr_float(c, "value_float", 0, &number));
    CVK__TRY(cvk__onnx_attr_int(c, "value_int", 0, INT64_MIN, INT64_MAX, &integer));
    if (ints)
        return cvk__onnx_out(c, 0, cvk_constant(c->g, NULL, CVK_I64, 1, (const int64_t[]){(int64_t)ints->n_ints}, ints->ints));
    if (cvk__onnx_attr(c, "value_floats"))
        return cvk__onnx_out(c, 0, cvk_constant(c->g, NULL, CVK_F32, 1, (const int64_t[]){(int64_t)count}, floats));
    if (cvk__onnx_attr(c, "value_float"))
        return cvk__onnx_out(c, 0, cvk_constant(c->g, NULL, CVK_F32, 0, NULL, &number));
    if (cvk__onnx_attr(c, "value_int"))
        return cvk__onnx_out(c, 0, cvk_constant(c->g, NULL, CVK_I64, 0, NULL, &integer));
    return cvk__onnx_attr_finish(c);
}

static int32_t constant_of_shape(struct cvk__onnx *c)
{
    struct cvk_fill_params p = {.dtype = CVK_F32};
    const Onnx__TensorProto *t;
    CVK__TRY(cvk__onnx_attr_tensor(c, "value", &t));
    if (t) {
        struct cvk__onnx_data d;
        int32_t status = cvk__onnx_tensor_read(&c->source, t, &d);
        if (status != CVK_OK) {
            char text[600];
            snprintf(text, sizeof text, "%s", cvk_error_text());
            return cvk__onnx_fail_attr(c, status, "value", "%s", text);
        }
        struct cvk_tensor *one = NULL;
        status = d.count == 1
                     ? cvk_tensor_wrap(d.dtype, d.rank, d.dims, d.data, d.bytes, &one)
                     : cvk__onnx_fail_attr(c, CVK_E_SHAPE, "value", "%llu elements; it must be one", (unsigned long long)d.count);
        if (status == CVK_OK) {
            p.dtype = d.dtype;
            p.value = cvk_tensor_at(one, 0);
            p.integer = d.dtype == CVK_I64 || d.dtype == CVK_U64 ? *(const int64_t *)d.data
                        : d.dtype > CVK_BF16                     ? (int64_t)p.value
                                                                 : 0;
        }
        cvk_tensor_destroy(one);
        cvk__free(d.data);
        CVK__TRY(status);
    }
    return cvk__onnx_out(c, 0, cvk_fill(c->g, cvk__onnx_in(c, 0), &p));
}

/* start, limit and delta as numbers; whole ones beyond 2^53 are refused, as doubles would lose their ends. */
static int32_t range_numbers(struct cvk__onnx *c, double number[3], uint32_t *dtype)
{
    for (uint32_t i = 0; i < 3; i++) {
        struct cvk_tensor *t;
        CVK__TRY(cvk__onnx_content(c, i, &t));
        if (!t)
            return cvk__onnx_fail(c, CVK_E_UNSUPPORTED, "input %u decides sizes and must be a constant of the model", i);
        uint32_t type = cvk_tensor_get_desc(t)->dtype;
        bool one = cvk_tensor_count(t) == 1;
        number[i] = one ? cvk_tensor_at(t, 0) : 0;
        cvk_tensor_destroy(t);
        if (!one || !(fabs(number[i]) <= 0x1p53) || (i && type != *dtype))
            return cvk__onnx_fail(c, CVK_E_ARG, "input %u must be one finite number of the type of the others", i);
        *dtype = type;
    }
    return number[2] != 0 ? CVK_OK : cvk__onnx_fail(c, CVK_E_ARG, "delta (input 2) is 0");
}

static int32_t range(struct cvk__onnx *c)
{
    double n[3];
    uint32_t dtype = 0;
    CVK__TRY(range_numbers(c, n, &dtype));
    double steps = ceil((n[1] - n[0]) / n[2]);
    if (dtype != CVK_F32 && dtype != CVK_F64 && dtype != CVK_I32 && dtype != CVK_I64 && dtype != CVK_I16)
        return cvk__onnx_fail(c, CVK_E_UNSUPPORTED, "type %s is not supported", cvk_dtype_name(dtype));
    if (steps * cvk_dtype_bytes(dtype) > (double)c->source.limits.tensor_bytes)
        return cvk__onnx_fail(c, CVK_E_LIMIT, "%.0f elements; the limit of a tensor is %llu bytes", steps,
                              (unsigned long long)c->source.limits.tensor_bytes);
    struct cvk__onnx_data d = {.dtype = dtype, .rank = 1, .count = steps > 0 ? (uint64_t)steps : 0};
    d.dims[0] = (int64_t)d.count;
    d.bytes = d.count * cvk_dtype_bytes(dtype);
    d.data = cvk__alloc_buffer(CVK__TAG_ONNX, d.bytes);
    if (!d.data)
        return cvk__fail_memory(d.bytes, "a range");
    for (uint64_t i = 0; i < d.count; i++) {
        double value = n[0] + (double)i * n[2];
        if (dtype == CVK_F32)
            ((float *)d.data)[i] = (float)value;
        else if (dtype == CVK_F64)
            ((double *)d.data)[i] = value;
        else if (dtype == CVK_I32)
            ((int32_t *)d.data)[i] = (int32_t)value;
        else if (dtype == CVK_I64)
            ((int64_t *)d.data)[i] = (int64_t)value;
        else
            ((int16_t *)d.data)[i] = (int16_t)value;
    }
    return take_data(c, &d);
}

static const struct cvk__onnx_row rows[] = {
    {"Constant", 1, CVK__ONNX_LAST, 0, 0, 1, constant, 0},
    {"ConstantOfShape", 9, CVK__ONNX_LAST, 1, 1, 1, constant_of_shape, 0},
    {"Range", 11, CVK__ONNX_LAST, 3, 3, 1, range, 0},
};
const struct cvk__onnx_table cvk__onnx_constant = {rows, sizeof rows / sizeof rows[0]};
