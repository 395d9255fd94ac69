/* SPDX-License-Identifier: MIT
 * For gradients that keep a double for each element of dx in the workspace: sums where the forward pass has read, or terms of
 * them. */
#ifndef REF_SCATTER_H
#define REF_SCATTER_H

#include "ref.h"

/* The plan of such a row. */
static inline int32_t ref_scatter_plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    cvk_book(plan, cvk_cpu_count(q->node->outputs[0]) * sizeof(double));
    return CVK_OK;
}

/* The room; not zeroed. */
static inline double *ref_scatter_room(const struct cvk_exec *e)
{
    return cvk_cpu_pointer(e->workspace);
}

#endif
