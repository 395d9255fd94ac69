/* SPDX-License-Identifier: MIT
 * Writing a safetensors file: header first, so every place in it is known before any content is asked for. */
#include <endian.h>
#include <jansson.h>
#include <stdlib.h>

#include "../base/whole_file.h"
#include "safetensors.h"

static const char *const types[] = {
    [CVK_F32] = "F32", [CVK_F64] = "F64", [CVK_F16] = "F16",   [CVK_BF16] = "BF16", [CVK_I8] = "I8",
    [CVK_U8] = "U8",   [CVK_I16] = "I16", [CVK_U16] = "U16",   [CVK_I32] = "I32",   [CVK_U32] = "U32",
    [CVK_I64] = "I64", [CVK_U64] = "U64", [CVK_BOOL] = "BOOL",
};

const char *cvk__safetensors_type(uint32_t dtype)
{
    return dtype && dtype < sizeof types / sizeof types[0] ? types[dtype] : NULL;
}

static int32_t fail_text(const char *what, const char *text)
{
    return cvk__fail(CVK_E_ARG, "%s '%s' is no UTF-8, stands for something else, or comes twice", what, CVK__SHOW(text));
}

/* Adds a member, which it takes also on failure; 0 if the key is new and valid. */
static int add_member(json_t *object, const char *key, json_t *value)
{
    if (!json_object_get(object, key))
        return json_object_set_new(object, key, value);
    json_decref(value);
    return -1;
}

static int32_t add_texts(json_t *header, const struct cvk__safetensors_text *texts, uint32_t count)
{
    json_t *object = json_object();
    int32_t status = CVK_OK;
    if (!object || json_object_set_new(header, "__metadata__", object))
        return cvk__fail_memory(0, "the header of a file");
    for (uint32_t i = 0; i < count && status == CVK_OK; i++) {
        json_t *text = json_string(texts[i].text);
        if (!text || add_member(object, texts[i].key, text))
            status = fail_text("the text", texts[i].key);
    }
    return status;
}

/* {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]} */
static json_t *describe(const struct cvk__safetensors_entry *e)
{
    json_t *shape = json_array();
    for (uint32_t i = 0; shape && i < e->desc.rank; i++)
        if (json_array_append_new(shape, json_integer(e->desc.dims[i]))) {
            json_decref(shape);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", cvk__safetensors_type(e->desc.dtype), "shape", shape, "data_offsets",
                     (json_int_t)e->begin, (json_int_t)(e->begin + e->desc.bytes));
}

/* Places for all entries, those with the larger elements first; order[k] is the k-th in the file. */
static int32_t place(struct cvk__safetensors_entry *entries, uint32_t count, uint32_t *order)
{
    uint64_t at = 0;
    uint32_t placed = 0;
    for (uint32_t bytes = 8; bytes; bytes /= 2)
        for (uint32_t i = 0; i < count; i++) {
            if (cvk_dtype_bytes(entries[i].desc.dtype) != bytes)
                continue;
            entries[i].begin = at;
            order[placed++] = i;
            if (!cvk__add_u64(at, entries[i].desc.bytes, &at) || at > INT64_MAX)
                return cvk__fail(CVK_E_LIMIT, "the tensors of a file are larger than 2^63 bytes");
        }
    return CVK_OK;
}

/* The header as text, padded with blanks so that the contents begin at a multiple of 8. */
static int32_t make_header(const struct cvk__safetensors_entry *entries, uint32_t count, const uint32_t *order,
                           const struct cvk__safetensors_text *texts, uint32_t text_count, char **out)
{
    json_t *header = json_object();
    if (!header)
        return cvk__fail_memory(0, "the header of a file");
    int32_t status = add_texts(header, texts, text_count);
    for (uint32_t k = 0; k < count && status == CVK_OK; k++) {
        const struct cvk__safetensors_entry *e = &entries[order[k]];
        json_t *object = describe(e);
        if (!object)
            status = cvk__fail_memory(0, "the header of a file");
        else if (add_member(header, e->name, object))
            status = fail_text("the tensor", e->name);
    }
    *out = status == CVK_OK ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (status == CVK_OK && !*out)
        status = cvk__fail_memory(0, "the header of a file");
    return status;
}

static int32_t write_contents(struct cvk__whole_file *f, const struct cvk__safetensors_entry *entries, uint32_t count,
                              const uint32_t *order, int32_t (*fill)(void *arg, uint32_t i, void *data), void *arg)
{
    uint64_t most = 0;
    for (uint32_t i = 0; i < count; i++)
        most = entries[i].desc.bytes > most ? entries[i].desc.bytes : most;
    void *data = cvk__alloc_buffer(CVK__TAG_MISC, most);
    int32_t status = data ? CVK_OK : cvk__fail_memory(most, "the contents of a file");
    for (uint32_t k = 0; k < count && status == CVK_OK && f->status == CVK_OK; k++) {
        status = fill(arg, order[k], data);
        if (status == CVK_OK)
            cvk__whole_file_write(f, data, entries[order[k]].desc.bytes);
    }
    cvk__free(data);
    return status;
}

int32_t cvk__safetensors_write(const char *path, struct cvk__safetensors_entry *entries, uint32_t count,
                               const struct cvk__safetensors_text *texts, uint32_t text_count,
                               int32_t (*fill)(void *arg, uint32_t i, void *data), void *arg)
{
    uint32_t *order = cvk__alloc_array(CVK__TAG_MISC, count + 1ull, sizeof *order);
    char *header = NULL;
    struct cvk__whole_file f;
    int32_t status = order ? place(entries, count, order) : cvk__fail_memory(count * sizeof *order, "the header of a file");
    if (status == CVK_OK)
        status = make_header(entries, count, order, texts, text_count, &header);
    uint64_t bytes = header ? strlen(header) : 0, padded = cvk__round_up(bytes, 8), length = htole64(padded);
    if (padded > CVK__SAFETENSORS_HEADER_BYTES)
        status = cvk__fail(CVK_E_LIMIT, "the header of the file takes %llu bytes; the limit is %u", (unsigned long long)padded,
                           CVK__SAFETENSORS_HEADER_BYTES);
    if (status == CVK_OK && (status = cvk__whole_file_create(&f, path)) == CVK_OK) {
        cvk__whole_file_write(&f, &length, sizeof length);
        cvk__whole_file_write(&f, header, bytes);
        cvk__whole_file_write(&f, "       ", padded - bytes);
        status = cvk__whole_file_finish(&f, write_contents(&f, entries, count, order, fill, arg));
    }
    free(header); /* jansson's */
    cvk__free(order);
    return status;
}
