/* SPDX-License-Identifier: MIT
 * Walks over the wire format of a model before anything is unpacked: nesting, lengths, wire types, counts and the size of every
 * tensor are checked, so that an evil file costs no more than one pass over its bytes. What was checked is copied as it is, but
 * for the contents of tensors (raw_data), of which only the place is kept: the copy is never longer than the input, and for real
 * models a thousandth of it. */
#include "import.h"

#include <stdarg.h>

#include "schema.h"

#define MAX_FIELD_NUMBER ((1u << 29) - 1)
#define MAX_ATTRIBUTES 64 /* of one node: the importer keeps a bit for each; no op has a third of them */

/* Where we are, for messages: one entry per message that is open. */
struct place {
    const struct place *up;
    const struct cvk__wire_field *field; /* that holds this message; NULL: the file itself */
    uint32_t index;                      /* among repeated ones */
};

struct scan {
    struct cvk__onnx_stream *stream;
    const struct cvk_onnx_limits *limits;
    const char *root;
    uint64_t nodes, tensors, external_bytes;
};

/* What a tensor says of itself. */
struct tensor {
    int64_t dims[CVK_MAX_RANK];
    uint32_t rank;
    int64_t dtype;
    bool external, segmented;
    bool has_raw;
    uint64_t raw_bytes;
    uint64_t floats, int32s, strings, int64s, doubles, uint64s;
};

static int32_t fail_at(const struct scan *s, int32_t status, const struct place *at, const char *field, uint64_t offset,
                       const char *format, ...) CVK_PRINTF(6, 7);
static int32_t fail_at(const struct scan *s, int32_t status, const struct place *at, const char *field, uint64_t offset,
                       const char *format, ...)
{
    char text[400], path[300] = "";
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    /* From the inside out; an over-long path loses its beginning. */
    size_t room = sizeof path - 1, used = 0;
    if (field && field[0])
        used = (size_t)snprintf(path, sizeof path, "%s", field);
    for (; at && at->field; at = at->up) {
        char piece[80];
        int n = at->field->repeated ? snprintf(piece, sizeof piece, "%s[%u]", at->field->name, at->index)
                                    : snprintf(piece, sizeof piece, "%s", at->field->name);
        size_t length = (size_t)n;
        if (used + length + 1 > room - 4) {
            memmove(path + 4, path, used + 1);
            memcpy(path, "....", 4);
            break;
        }
        memmove(path + length + (used > 0), path, used + 1);
        memcpy(path, piece, length);
        if (used)
            path[length] = '.';
        used += length + (used > 0);
    }
    return cvk__fail(status, "%s at byte %llu, %s: %s", s->root, (unsigned long long)offset, path[0] ? path : "the top", text);
}

/* Reads a varint of at most `longest` bytes, of which `have` are there; returns its length, 0 if it is cut short, `longest` + 1
 * if too long. */
static uint32_t read_varint(const uint8_t *data, uint64_t have, uint32_t longest, uint64_t *value)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < longest; i++) {
        if (i >= have)
            return 0;
        uint64_t part = data[i] & 0x7F;
        if (i == 9 && part > 1)
            return longest + 1; /* more than 64 bits */
        sum |= part << (7 * i);
        if (!(data[i] & 0x80)) {
            *value = sum;
            return i + 1;
        }
    }
    return longest + 1;
}

/* Reads a varint that ends before `end`, and copies it. */
static int32_t take_varint(struct scan *s, const struct place *at, const char *field, uint64_t *offset, uint64_t end,
                           uint32_t longest, uint64_t *value)
{
    const uint8_t *data;
    uint64_t have = end - *offset < longest ? end - *offset : longest;
    CVK__TRY(cvk__onnx_stream_see(s->stream, *offset, have, &data));
    uint32_t n = read_varint(data, have, longest, value);
    if (n == 0)
        return fail_at(s, CVK_E_FORMAT, at, field, *offset, "the data ends inside a number");
    if (n > longest)
        return fail_at(s, CVK_E_FORMAT, at, field, *offset, "a number of more than %u bytes or 64 bits", longest);
    *offset += n;
    return cvk__onnx_stream_put(s->stream, data, n);
}

/* Writes the length that a block has in the copy over the one that it had, in as many bytes: it is never larger. */
static void patch_length(uint8_t *at, uint64_t width, uint64_t length)
{
    for (uint64_t i = 0; i < width; i++, length >>= 7)
        at[i] = (uint8_t)(length & 0x7F) | (i + 1 < width ? 0x80 : 0);
}

static bool fits_int32(uint64_t value)
{
    return value <= INT32_MAX || value >= (uint64_t)INT64_MIN + ((uint64_t)INT64_MAX - INT32_MAX);
}

/* ---- tensors ---- */

/* Bytes of an element of each TensorProto.DataType; 0: text, or no such type. */
static const uint8_t dtype_bytes[17] = {0, 4, 1, 1, 2, 2, 4, 8, 0, 1, 2, 8, 4, 8, 8, 16, 2};

static uint64_t *typed_count(struct tensor *t, uint32_t number)
{
    switch (number) {
    case 4:
        return &t->floats;
    case 5:
        return &t->int32s;
    case 6:
        return &t->strings;
    case 7:
        return &t->int64s;
    case 10:
        return &t->doubles;
    case 11:
        return &t->uint64s;
    default:
        return NULL;
    }
}

static int32_t note_dim(struct scan *s, struct tensor *t, const struct place *at, uint64_t offset, uint64_t value)
{
    if (t->rank == CVK_MAX_RANK)
        return fail_at(s, CVK_E_LIMIT, at, "dims", offset, "more than %d dims", CVK_MAX_RANK);
    if (value > INT64_MAX)
        return fail_at(s, CVK_E_FORMAT, at, "dims", offset, "dims[%u] is negative (%lld)", t->rank, (long long)value);
    t->dims[t->rank++] = (int64_t)value;
    return CVK_OK;
}

/* One number of a field of a tensor. */
static int32_t note_number(struct scan *s, struct tensor *t, const struct place *at, uint32_t number, uint64_t offset,
                           uint64_t value)
{
    uint64_t *count = typed_count(t, number);
    if (count)
        (*count)++;
    else if (number == 1)
        return note_dim(s, t, at, offset, value);
    else if (number == 2)
        t->dtype = (int64_t)value;
    else if (number == 14 && value > 1)
        return fail_at(s, CVK_E_FORMAT, at, "data_location", offset, "unknown data location %lld", (long long)value);
    else if (number == 14)
        t->external = value == 1;
    return CVK_OK;
}

/* The list that holds this type's elements, and how many of its entries one element takes. */
static uint64_t typed_entries(const struct tensor *t, uint64_t *each)
{
    *each = t->dtype == 14 || t->dtype == 15 ? 2 : 1;
    switch (t->dtype) {
    case 1:
    case 14:
        return t->floats;
    case 7:
        return t->int64s;
    case 8:
        return t->strings;
    case 11:
    case 15:
        return t->doubles;
    case 12:
    case 13:
        return t->uint64s;
    default:
        return t->int32s;
    }
}

static int32_t check_tensor(struct scan *s, const struct tensor *t, const struct place *at, uint64_t offset)
{
    uint64_t count = 1, bytes = 0, each;
    if (t->dtype < 1 || t->dtype > 16)
        return fail_at(s, CVK_E_FORMAT, at, "data_type", offset, "unknown data type %lld", (long long)t->dtype);
    for (uint32_t i = 0; i < t->rank; i++)
        if (!cvk__mul_u64(count, (uint64_t)t->dims[i], &count))
            return fail_at(s, CVK_E_LIMIT, at, "dims", offset, "the product of the dims does not fit 64 bits");
    uint64_t entries = typed_entries(t, &each);
    uint64_t all = t->floats + t->int32s + t->strings + t->int64s + t->doubles + t->uint64s;
    uint32_t element = dtype_bytes[t->dtype];
    if (!cvk__mul_u64(count, element, &bytes) || bytes > s->limits->tensor_bytes)
        return fail_at(s, CVK_E_LIMIT, at, "dims", offset, "%llu elements of %u bytes; the limit of a tensor is %llu bytes",
                       (unsigned long long)count, element, (unsigned long long)s->limits->tensor_bytes);
    if (all != entries)
        return fail_at(s, CVK_E_FORMAT, at, "", offset, "elements in a list that is not for its data type %s (%s)",
                       cvk__onnx_dtype_name((int32_t)t->dtype), "each type has its own list");
    if (t->external) {
        if (all || t->raw_bytes)
            return fail_at(s, CVK_E_FORMAT, at, "", offset, "says that its data is external, but has data here");
        /* Many tensors may name one file, so the sum is limited as if it were in the model. */
        if (!cvk__add_u64(s->external_bytes, bytes, &s->external_bytes) || s->external_bytes > s->limits->file_bytes)
            return fail_at(s, CVK_E_LIMIT, at, "dims", offset,
                           "the external tensors up to here take %llu bytes; the limit is %llu",
                           (unsigned long long)s->external_bytes, (unsigned long long)s->limits->file_bytes);
        return CVK_OK;
    }
    if (t->segmented)
        return fail_at(s, CVK_E_UNSUPPORTED, at, "segment", offset, "segmented tensors are not supported");
    if (t->has_raw && all)
        return fail_at(s, CVK_E_FORMAT, at, "", offset, "has raw_data and a typed list of data");
    if (t->has_raw && t->dtype == 8)
        return fail_at(s, CVK_E_FORMAT, at, "raw_data", offset, "strings cannot be raw data");
    if (t->has_raw && t->raw_bytes != bytes)
        return fail_at(s, CVK_E_FORMAT, at, "raw_data", offset, "%llu bytes, but %llu elements of %u bytes need %llu",
                       (unsigned long long)t->raw_bytes, (unsigned long long)count, element, (unsigned long long)bytes);
    uint64_t wanted;
    if (!t->has_raw && (!cvk__mul_u64(count, each, &wanted) || entries != wanted))
        return fail_at(s, CVK_E_FORMAT, at, "", offset, "%llu elements of data, but the dims give %llu",
                       (unsigned long long)entries, (unsigned long long)count * each);
    return CVK_OK;
}

/* ---- messages ---- */

static int32_t scan_message(struct scan *s, const struct cvk__wire_message *m, uint64_t begin, uint64_t end,
                            const struct place *at, uint32_t depth);

static int32_t count_child(struct scan *s, const struct place *child, uint64_t offset)
{
    if (child->field->message->role == CVK__ROLE_NODE && ++s->nodes > s->limits->nodes)
        return fail_at(s, CVK_E_LIMIT, child, "", offset, "more than %llu nodes in the model",
                       (unsigned long long)s->limits->nodes);
    if (child->field->message->role == CVK__ROLE_TENSOR && ++s->tensors > s->limits->tensors)
        return fail_at(s, CVK_E_LIMIT, child, "", offset, "more than %llu tensors in the model",
                       (unsigned long long)s->limits->tensors);
    return CVK_OK;
}

/* A packed list of numbers. */
static int32_t scan_packed(struct scan *s, const struct cvk__wire_field *f, uint64_t begin, uint64_t end, const struct place *at,
                           struct tensor *t)
{
    if (f->kind == CVK__WIRE_FLOAT || f->kind == CVK__WIRE_DOUBLE) {
        uint64_t each = f->kind == CVK__WIRE_FLOAT ? 4 : 8;
        if ((end - begin) % each)
            return fail_at(s, CVK_E_FORMAT, at, f->name, begin, "%llu bytes are no whole number of %llu-byte elements",
                           (unsigned long long)(end - begin), (unsigned long long)each);
        uint64_t *count = t ? typed_count(t, f->number) : NULL;
        if (count)
            *count += (end - begin) / each;
        return cvk__onnx_stream_pass(s->stream, begin, end - begin, NULL);
    }
    for (uint64_t offset = begin; offset < end;) {
        uint64_t value, start = offset;
        CVK__TRY(take_varint(s, at, f->name, &offset, end, 10, &value));
        if (f->kind == CVK__WIRE_INT32 && !fits_int32(value))
            return fail_at(s, CVK_E_FORMAT, at, f->name, start, "%lld does not fit 32 bits", (long long)value);
        if (t)
            CVK__TRY(note_number(s, t, at, f->number, start, value));
    }
    return CVK_OK;
}

/* Text, bytes or a message of `bytes` bytes at `begin`. */
static int32_t scan_block(struct scan *s, const struct cvk__wire_field *f, uint64_t begin, uint64_t bytes, const struct place *at,
                          struct tensor *t, uint32_t index, uint32_t depth)
{
    uint64_t end = begin + bytes;
    bool has_nul;
    switch (f->kind) {
    case CVK__WIRE_NAME:
    case CVK__WIRE_TEXT:
        if (f->kind == CVK__WIRE_NAME && bytes > s->limits->name_bytes)
            return fail_at(s, CVK_E_LIMIT, at, f->name, begin, "a name of %llu bytes; the limit is %llu",
                           (unsigned long long)bytes, (unsigned long long)s->limits->name_bytes);
        CVK__TRY(cvk__onnx_stream_pass(s->stream, begin, bytes, &has_nul));
        if (has_nul)
            return fail_at(s, CVK_E_FORMAT, at, f->name, begin, "text with a NUL character in it");
        return CVK_OK;
    case CVK__WIRE_BYTES:
        if (t && f->number == 6)
            t->strings++;
        return cvk__onnx_stream_pass(s->stream, begin, bytes, NULL);
    case CVK__WIRE_MESSAGE: {
        const struct place child = {.up = at, .field = f, .index = index};
        CVK__TRY(count_child(s, &child, begin));
        if (depth + 1 > s->limits->nesting)
            return fail_at(s, CVK_E_LIMIT, &child, "", begin, "messages nested more than %u deep", s->limits->nesting);
        return scan_message(s, f->message, begin, end, &child, depth + 1);
    }
    default:
        if (!f->repeated)
            return fail_at(s, CVK_E_FORMAT, at, f->name, begin, "a list where one number belongs (wire type 2)");
        return scan_packed(s, f, begin, end, at, t);
    }
}

/* One fixed-size or varint value of a known or unknown field. */
static int32_t scan_scalar(struct scan *s, const struct cvk__wire_field *f, uint32_t wire, uint64_t *offset, uint64_t end,
                           const struct place *at, struct tensor *t)
{
    static const uint8_t wanted[] = {0, 0, 5, 1, 2, 2, 2, 2}; /* wire type per kind */
    const char *name = f ? f->name : "";
    uint64_t start = *offset, value = 0;
    if (f && wire != wanted[f->kind])
        return fail_at(s, CVK_E_FORMAT, at, name, start, "wire type %u where %u belongs", wire, wanted[f->kind]);
    if (wire == 0) {
        CVK__TRY(take_varint(s, at, name, offset, end, 10, &value));
        if (f && f->kind == CVK__WIRE_INT32 && !fits_int32(value))
            return fail_at(s, CVK_E_FORMAT, at, name, start, "%lld does not fit 32 bits", (long long)value);
    } else {
        uint64_t bytes = wire == 1 ? 8 : 4;
        if (end - start < bytes)
            return fail_at(s, CVK_E_FORMAT, at, name, start, "the data ends inside a number");
        *offset = start + bytes;
        CVK__TRY(cvk__onnx_stream_pass(s->stream, start, bytes, NULL));
    }
    return f && t ? note_number(s, t, at, f->number, start, value) : CVK_OK;
}

/* A tensor's raw_data: the last one counts, as the format says. `length_at`: where its length stands in the copy. */
static int32_t scan_raw(struct scan *s, struct tensor *t, uint64_t begin, uint64_t bytes, uint64_t length_at)
{
    t->has_raw = bytes > 0;
    t->raw_bytes = bytes;
    if (bytes < CVK__ONNX_CUT_BYTES)
        return cvk__onnx_stream_pass(s->stream, begin, bytes, NULL);
    const uint8_t length = CVK__ONNX_PLACE_BYTES;
    _Static_assert(sizeof begin == CVK__ONNX_PLACE_BYTES, "a place is an offset");
    s->stream->out_bytes = length_at;
    CVK__TRY(cvk__onnx_stream_put(s->stream, &length, 1));
    return cvk__onnx_stream_put(s->stream, &begin, sizeof begin);
}

/* What follows the tag of a field of wire type 2. */
static int32_t scan_long(struct scan *s, const struct cvk__wire_field *f, uint64_t *offset, uint64_t end, const struct place *at,
                         struct tensor *t, uint32_t index, uint32_t depth)
{
    uint64_t bytes, length_at = s->stream->out_bytes;
    const char *name = f ? f->name : "";
    CVK__TRY(take_varint(s, at, name, offset, end, 10, &bytes));
    if (bytes > end - *offset)
        return fail_at(s, CVK_E_FORMAT, at, name, *offset, "a length of %llu bytes where %llu are left",
                       (unsigned long long)bytes, (unsigned long long)(end - *offset));
    uint64_t begin = *offset, body_at = s->stream->out_bytes;
    *offset += bytes;
    if (f && t && f->number == 9)
        return scan_raw(s, t, begin, bytes, length_at);
    if (!f)
        return cvk__onnx_stream_pass(s->stream, begin, bytes, NULL);
    CVK__TRY(scan_block(s, f, begin, bytes, at, t, index, depth));
    if (s->stream->out_bytes - body_at != bytes)
        patch_length(s->stream->out + length_at, body_at - length_at, s->stream->out_bytes - body_at);
    return CVK_OK;
}

static int32_t scan_field(struct scan *s, const struct cvk__wire_message *m, uint64_t *offset, uint64_t end,
                          const struct place *at, struct tensor *t, uint32_t seen[CVK__WIRE_FIELDS], uint32_t depth)
{
    uint64_t tag = 0, start = *offset;
    CVK__TRY(take_varint(s, at, "", offset, end, 5, &tag));
    uint32_t wire = tag & 7;
    uint64_t number = tag >> 3;
    if (number == 0 || number > MAX_FIELD_NUMBER)
        return fail_at(s, CVK_E_FORMAT, at, "", start, "field number %llu", (unsigned long long)number);
    if (wire != 0 && wire != 1 && wire != 2 && wire != 5)
        return fail_at(s, CVK_E_FORMAT, at, "", start, "field %llu has wire type %u (%s)", (unsigned long long)number, wire,
                       wire < 5 ? "groups are not part of ONNX" : "there is no such type");
    uint32_t i = 0;
    while (i < m->count && m->fields[i].number != number)
        i++;
    const struct cvk__wire_field *f = i < m->count ? &m->fields[i] : NULL;
    uint32_t index = f ? seen[i]++ : 0;
    if (f && f->kind == CVK__WIRE_MESSAGE && !f->repeated && index)
        return fail_at(s, CVK_E_FORMAT, at, f->name, start, "given twice");
    if (f && m->role == CVK__ROLE_NODE && f->number == 5 && index >= MAX_ATTRIBUTES)
        return fail_at(s, CVK_E_LIMIT, at, f->name, start, "more than %d attributes", MAX_ATTRIBUTES);
    if (wire != 2)
        return scan_scalar(s, f, wire, offset, end, at, t);
    return scan_long(s, f, offset, end, at, t, index, depth);
}

static int32_t scan_message(struct scan *s, const struct cvk__wire_message *m, uint64_t begin, uint64_t end,
                            const struct place *at, uint32_t depth)
{
    uint32_t seen[CVK__WIRE_FIELDS] = {0};
    struct tensor tensor = {0};
    struct tensor *t = m->role == CVK__ROLE_TENSOR ? &tensor : NULL;
    for (uint64_t offset = begin; offset < end;)
        CVK__TRY(scan_field(s, m, &offset, end, at, t, seen, depth));
    if (!t)
        return CVK_OK;
    for (uint32_t i = 0; i < m->count; i++)
        if (m->fields[i].number == 3 && seen[i])
            tensor.segmented = true;
    return check_tensor(s, t, at, begin);
}

int32_t cvk__onnx_scan(struct cvk__onnx_stream *stream, enum cvk__onnx_root root, const struct cvk_onnx_limits *limits)
{
    struct scan s = {.stream = stream, .limits = limits, .root = root == CVK__ONNX_MODEL ? "ONNX model" : "ONNX tensor"};
    const struct place top = {0};
    if (stream->in->bytes == 0)
        return cvk__fail(CVK_E_FORMAT, "%s: it is empty", s.root);
    return scan_message(&s, root == CVK__ONNX_MODEL ? &cvk__wire_model : &cvk__wire_tensor, 0, stream->in->bytes, &top, 1);
}
