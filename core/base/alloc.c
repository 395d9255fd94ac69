/* SPDX-License-Identifier: MIT
 * All host memory of the core comes from here, so that a test can make any call fail. */
#include "base.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "convoke/tensor.h"

static atomic_uint_fast64_t calls[CVK__TAG_COUNT];
static atomic_int_fast64_t calls_left = -1; /* -1: no end */

/* Counts a call; false if a test wants it to fail. */
static bool admit(enum cvk__tag tag)
{
    atomic_fetch_add_explicit(&calls[tag], 1, memory_order_relaxed);
    int_fast64_t left = atomic_load_explicit(&calls_left, memory_order_relaxed);
    while (left > 0)
        if (atomic_compare_exchange_weak_explicit(&calls_left, &left, left - 1, memory_order_relaxed, memory_order_relaxed))
            return true;
    return left < 0;
}

/* A request that no allocator can serve and that rounding could wrap. */
static bool absurd(uint64_t bytes)
{
    return bytes > PTRDIFF_MAX - 2 * CVK_ALIGN_BYTES - CVK_TAIL_BYTES;
}

void *cvk__alloc(enum cvk__tag tag, uint64_t bytes)
{
    if (!admit(tag) || absurd(bytes))
        return NULL;
    return calloc(1, bytes ? (size_t)bytes : 1);
}

void *cvk__alloc_array(enum cvk__tag tag, uint64_t count, uint64_t bytes_each)
{
    uint64_t bytes;
    if (!cvk__mul_u64(count, bytes_each, &bytes))
        bytes = UINT64_MAX;
    return cvk__alloc(tag, bytes);
}

void *cvk__realloc(enum cvk__tag tag, void *memory, uint64_t bytes)
{
    if (!admit(tag) || absurd(bytes))
        return NULL;
    return realloc(memory, bytes ? (size_t)bytes : 1);
}

/* aligned_alloc, and not an offset into a larger block: such memory and memory of plain malloc are both freed by cvk__free. */
void *cvk__alloc_buffer(enum cvk__tag tag, uint64_t bytes)
{
    if (!admit(tag) || absurd(bytes))
        return NULL;
    return aligned_alloc(CVK_ALIGN_BYTES, (size_t)cvk__round_up(bytes + CVK_TAIL_BYTES, CVK_ALIGN_BYTES));
}

void cvk__free(void *memory)
{
    free(memory);
}

char *cvk__strdup(enum cvk__tag tag, const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = cvk__alloc(tag, bytes);
    if (copy)
        memcpy(copy, text, bytes);
    return copy;
}

void cvk__alloc_fail_after(int64_t n)
{
    atomic_store(&calls_left, n < 0 ? 0 : n);
}

void cvk__alloc_fail_never(void)
{
    atomic_store(&calls_left, -1);
}

uint64_t cvk__alloc_calls(void)
{
    uint64_t sum = 0;
    for (uint32_t tag = 0; tag < CVK__TAG_COUNT; tag++)
        sum += atomic_load_explicit(&calls[tag], memory_order_relaxed);
    return sum;
}

int32_t cvk__fail_memory(uint64_t bytes, const char *what)
{
    return cvk__fail(CVK_E_MEMORY, "out of memory: %llu bytes for %s", (unsigned long long)bytes, what);
}
