/* SPDX-License-Identifier: MIT
 * concat: each input goes to its place on the axis. */
#include "ref_move.h"

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_concat_params *p = e->node->params;
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    uint32_t bytes = ref_dtype_bytes(y->dtype);
    int64_t y_strides[CVK_MAX_RANK] = {0}, x_strides[CVK_MAX_RANK] = {0}, place = 0;
    ref_strides(y->rank, y->dims, y_strides);
    for (uint32_t i = 0; i < e->node->input_count; i++) {
        const struct cvk_tensor_desc *x = e->node->inputs[i];
        char *to = (char *)cvk_cpu_output(e, 0) + place * y_strides[p->axis] * bytes;
        ref_strides(x->rank, x->dims, x_strides);
        ref_move_run(e, bytes, x->rank, x->dims, cvk_cpu_input(e, i), x_strides, to, y_strides);
        place += x->dims[p->axis];
    }
    return CVK_OK;
}

const struct cvk_kernel ref_concat_rows[] = {{REF_ROW(CONCAT, "plain"), .dtypes = REF_ALL, .run = run}};
const uint32_t ref_concat_row_count = REF_COUNT(ref_concat_rows);
