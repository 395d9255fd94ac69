/* SPDX-License-Identifier: MIT
 * dropout by random numbers; the row of whole.c, which copies, is preferred outside training. */
#include "kernel_sources.h"
#include "move.h"

static bool wants_mask(const struct cvk_node *node)
{
    return node->output_count > 1 && node->outputs[1];
}

static int32_t set_up(struct cvk_exec *e, struct ocl_call *call)
{
    const struct cvk_dropout_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    uint64_t count = ocl_flat_count(x);
    struct ocl_work work = ocl_cut(d, call, 1, count, ocl_dtype_bytes(x->dtype));
    cl_uint high = (cl_uint)(p->seed >> 32), key = (cl_uint)p->seed ^ high * 0x85EBCA6Bu;
    float drop = p->training ? p->drop : 0;
    cl_double keep = 1 - (double)drop;
    OCL_TRY(ocl_arg_int(d, call, 6, (int64_t)count));
    OCL_TRY(ocl_arg_int(d, call, 7, work.span));
    OCL_TRY(ocl_arg(d, call, 8, &key, sizeof key));
    OCL_TRY(ocl_arg(d, call, 9, &high, sizeof high));
    OCL_TRY(ocl_arg_float(d, call, 10, drop));
    return x->dtype == CVK_F64 ? ocl_arg(d, call, 11, &keep, sizeof keep) : ocl_arg_float(d, call, 11, (float)keep);
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
    ocl_option_group(ocl_device_of(e), options, sizeof options);
    OCL_TRY(ocl_build_call(e, &ocl_source_dropout, "dropout", options, &call));
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
    return ocl_enqueue(d, call);
}

const struct cvk_kernel ocl_dropout_rows[] = {
    {OCL_ROW(DROPOUT, "draw"), .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_FLOATS, .plan = ocl_plan_any, .build = build,
     .run = run, .finish = ocl_finish_call},
};
const uint32_t ocl_dropout_row_count = OCL_COUNT(ocl_dropout_rows);
