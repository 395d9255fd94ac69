/* SPDX-License-Identifier: MIT
 * What the files of the OpenCL backend share: the device, programs, calls of kernels, failures, rows.
 *
 * A file NAME.c that rows.def lists defines `const struct cvk_kernel ocl_NAME_rows[]` and `const uint32_t ocl_NAME_row_count`;
 * backend.c joins them in that order, which is the order of preference among rows of one op. The arithmetic is in kernels/NAME.cl,
 * embedded at build as `ocl_source_NAME` (kernel_sources.h); kernels/common.cl stands before each. */
#ifndef OCL_H
#define OCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120
#endif
#include <CL/cl.h>
#include <stdbool.h>

#include "cache.h"
#include "convoke/plugin_cpu.h"

struct ocl_program;
struct ocl_found;

/* What open gives. Programs and the queue change during build and run, which come from one thread at a time; plan reads the rest. */
struct ocl_device {
    const struct cvk_host *host;
    const struct ocl_found *found;
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue; /* in order; the only one */
    bool profiling;         /* the queue takes times */
    bool cpu_form;          /* kernels for CPU devices: one item is a fat piece of work, explicit vectors, no local memory */
    bool fp64;              /* doubles in kernels */
    bool unified;           /* host and device share memory */
    bool takes_turns;       /* the driver does not bear two busy queues (turn.h) */
    uint32_t compute_units;
    uint32_t vector_floats; /* of a register of the device; 1: it says nothing */
    uint64_t max_group;     /* work-items of a work-group */
    uint64_t local_bytes;   /* local memory of a work-group */
    uint64_t max_alloc_bytes;
    char scope[1024];       /* names device and driver, in keys of the cache */
    struct ocl_cache *cache; /* NULL: none */
    struct ocl_program *programs;
    bool programs_changed; /* some have run kernels that the cache does not know of */
    bool programs_settled; /* and those have finished */
    struct ocl_staging *staging; /* pinned memory for transfers; NULL until used */
    struct ocl_profile *profile;
    struct ocl_faults *faults;   /* what running kernels found wrong (fault.h); NULL until used */
};

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

#define OCL_VERSION "0.1.0" /* of the backend; part of what the cache goes by */
#define OCL_SCOPE_BYTES 1200

#define OCL_ROW(OP, row_name) .size = sizeof(struct cvk_kernel), .op = CVK_OP_##OP, .name = row_name
#define OCL_COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))
#define OCL_F32 CVK_DTYPE_BIT(CVK_F32)
#define OCL_FLOATS (CVK_DTYPE_BIT(CVK_F32) | CVK_DTYPE_BIT(CVK_F64) | CVK_DTYPE_BIT(CVK_F16) | CVK_DTYPE_BIT(CVK_BF16))
#define OCL_ALL 0x3ffeu /* every type of tensor.h */
#define OCL_PLAIN CVK_LAYOUT_BIT(CVK_LAYOUT_PLAIN)
#define OCL_NC16 CVK_LAYOUT_BIT(CVK_LAYOUT_NC16)
/* Rows that pack their constants on the host in build: those never go to the device as they are. */
#define OCL_PACKS (CVK_KERNEL_KEEPS_CONSTANTS | CVK_KERNEL_HOST_CONSTANTS)
#define OCL_EPILOGUE_ALL (CVK_EPI_BIAS | CVK_EPI_SCALE | CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION)
/* Every kind that gives a number; CVK_NOT and what follows give truth values. */
#define OCL_ACTIVATIONS ((1ull << CVK_NOT) - 1)

#define OCL_TRY(call)                \
    do {                             \
        int32_t status_ = (call);    \
        if (status_ != CVK_OK)       \
            return status_;          \
    } while (0)

static inline struct ocl_device *ocl_device_of(const struct cvk_exec *e)
{
    return (struct ocl_device *)e->device;
}

static inline const struct ocl_device *ocl_asked(const struct cvk_query *q)
{
    return (const struct ocl_device *)q->device;
}

/* In plan: a refusal where a tensor is too large for the kernels' 32-bit indexes or has a type that the device lacks. Every plan
 * begins with it; rows without a plan of their own name it as theirs. */
int32_t ocl_plan_any(const struct cvk_query *q, struct cvk_plan *plan);
int32_t ocl_fits(const struct cvk_query *q);
/* The same for kernels that only move elements, whatever their type. */
int32_t ocl_fits_moved(const struct cvk_query *q);

static inline uint64_t ocl_ceil_div(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

static inline uint64_t ocl_round_up(uint64_t a, uint64_t b)
{
    return ocl_ceil_div(a, b) * b;
}

uint32_t ocl_dtype_bytes(uint32_t dtype);

/* Elements of a tensor in memory, the padding of blocks included. */
static inline uint64_t ocl_flat_count(const struct cvk_tensor_desc *d)
{
    return d->bytes / ocl_dtype_bytes(d->dtype);
}

/* ---- failures (error.c) ------------------------------------------------------------------------------------------------ */

/* "CL_OUT_OF_RESOURCES"; "an OpenCL code without a name" for an unknown one. */
const char *ocl_error_name(cl_int code);
/* Records a failure of the driver with its code, the code's name and advice; returns the status that fits: CVK_E_MEMORY where memory was
 * short, else CVK_E_DEVICE. */
int32_t CVK_PRINTF(3, 4) ocl_fail(const struct cvk_host *host, cl_int code, const char *format, ...);
/* The same with a build log or the like; NULL: none. */
int32_t ocl_fail_detail(const struct cvk_host *host, cl_int code, const char *detail, const char *text);
void CVK_PRINTF(4, 5) ocl_log(const struct cvk_host *host, uint32_t level, const char *category, const char *format, ...);

/* ---- programs (program.c) ---------------------------------------------------------------------------------------------- */

struct ocl_source {
    const char *name; /* "unary" for kernels/unary.cl */
    const char *text;
    const char *hash; /* SHA-256 of the text, hexadecimal */
};

/* A built program, from this device's list, the cache, or the compiler. The device keeps it until it is closed. */
int32_t ocl_program_get(struct ocl_device *d, const struct ocl_source *source, const char *options, struct ocl_program **out);
void ocl_programs_release(struct ocl_device *d);

/* Adds "-Dname=f32" and what that type needs to a text of options. Kernels then use T(name), C(name), LOAD(name, p, i), STORE(...). */
void ocl_option_type(char *options, uint32_t bytes, const char *name, uint32_t dtype);
void CVK_PRINTF(3, 4) ocl_option(char *options, uint32_t bytes, const char *format, ...);
#define OCL_OPTION_BYTES 512

/* ---- calls of kernels (call.c) ----------------------------------------------------------------------------------------- */

#define OCL_MAX_ARGS 64

/* A kernel with its arguments, ready for one node. Arguments are set once; a buffer's again only when its place has changed. */
struct ocl_call {
    cl_kernel kernel; /* NULL: not built */
    const char *name;
    struct ocl_program *program; /* until its first run; NULL then */
    uint32_t dims;
    size_t global[3], local[3]; /* work-items */
    struct {
        cl_mem memory;
        uint64_t offset;
        bool set;
    } bound[OCL_MAX_ARGS];
};

/* Builds: options as ocl_option wrote them. A failure leaves nothing. */
int32_t ocl_call_init(struct ocl_device *d, struct ocl_call *call, const struct ocl_source *source, const char *kernel,
                      const char *options);
void ocl_call_finish(struct ocl_call *call); /* an empty call is fine */
/* Work-groups in each dimension, and work-items of a group as the kernel's reqd_work_group_size says. A count of 0 makes ocl_enqueue do
 * nothing. */
void ocl_call_size(struct ocl_call *call, uint32_t dims, const uint64_t *groups, const uint64_t *local);
/* One dimension: `items` work-items, rounded up to groups of `local`; the kernel checks its index. */
void ocl_call_items(struct ocl_call *call, uint64_t items, uint64_t local);
/* Argument by value: int, float, a struct of ints. */
int32_t ocl_arg(struct ocl_device *d, struct ocl_call *call, uint32_t index, const void *value, uint64_t bytes);
int32_t ocl_arg_int(struct ocl_device *d, struct ocl_call *call, uint32_t index, int64_t value);
int32_t ocl_arg_float(struct ocl_device *d, struct ocl_call *call, uint32_t index, float value);
/* A buffer and its byte offset, arguments index and index + 1. NULL or an operand left out gives a null pointer. */
int32_t ocl_bind(struct ocl_device *d, struct ocl_call *call, uint32_t index, const struct cvk_binding *b);
/* The same at `bytes` behind the binding's begin (parts of a workspace). */
int32_t ocl_bind_at(struct ocl_device *d, struct ocl_call *call, uint32_t index, const struct cvk_binding *b, uint64_t bytes);
/* Memory of the kernel's own (packed weights). */
int32_t ocl_bind_memory(struct ocl_device *d, struct ocl_call *call, uint32_t index, cl_mem memory);
int32_t ocl_enqueue(struct ocl_device *d, struct ocl_call *call);

/* The whole of run and finish for rows whose state is one struct ocl_call: binds every input, then every output, as arguments 0, 2, 4, ...
 * and starts the kernel. */
int32_t ocl_run_call(struct cvk_exec *e);
void ocl_finish_call(struct cvk_exec *e);
/* In build: makes that state, with the kernel built. Arguments by value follow the buffers: index ocl_args_after(e). On a later failure
 * of build: `return ocl_drop_call(e, status)`. */
int32_t ocl_build_call(struct cvk_exec *e, const struct ocl_source *source, const char *kernel, const char *options,
                       struct ocl_call **call);
/* The same for a text with several kernels of which a node wants one: each stands in #ifdef ONLY_name there, since what keeps a program keeps
 * machine code of all its kernels. */
int32_t ocl_build_only(struct cvk_exec *e, const struct ocl_source *source, const char *kernel, char *options, uint32_t bytes,
                       struct ocl_call **call);
uint32_t ocl_args_after(const struct cvk_exec *e);
int32_t ocl_drop_call(struct cvk_exec *e, int32_t status);

/* Zeroed memory of the kernel's own in e->state; NULL after recording a failure. */
void *ocl_state(struct cvk_exec *e, uint64_t bytes);
/* Frees e->state. */
void ocl_state_free(struct cvk_exec *e);

/* Device memory of the kernel's own, filled from the host where content is not NULL. Released with ocl_memory_free. */
int32_t ocl_memory(struct ocl_device *d, uint64_t bytes, const void *content, cl_mem *out);
void ocl_memory_free(cl_mem memory);

/* ---- epilogues (epilogue.c) -------------------------------------------------------------------------------------------- */

/* Adds -DEPI_BIAS, -DEPI_SCALE, -DEPI_RESIDUAL, -DACT=kind as the node has them (kernels/common.cl: EPILOGUE_ARGS, EPILOGUE). */
void ocl_epilogue_options(const struct cvk_node *node, char *options, uint32_t bytes);
/* Sets a and b once, in build: arguments index + 8 and index + 9. */
int32_t ocl_epilogue_args(struct ocl_device *d, struct ocl_call *call, uint32_t index, const struct cvk_node *node);
/* Binds bias, scale, shift, residual: arguments index .. index + 7. */
int32_t ocl_epilogue_bind(struct ocl_device *d, struct ocl_call *call, uint32_t index, const struct cvk_exec *e);
#define OCL_EPILOGUE_ARGS 10

/* ---- memory and transfers (buffer.c, transfer.c, queue.c) ---------------------------------------------------------------- */

int32_t ocl_buffer_alloc(void *device, uint64_t bytes, void **buffer);
void ocl_buffer_free(void *device, void *buffer);
int32_t ocl_buffer_write(void *device, void *queue, void *buffer, uint64_t offset, const void *src, uint64_t bytes);
int32_t ocl_buffer_read(void *device, void *queue, void *buffer, uint64_t offset, void *dst, uint64_t bytes);
int32_t ocl_buffer_copy(void *device, void *queue, void *src, uint64_t src_offset, void *dst, uint64_t dst_offset, uint64_t bytes);
int32_t ocl_sync(void *device);
void ocl_staging_release(struct ocl_device *d);
const void *ocl_interface(void *device, const char *name, uint32_t version);
/* While times are taken: the event that the enqueued command wants, else NULL. */
cl_event *ocl_profile_slot(struct ocl_device *d);
void ocl_profile_release(struct ocl_device *d);

#endif
