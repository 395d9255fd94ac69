/* SPDX-License-Identifier: MIT
 * Descriptors: checked sizes, and shapes as text. */
#include "../base/base.h"
#include "convoke/tensor.h"

const char *cvk_shape_text(uint32_t rank, const int64_t *dims, char *text)
{
    if (rank == 0)
        return strcpy(text, "scalar");
    if (rank > CVK_MAX_RANK || !dims) {
        snprintf(text, CVK_SHAPE_TEXT, "rank %u", rank);
        return text;
    }
    size_t used = 0;
    for (uint32_t i = 0; i < rank; i++) {
        const char *cross = i ? "x" : "";
        if (dims[i] < 0)
            used += (size_t)snprintf(text + used, CVK_SHAPE_TEXT - used, "%s?", cross);
        else
            used += (size_t)snprintf(text + used, CVK_SHAPE_TEXT - used, "%s%lld", cross, (long long)dims[i]);
    }
    return text;
}

/* Bytes in this layout; false if they do not fit. A size of 0 counts as 1 until the end, so that products of the other sizes
 * are known to fit as well. */
static bool count_bytes(const struct cvk_tensor_desc *d, uint64_t *out)
{
    uint64_t bytes = cvk_dtype_bytes(d->dtype), block = cvk_layout_block(d->layout);
    bool empty = false;
    for (uint32_t i = 0; i < d->rank; i++) {
        uint64_t n = (uint64_t)d->dims[i];
        empty = empty || n == 0;
        if (i == 1)
            n = cvk__round_up(n, block); /* sizes are below 2^63: no wrap */
        if (!cvk__mul_u64(bytes, n ? n : 1, &bytes))
            return false;
    }
    *out = empty ? 0 : bytes;
    return bytes <= INT64_MAX - CVK_ALIGN_BYTES - CVK_TAIL_BYTES;
}

int32_t cvk_tensor_desc_init(struct cvk_tensor_desc *desc, uint32_t dtype, uint32_t layout, uint32_t rank, const int64_t *dims)
{
    char text[CVK_SHAPE_TEXT];
    if (!desc || (rank > 0 && !dims))
        return cvk__fail(CVK_E_ARG, "a tensor's %s is NULL", desc ? "list of sizes" : "descriptor");
    if (cvk_dtype_bytes(dtype) == 0)
        return cvk__fail(CVK_E_ARG, "unknown element type %u", dtype);
    if (rank > CVK_MAX_RANK)
        return cvk__fail(CVK_E_ARG, "a tensor of %u axes; at most %d are possible", rank, CVK_MAX_RANK);
    if (layout > CVK_LAYOUT_NC16)
        return cvk__fail(CVK_E_ARG, "unknown layout %u", layout);
    if (layout != CVK_LAYOUT_PLAIN && rank < 2)
        return cvk__fail(CVK_E_ARG, "layout %s needs axes N and C; the tensor has rank %u", cvk_layout_name(layout), rank);
    struct cvk_tensor_desc made = {.size = sizeof made, .dtype = dtype, .layout = layout, .rank = rank};
    for (uint32_t i = 0; i < rank; i++) {
        if (dims[i] < 0)
            return cvk__fail(CVK_E_SHAPE, "size %lld of axis %u is negative", (long long)dims[i], i);
        made.dims[i] = dims[i];
    }
    if (!count_bytes(&made, &made.bytes))
        return cvk__fail(CVK_E_LIMIT, "a tensor of %s in %s has more than 2^63 bytes", cvk_shape_text(rank, dims, text),
                         cvk_dtype_name(dtype));
    *desc = made;
    return CVK_OK;
}

uint64_t cvk_tensor_desc_count(const struct cvk_tensor_desc *desc)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < desc->rank; i++)
        count *= (uint64_t)desc->dims[i];
    return count;
}
