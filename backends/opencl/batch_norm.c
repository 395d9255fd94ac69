/* SPDX-License-Identifier: MIT
 * batch_norm: each element for itself, in any layout; rows of one channel or block of channels where the device is a CPU. */
#include "arith.h"

/* As in kernels/batch_norm.cl. */
struct rows {
    cl_int row, pieces, piece, items;
};

static bool is_wide(const struct cvk_exec *e)
{
    uint32_t layout = e->node->inputs[0]->layout;
    bool wide = ocl_device_of(e)->cpu_form && (layout == CVK_LAYOUT_PLAIN || layout == CVK_LAYOUT_NC16);
    for (uint32_t i = 0; i < e->node->input_count; i++)
        wide = wide && e->node->inputs[i]->dtype == CVK_F32;
    return wide;
}

static bool is_gradient(const struct cvk_node *node)
{
    return node->pass == CVK_PASS_BACKWARD_DATA;
}

static int32_t set_args(struct cvk_exec *e, struct ocl_call *call, bool wide)
{
    const struct cvk_batch_norm_params *p = e->node->params;
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_channels c = ocl_channels_of(y);
    uint64_t count = ocl_flat_count(y), row = (uint64_t)c.inner, piece = ocl_piece(d, count),
             pieces = count / row * ocl_ceil_div(row, piece);
    struct rows s = {(cl_int)row, (cl_int)pieces, (cl_int)piece, (cl_int)ocl_ceil_div(piece, row)};
    const uint32_t next = 12;
    OCL_TRY(wide ? ocl_arg(d, call, next, &s, sizeof s) : ocl_arg_int(d, call, next, (int64_t)count));
    OCL_TRY(ocl_arg(d, call, next + 1, &c, sizeof c));
    if (wide)
        ocl_call_items(call, ocl_ceil_div(pieces, (uint64_t)s.items), 1);
    else
        ocl_call_items(call, count, 64);
    return ocl_arg_float(d, call, next + 2, p->epsilon);
}

static int32_t build(struct cvk_exec *e)
{
    static const char *const forward[5] = {"DX", "DS", "DB", "DM", "DV"}, *const gradient[3] = {"DX", "DS", "DV"};
    const char *const *names = is_gradient(e->node) ? gradient : forward;
    bool wide = is_wide(e);
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    for (uint32_t i = 0; i < e->node->input_count && !wide; i++)
        ocl_option_type(options, sizeof options, names[i], e->node->inputs[i]->dtype);
    if (is_gradient(e->node))
        ocl_option(options, sizeof options, "-DGRADIENT -DDB=f32 -DDM=f32");
    if (wide)
        ocl_option(options, sizeof options, "-DWIDE");
    else if (strstr(options, "-DWITH_F64"))
        ocl_option(options, sizeof options, "-DR=double");
    OCL_TRY(ocl_build_call(e, &ocl_source_batch_norm, wide ? "batch_norm_wide" : "batch_norm", options, &call));
    int32_t status = set_args(e, call, wide);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

/* Inputs of the gradient: dy, scale, variance. */
static int32_t run_gradient(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_binding *const operands[6] = {&e->inputs[0], &e->inputs[1], NULL, NULL, &e->inputs[2], &e->outputs[0]};
    for (uint32_t i = 0; i < 6; i++)
        OCL_TRY(ocl_bind(d, e->state, 2 * i, operands[i]));
    return ocl_enqueue(d, e->state);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    OCL_TRY(ocl_fits(q));
    const struct cvk_batch_norm_params *p = q->node->params;
    return p->training ? cvk_refuse(q, "training is not this kernel's") : CVK_OK;
}

#define EVERY_LAYOUT 0x1fu
const struct cvk_kernel ocl_batch_norm_rows[] = {
    {OCL_ROW(BATCH_NORM, "channels"), .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_FLOATS, .layouts_x = EVERY_LAYOUT,
     .layouts_y = EVERY_LAYOUT, .plan = plan, .build = build, .run = ocl_run_call, .finish = ocl_finish_call},
    {OCL_ROW(BATCH_NORM, "channels"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_FLOATS,
     .layouts_x = EVERY_LAYOUT, .layouts_y = EVERY_LAYOUT, .plan = plan, .build = build, .run = run_gradient,
     .finish = ocl_finish_call},
};
const uint32_t ocl_batch_norm_row_count = OCL_COUNT(ocl_batch_norm_rows);
