/* SPDX-License-Identifier: MIT
 * What the rules of ops that only move elements share. */
#ifndef CVK__MOVE_H
#define CVK__MOVE_H

#include "op_def.h"

/* Moving elements is no arithmetic. */
static inline void cvk__cost_none(const struct cvk_node *node, struct cvk__cost *cost)
{
    (void)node;
    *cost = (struct cvk__cost){0};
}

/* Spatial axes of a [N, C, spatial...] tensor if a window can tell of them, else 0. */
static inline uint32_t cvk__window_rank(const struct cvk_tensor_desc *x)
{
    return x->rank >= 3 && x->rank <= 5 ? x->rank - 2 : 0;
}

/* One pixel in, one pixel out. */
static inline void cvk__window_point(struct cvk__window *w, uint32_t spatial_rank)
{
    *w = (struct cvk__window){.spatial_rank = spatial_rank};
    for (uint32_t i = 0; i < 3; i++)
        w->kernel[i] = w->stride[i] = w->dilation[i] = w->upstride[i] = 1;
}

#endif
