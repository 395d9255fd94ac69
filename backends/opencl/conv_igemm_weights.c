/* SPDX-License-Identifier: MIT
 * dw of conv and conv_transpose as a product (implicit GEMM): rows are the channels of dy, columns the numbers of a filter, and
 * the sum runs over the pixels of all images, in parts that are added in a fixed order. */
#include "conv.h"
#include "conv_bias.h"
#include "product_tiles.h"

#define FLOATS32 (OCL_FLOATS & ~CVK_DTYPE_BIT(CVK_F64))

static struct ocl_tiles tiles_of(const struct cvk_node *node)
{
    const struct ocl_window p = ocl_window_of(node);
    uint32_t input = ocl_conv_weights_x(node), spatial = node->inputs[0]->rank - 2;
    const struct cvk_tensor_desc *x = node->inputs[input], *y = node->inputs[1 - input];
    struct ocl_tiles t = {.batch = p.group,
                          .a_steps = true,
                          .b = OCL_B_PIXELS,
                          .dtype = x->dtype,
                          .with_depth = spatial == 3,
                          .kernel = {1, 1, 1},
                          .dilation = {1, 1, 1},
                          .alpha = 1,
                          .beta = 1};
    int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, pad[3] = {0, 0, 0};
    for (uint32_t i = 0, to = 3 - spatial; i < spatial; i++, to++) {
        in[to] = x->dims[2 + i];
        out[to] = y->dims[2 + i];
        stride[to] = out[to] > 1 ? p.stride[i] : 1;
        pad[to] = p.pad_begin[i];
        t.kernel[to] = p.kernel[i];
        t.dilation[to] = p.kernel[i] > 1 ? p.dilation[i] : 1;
    }
    int64_t map = in[0] * in[1] * in[2], pixels = out[0] * out[1] * out[2];
    int64_t m = y->dims[1] / p.group, ic = x->dims[1] / p.group, n = ic * t.kernel[0] * t.kernel[1] * t.kernel[2];
    t.map = (int32_t)map;
    t.s = (struct ocl_tiles_sizes){.m = (int32_t)m,
                                   .n = (int32_t)n,
                                   .k = (int32_t)(x->dims[0] * pixels),
                                   .y_count = (int32_t)ocl_flat_count(node->outputs[0]),
                                   .a_step = (int32_t)pixels,
                                   .a_batch = (int32_t)(m * pixels),
                                   .b_batch = (int32_t)(ic * map),
                                   .y_batch = (int32_t)(m * n),
                                   .pixels = (int32_t)n,
                                   .b_image = (int32_t)(x->dims[1] * map),
                                   .y_row = (int32_t)n,
                                   .d = (int32_t)in[0],
                                   .h = (int32_t)in[1],
                                   .w = (int32_t)in[2],
                                   .h_out = (int32_t)out[1],
                                   .w_out = (int32_t)out[2],
                                   .stride_d = (int32_t)stride[0],
                                   .stride_h = (int32_t)stride[1],
                                   .stride_w = (int32_t)stride[2],
                                   .pad_d = (int32_t)pad[0],
                                   .pad_h = (int32_t)pad[1],
                                   .pad_w = (int32_t)pad[2],
                                   .k_pixels = (int32_t)pixels,
                                   .a_image = (int32_t)(y->dims[1] * pixels)};
    return t;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    OCL_TRY(ocl_fits(q));
    if (ocl_asked(q)->cpu_form)
        return cvk_refuse(q, "made for GPUs");
    if (!node->outputs[0])
        return cvk_refuse(q, "dw is not wanted");
    if (!ocl_flat_count(node->inputs[0]) || !ocl_flat_count(node->inputs[1]) || !ocl_flat_count(node->outputs[0]))
        return cvk_refuse(q, "an empty sum or result");
    OCL_TRY(ocl_conv_tiles_fit(q));
    struct ocl_tiles t = tiles_of(node);
    if (t.s.m == 1 && t.batch > 1)
        return cvk_refuse(q, "one channel to one: products would be of one line");
    return ocl_tiles_plan_row(q, plan, &t);
}

struct state {
    struct ocl_tiles_calls product;
    struct ocl_call bias;
};

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_tiles_finish(&state->product);
    ocl_call_finish(&state->bias);
    ocl_state_free(e);
}

static int32_t build(struct cvk_exec *e)
{
    struct ocl_tiles t = tiles_of(e->node);
    struct ocl_tiles_choice choice = {.shape = (uint32_t)e->plan->user[0], .splits = (uint32_t)e->plan->user[1]};
    struct state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    int32_t status = ocl_tiles_build(e, &t, &choice, &state->product);
    if (status == CVK_OK)
        status = ocl_conv_bias_init(e, &state->bias);
    if (status != CVK_OK)
        finish(e);
    return status;
}

static int32_t run(struct cvk_exec *e)
{
    struct state *state = e->state;
    uint32_t x = ocl_conv_weights_x(e->node);
    OCL_TRY(ocl_tiles_run(e, &state->product, &e->inputs[1 - x], &e->inputs[x], e->plan->user[2]));
    return ocl_conv_bias_run(e, &state->bias);
}

#define ROW(OP)                                                                                                                \
    {                                                                                                                          \
        OCL_ROW(OP, "igemm"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .dtypes = FLOATS32, .plan = plan, .build = build, .run = run, \
                              .finish = finish                                                                                 \
    }
const struct cvk_kernel ocl_conv_igemm_weights_rows[] = {ROW(CONV), ROW(CONV_TRANSPOSE)};
const uint32_t ocl_conv_igemm_weights_row_count = OCL_COUNT(ocl_conv_igemm_weights_rows);
