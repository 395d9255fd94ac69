/* SPDX-License-Identifier: MIT
 * Choosing and driving one row: used by planning, by constant folding and by the conformance test. */
#ifndef CVK__KERNEL_H
#define CVK__KERNEL_H

#include "../device/backend.h"
#include "ir.h"

/* A resolved node in the boundary's form, with the arrays it points to. */
struct cvk__node_view {
    struct cvk_node node;
    struct cvk_epilogue epilogue;
    const struct cvk_tensor_desc **inputs, **outputs;
    const void **constants;
};
/* Descriptors are borrowed from g and follow its changes. */
int32_t cvk__node_view_init(struct cvk__node_view *view, const struct cvk_graph *g, const struct cvk__node *node, uint32_t flags);
void cvk__node_view_finish(struct cvk__node_view *view);

#define CVK__REASON_BYTES 256

/* Asks one row: masks first, then its plan. CVK_OK, or CVK_E_UNSUPPORTED with the sentence in reason[CVK__REASON_BYTES], which is
 * also what cvk_query.answer points to: the host's refuse writes there. */
int32_t cvk__kernel_ask(struct cvk__device *d, const struct cvk_kernel *row, const struct cvk_node *node, uint32_t layout_x,
                        uint32_t layout_y, struct cvk_plan *plan, char *reason);
/* The same for one of the row's parameter sets; 0 is the row's own choice. */
int32_t cvk__kernel_ask_variant(struct cvk__device *d, const struct cvk_kernel *row, const struct cvk_node *node,
                                uint32_t layout_x, uint32_t layout_y, uint32_t variant, struct cvk_plan *plan, char *reason);
/* True if the row may be asked about this pair: its masks hold both, and a layout that it could keep stays the same. */
bool cvk__row_allows(const struct cvk_kernel *row, uint32_t layout_x, uint32_t layout_y);
/* Which layout input i, of so many axes, must have if input 0 has layout_x, and output i if output 0 has layout_y: tensors of fewer
 * than 3 axes beside them are plain. */
uint32_t cvk__input_layout(const struct cvk_kernel *row, uint32_t i, uint32_t rank, uint32_t layout_x);
uint32_t cvk__output_layout(const struct cvk_kernel *row, uint32_t i, uint32_t rank, uint32_t layout_y);

/* signature.c: the keys of notes; key has CVK_NOTE_KEY_BYTES. */
/* About a kernel for nodes of this kind, whatever their sizes. */
void cvk__verdict_key(const struct cvk__device *d, const struct cvk_kernel *row, uint32_t variant, const struct cvk_node *n,
                      uint32_t layout_x, uint32_t layout_y, char *key);
/* About this node with its sizes, whatever its layouts. */
void cvk__choice_key(const struct cvk__device *d, const struct cvk_node *n, char *key);
/* A measured choice as its note says it; text has CVK_NOTE_TEXT_BYTES. */
struct cvk__choice_note {
    char row[64];
    uint32_t variant, layout_x, layout_y;
    double ns, untuned_ns;
    bool full; /* everything was tried, not only what there was time for */
};
bool cvk__choice_parse(const char *text, struct cvk__choice_note *out);
void cvk__choice_write(const struct cvk__choice_note *note, char *text);
/* What a verdict against a kernel begins with; "ok" is the other one. */
#define CVK__WRONG "wrong: "

/* Shape inference of one node, and of all nodes of g in place, with folding of what is constant through `evaluator` (NULL: none). */
int32_t cvk__infer_node(struct cvk_graph *g, struct cvk__node *n, struct cvk__device *evaluator);
int32_t cvk__graph_infer(struct cvk_graph *g, struct cvk__device *evaluator);
#endif
