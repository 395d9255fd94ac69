/* SPDX-License-Identifier: MIT
 * What the core knows of an op: one const struct cvk__op_def per op, in core/ops/NAME.c, called cvk__op_NAME. */
#ifndef CVK__OP_DEF_H
#define CVK__OP_DEF_H

#include "../graph/ir.h"

/* A gradient, declared as data: a node of the same op and parameters in another pass. Bits 0..15 stand for inputs, 16..23 for outputs, 24..31 for gradients of outputs. */
#define CVK__X(i) (1u << (i))
#define CVK__Y(i) (1u << (16 + (i)))
#define CVK__DY(i) (1u << (24 + (i)))
struct cvk__grad {
    uint32_t pass;  /* CVK_PASS_BACKWARD_DATA or CVK_PASS_BACKWARD_WEIGHTS */
    uint32_t gives; /* inputs whose gradients it makes */
    uint32_t needs; /* what the row reads, in this order: dy, then outputs, then inputs */
};

struct cvk__cost {
    uint64_t macs, flops; /* of one run; a multiply-add is 1 mac and 2 flops */
};

/* The window that an output element sees in input 0, for receptive fields. */
struct cvk__window {
    uint32_t spatial_rank; /* 0: sees everything (dense, reductions over space) */
    int64_t kernel[3], stride[3], dilation[3], pad_begin[3];
    int64_t upstride[3];   /* > 1 where outputs lie between inputs (conv_transpose); else 1 */
};

struct cvk__infer;
struct cvk__diff;

struct cvk__op_def {
    uint32_t id;
    uint32_t param_bytes;
    const char *name;
    uint32_t min_inputs, max_inputs;   /* max 0xffffffff: any number */
    uint32_t min_outputs, max_outputs;
    /* The only shape rule: checks parameters and inputs, writes the resolved parameters back, sets the outputs. */
    int32_t (*infer)(struct cvk__infer *c);
    /* NULL: one flop per output element, no macs. Inputs and outputs are known. */
    void (*cost)(const struct cvk_node *node, struct cvk__cost *cost);
    /* NULL: pass-through for ops whose output 0 has the spatial sizes of input 0, otherwise sees everything. */
    void (*window)(const struct cvk_node *node, struct cvk__window *window);
    /* The kind's name for reports, NULL: the op has no kinds. */
    const char *(*kind)(const void *params);
    const struct cvk__grad *grads;
    uint32_t grad_count;
    /* The declarations where they follow from the parameters; NULL: always `grads`. */
    const struct cvk__grad *(*grads_for)(const void *params, uint32_t *count);
    /* Builds the gradient out of other ops instead (autodiff.h); CVK_E_NOT_FOUND: use the declarations. NULL: always those. An op
     * without either passes no gradient on. */
    int32_t (*differentiate)(struct cvk__diff *d);
    /* For outputs that are the next content of an input: that input, -1 for the others, max_outputs entries. An output lies in the memory
     * of a state that it replaces. NULL: none does. */
    const int8_t *replaces;
    uint32_t weights; /* inputs that training changes where they are constants, CVK__X bits */
    uint32_t pass;    /* of the op's own nodes: forward, except for optimisers */
    /* Whether the batch, axis 0 of the outputs, can be cut: then image n of every output is made of image n alone of the inputs that
     * `cut` marks (one entry per input, false before), and of the whole of the others. The caller sees to it that all of these have
     * the same size above 1 on axis 0. NULL: never. */
    bool (*separable)(const struct cvk_node *node, bool *cut);
    bool elementwise;  /* output 0 depends on the same element of input 0 alone; may take input 0's memory and layout */
    bool view;         /* the output is the input's memory under other sizes */
    bool accepts_epilogue; /* conv, conv_transpose, gemm, matmul: sums that an epilogue may follow */
};

/* What one run of a node takes, in any pass. */
void cvk__node_cost(const struct cvk_node *node, struct cvk__cost *cost);
/* The first result that is there; NULL if there is none. */
const struct cvk_tensor_desc *cvk__node_result(const struct cvk_node *node);

/* NULL for an unknown id. */
const struct cvk__op_def *cvk__op_find(uint32_t id);

/* ---- for shape rules (core/graph/infer.c) ---- */

struct cvk__infer {
    struct cvk_graph *g;
    struct cvk__node *node;
    const struct cvk__op_def *def;
    bool final; /* false while the net is being built: open sizes are 1 and contents may be unknown yet */
};

/* Returned by cvk__infer_ints and the like while building, when a content is not known yet: pass it on, it is no failure. */
#define CVK__UNKNOWN 1

/* Descriptor of input i; NULL if it was left out. Present inputs always have known sizes in a rule. */
const struct cvk_tensor_desc *cvk__infer_in(const struct cvk__infer *c, uint32_t i);
/* True if output i is there (the first always is). */
bool cvk__infer_wants(const struct cvk__infer *c, uint32_t i);
/* Sets type and sizes of output i (plain layout) after checking them; an absent output is fine. */
int32_t cvk__infer_out(struct cvk__infer *c, uint32_t i, uint32_t dtype, uint32_t rank, const int64_t *dims);
/* The same with type and sizes of a descriptor. */
int32_t cvk__infer_out_like(struct cvk__infer *c, uint32_t i, const struct cvk_tensor_desc *like);
/* Makes output i a constant with this content (copied). */
int32_t cvk__infer_out_constant(struct cvk__infer *c, uint32_t i, const void *data);
/* Content of input i as whole numbers (i64, i32 or any integer type), CVK__UNKNOWN, or a failure saying that it must be known. */
int32_t cvk__infer_ints(struct cvk__infer *c, uint32_t i, int64_t *out, uint32_t capacity, uint32_t *count);
/* Content of input i as doubles (any number type). */
int32_t cvk__infer_numbers(struct cvk__infer *c, uint32_t i, double *out, uint32_t capacity, uint32_t *count);
/* Drops inputs from `first` on: their content has gone into the parameters and kernels never see them. */
void cvk__infer_absorb(struct cvk__infer *c, uint32_t first);
/* CVK_E_SHAPE with "conv 'name': " before the sentence. Use cvk__infer_bad for illegal parameters (CVK_E_ARG). */
int32_t cvk__infer_fail(const struct cvk__infer *c, const char *format, ...) CVK_PRINTF(2, 3);
int32_t cvk__infer_bad(const struct cvk__infer *c, const char *format, ...) CVK_PRINTF(2, 3);
/* Remembers something to tell about the node in reports ("6 of 7 columns used: floor((7-2)/2)+1"). */
int32_t cvk__infer_note(struct cvk__infer *c, const char *format, ...) CVK_PRINTF(2, 3);

/* ---- shared by shape rules (core/ops/common.c) ---- */

/* Brings an axis into 0..rank-1 or fails naming the parameter. */
int32_t cvk__infer_axis(const struct cvk__infer *c, const char *what, int64_t axis, uint32_t rank, int32_t *out);
/* NumPy broadcasting of b's sizes into dims/rank. */
int32_t cvk__infer_broadcast(const struct cvk__infer *c, uint32_t *rank, int64_t *dims, const struct cvk_tensor_desc *b);

/* For separable: image n of input 0 alone decides; all other inputs are weights and the like. */
bool cvk__cut_first(const struct cvk_node *node, bool *cut);
/* For separable: all inputs broadcast to output 0. Marks those that have its axis 0. */
bool cvk__cut_broadcast(const struct cvk_node *node, bool *cut);

/* ---- builder calls (core/graph/build.c) ---- */
/* Adds a node with one output and returns it; used by the cvk_NAME functions in core/ops. */
cvk_value cvk__graph_add_one(struct cvk_graph *g, uint32_t op, const void *params, const cvk_value *inputs, uint32_t input_count);

#endif
