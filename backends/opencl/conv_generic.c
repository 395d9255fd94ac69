/* SPDX-License-Identifier: MIT
 * conv and conv_transpose in all their kinds, forward and for dx, without a thought of speed: what the other rows refuse. */
#include "conv.h"
#include "kernel_sources.h"
#include "product.h"

#define LANES 4 /* output channels of an item */

/* The gradient of one is the other. */
static bool transposed(const struct cvk_node *node)
{
    return (node->op == CVK_OP_CONV_TRANSPOSE) == (node->pass == CVK_PASS_FORWARD);
}

/* One axis, in 64 bits: where its first and its last window position read, before the division. */
struct reach {
    int64_t in, out, kernel, scale, step, origin, divisor;
};

static struct reach reach_of(const struct cvk_node *node, uint32_t axis)
{
    struct ocl_window p = ocl_window_of(node);
    struct reach r = {.in = node->inputs[0]->dims[2 + axis], .out = node->outputs[0]->dims[2 + axis], .scale = 1, .divisor = 1};
    r.kernel = p.kernel[axis];
    if (transposed(node)) {
        r.step = -p.dilation[axis];
        r.origin = p.pad_begin[axis];
        r.divisor = p.stride[axis];
    } else {
        r.scale = p.stride[axis];
        r.step = p.dilation[axis];
        r.origin = -p.pad_begin[axis];
    }
    return r;
}

/* Steps that are never taken may be huge: with one output or one kernel pixel they are nothing. */
static struct ocl_conv_axis axis_of(const struct cvk_node *node, uint32_t axis)
{
    struct reach r = reach_of(node, axis);
    return (struct ocl_conv_axis){.in = (int32_t)r.in,
                                  .out = (int32_t)r.out,
                                  .kernel = (int32_t)r.kernel,
                                  .scale = r.out > 1 ? (int32_t)r.scale : 0,
                                  .step = r.kernel > 1 ? (int32_t)r.step : 0,
                                  .origin = (int32_t)r.origin,
                                  .divisor = r.divisor > INT32_MAX ? INT32_MAX : (int32_t)r.divisor};
}

static bool beyond(int64_t steps, int64_t step)
{
    int64_t limit = 1 << 29;
    int64_t size = step < 0 ? -step : step;
    return steps > 0 && size > limit / steps;
}

int32_t ocl_conv_generic_plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    OCL_TRY(ocl_fits(q));
    for (uint32_t i = 0; i + 2 < q->node->inputs[0]->rank; i++) {
        struct reach r = reach_of(q->node, i);
        if (beyond(r.out - 1, r.scale) || beyond(r.kernel - 1, r.step) || beyond(1, r.origin))
            return cvk_refuse(q, "axis %u: stride, dilation or padding leave 32-bit indexes", i);
    }
    return CVK_OK;
}

static struct ocl_conv_shape shape_of(const struct cvk_node *node)
{
    const struct cvk_tensor_desc *x = node->inputs[0], *w = node->inputs[1], *y = node->outputs[0];
    uint32_t spatial = x->rank - 2;
    int64_t taps = 1, pixels = 1;
    struct ocl_conv_shape s = {.groups = (int32_t)ocl_window_of(node).group};
    for (uint32_t i = 0; i < 3; i++)
        s.axis[i] = (struct ocl_conv_axis){.in = 1, .out = 1, .kernel = 1, .divisor = 1};
    for (uint32_t i = 0; i < spatial; i++) {
        s.axis[3 - spatial + i] = axis_of(node, i);
        taps *= w->dims[2 + i];
        pixels *= y->dims[2 + i];
    }
    if (transposed(node)) {
        s.ic = (int32_t)(w->dims[0] / s.groups);
        s.oc = (int32_t)w->dims[1];
        s.w_oc = (int32_t)taps;
        s.w_ic = s.w_oc * s.oc;
        s.w_group = s.w_ic * s.ic;
    } else {
        s.ic = (int32_t)w->dims[1];
        s.oc = (int32_t)(w->dims[0] / s.groups);
        s.w_ic = (int32_t)taps;
        s.w_oc = s.w_ic * s.ic;
        s.w_group = s.w_oc * s.oc;
    }
    s.pixels = (int32_t)pixels;
    return s;
}

int32_t ocl_conv_generic_build(struct cvk_exec *e)
{
    struct ocl_conv_shape s = shape_of(e->node);
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    int32_t lanes = s.oc == 1 ? 1 : LANES;
    s.blocks = (s.oc + lanes - 1) / lanes;
    s.count = (int32_t)(e->node->inputs[0]->dims[0] * s.groups * s.blocks * s.pixels);
    if (ocl_product_options(e->node, options, sizeof options))
        ocl_option(options, sizeof options, "-DWITH_BIAS");
    if (transposed(e->node))
        ocl_option(options, sizeof options, "-DTRANSPOSED");
    ocl_option(options, sizeof options, "-DLANES=%d", lanes);
    return ocl_product_call(e, &ocl_source_conv_generic, "conv_generic", options, &s, sizeof s, (uint64_t)s.count, &call);
}

#define ROW(OP, PASS)                                                                                                          \
    {                                                                                                                          \
        OCL_ROW(OP, "generic"), .pass = CVK_PASS_##PASS, .dtypes = OCL_FLOATS, .epilogues = OCL_EPILOGUE_ALL,                  \
                                .activations = OCL_ACTIVATIONS, .plan = ocl_conv_generic_plan,                                 \
                                .build = ocl_conv_generic_build, .run = ocl_product_run, .finish = ocl_finish_call             \
    }
const struct cvk_kernel ocl_conv_generic_rows[] = {ROW(CONV, FORWARD), ROW(CONV_TRANSPOSE, FORWARD), ROW(CONV, BACKWARD_DATA),
                                                   ROW(CONV_TRANSPOSE, BACKWARD_DATA)};
const uint32_t ocl_conv_generic_row_count = OCL_COUNT(ocl_conv_generic_rows);
