/* SPDX-License-Identifier: MIT
 * All host memory of the core comes from here, so that a test can make any call fail. */
#include "base.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "convoke/tensor.h"

#define HUGE_BYTES ((uint64_t)2 << 20) /* of a huge page on the processors that have them of a useful size */

static atomic_uint_fast64_t calls[CVK__TAG_COUNT];
static atomic_int_fast64_t calls_left = -1; /* -1: no end */
static atomic_uint_fast64_t held, held_most;

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

/* Adds a new block to what is held; returns it. */
static void *hold(void *memory)
{
    uint_fast64_t bytes = memory ? malloc_usable_size(memory) : 0;
    uint_fast64_t now = atomic_fetch_add_explicit(&held, bytes, memory_order_relaxed) + bytes;
    uint_fast64_t most = atomic_load_explicit(&held_most, memory_order_relaxed);
    while (now > most &&
           !atomic_compare_exchange_weak_explicit(&held_most, &most, now, memory_order_relaxed, memory_order_relaxed))
        continue;
    return memory;
}

static void let_go(void *memory)
{
    if (memory)
        atomic_fetch_sub_explicit(&held, malloc_usable_size(memory), memory_order_relaxed);
}

void *cvk__alloc(enum cvk__tag tag, uint64_t bytes)
{
    if (!admit(tag) || absurd(bytes))
        return NULL;
    return hold(calloc(1, bytes ? (size_t)bytes : 1));
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
    uint64_t before = memory ? malloc_usable_size(memory) : 0;
    void *grown = realloc(memory, bytes ? (size_t)bytes : 1);
    if (grown) {
        atomic_fetch_sub_explicit(&held, before, memory_order_relaxed);
        hold(grown);
    }
    return grown;
}

/* posix_memalign, and not an offset into a larger block: such memory and memory of plain malloc are both freed by cvk__free.
 *
 * Large buffers ask for huge pages: weights are written once from end to end, and 2 MiB at a time that takes a third of the time
 * of 4 KiB at a time; kernels then miss fewer translations. Only whole huge pages are asked for, so that no memory is taken that
 * was not wanted; where the system has none to give, nothing changes. */
void *cvk__alloc_buffer(enum cvk__tag tag, uint64_t bytes)
{
    if (!admit(tag) || absurd(bytes))
        return NULL;
    size_t align = bytes >= HUGE_BYTES ? HUGE_BYTES : CVK_ALIGN_BYTES;
    void *memory;
    if (posix_memalign(&memory, align, (size_t)cvk__round_up(bytes + CVK_TAIL_BYTES, CVK_ALIGN_BYTES)))
        return NULL;
#ifdef MADV_HUGEPAGE
    if (bytes >= HUGE_BYTES)
        (void)madvise(memory, (size_t)(bytes / HUGE_BYTES * HUGE_BYTES), MADV_HUGEPAGE);
#endif
    return hold(memory);
}

void cvk__free(void *memory)
{
    let_go(memory);
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

uint64_t cvk__alloc_held(void)
{
    return atomic_load(&held);
}

uint64_t cvk__alloc_held_most(void)
{
    return atomic_exchange(&held_most, atomic_load(&held));
}

int32_t cvk__fail_memory(uint64_t bytes, const char *what)
{
    return cvk__fail(CVK_E_MEMORY, "out of memory: %llu bytes for %s", (unsigned long long)bytes, what);
}
