/* SPDX-License-Identifier: MIT
 * conv as a product (implicit GEMM): rows are output channels, columns the pixels of all images, and what the windows see is
 * read where it lies. Groups are a batch of products. dx of conv_transpose is the same. */
#include "conv.h"
#include "kernel_sources.h"
#include "product_tiles.h"

#define FLOATS32 (OCL_FLOATS & ~CVK_DTYPE_BIT(CVK_F64))

static bool pointwise(const struct cvk_node *node, const struct ocl_window *p)
{
    for (uint32_t i = 0; i + 2 < node->inputs[0]->rank; i++)
        if (p->kernel[i] != 1 || p->stride[i] != 1 || p->pad_begin[i] ||
            node->inputs[0]->dims[2 + i] != node->outputs[0]->dims[2 + i])
            return false;
    return true;
}

struct ocl_tiles ocl_conv_tiles(const struct cvk_node *node)
{
    const struct ocl_window p = ocl_window_of(node);
    const struct cvk_tensor_desc *x = node->inputs[0], *w = node->inputs[1], *y = node->outputs[0];
    uint32_t spatial = x->rank - 2;
    struct ocl_tiles t = {
        .batch = p.group, .a_steps = true, .dtype = x->dtype, .with_depth = spatial == 3, .alpha = 1, .beta = 1};
    int64_t in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, stride[3] = {1, 1, 1}, pad[3] = {0, 0, 0};
    for (uint32_t i = 0; i < 3; i++)
        t.kernel[i] = t.dilation[i] = 1;
    for (uint32_t i = 0, to = 3 - spatial; i < spatial; i++, to++) {
        in[to] = x->dims[2 + i];
        out[to] = y->dims[2 + i];
        stride[to] = p.stride[i];
        pad[to] = p.pad_begin[i];
        t.kernel[to] = p.kernel[i];
        t.dilation[to] = p.kernel[i] > 1 ? p.dilation[i] : 1;
    }
    int64_t oc = w->dims[0] / p.group, ic = w->dims[1], pixels = out[0] * out[1] * out[2], map = in[0] * in[1] * in[2];
    int64_t depth = ic * t.kernel[0] * t.kernel[1] * t.kernel[2];
    t.map = (int32_t)map;
    t.b = pointwise(node, &p) ? OCL_B_LINES : OCL_B_WINDOWS;
    t.s = (struct ocl_tiles_sizes){.m = (int32_t)oc,
                                   .n = (int32_t)(x->dims[0] * pixels),
                                   .k = (int32_t)depth,
                                   .y_count = (int32_t)ocl_flat_count(y),
                                   .a_step = (int32_t)depth,
                                   .b_step = (int32_t)map,
                                   .a_batch = (int32_t)(oc * depth),
                                   .b_batch = (int32_t)(ic * map),
                                   .c_batch = (int32_t)oc,
                                   .y_batch = (int32_t)(oc * pixels),
                                   .pixels = (int32_t)pixels,
                                   .b_image = (int32_t)(ic * map * p.group),
                                   .y_image = (int32_t)(oc * pixels * p.group),
                                   .y_row = (int32_t)pixels,
                                   .c_row = 1,
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
                                   .pad_w = (int32_t)pad[2]};
    return t;
}

/* Places are reckoned in 32 bits also where a window hangs over the edge. */
int32_t ocl_conv_tiles_fit(const struct cvk_query *q)
{
    const struct ocl_window p = ocl_window_of(q->node);
    bool dw = q->node->pass == CVK_PASS_BACKWARD_WEIGHTS;
    const struct cvk_tensor_desc *a = q->node->inputs[0], *b = dw ? q->node->inputs[1] : q->node->outputs[0];
    double map = 1, pixels = (double)a->dims[0];
    for (uint32_t i = 0; i + 2 < a->rank; i++) {
        double larger = (double)(a->dims[2 + i] > b->dims[2 + i] ? a->dims[2 + i] : b->dims[2 + i]),
               pad = (double)p.pad_begin[i];
        map *= larger + (pad < 0 ? -pad : 2 * pad) + (double)p.stride[i] + (double)(p.kernel[i] - 1) * (double)p.dilation[i];
        pixels *= larger;
    }
    return map < 1 << 29 && pixels < 1 << 30 ? CVK_OK : cvk_refuse(q, "its padded maps leave 32-bit indexes");
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    OCL_TRY(ocl_fits(q));
    if (ocl_asked(q)->cpu_form)
        return cvk_refuse(q, "made for GPUs");
    OCL_TRY(ocl_conv_tiles_fit(q));
    struct ocl_tiles t = ocl_conv_tiles(q->node);
    return ocl_tiles_plan_row(q, plan, &t);
}

static int32_t build(struct cvk_exec *e)
{
    struct ocl_tiles t = ocl_conv_tiles(e->node);
    return ocl_tiles_build_row(e, &t, 1);
}

#define ROW(OP, PASS)                                                                                                          \
    {                                                                                                                          \
        OCL_ROW(OP, "igemm"), .pass = CVK_PASS_##PASS, .dtypes = FLOATS32, .epilogues = OCL_EPILOGUE_ALL,                      \
                              .activations = OCL_ACTIVATIONS, .plan = plan, .build = build, .run = ocl_tiles_run_row,          \
                              .finish = ocl_tiles_finish_row                                                                   \
    }
const struct cvk_kernel ocl_conv_igemm_rows[] = {ROW(CONV, FORWARD), ROW(CONV_TRANSPOSE, BACKWARD_DATA)};
const uint32_t ocl_conv_igemm_row_count = OCL_COUNT(ocl_conv_igemm_rows);
