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
    for (uint32_t i = 0; i < 5; i++)
        wide = wide && e->node->inputs[i]->dtype == CVK_F32;
    return wide;
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
    uint32_t next = ocl_args_after(e);
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
    static const char *const names[5] = {"DX", "DS", "DB", "DM", "DV"};
    bool wide = is_wide(e);
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    for (uint32_t i = 0; i < 5 && !wide; i++)
        ocl_option_type(options, sizeof options, names[i], e->node->inputs[i]->dtype);
    if (wide)
        ocl_option(options, sizeof options, "-DWIDE");
    else if (strstr(options, "-DWITH_F64"))
        ocl_option(options, sizeof options, "-DR=double");
    OCL_TRY(ocl_build_call(e, &ocl_source_batch_norm, wide ? "batch_norm_wide" : "batch_norm", options, &call));
    int32_t status = set_args(e, call, wide);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

#define EVERY_LAYOUT 0x1fu
const struct cvk_kernel ocl_batch_norm_rows[] = {
    {OCL_ROW(BATCH_NORM, "channels"), .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_FLOATS, .layouts_x = EVERY_LAYOUT,
     .layouts_y = EVERY_LAYOUT, .plan = ocl_plan_any, .build = build, .run = ocl_run_call, .finish = ocl_finish_call},
};
const uint32_t ocl_batch_norm_row_count = OCL_COUNT(ocl_batch_norm_rows);
