/* SPDX-License-Identifier: MIT
 * softmax on the reference: three readings (maximum, sum, result), up to REF_LANES neighbouring rows together; backward two. */
#include "ref_flat.h"

struct job {
    uint32_t kind, dtype;
    const void *x;  /* y in the backward pass */
    const void *dy; /* backward */
    void *y;        /* dx in the backward pass */
    uint64_t n, inner, tiles; /* elements of a row, their distance, tiles of REF_LANES rows in inner */
};

struct rows {
    double top[REF_LANES], sum[REF_LANES];
    uint64_t place[REF_LANES]; /* of the first maximum */
};

static void find_top(const struct job *j, uint64_t base, uint64_t lanes, struct rows *r)
{
    double row[REF_LANES];
    for (uint64_t k = 0; k < j->n; k++) {
        ref_load_row(row, j->x, j->dtype, base + k * j->inner, lanes);
        for (uint64_t i = 0; i < lanes; i++) {
            /* The first NaN counts as the maximum and stays it. */
            if (k == 0 || row[i] > r->top[i] || (row[i] != row[i] && r->top[i] == r->top[i])) {
                r->top[i] = row[i];
                r->place[i] = k;
            }
        }
    }
}

static void add_up(const struct job *j, uint64_t base, uint64_t lanes, struct rows *r)
{
    double row[REF_LANES];
    for (uint64_t i = 0; i < lanes; i++)
        r->sum[i] = 0;
    for (uint64_t k = 0; k < j->n; k++) {
        ref_load_row(row, j->x, j->dtype, base + k * j->inner, lanes);
        for (uint64_t i = 0; i < lanes; i++)
            r->sum[i] += exp(row[i] - r->top[i]);
    }
}

static void write_rows(const struct job *j, uint64_t base, uint64_t lanes, struct rows *r)
{
    double row[REF_LANES];
    if (j->kind == CVK_LOG_SOFTMAX)
        for (uint64_t i = 0; i < lanes; i++)
            r->sum[i] = log(r->sum[i]);
    for (uint64_t k = 0; k < j->n; k++) {
        ref_load_row(row, j->x, j->dtype, base + k * j->inner, lanes);
        for (uint64_t i = 0; i < lanes; i++) {
            if (j->kind == CVK_HARDMAX)
                row[i] = k == r->place[i];
            else if (j->kind == CVK_LOG_SOFTMAX)
                row[i] = row[i] - r->top[i] - r->sum[i];
            else
                row[i] = exp(row[i] - r->top[i]) / r->sum[i];
        }
        ref_store_row(j->y, j->dtype, base + k * j->inner, row, lanes);
    }
}

static void run_tiles(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        struct rows r;
        uint64_t lane = item % j->tiles * REF_LANES, base = item / j->tiles * j->n * j->inner + lane;
        uint64_t lanes = j->inner - lane < REF_LANES ? j->inner - lane : REF_LANES;
        find_top(j, base, lanes, &r);
        if (j->kind != CVK_HARDMAX)
            add_up(j, base, lanes, &r);
        write_rows(j, base, lanes, &r);
    }
}

/* dx = y * (dy - sum(dy * y)); of the logarithms dx = dy - exp(y) * sum(dy). */
static void back_rows(const struct job *j, uint64_t base, uint64_t lanes)
{
    double y[REF_LANES], dy[REF_LANES], sum[REF_LANES] = {0};
    for (uint64_t k = 0; k < j->n; k++) {
        ref_load_row(y, j->x, j->dtype, base + k * j->inner, lanes);
        ref_load_row(dy, j->dy, j->dtype, base + k * j->inner, lanes);
        for (uint64_t i = 0; i < lanes; i++)
            sum[i] += j->kind == CVK_LOG_SOFTMAX ? dy[i] : dy[i] * y[i];
    }
    for (uint64_t k = 0; k < j->n; k++) {
        ref_load_row(y, j->x, j->dtype, base + k * j->inner, lanes);
        ref_load_row(dy, j->dy, j->dtype, base + k * j->inner, lanes);
        for (uint64_t i = 0; i < lanes; i++) {
            if (j->kind == CVK_HARDMAX)
                dy[i] = 0; /* constant by pieces */
            else if (j->kind == CVK_LOG_SOFTMAX)
                dy[i] -= exp(y[i]) * sum[i];
            else
                dy[i] = y[i] * (dy[i] - sum[i]);
        }
        ref_store_row(j->y, j->dtype, base + k * j->inner, dy, lanes);
    }
}

static void back_tiles(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        uint64_t lane = item % j->tiles * REF_LANES;
        back_rows(j, item / j->tiles * j->n * j->inner + lane, j->inner - lane < REF_LANES ? j->inner - lane : REF_LANES);
    }
}

static int32_t run_rows(struct cvk_exec *e, struct job *j, cvk_task_fn tiles)
{
    const struct cvk_softmax_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    uint32_t axis = (uint32_t)p->axis, behind = p->flatten ? x->rank : axis + 1;
    j->kind = p->kind;
    j->dtype = x->dtype;
    j->y = cvk_cpu_output(e, 0);
    j->n = ref_product(x->dims, axis, behind);
    j->inner = ref_product(x->dims, behind, x->rank);
    j->tiles = (j->inner + REF_LANES - 1) / REF_LANES;
    ref_parallel(e, j->n ? ref_product(x->dims, 0, axis) * j->tiles : 0, tiles, j);
    return CVK_OK;
}

static int32_t run(struct cvk_exec *e)
{
    return run_rows(e, &(struct job){.x = cvk_cpu_input(e, 0)}, run_tiles);
}

static int32_t run_backward(struct cvk_exec *e)
{
    return run_rows(e, &(struct job){.x = cvk_cpu_input(e, 1), .dy = cvk_cpu_input(e, 0)}, back_tiles);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_softmax_params *p = q->node->params;
    (void)plan;
    return p->kind <= CVK_HARDMAX ? CVK_OK : cvk_refuse(q, "softmax kind %u is newer than this backend", p->kind);
}

/* In place is fine: a worker has read its rows to the end before the last reading, which writes behind itself. */
const struct cvk_kernel ref_softmax_rows[] = {
    {REF_ROW(SOFTMAX, "plain"), .flags = CVK_KERNEL_IN_PLACE, .dtypes = REF_FLOATS, .plan = plan, .run = run},
    {REF_ROW(SOFTMAX, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_IN_PLACE, .dtypes = REF_FLOATS,
     .plan = plan, .run = run_backward},
};
const uint32_t ref_softmax_row_count = REF_COUNT(ref_softmax_rows);
