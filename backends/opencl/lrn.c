/* SPDX-License-Identifier: MIT
 * lrn: each element for itself, in any layout; in blocks of sixteen channels on CPU devices sixteen at a time. */
#include "arith.h"

#define BLOCKED_PIXELS 64 /* of an item */

/* As in kernels/lrn.cl. */
struct lrn {
    cl_int count, before, after;
};

static int32_t set_args(struct cvk_exec *e, struct ocl_call *call, bool wide)
{
    const struct cvk_lrn_params *p = e->node->params;
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_channels c = ocl_channels_of(y);
    uint64_t count = ocl_flat_count(y), before = (p->window - 1) / 2, after = p->window - 1 - before, most = (uint64_t)c.count;
    struct lrn s = {(cl_int)count, (cl_int)(before < most ? before : most), (cl_int)(after < most ? after : most)};
    uint32_t next = 4;
    OCL_TRY(ocl_arg(d, call, next++, &s, sizeof s));
    OCL_TRY(ocl_arg(d, call, next++, &c, sizeof c));
    if (wide) {
        OCL_TRY(ocl_arg_int(d, call, next++, BLOCKED_PIXELS));
        ocl_call_items(
            call, count / ((uint64_t)c.inner * (uint64_t)c.blocks) * ocl_ceil_div((uint64_t)c.inner / 16, BLOCKED_PIXELS), 1);
    } else {
        ocl_call_items(call, count, 64);
    }
    OCL_TRY(ocl_arg_float(d, call, next++, p->k));
    OCL_TRY(ocl_arg_float(d, call, next++, (float)((double)p->alpha / p->window)));
    return ocl_arg_float(d, call, next, p->beta);
}

static int32_t build(struct cvk_exec *e)
{
    const struct cvk_lrn_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    bool wide = ocl_device_of(e)->cpu_form && x->dtype == CVK_F32 && x->layout == CVK_LAYOUT_NC16 && p->window <= 32;
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_type(options, sizeof options, "DX", x->dtype);
    ocl_option(options, sizeof options, wide ? "-DWIDE" : x->dtype == CVK_F64 ? "-DR=double" : "-DEACH");
    OCL_TRY(ocl_build_call(e, &ocl_source_lrn, wide ? "lrn_blocked" : "lrn", options, &call));
    int32_t status = set_args(e, call, wide);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

#define EVERY_LAYOUT 0x1fu
const struct cvk_kernel ocl_lrn_rows[] = {
    {OCL_ROW(LRN, "channels"), .dtypes = OCL_FLOATS, .layouts_x = EVERY_LAYOUT, .layouts_y = EVERY_LAYOUT, .plan = ocl_plan_any,
     .build = build, .run = ocl_run_call, .finish = ocl_finish_call},
};
const uint32_t ocl_lrn_row_count = OCL_COUNT(ocl_lrn_rows);
