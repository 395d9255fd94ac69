/* SPDX-License-Identifier: MIT
 * softmax and its logarithm: along rows, or down columns where the axis is not the last. */
#include "flat.h"
#include "isa/rows.h"

struct job {
    const struct simd_rows_fns *fns;
    uint32_t kind;
    const float *x;
    float *y;
    uint64_t n, inner;        /* along the axis; behind it */
    uint64_t tiles;           /* of columns, or 1 if inner is 1 */
    uint64_t items, per_unit; /* one softmax, or a tile of columns; so many in one unit of parallel work */
};

static void run_units(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t last = end * j->per_unit < j->items ? end * j->per_unit : j->items;
    (void)worker;
    for (uint64_t item = begin * j->per_unit; item < last; item++) {
        uint64_t column = item % j->tiles * j->fns->lanes, at = item / j->tiles * j->n * j->inner + column;
        uint64_t left = j->inner - column;
        if (j->inner == 1)
            j->fns->softmax(j->kind, j->x + at, j->y + at, j->n);
        else
            j->fns->softmax_columns(j->kind, j->x + at, j->y + at, j->n, j->inner,
                                    left < j->fns->lanes ? (uint32_t)left : j->fns->lanes);
    }
}

static uint64_t product(const int64_t *dims, uint32_t first, uint32_t last)
{
    uint64_t n = 1;
    for (uint32_t i = first; i < last; i++)
        n *= (uint64_t)dims[i];
    return n;
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_softmax_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    uint32_t axis = (uint32_t)p->axis, behind = p->flatten ? x->rank : axis + 1;
    struct job j = {.fns = simd_device_of(e)->isa->rows, .kind = p->kind, .x = cvk_cpu_input(e, 0), .y = cvk_cpu_output(e, 0)};
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

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_softmax_params *p = q->node->params;
    (void)plan;
    return p->kind <= CVK_LOG_SOFTMAX ? CVK_OK : cvk_refuse(q, "kind %u is neither softmax nor its logarithm", p->kind);
}

/* In place is fine: a column or row has been read when it is written for good. */
const struct cvk_kernel simd_softmax_rows[] = {
    {SIMD_ROW(SOFTMAX, "rows"), .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_CONCURRENT, .plan = plan, .run = run},
};
const uint32_t simd_softmax_row_count = SIMD_COUNT(simd_softmax_rows);
