/* SPDX-License-Identifier: MIT
 * dw and db of conv and conv_transpose in all their kinds, without a thought of speed: what the other rows refuse. */
#include "conv.h"
#include "conv_bias.h"
#include "kernel_sources.h"

#define GROUP 64

/* The structs of kernels/conv_generic_weights.cl. */
struct weights_axis {
    int32_t x, y, kernel, stride, dilation, pad;
};
struct weights_shape {
    struct weights_axis axis[3]; /* d, h, w */
    int32_t n, groups, ic, oc;
};

static bool beyond(int64_t steps, int64_t step)
{
    int64_t limit = 1 << 29;
    return step > limit || step < -limit || (steps > 0 && step > limit / steps);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    struct ocl_window p = ocl_window_of(node);
    const struct cvk_tensor_desc *y = node->inputs[1 - ocl_conv_weights_x(node)];
    double pixels = (double)y->dims[0];
    (void)plan;
    OCL_TRY(ocl_fits(q));
    for (uint32_t i = 0; i + 2 < y->rank; i++) {
        pixels *= (double)y->dims[2 + i];
        if (beyond(y->dims[2 + i] - 1, p.stride[i]) || beyond(p.kernel[i] - 1, p.dilation[i]) || beyond(1, p.pad_begin[i]))
            return cvk_refuse(q, "axis %u: stride, dilation or padding leave 32-bit indexes", i);
    }
    return pixels < INT32_MAX ? CVK_OK : cvk_refuse(q, "more pixels than 32-bit indexes");
}

struct state {
    struct ocl_call weights, bias; /* empty where an output is not wanted */
};

static int32_t init_weights(struct cvk_exec *e, struct ocl_call *call)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_node *node = e->node;
    struct ocl_window p = ocl_window_of(node);
    uint32_t input = ocl_conv_weights_x(node), spatial = node->inputs[0]->rank - 2;
    const struct cvk_tensor_desc *x = node->inputs[input], *y = node->inputs[1 - input];
    struct weights_shape s = {.n = (int32_t)x->dims[0],
                              .groups = (int32_t)p.group,
                              .ic = (int32_t)(x->dims[1] / p.group),
                              .oc = (int32_t)(y->dims[1] / p.group)};
    for (uint32_t i = 0; i < 3; i++)
        s.axis[i] = (struct weights_axis){1, 1, 1, 1, 1, 0};
    for (uint32_t i = 0; i < spatial; i++) /* steps that are never taken may be huge */
        s.axis[3 - spatial + i] = (struct weights_axis){(int32_t)x->dims[2 + i],
                                                        (int32_t)y->dims[2 + i],
                                                        (int32_t)p.kernel[i],
                                                        y->dims[2 + i] > 1 ? (int32_t)p.stride[i] : 1,
                                                        p.kernel[i] > 1 ? (int32_t)p.dilation[i] : 1,
                                                        (int32_t)p.pad_begin[i]};
    char options[OCL_OPTION_BYTES] = "-cl-mad-enable -DONLY_generic_weights";
    ocl_option_type(options, sizeof options, "DX", x->dtype);
    OCL_TRY(ocl_call_init(d, call, &ocl_source_conv_generic_weights, "generic_weights", options));
    ocl_call_items(call, ocl_flat_count(node->outputs[0]) * GROUP, GROUP);
    return ocl_arg(d, call, 6, &s, sizeof s);
}

int32_t ocl_conv_bias_init(struct cvk_exec *e, struct ocl_call *call)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_tensor_desc *dy = e->node->inputs[0];
    char options[OCL_OPTION_BYTES] = "-DONLY_generic_bias";
    int64_t pixels = 1;
    if (e->node->output_count < 2 || !e->node->outputs[1])
        return CVK_OK;
    for (uint32_t i = 2; i < dy->rank; i++)
        pixels *= dy->dims[i];
    ocl_option_type(options, sizeof options, "DX", dy->dtype);
    OCL_TRY(ocl_call_init(d, call, &ocl_source_conv_generic_weights, "generic_bias", options));
    ocl_call_items(call, (uint64_t)dy->dims[1] * GROUP, GROUP);
    OCL_TRY(ocl_arg_int(d, call, 4, dy->dims[0]));
    OCL_TRY(ocl_arg_int(d, call, 5, dy->dims[1]));
    return ocl_arg_int(d, call, 6, pixels);
}

int32_t ocl_conv_bias_run(struct cvk_exec *e, struct ocl_call *call)
{
    struct ocl_device *d = ocl_device_of(e);
    if (!call->kernel)
        return CVK_OK;
    OCL_TRY(ocl_bind(d, call, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind(d, call, 2, &e->outputs[1]));
    return ocl_enqueue(d, call);
}

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_call_finish(&state->weights);
    ocl_call_finish(&state->bias);
    ocl_state_free(e);
}

static int32_t build(struct cvk_exec *e)
{
    struct state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    int32_t status = e->node->outputs[0] ? init_weights(e, &state->weights) : CVK_OK;
    if (status == CVK_OK)
        status = ocl_conv_bias_init(e, &state->bias);
    if (status != CVK_OK)
        finish(e);
    return status;
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *state = e->state;
    uint32_t x = ocl_conv_weights_x(e->node);
    if (state->weights.kernel) {
        OCL_TRY(ocl_bind(d, &state->weights, 0, &e->inputs[x]));
        OCL_TRY(ocl_bind(d, &state->weights, 2, &e->inputs[1 - x]));
        OCL_TRY(ocl_bind(d, &state->weights, 4, &e->outputs[0]));
        OCL_TRY(ocl_enqueue(d, &state->weights));
    }
    return ocl_conv_bias_run(e, &state->bias);
}

#define ROW(OP)                                                                                                                \
    {                                                                                                                          \
        OCL_ROW(OP, "generic"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .dtypes = OCL_FLOATS, .plan = plan, .build = build,         \
                                .run = run, .finish = finish                                                                   \
    }
const struct cvk_kernel ocl_conv_generic_weights_rows[] = {ROW(CONV), ROW(CONV_TRANSPOSE)};
const uint32_t ocl_conv_generic_weights_row_count = OCL_COUNT(ocl_conv_generic_weights_rows);
