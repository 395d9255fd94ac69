/* SPDX-License-Identifier: MIT
 * Wrong numbers that only a running kernel can see (an index out of range): the kernel writes them into one small buffer of
 * the device and goes on without harm; whoever waits for the queue reads it and fails. */
#include "fault.h"

#define FAULT_WORDS 4

/* No kernel; then what atomic minimum and maximum begin with. */
static const cl_int no_fault[FAULT_WORDS] = {0, CL_INT_MAX, CL_INT_MAX, CL_INT_MIN};

struct ocl_faults {
    cl_mem memory;
    struct ocl_checker *checkers;
    cl_int last_id;
    bool expected; /* a kernel that may write has been started since the last look */
};

int32_t ocl_checker_join(struct ocl_device *d, struct ocl_checker *c)
{
    if (!d->faults) {
        struct ocl_faults *f = d->host->alloc(d->host, sizeof *f, 0);
        if (!f)
            return cvk_fail(d->host, CVK_E_MEMORY, "no memory for the faults of kernels");
        memset(f, 0, sizeof *f);
        int32_t status = ocl_memory(d, sizeof no_fault, no_fault, &f->memory);
        if (status != CVK_OK) {
            d->host->free(d->host, f);
            return status;
        }
        d->faults = f;
    }
    c->id = ++d->faults->last_id;
    c->next = d->faults->checkers;
    d->faults->checkers = c;
    return CVK_OK;
}

void ocl_checker_leave(struct ocl_device *d, struct ocl_checker *c)
{
    struct ocl_checker **link = &d->faults->checkers;
    while (*link && *link != c)
        link = &(*link)->next;
    if (*link)
        *link = c->next;
}

int32_t ocl_checker_bind(struct ocl_device *d, struct ocl_call *call, uint32_t index)
{
    d->faults->expected = true;
    return ocl_bind_memory(d, call, index, d->faults->memory);
}

int32_t ocl_faults_look(struct ocl_device *d)
{
    struct ocl_faults *f = d->faults;
    cl_int seen[FAULT_WORDS];
    if (!f || !f->expected)
        return CVK_OK;
    f->expected = false;
    OCL_TRY(ocl_buffer_read(d, NULL, f->memory, 0, seen, sizeof seen));
    if (seen[0] == 0)
        return CVK_OK;
    OCL_TRY(ocl_buffer_write(d, NULL, f->memory, 0, no_fault, sizeof no_fault));
    for (const struct ocl_checker *c = f->checkers; c; c = c->next)
        if (c->id == seen[0])
            return c->tell(d, c, seen[1], seen[2], seen[3]);
    return cvk_fail(d->host, CVK_E_ARG, "a kernel that is gone met a number out of range at place %d of its input", seen[1]);
}

void ocl_faults_release(struct ocl_device *d)
{
    if (!d->faults)
        return;
    ocl_memory_free(d->faults->memory);
    d->host->free(d->host, d->faults);
    d->faults = NULL;
}
