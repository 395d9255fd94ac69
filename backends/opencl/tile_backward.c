/* SPDX-License-Identifier: MIT
 * The gradient of tile: dy, with each axis seen as copies and what is copied, is summed over the copies. */
#include "fold.h"

/* dy with up to two axes for each, neighbours that are both summed or both kept merged; the axes to sum are bits. False: too
 * many. */
static bool copies_of(const struct cvk_node *node, struct cvk_tensor_desc *view, uint32_t *summed)
{
    const struct cvk_tensor_desc *dy = node->inputs[0], *dx = node->outputs[0];
    *view = *dy;
    view->rank = 0;
    *summed = 0;
    for (uint32_t i = 0; i < 2 * dx->rank; i++) {
        bool sums = i % 2 == 0;
        int64_t kept = dx->dims[i / 2], size = !sums ? kept : kept ? dy->dims[i / 2] / kept : 1;
        if (size == 1)
            continue;
        if (view->rank > 0 && (*summed >> (view->rank - 1) & 1) == sums) {
            view->dims[view->rank - 1] *= size;
            continue;
        }
        if (view->rank == CVK_MAX_RANK)
            return false;
        *summed |= (uint32_t)sums << view->rank;
        view->dims[view->rank++] = size;
    }
    return true;
}

static int32_t build(struct cvk_exec *e)
{
    struct cvk_tensor_desc view;
    uint32_t summed;
    copies_of(e->node, &view, &summed);
    struct ocl_fold fold = ocl_fold_axes(&view, summed);
    return ocl_fold_build(e, CVK_REDUCE_SUM, &fold);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct cvk_tensor_desc view;
    uint32_t summed;
    (void)plan;
    OCL_TRY(ocl_fits(q));
    return copies_of(q->node, &view, &summed) ? CVK_OK : cvk_refuse(q, "copies along too many axes");
}

const struct cvk_kernel ocl_tile_backward_rows[] = {
    {OCL_ROW(TILE, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = OCL_FLOATS, .plan = plan, .build = build,
     .run = ocl_fold_run, .finish = ocl_finish_call},
};
const uint32_t ocl_tile_backward_row_count = OCL_COUNT(ocl_tile_backward_rows);
