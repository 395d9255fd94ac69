/* SPDX-License-Identifier: MIT
 * slice: a strided copy that begins at the first element taken; steps may be negative. Backward it goes the other way, into
 * zeros. */
#include "ref_move.h"

/* Strides of y, and of the elements of x that it is made of; gives the first of those. */
static int64_t set_strides(const struct cvk_slice_params *p, const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *y,
                           int64_t *x_strides, int64_t *y_strides)
{
    int64_t first = 0;
    ref_strides(x->rank, x->dims, x_strides);
    ref_strides(y->rank, y->dims, y_strides);
    for (uint32_t i = 0; i < x->rank; i++) {
        first += p->start[i] * x_strides[i];
        x_strides[i] *= p->step[i];
    }
    return first;
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    uint32_t bytes = ref_dtype_bytes(x->dtype);
    int64_t x_strides[CVK_MAX_RANK] = {0}, y_strides[CVK_MAX_RANK] = {0};
    if (cvk_cpu_count(y) == 0)
        return CVK_OK;
    int64_t first = set_strides(e->node->params, x, y, x_strides, y_strides);
    ref_move_run(e, bytes, y->rank, y->dims, (const char *)cvk_cpu_input(e, 0) + first * bytes, x_strides, cvk_cpu_output(e, 0),
                 y_strides);
    return CVK_OK;
}

static int32_t run_backward(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *dy = e->node->inputs[0], *dx = e->node->outputs[0];
    uint32_t bytes = ref_dtype_bytes(dx->dtype);
    int64_t x_strides[CVK_MAX_RANK] = {0}, y_strides[CVK_MAX_RANK] = {0};
    if (cvk_cpu_count(dx) == 0)
        return CVK_OK;
    memset(cvk_cpu_output(e, 0), 0, dx->bytes);
    if (cvk_cpu_count(dy) == 0)
        return CVK_OK;
    int64_t first = set_strides(e->node->params, dx, dy, x_strides, y_strides);
    ref_move_run(e, bytes, dy->rank, dy->dims, cvk_cpu_input(e, 0), y_strides, (char *)cvk_cpu_output(e, 0) + first * bytes,
                 x_strides);
    return CVK_OK;
}

const struct cvk_kernel ref_slice_rows[] = {
    {REF_ROW(SLICE, "plain"), .dtypes = REF_ALL, .run = run},
    {REF_ROW(SLICE, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .run = run_backward},
};
const uint32_t ref_slice_row_count = REF_COUNT(ref_slice_rows);
