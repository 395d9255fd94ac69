/* SPDX-License-Identifier: MIT
 * expand: x is walked with stride 0 on the axes that repeat. */
#include "ref_move.h"

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    struct ref_move m = {.src = cvk_cpu_input(e, 0), .dst = cvk_cpu_output(e, 0), .bytes = ref_dtype_bytes(x->dtype)};
    ref_walk_init(&m.walk, y->rank, y->dims);
    ref_walk_add(&m.walk, x);
    ref_walk_add(&m.walk, y);
    ref_parallel(e, cvk_cpu_count(y), ref_move_task, &m);
    return CVK_OK;
}

const struct cvk_kernel ref_expand_rows[] = {{REF_ROW(EXPAND, "plain"), .dtypes = REF_ALL, .run = run}};
const uint32_t ref_expand_row_count = REF_COUNT(ref_expand_rows);
