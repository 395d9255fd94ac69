/* SPDX-License-Identifier: MIT
 * resize: a table made at build tells what each index of an axis reads, and with which weights; kernels do the sums. */
#include "resize.h"

#include <math.h>

#define ITEM_FLOATS 8192 /* of an item on CPU devices, at least */

struct axis {
    int64_t in, out;
    const struct ocl_taps *taps; /* for each of out */
};

/* As in kernels/resize.cl, for both precisions. */
struct taps_f32 {
    cl_float weight[4];
    cl_int at[4], count, reserved;
};
struct taps_f64 {
    cl_double weight[4];
    cl_int at[4], count, reserved;
};
struct blocked {
    cl_int rows, items, h, w, oh, ow;
};
struct resize {
    cl_int count, rank;
    cl_int size[8], stride[8], table[8];
};

struct state {
    struct ocl_call call;
    cl_mem table;
};

/* ---- what is read along an axis ---------------------------------------------------------------------------------- */

/* The place in x of index i (op/resize.h). Where the scale is the sizes' ratio as far as float tells, that ratio is meant: with
 * whole numbers above and below the line, places that are whole or halves come out exact, and nearest goes by those. */
static double place_of(const struct cvk_resize_params *p, uint32_t axis, int64_t i, int64_t in, int64_t out)
{
    const double scale = p->scale[axis], last = (double)(in - 1), begin = p->roi_begin[axis], end = p->roi_end[axis];
    const bool exact = (float)scale == (float)((double)out / (double)in), rounds = !exact && p->mode == CVK_RESIZE_NEAREST;
    const double above = exact ? (double)in : 1, below = exact ? (double)out : scale;
    double middle = ((double)i + 0.5) * above / below, begins = (double)i * above / below;
    if (rounds) {
        middle = (double)(float)middle;
        begins = (double)(float)begins;
    }
    switch (p->coord) {
    case CVK_COORD_ASYMMETRIC:
        return begins;
    case CVK_COORD_ALIGN_CORNERS: {
        double wide = exact ? (double)out : (double)in * scale;
        return out == 1 || wide == 1 ? 0 : (double)i * last / (wide - 1);
    }
    case CVK_COORD_PYTORCH_HALF_PIXEL:
        return out == 1 ? 0 : middle - 0.5;
    case CVK_COORD_TF_HALF_PIXEL_FOR_NN:
        return middle;
    case CVK_COORD_TF_CROP_AND_RESIZE:
        return out == 1 ? 0.5 * (begin + end) * last : begin * last + (double)i * (end - begin) * last / (double)(out - 1);
    default:
        return middle - 0.5;
    }
}

static double rounded(uint32_t mode, double place)
{
    switch (mode) {
    case CVK_NEAREST_ROUND_PREFER_CEIL:
        return floor(place + 0.5);
    case CVK_NEAREST_FLOOR:
        return floor(place);
    case CVK_NEAREST_CEIL:
        return ceil(place);
    default:
        return ceil(place - 0.5);
    }
}

/* Keys' cubic at distance d from an element, 0 <= d < 2. */
static double cubic(double a, double d)
{
    return d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

static cl_int clamped(double at, int64_t in)
{
    return (cl_int)(at < 0 ? 0 : at > (double)(in - 1) ? (double)(in - 1) : at);
}

struct ocl_taps ocl_resize_taps(const struct cvk_resize_params *p, uint32_t axis, int64_t i, int64_t in, int64_t out)
{
    struct ocl_taps t = {.count = 0};
    double place = place_of(p, axis, i, in, out), below = floor(place), sum = 0;
    if (p->coord == CVK_COORD_TF_CROP_AND_RESIZE && !(place >= 0 && place <= (double)(in - 1)))
        return t;
    if (p->mode == CVK_RESIZE_NEAREST)
        return (struct ocl_taps){.count = 1, .at = {clamped(rounded(p->nearest, place), in)}, .weight = {1}};
    for (double at = below - 1; at <= below + 2; at++) {
        double distance = fabs(place - at);
        double weight = p->mode == CVK_RESIZE_CUBIC ? cubic((double)p->cubic_a, distance) : distance < 1 ? 1 - distance : 0;
        bool outside = at < 0 || at > (double)(in - 1);
        if (weight == 0 || (outside && p->exclude_outside)) /* a whole place gives the element itself, beside a NaN too */
            continue;
        t.at[t.count] = clamped(at, in);
        t.weight[t.count++] = weight;
        sum += weight;
    }
    for (int k = 0; k < t.count && p->exclude_outside; k++)
        t.weight[k] /= sum;
    return t;
}

/* True if every index reads itself and nothing else. */
static bool keeps(const struct axis *axis)
{
    for (int64_t i = 0; i < axis->out; i++)
        if (axis->taps[i].count != 1 || axis->taps[i].at[0] != i)
            return false;
    return axis->in == axis->out;
}

/* The table: one entry that reads index 0, then those of all axes. */
static uint64_t entries_of(const struct cvk_tensor_desc *y)
{
    uint64_t entries = 1;
    for (uint32_t k = 0; k < y->rank; k++)
        entries += (uint64_t)y->dims[k];
    return entries;
}

static void fill_axes(const struct cvk_node *node, struct ocl_taps *taps, struct axis *axes)
{
    const struct cvk_tensor_desc *x = node->inputs[0], *y = node->outputs[0];
    *taps++ = (struct ocl_taps){.count = 1, .weight = {1}};
    for (uint32_t k = 0; k < y->rank; k++) {
        axes[k] = (struct axis){x->dims[k], y->dims[k], taps};
        for (int64_t i = 0; i < y->dims[k]; i++)
            *taps++ = ocl_resize_taps(node->params, k, i, x->dims[k], y->dims[k]);
    }
}

/* ---- the table on the device ------------------------------------------------------------------------------------- */

static int32_t upload(struct cvk_exec *e, const struct ocl_taps *taps, uint64_t entries, bool doubles, cl_mem *out)
{
    uint64_t bytes = entries * (doubles ? sizeof(struct taps_f64) : sizeof(struct taps_f32));
    void *table = e->host->alloc(e->host, bytes, 0);
    if (!table)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for the table of a resize (%llu bytes)", (unsigned long long)bytes);
    for (uint64_t i = 0; i < entries; i++) {
        struct taps_f32 f = {.count = taps[i].count};
        struct taps_f64 g = {.count = taps[i].count};
        for (int k = 0; k < 4; k++) {
            f.weight[k] = (cl_float)taps[i].weight[k];
            g.weight[k] = taps[i].weight[k];
            f.at[k] = g.at[k] = taps[i].at[k];
        }
        if (doubles)
            ((struct taps_f64 *)table)[i] = g;
        else
            ((struct taps_f32 *)table)[i] = f;
    }
    int32_t status = ocl_memory(ocl_device_of(e), bytes, table, out);
    e->host->free(e->host, table);
    return status;
}

/* ---- kernels ----------------------------------------------------------------------------------------------------- */

/* Axes that keep their size are joined with such neighbours: strides then fit by themselves. */
static int32_t plain_args(struct cvk_exec *e, struct ocl_call *call, const struct axis *axes, const struct ocl_taps *taps)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    const struct cvk_resize_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    struct resize s = {.count = (cl_int)ocl_flat_count(y)};
    for (uint32_t k = 0; k < y->rank; k++) {
        bool kept = keeps(&axes[k]);
        if (kept && s.rank > 0 && s.table[s.rank - 1] < 0) {
            s.size[s.rank - 1] *= (cl_int)axes[k].out;
        } else {
            s.size[s.rank] = (cl_int)axes[k].out;
            s.table[s.rank++] = kept ? -1 : (cl_int)(axes[k].taps - taps);
        }
        s.stride[s.rank - 1] = (cl_int)ocl_product(x, k + 1, x->rank);
    }
    OCL_TRY(ocl_arg(d, call, 6, &s, sizeof s));
    ocl_call_items(call, (uint64_t)s.count, 64);
    return ocl_arg_float(d, call, 7, p->extrapolation);
}

static int32_t blocked_args(struct cvk_exec *e, struct ocl_call *call)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_channels c = ocl_channels_of(y);
    const bool flat = x->rank == 3;
    struct blocked s = {.h = flat ? 1 : (cl_int)x->dims[2],
                        .oh = flat ? 1 : (cl_int)y->dims[2],
                        .w = (cl_int)x->dims[x->rank - 1],
                        .ow = (cl_int)y->dims[x->rank - 1]};
    s.rows = (cl_int)((uint64_t)y->dims[0] * ocl_ceil_div((uint64_t)y->dims[1], 16)) * s.oh;
    s.items = (cl_int)ocl_ceil_div(ITEM_FLOATS, s.ow ? (uint64_t)s.ow * 16 : 1);
    OCL_TRY(ocl_arg(d, call, 6, &s, sizeof s));
    OCL_TRY(ocl_arg(d, call, 7, &c, sizeof c));
    ocl_call_items(call, ocl_ceil_div((uint64_t)s.rows, (uint64_t)s.items), 1);
    return CVK_OK;
}

static void release(struct cvk_exec *e)
{
    struct state *s = e->state;
    ocl_call_finish(&s->call);
    ocl_memory_free(s->table);
    ocl_state_free(e);
}

static int32_t prepare(struct cvk_exec *e, const struct ocl_taps *taps, uint64_t entries, const struct axis *axes)
{
    struct state *s = e->state;
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_resize_params *p = e->node->params;
    uint32_t dtype = e->node->inputs[0]->dtype;
    bool wide = e->node->inputs[0]->layout == CVK_LAYOUT_NC16, whole = !ocl_is_float(dtype);
    bool doubles = dtype == CVK_F64 || (whole && d->fp64);
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_type(options, sizeof options, "DX", dtype);
    ocl_option_type(options, sizeof options, "DY", dtype);
    if (wide)
        ocl_option(options, sizeof options, "-DWIDE");
    if (!wide && p->mode == CVK_RESIZE_NEAREST)
        ocl_option(options, sizeof options, "-DNEAREST");
    if (doubles)
        ocl_option(options, sizeof options, whole ? "-DR=double -DWITH_F64" : "-DR=double");
    if (whole)
        ocl_option_cut(options, sizeof options, dtype);
    OCL_TRY(ocl_call_init(d, &s->call, &ocl_source_resize, wide ? "resize_blocked" : "resize", options));
    OCL_TRY(upload(e, taps, entries, doubles, &s->table));
    OCL_TRY(ocl_bind_memory(d, &s->call, 4, s->table));
    return wide ? blocked_args(e, &s->call) : plain_args(e, &s->call, axes, taps);
}

/* In blocks the kernel wants the entries of rows, then those of columns, alone; a map of one dimension has one row. */
static int32_t build(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    struct axis axes[CVK_MAX_RANK];
    uint64_t entries = entries_of(y), skipped = 0;
    struct ocl_taps *taps = e->host->alloc(e->host, entries * sizeof *taps, 0);
    if (!taps)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for the table of a resize (%llu entries)",
                        (unsigned long long)entries);
    fill_axes(e->node, taps, axes);
    if (y->layout == CVK_LAYOUT_NC16)
        skipped = (uint64_t)(axes[2].taps - taps);
    if (skipped && y->rank == 3)
        taps[--skipped] = taps[0];
    int32_t status = ocl_state(e, sizeof(struct state)) ? prepare(e, taps + skipped, entries - skipped, axes) : CVK_E_MEMORY;
    if (status != CVK_OK && e->state)
        release(e);
    e->host->free(e->host, taps);
    return status;
}

static int32_t run(struct cvk_exec *e)
{
    struct state *s = e->state;
    struct ocl_device *d = ocl_device_of(e);
    OCL_TRY(ocl_bind(d, &s->call, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind(d, &s->call, 2, &e->outputs[0]));
    return ocl_enqueue(d, &s->call);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static int32_t plan_blocked(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_resize_params *p = q->node->params;
    const struct cvk_tensor_desc *x = q->node->inputs[0], *y = q->node->outputs[0];
    (void)plan;
    OCL_TRY(ocl_fits(q));
    OCL_TRY(ocl_blocked(q));
    if (x->rank > 4)
        return cvk_refuse(q, "only maps of one or two dimensions, not %u", x->rank - 2);
    for (uint32_t k = 0; k < 2; k++)
        if (x->dims[k] != y->dims[k] || p->scale[k] != 1 || p->coord == CVK_COORD_TF_CROP_AND_RESIZE)
            return cvk_refuse(q, "more than the maps is resized");
    return CVK_OK;
}

const struct cvk_kernel ocl_resize_rows[] = {
    {OCL_ROW(RESIZE, "blocked"), .layouts_x = OCL_NC16, .layouts_y = OCL_NC16, .plan = plan_blocked, .build = build, .run = run,
     .finish = release},
    {OCL_ROW(RESIZE, "plain"), .dtypes = OCL_ALL, .plan = ocl_plan_any, .build = build, .run = run, .finish = release},
};
const uint32_t ocl_resize_row_count = OCL_COUNT(ocl_resize_rows);
