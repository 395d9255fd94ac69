/* SPDX-License-Identifier: MIT
 * The host's services under watch: allocations are counted and made to fail, parallel is held to fewer workers. They are
 * put into the device's own table, so that a plugin that kept the pointer from open is watched as well. */
#include <stdatomic.h>

#include "harness.h"

static struct {
    struct cvk__device *device;
    struct cvk_host own; /* the services as they were */
    atomic_uint_fast64_t allocs;
    atomic_int_fast64_t blocks, until_failure; /* until_failure < 0: never */
    uint32_t workers;
} watch;

static void *watched_alloc(const struct cvk_host *host, uint64_t bytes, uint64_t align)
{
    atomic_fetch_add(&watch.allocs, 1);
    if (atomic_load(&watch.until_failure) >= 0 && atomic_fetch_sub(&watch.until_failure, 1) == 0)
        return NULL;
    void *memory = watch.own.alloc(host, bytes, align);
    if (memory)
        atomic_fetch_add(&watch.blocks, 1);
    return memory;
}

static void watched_free(const struct cvk_host *host, void *memory)
{
    if (memory)
        atomic_fetch_sub(&watch.blocks, 1);
    watch.own.free(host, memory);
}

static uint32_t watched_workers(const struct cvk_host *host)
{
    uint32_t workers = watch.own.workers(host);
    return watch.workers && workers > watch.workers ? watch.workers : workers;
}

static void watched_parallel(const struct cvk_host *host, uint32_t max_workers, uint64_t count, cvk_task_fn fn, void *arg)
{
    uint32_t workers = watched_workers(host);
    watch.own.parallel(host, max_workers == 0 || max_workers > workers ? workers : max_workers, count, fn, arg);
}

void cvk__watch_begin(struct cvk__device *d)
{
    watch.device = d;
    watch.own = d->host;
    watch.workers = 0;
    atomic_store(&watch.until_failure, -1);
    d->host.alloc = watched_alloc;
    d->host.free = watched_free;
    d->host.workers = watched_workers;
    d->host.parallel = watched_parallel;
}

void cvk__watch_end(void)
{
    watch.device->host = watch.own;
}

void cvk__watch_workers(uint32_t workers)
{
    watch.workers = workers;
}

void cvk__watch_fail_alloc(int64_t nth)
{
    atomic_store(&watch.until_failure, nth);
}

uint64_t cvk__watch_allocs(void)
{
    return atomic_load(&watch.allocs);
}

int64_t cvk__watch_blocks(void)
{
    return atomic_load(&watch.blocks);
}
