/* SPDX-License-Identifier: MIT
 * Everything that the author of a backend plugin includes.
 *
 * A plugin is a shared object that exports one C symbol, cvk_plugin_query, and links to nothing of Convoke's: the host
 * hands it a table of services (struct cvk_host), it hands back a table of itself (struct cvk_plugin) with a table of
 * rows (struct cvk_kernel): one row is one way to run one pass of one op. What a plugin does not do, the host does or
 * another device of the user's list does; the smallest plugin is one row and cvk_plugin_query.
 *
 * The contract
 *  - Major version equal, minor additive. Every struct begins with its size and is only ever appended to; fixed-width
 *    integers and pointers alone; nothing that may grow is embedded by value. struct cvk_binding is frozen: it never grows.
 *    Never compare sizes for equality; before using a member that came with a later minor, ask CVK_HAS(table, member).
 *  - cvk_plugin_query is pure: no driver, no thread, no lasting allocation; it may be called many times, from any thread.
 *  - device->count, info, open may touch drivers. open and close: the host serialises. One device: one thread at a time,
 *    except plan, which any thread may call, and run of rows with CVK_KERNEL_CONCURRENT.
 *  - Never exit, abort, print, install signal handlers, change locale or rounding mode; join all threads in close.
 *  - Strings handed to the host are static, or live as long as the object they describe; strings handed to the plugin live
 *    for the call. Who made it frees it, on its own side.
 *  - Errors: return a code of status.h and say why through cvk_fail (or cvk_refuse in plan).
 *
 * Life of one kernel: plan (any number of times, pure: "can you, and what do you need") -> build (once: pack weights,
 * compile) -> run (many times; never allocates, compiles, validates or waits) -> finish (once; frees what build made).
 *
 * Example (a whole plugin; `cc -std=c11 -shared -fPIC -fvisibility=hidden -o mine.so mine.c`):
 * @code
 * #include <convoke/plugin_cpu.h>
 * static int32_t run_relu(struct cvk_exec *e)
 * {
 *     const float *x = cvk_cpu_input(e, 0);
 *     float *y = cvk_cpu_output(e, 0);
 *     uint64_t count = e->outputs[0].bytes / sizeof *y;
 *     for (uint64_t i = 0; i < count; i++)
 *         y[i] = x[i] < 0 ? 0 : x[i];
 *     return CVK_OK;
 * }
 * static int32_t plan_relu(const struct cvk_query *q, struct cvk_plan *plan)
 * {
 *     const struct cvk_unary_params *p = (const struct cvk_unary_params *)q->node->params;
 *     (void)plan;
 *     return p->kind == CVK_RELU ? CVK_OK : cvk_refuse(q, "only relu, not kind %u", p->kind);
 * }
 * static const struct cvk_kernel rows[] = {
 *     {.size = sizeof rows[0], .op = CVK_OP_UNARY, .pass = CVK_PASS_FORWARD, .name = "relu", .plan = plan_relu, .run = run_relu},
 * };
 * static const struct cvk_plugin plugin = {
 *     CVK_PLUGIN_HEAD, .name = "mine", .version = "1.0", .license = "MIT", .kernels = rows, .kernel_count = 1,
 *     .kernel_stride = sizeof rows[0]};
 * CVK_EXPORT int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out)
 * {
 *     return cvk_plugin_answer(host, out, &plugin);
 * }
 * @endcode
 */
#ifndef CONVOKE_PLUGIN_H
#define CONVOKE_PLUGIN_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "op/all.h"
#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CVK_ABI_MAJOR 1
#define CVK_ABI_MINOR 2

#if defined(__GNUC__)
#define CVK_EXPORT __attribute__((visibility("default")))
#else
#define CVK_EXPORT
#endif

/* True if `table` (with a leading size) is long enough to hold `member` and the member is not NULL or 0. */
#define CVK_HAS(table, member)                                                                                              \
    ((table)->size >= offsetof(__typeof__(*(table)), member) + sizeof((table)->member) && (table)->member)

enum cvk_op {
#define CVK_OP(id, NAME, name) CVK_OP_##NAME = id,
#include "ops.def"
#undef CVK_OP
    CVK_OP_NONE = 0
};

/* A gradient's node has the op and the parameters of the forward node. Its inputs are what the op's header says under "Gradient": dy
 * first, then outputs, then inputs of the forward node, each in their order; one that the forward node left out is left out. Its outputs
 * are the gradients, of the sizes of what they belong to; one that nobody wants is left out. Weights are no constants while they are
 * trained: a row that packs constant weights in build packs others in run, into workspace, or refuses them. */
enum cvk_pass {
    CVK_PASS_FORWARD = 0,          /* inputs x, w, ... ; outputs y, ... */
    CVK_PASS_BACKWARD_DATA = 1,    /* gives dx, conv: from dy, w */
    CVK_PASS_BACKWARD_WEIGHTS = 2, /* gives dw (and db), conv: from dy, x */
    CVK_PASS_UPDATE = 3            /* an optimiser's step on w: op/optimize.h */
};

/* ---- services of the host ------------------------------------------------------------------------------------- */

enum cvk_log_level { CVK_LOG_ERROR = 0, CVK_LOG_WARN = 1, CVK_LOG_INFO = 2, CVK_LOG_DEBUG = 3, CVK_LOG_TRACE = 4 };

/* One failure, told in full. Text is copied by the host. Append only. */
struct cvk_failure {
    uint32_t size;
    int32_t status;          /* enum cvk_status */
    int32_t native_code;     /* the driver's own code, 0 if none */
    uint32_t reserved;
    const char *native_name; /* its name, "CL_OUT_OF_RESOURCES"; NULL if none */
    const char *text;        /* one sentence with the numbers in it */
    const char *detail;      /* NULL, or a build log and the like */
    const char *advice;      /* NULL, or one line that says what to do */
};

struct cvk_query;

/* What a parallel job runs: items begin..end-1 on worker number `worker` (0 is the caller). */
typedef void (*cvk_task_fn)(void *arg, uint64_t begin, uint64_t end, uint32_t worker);

/* The host's services. Every function may be called from any thread unless said otherwise. Append only. */
struct cvk_host {
    uint32_t size;
    uint16_t abi_major, abi_minor;
    void *ctx; /* the host's own; pass it on untouched */

    /* Memory aligned to `align` bytes (a power of two; 0 means CVK_ALIGN_BYTES) with CVK_TAIL_BYTES readable after it; NULL
     * when there is none. Not zeroed. Whoever allocates here frees here. */
    void *(*alloc)(const struct cvk_host *host, uint64_t bytes, uint64_t align);
    void (*free)(const struct cvk_host *host, void *memory); /* NULL is fine */

    /* One line to the log; category: "load", "select", "support", "compile", "tune", "exec", "mem". */
    void (*log)(const struct cvk_host *host, uint32_t level, const char *category, const char *text);
    /* Records the failure for the caller of the library and returns failure->status. */
    int32_t (*fail)(const struct cvk_host *host, const struct cvk_failure *failure);
    /* Records why plan says no; use cvk_refuse. */
    void (*refuse)(const struct cvk_query *q, const char *reason);

    /* Runs fn over 0..count-1, cut into contiguous ranges, one for each worker at most: the same cut for the same count
     * and workers. max_workers 0 means all. Returns when all is done. Not from inside a task. Only from open, build and run. */
    void (*parallel)(const struct cvk_host *host, uint32_t max_workers, uint64_t count, cvk_task_fn fn, void *arg);
    uint32_t (*workers)(const struct cvk_host *host); /* how many workers parallel may use, >= 1 */

    /* The value that the user gave for a declared option, in "simd(threads=4)"; NULL if none. Only valid during open. */
    const char *(*config)(const struct cvk_host *host, const char *key);
    /* Names a span of time in traces; phase 'B' begins, 'E' ends. Free when nobody traces. */
    void (*trace)(const struct cvk_host *host, char phase, const char *name);
};

/* ---- what a kernel sees ----------------------------------------------------------------------------------------- */

enum cvk_epilogue_part {
    CVK_EPI_BIAS = 1 << 0,      /* + bias[c] */
    CVK_EPI_SCALE = 1 << 1,     /* * scale[c] + shift[c] */
    CVK_EPI_RESIDUAL = 1 << 2,  /* + residual, a tensor of y's sizes and layout */
    CVK_EPI_ACTIVATION = 1 << 3 /* activation(value) */
};

/* What a kernel applies to each result before it stores it, in this order and only the parts that are set:
 * y = activation((acc + bias[c]) * scale[c] + shift[c] + residual). c is the index on `axis` of y. bias, scale and shift are
 * f32 whatever y is, the residual has y's type. Append only. */
struct cvk_epilogue {
    uint32_t size;
    uint32_t parts;      /* enum cvk_epilogue_part, or-ed */
    uint32_t axis;       /* of y: 1 for conv, the last for gemm and matmul */
    uint32_t activation; /* enum cvk_unary_kind */
    float a, b;          /* the activation's parameters */
};

enum cvk_node_flag {
    CVK_NODE_DETERMINISTIC = 1 << 0, /* same bits on every run: refuse if you cannot */
    CVK_NODE_ACCUMULATE = 1 << 1     /* add to the output instead of replacing it (gradients); refuse if you cannot */
};

/* A node, resolved: explicit padding, positive strides, concrete types. Sizes may be 0 where the op allows empty tensors. Kernels check
 * nothing again. Append only. */
struct cvk_node {
    uint32_t size;
    uint32_t op;    /* enum cvk_op */
    uint32_t pass;  /* enum cvk_pass */
    uint32_t flags; /* enum cvk_node_flag */
    const char *name;
    const void *params; /* the op's struct in op/NAME.h */
    uint32_t input_count, output_count;
    const struct cvk_tensor_desc *const *inputs; /* an entry is NULL where an optional input is left out */
    const struct cvk_tensor_desc *const *outputs;
    const void *const *constants;          /* per input: its content in host memory, plain layout, if known now; else NULL */
    const struct cvk_epilogue *epilogue;   /* NULL: none */
};

/* Handed to plan. Append only. */
struct cvk_query {
    uint32_t size;
    uint32_t layout_x; /* enum cvk_layout that input 0 would have, outputs' layout_y; as the row's masks allow */
    const struct cvk_host *host;
    void *device; /* what open gave; plan must not change it */
    const struct cvk_node *node;
    uint32_t layout_y;
    uint32_t reserved;
    void *answer; /* the host's own */
    /* Since 1.1: which of the row's parameter sets (tile shapes and the like) is asked for: 0 is the row's own choice, 1 to
     * variant_count - 1 are the others; see cvk_choose. */
    uint32_t variant;
    uint32_t reserved2;
};

/* Filled by plan; the host zeroes it first and keeps it for build and run. Append only. */
struct cvk_plan {
    uint32_t size;
    uint32_t reserved;
    uint64_t workspace_bytes; /* scratch wanted at run; the host plans it and grants it */
    uint64_t packed_bytes;    /* host memory wanted for packed weights, granted to build and kept until finish */
    double cost_ns;           /* estimated time, 0: unknown */
    uint64_t user[16];        /* the kernel's own notes */
    uint32_t variant_count;   /* since 1.1: parameter sets that the row has for this node; 0 or 1: nothing to choose */
    uint32_t reserved2;
};

/* Memory of one operand. Frozen. */
struct cvk_binding {
    void *buffer;    /* host-memory devices: a pointer; others: what alloc gave */
    uint64_t offset; /* bytes; a multiple of the device's offset_align */
    uint64_t bytes;
};

/* Handed to build, run and finish. Append only. */
struct cvk_exec {
    uint32_t size;
    uint32_t reserved;
    const struct cvk_host *host;
    void *device;
    void *queue; /* of interface "queue"; NULL: work is done when run returns */
    const struct cvk_node *node;
    const struct cvk_plan *plan;
    const struct cvk_binding *inputs; /* per input; in build only constants are bound. buffer NULL: left out */
    const struct cvk_binding *outputs;
    const struct cvk_binding *bias, *scale, *shift, *residual; /* epilogue operands, NULL unless their part is set */
    const struct cvk_binding *workspace;                       /* NULL if none was asked for; content undefined */
    void *packed;                                              /* packed_bytes of host memory */
    void *state;                                               /* the kernel's own; set in build, freed in finish */
    /* Epilogue constants in host memory, plain layout, where known at build; else NULL. */
    const float *bias_host, *scale_host, *shift_host;
};

enum cvk_kernel_flag {
    CVK_KERNEL_IN_PLACE = 1 << 0,   /* output 0 may be the memory of input 0 (same bytes) */
    CVK_KERNEL_ANY_LAYOUT = 1 << 1, /* works on the flat elements of any layout, the same for all operands */
    CVK_KERNEL_KEEPS_CONSTANTS = 1 << 2, /* run does not read the constant inputs that build has seen: the host may drop them */
    /* layouts_x holds for every input (concat), not for input 0 alone; else the others are plain. Tensors of fewer than 3 axes are
     * always plain (since 1.2 also in rows with this flag, and as results beside blocked ones). */
    CVK_KERNEL_ALL_INPUTS = 1 << 3,
    /* run may be called for several pieces of the batch at the same time, on different threads, each with its own exec (plan, packed
     * and state are shared): it writes only outputs and workspace. host->parallel is then one range on the calling thread. */
    CVK_KERNEL_CONCURRENT = 1 << 4,
    /* Since 1.1, for devices with memory of their own: build reads the constant inputs at node->constants alone. With
     * CVK_KERNEL_KEEPS_CONSTANTS they never go into the device's memory (inputs[i].buffer may be NULL in build). */
    CVK_KERNEL_HOST_CONSTANTS = 1 << 5
};

/* One row: one way to run one pass of one op. Rows of one op and pass stand in order of preference. A mask of 0 means
 * its smallest useful value, said beside it. Append only. */
struct cvk_kernel {
    uint32_t size;
    uint32_t op;         /* enum cvk_op */
    uint32_t pass;       /* enum cvk_pass */
    uint32_t flags;      /* enum cvk_kernel_flag */
    const char *name;    /* [a-z0-9_]+, unique among the plugin's rows of one op and pass; forced by CONVOKE_KERNEL=conv:fwd=name */
    uint32_t dtypes;     /* CVK_DTYPE_BIT of input 0; 0 means f32 */
    uint32_t layouts_x;  /* CVK_LAYOUT_BIT of input 0; 0 means plain */
    uint32_t layouts_y;  /* CVK_LAYOUT_BIT of the outputs; 0 means plain; where both hold a layout it stays the same */
    uint32_t epilogues;  /* enum cvk_epilogue_part that run applies; 0 means none */
    uint64_t activations; /* 1 << enum cvk_unary_kind that the epilogue's activation part may be; 0 means all */
    /* Says yes (CVK_OK) or no (return cvk_refuse(...)). Pure: changes only *plan. NULL: whatever the masks allow. A yes is a
     * promise: run then fails only for a device's reason. */
    int32_t (*plan)(const struct cvk_query *q, struct cvk_plan *plan);
    /* Packs weights, compiles. NULL: nothing to do. A build that fails has freed what it made: finish is not called then. */
    int32_t (*build)(struct cvk_exec *e);
    /* Required. The padding in blocks of NC4, NC8, NC16 is zero in every input and must be zero in every output. */
    int32_t (*run)(struct cvk_exec *e);
    void (*finish)(struct cvk_exec *e); /* NULL: nothing to do */
};

/* ---- devices -------------------------------------------------------------------------------------------------------- */

enum cvk_device_kind { CVK_DEVICE_CPU = 1, CVK_DEVICE_GPU = 2, CVK_DEVICE_ACCEL = 3 };

enum cvk_device_cap {
    CVK_CAP_HOST_MEMORY = 1 << 0,   /* buffers are host pointers */
    CVK_CAP_F16_STORAGE = 1 << 1,
    CVK_CAP_F16_ARITHMETIC = 1 << 2,
    CVK_CAP_I8_DOT = 1 << 3,
    CVK_CAP_DETERMINISTIC = 1 << 4, /* honours CVK_NODE_DETERMINISTIC */
    CVK_CAP_UNIFIED_MEMORY = 1 << 5,
    CVK_CAP_SELF_TEST = 1 << 6 /* since 1.1: a driver compiles the kernels: the host compares each with the reference at first use */
};

/* Filled by device->info; the host zeroes it first. Append only. */
struct cvk_device_info {
    uint32_t size;
    uint32_t kind;          /* enum cvk_device_kind */
    uint64_t caps;          /* enum cvk_device_cap */
    uint64_t memory_bytes;  /* 0: unknown */
    uint64_t max_alloc_bytes; /* 0: no limit known */
    uint32_t offset_align;  /* bytes, a power of two; 0 means CVK_ALIGN_BYTES */
    uint32_t compute_units;
    char name[128];         /* "AMD EPYC 9B45", NUL-terminated */
    char vendor[64];
    char driver[128];       /* driver and version */
    char platform[128];     /* OpenCL platform and the like, "" if none */
    char uuid[40];          /* hexadecimal, "" if none */
    char pci[16];           /* "0000:01:00.0", "" if none */
};

/* A device. All pointers optional, each with what the host does without it. Append only. */
struct cvk_device_api {
    uint32_t size;
    uint32_t reserved;
    int32_t (*count)(const struct cvk_host *host, uint32_t *count); /* without: one device */
    int32_t (*info)(const struct cvk_host *host, uint32_t index, struct cvk_device_info *out); /* without: a CPU with host memory */
    int32_t (*open)(const struct cvk_host *host, uint32_t index, void **device); /* without: device is NULL */
    void (*close)(const struct cvk_host *host, void *device);                    /* without: nothing to close */
    /* alloc, free, write, read go together: all of them or none. Without: host memory, the bindings hold pointers.
     * alloc gives a buffer of at least `bytes` (> 0). write and read copy between host and buffer and have finished when they
     * return, in order with work queued before. */
    int32_t (*alloc)(void *device, uint64_t bytes, void **buffer);
    void (*free)(void *device, void *buffer);
    int32_t (*write)(void *device, void *queue, void *buffer, uint64_t offset, const void *src, uint64_t bytes);
    int32_t (*read)(void *device, void *queue, void *buffer, uint64_t offset, void *dst, uint64_t bytes);
    /* Between two buffers of the device. Without: read, then write, through the host. */
    int32_t (*copy)(void *device, void *queue, void *src, uint64_t src_offset, void *dst, uint64_t dst_offset, uint64_t bytes);
    int32_t (*sync)(void *device); /* waits for all work. Without: there is none to wait for */
    /* A named interface of at least this version, or NULL. Without: none. Known: "queue", "event", "map", "profile",
     * "notes". */
    const void *(*get_interface)(void *device, const char *name, uint32_t version);
};

/* "queue", version 1: in-order queues; run may then return before the work is done. Without: run is synchronous. */
struct cvk_queue_api {
    uint32_t size, version;
    int32_t (*create)(void *device, void **queue);
    void (*destroy)(void *device, void *queue);
    int32_t (*flush)(void *device, void *queue);  /* start what is queued; may be NULL */
    int32_t (*finish)(void *device, void *queue); /* wait for all of it */
};

/* "event", version 1: a mark in a queue. Without: the host finishes the queue instead of waiting for a mark. */
struct cvk_event_api {
    uint32_t size, version;
    int32_t (*record)(void *device, void *queue, void **event);
    int32_t (*wait)(void *device, void *event); /* the host waits */
    void (*release)(void *device, void *event);
};

/* "map", version 1: a buffer's bytes as host memory. Without: read and write copy. */
struct cvk_map_api {
    uint32_t size, version;
    int32_t (*map)(void *device, void *queue, void *buffer, uint64_t offset, uint64_t bytes, uint32_t for_writing, void **pointer);
    int32_t (*unmap)(void *device, void *queue, void *buffer, void *pointer);
};

/* "profile", version 1: how long the last run of a node took on the device. Without: the host's clock around run and finish. */
struct cvk_profile_api {
    uint32_t size, version;
    int32_t (*begin)(void *device, void *queue);
    int32_t (*end)(void *device, void *queue, uint64_t *elapsed_ns); /* waits; nanoseconds since begin */
};

/* "notes", version 1 (since 1.1): small texts that outlive the process, kept for this device under this driver: with another
 * device, driver version or version of the plugin there are none. The host keeps the verdicts of self-tests and measured choices
 * of kernels there. Without: they last as long as the context. Keys and texts are printable ASCII, a key below CVK_NOTE_KEY_BYTES,
 * a text below CVK_NOTE_TEXT_BYTES, the end included. Called like alloc: one thread at a time on one open device, never from plan;
 * other devices and other processes may use the same store at the same time. */
#define CVK_NOTE_KEY_BYTES 512
#define CVK_NOTE_TEXT_BYTES 512
struct cvk_notes_api {
    uint32_t size, version;
    /* Copies the text with its end into text[bytes]. CVK_E_NOT_FOUND: there is none (no cvk_fail needed). */
    int32_t (*recall)(void *device, const char *key, char *text, uint32_t bytes);
    int32_t (*keep)(void *device, const char *key, const char *text); /* replaces; text "" forgets the key */
    /* Calls fn for every key that begins with `prefix`, in any order, until it returns something else than CVK_OK, which is the
     * result then. fn calls nothing of this table. */
    int32_t (*each)(void *device, const char *prefix, int32_t (*fn)(void *arg, const char *key, const char *text), void *arg);
};

/* ---- the plugin ------------------------------------------------------------------------------------------------------ */

enum cvk_sanitizer { CVK_SANITIZER_NONE = 0, CVK_SANITIZER_ADDRESS = 1, CVK_SANITIZER_THREAD = 2 };
enum cvk_isa {
    CVK_ISA_AVX2 = 1 << 0,
    CVK_ISA_FMA = 1 << 1,
    CVK_ISA_AVX512F = 1 << 2,
    CVK_ISA_NEON = 1 << 3
};
enum cvk_plugin_flag { CVK_PLUGIN_REFERENCE = 1 << 0 /* its results are the truth that others are compared with */ };

/* An option that the user may write in parentheses after the backend's name. Append only. */
struct cvk_option {
    uint32_t size;
    uint32_t reserved;
    const char *key;  /* [a-z0-9_]+ */
    const char *help; /* one line: values, default */
};

/* Static data that describes the plugin. Append only. */
struct cvk_plugin {
    uint32_t size;
    uint16_t abi_major, abi_minor; /* that it was built with */
    uint32_t flags;                /* enum cvk_plugin_flag */
    uint32_t sanitizer;            /* enum cvk_sanitizer it was built with */
    uint64_t isa;                  /* enum cvk_isa that it cannot do without */
    int32_t rank;                  /* for `auto`: the highest that opens is taken; ref is 0, a CPU backend 100, a GPU one 200 */
    uint32_t kernel_count;
    uint32_t kernel_stride;        /* sizeof(struct cvk_kernel) as the plugin knew it */
    uint32_t option_count;
    uint32_t option_stride;
    uint32_t reserved;
    const char *name;     /* [a-z][a-z0-9_]*: what CONVOKE_DEVICE calls it */
    const char *vendor;   /* who made it; NULL allowed, as for all below unless said */
    const char *version;  /* "1.2.3", required */
    const char *revision; /* of its source */
    const char *license;  /* SPDX, required */
    const char *url;      /* where to report bugs */
    const char *summary;  /* one line */
    const struct cvk_kernel *kernels; /* required if kernel_count > 0 */
    const struct cvk_option *options;
    const struct cvk_device_api *device; /* NULL: one host-memory CPU device without state */
};

#if defined(__has_feature) /* clang */
#if __has_feature(address_sanitizer)
#define CVK_SANITIZER_HERE CVK_SANITIZER_ADDRESS
#elif __has_feature(thread_sanitizer)
#define CVK_SANITIZER_HERE CVK_SANITIZER_THREAD
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define CVK_SANITIZER_HERE CVK_SANITIZER_ADDRESS
#elif defined(__SANITIZE_THREAD__)
#define CVK_SANITIZER_HERE CVK_SANITIZER_THREAD
#endif
#if !defined(CVK_SANITIZER_HERE)
#define CVK_SANITIZER_HERE CVK_SANITIZER_NONE
#endif
#define CVK_PLUGIN_HEAD                                                                                                     \
    .size = sizeof(struct cvk_plugin), .abi_major = CVK_ABI_MAJOR, .abi_minor = CVK_ABI_MINOR, .sanitizer = CVK_SANITIZER_HERE

/* The one exported symbol. The host zeroes *out and sets out->size to its capacity; the plugin writes at most that much
 * (cvk_plugin_answer does). Returns CVK_OK, or a code after telling why through host->fail. */
CVK_EXPORT int32_t cvk_plugin_query(const struct cvk_host *host, struct cvk_plugin *out);
typedef int32_t (*cvk_plugin_query_fn)(const struct cvk_host *host, struct cvk_plugin *out);

/* ---- helpers, compiled into the plugin ------------------------------------------------------------------------------- */

/* Hands over a static description, shortened to what the host knows. */
static inline int32_t cvk_plugin_answer(const struct cvk_host *host, struct cvk_plugin *out, const struct cvk_plugin *self)
{
    (void)host;
    uint32_t bytes = out->size < self->size ? out->size : self->size;
    memcpy(out, self, bytes);
    out->size = bytes;
    return CVK_OK;
}

/* In plan: `return cvk_refuse(q, "stride %lld > 1", s);` */
static inline int32_t CVK_PRINTF(2, 3) cvk_refuse(const struct cvk_query *q, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    q->host->refuse(q, text);
    return CVK_E_UNSUPPORTED;
}

/* In open, build, run: `return cvk_fail(host, CVK_E_DEVICE, "queue is full: %u jobs", n);` */
static inline int32_t CVK_PRINTF(3, 4) cvk_fail(const struct cvk_host *host, int32_t status, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct cvk_failure failure;
    memset(&failure, 0, sizeof failure);
    failure.size = sizeof failure;
    failure.status = status;
    failure.text = text;
    return (host->fail)(host, &failure); /* in brackets: test frameworks have macros of this name */
}

/* In plan: books `bytes` of workspace aligned to CVK_ALIGN_BYTES and gives their offset in it. */
static inline uint64_t cvk_book(struct cvk_plan *plan, uint64_t bytes)
{
    uint64_t offset = plan->workspace_bytes;
    plan->workspace_bytes = offset + (bytes + CVK_ALIGN_BYTES - 1) / CVK_ALIGN_BYTES * CVK_ALIGN_BYTES;
    return offset;
}

/* In plan, after the checks: tells the host that there are `count` parameter sets for this node and gives the one asked for: 0,
 * the row's own choice, from a host that does not choose. */
static inline uint32_t cvk_choose(const struct cvk_query *q, struct cvk_plan *plan, uint32_t count)
{
    if (plan->size >= offsetof(struct cvk_plan, variant_count) + sizeof plan->variant_count)
        plan->variant_count = count;
    return CVK_HAS(q, variant) && q->variant < count ? q->variant : 0;
}

#ifdef __cplusplus
}
#endif
#endif
