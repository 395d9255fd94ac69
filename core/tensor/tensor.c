/* SPDX-License-Identifier: MIT
 * Host tensors. */
#include "../base/base.h"
#include "convoke/tensor.h"

#include <math.h>

struct cvk_tensor {
    struct cvk_tensor_desc desc;
    void *data;
    bool owned;
};

static int32_t create(uint32_t dtype, uint32_t rank, const int64_t *dims, struct cvk_tensor **out)
{
    if (!out)
        return cvk__fail(CVK_E_ARG, "a tensor: out is NULL");
    *out = NULL;
    struct cvk_tensor_desc desc;
    CVK__TRY(cvk_tensor_desc_init(&desc, dtype, CVK_LAYOUT_PLAIN, rank, dims));
    struct cvk_tensor *tensor = cvk__alloc(CVK__TAG_TENSOR, sizeof *tensor);
    if (!tensor)
        return cvk__fail_memory(sizeof *tensor, "a tensor");
    tensor->desc = desc;
    *out = tensor;
    return CVK_OK;
}

int32_t cvk_tensor_create(uint32_t dtype, uint32_t rank, const int64_t *dims, struct cvk_tensor **out)
{
    CVK__TRY(create(dtype, rank, dims, out));
    struct cvk_tensor *tensor = *out;
    tensor->owned = true;
    tensor->data = cvk__alloc_buffer(CVK__TAG_TENSOR, tensor->desc.bytes);
    if (!tensor->data) {
        char text[CVK_SHAPE_TEXT + 16];
        char shape[CVK_SHAPE_TEXT];
        snprintf(text, sizeof text, "a tensor of %s", cvk_shape_text(rank, dims, shape));
        int32_t status = cvk__fail_memory(tensor->desc.bytes, text);
        cvk_tensor_destroy(tensor);
        *out = NULL;
        return status;
    }
    memset(tensor->data, 0, (size_t)tensor->desc.bytes);
    return CVK_OK;
}

int32_t cvk_tensor_wrap(uint32_t dtype, uint32_t rank, const int64_t *dims, void *data, uint64_t bytes, struct cvk_tensor **out)
{
    CVK__TRY(create(dtype, rank, dims, out));
    struct cvk_tensor *tensor = *out;
    int32_t status = CVK_OK;
    if (tensor->desc.bytes != bytes) {
        char shape[CVK_SHAPE_TEXT];
        status = cvk__fail(CVK_E_SHAPE, "a tensor of %s in %s has %llu bytes; the memory given has %llu",
                           cvk_shape_text(rank, dims, shape), cvk_dtype_name(dtype), (unsigned long long)tensor->desc.bytes,
                           (unsigned long long)bytes);
    } else if (!data && bytes > 0) {
        status = cvk__fail(CVK_E_ARG, "cvk_tensor_wrap: data is NULL");
    }
    if (status != CVK_OK) {
        cvk_tensor_destroy(tensor);
        *out = NULL;
        return status;
    }
    tensor->data = data;
    return CVK_OK;
}

void cvk_tensor_destroy(struct cvk_tensor *tensor)
{
    if (!tensor)
        return;
    if (tensor->owned)
        cvk__free(tensor->data);
    cvk__free(tensor);
}

void *cvk_tensor_data(const struct cvk_tensor *tensor)
{
    return tensor->data;
}

uint64_t cvk_tensor_bytes(const struct cvk_tensor *tensor)
{
    return tensor->desc.bytes;
}

uint64_t cvk_tensor_count(const struct cvk_tensor *tensor)
{
    return cvk_tensor_desc_count(&tensor->desc);
}

const struct cvk_tensor_desc *cvk_tensor_get_desc(const struct cvk_tensor *tensor)
{
    return &tensor->desc;
}

int32_t cvk_tensor_reshape(struct cvk_tensor *tensor, uint32_t rank, const int64_t *dims)
{
    struct cvk_tensor_desc desc;
    CVK__TRY(cvk_tensor_desc_init(&desc, tensor->desc.dtype, CVK_LAYOUT_PLAIN, rank, dims));
    if (cvk_tensor_desc_count(&desc) != cvk_tensor_count(tensor)) {
        char before[CVK_SHAPE_TEXT], after[CVK_SHAPE_TEXT];
        return cvk__fail(CVK_E_SHAPE, "a tensor of %s has %llu elements and cannot become %s, which has %llu",
                         cvk_shape_text(tensor->desc.rank, tensor->desc.dims, before),
                         (unsigned long long)cvk_tensor_count(tensor), cvk_shape_text(rank, dims, after),
                         (unsigned long long)cvk_tensor_desc_count(&desc));
    }
    tensor->desc = desc;
    return CVK_OK;
}

/* IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
static double from_f16(uint16_t bits)
{
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double value;
    if (exponent == 31)
        value = fraction ? NAN : INFINITY;
    else if (exponent == 0)
        value = ldexp(fraction, -24);
    else
        value = ldexp(fraction + 1024, exponent - 25);
    return bits >> 15 ? -value : value;
}

/* bfloat16: the upper half of a binary32. */
static double from_bf16(uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

/* memcpy, since memory that the caller gave need not be aligned. */
#define LOAD(type)                                                            \
    do {                                                                      \
        type value;                                                           \
        memcpy(&value, (const char *)tensor->data + i * sizeof value, sizeof value); \
        return (double)value;                                                 \
    } while (0)

double cvk_tensor_at(const struct cvk_tensor *tensor, uint64_t i)
{
    if (i >= cvk_tensor_count(tensor))
        return NAN;
    uint16_t half;
    switch (tensor->desc.dtype) {
    case CVK_F32:
        LOAD(float);
    case CVK_F64:
        LOAD(double);
    case CVK_F16:
        memcpy(&half, (const char *)tensor->data + i * sizeof half, sizeof half);
        return from_f16(half);
    case CVK_BF16:
        memcpy(&half, (const char *)tensor->data + i * sizeof half, sizeof half);
        return from_bf16(half);
    case CVK_I8:
        LOAD(int8_t);
    case CVK_I16:
        LOAD(int16_t);
    case CVK_U16:
        LOAD(uint16_t);
    case CVK_I32:
        LOAD(int32_t);
    case CVK_U32:
        LOAD(uint32_t);
    case CVK_I64:
        LOAD(int64_t);
    case CVK_U64:
        LOAD(uint64_t);
    default: /* u8 and bool */
        LOAD(uint8_t);
    }
}
