/* SPDX-License-Identifier: MIT
 * dropout by random numbers, and its gradient; the rows of whole.c, which copy, are preferred outside training. */
#include "arith.h"
#include "move.h"

static bool wants_mask(const struct cvk_node *node)
{
    return node->output_count > 1 && node->outputs[1];
}

static bool is_wide(const struct ocl_device *d, const struct cvk_node *node)
{
    return d->cpu_form && node->inputs[0]->dtype == CVK_F32 && !wants_mask(node);
}

static int32_t set_up(struct cvk_exec *e, struct ocl_call *call)
{
    const struct cvk_dropout_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    uint64_t count = ocl_flat_count(x);
    struct ocl_channels channels = ocl_channels_of(x);
    bool wide = is_wide(d, e->node);
    int64_t span;
    if (wide) {
        span = (int64_t)ocl_piece(d, count);
        ocl_call_items(call, ocl_ceil_div(count, (uint64_t)span), 1);
    } else {
        span = ocl_cut(d, call, 1, count, ocl_dtype_bytes(x->dtype)).span;
    }
    cl_uint high = (cl_uint)(p->seed >> 32), key = (cl_uint)p->seed ^ high * 0x85EBCA6Bu;
    float drop = p->training ? p->drop : 0;
    cl_double keep = 1 - (double)drop;
    OCL_TRY(ocl_arg_int(d, call, 8, (int64_t)count));
    OCL_TRY(ocl_arg_int(d, call, 9, span));
    OCL_TRY(ocl_arg(d, call, 10, &key, sizeof key));
    OCL_TRY(ocl_arg(d, call, 11, &high, sizeof high));
    OCL_TRY(ocl_arg_float(d, call, 12, drop));
    if (wide)
        OCL_TRY(ocl_arg(d, call, 14, &channels, sizeof channels));
    return x->dtype == CVK_F64 ? ocl_arg(d, call, 13, &keep, sizeof keep) : ocl_arg_float(d, call, 13, (float)keep);
}

static int32_t build(struct cvk_exec *e)
{
    struct ocl_call *call;
    uint32_t dtype = e->node->inputs[0]->dtype;
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_type(options, sizeof options, "DX", dtype);
    if (dtype == CVK_F64)
        ocl_option(options, sizeof options, "-DR=double");
    if (wants_mask(e->node))
        ocl_option(options, sizeof options, "-DWITH_MASK");
    bool wide = is_wide(ocl_device_of(e), e->node);
    if (wide)
        ocl_option(options, sizeof options, "-DWIDE");
    ocl_option_group(ocl_device_of(e), options, sizeof options);
    OCL_TRY(ocl_build_call(e, &ocl_source_dropout, wide ? "dropout_wide" : "dropout", options, &call));
    int32_t status = set_up(e, call);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_call *call = e->state;
    OCL_TRY(ocl_bind(d, call, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind(d, call, 2, &e->outputs[0]));
    OCL_TRY(ocl_bind(d, call, 4, wants_mask(e->node) ? &e->outputs[1] : NULL));
    OCL_TRY(ocl_bind(d, call, 6, e->node->input_count > 1 ? &e->inputs[1] : NULL));
    return ocl_enqueue(d, call);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    if (q->layout_x != CVK_LAYOUT_PLAIN) {
        OCL_TRY(ocl_blocked(q));
        if (wants_mask(q->node))
            return cvk_refuse(q, "in blocks without the mask");
    }
    return ocl_fits(q);
}

#define DRAW                                                                                                                   \
    .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_FLOATS, .layouts_x = OCL_PLAIN | OCL_NC16, .layouts_y = OCL_PLAIN | OCL_NC16,  \
    .plan = plan, .build = build, .run = run, .finish = ocl_finish_call
const struct cvk_kernel ocl_dropout_rows[] = {
    {OCL_ROW(DROPOUT, "draw"), DRAW},
    {OCL_ROW(DROPOUT, "draw"), .pass = CVK_PASS_BACKWARD_DATA, DRAW},
};
const uint32_t ocl_dropout_row_count = OCL_COUNT(ocl_dropout_rows);
