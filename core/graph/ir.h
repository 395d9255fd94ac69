/* SPDX-License-Identifier: MIT
 * The graph as the core sees it. A user's graph and a session's working copy are the same structure: the copy has
 * concrete sizes, resolved parameters and, after the passes, plans. */
#ifndef CVK__IR_H
#define CVK__IR_H

#include <stdatomic.h>

#include "../base/base.h"
#include "convoke/graph.h"
#include "convoke/plugin.h"

/* Content of a constant, shared between graphs and sessions. */
struct cvk__blob {
    atomic_uint refs;
    uint32_t reserved;
    uint64_t bytes;
    void *data;
};
/* Takes `data` (made by cvk__alloc_buffer or malloc); frees it also on failure, when it returns NULL. */
struct cvk__blob *cvk__blob_create(void *data, uint64_t bytes);
struct cvk__blob *cvk__blob_ref(struct cvk__blob *blob);
void cvk__blob_unref(struct cvk__blob *blob); /* NULL is fine */

struct cvk__value {
    char *name;                  /* NULL: none */
    struct cvk_tensor_desc desc; /* desc.size == 0: not known yet */
    uint32_t open_dims;          /* inputs: bit i set if dims[i] is CVK_BATCH */
    int32_t producer;            /* index of the node, -1 for inputs and constants */
    uint32_t producer_output;
    bool is_input;
    bool fix_wanted;             /* inputs: a shape rule asked for the content */
    const void *content;         /* inputs of a session being made: what the caller would fix; borrowed */
    struct cvk__blob *blob;      /* content, if known */
    struct cvk__blob *initial;   /* states: what they hold before the first run. A state lives from run to run in the session's memory; no
                                  * kernel may take it for a constant */
    cvk_value becomes;           /* states: the value that a run leaves in it; 0: it stays as it is */
};

struct cvk__node {
    uint32_t op;
    uint32_t pass; /* enum cvk_pass; a gradient's node has the op and the parameters of its forward node */
    char *name;    /* always set */
    void *params;  /* op->param_bytes, size filled in */
    char *note;    /* NULL, or what the shape rule wants to tell (rounding) */
    uint32_t input_count, output_count;
    cvk_value *inputs, *outputs; /* 0: left out */
    struct cvk_epilogue epilogue; /* parts == 0: none */
    cvk_value bias, scale, shift, residual;
    bool dead;
};

struct cvk_graph {
    char *name;
    int32_t status;
    char *error;
    uint64_t seed;
    uint32_t seed_stream;
    uint32_t initializer; /* enum cvk_initializer */
    struct cvk__value *values; /* value v is values[v - 1] */
    uint32_t value_count, value_capacity;
    struct cvk__node *nodes; /* in an order in which every input is made before its use */
    uint32_t node_count, node_capacity;
    cvk_value *inputs, *outputs;
    char **output_names;
    uint32_t input_count, output_count;
    uint64_t folded_bytes, folded_macs; /* sessions: spent on folding so far */
    uint64_t macs_limit;                /* sessions: of a run and of folding each; 0: none */
    cvk_value *names; /* hash index of values by name, open addressing; 0: free */
    uint32_t name_slots, name_count, name_salt;
};

static inline struct cvk__value *cvk__value_at(const struct cvk_graph *g, cvk_value v)
{
    return v > 0 && (uint32_t)v <= g->value_count ? &g->values[v - 1] : NULL;
}

/* ---- ir.c ---- */
/* A new value without sizes; 0 when there is no memory. Pointers into g->values may move. name NULL: none. */
cvk_value cvk__graph_new_value(struct cvk_graph *g, const char *name);
/* A value by its name, 0 if there is none. */
cvk_value cvk__graph_named(const struct cvk_graph *g, const char *name);
/* Gives a value without a name one; false when there is no memory. */
bool cvk__graph_set_name(struct cvk_graph *g, cvk_value v, const char *name);
/* A new constant; takes data (of cvk__alloc_buffer), freeing it also on failure, when it returns 0. */
cvk_value cvk__graph_new_constant(struct cvk_graph *g, const char *name, const struct cvk_tensor_desc *desc, void *data);
/* Appends a node; params NULL: all zero. NULL when there is no memory. Pointers into g->nodes may move. */
struct cvk__node *cvk__graph_new_node(struct cvk_graph *g, uint32_t op, const void *params, const char *name,
                                      const cvk_value *inputs, uint32_t input_count, const cvk_value *outputs,
                                      uint32_t output_count);
void cvk__node_finish(struct cvk__node *n);
/* Deep copy; contents of constants are shared. */
int32_t cvk__graph_clone(const struct cvk_graph *g, struct cvk_graph **out);

/* Records a failure in the graph (the first one stays) and as this thread's; returns the status. */
int32_t cvk__graph_fail(struct cvk_graph *g, int32_t status, const char *format, ...) CVK_PRINTF(3, 4);

#endif
