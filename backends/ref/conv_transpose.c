/* SPDX-License-Identifier: MIT
 * conv_transpose on the reference backend, by output: output o meets input i at kernel pixel k where
 * o = i * stride - pad + k * dilation, so each output gathers what others would scatter to it. Backward it is a conv. */
#include "ref_conv.h"

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_conv_transpose_params *p = e->node->params;
    return ref_conv_run_grid(e, p->group, p->kernel, p->stride, p->dilation, p->pad_begin, 1);
}

static int32_t run_backward_data(struct cvk_exec *e)
{
    const struct cvk_conv_transpose_params *p = e->node->params;
    return ref_conv_run_grid(e, p->group, p->kernel, p->stride, p->dilation, p->pad_begin, 0);
}

/* dw[ic, oc, k]: the lines are of x, the windows look at dy. */
static int32_t run_backward_weights(struct cvk_exec *e)
{
    const struct cvk_conv_transpose_params *p = e->node->params;
    struct ref_conv_axis axis[3];
    ref_conv_grid(axis, e->node->inputs[0], e->node->inputs[1], p->kernel, p->stride, p->dilation, p->pad_begin, 0);
    return ref_conv_weights_run(e, axis, 1, p->group);
}

const struct cvk_kernel ref_conv_transpose_rows[] = {
    {REF_ROW(CONV_TRANSPOSE, "plain"), .dtypes = REF_FLOATS, .epilogues = REF_EPILOGUE_ALL, .activations = REF_ACTIVATIONS,
     .run = run},
    {REF_ROW(CONV_TRANSPOSE, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .epilogues = CVK_EPI_RESIDUAL,
     .run = run_backward_data},
    {REF_ROW(CONV_TRANSPOSE, "plain"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .dtypes = REF_FLOATS, .run = run_backward_weights},
};
const uint32_t ref_conv_transpose_row_count = REF_COUNT(ref_conv_transpose_rows);
