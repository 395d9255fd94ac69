/* SPDX-License-Identifier: MIT
 * pad, all modes: each word of y asks axis by axis where it comes from. Axes that do not grow are joined. */
#include <math.h>

#include "kernel_sources.h"
#include "move.h"
#include "resize.h"

/* What the kernel takes (move.cl). */
struct pad_args {
    cl_int rank, mode, before_run, cut_run, kept_run;
    cl_int dim[CVK_MAX_RANK], before[CVK_MAX_RANK], cut[CVK_MAX_RANK], kept[CVK_MAX_RANK], stride[CVK_MAX_RANK];
};

/* One axis of y, in words. */
struct axis {
    int64_t dim, before, cut, kept, stride;
    bool grows;
};

struct padding {
    uint32_t rank, bytes; /* of a word */
    struct axis axes[CVK_MAX_RANK + 1];
};

static void scale(struct axis *a, int64_t by)
{
    a->dim *= by;
    a->before *= by;
    a->cut *= by;
    a->kept *= by;
    a->stride /= by;
}

/* Puts an axis behind those there are, or into the last one: what grows by a constant grows by whole copies of the axes behind
 * it. */
static void add_axis(struct padding *p, struct axis a, bool constant)
{
    struct axis *last = p->rank ? &p->axes[p->rank - 1] : NULL;
    if (!a.grows && last && (!last->grows || constant)) {
        scale(last, a.dim);
        return;
    }
    p->axes[p->rank++] = a;
}

/* Two neighbours become one word as long as they always move together. */
static void widen(struct padding *p, uint32_t max_bytes, bool constant)
{
    struct axis *last = &p->axes[p->rank - 1];
    while (p->bytes < max_bytes && (constant || !last->grows)) {
        bool even = last->dim % 2 == 0 && last->before % 2 == 0 && last->cut % 2 == 0 && last->kept % 2 == 0;
        for (uint32_t i = 0; i + 1 < p->rank && even; i++)
            even = p->axes[i].stride % 2 == 0;
        if (!even)
            return;
        p->bytes *= 2;
        for (uint32_t i = 0; i + 1 < p->rank; i++)
            p->axes[i].stride /= 2;
        last->dim /= 2;
        last->before /= 2;
        last->cut /= 2;
        last->kept /= 2;
    }
}

static struct padding padding_of(const struct cvk_node *node, uint32_t max_bytes)
{
    const struct cvk_pad_params *params = node->params;
    const struct cvk_tensor_desc *x = node->inputs[0], *y = node->outputs[0];
    bool constant = params->mode == CVK_PAD_CONSTANT;
    int64_t dims[OCL_MAX_AXES], x_dims[OCL_MAX_AXES], strides[OCL_MAX_AXES];
    struct padding p = {.bytes = ocl_dtype_bytes(y->dtype)};
    uint32_t rank = ocl_memory_axes(y, dims, strides);
    ocl_memory_axes(x, x_dims, strides);
    for (uint32_t i = 0; i < rank; i++) {
        struct axis a = {.dim = dims[i], .kept = x_dims[i], .stride = strides[i]};
        int64_t begin = i < x->rank ? params->begin[i] : 0, end = i < x->rank ? params->end[i] : 0;
        a.grows = begin != 0 || end != 0;
        a.before = begin > 0 ? begin : 0;
        a.cut = begin < 0 ? -begin : 0;
        a.kept -= a.cut - (end < 0 ? end : 0);
        add_axis(&p, a, constant);
    }
    if (p.rank == 0)
        add_axis(&p, (struct axis){.dim = 1, .kept = 1, .stride = 1}, constant);
    widen(&p, max_bytes, constant);
    return p;
}

/* Index among `kept` elements of place i, which may lie before or behind them; -1: the constant. */
static int64_t source(uint32_t mode, int64_t i, int64_t kept)
{
    if (i >= 0 && i < kept)
        return i;
    if (mode == CVK_PAD_CONSTANT)
        return -1;
    if (mode == CVK_PAD_EDGE || kept == 1)
        return i < 0 ? 0 : kept - 1;
    int64_t period = mode == CVK_PAD_WRAP ? kept : 2 * (kept - 1), at = (i % period + period) % period;
    return at < kept ? at : period - at;
}

struct ocl_taps ocl_pad_taps(const struct cvk_pad_params *p, uint32_t axis, int64_t i, int64_t in)
{
    int64_t before = p->begin[axis] > 0 ? p->begin[axis] : 0, cut = p->begin[axis] < 0 ? -p->begin[axis] : 0,
            kept = in - cut + (p->end[axis] < 0 ? p->end[axis] : 0), at = source(p->mode, i - before, kept);
    return (struct ocl_taps){.count = at >= 0, .at = {(cl_int)(at + cut)}, .weight = {1}};
}

static int32_t set_up(struct cvk_exec *e, struct ocl_call *call, const struct padding *p)
{
    const struct cvk_pad_params *params = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    const struct axis *run = &p->axes[p->rank - 1];
    struct pad_args args = {.rank = (cl_int)p->rank - 1,
                            .mode = (cl_int)params->mode,
                            .before_run = (cl_int)run->before,
                            .cut_run = (cl_int)run->cut,
                            .kept_run = (cl_int)run->kept};
    cl_ulong value = ocl_pattern(params->value, e->node->outputs[0]->dtype);
    uint32_t next = ocl_args_after(e);
    uint64_t rows = 1;
    for (uint32_t i = 0; i + 1 < p->rank; i++) {
        args.dim[i] = (cl_int)p->axes[i].dim;
        args.before[i] = (cl_int)p->axes[i].before;
        args.cut[i] = (cl_int)p->axes[i].cut;
        args.kept[i] = (cl_int)p->axes[i].kept;
        args.stride[i] = (cl_int)p->axes[i].stride;
        rows *= (uint64_t)p->axes[i].dim;
    }
    struct ocl_work work = ocl_cut(d, call, rows, (uint64_t)run->dim, p->bytes);
    OCL_TRY(ocl_arg(d, call, next, &value, sizeof value));
    OCL_TRY(ocl_arg(d, call, next + 1, &work, sizeof work));
    return ocl_arg(d, call, next + 2, &args, sizeof args);
}

static int32_t build(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct padding p = padding_of(e->node, ocl_max_word(d));
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_word(options, sizeof options, p.bytes);
    ocl_option_group(d, options, sizeof options);
    OCL_TRY(ocl_build_call(e, &ocl_source_move, "pad", options, &call));
    int32_t status = set_up(e, call, &p);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_pad_params *p = q->node->params;
    (void)plan;
    OCL_TRY(ocl_fits_moved(q));
    if (p->mode > CVK_PAD_WRAP)
        return cvk_refuse(q, "mode %u is not known here", p->mode);
    if (q->layout_x == CVK_LAYOUT_PLAIN)
        return CVK_OK;
    if (p->begin[1] || p->end[1])
        return cvk_refuse(q, "channels grow in the plain layout only");
    bool zero = p->mode != CVK_PAD_CONSTANT || (p->value == 0 && !signbit(p->value));
    return zero || q->node->inputs[0]->dims[1] % 16 == 0
               ? CVK_OK
               : cvk_refuse(q, "the constant %g would go into the padding of a block", p->value);
}

const struct cvk_kernel ocl_pad_rows[] = {
    {OCL_ROW(PAD, "any"), .dtypes = OCL_ALL, .layouts_x = OCL_PLAIN | OCL_NC16, .layouts_y = OCL_PLAIN | OCL_NC16, .plan = plan,
     .build = build, .run = ocl_run_call, .finish = ocl_finish_call},
};
const uint32_t ocl_pad_row_count = OCL_COUNT(ocl_pad_rows);
