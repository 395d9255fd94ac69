/* SPDX-License-Identifier: MIT
 * Between the host's memory and the device's: large pieces go through two pinned blocks in turn, so that the host's copy and the
 * device's run at the same time and the driver needs no staging of its own. */
#include "ocl.h"

#define BLOCK_BYTES (4u << 20)
#define SMALL_BYTES (256u << 10) /* below it one plain command is quicker */
#define BLOCKS 2

struct ocl_staging {
    struct {
        cl_mem memory;
        void *pointer;
        cl_event busy; /* the last command that uses it; NULL: none */
        void *to;      /* of a read on its way: where it goes, and how much */
        uint64_t bytes;
    } blocks[BLOCKS];
    bool unsettled; /* a wait failed: a command may still be using a block */
};

void ocl_staging_release(struct ocl_device *d)
{
    struct ocl_staging *s = d->staging;
    if (!s)
        return;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        if (s->blocks[i].busy)
            clReleaseEvent(s->blocks[i].busy);
        if (s->blocks[i].pointer)
            clEnqueueUnmapMemObject(d->queue, s->blocks[i].memory, s->blocks[i].pointer, 0, NULL, NULL);
    }
    clFinish(d->queue);
    for (uint32_t i = 0; i < BLOCKS; i++)
        ocl_memory_free(s->blocks[i].memory);
    d->host->free(d->host, s);
    d->staging = NULL;
}

/* False where there is no pinned memory to be had: then plain commands do. */
static bool prepare(struct ocl_device *d)
{
    if (d->staging) {
        if (d->staging->unsettled && clFinish(d->queue) == CL_SUCCESS)
            d->staging->unsettled = false;
        return d->staging->blocks[BLOCKS - 1].pointer != NULL && !d->staging->unsettled;
    }
    struct ocl_staging *s = d->staging = d->host->alloc(d->host, sizeof *s, 0);
    if (!s)
        return false;
    memset(s, 0, sizeof *s);
    for (uint32_t i = 0; i < BLOCKS; i++) {
        cl_int code;
        s->blocks[i].memory = clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_ALLOC_HOST_PTR, BLOCK_BYTES, NULL, &code);
        if (code != CL_SUCCESS)
            return false;
        s->blocks[i].pointer = clEnqueueMapBuffer(d->queue, s->blocks[i].memory, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, 0, BLOCK_BYTES, 0,
                                                  NULL, NULL, &code);
        if (code != CL_SUCCESS) {
            s->blocks[i].pointer = NULL;
            return false;
        }
    }
    return true;
}

/* Waits until block i is free; what a read left in it goes to its place. */
static cl_int settle(struct ocl_staging *s, uint32_t i)
{
    cl_int code = CL_SUCCESS;
    if (s->blocks[i].busy) {
        code = clWaitForEvents(1, &s->blocks[i].busy);
        s->unsettled = s->unsettled || code != CL_SUCCESS;
        clReleaseEvent(s->blocks[i].busy);
        s->blocks[i].busy = NULL;
    }
    if (code == CL_SUCCESS && s->blocks[i].to)
        memcpy(s->blocks[i].to, s->blocks[i].pointer, s->blocks[i].bytes);
    s->blocks[i].to = NULL;
    return code;
}

static cl_int write_piece(struct ocl_device *d, uint32_t i, cl_mem memory, uint64_t offset, const char *src, uint64_t bytes)
{
    struct ocl_staging *s = d->staging;
    cl_int code = settle(s, i);
    if (code != CL_SUCCESS)
        return code;
    memcpy(s->blocks[i].pointer, src, bytes);
    code = clEnqueueWriteBuffer(d->queue, memory, CL_FALSE, offset, bytes, s->blocks[i].pointer, 0, NULL, &s->blocks[i].busy);
    if (code == CL_SUCCESS)
        return clFlush(d->queue);
    s->blocks[i].busy = NULL;
    return code;
}

static cl_int read_piece(struct ocl_device *d, uint32_t i, cl_mem memory, uint64_t offset, char *dst, uint64_t bytes)
{
    struct ocl_staging *s = d->staging;
    cl_int code = settle(s, i);
    if (code != CL_SUCCESS)
        return code;
    code = clEnqueueReadBuffer(d->queue, memory, CL_FALSE, offset, bytes, s->blocks[i].pointer, 0, NULL, &s->blocks[i].busy);
    if (code != CL_SUCCESS) {
        s->blocks[i].busy = NULL;
        return code;
    }
    s->blocks[i].to = dst;
    s->blocks[i].bytes = bytes;
    return clFlush(d->queue);
}

/* One of src and dst is NULL. Waits for both blocks even after a failure: they must not be written to later. */
static cl_int in_pieces(struct ocl_device *d, cl_mem memory, uint64_t offset, const char *src, char *dst, uint64_t bytes)
{
    cl_int code = CL_SUCCESS;
    uint32_t turn = 0;
    for (uint64_t done = 0; done < bytes && code == CL_SUCCESS; done += BLOCK_BYTES, turn = (turn + 1) % BLOCKS) {
        uint64_t n = bytes - done < BLOCK_BYTES ? bytes - done : BLOCK_BYTES;
        code = src ? write_piece(d, turn, memory, offset + done, src + done, n) : read_piece(d, turn, memory, offset + done, dst + done, n);
    }
    for (uint32_t i = 0; i < BLOCKS; i++) {
        cl_int last = settle(d->staging, i);
        code = code == CL_SUCCESS ? last : code;
    }
    return code;
}

int32_t ocl_buffer_write(void *device, void *queue, void *buffer, uint64_t offset, const void *src, uint64_t bytes)
{
    struct ocl_device *d = device;
    (void)queue;
    cl_int code = bytes > SMALL_BYTES && !d->unified && prepare(d)
                      ? in_pieces(d, (cl_mem)buffer, offset, src, NULL, bytes)
                      : clEnqueueWriteBuffer(d->queue, (cl_mem)buffer, CL_TRUE, offset, bytes, src, 0, NULL, NULL);
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "writing %llu bytes to the device", (unsigned long long)bytes);
}

int32_t ocl_buffer_read(void *device, void *queue, void *buffer, uint64_t offset, void *dst, uint64_t bytes)
{
    struct ocl_device *d = device;
    (void)queue;
    cl_int code = bytes > SMALL_BYTES && !d->unified && prepare(d)
                      ? in_pieces(d, (cl_mem)buffer, offset, NULL, dst, bytes)
                      : clEnqueueReadBuffer(d->queue, (cl_mem)buffer, CL_TRUE, offset, bytes, dst, 0, NULL, NULL);
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "reading %llu bytes from the device", (unsigned long long)bytes);
}
