/* SPDX-License-Identifier: MIT
 * expand: x is walked with stride 0 on the axes that repeat; backward these are summed. */
#include "ref_move.h"
#include "ref_shrink.h"

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

static double element(const void *arg, const int64_t *at)
{
    const struct cvk_exec *e = arg;
    return ref_load(cvk_cpu_input(e, 0), e->node->inputs[0]->dtype, (uint64_t)at[0]);
}

static int32_t run_backward(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *dy = e->node->inputs[0];
    struct ref_shrink s = ref_shrink_of(dy->rank, dy->dims, e->node->outputs[0]);
    ref_shrink_add(&s, dy);
    ref_shrink_run(e, 0, &s, element, e);
    return CVK_OK;
}

const struct cvk_kernel ref_expand_rows[] = {
    {REF_ROW(EXPAND, "plain"), .dtypes = REF_ALL, .run = run},
    {REF_ROW(EXPAND, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .run = run_backward},
};
const uint32_t ref_expand_row_count = REF_COUNT(ref_expand_rows);
