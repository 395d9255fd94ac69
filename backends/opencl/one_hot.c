/* SPDX-License-Identifier: MIT
 * one_hot: each element of y asks if it is its column's hot place. */
#include "kernel_sources.h"
#include "move.h"

#define NUMBERS (OCL_ALL & ~CVK_DTYPE_BIT(CVK_BOOL))
#define MAX_FLOAT_DEPTH (1 << 24) /* up to it every place is a float */

static int32_t set_up(struct cvk_exec *e, struct ocl_call *call)
{
    const struct cvk_one_hot_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    uint64_t count = ocl_flat_count(y);
    int64_t inner = 1;
    for (uint32_t i = (uint32_t)p->axis; i < x->rank; i++)
        inner *= x->dims[i];
    ocl_call_items(call, count, 64);
    OCL_TRY(ocl_arg_int(d, call, 6, (int64_t)count));
    OCL_TRY(ocl_arg_int(d, call, 7, p->depth));
    return ocl_arg_int(d, call, 8, inner);
}

static int32_t build(struct cvk_exec *e)
{
    struct ocl_call *call;
    uint32_t dtype = e->node->inputs[0]->dtype;
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_type(options, sizeof options, "DX", dtype);
    if (OCL_FLOATS >> dtype & 1)
        ocl_option(options, sizeof options, "-DFLOAT_INDICES");
    ocl_option_word(options, sizeof options, ocl_dtype_bytes(e->node->outputs[0]->dtype));
    OCL_TRY(ocl_build_call(e, &ocl_source_one_hot, "one_hot", options, &call));
    int32_t status = set_up(e, call);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

/* Input 1, the depth, is in the parameters. */
static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_call *call = e->state;
    OCL_TRY(ocl_bind(d, call, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind(d, call, 2, &e->inputs[2]));
    OCL_TRY(ocl_bind(d, call, 4, &e->outputs[0]));
    return ocl_enqueue(d, call);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_one_hot_params *p = q->node->params;
    uint32_t dtype = q->node->inputs[0]->dtype;
    (void)plan;
    OCL_TRY(ocl_fits_moved(q));
    if (dtype == CVK_F64 && !ocl_asked(q)->fp64)
        return cvk_refuse(q, "the device cannot compute with indices of f64");
    if (p->depth > INT32_MAX || (OCL_FLOATS >> dtype & 1 && p->depth > MAX_FLOAT_DEPTH))
        return cvk_refuse(q, "a depth of %lld", (long long)p->depth);
    return CVK_OK;
}

const struct cvk_kernel ocl_one_hot_rows[] = {
    {OCL_ROW(ONE_HOT, "any"), .dtypes = NUMBERS, .plan = plan, .build = build, .run = run, .finish = ocl_finish_call},
};
const uint32_t ocl_one_hot_row_count = OCL_COUNT(ocl_one_hot_rows);
