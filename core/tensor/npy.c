/* SPDX-License-Identifier: MIT
 * NumPy's .npy files. The header is a Python literal; it is read by a parser that knows only the three keys and never runs
 * anything. */
#include "../base/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "convoke/tensor.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "elements are copied as they lie in the file, which is little-endian");

#define MAX_HEADER_BYTES 10000 /* NumPy's own limit */
#define DEFAULT_LIMIT_BYTES ((uint64_t)4 << 30)
#define ALIGN_BYTES 64 /* the data begins at a multiple of it */

static const struct {
    const char *text; /* without the byte order */
    uint32_t dtype;
} dtypes[] = {{"f4", CVK_F32}, {"f8", CVK_F64}, {"f2", CVK_F16}, {"i1", CVK_I8},  {"u1", CVK_U8},  {"i2", CVK_I16},
              {"u2", CVK_U16}, {"i4", CVK_I32}, {"u4", CVK_U32}, {"i8", CVK_I64}, {"u8", CVK_U64}, {"b1", CVK_BOOL}};

/* ---- the header ---- */

struct header {
    uint32_t dtype, rank;
    int64_t dims[CVK_MAX_RANK];
    bool fortran_order;
    bool has_descr, has_order, has_shape;
};

struct parser {
    const char *text, *at, *end;
};

static int32_t fail_at(const struct parser *p, int32_t status, const char *what)
{
    return cvk__fail(status, "header, character %zu: %s", (size_t)(p->at - p->text), what);
}

static void skip_blanks(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n'))
        p->at++;
}

/* Takes `c`, with blanks before it; false if something else stands there. */
static bool take(struct parser *p, char c)
{
    skip_blanks(p);
    if (p->at >= p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static int32_t parse_string(struct parser *p, char *out, size_t capacity)
{
    skip_blanks(p);
    char quote = p->at < p->end ? *p->at : 0;
    if (quote != '\'' && quote != '"')
        return fail_at(p, CVK_E_FORMAT, "a quoted word belongs here");
    size_t n = 0;
    for (p->at++; p->at < p->end && *p->at != quote; p->at++) {
        if (n + 1 == capacity || *p->at == '\\' || (unsigned char)*p->at < 0x20)
            return fail_at(p, CVK_E_FORMAT, "a word that is too long or has escapes");
        out[n++] = *p->at;
    }
    out[n] = 0;
    return take(p, quote) ? CVK_OK : fail_at(p, CVK_E_FORMAT, "a quote is not closed");
}

static int32_t parse_descr(struct parser *p, struct header *h)
{
    char word[32], shown[64];
    skip_blanks(p);
    if (p->at < p->end && *p->at == '[')
        return fail_at(p, CVK_E_UNSUPPORTED, "records (structured types) are not supported");
    CVK__TRY(parse_string(p, word, sizeof word));
    char order = word[0];
    const char *type = order == '<' || order == '>' || order == '|' || order == '=' ? word + 1 : word;
    if (type[0] == 'O')
        return cvk__fail(CVK_E_UNSUPPORTED,
                         "its elements are Python objects, which would run code when read; only numbers are read");
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (!strcmp(type, dtypes[i].text))
            h->dtype = dtypes[i].dtype;
    cvk__text_escape(word, shown, sizeof shown);
    if (!h->dtype)
        return cvk__fail(CVK_E_UNSUPPORTED, "type '%s' is not supported", shown);
    if (cvk_dtype_bytes(h->dtype) > 1 && order == '>')
        return cvk__fail(CVK_E_UNSUPPORTED, "type '%s' is big-endian; save the array with '<%s'", shown, type);
    if (cvk_dtype_bytes(h->dtype) > 1 && order != '<')
        return cvk__fail(CVK_E_FORMAT, "type '%s' does not say its byte order; '<%s' is read", shown, type);
    h->has_descr = true;
    return CVK_OK;
}

static int32_t parse_order(struct parser *p, struct header *h)
{
    skip_blanks(p);
    static const char *const words[] = {"False", "True"};
    for (int i = 0; i < 2; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(p->end - p->at) >= n && !memcmp(p->at, words[i], n)) {
            p->at += n;
            h->fortran_order = i == 1;
            h->has_order = true;
            return CVK_OK;
        }
    }
    return fail_at(p, CVK_E_FORMAT, "fortran_order must be True or False");
}

static int32_t parse_size(struct parser *p, int64_t *out)
{
    const char *begin = p->at;
    int64_t value = 0;
    for (; p->at < p->end && *p->at >= '0' && *p->at <= '9'; p->at++)
        if (!cvk__mul_i64(value, 10, &value) || !cvk__add_i64(value, *p->at - '0', &value))
            return fail_at(p, CVK_E_LIMIT, "a size that does not fit 63 bits");
    *out = value;
    return p->at > begin ? CVK_OK : fail_at(p, CVK_E_FORMAT, "a size, a whole number without sign, belongs here");
}

static int32_t parse_shape(struct parser *p, struct header *h)
{
    if (!take(p, '('))
        return fail_at(p, CVK_E_FORMAT, "the shape must be in parentheses");
    while (!take(p, ')')) {
        if (h->rank == CVK_MAX_RANK)
            return fail_at(p, CVK_E_LIMIT, "more than 8 axes");
        skip_blanks(p);
        CVK__TRY(parse_size(p, &h->dims[h->rank++]));
        bool comma = take(p, ',');
        skip_blanks(p);
        if (!comma && (p->at >= p->end || *p->at != ')' || h->rank == 1)) /* "(3)" is no tuple */
            return fail_at(p, CVK_E_FORMAT, "a comma or the end of the shape belongs here");
    }
    h->has_shape = true;
    return CVK_OK;
}

static int32_t parse_header(const char *text, uint64_t bytes, struct header *h)
{
    struct parser parser = {.text = text, .at = text, .end = text + bytes}, *p = &parser;
    char key[32];
    memset(h, 0, sizeof *h);
    if (!take(p, '{'))
        return fail_at(p, CVK_E_FORMAT, "a dictionary belongs here");
    while (!take(p, '}')) {
        CVK__TRY(parse_string(p, key, sizeof key));
        if (!take(p, ':'))
            return fail_at(p, CVK_E_FORMAT, "a colon belongs here");
        if (!strcmp(key, "descr") && !h->has_descr)
            CVK__TRY(parse_descr(p, h));
        else if (!strcmp(key, "fortran_order") && !h->has_order)
            CVK__TRY(parse_order(p, h));
        else if (!strcmp(key, "shape") && !h->has_shape)
            CVK__TRY(parse_shape(p, h));
        else
            return fail_at(p, CVK_E_FORMAT, "an unknown key, or one given twice");
        bool comma = take(p, ',');
        skip_blanks(p);
        if (!comma && (p->at >= p->end || *p->at != '}'))
            return fail_at(p, CVK_E_FORMAT, "a comma or the end of the dictionary belongs here");
    }
    skip_blanks(p);
    if (p->at != p->end)
        return fail_at(p, CVK_E_FORMAT, "something stands behind the dictionary");
    if (!h->has_descr || !h->has_order || !h->has_shape)
        return fail_at(p, CVK_E_FORMAT, "descr, fortran_order or shape is missing");
    return CVK_OK;
}

/* ---- reading ---- */

static int32_t read_bytes(int fd, void *data, uint64_t bytes)
{
    for (uint64_t done = 0; done < bytes;) {
        ssize_t n = read(fd, (char *)data + done, (size_t)(bytes - done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return cvk__fail(n < 0 ? CVK_E_IO : CVK_E_FORMAT, "%s after %llu of %llu bytes",
                             n < 0 ? strerror(errno) : "the file ends", (unsigned long long)done, (unsigned long long)bytes);
        done += (uint64_t)n;
    }
    return CVK_OK;
}

/* Reads magic, version and header; *offset is where the data begins. */
static int32_t read_header(int fd, struct header *h, uint64_t *offset)
{
    static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};
    unsigned char start[12] = {0};
    CVK__TRY(read_bytes(fd, start, 8));
    if (memcmp(start, magic, sizeof magic))
        return cvk__fail(CVK_E_FORMAT, "it does not begin as .npy files do");
    if (start[6] < 1 || start[6] > 3 || start[7] != 0)
        return cvk__fail(CVK_E_UNSUPPORTED, "format %u.%u; 1.0, 2.0 and 3.0 are read", start[6], start[7]);
    uint32_t length_bytes = start[6] == 1 ? 2 : 4;
    CVK__TRY(read_bytes(fd, start + 8, length_bytes));
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < length_bytes; i++)
        bytes |= (uint64_t)start[8 + i] << (8 * i);
    if (bytes > MAX_HEADER_BYTES)
        return cvk__fail(CVK_E_LIMIT, "a header of %llu bytes; the limit is %d", (unsigned long long)bytes, MAX_HEADER_BYTES);
    char text[MAX_HEADER_BYTES];
    CVK__TRY(read_bytes(fd, text, bytes));
    *offset = 8 + length_bytes + bytes;
    return parse_header(text, bytes, h);
}

/* From the first axis running fastest to the last running fastest. */
static int32_t turn_fortran(struct cvk_tensor *t)
{
    const struct cvk_tensor_desc *d = cvk_tensor_get_desc(t);
    uint64_t count = cvk_tensor_count(t), stride[CVK_MAX_RANK], each = cvk_dtype_bytes(d->dtype);
    char *data = cvk_tensor_data(t), *copy = cvk__alloc_buffer(CVK__TAG_TENSOR, d->bytes);
    if (!copy)
        return cvk__fail_memory(d->bytes, "turning an array of Fortran order");
    memcpy(copy, data, d->bytes);
    for (uint32_t i = 0; i < d->rank; i++)
        stride[i] = i ? stride[i - 1] * (uint64_t)d->dims[i - 1] : 1;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t rest = i, from = 0;
        for (uint32_t axis = d->rank; axis-- > 0; rest /= (uint64_t)d->dims[axis])
            from += rest % (uint64_t)d->dims[axis] * stride[axis];
        memcpy(data + i * each, copy + from * each, each);
    }
    cvk__free(copy);
    return CVK_OK;
}

static int32_t read_array(int fd, uint64_t limit, struct cvk_tensor **out)
{
    struct stat st;
    if (fstat(fd, &st))
        return cvk__fail(CVK_E_IO, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode))
        return cvk__fail(CVK_E_IO, "not a regular file");
    struct header h;
    struct cvk_tensor_desc desc;
    uint64_t offset;
    CVK__TRY(read_header(fd, &h, &offset));
    CVK__TRY(cvk_tensor_desc_init(&desc, h.dtype, CVK_LAYOUT_PLAIN, h.rank, h.dims));
    if (desc.bytes > limit)
        return cvk__fail(CVK_E_LIMIT, "%llu bytes of data; the limit is %llu", (unsigned long long)desc.bytes,
                         (unsigned long long)limit);
    uint64_t have = (uint64_t)st.st_size > offset ? (uint64_t)st.st_size - offset : 0;
    if (have != desc.bytes)
        return cvk__fail(CVK_E_FORMAT, "%llu bytes behind the header, but type and shape need %llu", (unsigned long long)have,
                         (unsigned long long)desc.bytes);
    CVK__TRY(cvk_tensor_create(h.dtype, h.rank, h.dims, out));
    CVK__TRY(read_bytes(fd, cvk_tensor_data(*out), desc.bytes));
    uint8_t *bools = h.dtype == CVK_BOOL ? cvk_tensor_data(*out) : NULL;
    for (uint64_t i = 0; bools && i < desc.bytes; i++)
        bools[i] = bools[i] != 0;
    return h.fortran_order && h.rank > 1 ? turn_fortran(*out) : CVK_OK;
}

int32_t cvk_tensor_read_npy(const char *path, uint64_t limit_bytes, struct cvk_tensor **out)
{
    if (out)
        *out = NULL;
    if (!path || !out)
        return cvk__fail(CVK_E_ARG, "cvk_tensor_read_npy: path or out is NULL");
    char shown[200];
    cvk__text_escape(path, shown, sizeof shown);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); /* O_NONBLOCK: opening a FIFO must not hang */
    if (fd < 0)
        return cvk__fail(CVK_E_IO, "file '%s': %s", shown, strerror(errno));
    int32_t status = read_array(fd, limit_bytes ? limit_bytes : DEFAULT_LIMIT_BYTES, out);
    close(fd);
    if (status != CVK_OK) {
        cvk_tensor_destroy(*out);
        *out = NULL;
        return cvk__fail_in(status, "file '%s': ", shown);
    }
    return CVK_OK;
}

/* ---- writing ---- */

static int32_t make_header(const struct cvk_tensor_desc *d, char header[2 * ALIGN_BYTES + 256], uint32_t *bytes)
{
    const char *type = NULL;
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (dtypes[i].dtype == d->dtype)
            type = dtypes[i].text;
    if (!type)
        return cvk__fail(CVK_E_UNSUPPORTED, ".npy files have no type for %s; cast to f32 first", cvk_dtype_name(d->dtype));
    char shape[CVK_MAX_RANK * 24 + 1] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < d->rank; i++)
        used += (size_t)snprintf(shape + used, sizeof shape - used,
                                 i + 1 < d->rank ? "%lld, "
                                 : d->rank == 1  ? "%lld,"
                                                 : "%lld",
                                 (long long)d->dims[i]);
    int n = snprintf(header + 10, 256, "{'descr': '%c%s', 'fortran_order': False, 'shape': (%s), }",
                     cvk_dtype_bytes(d->dtype) > 1 ? '<' : '|', type, shape);
    uint32_t whole = (uint32_t)cvk__round_up(10 + (uint64_t)n + 1, ALIGN_BYTES);
    memset(header + 10 + n, ' ', whole - 10 - (uint32_t)n - 1);
    header[whole - 1] = '\n';
    memcpy(header, "\x93NUMPY\x01", 8);
    header[8] = (char)((whole - 10) & 0xFF);
    header[9] = (char)((whole - 10) >> 8);
    *bytes = whole;
    return CVK_OK;
}

int32_t cvk_tensor_write_npy(const char *path, const struct cvk_tensor *tensor)
{
    if (!path || !tensor)
        return cvk__fail(CVK_E_ARG, "cvk_tensor_write_npy: path or tensor is NULL");
    char header[2 * ALIGN_BYTES + 256];
    uint32_t header_bytes = 0;
    struct cvk__whole_file f;
    CVK__TRY(make_header(cvk_tensor_get_desc(tensor), header, &header_bytes));
    CVK__TRY(cvk__whole_file_create(&f, path));
    cvk__whole_file_write(&f, header, header_bytes);
    cvk__whole_file_write(&f, cvk_tensor_data(tensor), cvk_tensor_bytes(tensor));
    return cvk__whole_file_finish(&f, CVK_OK);
}
