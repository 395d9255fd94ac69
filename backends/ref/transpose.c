/* SPDX-License-Identifier: MIT
 * transpose: the axes of y walk over x with x's strides in the new order. */
#include "ref_move.h"

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_transpose_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    int64_t own[CVK_MAX_RANK] = {0}, x_strides[CVK_MAX_RANK] = {0}, y_strides[CVK_MAX_RANK] = {0};
    ref_strides(x->rank, x->dims, own);
    ref_strides(y->rank, y->dims, y_strides);
    for (uint32_t i = 0; i < y->rank; i++)
        x_strides[i] = own[p->perm[i]];
    ref_move_run(e, ref_dtype_bytes(x->dtype), y->rank, y->dims, cvk_cpu_input(e, 0), x_strides, cvk_cpu_output(e, 0), y_strides);
    return CVK_OK;
}

const struct cvk_kernel ref_transpose_rows[] = {{REF_ROW(TRANSPOSE, "plain"), .dtypes = REF_ALL, .run = run}};
const uint32_t ref_transpose_row_count = REF_COUNT(ref_transpose_rows);
