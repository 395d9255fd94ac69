/* SPDX-License-Identifier: MIT
 * The gradient of reduce: axes merged as forward; where a result's elements need not know each other, each is by itself. The
 * kind is an argument, so that kinds share programs. */
#include "fold.h"

#define GROUP 64          /* as in kernels/reduce_backward.cl */
#define GROUP_FROM 64     /* elements of a result that are worth a work-group */
#define MANY_RESULTS 4096 /* neighbouring ones keep a GPU busy with an item each, and read side by side */
#define PIECE_FLOATS 8192 /* of an item on CPU devices */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint32_t kind_of(const struct cvk_node *node)
{
    return ((const struct cvk_reduce_params *)node->params)->kind;
}

/* Every element must know something of all others. */
static bool collects(uint32_t kind)
{
    return kind == CVK_REDUCE_MAX || kind == CVK_REDUCE_MIN || kind == CVK_REDUCE_PROD;
}

static int32_t wide_args(struct cvk_exec *e, struct ocl_call *call, const struct ocl_fold *f)
{
    struct ocl_device *d = ocl_device_of(e);
    uint64_t steps = (uint64_t)f->steps, run = (uint64_t)f->run, lanes = f->inner > 1 ? 16 : 1;
    if (!collects(kind_of(e->node))) {
        run = least(run, PIECE_FLOATS);
        steps = least(steps, ocl_ceil_div(PIECE_FLOATS, (run ? run : 1) * lanes));
    }
    uint64_t each = steps * run * lanes, items = ocl_ceil_div(PIECE_FLOATS, each ? each : 1),
             tiles = (uint64_t)f->results / (uint64_t)f->inner * ocl_ceil_div((uint64_t)f->inner, 16),
             all = each ? tiles * ocl_ceil_div((uint64_t)f->steps, steps) * ocl_ceil_div((uint64_t)f->run, run) : 0;
    OCL_TRY(ocl_arg_int(d, call, 10, (int64_t)steps));
    OCL_TRY(ocl_arg_int(d, call, 11, (int64_t)run));
    OCL_TRY(ocl_arg_int(d, call, 12, (int64_t)items));
    ocl_call_items(call, ocl_ceil_div(all, items), 1);
    return ocl_arg_int(d, call, 13, (int64_t)all);
}

/* An item for each element, or for each result, or a work-group. */
static void set_size(struct ocl_call *call, const struct ocl_fold *f, bool each_result, bool team)
{
    uint64_t elements = (uint64_t)f->steps * (uint64_t)f->run, results = elements ? (uint64_t)f->results : 0, local = GROUP;
    if (team)
        ocl_call_size(call, 1, &results, &local);
    else
        ocl_call_items(call, each_result ? results : results * elements, GROUP);
}

static bool takes_team(uint32_t kind, const struct ocl_fold *f)
{
    uint64_t elements = (uint64_t)f->steps * (uint64_t)f->run;
    return collects(kind) && elements >= GROUP_FROM && (f->inner == 1 || f->results < MANY_RESULTS);
}

/* Inputs dy, y, x. */
static int32_t build(struct cvk_exec *e)
{
    const struct cvk_reduce_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[2];
    struct ocl_device *d = ocl_device_of(e);
    bool wide = d->cpu_form && x->dtype == CVK_F32;
    uint32_t folded = 0;
    for (uint32_t i = 0; i < p->axis_count; i++)
        folded |= 1u << p->axes[i];
    struct ocl_fold f = ocl_fold_axes(x, folded);
    bool team = !wide && takes_team(p->kind, &f);
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_type(options, sizeof options, "DX", x->dtype);
    if (wide)
        ocl_option(options, sizeof options, "-DWIDE");
    else if (x->dtype == CVK_F64)
        ocl_option(options, sizeof options, "-DR=double");
    if (collects(p->kind))
        ocl_option(options, sizeof options, team ? "-DCOLLECTS -DTEAM" : "-DCOLLECTS");
    OCL_TRY(ocl_build_call(e, &ocl_source_reduce_backward, "reduce_backward", options, &call));
    int32_t status = ocl_arg(d, call, 8, &f, sizeof f);
    if (status == CVK_OK)
        status = ocl_arg_int(d, call, 9, p->kind);
    if (status == CVK_OK && wide)
        status = wide_args(e, call, &f);
    else if (status == CVK_OK)
        set_size(call, &f, collects(p->kind), team);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    OCL_TRY(ocl_fits(q));
    return kind_of(q->node) < CVK_REDUCE_KINDS ? CVK_OK
                                               : cvk_refuse(q, "reduce kind %u is newer than this backend", kind_of(q->node));
}

const struct cvk_kernel ocl_reduce_backward_rows[] = {
    {OCL_ROW(REDUCE, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = OCL_FLOATS, .plan = plan, .build = build,
     .run = ocl_run_call, .finish = ocl_finish_call},
};
const uint32_t ocl_reduce_backward_row_count = OCL_COUNT(ocl_reduce_backward_rows);
