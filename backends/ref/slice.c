/* SPDX-License-Identifier: MIT
 * slice: a strided copy that begins at the first element taken; steps may be negative. */
#include "ref_move.h"

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_slice_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    uint32_t bytes = ref_dtype_bytes(x->dtype);
    int64_t x_strides[CVK_MAX_RANK] = {0}, y_strides[CVK_MAX_RANK] = {0}, first = 0;
    if (cvk_cpu_count(y) == 0)
        return CVK_OK;
    ref_strides(x->rank, x->dims, x_strides);
    ref_strides(y->rank, y->dims, y_strides);
    for (uint32_t i = 0; i < x->rank; i++) {
        first += p->start[i] * x_strides[i];
        x_strides[i] *= p->step[i];
    }
    ref_move_run(e, bytes, y->rank, y->dims, (const char *)cvk_cpu_input(e, 0) + first * bytes, x_strides, cvk_cpu_output(e, 0),
                 y_strides);
    return CVK_OK;
}

const struct cvk_kernel ref_slice_rows[] = {{REF_ROW(SLICE, "plain"), .dtypes = REF_ALL, .run = run}};
const uint32_t ref_slice_row_count = REF_COUNT(ref_slice_rows);
