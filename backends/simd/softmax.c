/* SPDX-License-Identifier: MIT
 * softmax, its logarithm and their gradients: along rows, or down columns where the axis is not the last. */
#include "flat.h"
#include "isa/rows.h"
#include "isa/rows_backward.h"

struct job {
    const struct simd_rows_fns *fns;
    const struct simd_rows_backward_fns *back;
    uint32_t kind;
    const float *x, *dy;      /* dy NULL: forward; else x is what the forward pass gave */
    float *y;                 /* or dx */
    uint64_t n, inner;        /* along the axis; behind it */
    uint64_t tiles;           /* of columns, or 1 if inner is 1 */
    uint64_t items, per_unit; /* one softmax, or a tile of columns; so many in one unit of parallel work */
};

static void run_item(const struct job *j, uint64_t at, uint32_t columns)
{
    if (j->inner == 1 && j->dy)
        j->back->softmax(j->kind, j->dy + at, j->x + at, j->y + at, j->n);
    else if (j->inner == 1)
        j->fns->softmax(j->kind, j->x + at, j->y + at, j->n);
    else if (j->dy)
        j->back->softmax_columns(j->kind, j->dy + at, j->x + at, j->y + at, j->n, j->inner, columns);
    else
        j->fns->softmax_columns(j->kind, j->x + at, j->y + at, j->n, j->inner, columns);
}

static void run_units(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t last = end * j->per_unit < j->items ? end * j->per_unit : j->items;
    (void)worker;
    for (uint64_t item = begin * j->per_unit; item < last; item++) {
        uint64_t column = item % j->tiles * j->fns->lanes, left = j->inner - column;
        run_item(j, item / j->tiles * j->n * j->inner + column, left < j->fns->lanes ? (uint32_t)left : j->fns->lanes);
    }
}

static uint64_t product(const int64_t *dims, uint32_t first, uint32_t last)
{
    uint64_t n = 1;
    for (uint32_t i = first; i < last; i++)
        n *= (uint64_t)dims[i];
    return n;
}

/* x_input: 0; backward 1, behind dy. */
static int32_t run_pass(struct cvk_exec *e, uint32_t x_input)
{
    const struct cvk_softmax_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    uint32_t axis = (uint32_t)p->axis, behind = p->flatten ? x->rank : axis + 1;
    struct job j = {.fns = simd_device_of(e)->isa->rows,
                    .back = simd_device_of(e)->isa->rows_backward,
                    .kind = p->kind,
                    .x = cvk_cpu_input(e, x_input),
                    .dy = x_input ? cvk_cpu_input(e, 0) : NULL,
                    .y = cvk_cpu_output(e, 0)};
    j.n = product(x->dims, axis, behind);
    j.inner = product(x->dims, behind, x->rank);
    j.tiles = simd_ceil_div(j.inner, j.fns->lanes);
    j.items = product(x->dims, 0, axis) * j.tiles;
    if (j.n == 0 || j.items == 0)
        return CVK_OK;
    uint64_t floats = j.n * (j.inner < j.fns->lanes ? j.inner : j.fns->lanes); /* of an item */
    j.per_unit = simd_ceil_div(SIMD_HEAVY_UNIT, floats);
    simd_parallel(e, simd_ceil_div(j.items, j.per_unit), run_units, &j);
    return CVK_OK;
}

static int32_t run(struct cvk_exec *e)
{
    return run_pass(e, 0);
}

static int32_t run_backward(struct cvk_exec *e)
{
    return run_pass(e, 1);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_softmax_params *p = q->node->params;
    (void)plan;
    return p->kind <= CVK_LOG_SOFTMAX ? CVK_OK : cvk_refuse(q, "kind %u is neither softmax nor its logarithm", p->kind);
}

/* In place is fine: a column or row has been read when it is written for good. */
const struct cvk_kernel simd_softmax_rows[] = {
    {SIMD_ROW(SOFTMAX, "rows"), .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_CONCURRENT, .plan = plan, .run = run},
    {SIMD_ROW(SOFTMAX, "rows"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_CONCURRENT,
     .plan = plan, .run = run_backward},
};
const uint32_t simd_softmax_row_count = SIMD_COUNT(simd_softmax_rows);
