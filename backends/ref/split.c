/* SPDX-License-Identifier: MIT
 * split: each output is taken from its place on the axis. */
#include "ref_move.h"

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_split_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    uint32_t bytes = ref_dtype_bytes(x->dtype);
    int64_t x_strides[CVK_MAX_RANK] = {0}, y_strides[CVK_MAX_RANK] = {0}, place = 0;
    ref_strides(x->rank, x->dims, x_strides);
    for (uint32_t i = 0; i < e->node->output_count; i++) {
        const struct cvk_tensor_desc *y = e->node->outputs[i];
        const char *from = (const char *)cvk_cpu_input(e, 0) + place * x_strides[p->axis] * bytes;
        ref_strides(y->rank, y->dims, y_strides);
        ref_move_run(e, bytes, y->rank, y->dims, from, x_strides, cvk_cpu_output(e, i), y_strides);
        place += y->dims[p->axis];
    }
    return CVK_OK;
}

const struct cvk_kernel ref_split_rows[] = {{REF_ROW(SPLIT, "plain"), .dtypes = REF_ALL, .run = run}};
const uint32_t ref_split_row_count = REF_COUNT(ref_split_rows);
