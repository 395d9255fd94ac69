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

/* Shape inference of all nodes of g in place, with folding of what is constant through `evaluator` (NULL: none). */
int32_t cvk__graph_infer(struct cvk_graph *g, struct cvk__device *evaluator);
#endif
