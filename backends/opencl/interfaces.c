/* SPDX-License-Identifier: MIT
 * The optional interfaces: queue, events, mapping, times. */
#include <time.h>

#include "notes.h"
#include "turn.h"

/* ---- queue and event: the device's one queue ------------------------------------------------------------------------------ */

static int32_t queue_create(void *device, void **queue)
{
    *queue = device;
    return CVK_OK;
}

static void queue_destroy(void *device, void *queue)
{
    (void)device;
    (void)queue;
}

static int32_t queue_flush(void *device, void *queue)
{
    struct ocl_device *d = device;
    (void)queue;
    cl_int code = clFlush(d->queue);
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "starting the queue");
}

static int32_t queue_finish(void *device, void *queue)
{
    (void)queue;
    return ocl_sync(device);
}

static int32_t event_record(void *device, void *queue, void **event)
{
    struct ocl_device *d = device;
    cl_event mark;
    (void)queue;
    cl_int code = clEnqueueMarkerWithWaitList(d->queue, 0, NULL, &mark);
    if (code != CL_SUCCESS)
        return ocl_fail(d->host, code, "marking the queue");
    *event = mark;
    return CVK_OK;
}

static int32_t event_wait(void *device, void *event)
{
    struct ocl_device *d = device;
    cl_event mark = event;
    cl_int code = clWaitForEvents(1, &mark);
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "waiting for a mark in the queue");
}

static void event_release(void *device, void *event)
{
    (void)device;
    clReleaseEvent((cl_event)event);
}

/* ---- map -------------------------------------------------------------------------------------------------------------------- */

static int32_t map(void *device, void *queue, void *buffer, uint64_t offset, uint64_t bytes, uint32_t for_writing, void **pointer)
{
    struct ocl_device *d = device;
    cl_int code;
    (void)queue;
    *pointer = clEnqueueMapBuffer(d->queue, (cl_mem)buffer, CL_TRUE, for_writing ? CL_MAP_WRITE : CL_MAP_READ, offset, bytes, 0, NULL,
                                  NULL, &code);
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "mapping %llu bytes", (unsigned long long)bytes);
}

static int32_t unmap(void *device, void *queue, void *buffer, void *pointer)
{
    struct ocl_device *d = device;
    (void)queue;
    cl_int code = clEnqueueUnmapMemObject(d->queue, (cl_mem)buffer, pointer, 0, NULL, NULL);
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "unmapping a buffer");
}

/* ---- profile: events of the commands between begin and end --------------------------------------------------------------- */

#define MAX_EVENTS 64

struct ocl_profile {
    bool active;
    uint64_t begin_ns; /* by the host's clock */
    uint32_t count;
    cl_event events[MAX_EVENTS];
};

static void drop_events(struct ocl_profile *p)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (p->events[i])
            clReleaseEvent(p->events[i]);
    p->count = 0;
}

cl_event *ocl_profile_slot(struct ocl_device *d)
{
    struct ocl_profile *p = d->profile;
    if (!p || !p->active)
        return NULL;
    if (p->count == MAX_EVENTS && p->events[--p->count]) /* the first and the last are what counts */
        clReleaseEvent(p->events[p->count]);
    p->events[p->count] = NULL;
    return &p->events[p->count++];
}

void ocl_profile_release(struct ocl_device *d)
{
    if (!d->profile)
        return;
    drop_events(d->profile);
    d->host->free(d->host, d->profile);
    d->profile = NULL;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Times cost something on some drivers, so the queue takes them only from the first time that they are wanted. */
static int32_t take_times(struct ocl_device *d)
{
    cl_int code;
    if (d->profiling)
        return CVK_OK;
    cl_command_queue queue = clCreateCommandQueue(d->context, d->id, CL_QUEUE_PROFILING_ENABLE, &code);
    if (code != CL_SUCCESS)
        return ocl_fail(d->host, code, "no queue that takes times");
    code = clFinish(d->queue);
    ocl_turn_leave(d);
    clReleaseCommandQueue(d->queue);
    d->queue = queue;
    d->profiling = true;
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "waiting for the queue");
}

static int32_t profile_begin(void *device, void *queue)
{
    struct ocl_device *d = device;
    (void)queue;
    if (!d->profile) {
        d->profile = d->host->alloc(d->host, sizeof *d->profile, 0);
        if (!d->profile)
            return cvk_fail(d->host, CVK_E_MEMORY, "no memory for the times of kernels");
        memset(d->profile, 0, sizeof *d->profile);
    }
    OCL_TRY(take_times(d));
    drop_events(d->profile);
    d->profile->active = true;
    d->profile->begin_ns = now_ns();
    return CVK_OK;
}

/* No kernel is done in less: a driver that says so (Mesa's on a CPU does) took no times, and the host's clock must do. */
#define LEAST_NS 500

/* From the first command's start to the last one's end; what lies between commands counts. */
static int32_t profile_end(void *device, void *queue, uint64_t *elapsed_ns)
{
    struct ocl_device *d = device;
    struct ocl_profile *p = d->profile;
    cl_ulong first = 0, last = 0;
    (void)queue;
    p->active = false;
    *elapsed_ns = 0;
    int32_t status = ocl_sync(d);
    cl_int code = CL_SUCCESS;
    if (status == CVK_OK && p->count && p->events[0] && p->events[p->count - 1]) {
        code = clGetEventProfilingInfo(p->events[0], CL_PROFILING_COMMAND_START, sizeof first, &first, NULL);
        if (code == CL_SUCCESS)
            code = clGetEventProfilingInfo(p->events[p->count - 1], CL_PROFILING_COMMAND_END, sizeof last, &last, NULL);
        *elapsed_ns = last > first + LEAST_NS ? last - first : now_ns() - p->begin_ns;
    }
    drop_events(p);
    return status != CVK_OK || code == CL_SUCCESS ? status : ocl_fail(d->host, code, "reading the times of kernels");
}

/* ------------------------------------------------------------------------------------------------------------------------------ */

static const struct cvk_queue_api queue_api = {sizeof queue_api, 1, queue_create, queue_destroy, queue_flush, queue_finish};
static const struct cvk_event_api event_api = {sizeof event_api, 1, event_record, event_wait, event_release};
static const struct cvk_map_api map_api = {sizeof map_api, 1, map, unmap};
static const struct cvk_profile_api profile_api = {sizeof profile_api, 1, profile_begin, profile_end};

const void *ocl_interface(void *device, const char *name, uint32_t version)
{
    static const struct {
        const char *name;
        const void *table;
    } known[] = {{"queue", &queue_api}, {"event", &event_api}, {"map", &map_api}, {"profile", &profile_api}, {"notes", &ocl_notes_api}};
    if (!((const struct ocl_device *)device)->cache && strcmp(name, "notes") == 0)
        return NULL; /* the host then remembers for as long as it can itself */
    for (uint32_t i = 0; i < OCL_COUNT(known); i++)
        if (version <= 1 && strcmp(known[i].name, name) == 0)
            return known[i].table;
    return NULL;
}
