/* SPDX-License-Identifier: MIT
 * unary: flat elements, whatever their layout; one program for each function and type, one for each type of whole numbers. */
#include "arith.h"

#include <math.h>

/* Kinds with f(0) = 0 whatever their parameters: padding channels then stay zero by themselves. */
#define KEEPS_ZERO                                                                                                               \
    (1ull << CVK_RELU | 1ull << CVK_LEAKY_RELU | 1ull << CVK_ELU | 1ull << CVK_SELU | 1ull << CVK_HARD_SWISH |                   \
     1ull << CVK_TANH | 1ull << CVK_SOFTSIGN | 1ull << CVK_GELU | 1ull << CVK_GELU_TANH | 1ull << CVK_SILU | 1ull << CVK_MISH |  \
     1ull << CVK_ERF | 1ull << CVK_SQRT | 1ull << CVK_ABS | 1ull << CVK_ROUND | 1ull << CVK_FLOOR | 1ull << CVK_CEIL |           \
     1ull << CVK_SIGN | 1ull << CVK_SIN | 1ull << CVK_TAN | 1ull << CVK_ASIN | 1ull << CVK_ATAN | 1ull << CVK_SINH |             \
     1ull << CVK_ASINH | 1ull << CVK_ATANH | 1ull << CVK_IS_NAN | 1ull << CVK_IS_INF)

static bool keeps_zero(const struct cvk_unary_params *p)
{
    if (p->kind == CVK_CLIP)
        return p->a <= 0 && p->b >= 0;
    return KEEPS_ZERO >> p->kind & 1;
}

/* Sixteen floats at a time. */
static bool is_wide(const struct ocl_device *d, const struct cvk_node *node)
{
    return d->cpu_form && node->outputs[0]->dtype == CVK_F32;
}

/* A bound of clip as the nearest number that the type of the comparison holds. */
static int64_t whole_bound(double bound, bool is_unsigned)
{
    if (bound != bound)
        return 0;
    if (is_unsigned)
        return bound <= 0 ? 0 : bound >= 0x1p64 ? (int64_t)UINT64_MAX : (int64_t)(uint64_t)bound;
    return bound <= -0x1p63 ? INT64_MIN : bound >= 0x1p63 ? INT64_MAX : (int64_t)bound;
}

static int32_t whole_args(struct cvk_exec *e, struct ocl_call *call, uint32_t next)
{
    const struct cvk_unary_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    bool is_unsigned = e->node->inputs[0]->dtype == CVK_U64;
    cl_long a = whole_bound(ceil((double)p->a), is_unsigned), b = whole_bound(floor((double)p->b), is_unsigned);
    OCL_TRY(ocl_arg_int(d, call, next, p->kind));
    OCL_TRY(ocl_arg(d, call, next + 1, &a, sizeof a));
    return ocl_arg(d, call, next + 2, &b, sizeof b);
}

static int32_t args(struct cvk_exec *e, struct ocl_call *call, uint64_t count, bool wide, bool whole)
{
    const struct cvk_unary_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_channels channels = whole || !keeps_zero(p) ? ocl_channels_of(e->node->outputs[0]) : OCL_NO_PADDING;
    uint32_t next = ocl_args_after(e);
    uint64_t piece = ocl_piece(d, count);
    OCL_TRY(ocl_arg_int(d, call, next++, (int64_t)count));
    if (wide)
        OCL_TRY(ocl_arg_int(d, call, next++, (int64_t)piece));
    if (whole) {
        OCL_TRY(whole_args(e, call, next));
        next += 3;
    } else {
        OCL_TRY(ocl_arg_float(d, call, next++, p->a));
        OCL_TRY(ocl_arg_float(d, call, next++, p->b));
    }
    OCL_TRY(ocl_arg(d, call, next, &channels, sizeof channels));
    if (wide)
        ocl_call_items(call, ocl_ceil_div(count, piece), 1);
    else
        ocl_call_items(call, count, 64);
    return CVK_OK;
}

static int32_t build(struct cvk_exec *e)
{
    const struct cvk_unary_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    bool wide = is_wide(ocl_device_of(e), e->node), whole = !ocl_is_float(x->dtype);
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_type(options, sizeof options, "DX", x->dtype);
    ocl_option_type(options, sizeof options, "DY", y->dtype);
    if (wide)
        ocl_option(options, sizeof options, "-DWIDE -DR=float16");
    else if (whole)
        ocl_option(options, sizeof options, "-DWHOLE");
    else if (x->dtype == CVK_F64)
        ocl_option(options, sizeof options, "-DR=double");
    if (!whole)
        ocl_option(options, sizeof options, "-DACT=%u", p->kind);
    OCL_TRY(ocl_build_call(e, &ocl_source_unary, wide ? "unary_wide" : whole ? "unary_whole" : "unary", options, &call));
    int32_t status = args(e, call, ocl_flat_count(y), wide, whole);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_unary_params *p = q->node->params;
    (void)plan;
    OCL_TRY(ocl_fits(q));
    return p->kind < CVK_UNARY_KINDS ? CVK_OK : cvk_refuse(q, "unary kind %u is newer than this backend", p->kind);
}

const struct cvk_kernel ocl_unary_rows[] = {
    {OCL_ROW(UNARY, "flat"), .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_ANY_LAYOUT, .dtypes = OCL_ALL, .plan = plan,
     .build = build, .run = ocl_run_call, .finish = ocl_finish_call},
};
const uint32_t ocl_unary_row_count = OCL_COUNT(ocl_unary_rows);
