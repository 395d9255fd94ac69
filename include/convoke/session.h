/* SPDX-License-Identifier: MIT
 * A session: a graph compiled for a list of devices and for given input sizes, ready to run.
 *
 * Threads: one thread at a time on one session; different sessions at the same time on any threads.
 * Owns: the session owns its plan, its packed weights and its memory; tensors handed in and out stay the caller's, and so does
 * the graph, for more sessions, unless cvk_session_create_taking was told to take it.
 *
 * Example:
 * @code
 * #include <convoke/convoke.h>
 * #include <stdio.h>
 * int classify(struct cvk_context *ctx, struct cvk_graph *g, const struct cvk_tensor *image, struct cvk_tensor *prob)
 * {
 *     struct cvk_session *s = NULL;
 *     int32_t status = cvk_session_create(ctx, g, &(struct cvk_session_params){.batch = 1}, &s);
 *     if (status == CVK_OK)
 *         status = cvk_session_write(s, 0, image);
 *     if (status == CVK_OK)
 *         status = cvk_session_run(s);
 *     if (status == CVK_OK)
 *         status = cvk_session_read(s, 0, prob);
 *     if (status != CVK_OK)
 *         fprintf(stderr, "%s\n", cvk_error_text());
 *     cvk_session_destroy(s);
 *     return status;
 * }
 * @endcode
 */
#ifndef CONVOKE_SESSION_H
#define CONVOKE_SESSION_H

#include "device.h"
#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_session;

/* Sizes, and perhaps the content, of one input. */
struct cvk_session_input {
    const char *name;   /* NULL: the input at this place in the list */
    uint32_t rank;      /* 0 with dims NULL: as in the graph */
    uint32_t reserved;
    const int64_t *dims; /* NULL: as in the graph, open sizes = batch */
    /* Content to fix at creation, in full, plain layout; NULL: none. Needed only for inputs that decide sizes (the shape given to
     * a reshape); what a shape rule asks for is fixed, and a later write of other content is refused. */
    const void *content;
};

enum cvk_session_flag {
    CVK_SESSION_DETERMINISTIC = 1 << 0, /* same bits on every run; devices that cannot are refused by name */
    CVK_SESSION_NO_FUSE = 1 << 1,       /* keep every op of the graph as a node of its own */
    CVK_SESSION_PROFILE = 1 << 2,       /* time every node (see cvk_node_report.time_ns) */
    CVK_SESSION_KEEP_VALUES = 1 << 3,   /* every value keeps its own memory after the run */
    CVK_SESSION_PLAN_ONLY = 1 << 4,     /* plan and report, allocate nothing; cannot run */
    CVK_SESSION_NO_SEGMENTS = 1 << 5    /* run every node over the whole batch, as with CONVOKE_SEGMENTS=off */
};

/* Zero in a field is its default. */
struct cvk_session_params {
    const char *device;  /* device text, see device.h; NULL: CONVOKE_DEVICE, else auto */
    int64_t batch;       /* what CVK_BATCH becomes; 0 means 1 */
    uint32_t flags;      /* enum cvk_session_flag */
    uint32_t input_count;
    const struct cvk_session_input *inputs;
    uint64_t memory_limit_bytes; /* planned memory; 0: the context's */
    uint64_t macs_limit;         /* planned multiply-adds of one run, for models from strangers; 0: none */
    const char *kernels; /* forced and banned rows, "conv:fwd=winograd_f4,pool:fwd=!fast"; NULL: CONVOKE_KERNEL */
};

/* Compiles. Errors: CVK_E_SHAPE and the like from the shape rules, CVK_E_NOT_FOUND and CVK_E_DEVICE for the device,
 * CVK_E_UNSUPPORTED naming the ops, each device's reason and what would help, CVK_E_LIMIT with the number before anything is
 * allocated. params NULL: all defaults. */
CVK_API int32_t cvk_session_create(struct cvk_context *ctx, const struct cvk_graph *g, const struct cvk_session_params *params,
                                   struct cvk_session **out);
/* The same for a graph that nobody needs any more: takes g and destroys it, also when it fails. Where kernels pack their weights,
 * each constant then goes as soon as it is packed, so that the weights are not in memory twice while the session is made; a graph
 * that the caller keeps holds them all. g and what was borrowed from it must not be used after the call, but params may hold such
 * names. Weights that another session reads stay for that. */
CVK_API int32_t cvk_session_create_taking(struct cvk_context *ctx, struct cvk_graph *g, const struct cvk_session_params *params,
                                          struct cvk_session **out);
CVK_API void cvk_session_destroy(struct cvk_session *s); /* NULL is fine */

CVK_API uint32_t cvk_session_input_count(const struct cvk_session *s);
CVK_API uint32_t cvk_session_output_count(const struct cvk_session *s);
/* Borrows; NULL if there is none. */
CVK_API const char *cvk_session_input_name(const struct cvk_session *s, uint32_t i);
CVK_API const char *cvk_session_output_name(const struct cvk_session *s, uint32_t i);
CVK_API const struct cvk_tensor_desc *cvk_session_input_desc(const struct cvk_session *s, uint32_t i);
CVK_API const struct cvk_tensor_desc *cvk_session_output_desc(const struct cvk_session *s, uint32_t i);

/* Copies a tensor into input i; type and sizes must be those of cvk_session_input_desc. */
CVK_API int32_t cvk_session_write(struct cvk_session *s, uint32_t i, const struct cvk_tensor *tensor);
/* Runs once; the outputs are complete when it returns. Inputs keep their content only if written again before each run. */
CVK_API int32_t cvk_session_run(struct cvk_session *s);
/* Copies output i into a tensor of its type and sizes. */
CVK_API int32_t cvk_session_read(struct cvk_session *s, uint32_t i, struct cvk_tensor *tensor);

/* ---- what the session will do, for `explain` and `bench` -------------------------------------------------------------- */

/* One node as planned. Borrows: text and descriptors live as long as the session. */
struct cvk_node_report {
    const char *name;
    const char *op;        /* "conv" */
    const char *kind;      /* "max", "relu", "flatten", ...; "" where the op has no kinds */
    const char *device;    /* "ref:0" */
    const char *kernel;    /* the row's name; "view" where nothing is moved; "copy" between devices */
    const char *epilogue;  /* "bias+relu", "" for none */
    const char *note;      /* why a better device refused it, rounding of sizes, ...; "" for none */
    uint32_t input_count, output_count;
    const struct cvk_tensor_desc *const *inputs; /* an entry may be NULL */
    const struct cvk_tensor_desc *const *outputs;
    const int32_t *input_ids, *output_ids; /* numbers of the values, for drawing the graph; -1: left out */
    int32_t residual_id;   /* of the epilogue's residual; -1: none */
    uint64_t params;       /* weights that belong to this node, biases included */
    uint64_t macs;         /* multiply-adds of one run */
    uint64_t flops;        /* all floating-point operations of one run, a multiply-add counting 2 */
    uint64_t bytes;        /* read and written: inputs, weights and outputs once each */
    uint64_t workspace_bytes;
    uint32_t spatial_rank; /* of the three arrays below; 0: no receptive field */
    int64_t window[3];     /* kernel of this node in pixels, dilation included; 1 where it has none */
    int64_t field[3];      /* receptive field in pixels of the input image (for branches: the union over the paths) */
    double jump[3];        /* input pixels between neighbouring outputs */
    double offset[3];      /* input pixel under the centre of output pixel 0; half pixels possible */
    uint32_t field_aligned; /* 0: paths meet with other jumps or centres, so the field is not one regular grid */
    uint64_t dense_weights; /* weights of a full connection of the same input and output (conv only, else 0) */
    double time_ns;        /* of the last run, with CVK_SESSION_PROFILE; 0: unknown. In a segment: the sum over its threads, divided
                            * by their number */
    int64_t micro_batch;   /* images that a thread takes through this node's segment at a time; 0: the node runs over the whole batch */
    uint32_t segment;      /* number of the segment, from 1; 0: none */
    uint32_t segment_threads; /* that run it, each with images of its own; 0: none */
    double start_ns;       /* when it began in the last run, after the run's own beginning, with CVK_SESSION_PROFILE. In a segment the
                            * nodes are told as if one ran after the other */
    const char *pass;      /* "fwd", "bwd_data", "bwd_weights", "update" */
};
CVK_API uint32_t cvk_session_node_count(const struct cvk_session *s);
CVK_API int32_t cvk_session_node(const struct cvk_session *s, uint32_t i, struct cvk_node_report *out);

struct cvk_session_report {
    const char *device;         /* the choice taken, "simd+ref" */
    uint64_t params, macs, flops;
    uint64_t weight_bytes;      /* constants on the devices, packed copies included */
    uint64_t arena_bytes;       /* activations after planning */
    uint64_t arena_naive_bytes; /* without sharing */
    uint64_t workspace_bytes;
    uint64_t peak_bytes;        /* weights + arena + workspace */
    uint32_t copies;            /* between devices, in one run */
    uint32_t reorders;
    uint64_t copy_bytes;
    double plan_ns, build_ns;   /* time that creation took */
    uint32_t segments;          /* parts of the net that run some images at a time, see cvk_node_report.segment */
};
CVK_API int32_t cvk_session_get_report(const struct cvk_session *s, struct cvk_session_report *out);

#ifdef __cplusplus
}
#endif
#endif
