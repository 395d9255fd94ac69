/* SPDX-License-Identifier: MIT
 * resize of maps of one or two dimensions, nearest and linear, plain and in blocks: where each column and row comes from is
 * worked out once in build, then each row of the result is made from one or two rows. The gradient goes the same way back, the
 * rows of a map in their order by one thread. */
#include <math.h>

#include "isa/resize.h"
#include "strided.h"

/* The table of one axis, in packed memory: `low` and `high` of each index, then the weights. */
struct axis {
    uint64_t in, out;
    int32_t *low, *high;
    float *weight;
};

struct job {
    const struct simd_resize_fns *fns;
    const struct cvk_resize_params *p;
    const float *x; /* or dy */
    float *y;       /* or dx */
    struct axis rows, columns;
    uint32_t block; /* floats of a pixel */
};

/* The place in x of index i: a scale that is the ratio of the sizes but for rounding to float is taken to be that ratio, so
 * that places that are whole or halves come out exact, by which nearest decides. */
static double place_of(const struct cvk_resize_params *p, uint32_t axis, uint64_t i, uint64_t in, uint64_t out)
{
    double at = (double)i, scale = p->scale[axis], size = (double)in, top = size, bottom = (double)out;
    bool ratio = (float)scale == (float)(bottom / top);
    if (!ratio) {
        top = 1;
        bottom = scale;
    }
    double centre = (at + 0.5) * top / bottom, corner = at * top / bottom;
    if (!ratio && p->mode == CVK_RESIZE_NEAREST) {
        centre = (double)(float)centre;
        corner = (double)(float)corner;
    }
    if (p->coord == CVK_COORD_ASYMMETRIC)
        return corner;
    if (p->coord == CVK_COORD_TF_HALF_PIXEL_FOR_NN)
        return centre;
    if (p->coord == CVK_COORD_ALIGN_CORNERS) {
        double wide = ratio ? (double)out : size * scale;
        return out == 1 || wide == 1 ? 0 : at * (size - 1) / (wide - 1);
    }
    return p->coord == CVK_COORD_PYTORCH_HALF_PIXEL && out == 1 ? 0 : centre - 0.5;
}

static int32_t inside(double at, uint64_t in)
{
    return at < 0 ? 0 : at > (double)(in - 1) ? (int32_t)(in - 1) : (int32_t)at;
}

/* What index i of an axis reads. */
static void tap(const struct cvk_resize_params *p, uint32_t axis, uint64_t i, uint64_t in, uint64_t out, int32_t *low,
                int32_t *high, float *weight)
{
    double place = place_of(p, axis, i, in, out), first = floor(place);
    *weight = 0;
    if (p->mode == CVK_RESIZE_LINEAR) {
        *low = inside(first, in);
        *high = place > first ? inside(first + 1, in) : *low;
        *weight = (float)(place - first);
        return;
    }
    double at = p->nearest == CVK_NEAREST_ROUND_PREFER_CEIL ? floor(place + 0.5)
                : p->nearest == CVK_NEAREST_FLOOR           ? first
                : p->nearest == CVK_NEAREST_CEIL            ? ceil(place)
                                                            : ceil(place - 0.5);
    *low = *high = inside(at, in);
}

static uint64_t axis_bytes(uint64_t out)
{
    return simd_round_up(out * (2 * sizeof(int32_t) + sizeof(float)), CVK_ALIGN_BYTES);
}

/* What the forward pass reads and writes. */
static void find_tensors(const struct cvk_node *node, const struct cvk_tensor_desc **x, const struct cvk_tensor_desc **y)
{
    bool forward = node->pass == CVK_PASS_FORWARD;
    *x = forward ? node->inputs[0] : node->outputs[0];
    *y = forward ? node->outputs[0] : node->inputs[0];
}

/* The two axes of the maps; maps of one dimension have one row. */
static void find_axes(const struct cvk_node *node, void *memory, struct axis *rows, struct axis *columns)
{
    const struct cvk_tensor_desc *x, *y;
    find_tensors(node, &x, &y);
    uint32_t last = x->rank - 1;
    *rows = (struct axis){.in = last == 3 ? (uint64_t)x->dims[2] : 1, .out = last == 3 ? (uint64_t)y->dims[2] : 1};
    *columns = (struct axis){.in = (uint64_t)x->dims[last], .out = (uint64_t)y->dims[last]};
    for (struct axis *a = rows;; a = columns) {
        a->low = memory;
        a->high = a->low + a->out;
        a->weight = (float *)(a->high + a->out);
        memory = (char *)memory + axis_bytes(a->out);
        if (a == columns)
            break;
    }
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_resize_params *p = q->node->params;
    const struct cvk_tensor_desc *x, *y;
    int32_t low, high;
    float weight;
    find_tensors(q->node, &x, &y);
    if (q->layout_y != CVK_LAYOUT_PLAIN)
        SIMD_TRY(simd_blocked(q, q->layout_y));
    if (p->mode > CVK_RESIZE_LINEAR || p->coord == CVK_COORD_TF_CROP_AND_RESIZE ||
        (p->exclude_outside && p->mode == CVK_RESIZE_LINEAR))
        return cvk_refuse(q, "only nearest and linear, without crop and without exclude_outside");
    if (p->mode == CVK_RESIZE_LINEAR && x->dtype != CVK_F32)
        return cvk_refuse(q, "linear only of f32");
    if (x->rank != 3 && x->rank != 4)
        return cvk_refuse(q, "only maps of one or two dimensions, not rank %u", x->rank);
    for (uint32_t axis = 0; axis < x->rank; axis++) {
        if (x->dims[axis] > INT32_MAX)
            return cvk_refuse(q, "axis %u is too long", axis);
        for (uint64_t i = 0; axis < 2 && i < (uint64_t)y->dims[axis]; i++) {
            tap(p, axis, i, (uint64_t)x->dims[axis], (uint64_t)y->dims[axis], &low, &high, &weight);
            if (x->dims[axis] != y->dims[axis] || (uint64_t)low != i || (uint64_t)high != i)
                return cvk_refuse(q, "only rows and columns are resized, not axis %u", axis);
        }
    }
    plan->packed_bytes = axis_bytes(x->rank == 4 ? (uint64_t)y->dims[2] : 1) + axis_bytes((uint64_t)y->dims[x->rank - 1]);
    return CVK_OK;
}

static void fill(const struct cvk_resize_params *p, uint32_t index, const struct axis *a)
{
    for (uint64_t i = 0; i < a->out && a->in > 0; i++)
        tap(p, index, i, a->in, a->out, &a->low[i], &a->high[i], &a->weight[i]);
}

static int32_t build(struct cvk_exec *e)
{
    struct axis rows, columns;
    find_axes(e->node, e->packed, &rows, &columns);
    if (e->node->inputs[0]->rank == 4) {
        fill(e->node->params, 2, &rows);
    } else {
        rows.low[0] = rows.high[0] = 0;
        rows.weight[0] = 0;
    }
    fill(e->node->params, e->node->inputs[0]->rank - 1, &columns);
    return CVK_OK;
}

static void run_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_resize_taps taps = {j->columns.low, j->columns.high, j->columns.weight};
    uint64_t x_row = j->columns.in * j->block, y_row = j->columns.out * j->block;
    int blocks = j->block > 1;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t row = i % j->rows.out;
        const float *map = j->x + i / j->rows.out * j->rows.in * x_row;
        const float *x = map + (uint64_t)j->rows.low[row] * x_row, *below = map + (uint64_t)j->rows.high[row] * x_row;
        if (j->p->mode == CVK_RESIZE_NEAREST)
            j->fns->nearest[blocks](&taps, x, j->y + i * y_row, j->columns.out);
        else
            j->fns->linear[blocks](&taps, x, below, j->rows.weight[row], j->y + i * y_row, j->columns.out);
    }
}

/* One item is a map of the gradient. */
static void run_maps_backward(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_resize_taps taps = {j->columns.low, j->columns.high, j->columns.weight};
    uint64_t in_row = j->columns.in * j->block, out_row = j->columns.out * j->block;
    int blocks = j->block > 1;
    (void)worker;
    for (uint64_t map = begin; map < end; map++) {
        float *dx = j->y + map * j->rows.in * in_row;
        const float *dy = j->x + map * j->rows.out * out_row;
        memset(dx, 0, j->rows.in * in_row * sizeof *dx);
        for (uint64_t row = 0; row < j->rows.out; row++, dy += out_row) {
            float *low = dx + (uint64_t)j->rows.low[row] * in_row, *high = dx + (uint64_t)j->rows.high[row] * in_row;
            if (j->p->mode == CVK_RESIZE_NEAREST)
                j->fns->nearest_backward[blocks](&taps, dy, low, j->columns.out);
            else
                j->fns->linear_backward[blocks](&taps, dy, low, high, j->rows.weight[row], j->columns.out);
        }
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    bool forward = e->node->pass == CVK_PASS_FORWARD;
    struct job j = {.fns = d->isa->resize,
                    .p = e->node->params,
                    .x = cvk_cpu_input(e, 0),
                    .y = cvk_cpu_output(e, 0),
                    .block = y->layout == CVK_LAYOUT_PLAIN ? 1 : d->isa->block};
    find_axes(e->node, e->packed, &j.rows, &j.columns);
    uint64_t maps = (uint64_t)y->dims[0] * simd_ceil_div((uint64_t)y->dims[1], j.block);
    simd_parallel_bytes(e, x->bytes + y->bytes,
                        y->bytes == 0 ? 0
                        : forward     ? maps * j.rows.out
                                      : maps,
                        forward ? run_rows : run_maps_backward, &j);
    return CVK_OK;
}

const struct cvk_kernel simd_resize_rows[] = {
    {SIMD_ROW(RESIZE, "rows"), .flags = CVK_KERNEL_CONCURRENT, .dtypes = SIMD_FOUR_BYTES,
     .layouts_x = SIMD_PLAIN | SIMD_BLOCKED, .layouts_y = SIMD_PLAIN | SIMD_BLOCKED, .plan = plan, .build = build, .run = run},
    {SIMD_ROW(RESIZE, "maps"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_CONCURRENT,
     .layouts_x = SIMD_PLAIN | SIMD_BLOCKED, .layouts_y = SIMD_PLAIN | SIMD_BLOCKED, .plan = plan, .build = build, .run = run},
};
const uint32_t simd_resize_row_count = SIMD_COUNT(simd_resize_rows);
