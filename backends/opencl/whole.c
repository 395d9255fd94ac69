/* SPDX-License-Identifier: MIT
 * reshape and its kin where the memory cannot be shared, dropout outside training, fill: whole tensors that the driver copies
 * or fills. */
#include "move.h"

static int32_t copy_whole(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_binding *x = &e->inputs[0], *y = &e->outputs[0];
    uint64_t bytes = e->node->outputs[0]->bytes;
    if (bytes == 0 || (x->buffer == y->buffer && x->offset == y->offset))
        return CVK_OK;
    cl_int code = clEnqueueCopyBuffer(d->queue, (cl_mem)x->buffer, (cl_mem)y->buffer, x->offset, y->offset, bytes, 0,
                                      NULL, ocl_profile_slot(d));
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "copying %llu bytes", (unsigned long long)bytes);
}

/* The pattern holds whole elements. */
static int32_t fill_whole(struct cvk_exec *e, uint32_t output, uint64_t pattern)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_tensor_desc *y = e->node->outputs[output];
    const struct cvk_binding *to = &e->outputs[output];
    if (y->bytes == 0)
        return CVK_OK;
    uint32_t bytes = ocl_dtype_bytes(y->dtype);
    cl_int code = clEnqueueFillBuffer(d->queue, (cl_mem)to->buffer, &pattern, bytes, to->offset, y->bytes, 0, NULL,
                                      ocl_profile_slot(d));
    return code == CL_SUCCESS ? CVK_OK : ocl_fail(d->host, code, "filling %llu bytes", (unsigned long long)y->bytes);
}

static int32_t run_fill(struct cvk_exec *e)
{
    const struct cvk_fill_params *p = e->node->params;
    uint32_t dtype = e->node->outputs[0]->dtype;
    return fill_whole(e, 0, OCL_FLOATS >> dtype & 1 ? ocl_pattern(p->value, dtype) : ocl_pattern_int(p->integer, dtype));
}

static bool wants_mask(const struct cvk_node *node)
{
    return node->output_count > 1 && node->outputs[1];
}

static int32_t run_dropout(struct cvk_exec *e)
{
    OCL_TRY(copy_whole(e));
    return wants_mask(e->node) ? fill_whole(e, 1, ocl_pattern(1, CVK_BOOL)) : CVK_OK;
}

static int32_t plan_dropout(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_dropout_params *p = q->node->params;
    const struct cvk_tensor_desc *x = q->node->inputs[0];
    uint32_t block = ocl_layout_block(q->layout_x);
    (void)plan;
    if (p->training)
        return cvk_refuse(q, "training draws elements by their place in plain order");
    if (block > 1 && wants_mask(q->node) && x->dims[1] % block)
        return cvk_refuse(q, "the mask would go into the padding of a block");
    return ocl_fits_moved(q);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return ocl_fits_moved(q);
}

const struct cvk_kernel ocl_whole_rows[] = {
    {OCL_ROW(RESHAPE, "copy"), .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_ALL, .plan = plan, .run = copy_whole},
    {OCL_ROW(DROPOUT, "copy"), .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_ANY_LAYOUT, .dtypes = OCL_FLOATS, .plan = plan_dropout,
     .run = run_dropout},
    {OCL_ROW(DROPOUT, "copy"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_ANY_LAYOUT,
     .dtypes = OCL_FLOATS, .plan = plan_dropout, .run = run_dropout},
    {OCL_ROW(FILL, "driver"), .dtypes = OCL_ALL, .plan = plan, .run = run_fill},
};
const uint32_t ocl_whole_row_count = OCL_COUNT(ocl_whole_rows);
