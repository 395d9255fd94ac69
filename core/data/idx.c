/* SPDX-License-Identifier: MIT
 * IDX: four bytes (0, 0, type, rank), the sizes as 32-bit big-endian numbers, then the elements.
 * Source: "The MNIST database of handwritten digits", section FILE FORMATS. */
#include "idx.h"

#ifdef CVK__HAVE_ZLIB
#include <zlib.h>
#endif

static bool is_gzip(const uint8_t *d, uint64_t n)
{
    return n >= 2 && d[0] == 0x1F && d[1] == 0x8B;
}

bool cvk__idx_known(const uint8_t *d, uint64_t n, const char *path)
{
    if (is_gzip(d, n))
        return strstr(path, "idx") != NULL;
    return n >= 4 && d[0] == 0 && d[1] == 0 && d[2] == 8 && d[3] >= 1 && d[3] <= 4;
}

#ifdef CVK__HAVE_ZLIB
/* Inflates until the end, damage or the limit; the memory grows with what has come, whatever the file promises. */
static int32_t inflate_all(const char *path, z_stream *z, uint8_t **out, uint64_t *used)
{
    uint64_t capacity = 0;
    int result = Z_OK;
    while (result == Z_OK && *used < CVK__IDX_MAX_BYTES) {
        if (*used == capacity) {
            capacity = capacity ? 2 * capacity : 1 << 16;
            uint8_t *grown = cvk__realloc(CVK__TAG_DATA, *out, capacity);
            if (!grown)
                return cvk__fail_memory(capacity, "unpacking a file");
            *out = grown;
        }
        z->next_out = *out + *used;
        z->avail_out = (uInt)(capacity - *used);
        result = inflate(z, Z_NO_FLUSH);
        *used = capacity - z->avail_out;
    }
    if (result == Z_OK)
        return cvk__fail_file(CVK_E_LIMIT, path, "unpacks to more than the limit of %llu bytes",
                              (unsigned long long)CVK__IDX_MAX_BYTES);
    return result == Z_STREAM_END
               ? CVK_OK
               : cvk__fail_file(CVK_E_FORMAT, path, "damaged gzip after %llu unpacked bytes", (unsigned long long)*used);
}

static int32_t unpack(const char *path, uint8_t **data, uint64_t *bytes)
{
    z_stream z = {.next_in = *data, .avail_in = (uInt)*bytes};
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return cvk__fail_file(CVK_E_MEMORY, path, "zlib would not start");
    uint8_t *out = NULL;
    uint64_t used = 0;
    int32_t status = inflate_all(path, &z, &out, &used);
    inflateEnd(&z);
    cvk__free(*data);
    *data = out;
    *bytes = used;
    return status;
}
#else
static int32_t unpack(const char *path, uint8_t **data, uint64_t *bytes)
{
    (void)data, (void)bytes;
    return cvk__fail_file(CVK_E_UNSUPPORTED, path,
                          "this build reads no gzip, because zlib was missing (meson option 'images'): unpack the file first");
}
#endif

/* Checks the header of out->memory and points data behind it. */
static int32_t parse(const char *path, uint64_t bytes, struct cvk__idx *out)
{
    const uint8_t *d = out->memory;
    if (bytes < 4 || d[0] || d[1])
        return cvk__fail_file(CVK_E_FORMAT, path, "not an IDX file: it must begin with two zero bytes");
    if (d[2] != 8)
        return cvk__fail_file(CVK_E_UNSUPPORTED, path, "IDX type 0x%02X is not supported, only 0x08 (unsigned bytes)", d[2]);
    out->rank = d[3];
    uint64_t count = 1, head = 4 + 4ull * out->rank;
    if (out->rank < 1 || out->rank > 4 || bytes < head)
        return cvk__fail_file(CVK_E_FORMAT, path, "IDX of rank %u in a file of %llu bytes", out->rank,
                              (unsigned long long)bytes);
    for (uint32_t i = 0; i < out->rank; i++) {
        const uint8_t *p = d + 4 + 4 * i;
        out->dims[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        if (!cvk__mul_u64(count, out->dims[i], &count))
            return cvk__fail_file(CVK_E_LIMIT, path, "the sizes of the IDX file are too large");
    }
    if (count != bytes - head)
        return cvk__fail_file(CVK_E_FORMAT, path, "the IDX header promises %llu elements, the file has %llu",
                              (unsigned long long)count, (unsigned long long)(bytes - head));
    out->data = out->memory + head;
    return CVK_OK;
}

int32_t cvk__idx_read(const char *path, bool with_md5, struct cvk__idx *out)
{
    *out = (struct cvk__idx){0};
    uint64_t bytes;
    CVK__TRY(cvk__file_read(path, CVK__IDX_MAX_BYTES, &out->memory, &bytes));
    if (with_md5)
        cvk__md5(out->memory, bytes, out->md5);
    int32_t status = is_gzip(out->memory, bytes) ? unpack(path, &out->memory, &bytes) : CVK_OK;
    if (status == CVK_OK)
        status = parse(path, bytes, out);
    if (status != CVK_OK)
        cvk__idx_free(out);
    return status;
}

void cvk__idx_free(struct cvk__idx *idx)
{
    cvk__free(idx->memory);
    idx->memory = idx->data = NULL;
}

int32_t cvk__idx_write(const char *path, uint32_t rank, const uint32_t *dims, const uint8_t *data)
{
    uint8_t head[4 + 4 * 4] = {0, 0, 8, (uint8_t)rank};
    uint64_t bytes = 1;
    for (uint32_t i = 0; i < rank; i++) {
        bytes *= dims[i];
        for (uint32_t k = 0; k < 4; k++)
            head[4 + 4 * i + k] = (uint8_t)(dims[i] >> (24 - 8 * k));
    }
    return cvk__file_write(path, head, 4 + 4 * rank, data, bytes);
}
