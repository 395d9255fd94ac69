/* SPDX-License-Identifier: MIT
 * pool: whole maps are folded as reduce does; otherwise a window slides, over rows of blocks on CPU devices, for each element
 * elsewhere. */
#include "fold.h"
#include "pool.h"

static bool wants_indices(const struct cvk_node *node)
{
    return node->output_count > 1 && node->outputs[1];
}

/* ---- the whole map ----------------------------------------------------------------------------------------------- */

static int32_t plan_global(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_pool_params *p = q->node->params;
    const struct cvk_tensor_desc *x = q->node->inputs[0];
    (void)plan;
    OCL_TRY(ocl_fits(q));
    if (q->layout_x != CVK_LAYOUT_PLAIN)
        OCL_TRY(ocl_blocked(q));
    if (p->kind == CVK_POOL_LP || wants_indices(q->node))
        return cvk_refuse(q, "only maxima without their places, and means");
    for (uint32_t i = 0; i + 2 < x->rank; i++)
        if (p->kernel[i] != x->dims[2 + i] || p->pad_begin[i] || p->pad_end[i] || p->dilation[i] != 1)
            return cvk_refuse(q, "the window is not the whole map");
    return CVK_OK;
}

static int32_t build_global(struct cvk_exec *e)
{
    const struct cvk_pool_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    struct ocl_fold f = x->layout == CVK_LAYOUT_PLAIN ? ocl_fold_axes(x, ~3u) : ocl_fold_pixels(x);
    return ocl_fold_build(e, p->kind == CVK_POOL_MAX ? CVK_REDUCE_MAX : CVK_REDUCE_MEAN, &f);
}

/* ---- a sliding window over blocks -------------------------------------------------------------------------------- */

static int32_t plan_blocked(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_pool_params *p = q->node->params;
    (void)plan;
    OCL_TRY(ocl_fits(q));
    OCL_TRY(ocl_blocked(q));
    if (p->kind == CVK_POOL_LP || wants_indices(q->node))
        return cvk_refuse(q, "only maxima without their places, and means");
    if (q->node->inputs[0]->rank > 4)
        return cvk_refuse(q, "only maps of one or two dimensions, not %u", q->node->inputs[0]->rank - 2);
    return CVK_OK;
}

struct ocl_pool_blocked ocl_pool_blocked_of(const struct cvk_pool_params *p, const struct cvk_tensor_desc *x,
                                                const struct cvk_tensor_desc *y)
{
    const bool flat = x->rank == 3, pad = p->count_include_pad;
    const uint32_t last = flat ? 0 : 1; /* spatial axis along the row */
    struct ocl_pool_blocked s = {.h = flat ? 1 : (cl_int)x->dims[2],
                               .w = (cl_int)x->dims[2 + last],
                               .oh = flat ? 1 : (cl_int)y->dims[2],
                               .ow = (cl_int)y->dims[2 + last],
                               .kh = flat ? 1 : (cl_int)p->kernel[0],
                               .kw = (cl_int)p->kernel[last],
                               .stride_h = flat ? 1 : (cl_int)p->stride[0],
                               .stride_w = (cl_int)p->stride[last],
                               .dilation_h = flat ? 1 : (cl_int)p->dilation[0],
                               .dilation_w = (cl_int)p->dilation[last],
                               .top = flat ? 0 : (cl_int)p->pad_begin[0],
                               .left = (cl_int)p->pad_begin[last],
                               .count_pad = pad};
    s.counted_h = s.h + (pad && !flat ? (cl_int)p->pad_end[0] : 0);
    s.counted_w = s.w + (pad ? (cl_int)p->pad_end[last] : 0);
    s.rows = (cl_int)((uint64_t)x->dims[0] * ocl_ceil_div((uint64_t)x->dims[1], 16)) * s.oh;
    uint64_t floats = (uint64_t)s.ow * (uint64_t)s.kh * (uint64_t)s.kw * 16;
    s.items = (cl_int)ocl_ceil_div(16384, floats ? floats : 1);
    return s;
}

static int32_t build_blocked(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_pool_blocked s = ocl_pool_blocked_of(e->node->params, e->node->inputs[0], e->node->outputs[0]);
    struct ocl_channels c = ocl_channels_of(e->node->inputs[0]);
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    ocl_option(options, sizeof options, "-DWIDE -DKIND=%u", ((const struct cvk_pool_params *)e->node->params)->kind);
    OCL_TRY(ocl_build_call(e, &ocl_source_pool, "pool_blocked", options, &call));
    int32_t status = ocl_arg(d, call, 4, &s, sizeof s);
    if (status == CVK_OK)
        status = ocl_arg(d, call, 5, &c, sizeof c);
    ocl_call_items(call, ocl_ceil_div((uint64_t)s.rows, (uint64_t)s.items), 1);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

/* ---- a window for each element ----------------------------------------------------------------------------------- */

struct ocl_pool_window ocl_pool_window_of(const struct cvk_pool_params *p, const struct cvk_tensor_desc *x,
                                          const struct cvk_tensor_desc *y)
{
    struct ocl_pool_window s = {.count = (cl_int)ocl_flat_count(y),
                       .count_pad = (cl_int)p->count_include_pad,
                       .column_major = (cl_int)p->storage_order,
                       .p = p->p};
    uint32_t missing = 5 - x->rank;
    for (uint32_t i = 0; i < 3; i++) {
        bool here = i >= missing;
        uint32_t k = here ? i - missing : 0;
        s.in[i] = here ? (cl_int)x->dims[2 + k] : 1;
        s.out[i] = here ? (cl_int)y->dims[2 + k] : 1;
        s.size[i] = here ? (cl_int)p->kernel[k] : 1;
        s.stride[i] = here ? (cl_int)p->stride[k] : 1;
        s.dilation[i] = here ? (cl_int)p->dilation[k] : 1;
        s.begin[i] = here ? (cl_int)p->pad_begin[k] : 0;
        s.end[i] = here ? (cl_int)p->pad_end[k] : 0;
    }
    return s;
}

static int32_t build_plain(struct cvk_exec *e)
{
    const struct cvk_pool_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_pool_window s = ocl_pool_window_of(p, e->node->inputs[0], e->node->outputs[0]);
    struct ocl_call *call;
    uint32_t dtype = e->node->inputs[0]->dtype;
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_type(options, sizeof options, "DX", dtype);
    ocl_option(options, sizeof options, "-DKIND=%u", p->kind);
    if (ocl_is_float(dtype))
        ocl_option(options, sizeof options, dtype == CVK_F64 ? "-DLEAST=-INFINITY -DR=double" : "-DLEAST=-INFINITY");
    else
        ocl_option(options, sizeof options, "-DWHOLE -DLEAST=%lldL",
                   ocl_has_sign(dtype) ? -(long long)ocl_highest(dtype) - 1 : 0ll);
    if (e->node->output_count > 1)
        ocl_option(options, sizeof options, "-DINDICES");
    OCL_TRY(ocl_build_call(e, &ocl_source_pool, "pool", options, &call));
    int32_t status = ocl_arg(d, call, ocl_args_after(e), &s, sizeof s);
    ocl_call_items(call, (uint64_t)s.count, 64);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

#define CALLS .run = ocl_run_call, .finish = ocl_finish_call
#define NUMBERS (OCL_ALL & ~CVK_DTYPE_BIT(CVK_BOOL))
const struct cvk_kernel ocl_pool_rows[] = {
    {OCL_ROW(POOL, "global"), .dtypes = NUMBERS, .layouts_x = OCL_PLAIN | OCL_NC16, .layouts_y = OCL_PLAIN | OCL_NC16,
     .plan = plan_global, .build = build_global, .run = ocl_fold_run, .finish = ocl_finish_call},
    {OCL_ROW(POOL, "blocked"), .layouts_x = OCL_NC16, .layouts_y = OCL_NC16, .plan = plan_blocked, .build = build_blocked,
     CALLS},
    {OCL_ROW(POOL, "plain"), .dtypes = NUMBERS, .plan = ocl_plan_any, .build = build_plain, CALLS},
};
const uint32_t ocl_pool_row_count = OCL_COUNT(ocl_pool_rows);
