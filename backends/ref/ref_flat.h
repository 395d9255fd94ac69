/* SPDX-License-Identifier: MIT
 * For kernels that treat their operands as flat rows of elements: work in chunks, the tails of blocked
 * layouts, and the order of elements for arg and topk. */
#ifndef REF_FLAT_H
#define REF_FLAT_H

#include "ref.h"

#define REF_CHUNK 1024 /* elements in one unit of parallel work, so that small tensors stay on one thread */
#define REF_LANES 64   /* neighbouring results that one worker makes together where rows lie across the memory */

/* Chunks that `count` elements make. */
static inline uint64_t ref_chunks(uint64_t count)
{
    return (count + REF_CHUNK - 1) / REF_CHUNK;
}

/* Elements that lie in memory, the zeros that fill up blocks included. */
static inline uint64_t ref_flat_count(const struct cvk_tensor_desc *d)
{
    return d->bytes / ref_dtype_bytes(d->dtype);
}

static inline uint32_t ref_layout_block(uint32_t layout)
{
    return layout == CVK_LAYOUT_NC4 ? 4 : layout == CVK_LAYOUT_NC8 ? 8 : layout == CVK_LAYOUT_NC16 ? 16 : 1;
}

/* Makes the places behind the last channel zero again, as the layout promises, after a function with f(0) != 0. */
static inline void ref_zero_tail(const struct cvk_tensor_desc *d, void *data)
{
    uint64_t block = ref_layout_block(d->layout), bytes = ref_dtype_bytes(d->dtype);
    if (block == 1 || d->rank < 2)
        return;
    uint64_t channels = (uint64_t)d->dims[1], blocks = (channels + block - 1) / block, used = channels % block, pixels = 1;
    if (used == 0)
        return;
    for (uint32_t i = 2; i < d->rank; i++)
        pixels *= (uint64_t)d->dims[i];
    for (uint64_t n = 0; n < (uint64_t)d->dims[0]; n++)
        for (uint64_t s = 0; s < pixels; s++) {
            uint64_t at = (((n + 1) * blocks - 1) * pixels + s) * block + used;
            memset((char *)data + at * bytes, 0, (block - used) * bytes);
        }
}

/* Product of sizes first..last-1. */
static inline uint64_t ref_product(const int64_t *dims, uint32_t first, uint32_t last)
{
    uint64_t n = 1;
    for (uint32_t i = first; i < last; i++)
        n *= (uint64_t)dims[i];
    return n;
}

/* A whole number that stands in the order of element i: larger elements have larger keys, equal ones (-0 and 0 too) the same.
 * NaN is above +inf. */
static inline int64_t ref_order_key(const void *x, uint32_t dtype, uint64_t i)
{
    if (!ref_is_float(dtype)) {
        int64_t value = ref_load_int(x, dtype, i);
        return dtype == CVK_U64 ? value ^ INT64_MIN : value;
    }
    double value = ref_load(x, dtype, i);
    if (value != value)
        return INT64_MAX;
    if (value == 0)
        return 0;
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? bits ^ INT64_MAX : bits; /* negative numbers: larger bits mean smaller numbers */
}

#endif
