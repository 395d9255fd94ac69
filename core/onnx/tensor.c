/* SPDX-License-Identifier: MIT
 * TensorProto to plain tensors: raw bytes, the typed lists, and external data. */
#include "import.h"

#include "convoke/tensor.h"

static const struct {
    const char *name;
    uint32_t dtype; /* enum cvk_dtype, 0: none */
} dtypes[17] = {{"UNDEFINED", 0},     {"FLOAT", CVK_F32},    {"UINT8", CVK_U8},   {"INT8", CVK_I8},    {"UINT16", CVK_U16},
                {"INT16", CVK_I16},   {"INT32", CVK_I32},    {"INT64", CVK_I64},  {"STRING", 0},       {"BOOL", CVK_BOOL},
                {"FLOAT16", CVK_F16}, {"DOUBLE", CVK_F64},   {"UINT32", CVK_U32}, {"UINT64", CVK_U64}, {"COMPLEX64", 0},
                {"COMPLEX128", 0},    {"BFLOAT16", CVK_BF16}};

uint32_t cvk__onnx_dtype(int32_t data_type)
{
    return data_type >= 0 && data_type < 17 ? dtypes[data_type].dtype : 0;
}

int32_t cvk__onnx_data_type(uint32_t dtype)
{
    for (int32_t i = 1; i < 17; i++)
        if (dtypes[i].dtype == dtype)
            return i;
    return 0;
}

const char *cvk__onnx_dtype_name(int32_t data_type)
{
    return data_type >= 0 && data_type < 17 ? dtypes[data_type].name : "unknown";
}

/* Entries of the list that belongs to the type; NULL if the type is in no list of numbers. */
static uint64_t list_count(const Onnx__TensorProto *t, uint32_t dtype)
{
    switch (dtype) {
    case CVK_F32:
        return t->n_float_data;
    case CVK_F64:
        return t->n_double_data;
    case CVK_I64:
        return t->n_int64_data;
    case CVK_U32:
    case CVK_U64:
        return t->n_uint64_data;
    default:
        return t->n_int32_data;
    }
}

/* Copies the typed list; narrow types and half floats (as bits) travel in int32_data. */
static int32_t copy_list(const Onnx__TensorProto *t, const struct cvk__onnx_data *d)
{
    bool exact = d->dtype == CVK_F32 || d->dtype == CVK_F64 || d->dtype == CVK_I64 || d->dtype == CVK_U64 || d->dtype == CVK_I32;
    const void *list = d->dtype == CVK_F32   ? (const void *)t->float_data
                       : d->dtype == CVK_F64 ? (const void *)t->double_data
                       : d->dtype == CVK_I64 ? (const void *)t->int64_data
                       : d->dtype == CVK_U64 ? (const void *)t->uint64_data
                                             : (const void *)t->int32_data;
    if (exact) {
        if (d->bytes)
            memcpy(d->data, list, d->bytes);
        return CVK_OK;
    }
    for (uint64_t i = 0; i < d->count; i++) {
        int64_t number = d->dtype == CVK_U32 ? (int64_t)t->uint64_data[i] : t->int32_data[i];
        int64_t low = d->dtype == CVK_I8 ? INT8_MIN : d->dtype == CVK_I16 ? INT16_MIN : 0;
        int64_t high = d->dtype == CVK_I8     ? INT8_MAX
                       : d->dtype == CVK_I16  ? INT16_MAX
                       : d->dtype == CVK_U8   ? UINT8_MAX
                       : d->dtype == CVK_U32  ? UINT32_MAX
                       : d->dtype == CVK_BOOL ? 1
                                              : UINT16_MAX;
        if (number < low || number > high)
            return cvk__fail(CVK_E_FORMAT, "element %llu is %lld, which is no %s", (unsigned long long)i, (long long)number,
                             cvk__onnx_dtype_name(t->data_type));
        switch (cvk_dtype_bytes(d->dtype)) {
        case 1:
            ((uint8_t *)d->data)[i] = (uint8_t)number;
            break;
        case 2:
            ((uint16_t *)d->data)[i] = (uint16_t)number;
            break;
        default:
            ((uint32_t *)d->data)[i] = (uint32_t)number;
        }
    }
    return CVK_OK;
}

/* Bytes of a bool other than 0 and 1 would be read as other numbers by kernels. */
static void clean_bools(const struct cvk__onnx_data *d)
{
    uint8_t *b = d->data;
    for (uint64_t i = 0; d->dtype == CVK_BOOL && i < d->count; i++)
        b[i] = b[i] != 0;
}

/* raw_data, which stands in the message if it is short, and else where the scan found it. The scan has compared its length with
 * the dims. */
static int32_t copy_raw(const struct cvk__onnx_source *source, const ProtobufCBinaryData *raw, const struct cvk__onnx_data *d)
{
    bool cut = d->bytes >= CVK__ONNX_CUT_BYTES;
    uint64_t wanted = cut ? CVK__ONNX_PLACE_BYTES : d->bytes, place;
    if (raw->len != wanted)
        return cvk__fail(CVK_E_FORMAT, "%llu bytes of raw data where %llu are needed", (unsigned long long)raw->len,
                         (unsigned long long)wanted);
    if (!cut) {
        memcpy(d->data, raw->data, (size_t)d->bytes);
        return CVK_OK;
    }
    memcpy(&place, raw->data, sizeof place);
    return cvk__onnx_input_read(&source->in, place, d->data, d->bytes);
}

/* Leaves d->data to be freed by the caller, also after a failure. */
static int32_t fill(const struct cvk__onnx_source *source, const Onnx__TensorProto *t, struct cvk__onnx_data *d)
{
    if (t->has_data_location && t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL) {
        CVK__TRY(cvk__onnx_external_read(source, t, d->bytes, &d->data)); /* nothing is allocated before the file is checked */
        clean_bools(d);
        return CVK_OK;
    }
    d->data = cvk__alloc_buffer(CVK__TAG_ONNX, d->bytes);
    if (!d->data)
        return cvk__fail_memory(d->bytes, "a tensor");
    if (t->has_raw_data && t->raw_data.len) {
        CVK__TRY(copy_raw(source, &t->raw_data, d));
    } else {
        uint64_t entries = list_count(t, d->dtype);
        if (entries != d->count)
            return cvk__fail(CVK_E_FORMAT, "%llu elements of data where the dims give %llu", (unsigned long long)entries,
                             (unsigned long long)d->count);
        CVK__TRY(copy_list(t, d));
    }
    clean_bools(d);
    return CVK_OK;
}

int32_t cvk__onnx_tensor_read(const struct cvk__onnx_source *source, const Onnx__TensorProto *t, struct cvk__onnx_data *out)
{
    memset(out, 0, sizeof *out);
    int32_t data_type = t->has_data_type ? t->data_type : 0;
    struct cvk__onnx_data d = {.dtype = cvk__onnx_dtype(data_type), .rank = (uint32_t)t->n_dims};
    if (!d.dtype)
        return cvk__fail(CVK_E_UNSUPPORTED, "data type %s (%d) is not supported", cvk__onnx_dtype_name(data_type),
                         (int)data_type);
    if (t->n_dims > CVK_MAX_RANK)
        return cvk__fail(CVK_E_LIMIT, "%zu dims; at most %d are possible", t->n_dims, CVK_MAX_RANK);
    if (t->segment)
        return cvk__fail(CVK_E_UNSUPPORTED, "segmented tensors are not supported");
    for (uint32_t i = 0; i < d.rank; i++)
        d.dims[i] = t->dims[i];
    struct cvk_tensor_desc desc;
    CVK__TRY(cvk_tensor_desc_init(&desc, d.dtype, CVK_LAYOUT_PLAIN, d.rank, d.dims));
    d.count = cvk_tensor_desc_count(&desc);
    d.bytes = desc.bytes;
    if (d.bytes > source->limits.tensor_bytes)
        return cvk__fail(CVK_E_LIMIT, "%llu bytes; the limit of a tensor is %llu", (unsigned long long)d.bytes,
                         (unsigned long long)source->limits.tensor_bytes);
    int32_t status = fill(source, t, &d);
    if (status != CVK_OK) {
        cvk__free(d.data);
        return status;
    }
    *out = d;
    return CVK_OK;
}
