/* SPDX-License-Identifier: MIT
 * optimize: flat elements, one program for each kind of optimiser. Rate and step count change from run to run and are read by
 * the kernel. */
#include <math.h>

#include "arith.h"

enum { W, DW, HYPER, S0, S1, FACTOR, INPUTS, OUTPUTS = 3 };

static uint32_t states_of(const struct cvk_optimize_params *p)
{
    bool momentum = p->momentum != 0;
    return p->kind == CVK_SGD ? momentum : p->kind == CVK_RMSPROP ? 1 + momentum : p->kind == CVK_ADAGRAD ? 1 : 2;
}

static int32_t set_args(struct cvk_exec *e, struct ocl_call *call, bool wide, bool doubles)
{
    const struct cvk_optimize_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    uint64_t count = ocl_flat_count(e->node->inputs[W]), piece = wide ? ocl_piece(d, count) : 1;
    uint32_t next = 2 * (INPUTS + OUTPUTS);
    double beta1 = (double)p->beta1, beta2 = (double)p->beta2;
    const double rates[] = {(double)p->momentum,
                            p->dampening != 0 ? (double)p->dampening : 1,
                            beta1,
                            1 - beta1,
                            log(beta1),
                            beta2,
                            1 - beta2,
                            log(beta2),
                            (double)p->epsilon,
                            (double)p->l1,
                            (double)p->l2,
                            p->kind == CVK_ADAMW ? (double)p->decay : 0,
                            (double)p->lr_decay,
                            p->kind == CVK_ADAM ? 1 - (double)p->post_decay : 1};
    OCL_TRY(ocl_arg_int(d, call, next++, (int64_t)count));
    OCL_TRY(ocl_arg_int(d, call, next++, (int64_t)piece));
    for (uint32_t i = 0; i < OCL_COUNT(rates); i++)
        OCL_TRY(doubles ? ocl_arg(d, call, next + i, &rates[i], sizeof rates[i])
                        : ocl_arg_float(d, call, next + i, (float)rates[i]));
    ocl_call_items(call, ocl_ceil_div(count, piece), wide ? 1 : 64);
    return CVK_OK;
}

static int32_t build(struct cvk_exec *e)
{
    const struct cvk_optimize_params *p = e->node->params;
    uint32_t dtype = e->node->inputs[W]->dtype;
    bool wide = ocl_device_of(e)->cpu_form && dtype == CVK_F32, doubles = dtype == CVK_F64;
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_type(options, sizeof options, "DX", dtype);
    ocl_option(options, sizeof options, "-DKIND=%u -DSTATES=%u", p->kind, states_of(p));
    ocl_option(options, sizeof options, doubles ? "-DS=double -DR=double" : "-DS=float");
    if (wide)
        ocl_option(options, sizeof options, "-DWIDE");
    if (p->momentum != 0)
        ocl_option(options, sizeof options, "-DMOMENTUM");
    if (p->nesterov)
        ocl_option(options, sizeof options, "-DNESTEROV");
    OCL_TRY(ocl_build_call(e, &ocl_source_optimize, "optimize", options, &call));
    int32_t status = set_args(e, call, wide, doubles);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    for (uint32_t i = 0; i < INPUTS; i++)
        OCL_TRY(ocl_bind(d, e->state, 2 * i, i < e->node->input_count ? &e->inputs[i] : NULL));
    for (uint32_t i = 0; i < OUTPUTS; i++)
        OCL_TRY(ocl_bind(d, e->state, 2 * (INPUTS + i), i < e->node->output_count ? &e->outputs[i] : NULL));
    return ocl_enqueue(d, e->state);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_optimize_params *p = q->node->params;
    (void)plan;
    OCL_TRY(ocl_fits(q));
    return p->kind < CVK_OPTIMIZER_KINDS ? CVK_OK : cvk_refuse(q, "optimiser %u is newer than this backend", p->kind);
}

const struct cvk_kernel ocl_optimize_rows[] = {
    {OCL_ROW(OPTIMIZE, "flat"), .pass = CVK_PASS_UPDATE, .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_FLOATS, .plan = plan,
     .build = build, .run = run, .finish = ocl_finish_call},
};
const uint32_t ocl_optimize_row_count = OCL_COUNT(ocl_optimize_rows);
