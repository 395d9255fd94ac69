/* SPDX-License-Identifier: MIT
 * reduce: neighbouring axes that are all folded or all kept are merged; then either one result is made of runs of neighbours,
 * or neighbouring results are made together. On GPU devices long folds take a work-group each. */
#include "fold.h"

#define GROUP 128        /* as in kernels/reduce.cl */
#define GROUP_FROM 64    /* elements of a result that are worth a work-group */
#define ITEM_FLOATS 8192 /* read by an item on CPU devices, at least */

struct ocl_fold ocl_fold_axes(const struct cvk_tensor_desc *x, uint32_t folded)
{
    struct ocl_fold f = {.inner = 1, .steps = 1, .run = 1};
    cl_int sizes[CVK_MAX_RANK], strides[CVK_MAX_RANK];
    bool folds[CVK_MAX_RANK];
    uint32_t groups = 0;
    for (uint32_t axis = 0; axis < x->rank; axis++) {
        bool fold = folded >> axis & 1;
        if (groups == 0 || folds[groups - 1] != fold) {
            folds[groups] = fold;
            sizes[groups++] = 1;
        }
        sizes[groups - 1] *= (cl_int)x->dims[axis];
    }
    for (uint32_t g = groups, stride = 1; g-- > 0; stride *= (uint32_t)sizes[g])
        strides[g] = (cl_int)stride;
    f.results = 1;
    for (uint32_t g = 0; g < groups; g++) {
        cl_int *rank = folds[g] ? &f.folded_rank : &f.kept_rank;
        if (folds[g])
            f.steps *= sizes[g];
        else
            f.results *= sizes[g];
        if (g + 1 == groups) {
            *(folds[g] ? &f.run : &f.inner) = sizes[g];
        } else {
            (folds[g] ? f.folded_size : f.kept_size)[*rank] = sizes[g];
            (folds[g] ? f.folded_stride : f.kept_stride)[(*rank)++] = strides[g];
        }
    }
    if (f.run > 1)
        f.steps /= f.run;
    return f;
}

struct ocl_fold ocl_fold_pixels(const struct cvk_tensor_desc *x)
{
    uint64_t pixels = ocl_product(x, 2, x->rank), maps = (uint64_t)x->dims[0] * ocl_ceil_div((uint64_t)x->dims[1], 16);
    return (struct ocl_fold){.results = (cl_int)(maps * 16),
                             .inner = 16,
                             .steps = (cl_int)pixels,
                             .run = 1,
                             .kept_rank = 1,
                             .folded_rank = 1,
                             .kept_size = {(cl_int)maps},
                             .kept_stride = {(cl_int)(pixels * 16)},
                             .folded_size = {(cl_int)pixels},
                             .folded_stride = {16}};
}

static void type_options(char *options, uint32_t bytes, uint32_t kind, uint32_t dtype, bool fp64)
{
    bool floats = ocl_is_float(dtype),
         fractions = kind == CVK_REDUCE_L2 || kind == CVK_REDUCE_LOG_SUM || kind == CVK_REDUCE_LOG_SUM_EXP;
    ocl_option_type(options, bytes, "DX", dtype);
    ocl_option_type(options, bytes, "DY", dtype);
    if (floats || fractions) {
        bool doubles = dtype == CVK_F64 || (!floats && fp64);
        ocl_option(options, bytes,
                   doubles ? "-DFLOATS -DLEAST=-INFINITY -DGREATEST=INFINITY -DR=double"
                           : "-DFLOATS -DLEAST=-INFINITY -DGREATEST=INFINITY");
        if (doubles && !floats)
            ocl_option(options, bytes, "-DWITH_F64");
        if (!floats)
            ocl_option_cut(options, bytes, dtype);
    } else {
        unsigned long long highest = ocl_highest(dtype);
        ocl_option(options, bytes, ocl_has_sign(dtype) ? "-DGREATEST=%lluL -DLEAST=(-%lluL-1)" : "-DGREATEST=%lluUL -DLEAST=0",
                   highest, highest);
    }
}

/* How results are shared out. `per` on CPU devices: results, or tiles of sixteen, of an item. */
static void set_size(struct ocl_call *call, const struct ocl_fold *f, bool wide, bool group, uint64_t per)
{
    const uint64_t local = GROUP, results = (uint64_t)f->results, inner = (uint64_t)f->inner;
    if (wide)
        ocl_call_items(call, ocl_ceil_div(inner > 1 ? results / inner * ocl_ceil_div(inner, 16) : results, per), 1);
    else if (group)
        ocl_call_size(call, 1, &results, &local);
    else
        ocl_call_items(call, results, 64);
}

static int32_t wide_args(struct cvk_exec *e, struct ocl_call *call, const struct ocl_fold *f, uint64_t per)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    OCL_TRY(ocl_arg_int(d, call, 5, (int64_t)per));
    if (f->inner == 1)
        return CVK_OK;
    struct ocl_channels c = {1, 1, 16, 16};
    int64_t channels = 0;
    if (x->layout == CVK_LAYOUT_NC16) {
        c.blocks = (cl_int)ocl_ceil_div((uint64_t)x->dims[1], 16);
        c.count = (cl_int)x->dims[1];
        channels = y->layout == CVK_LAYOUT_NC16 ? (int64_t)c.blocks * 16 : c.count;
    }
    OCL_TRY(ocl_arg(d, call, 6, &c, sizeof c));
    return ocl_arg_int(d, call, 7, channels);
}

int32_t ocl_fold_build(struct cvk_exec *e, uint32_t kind, const struct ocl_fold *f)
{
    struct ocl_device *d = ocl_device_of(e);
    uint32_t dtype = e->node->inputs[0]->dtype;
    uint64_t elements = (uint64_t)f->steps * (uint64_t)f->run, per = elements * (f->inner > 1 ? 16 : 1);
    bool wide = d->cpu_form && dtype == CVK_F32, group = !d->cpu_form && elements >= GROUP_FROM;
    const char *name = !wide ? group ? "reduce_group" : "reduce" : f->inner > 1 ? "reduce_columns" : "reduce_rows";
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    per = ocl_ceil_div(ITEM_FLOATS, per ? per : 1);
    ocl_option(options, sizeof options, wide ? "-DWIDE -DKIND=%u" : "-DKIND=%u", kind);
    type_options(options, sizeof options, kind, dtype, d->fp64);
    OCL_TRY(ocl_build_only(e, &ocl_source_reduce, name, options, sizeof options, &call));
    int32_t status = ocl_arg(d, call, 4, f, sizeof *f);
    if (status == CVK_OK && wide)
        status = wide_args(e, call, f, per);
    set_size(call, f, wide, group, per);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

int32_t ocl_fold_run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    OCL_TRY(ocl_bind(d, e->state, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind(d, e->state, 2, &e->outputs[0]));
    return ocl_enqueue(d, e->state);
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------- */

static int32_t build(struct cvk_exec *e)
{
    const struct cvk_reduce_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    uint32_t folded = 0;
    for (uint32_t i = 0; i < p->axis_count; i++)
        folded |= 1u << p->axes[i];
    struct ocl_fold f = x->layout == CVK_LAYOUT_PLAIN ? ocl_fold_axes(x, folded) : ocl_fold_pixels(x);
    return ocl_fold_build(e, p->kind, &f);
}

static int32_t plan_plain(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_reduce_params *p = q->node->params;
    (void)plan;
    OCL_TRY(ocl_fits(q));
    return p->kind < CVK_REDUCE_KINDS ? CVK_OK : cvk_refuse(q, "reduce kind %u is newer than this backend", p->kind);
}

static int32_t plan_pixels(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_reduce_params *p = q->node->params;
    const struct cvk_tensor_desc *x = q->node->inputs[0];
    OCL_TRY(ocl_blocked(q));
    if (q->layout_y != CVK_LAYOUT_PLAIN && q->node->outputs[0]->rank < 3)
        return cvk_refuse(q, "blocks need three axes");
    if (p->axis_count + 2 != x->rank || p->axes[0] != 2)
        return cvk_refuse(q, "in blocks only the spatial axes are folded, all together");
    return plan_plain(q, plan);
}

/* The first row keeps what it gets in blocks in blocks (if the folded axes stay, with size 1). The second takes them as they
 * come and gives plain results. */
#define CALLS .build = build, .run = ocl_fold_run, .finish = ocl_finish_call
const struct cvk_kernel ocl_reduce_rows[] = {
    {OCL_ROW(REDUCE, "blocked"), .layouts_x = OCL_NC16, .layouts_y = OCL_NC16, .plan = plan_pixels, CALLS},
    {OCL_ROW(REDUCE, "blocked_to_plain"), .layouts_x = OCL_NC16, .plan = plan_pixels, CALLS},
    {OCL_ROW(REDUCE, "plain"), .dtypes = OCL_ALL, .plan = plan_plain, CALLS},
};
const uint32_t ocl_reduce_row_count = OCL_COUNT(ocl_reduce_rows);
