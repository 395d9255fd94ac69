/* SPDX-License-Identifier: MIT
 * Reading IDX: four bytes (0, 0, type, rank), the sizes as 32-bit big-endian numbers, then the elements.
 * Source: "The MNIST database of handwritten digits", section FILE FORMATS. */
#include "idx.h"

#include <stdlib.h>
#include <string.h>

#include "image.h"

#ifdef TOOL_WITH_ZLIB
#include <zlib.h>
#endif

static bool is_gzip(const uint8_t *d, uint64_t n)
{
    return n >= 2 && d[0] == 0x1F && d[1] == 0x8B;
}

bool idx_known(const uint8_t *d, uint64_t n, const char *path)
{
    if (is_gzip(d, n))
        return strstr(path, "idx") != NULL;
    return n >= 4 && d[0] == 0 && d[1] == 0 && d[2] == 8 && d[3] >= 1 && d[3] <= 4;
}

#ifdef TOOL_WITH_ZLIB
/* Unpacks gzip; growth is bounded by IDX_MAX_BYTES whatever the file promises. */
static int unpack(const char *path, uint8_t **data, uint64_t *bytes)
{
    z_stream z = {.next_in = *data, .avail_in = (uInt)*bytes};
    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return tool_fail(TOOL_FAILED, "%s: zlib would not start", path);
    uint64_t capacity = 1 << 16, used = 0;
    uint8_t *out = tool_alloc(capacity, 1);
    int result = Z_OK;
    while (result == Z_OK && used < IDX_MAX_BYTES) {
        if (used == capacity) {
            capacity *= 2;
            out = tool_grow(out, capacity, 1);
        }
        z.next_out = out + used;
        z.avail_out = (uInt)(capacity - used);
        result = inflate(&z, Z_NO_FLUSH);
        used = capacity - z.avail_out;
    }
    inflateEnd(&z);
    free(*data);
    *data = out;
    *bytes = used;
    if (result == Z_OK)
        return tool_fail(TOOL_FAILED, "%s: unpacks to more than the limit of %llu bytes", path,
                         (unsigned long long)IDX_MAX_BYTES);
    return result == Z_STREAM_END
               ? TOOL_GO_ON
               : tool_fail(TOOL_FAILED, "%s: damaged gzip after %llu unpacked bytes", path, (unsigned long long)used);
}
#else
static int unpack(const char *path, uint8_t **data, uint64_t *bytes)
{
    (void)data, (void)bytes;
    return tool_fail(TOOL_FAILED,
                     "%s: this build reads no gzip, because zlib was missing (meson option 'images'): unpack the file first",
                     path);
}
#endif

static int parse(const char *path, const uint8_t *d, uint64_t bytes, struct idx *out)
{
    if (bytes < 4 || d[0] || d[1])
        return tool_fail(TOOL_FAILED, "%s: not an IDX file: it must begin with two zero bytes", path);
    if (d[2] != 8)
        return tool_fail(TOOL_FAILED, "%s: IDX type 0x%02X is not supported, only 0x08 (unsigned bytes)", path, d[2]);
    out->rank = d[3];
    if (out->rank < 1 || out->rank > 4 || bytes < 4 + 4ull * out->rank)
        return tool_fail(TOOL_FAILED, "%s: IDX of rank %u in a file of %llu bytes", path, out->rank, (unsigned long long)bytes);
    uint64_t count = 1, head = 4 + 4ull * out->rank;
    for (uint32_t i = 0; i < out->rank; i++) {
        const uint8_t *p = d + 4 + 4 * i;
        out->dims[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        if (__builtin_mul_overflow(count, (uint64_t)out->dims[i], &count))
            return tool_fail(TOOL_FAILED, "%s: the sizes of the IDX file are too large", path);
    }
    if (count != bytes - head)
        return tool_fail(TOOL_FAILED, "%s: the IDX header promises %llu elements, the file has %llu", path,
                         (unsigned long long)count, (unsigned long long)(bytes - head));
    out->data = tool_alloc(count, 1);
    memcpy(out->data, d + head, count);
    return TOOL_GO_ON;
}

int idx_read(const char *path, struct idx *out)
{
    *out = (struct idx){0};
    uint8_t *data;
    uint64_t bytes;
    int code = file_read(path, IDX_MAX_BYTES, &data, &bytes);
    if (code == TOOL_GO_ON && is_gzip(data, bytes))
        code = unpack(path, &data, &bytes);
    if (code == TOOL_GO_ON)
        code = parse(path, data, bytes, out);
    free(data);
    return code;
}

void idx_free(struct idx *idx)
{
    free(idx->data);
    idx->data = NULL;
}
