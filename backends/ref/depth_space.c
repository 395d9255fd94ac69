/* SPDX-License-Identifier: MIT
 * depth_space: both kinds are one walk over [N, c, h, by, w, bx], the fine map's order, in which the deep map has other
 * strides. The gradient of either is the other. */
#include "ref_move.h"

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_depth_space_params *p = e->node->params;
    int to_space = (p->kind == CVK_DEPTH_TO_SPACE) == (e->node->pass == CVK_PASS_FORWARD);
    const struct cvk_tensor_desc *fine = to_space ? e->node->outputs[0] : e->node->inputs[0];
    const struct cvk_tensor_desc *deep = to_space ? e->node->inputs[0] : e->node->outputs[0];
    int64_t b = p->block, c = fine->dims[1], h = deep->dims[2], w = deep->dims[3], plane = h * w;
    int64_t dims[6] = {fine->dims[0], c, h, b, w, b}, fine_strides[6], deep_strides[6];
    ref_strides(6, dims, fine_strides);
    deep_strides[0] = c * b * b * plane;
    deep_strides[1] = (p->mode == CVK_MODE_DCR ? 1 : b * b) * plane;
    deep_strides[2] = w;
    deep_strides[3] = (p->mode == CVK_MODE_DCR ? b * c : b) * plane;
    deep_strides[4] = 1;
    deep_strides[5] = (p->mode == CVK_MODE_DCR ? c : 1) * plane;
    ref_move_run(e, ref_dtype_bytes(fine->dtype), 6, dims, cvk_cpu_input(e, 0), to_space ? deep_strides : fine_strides,
                 cvk_cpu_output(e, 0), to_space ? fine_strides : deep_strides);
    return CVK_OK;
}

const struct cvk_kernel ref_depth_space_rows[] = {
    {REF_ROW(DEPTH_SPACE, "plain"), .dtypes = REF_ALL, .run = run},
    {REF_ROW(DEPTH_SPACE, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .run = run},
};
const uint32_t ref_depth_space_row_count = REF_COUNT(ref_depth_space_rows);
