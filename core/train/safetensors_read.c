/* SPDX-License-Identifier: MIT
 * Reading a safetensors file that may come from a stranger: every length, name, type, size and place is checked before it is
 * used, and a damaged file costs no more memory than the limits of safetensors.h. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "safetensors.h"

struct cvk__safetensors {
    int fd;
    uint64_t data_begin, data_bytes; /* of the contents in the file */
    char *path;
    json_t *header; /* names and texts are borrowed from it */
    struct cvk__safetensors_entry *entries;
    uint32_t count;
};

static int32_t fail_errno(const char *path)
{
    return cvk__fail(CVK_E_IO, "file '%s': %s", CVK__SHOW(path), strerror(errno));
}

/* Reads a piece; the caller knows that the file was long enough when it was opened. */
static int32_t read_piece(const struct cvk__safetensors *s, uint64_t offset, void *data, uint64_t bytes)
{
    for (uint64_t done = 0; done < bytes;) {
        ssize_t n = pread(s->fd, (char *)data + done, (size_t)(bytes - done), (off_t)(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(s->path);
        if (n == 0)
            return cvk__fail(CVK_E_IO, "file '%s': it ended at byte %llu while it was read", CVK__SHOW(s->path),
                             (unsigned long long)(offset + done));
        done += (uint64_t)n;
    }
    return CVK_OK;
}

static int32_t open_file(struct cvk__safetensors *s, const char *path, uint64_t *header_bytes)
{
    struct stat st;
    uint64_t length;
    s->path = cvk__strdup(CVK__TAG_MISC, path);
    if (!s->path)
        return cvk__fail_memory(strlen(path), "a file's name");
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* O_NONBLOCK: opening a FIFO must not hang */
    if (s->fd < 0 || fstat(s->fd, &st))
        return fail_errno(path);
    if (!S_ISREG(st.st_mode))
        return cvk__fail(CVK_E_IO, "file '%s': not a regular file", CVK__SHOW(path));
    uint64_t bytes = (uint64_t)st.st_size;
    if (bytes < sizeof length)
        return cvk__fail(CVK_E_FORMAT, "%llu bytes are no safetensors file", (unsigned long long)bytes);
    CVK__TRY(read_piece(s, 0, &length, sizeof length));
    length = le64toh(length);
    if (length > CVK__SAFETENSORS_HEADER_BYTES)
        return cvk__fail(CVK_E_LIMIT, "its header is said to have %llu bytes; the limit is %u", (unsigned long long)length,
                         CVK__SAFETENSORS_HEADER_BYTES);
    if (length < 2 || length > bytes - sizeof length)
        return cvk__fail(CVK_E_FORMAT, "its header is said to have %llu bytes, and the file has %llu",
                         (unsigned long long)length, (unsigned long long)bytes);
    *header_bytes = length;
    s->data_begin = sizeof length + length;
    s->data_bytes = bytes - s->data_begin;
    return CVK_OK;
}

/* Nesting and the number of values, before the parser makes anything of them. */
static int32_t scan(const char *text, uint64_t bytes)
{
    uint64_t depth = 0, values = 0;
    bool string = false;
    for (uint64_t i = 0; i < bytes; i++) {
        char c = text[i];
        if (string) {
            i += c == '\\';
            string = c != '"';
            continue;
        }
        string = c == '"';
        depth += c == '{' || c == '[';
        if (depth > CVK__SAFETENSORS_NESTING)
            return cvk__fail(CVK_E_LIMIT, "byte %llu of the header: nested deeper than %u", (unsigned long long)i,
                             CVK__SAFETENSORS_NESTING);
        depth -= depth && (c == '}' || c == ']');
        values += c == ',';
        if (values > CVK__SAFETENSORS_VALUES)
            return cvk__fail(CVK_E_LIMIT, "byte %llu of the header: more than %u values", (unsigned long long)i,
                             CVK__SAFETENSORS_VALUES);
    }
    return CVK_OK;
}

static int32_t parse_header(struct cvk__safetensors *s, uint64_t bytes)
{
    char *text = cvk__alloc_buffer(CVK__TAG_MISC, bytes);
    if (!text)
        return cvk__fail_memory(bytes, "the header of a file");
    json_error_t error;
    int32_t status = read_piece(s, sizeof(uint64_t), text, bytes);
    if (status == CVK_OK && text[0] != '{')
        status = cvk__fail(CVK_E_FORMAT, "its header does not begin with '{'");
    if (status == CVK_OK)
        status = scan(text, bytes);
    if (status == CVK_OK && !(s->header = json_loadb(text, (size_t)bytes, JSON_REJECT_DUPLICATES, &error)))
        status = cvk__fail(CVK_E_FORMAT, "byte %d of the header: %s", error.position, CVK__SHOW(error.text));
    cvk__free(text);
    return status;
}

static int32_t read_texts(const json_t *texts)
{
    const char *key;
    json_t *text;
    if (texts && !json_is_object(texts))
        return cvk__fail(CVK_E_FORMAT, "__metadata__ is no object");
    json_object_foreach((json_t *)(uintptr_t)texts, key, text) if (!json_is_string(text)) return cvk__fail(
        CVK_E_FORMAT, "the text '%s' is no string", CVK__SHOW(key));
    return CVK_OK;
}

static int32_t read_shape(const char *name, const json_t *shape, uint32_t *rank, int64_t *dims)
{
    if (!json_is_array(shape) || json_array_size(shape) > CVK_MAX_RANK)
        return cvk__fail(CVK_E_FORMAT, "tensor '%s': its shape is no list of at most %d sizes", CVK__SHOW(name), CVK_MAX_RANK);
    *rank = (uint32_t)json_array_size(shape);
    for (uint32_t i = 0; i < *rank; i++) {
        const json_t *size = json_array_get(shape, i);
        dims[i] = json_integer_value(size);
        if (!json_is_integer(size) || dims[i] < 0)
            return cvk__fail(CVK_E_FORMAT, "tensor '%s': size %u is no whole number from 0 on", CVK__SHOW(name), i);
    }
    return CVK_OK;
}

static int32_t read_entry(const struct cvk__safetensors *s, const char *name, const json_t *value,
                          struct cvk__safetensors_entry *e)
{
    const char *type = json_string_value(json_object_get(value, "dtype"));
    const json_t *places = json_object_get(value, "data_offsets");
    int64_t dims[CVK_MAX_RANK], begin = 0, end = 0;
    uint32_t dtype = CVK_F32, rank = 0;
    if (!json_is_object(value) || json_object_size(value) != 3 || !type || json_array_size(places) != 2 ||
        !json_is_integer(json_array_get(places, 0)) || !json_is_integer(json_array_get(places, 1)))
        return cvk__fail(CVK_E_FORMAT, "tensor '%s': it has not just a dtype, a shape and two data_offsets", CVK__SHOW(name));
    while (cvk__safetensors_type(dtype) && strcmp(cvk__safetensors_type(dtype), type))
        dtype++;
    if (!cvk__safetensors_type(dtype))
        return cvk__fail(CVK_E_UNSUPPORTED, "tensor '%s': type '%s' is not supported", CVK__SHOW(name), CVK__SHOW(type));
    CVK__TRY(read_shape(name, json_object_get(value, "shape"), &rank, dims));
    int32_t status = cvk_tensor_desc_init(&e->desc, dtype, CVK_LAYOUT_PLAIN, rank, dims);
    if (status != CVK_OK)
        return cvk__fail_in(status, "tensor '%s': ", CVK__SHOW(name));
    begin = json_integer_value(json_array_get(places, 0));
    end = json_integer_value(json_array_get(places, 1));
    if (begin < 0 || end < begin || (uint64_t)end > s->data_bytes || (uint64_t)(end - begin) != e->desc.bytes)
        return cvk__fail(CVK_E_FORMAT,
                         "tensor '%s': bytes %lld to %lld, but it needs %llu, and the file has %llu for all of them",
                         CVK__SHOW(name), (long long)begin, (long long)end, (unsigned long long)e->desc.bytes,
                         (unsigned long long)s->data_bytes);
    e->name = name;
    e->begin = (uint64_t)begin;
    return CVK_OK;
}

static int by_place(const void *a, const void *b)
{
    const struct cvk__safetensors_entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->desc.bytes > y->desc.bytes) - (x->desc.bytes < y->desc.bytes);
}

/* The contents lie one behind the other and fill the file: no byte belongs to two tensors, and none to nobody. */
static int32_t check_places(struct cvk__safetensors *s)
{
    uint64_t at = 0;
    if (s->count)
        qsort(s->entries, s->count, sizeof *s->entries, by_place);
    for (uint32_t i = 0; i < s->count; i++) {
        const struct cvk__safetensors_entry *e = &s->entries[i];
        if (e->begin != at)
            return cvk__fail(CVK_E_FORMAT, "tensor '%s' begins at byte %llu, and what is before it ends at %llu",
                             CVK__SHOW(e->name), (unsigned long long)e->begin, (unsigned long long)at);
        at += e->desc.bytes;
    }
    return at == s->data_bytes ? CVK_OK
                               : cvk__fail(CVK_E_FORMAT, "%llu bytes behind the last tensor belong to nobody",
                                           (unsigned long long)(s->data_bytes - at));
}

static int32_t read_entries(struct cvk__safetensors *s)
{
    const char *name;
    json_t *value;
    CVK__TRY(read_texts(json_object_get(s->header, "__metadata__")));
    s->entries = cvk__alloc_array(CVK__TAG_MISC, json_object_size(s->header) + 1, sizeof *s->entries);
    if (!s->entries)
        return cvk__fail_memory(json_object_size(s->header) * sizeof *s->entries, "the header of a file");
    json_object_foreach(s->header, name, value)
    {
        if (!strcmp(name, "__metadata__"))
            continue;
        CVK__TRY(read_entry(s, name, value, &s->entries[s->count]));
        s->count++;
    }
    return check_places(s);
}

int32_t cvk__safetensors_open(const char *path, struct cvk__safetensors **out)
{
    struct cvk__safetensors *s = cvk__alloc(CVK__TAG_MISC, sizeof *s);
    uint64_t header_bytes = 0;
    *out = NULL;
    if (!s)
        return cvk__fail_memory(sizeof *s, "a file");
    s->fd = -1;
    int32_t status = open_file(s, path, &header_bytes);
    if (status == CVK_OK)
        status = parse_header(s, header_bytes);
    if (status == CVK_OK)
        status = read_entries(s);
    if (status == CVK_OK) {
        *out = s;
        return CVK_OK;
    }
    cvk__safetensors_close(s);
    return status == CVK_E_IO || status == CVK_E_MEMORY ? status : cvk__fail_in(status, "file '%s': ", CVK__SHOW(path));
}

void cvk__safetensors_close(struct cvk__safetensors *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    json_decref(s->header);
    cvk__free(s->entries);
    cvk__free(s->path);
    cvk__free(s);
}

uint32_t cvk__safetensors_count(const struct cvk__safetensors *s)
{
    return s->count;
}

const struct cvk__safetensors_entry *cvk__safetensors_at(const struct cvk__safetensors *s, uint32_t i)
{
    return &s->entries[i];
}

/* The header finds the name; its place finds the entry, as the entries are sorted by it. */
const struct cvk__safetensors_entry *cvk__safetensors_find(const struct cvk__safetensors *s, const char *name)
{
    const json_t *value = strcmp(name, "__metadata__") ? json_object_get(s->header, name) : NULL;
    if (!value)
        return NULL;
    uint64_t begin = (uint64_t)json_integer_value(json_array_get(json_object_get(value, "data_offsets"), 0));
    uint32_t low = 0, high = s->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->entries[middle].begin < begin)
            low = middle + 1;
        else
            high = middle;
    }
    while (low < s->count && strcmp(s->entries[low].name, name)) /* those without bytes share a place */
        low++;
    return low < s->count ? &s->entries[low] : NULL;
}

const char *cvk__safetensors_text(const struct cvk__safetensors *s, const char *key)
{
    return json_string_value(json_object_get(json_object_get(s->header, "__metadata__"), key));
}

int32_t cvk__safetensors_read(struct cvk__safetensors *s, const struct cvk__safetensors_entry *e, void *data)
{
    return read_piece(s, s->data_begin + e->begin, data, e->desc.bytes);
}
