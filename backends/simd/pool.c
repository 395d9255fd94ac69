/* SPDX-License-Identifier: MIT
 * pool, blocked: "global" reduces whole maps, "rows" slides a window. Work is cut by maps and by rows of the results; the
 * gradient's by maps, each of which one thread adds up. */
#include "isa/pool.h"
#include "isa/pool_backward.h"
#include "simd.h"

struct job {
    const struct simd_pool_fns *fns;
    const struct simd_pool_backward_fns *backward;
    uint32_t block;
    bool mean;
    const float *x, *dy;
    float *y;                                   /* or dx */
    uint64_t channels, blocks, in_map, out_map; /* pixels of one map */
    uint64_t oh;
    struct simd_pool pool; /* all but the pointers */
};

/* The padding channels of the result: of a window that meets padding alone the maximum is not 0. */
static void clear_padding(const struct job *j, uint64_t map, float *y, uint64_t pixels)
{
    const uint64_t real = j->channels - map % j->blocks * j->block;
    for (uint64_t p = 0; real < j->block && p < pixels; p++)
        memset(y + p * j->block + real, 0, (j->block - real) * sizeof *y);
}

static struct job job_of(struct cvk_exec *e, const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *y)
{
    const struct simd_device *d = simd_device_of(e);
    const struct cvk_pool_params *p = e->node->params;
    struct job j = {.fns = d->isa->pool,
                    .backward = d->isa->pool_backward,
                    .block = d->isa->block,
                    .mean = p->kind == CVK_POOL_AVG,
                    .x = cvk_cpu_input(e, 0),
                    .y = cvk_cpu_output(e, 0),
                    .channels = (uint64_t)x->dims[1],
                    .blocks = simd_ceil_div((uint64_t)x->dims[1], d->isa->block),
                    .in_map = 1,
                    .out_map = 1};
    for (uint32_t i = 2; i < x->rank; i++) {
        j.in_map *= (uint64_t)x->dims[i];
        j.out_map *= (uint64_t)y->dims[i];
    }
    return j;
}

static uint64_t maps_of(const struct cvk_exec *e, const struct job *j)
{
    return (uint64_t)e->node->inputs[0]->dims[0] * j->blocks;
}

static int32_t plan_any(const struct cvk_query *q)
{
    const struct cvk_pool_params *p = q->node->params;
    if (p->kind != CVK_POOL_MAX && p->kind != CVK_POOL_AVG)
        return cvk_refuse(q, "only the maximum and the mean, not kind %u", p->kind);
    if (q->node->output_count > 1 && q->node->outputs[1])
        return cvk_refuse(q, "the places of the maxima are wanted too");
    return simd_blocked(q, q->layout_x);
}

/* ---- the whole map ---- */

static bool is_whole_map(const struct cvk_pool_params *p, const struct cvk_tensor_desc *x)
{
    for (uint32_t i = 0; i + 2 < x->rank; i++)
        if (p->kernel[i] != x->dims[2 + i] || p->pad_begin[i] || p->pad_end[i] || p->dilation[i] != 1)
            return false;
    return true;
}

static int32_t plan_global(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return is_whole_map(q->node->params, q->node->inputs[0]) ? plan_any(q) : cvk_refuse(q, "the window is not the whole map");
}

static void run_maps(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t map = begin; map < end; map++) {
        float *y = j->y + map * j->block;
        (j->mean ? j->fns->mean_all : j->fns->max_all)(j->x + map * j->in_map * j->block, j->in_map, y);
        clear_padding(j, map, y, 1);
    }
}

static int32_t run_global(struct cvk_exec *e)
{
    struct job j = job_of(e, e->node->inputs[0], e->node->outputs[0]);
    simd_parallel(e, maps_of(e, &j), run_maps, &j);
    return CVK_OK;
}

/* ---- a sliding window ---- */

/* Sizes; a map of one dimension has a height of 1. */
static struct simd_pool pool_of(const struct cvk_pool_params *p, const struct cvk_tensor_desc *x,
                                const struct cvk_tensor_desc *y)
{
    const bool flat = x->rank == 3, count = p->kind == CVK_POOL_AVG && p->count_include_pad;
    const uint32_t last = flat ? 0 : 1; /* spatial axis along the row */
    struct simd_pool pool = {.h = flat ? 1 : x->dims[2],
                             .width = x->dims[2 + last],
                             .ow = y->dims[2 + last],
                             .kh = flat ? 1 : p->kernel[0],
                             .kw = p->kernel[last],
                             .stride_h = flat ? 1 : p->stride[0],
                             .stride_w = p->stride[last],
                             .dilation_h = flat ? 1 : p->dilation[0],
                             .dilation_w = p->dilation[last],
                             .pad_top = flat ? 0 : p->pad_begin[0],
                             .pad_left = p->pad_begin[last]};
    if (count) {
        pool.counted_h = pool.h + (flat ? 0 : p->pad_end[0]);
        pool.counted_w = pool.width + p->pad_end[last];
    }
    return pool;
}

static uint64_t scratch_of(const struct simd_pool *pool, uint32_t block) /* floats of one worker */
{
    return simd_pool_direct(pool) ? 0 : simd_round_up((uint64_t)pool->width * block, CVK_ALIGN_BYTES / sizeof(float));
}

static int32_t plan_rows(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct simd_device *d = simd_asked(q);
    if (q->node->inputs[0]->rank > 4)
        return cvk_refuse(q, "only maps of one or two dimensions, not %u", q->node->inputs[0]->rank - 2);
    SIMD_TRY(plan_any(q));
    struct simd_pool pool = pool_of(q->node->params, q->node->inputs[0], q->node->outputs[0]);
    cvk_book(plan, scratch_of(&pool, d->isa->block) * d->threads * sizeof(float));
    return CVK_OK;
}

static void run_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    struct simd_pool pool = j->pool;
    if (pool.columns)
        pool.columns += worker * scratch_of(&pool, j->block);
    while (begin < end) {
        const uint64_t map = begin / j->oh, first = begin % j->oh;
        const uint64_t last = end - begin < j->oh - first ? first + (end - begin) : j->oh;
        pool.x = j->x + map * j->in_map * j->block;
        pool.y = j->y + map * j->out_map * j->block;
        (j->mean ? j->fns->mean_rows : j->fns->max_rows)(&pool, (int64_t)first, (int64_t)last);
        clear_padding(j, map, pool.y + first * (uint64_t)pool.ow * j->block, (last - first) * (uint64_t)pool.ow);
        begin += last - first;
    }
}

static int32_t run_window(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    struct job j = job_of(e, x, y);
    j.pool = pool_of(e->node->params, x, y);
    j.pool.columns = cvk_cpu_pointer(e->workspace);
    j.oh = j.pool.ow ? j.out_map / (uint64_t)j.pool.ow : 0;
    simd_parallel(e, maps_of(e, &j) * j.oh, run_rows, &j);
    return CVK_OK;
}

/* ---- backward ---- */

static int32_t plan_backward(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_tensor_desc *x = q->node->outputs[0];
    (void)plan;
    if (x->rank > 4 && !is_whole_map(q->node->params, x))
        return cvk_refuse(q, "only maps of one or two dimensions, not %u", x->rank - 2);
    return plan_any(q);
}

/* A whole map is one long row, whatever its dimensions. */
static struct simd_pool pool_backward_of(const struct cvk_pool_params *p, const struct cvk_tensor_desc *x,
                                         const struct cvk_tensor_desc *y, uint64_t pixels)
{
    int64_t n = (int64_t)pixels;
    if (!is_whole_map(p, x))
        return pool_of(p, x, y);
    return (struct simd_pool){
        .h = 1, .width = n, .ow = 1, .kh = 1, .kw = n, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1};
}

static void run_maps_backward(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    struct simd_pool pool = j->pool;
    (void)worker;
    for (uint64_t map = begin; map < end; map++) {
        pool.x = j->x + map * j->in_map * j->block;
        pool.y = j->y + map * j->in_map * j->block;
        (j->mean ? j->backward->mean : j->backward->max)(&pool, j->dy + map * j->out_map * j->block, (int64_t)j->oh);
    }
}

static int32_t run_backward(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[1], *y = e->node->inputs[0];
    struct job j = job_of(e, x, y);
    j.dy = cvk_cpu_input(e, 0);
    j.x = cvk_cpu_input(e, 1);
    j.pool = pool_backward_of(e->node->params, x, y, j.in_map);
    j.oh = j.pool.ow ? j.out_map / (uint64_t)j.pool.ow : 0;
    simd_parallel(e, maps_of(e, &j), run_maps_backward, &j);
    return CVK_OK;
}

const struct cvk_kernel simd_pool_rows[] = {
    {SIMD_ROW(POOL, "global"), .flags = CVK_KERNEL_CONCURRENT, .layouts_x = SIMD_BLOCKED, .layouts_y = SIMD_BLOCKED,
     .plan = plan_global, .run = run_global},
    {SIMD_ROW(POOL, "window"), .flags = CVK_KERNEL_CONCURRENT, .layouts_x = SIMD_BLOCKED, .layouts_y = SIMD_BLOCKED,
     .plan = plan_rows, .run = run_window},
    {SIMD_ROW(POOL, "maps"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_CONCURRENT | CVK_KERNEL_ALL_INPUTS,
     .layouts_x = SIMD_BLOCKED, .layouts_y = SIMD_BLOCKED, .plan = plan_backward, .run = run_backward},
};
const uint32_t simd_pool_row_count = SIMD_COUNT(simd_pool_rows);
