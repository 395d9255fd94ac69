/* SPDX-License-Identifier: MIT
 * What the files of the ONNX importer share. */
#ifndef CVK__ONNX_IMPORT_H
#define CVK__ONNX_IMPORT_H

#include "../base/base.h"
#include "../graph/ir.h"
#include "convoke/onnx.h"
#include "onnx/onnx.pb-c.h"

/* ---- input.c: the bytes of a model, in memory or in a file ---- */
struct cvk__onnx_input {
    const uint8_t *memory;
    int fd; /* -1: the bytes are in memory */
    uint64_t bytes;
};
/* Opens a regular file of at most `limit` bytes; the sentence of a failure names it. */
int32_t cvk__onnx_input_open(const char *path, uint64_t limit, struct cvk__onnx_input *out);
void cvk__onnx_input_close(struct cvk__onnx_input *in);
/* Copies a piece out. Errors: CVK_E_FORMAT past the end, CVK_E_IO, also for a file that became shorter. */
int32_t cvk__onnx_input_read(const struct cvk__onnx_input *in, uint64_t offset, void *data, uint64_t bytes);
/* The same from any open file. */
int32_t cvk__onnx_read_at(int fd, uint64_t offset, void *data, uint64_t bytes);

#define CVK__ONNX_WINDOW (16u << 10)
/* Walks over an input from front to back and copies what is checked. Zero but for `in` at the start. */
struct cvk__onnx_stream {
    const struct cvk__onnx_input *in;
    uint8_t *out; /* the copy */
    uint64_t out_bytes, out_capacity;
    uint64_t begin, end; /* the bytes of a file that are in `window` */
    uint8_t window[CVK__ONNX_WINDOW];
};
/* Lends `bytes` bytes (CVK__ONNX_WINDOW at most; the caller knows that the input has them) until the next call. */
int32_t cvk__onnx_stream_see(struct cvk__onnx_stream *s, uint64_t offset, uint64_t bytes, const uint8_t **out);
int32_t cvk__onnx_stream_put(struct cvk__onnx_stream *s, const void *data, uint64_t bytes);
/* Copies any number of bytes from the input; has_nul may be NULL. */
int32_t cvk__onnx_stream_pass(struct cvk__onnx_stream *s, uint64_t offset, uint64_t bytes, bool *has_nul);
void cvk__onnx_stream_finish(struct cvk__onnx_stream *s);

/* ---- scan.c: the bytes are checked before protobuf-c or an allocation of their size sees them ---- */
enum cvk__onnx_root { CVK__ONNX_MODEL, CVK__ONNX_TENSOR };
/* raw_data of this length or more is left out of the copy that the scan makes: the place of its first byte in the input stands in
 * it instead, in CVK__ONNX_PLACE_BYTES bytes. */
#define CVK__ONNX_CUT_BYTES 64
#define CVK__ONNX_PLACE_BYTES 8
/* limits: every field set. Leaves in s->out the checked message without contents, also in part after a failure. Errors:
 * CVK_E_FORMAT, CVK_E_LIMIT with the byte's offset and the path in the message; CVK_E_IO; CVK_E_MEMORY. */
int32_t cvk__onnx_scan(struct cvk__onnx_stream *s, enum cvk__onnx_root root, const struct cvk_onnx_limits *limits);

/* ---- tensor.c ---- */
/* Where tensors come from. */
struct cvk__onnx_source {
    struct cvk_onnx_limits limits; /* every field set */
    struct cvk__onnx_input in;     /* the model itself, for the contents that the scan left out */
    int dir;                       /* folder of the model, for external data; -1: none */
};
/* A tensor's content, plain and little-endian; data is of cvk__alloc_buffer. */
struct cvk__onnx_data {
    uint32_t dtype, rank;
    int64_t dims[CVK_MAX_RANK];
    uint64_t count, bytes;
    void *data;
};
/* enum cvk_dtype for a TensorProto.DataType, 0 if we have none. */
uint32_t cvk__onnx_dtype(int32_t data_type);
/* TensorProto.DataType of an enum cvk_dtype. */
int32_t cvk__onnx_data_type(uint32_t dtype);
/* "FLOAT", "STRING", ...; "unknown" for others. */
const char *cvk__onnx_dtype_name(int32_t data_type);
/* Copies the content out; *out is all zero after a failure. The sentence names no tensor: the caller adds it. */
int32_t cvk__onnx_tensor_read(const struct cvk__onnx_source *source, const Onnx__TensorProto *t, struct cvk__onnx_data *out);
/* Reads `bytes` bytes of external data (external.c): the only place that opens such a file. *data is the caller's to free, also
 * after a failure. */
int32_t cvk__onnx_external_read(const struct cvk__onnx_source *source, const Onnx__TensorProto *t, uint64_t bytes, void **data);

/* ---- model.c, graph.c ---- */
enum { CVK__ONNX_MAKER_INPUT = -1, CVK__ONNX_MAKER_TENSOR = -2 };

/* A value name of the model. Sorted by text, so that a search costs log n whatever the names are. */
struct cvk__onnx_name {
    const char *text;
    int32_t maker;   /* index of the node, or a CVK__ONNX_MAKER_* */
    uint32_t source; /* place among the initialisers or inputs */
    bool needed;     /* an output of the model depends on it */
    cvk_value value; /* 0: not made yet */
};

struct cvk__onnx_row;

struct cvk__onnx {
    struct cvk__onnx_source source;
    struct cvk_graph *g;
    const Onnx__GraphProto *graph;
    int64_t opset; /* of the default domain */
    struct cvk__onnx_name *names;
    uint32_t name_count;
    bool *live; /* per node: an output of the model depends on it */
    /* the node at work */
    const Onnx__NodeProto *node;
    const struct cvk__onnx_row *row;
    uint32_t index;
    uint64_t used; /* bit per attribute that the converter asked for */
};

/* Checks the model's head (versions, domains) and builds the graph. */
int32_t cvk__onnx_build(const Onnx__ModelProto *model, const struct cvk__onnx_source *source, struct cvk_graph **out);
int32_t cvk__onnx_import_graph(struct cvk__onnx *c);
/* names.c: collects all value names and refuses doubles. */
int32_t cvk__onnx_names_collect(struct cvk__onnx *c);
/* NULL if the model has no such value. */
struct cvk__onnx_name *cvk__onnx_name_find(const struct cvk__onnx *c, const char *text);
/* order.c: every name that is read exists and is made before; marks what the outputs need. */
int32_t cvk__onnx_order_check(struct cvk__onnx *c);
#define CVK__ONNX_NODE_TEXT 200
/* "node 'conv1' (Conv)", escaped and cut; nodes without a name are "node 'Conv_3' (Conv)". Returns text. */
const char *cvk__onnx_node_text(const struct cvk__onnx *c, uint32_t index, char text[CVK__ONNX_NODE_TEXT]);
/* Converts c->node through its row. */
int32_t cvk__onnx_node(struct cvk__onnx *c);

/* ---- node.c: what converters call ---- */
/* CVK_E_* with "node 'conv1' (Conv): " in front. */
int32_t cvk__onnx_fail(const struct cvk__onnx *c, int32_t status, const char *format, ...) CVK_PRINTF(3, 4);
/* Input i, 0 where it is left out. */
cvk_value cvk__onnx_in(const struct cvk__onnx *c, uint32_t i);
uint32_t cvk__onnx_in_count(const struct cvk__onnx *c);
bool cvk__onnx_wants(const struct cvk__onnx *c, uint32_t i); /* output i has a name */
/* Makes v output i; v 0 becomes the graph's failure with the node in front. */
int32_t cvk__onnx_out(struct cvk__onnx *c, uint32_t i, cvk_value v);
/* Adds a one-output op on the node's inputs first..count-1 (those left out stay out) and makes it output 0. */
int32_t cvk__onnx_add(struct cvk__onnx *c, uint32_t op, const void *params, uint32_t input_count);
/* The status of a graph call that gives no value, with the node in front. */
int32_t cvk__onnx_graph_status(const struct cvk__onnx *c);
/* Element type of a value, 0 if it is not known (types.c); of input i, with a failure that names it. */
uint32_t cvk__onnx_type(const struct cvk__onnx *c, cvk_value v);
uint32_t cvk__onnx_value_type(const struct cvk_graph *g, cvk_value v);
int32_t cvk__onnx_need_type(const struct cvk__onnx *c, uint32_t i, uint32_t *dtype);
/* Element type, rank and sizes of a value where they are known while importing; NULL otherwise. */
const struct cvk_tensor_desc *cvk__onnx_desc(const struct cvk__onnx *c, cvk_value v);
/* The same for input i, with a failure that names it if it is not known. */
int32_t cvk__onnx_need_desc(const struct cvk__onnx *c, uint32_t i, const struct cvk_tensor_desc **out);
/* Content of input i if it is an initialiser or a constant, as a tensor to destroy; *out NULL if it is not (no failure). */
int32_t cvk__onnx_content(const struct cvk__onnx *c, uint32_t i, struct cvk_tensor **out);
/* A constant with `count` numbers of any type (rounded), rank 0 if rank is 0. */
cvk_value cvk__onnx_number(struct cvk__onnx *c, uint32_t dtype, double number);
cvk_value cvk__onnx_ints(struct cvk__onnx *c, const int64_t *numbers, uint32_t count);

/* ---- attr.c: typed attributes; every call marks the attribute as known ---- */
/* NULL if the node has none of this name. Bad kinds are told by the calls below. */
const Onnx__AttributeProto *cvk__onnx_attr(struct cvk__onnx *c, const char *name);
/* CVK_E_* with node and attribute in front. */
int32_t cvk__onnx_fail_attr(const struct cvk__onnx *c, int32_t status, const char *name, const char *format, ...)
    CVK_PRINTF(4, 5);
/* The default is taken when the attribute is not there; else min <= *out <= max or a failure. */
int32_t cvk__onnx_attr_int(struct cvk__onnx *c, const char *name, int64_t value, int64_t min, int64_t max, int64_t *out);
int32_t cvk__onnx_attr_flag(struct cvk__onnx *c, const char *name, uint32_t value, uint32_t *out); /* 0 or 1 */
int32_t cvk__onnx_attr_axis(struct cvk__onnx *c, const char *name, int64_t value, int32_t *out);   /* -8..7 */
int32_t cvk__onnx_attr_float(struct cvk__onnx *c, const char *name, float value, float *out);
/* *count is 0 when it is not there or empty. More than `capacity`, or one outside min..max, is a failure. */
int32_t cvk__onnx_attr_ints(struct cvk__onnx *c, const char *name, int64_t min, int64_t max, uint32_t capacity, int64_t *out,
                            uint32_t *count);
/* NULL and 0 when it is not there. Borrows. */
int32_t cvk__onnx_attr_floats(struct cvk__onnx *c, const char *name, const float **out, uint64_t *count);
int32_t cvk__onnx_attr_axes(struct cvk__onnx *c, const char *name, int32_t out[CVK_MAX_RANK], uint32_t *count);
/* One word of a list; *out is its place, `value` when the attribute is not there. */
int32_t cvk__onnx_attr_word(struct cvk__onnx *c, const char *name, const char *const *words, uint32_t word_count, uint32_t value,
                            uint32_t *out);
/* *out NULL when it is not there. */
int32_t cvk__onnx_attr_tensor(struct cvk__onnx *c, const char *name, const Onnx__TensorProto **out);
/* Allowed, and without meaning here. */
void cvk__onnx_attr_ignore(struct cvk__onnx *c, const char *name);
/* After the converter: no attribute may be left that it did not ask for. */
int32_t cvk__onnx_attr_finish(const struct cvk__onnx *c);
/* Before it: kinds, doubles and references. */
int32_t cvk__onnx_attr_check(const struct cvk__onnx *c);

/* ---- window.c: what convolutions and pools have in common ---- */
struct cvk__onnx_window {
    uint32_t auto_pad;                                                   /* enum cvk_auto_pad */
    uint32_t spatial;                                                    /* number of spatial axes; 0: not known yet */
    int64_t kernel[3], stride[3], dilation[3], pad_begin[3], pad_end[3]; /* 0: not given */
};
int32_t cvk__onnx_window_read(struct cvk__onnx *c, struct cvk__onnx_window *w);
/* One size per spatial axis, of any such attribute. */
int32_t cvk__onnx_spatial_ints(struct cvk__onnx *c, struct cvk__onnx_window *w, const char *name, int64_t min, int64_t out[3]);

/* ---- tables of converters, one per family ---- */
struct cvk__onnx_row {
    const char *op_type;
    int32_t since, until; /* opsets, both included */
    uint32_t min_inputs, max_inputs, max_outputs;
    int32_t (*convert)(struct cvk__onnx *c);
    uint32_t kind; /* the converter's own: a kind of unary, ... */
};
struct cvk__onnx_table {
    const struct cvk__onnx_row *rows;
    uint32_t count;
};
#define CVK__ONNX_ANY 0x7fffffffu
#define CVK__ONNX_LAST 17 /* the newest opset that we know */

extern const struct cvk__onnx_table cvk__onnx_conv, cvk__onnx_dense, cvk__onnx_pool, cvk__onnx_unary, cvk__onnx_binary,
    cvk__onnx_reduce, cvk__onnx_norm, cvk__onnx_shape, cvk__onnx_slice, cvk__onnx_resize, cvk__onnx_index, cvk__onnx_constant,
    cvk__onnx_loss, cvk__onnx_quantize, cvk__onnx_training;

/* training.c: nodes of the domain CVK__ONNX_TRAINING, which has a table of its own. */
#define CVK__ONNX_TRAINING "ai.onnx.preview.training"
bool cvk__onnx_is_training(const Onnx__NodeProto *n);
/* The value that a Gradient node names as its y, which is none of its inputs; NULL for other nodes, and where it names none. */
struct cvk__onnx_name *cvk__onnx_gradient_of(const struct cvk__onnx *c, const Onnx__NodeProto *n);

#endif
