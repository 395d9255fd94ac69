/* SPDX-License-Identifier: MIT
 * fault_layer.h. The test program exports the functions of OpenCL that are defined here, so that the plugin finds them before the
 * loader's; each hands on to the next one of its name. */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include "fault_layer.h"

#include <CL/cl.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

static enum fault_kind fault_of;
static uint64_t calls_left, failures_left;
static int came, separate;
static atomic_llong contexts, queues, buffers, programs, kernels, events, maps;

void fault_set(enum fault_kind kind, uint64_t n, uint64_t after)
{
    fault_of = kind;
    calls_left = n;
    failures_left = after + 1;
    came = 0;
}

int fault_clear(void)
{
    fault_of = FAULT_NONE;
    return came;
}

void fault_separate_memory(void)
{
    separate = 1;
}

static const char *driver_version;

void fault_driver_version(const char *text)
{
    driver_version = text;
}

static atomic_llong compiled, loaded, others;

struct fault_programs fault_programs(void)
{
    return (struct fault_programs){compiled, loaded};
}

const char *fault_name(enum fault_kind kind)
{
    static const char *const names[] = {"none",    "open",  "alloc", "program", "build",  "argument",
                                        "enqueue", "write", "read",  "map",     "finish", "info"};
    return names[kind];
}

struct fault_counts fault_alive(void)
{
    return (struct fault_counts){contexts, queues, buffers, programs, kernels, events, maps};
}

static int fails(enum fault_kind kind)
{
    if (kind != fault_of || failures_left == 0)
        return 0;
    if (calls_left > 1) {
        calls_left--;
        return 0;
    }
    failures_left--;
    came = 1;
    return 1;
}

static cl_int code_of(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_ALLOC: return CL_MEM_OBJECT_ALLOCATION_FAILURE;
    case FAULT_BUILD: return CL_BUILD_PROGRAM_FAILURE;
    case FAULT_OPEN: return CL_DEVICE_NOT_AVAILABLE;
    case FAULT_PROGRAM: return CL_OUT_OF_HOST_MEMORY;
    case FAULT_MAP: return CL_MAP_FAILURE;
    default: return CL_OUT_OF_RESOURCES;
    }
}

/* The function of this name that comes after ours. */
#define NEXT(name) ((__typeof__(&name))(uintptr_t)dlsym(RTLD_NEXT, #name))

/* A function that makes an object: fails or counts. */
#define MAKER(kind, counter, also, type, name, params, args)   \
    type name params                                     \
    {                                                    \
        if (fails(kind)) {                               \
            if (code)                                    \
                *code = code_of(kind);                   \
            return NULL;                                 \
        }                                                \
        type made = NEXT(name) args;                     \
        counter += made != NULL;                         \
        also += made != NULL;                            \
        return made;                                     \
    }
#define RELEASER(counter, name, type)      \
    cl_int name(type object)               \
    {                                      \
        cl_int result = NEXT(name)(object); \
        counter -= result == CL_SUCCESS;   \
        return result;                     \
    }
#define CALL(kind, name, params, args) \
    cl_int name params                 \
    {                                  \
        if (fails(kind))               \
            return code_of(kind);      \
        return NEXT(name) args;        \
    }

MAKER(FAULT_OPEN, contexts, others, cl_context, clCreateContext,
      (const cl_context_properties *p, cl_uint n, const cl_device_id *d, void (*f)(const char *, const void *, size_t, void *), void *u,
       cl_int *code),
      (p, n, d, f, u, code))
MAKER(FAULT_OPEN, queues, others, cl_command_queue, clCreateCommandQueue,
      (cl_context c, cl_device_id d, cl_command_queue_properties p, cl_int *code), (c, d, p, code))
MAKER(FAULT_ALLOC, buffers, others, cl_mem, clCreateBuffer, (cl_context c, cl_mem_flags f, size_t n, void *h, cl_int *code), (c, f, n, h, code))
MAKER(FAULT_PROGRAM, programs, compiled, cl_program, clCreateProgramWithSource,
      (cl_context c, cl_uint n, const char **t, const size_t *l, cl_int *code), (c, n, t, l, code))
MAKER(FAULT_PROGRAM, programs, loaded, cl_program, clCreateProgramWithBinary,
      (cl_context c, cl_uint n, const cl_device_id *d, const size_t *l, const unsigned char **b, cl_int *s, cl_int *code),
      (c, n, d, l, b, s, code))
MAKER(FAULT_PROGRAM, kernels, others, cl_kernel, clCreateKernel, (cl_program p, const char *n, cl_int *code), (p, n, code))
RELEASER(contexts, clReleaseContext, cl_context)
RELEASER(queues, clReleaseCommandQueue, cl_command_queue)
RELEASER(buffers, clReleaseMemObject, cl_mem)
RELEASER(programs, clReleaseProgram, cl_program)
RELEASER(kernels, clReleaseKernel, cl_kernel)
RELEASER(events, clReleaseEvent, cl_event)

CALL(FAULT_BUILD, clBuildProgram,
     (cl_program p, cl_uint n, const cl_device_id *d, const char *o, void (*f)(cl_program, void *), void *u), (p, n, d, o, f, u))
CALL(FAULT_ARG, clSetKernelArg, (cl_kernel k, cl_uint i, size_t n, const void *v), (k, i, n, v))
CALL(FAULT_FINISH, clFinish, (cl_command_queue q), (q))
CALL(FAULT_FINISH, clWaitForEvents, (cl_uint n, const cl_event *e), (n, e))
CALL(FAULT_INFO, clGetProgramInfo, (cl_program p, cl_program_info w, size_t n, void *v, size_t *r), (p, w, n, v, r))
CALL(FAULT_INFO, clGetProgramBuildInfo, (cl_program p, cl_device_id d, cl_program_build_info w, size_t n, void *v, size_t *r),
     (p, d, w, n, v, r))

cl_int clGetDeviceInfo(cl_device_id d, cl_device_info what, size_t n, void *value, size_t *bytes)
{
    cl_int result = NEXT(clGetDeviceInfo)(d, what, n, value, bytes);
    if (driver_version && what == CL_DRIVER_VERSION) {
        if (bytes)
            *bytes = strlen(driver_version) + 1;
        if (value && n <= strlen(driver_version))
            return CL_INVALID_VALUE;
        if (value)
            strcpy(value, driver_version);
        return CL_SUCCESS;
    }
    if (separate && what == CL_DEVICE_HOST_UNIFIED_MEMORY && result == CL_SUCCESS && value)
        *(cl_bool *)value = CL_FALSE;
    return result;
}

/* Commands may give an event away, which then lives. */
#define COMMAND(kind, name, params, args)     \
    cl_int name params                        \
    {                                         \
        if (fails(kind))                      \
            return code_of(kind);             \
        cl_int result = NEXT(name) args;      \
        events += result == CL_SUCCESS && ev; \
        return result;                        \
    }
COMMAND(FAULT_ENQUEUE, clEnqueueNDRangeKernel,
        (cl_command_queue q, cl_kernel k, cl_uint n, const size_t *o, const size_t *g, const size_t *l, cl_uint w, const cl_event *e,
         cl_event *ev),
        (q, k, n, o, g, l, w, e, ev))
COMMAND(FAULT_ENQUEUE, clEnqueueCopyBuffer,
        (cl_command_queue q, cl_mem a, cl_mem b, size_t x, size_t y, size_t n, cl_uint w, const cl_event *e, cl_event *ev),
        (q, a, b, x, y, n, w, e, ev))
COMMAND(FAULT_WRITE, clEnqueueWriteBuffer,
        (cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t n, const void *p, cl_uint w, const cl_event *e, cl_event *ev),
        (q, m, b, o, n, p, w, e, ev))
COMMAND(FAULT_READ, clEnqueueReadBuffer,
        (cl_command_queue q, cl_mem m, cl_bool b, size_t o, size_t n, void *p, cl_uint w, const cl_event *e, cl_event *ev),
        (q, m, b, o, n, p, w, e, ev))
COMMAND(FAULT_ENQUEUE, clEnqueueMarkerWithWaitList, (cl_command_queue q, cl_uint w, const cl_event *e, cl_event *ev), (q, w, e, ev))

void *clEnqueueMapBuffer(cl_command_queue q, cl_mem m, cl_bool b, cl_map_flags f, size_t o, size_t n, cl_uint w, const cl_event *e,
                         cl_event *ev, cl_int *code)
{
    if (fails(FAULT_MAP)) {
        if (code)
            *code = code_of(FAULT_MAP);
        return NULL;
    }
    void *pointer = NEXT(clEnqueueMapBuffer)(q, m, b, f, o, n, w, e, ev, code);
    maps += pointer != NULL;
    return pointer;
}

cl_int clEnqueueUnmapMemObject(cl_command_queue q, cl_mem m, void *p, cl_uint w, const cl_event *e, cl_event *ev)
{
    cl_int result = NEXT(clEnqueueUnmapMemObject)(q, m, p, w, e, ev);
    maps -= result == CL_SUCCESS;
    return result;
}
