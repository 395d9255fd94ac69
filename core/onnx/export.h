/* SPDX-License-Identifier: MIT
 * What the files of the ONNX exporter share. */
#ifndef CVK__ONNX_EXPORT_H
#define CVK__ONNX_EXPORT_H

#include "import.h"

#define CVK__EXPORT_ATTRIBUTES 12 /* of one node that is written, at most */

struct cvk__export_block;

struct cvk__export {
    const struct cvk_graph *g; /* the working copy */
    int64_t opset;
    int32_t status; /* the first failure of a builder call below */
    Onnx__GraphProto out;
    uint64_t node_capacity, tensor_capacity;
    struct cvk__export_block *blocks; /* everything that is written, freed at once */
    struct cvk_graph *value_names;    /* its index of names tells which are taken, its values' types which they have */
    struct cvk_graph *node_names;
    uint64_t serial;    /* behind names that are taken */
    const char **names; /* per value; NULL: none yet */
    bool *wanted;       /* per value: a live node or an output reads it */
    bool *live;         /* per node */
    uint32_t *open;     /* per value: bit i is set if size i follows the batch */
    bool *sized;        /* per value: its sizes and `open` are known */
    /* the node at work */
    const struct cvk__node *node;
    uint32_t index;
    Onnx__NodeProto *last; /* the node written last: attributes go to it */
    bool trains;           /* there are nodes of the domain CVK__ONNX_TRAINING */
};

/* ---- export_build.c: messages ---- */
/* Zeroed memory that lives as long as the export; NULL (and e->status) when there is none. */
void *cvk__export_alloc(struct cvk__export *e, uint64_t bytes);
char *cvk__export_text(struct cvk__export *e, const char *text);
void cvk__export_finish(struct cvk__export *e);
/* CVK_E_* with "node 'conv1' (conv): " in front; the first failure stays as e->status. */
int32_t cvk__export_fail(struct cvk__export *e, int32_t status, const char *format, ...) CVK_PRINTF(3, 4);

/* Writes a node that reads and makes values of these names ("": left out); the node that makes the graph node's first output
 * gets its name. Attributes are added to it by the calls below. */
void cvk__export_node(struct cvk__export *e, const char *op, uint32_t input_count, const char *const *inputs,
                      uint32_t output_count, const char *const *outputs);
/* One output: `out`, or a new name when that is NULL. Returns it. */
const char *cvk__export_emit(struct cvk__export *e, const char *op, const char *out, uint32_t input_count,
                             const char *const *inputs);
#define CVK__EMIT(e, op, out, ...)                                                                                             \
    cvk__export_emit((e), (op), (out), sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *),                      \
                     (const char *const[]){__VA_ARGS__})
/* It is of the domain CVK__ONNX_TRAINING. */
void cvk__export_domain(struct cvk__export *e);
void cvk__export_int(struct cvk__export *e, const char *name, int64_t value);
void cvk__export_ints(struct cvk__export *e, const char *name, const int64_t *values, uint32_t count);
void cvk__export_float(struct cvk__export *e, const char *name, float value);
void cvk__export_word(struct cvk__export *e, const char *name, const char *text);
void cvk__export_tensor(struct cvk__export *e, const char *name, Onnx__TensorProto *t);

/* A tensor without a name; data is borrowed. */
Onnx__TensorProto *cvk__export_message(struct cvk__export *e, uint32_t dtype, uint32_t rank, const int64_t *dims,
                                       const void *data, uint64_t bytes);
/* Initialisers "NODE.part"; return their names. Contents are copied. */
const char *cvk__export_list(struct cvk__export *e, const char *part, const int64_t *values, uint32_t count);
const char *cvk__export_floats(struct cvk__export *e, const char *part, const float *values, uint32_t count);
/* One number of any type: rank 0, or [1] with a rank of 1. */
const char *cvk__export_number(struct cvk__export *e, const char *part, uint32_t dtype, uint32_t rank, double value);
/* The number's bytes in the type, which is no short float; returns how many. */
uint32_t cvk__export_encode(uint32_t dtype, double value, void *out);
void cvk__export_initializer(struct cvk__export *e, const char *name, Onnx__TensorProto *t);

/* ---- export_names.c ---- */
/* A name that no value has yet, as near to `wanted` as can be; dtype 0: its type is not known. */
const char *cvk__export_new_name(struct cvk__export *e, const char *wanted, uint32_t dtype);
const char *cvk__export_node_name(struct cvk__export *e, const char *wanted);
/* "NODE/part", unique. */
const char *cvk__export_temp(struct cvk__export *e, const char *part);
/* Names of inputs, outputs, constants and everything else, in this order of importance. */
void cvk__export_name_values(struct cvk__export *e);
/* 0 if no value has the name, or its type is not known. */
uint32_t cvk__export_name_type(const struct cvk__export *e, const char *name);

/* ---- export_probe.c: which sizes follow the batch ---- */
int32_t cvk__export_probe(struct cvk__export *e);

/* ---- export_types.c: false if the op does not take the type in this opset ---- */
bool cvk__export_takes(const char *op, int64_t opset, uint32_t input, uint32_t dtype);

/* ---- export.c: what the converters ask ---- */
/* Name of the node's input i, "" where it is left out; a constant becomes an initialiser here. */
const char *cvk__export_in(struct cvk__export *e, uint32_t i);
bool cvk__export_has(const struct cvk__export *e, uint32_t i);
/* Name of its output i; cvk__export_wants: somebody reads it. */
const char *cvk__export_out(struct cvk__export *e, uint32_t i);
bool cvk__export_wants(const struct cvk__export *e, uint32_t i);
/* Element type of input i, 0 if it is not known. */
uint32_t cvk__export_type(const struct cvk__export *e, uint32_t i);
/* Rank and sizes of input i with the batch as 1, NULL if they are not known; cvk__export_open tells which follow the batch. */
const struct cvk_tensor_desc *cvk__export_desc(const struct cvk__export *e, uint32_t i);
uint32_t cvk__export_open(const struct cvk__export *e, uint32_t i);
/* The same, with a failure that says so if they are not known. */
int32_t cvk__export_need(struct cvk__export *e, uint32_t i, const struct cvk_tensor_desc **out);
/* Content of input i as whole numbers; false if it is no constant, or has more than `capacity`. */
bool cvk__export_content(const struct cvk__export *e, uint32_t i, int64_t *out, uint32_t capacity, uint32_t *count);

/* Parameters are checked by the shape rules, but not where only a session knows the sizes. */
/* words[i], or "" and a failure. */
const char *cvk__export_pick(struct cvk__export *e, const char *const *words, uint32_t count, uint32_t i);
/* A number of axes, or a failure. */
int32_t cvk__export_count(struct cvk__export *e, uint32_t count);

/* ---- tables of converters, one per family ---- */
struct cvk__export_row {
    uint32_t op;
    int32_t (*convert)(struct cvk__export *e);
};
struct cvk__export_table {
    const struct cvk__export_row *rows;
    uint32_t count;
};
extern const struct cvk__export_table cvk__export_layers, cvk__export_norms, cvk__export_math, cvk__export_index,
    cvk__export_move, cvk__export_sizes, cvk__export_training;

#endif
