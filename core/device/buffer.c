/* SPDX-License-Identifier: MIT
 * Memory of a device, and the host's own where the device has none. */
#include "backend.h"

#define BOUNCE_BYTES ((uint64_t)1 << 20)

int32_t cvk__buffer_alloc(struct cvk__device *d, uint64_t bytes, void **buffer)
{
    const struct cvk_device_api *api = &d->backend->api;
    *buffer = NULL;
    if (d->info.max_alloc_bytes && bytes > d->info.max_alloc_bytes)
        return cvk__fail(CVK_E_MEMORY, "%s: a buffer of %llu bytes is larger than the device's limit of %llu", d->spec,
                         (unsigned long long)bytes, (unsigned long long)d->info.max_alloc_bytes);
    if (!api->alloc) {
        *buffer = cvk__alloc_buffer(CVK__TAG_SESSION, bytes);
        return *buffer ? CVK_OK : cvk__fail_memory(bytes, "a buffer");
    }
    /* A kernel on host memory may read the tail, so it is asked for; opaque memory promises none. */
    uint64_t wanted = bytes ? bytes : 1;
    if (d->host_memory && !cvk__add_u64(wanted, CVK_TAIL_BYTES, &wanted))
        return cvk__fail_memory(bytes, "a buffer");
    cvk__plugin_enter();
    int32_t status = cvk__plugin_leave(d, api->alloc(d->handle, wanted, buffer), "allocating a buffer");
    if (status != CVK_OK)
        return cvk__fail_in(status, "%llu bytes: ", (unsigned long long)wanted);
    if (!*buffer)
        return cvk__fail(CVK_E_ABI, "%s: alloc said yes to %llu bytes and gave no buffer", d->spec, (unsigned long long)wanted);
    if (d->host_memory && (uintptr_t)*buffer % CVK_ALIGN_BYTES) {
        api->free(d->handle, *buffer);
        *buffer = NULL;
        return cvk__fail(CVK_E_ABI, "%s: alloc gave host memory that is not aligned to %d bytes", d->spec, CVK_ALIGN_BYTES);
    }
    return CVK_OK;
}

void cvk__buffer_free(struct cvk__device *d, void *buffer)
{
    if (!buffer)
        return;
    if (d->backend->api.free)
        d->backend->api.free(d->handle, buffer);
    else
        cvk__free(buffer);
}

/* Where host and device share memory, a mapped range spares the driver's own staging: true if that way is open. */
static bool can_map(const struct cvk__device *d)
{
    return d->map_api && d->info.caps & CVK_CAP_UNIFIED_MEMORY;
}

/* One of to and from is NULL: the mapped buffer stands in its place. */
static int32_t copy_mapped(struct cvk__device *d, void *buffer, uint64_t offset, void *to, const void *from, uint64_t bytes)
{
    void *pointer = NULL;
    cvk__plugin_enter();
    CVK__TRY(cvk__plugin_leave(d, d->map_api->map(d->handle, d->queue, buffer, offset, bytes, from != NULL, &pointer),
                               "mapping a buffer"));
    if (!pointer)
        return cvk__fail(CVK_E_ABI, "%s: map said yes to %llu bytes and gave no pointer", d->spec, (unsigned long long)bytes);
    memcpy(to ? to : pointer, from ? from : pointer, bytes);
    cvk__plugin_enter();
    return cvk__plugin_leave(d, d->map_api->unmap(d->handle, d->queue, buffer, pointer), "unmapping a buffer");
}

int32_t cvk__buffer_write(struct cvk__device *d, void *buffer, uint64_t offset, const void *src, uint64_t bytes)
{
    if (bytes == 0)
        return CVK_OK;
    if (!d->backend->api.write) {
        CVK__TRY(cvk__device_finish(d));
        memcpy((char *)buffer + offset, src, bytes);
        return CVK_OK;
    }
    if (can_map(d))
        return copy_mapped(d, buffer, offset, NULL, src, bytes);
    cvk__plugin_enter();
    return cvk__plugin_leave(d, d->backend->api.write(d->handle, d->queue, buffer, offset, src, bytes), "writing to a buffer");
}

int32_t cvk__buffer_read(struct cvk__device *d, void *buffer, uint64_t offset, void *dst, uint64_t bytes)
{
    if (bytes == 0)
        return CVK_OK;
    if (!d->backend->api.read) {
        CVK__TRY(cvk__device_finish(d));
        memcpy(dst, (const char *)buffer + offset, bytes);
        return CVK_OK;
    }
    if (can_map(d))
        return copy_mapped(d, buffer, offset, dst, NULL, bytes);
    cvk__plugin_enter();
    return cvk__plugin_leave(d, d->backend->api.read(d->handle, d->queue, buffer, offset, dst, bytes), "reading from a buffer");
}

/* Through a piece of host memory, for devices without copy. */
static int32_t bounce(struct cvk__device *d, void *src, uint64_t src_offset, void *dst, uint64_t dst_offset, uint64_t bytes)
{
    uint64_t piece = bytes < BOUNCE_BYTES ? bytes : BOUNCE_BYTES;
    void *host = cvk__alloc_buffer(CVK__TAG_SESSION, piece);
    if (!host)
        return cvk__fail_memory(piece, "a copy between buffers");
    int32_t status = CVK_OK;
    for (uint64_t done = 0; done < bytes && status == CVK_OK; done += piece) {
        uint64_t n = bytes - done < piece ? bytes - done : piece;
        status = cvk__buffer_read(d, src, src_offset + done, host, n);
        if (status == CVK_OK)
            status = cvk__buffer_write(d, dst, dst_offset + done, host, n);
    }
    cvk__free(host);
    return status;
}

int32_t cvk__buffer_copy(struct cvk__device *d, void *src, uint64_t src_offset, void *dst, uint64_t dst_offset, uint64_t bytes)
{
    const struct cvk_device_api *api = &d->backend->api;
    if (bytes == 0)
        return CVK_OK;
    if (api->copy) {
        cvk__plugin_enter();
        return cvk__plugin_leave(d, api->copy(d->handle, d->queue, src, src_offset, dst, dst_offset, bytes),
                                 "copying between buffers");
    }
    if (api->read)
        return bounce(d, src, src_offset, dst, dst_offset, bytes);
    CVK__TRY(cvk__device_finish(d));
    memmove((char *)dst + dst_offset, (const char *)src + src_offset, bytes);
    return CVK_OK;
}
