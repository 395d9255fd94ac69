/* SPDX-License-Identifier: MIT
 * Calls of kernels: arguments set once, places of operands again only when they change, and the enqueue. */
#include "program.h"
#include "turn.h"

int32_t ocl_call_init(struct ocl_device *d, struct ocl_call *call, const struct ocl_source *source, const char *kernel,
                      const char *options)
{
    struct ocl_program *program = NULL;
    cl_int code;
    memset(call, 0, sizeof *call);
    OCL_TRY(ocl_program_get(d, source, options, &program));
    call->kernel = clCreateKernel(program->program, kernel, &code);
    call->name = kernel;
    call->program = program;
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "kernel %s of %s.cl (%s)", kernel, source->name, options);
}

void ocl_call_finish(struct ocl_call *call)
{
    if (call->kernel)
        clReleaseKernel(call->kernel);
    call->kernel = NULL;
}

void ocl_call_size(struct ocl_call *call, uint32_t dims, const uint64_t *groups, const uint64_t *local)
{
    call->dims = dims;
    for (uint32_t i = 0; i < dims; i++) {
        call->local[i] = local[i];
        call->global[i] = groups[i] * local[i];
    }
}

void ocl_call_items(struct ocl_call *call, uint64_t items, uint64_t local)
{
    uint64_t groups = ocl_ceil_div(items, local);
    ocl_call_size(call, 1, &groups, &local);
}

int32_t ocl_arg(struct ocl_device *d, struct ocl_call *call, uint32_t index, const void *value, uint64_t bytes)
{
    cl_int code = clSetKernelArg(call->kernel, index, bytes, value);
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "kernel %s: argument %u (%llu bytes)", call->name, index, (unsigned long long)bytes);
}

int32_t ocl_arg_int(struct ocl_device *d, struct ocl_call *call, uint32_t index, int64_t value)
{
    cl_int number = (cl_int)value;
    return ocl_arg(d, call, index, &number, sizeof number);
}

int32_t ocl_arg_float(struct ocl_device *d, struct ocl_call *call, uint32_t index, float value)
{
    cl_float number = value;
    return ocl_arg(d, call, index, &number, sizeof number);
}

static int32_t bind(struct ocl_device *d, struct ocl_call *call, uint32_t index, cl_mem memory, uint64_t offset)
{
    if (call->bound[index].set && call->bound[index].memory == memory && call->bound[index].offset == offset)
        return CVK_OK;
    cl_ulong bytes = offset;
    call->bound[index].set = false;
    OCL_TRY(ocl_arg(d, call, index, memory ? &memory : NULL, sizeof memory));
    OCL_TRY(ocl_arg(d, call, index + 1, &bytes, sizeof bytes));
    call->bound[index].memory = memory;
    call->bound[index].offset = offset;
    call->bound[index].set = true;
    return CVK_OK;
}

int32_t ocl_bind_at(struct ocl_device *d, struct ocl_call *call, uint32_t index, const struct cvk_binding *b, uint64_t bytes)
{
    return b && b->buffer ? bind(d, call, index, (cl_mem)b->buffer, b->offset + bytes) : bind(d, call, index, NULL, 0);
}

int32_t ocl_bind(struct ocl_device *d, struct ocl_call *call, uint32_t index, const struct cvk_binding *b)
{
    return ocl_bind_at(d, call, index, b, 0);
}

int32_t ocl_bind_memory(struct ocl_device *d, struct ocl_call *call, uint32_t index, cl_mem memory)
{
    return bind(d, call, index, memory, 0);
}

int32_t ocl_enqueue(struct ocl_device *d, struct ocl_call *call)
{
    for (uint32_t i = 0; i < call->dims; i++)
        if (call->global[i] == 0)
            return CVK_OK; /* some drivers refuse an empty range */
    ocl_turn_begin(d);
    cl_int code = clEnqueueNDRangeKernel(d->queue, call->kernel, call->dims, NULL, call->global, call->local, 0, NULL,
                                         ocl_profile_slot(d));
    ocl_turn_end(d);
    if (code != CL_SUCCESS)
        return ocl_fail(d->host, code, "kernel %s, %llu x %llu x %llu items", call->name, (unsigned long long)call->global[0],
                        (unsigned long long)(call->dims > 1 ? call->global[1] : 1),
                        (unsigned long long)(call->dims > 2 ? call->global[2] : 1));
    if (call->program)
        ocl_program_ran(d, call->program, call->name);
    call->program = NULL;
    return CVK_OK;
}

void *ocl_state(struct cvk_exec *e, uint64_t bytes)
{
    void *state = e->host->alloc(e->host, bytes, 0);
    if (!state) {
        cvk_fail(e->host, CVK_E_MEMORY, "no memory for a kernel's state (%llu bytes)", (unsigned long long)bytes);
        return NULL;
    }
    memset(state, 0, bytes);
    return e->state = state;
}

void ocl_state_free(struct cvk_exec *e)
{
    e->host->free(e->host, e->state);
    e->state = NULL;
}

int32_t ocl_build_call(struct cvk_exec *e, const struct ocl_source *source, const char *kernel, const char *options,
                       struct ocl_call **call)
{
    *call = ocl_state(e, sizeof **call);
    if (!*call)
        return CVK_E_MEMORY;
    int32_t status = ocl_call_init(ocl_device_of(e), *call, source, kernel, options);
    if (status != CVK_OK)
        ocl_state_free(e);
    return status;
}

int32_t ocl_build_only(struct cvk_exec *e, const struct ocl_source *source, const char *kernel, char *options, uint32_t bytes,
                       struct ocl_call **call)
{
    ocl_option(options, bytes, "-DONLY_%s", kernel);
    return ocl_build_call(e, source, kernel, options, call);
}

uint32_t ocl_args_after(const struct cvk_exec *e)
{
    return 2 * (e->node->input_count + e->node->output_count);
}

int32_t ocl_drop_call(struct cvk_exec *e, int32_t status)
{
    ocl_finish_call(e);
    return status;
}

int32_t ocl_run_call(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_call *call = e->state;
    uint32_t index = 0;
    for (uint32_t i = 0; i < e->node->input_count; i++, index += 2)
        OCL_TRY(ocl_bind(d, call, index, &e->inputs[i]));
    for (uint32_t i = 0; i < e->node->output_count; i++, index += 2)
        OCL_TRY(ocl_bind(d, call, index, &e->outputs[i]));
    return ocl_enqueue(d, call);
}

void ocl_finish_call(struct cvk_exec *e)
{
    ocl_call_finish(e->state);
    ocl_state_free(e);
}
