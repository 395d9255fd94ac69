/* SPDX-License-Identifier: MIT
 * The gradients of unary: flat elements, whatever their layout; one program for each function and type. */
#include "arith.h"

/* A bound as the type has it: results at a bound were rounded to it. */
static float rounded(uint32_t dtype, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    if (v != v || (bits << 1) >= 0xff000000u)
        return v;
    if (dtype == CVK_BF16) {
        bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
        memcpy(&v, &bits, sizeof v);
    } else if (dtype == CVK_F16) {
        /* Adding and taking away a number of the size of the last bit's leaves what half has bits for. */
        float size = v < 0 ? -v : v, unit = 0x1p-24f;
        while (unit * 2048 <= size)
            unit *= 2;
        volatile float shifted = size + unit * 0x1p23f;
        float cut = shifted - unit * 0x1p23f;
        v = v < 0 ? -cut : cut;
    }
    return v;
}

static int32_t set_args(struct cvk_exec *e, struct ocl_call *call, bool wide)
{
    const struct cvk_unary_params *p = e->node->params;
    const struct cvk_tensor_desc *dx = e->node->outputs[0];
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_channels channels = p->kind == CVK_RELU ? OCL_NO_PADDING : ocl_channels_of(dx);
    uint64_t count = ocl_flat_count(dx), piece = ocl_piece(d, count);
    const float numbers[2] = {p->kind == CVK_CLIP ? rounded(dx->dtype, p->a) : p->a,
                              p->kind == CVK_CLIP ? rounded(dx->dtype, p->b) : p->b};
    uint32_t next = 6;
    OCL_TRY(ocl_arg_int(d, call, next++, (int64_t)count));
    if (wide)
        OCL_TRY(ocl_arg_int(d, call, next++, (int64_t)piece));
    for (uint32_t i = 0; i < 2; i++, next++) {
        cl_double number = (cl_double)numbers[i];
        OCL_TRY(dx->dtype == CVK_F64 ? ocl_arg(d, call, next, &number, sizeof number) : ocl_arg_float(d, call, next, numbers[i]));
    }
    ocl_call_items(call, wide ? ocl_ceil_div(count, piece) : count, wide ? 1 : 64);
    return ocl_arg(d, call, next, &channels, sizeof channels);
}

static int32_t build(struct cvk_exec *e)
{
    const struct cvk_unary_params *p = e->node->params;
    const struct cvk_tensor_desc *dx = e->node->outputs[0];
    bool wide = ocl_device_of(e)->cpu_form && dx->dtype == CVK_F32;
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_type(options, sizeof options, "DX", dx->dtype);
    ocl_option(options, sizeof options, "-DACT=%u", p->kind);
    if (wide)
        ocl_option(options, sizeof options, "-DWIDE -DR=float16");
    else if (dx->dtype == CVK_F64)
        ocl_option(options, sizeof options, "-DR=double");
    if (cvk_unary_gradient_from_y(p))
        ocl_option(options, sizeof options, "-DFROM_Y");
    OCL_TRY(ocl_build_call(e, &ocl_source_unary_backward, wide ? "unary_backward_wide" : "unary_backward", options, &call));
    int32_t status = set_args(e, call, wide);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_unary_params *p = q->node->params;
    (void)plan;
    OCL_TRY(ocl_fits(q));
    return p->kind < CVK_NOT ? CVK_OK : cvk_refuse(q, "unary kind %u has no gradient or is newer than this backend", p->kind);
}

const struct cvk_kernel ocl_unary_backward_rows[] = {
    {OCL_ROW(UNARY, "flat"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_ANY_LAYOUT,
     .dtypes = OCL_FLOATS, .plan = plan, .build = build, .run = ocl_run_call, .finish = ocl_finish_call},
};
const uint32_t ocl_unary_backward_row_count = OCL_COUNT(ocl_unary_backward_rows);
