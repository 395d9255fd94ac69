/* SPDX-License-Identifier: MIT
 * Opening a device: context, queue, what its kernels may use. */
#include "device.h"

#include "fault.h"
#include "platform.h"
#include "program.h"
#include "turn.h"

static int32_t count(const struct cvk_host *host, uint32_t *out)
{
    const struct ocl_found *found = NULL;
    return ocl_platforms_find(host, &found, out);
}

static int32_t find(const struct cvk_host *host, uint32_t index, const struct ocl_found **out)
{
    const struct ocl_found *found = NULL;
    uint32_t total;
    OCL_TRY(ocl_platforms_find(host, &found, &total));
    if (index >= total)
        return cvk_fail(host, CVK_E_NOT_FOUND, "there is no OpenCL device %u; there are %u", index, total);
    *out = &found[index];
    return CVK_OK;
}

static int32_t info(const struct cvk_host *host, uint32_t index, struct cvk_device_info *out)
{
    const struct ocl_found *found = NULL;
    OCL_TRY(find(host, index, &found));
    uint32_t size = out->size < found->info.size ? out->size : found->info.size;
    uint32_t whole = out->size;
    memcpy(out, &found->info, size);
    out->size = whole;
    /* A broken one is named as well. */
    return found->broken[0] ? cvk_fail(host, CVK_E_DEVICE, "%s", found->broken) : CVK_OK;
}

static uint64_t ask(const struct ocl_device *d, cl_device_info what)
{
    union {
        cl_uint small;
        cl_ulong large;
        size_t size;
    } value = {.large = 0};
    size_t bytes = 0;
    if (clGetDeviceInfo(d->id, what, sizeof value, &value, &bytes) != CL_SUCCESS)
        return 0;
    return bytes == sizeof value.small ? value.small : value.large;
}

static int32_t read_form(const struct cvk_host *host, struct ocl_device *d)
{
    const char *text = host->config(host, "form");
    /* A driver without vectors of its own runs neighbouring items together, as a GPU does. */
    d->cpu_form = d->found->info.kind == CVK_DEVICE_CPU && d->vector_floats >= 4;
    if (!text || strcmp(text, "auto") == 0)
        return CVK_OK;
    if (strcmp(text, "cpu") != 0 && strcmp(text, "gpu") != 0)
        return cvk_fail(host, CVK_E_ARG, "opencl: form=%.40s is none of auto, cpu, gpu", text);
    d->cpu_form = strcmp(text, "cpu") == 0;
    return CVK_OK;
}

/* An extension's name alone is no proof; whoever uses doubles compiles them first, and a program that does not build refuses. */
static bool has_fp64(const struct ocl_device *d)
{
    return ask(d, CL_DEVICE_DOUBLE_FP_CONFIG) != 0;
}

static int32_t set_up(struct ocl_device *d)
{
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM, (cl_context_properties)d->platform, 0};
    cl_int code;
    d->context = clCreateContext(properties, 1, &d->id, NULL, NULL, &code);
    if (code != CL_SUCCESS)
        return ocl_fail(d->host, code, "no context on %s", d->found->info.name);
    d->queue = clCreateCommandQueue(d->context, d->id, 0, &code);
    if (code != CL_SUCCESS)
        return ocl_fail(d->host, code, "no queue on %s", d->found->info.name);
    d->compute_units = (uint32_t)ask(d, CL_DEVICE_MAX_COMPUTE_UNITS);
    d->vector_floats = (uint32_t)ask(d, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT);
    d->max_group = ask(d, CL_DEVICE_MAX_WORK_GROUP_SIZE);
    d->local_bytes = ask(d, CL_DEVICE_LOCAL_MEM_SIZE);
    d->max_alloc_bytes = ask(d, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    d->fp64 = has_fp64(d);
    d->takes_turns = strncmp(d->found->info.platform, "Portable Computing Language", 27) == 0;
    d->unified = d->found->info.caps & CVK_CAP_UNIFIED_MEMORY;
    return CVK_OK;
}

static void close_device(const struct cvk_host *host, void *device)
{
    struct ocl_device *d = device;
    if (d->queue && ocl_sync(d) == CVK_OK)
        ocl_programs_store(d);
    ocl_profile_release(d);
    ocl_staging_release(d);
    ocl_faults_release(d);
    ocl_programs_release(d);
    if (d->queue) {
        ocl_turn_leave(d);
        clReleaseCommandQueue(d->queue);
    }
    if (d->context)
        clReleaseContext(d->context);
    ocl_cache_close(d->cache);
    host->free(host, d);
}

static int32_t open_device(const struct cvk_host *host, uint32_t index, void **device)
{
    const struct ocl_found *found = NULL;
    OCL_TRY(find(host, index, &found));
    if (found->broken[0])
        return cvk_fail(host, CVK_E_DEVICE, "%s", found->broken);
    struct ocl_device *d = host->alloc(host, sizeof *d, 0);
    if (!d)
        return cvk_fail(host, CVK_E_MEMORY, "opencl: no memory for the device (%zu bytes)", sizeof *d);
    memset(d, 0, sizeof *d);
    d->host = host;
    d->found = found;
    d->platform = found->platform;
    d->id = found->id;
    ocl_platform_scope(found, d->scope, sizeof d->scope);
    int32_t status = set_up(d);
    if (status == CVK_OK)
        status = read_form(host, d);
    if (status != CVK_OK) {
        close_device(host, d);
        return status;
    }
    d->cache = ocl_cache_open(host);
    *device = d;
    return CVK_OK;
}

const struct cvk_device_api ocl_device_api = {.size = sizeof ocl_device_api,
                                              .count = count,
                                              .info = info,
                                              .open = open_device,
                                              .close = close_device,
                                              .alloc = ocl_buffer_alloc,
                                              .free = ocl_buffer_free,
                                              .write = ocl_buffer_write,
                                              .read = ocl_buffer_read,
                                              .copy = ocl_buffer_copy,
                                              .sync = ocl_sync,
                                              .get_interface = ocl_interface};
