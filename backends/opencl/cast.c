/* SPDX-License-Identifier: MIT
 * cast: one program for each pair of types. */
#include "kernel_sources.h"
#include "move.h"

static bool floating(uint32_t dtype)
{
    return OCL_FLOATS >> dtype & 1;
}

static int32_t build(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_call *call;
    uint32_t from = e->node->inputs[0]->dtype, to = e->node->outputs[0]->dtype, next = ocl_args_after(e);
    uint64_t count = ocl_flat_count(e->node->outputs[0]);
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_type(options, sizeof options, "DX", from);
    ocl_option_type(options, sizeof options, "DY", to);
    if (floating(from))
        ocl_option(options, sizeof options, "-DX_FLOAT");
    if (floating(to))
        ocl_option(options, sizeof options, "-DY_FLOAT");
    if (to == CVK_BOOL)
        ocl_option(options, sizeof options, "-DY_BOOL");
    ocl_option_group(d, options, sizeof options);
    OCL_TRY(ocl_build_call(e, &ocl_source_cast, "cast", options, &call));
    struct ocl_work work = ocl_cut(d, call, 1, count, ocl_dtype_bytes(to));
    int32_t status = ocl_arg_int(d, call, next, (int64_t)count);
    if (status == CVK_OK)
        status = ocl_arg_int(d, call, next + 1, work.span);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

const struct cvk_kernel ocl_cast_rows[] = {
    {OCL_ROW(CAST, "flat"), .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_ANY_LAYOUT, .dtypes = OCL_ALL, .plan = ocl_plan_any,
     .build = build, .run = ocl_run_call, .finish = ocl_finish_call},
};
const uint32_t ocl_cast_row_count = OCL_COUNT(ocl_cast_rows);
