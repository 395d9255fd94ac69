/* SPDX-License-Identifier: MIT
 * Memory of the device, and the kernels' own. */
#include "fault.h"
#include "program.h"

/* The kernels read whole vectors at the end of a row. */
static uint64_t with_tail(uint64_t bytes)
{
    return bytes + CVK_TAIL_BYTES;
}

static int32_t create(struct ocl_device *d, uint64_t bytes, cl_mem *out)
{
    /* Where host and device share memory, this flag lets a buffer be mapped without a copy. */
    cl_mem_flags flags = CL_MEM_READ_WRITE | (d->unified ? CL_MEM_ALLOC_HOST_PTR : 0);
    cl_int code;
    if (d->max_alloc_bytes && with_tail(bytes) > d->max_alloc_bytes)
        return ocl_fail(d->host, CL_INVALID_BUFFER_SIZE, "a buffer of %llu bytes; the device takes %llu at most", (unsigned long long)bytes,
                        (unsigned long long)d->max_alloc_bytes);
    *out = clCreateBuffer(d->context, flags, with_tail(bytes), NULL, &code);
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "a buffer of %llu bytes", (unsigned long long)bytes);
}

int32_t ocl_buffer_alloc(void *device, uint64_t bytes, void **buffer)
{
    cl_mem memory = NULL;
    OCL_TRY(create(device, bytes, &memory));
    *buffer = memory;
    return CVK_OK;
}

void ocl_buffer_free(void *device, void *buffer)
{
    ocl_programs_store(device); /* a moment in which nobody waits for results */
    clReleaseMemObject((cl_mem)buffer);
}

int32_t ocl_memory(struct ocl_device *d, uint64_t bytes, const void *content, cl_mem *out)
{
    OCL_TRY(create(d, bytes ? bytes : 1, out));
    int32_t status = content && bytes ? ocl_buffer_write(d, NULL, *out, 0, content, bytes) : CVK_OK;
    if (status != CVK_OK) {
        clReleaseMemObject(*out);
        *out = NULL;
    }
    return status;
}

void ocl_memory_free(cl_mem memory)
{
    if (memory)
        clReleaseMemObject(memory);
}

int32_t ocl_buffer_copy(void *device, void *queue, void *src, uint64_t src_offset, void *dst, uint64_t dst_offset, uint64_t bytes)
{
    struct ocl_device *d = device;
    (void)queue;
    cl_int code = clEnqueueCopyBuffer(d->queue, (cl_mem)src, (cl_mem)dst, src_offset, dst_offset, bytes, 0, NULL, NULL);
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "a copy of %llu bytes", (unsigned long long)bytes);
}

int32_t ocl_sync(void *device)
{
    struct ocl_device *d = device;
    cl_int code = clFinish(d->queue);
    if (code != CL_SUCCESS)
        return ocl_fail(d->host, code, "waiting for the queue");
    d->programs_settled = d->programs_changed;
    return ocl_faults_look(d);
}
