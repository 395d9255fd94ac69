/* SPDX-License-Identifier: MIT
 * conv_transpose on the reference backend, by output: output o meets input i at kernel pixel k where
 * o = i * stride - pad + k * dilation, so each output gathers what others would scatter to it. */
#include "ref_conv.h"

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_conv_transpose_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0], *w = e->node->inputs[1], *y = e->node->outputs[0];
    struct ref_conv shape = {.groups = p->group, .ic = (uint64_t)w->dims[0] / p->group, .oc = (uint64_t)w->dims[1], .w_oc = 1};
    uint32_t spatial = x->rank - 2;
    for (uint32_t i = 0; i < 3; i++)
        shape.axis[i] = (struct ref_conv_axis){.in = 1, .out = 1, .kernel = 1, .scale = 1, .divisor = 1};
    for (uint32_t i = 0; i < spatial; i++) {
        shape.axis[3 - spatial + i] = (struct ref_conv_axis){.in = x->dims[2 + i],
                                                             .out = y->dims[2 + i],
                                                             .kernel = p->kernel[i],
                                                             .scale = 1,
                                                             .step = -p->dilation[i],
                                                             .origin = p->pad_begin[i],
                                                             .divisor = p->stride[i]};
        shape.w_oc *= (uint64_t)p->kernel[i];
    }
    shape.w_ic = shape.w_oc * shape.oc;
    shape.w_group = shape.w_ic * shape.ic;
    return ref_conv_run(e, &shape);
}

const struct cvk_kernel ref_conv_transpose_rows[] = {
    {REF_ROW(CONV_TRANSPOSE, "plain"), .dtypes = REF_FLOATS, .epilogues = REF_EPILOGUE_ALL, .activations = REF_ACTIVATIONS,
     .run = run},
};
const uint32_t ref_conv_transpose_row_count = REF_COUNT(ref_conv_transpose_rows);
