/* SPDX-License-Identifier: MIT
 * softmax: on CPU devices one row after the other, or sixteen neighbouring ones together; on others a work-group for a long
 * row, an item for a short one. */
#include "arith.h"

#define GROUP 128        /* as in kernels/softmax.cl */
#define GROUP_FROM 64    /* elements of a row that are worth a work-group */
#define ITEM_FLOATS 2048 /* of an item on CPU devices, at least */

/* As in kernels/softmax.cl. */
struct rows {
    cl_int rows, n, inner, items;
};

static struct rows rows_of(const struct cvk_node *node)
{
    const struct cvk_softmax_params *p = node->params;
    const struct cvk_tensor_desc *x = node->inputs[0];
    uint32_t axis = (uint32_t)p->axis, behind = p->flatten ? x->rank : axis + 1;
    uint64_t n = ocl_product(x, axis, behind), inner = ocl_product(x, behind, x->rank), outer = ocl_product(x, 0, axis);
    return (struct rows){.rows = (cl_int)(outer * inner), .n = (cl_int)n, .inner = (cl_int)inner};
}

static int32_t build(struct cvk_exec *e)
{
    const struct cvk_softmax_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    uint32_t dtype = e->node->inputs[0]->dtype;
    struct rows s = rows_of(e->node);
    bool wide = d->cpu_form && dtype == CVK_F32 && p->kind != CVK_HARDMAX;
    bool group = !d->cpu_form && s.n >= GROUP_FROM && p->kind != CVK_HARDMAX;
    uint64_t rows = s.n ? (uint64_t)s.rows : 0, inner = (uint64_t)s.inner, local = GROUP;
    uint64_t tiles = inner ? rows / inner * ocl_ceil_div(inner, 16) : 0, each = (uint64_t)s.n * (inner > 1 ? 16 : 1);
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    s.items = (cl_int)ocl_ceil_div(ITEM_FLOATS, each ? each : 1);
    ocl_option_type(options, sizeof options, "DX", dtype);
    ocl_option(options, sizeof options, "-DKIND=%u", p->kind);
    if (wide)
        ocl_option(options, sizeof options, "-DWIDE");
    else if (dtype == CVK_F64)
        ocl_option(options, sizeof options, "-DR=double");
    OCL_TRY(ocl_build_only(e, &ocl_source_softmax,
                           wide    ? inner > 1 ? "softmax_columns" : "softmax_rows"
                           : group ? "softmax_group"
                                   : "softmax",
                           options, sizeof options, &call));
    int32_t status = ocl_arg(d, call, 4, &s, sizeof s);
    if (wide)
        ocl_call_items(call, ocl_ceil_div(tiles, (uint64_t)s.items), 1);
    else if (group)
        ocl_call_size(call, 1, &rows, &local);
    else
        ocl_call_items(call, rows, 64);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

/* ---- backward: inputs dy and y ----------------------------------------------------------------------------------- */

static int32_t build_backward(struct cvk_exec *e)
{
    const struct cvk_softmax_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    uint32_t dtype = e->node->inputs[0]->dtype;
    struct rows s = rows_of(e->node);
    bool wide = d->cpu_form && dtype == CVK_F32;
    uint64_t rows = s.n ? (uint64_t)s.rows : 0, inner = (uint64_t)s.inner, each = (uint64_t)s.n * (inner > 1 ? 16 : 1);
    uint64_t tiles = inner ? rows / inner * ocl_ceil_div(inner, 16) : 0;
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    s.items = (cl_int)ocl_ceil_div(ITEM_FLOATS, each ? each : 1);
    ocl_option_type(options, sizeof options, "DX", dtype);
    ocl_option(options, sizeof options, "-DKIND=%u", p->kind);
    if (wide)
        ocl_option(options, sizeof options, inner > 1 ? "-DWIDE" : "-DWIDE -DALONG");
    else if (dtype == CVK_F64)
        ocl_option(options, sizeof options, "-DR=double");
    OCL_TRY(ocl_build_call(e, &ocl_source_softmax_backward, "softmax_backward", options, &call));
    int32_t status = ocl_arg(d, call, 6, &s, sizeof s);
    if (wide)
        ocl_call_items(call, ocl_ceil_div(tiles, (uint64_t)s.items), 1);
    else
        ocl_call_items(call, rows, 64);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_softmax_params *p = q->node->params;
    (void)plan;
    OCL_TRY(ocl_fits(q));
    return p->kind <= CVK_HARDMAX ? CVK_OK : cvk_refuse(q, "softmax kind %u is newer than this backend", p->kind);
}

const struct cvk_kernel ocl_softmax_rows[] = {
    {OCL_ROW(SOFTMAX, "plain"), .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_FLOATS, .plan = plan, .build = build,
     .run = ocl_run_call, .finish = ocl_finish_call},
    {OCL_ROW(SOFTMAX, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_FLOATS,
     .plan = plan, .build = build_backward, .run = ocl_run_call, .finish = ocl_finish_call},
};
const uint32_t ocl_softmax_row_count = OCL_COUNT(ocl_softmax_rows);
