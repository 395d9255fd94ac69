/* SPDX-License-Identifier: MIT
 * pool on the reference backend: one window at a time. Backward, each window is looked at again and hands its share of dy to
 * the pixels that made its result; one worker does all windows of a map. */
#include "ref_scatter.h"

struct job {
    const struct cvk_pool_params *p;
    const void *x, *dy;
    void *y;          /* dx in the backward pass */
    int64_t *indices; /* NULL: not wanted */
    double *sums;     /* backward: of dx */
    uint32_t dtype;
    int64_t in[3], out[3], kernel[3], stride[3], dilation[3], begin[3], end[3]; /* depth, height, width; absent ones are 1 */
    uint64_t in_map, out_map;                                                   /* pixels of one map */
};

/* Kernel pixels first..last-1 of an axis that read inside the map. */
static void inside(const struct job *job, uint32_t axis, int64_t from, int64_t *first, int64_t *last)
{
    int64_t d = job->dilation[axis], room = job->in[axis] - from;
    *first = from < 0 ? (-from + d - 1) / d : 0;
    *last = room > 0 ? (room + d - 1) / d : 0;
    if (*last > job->kernel[axis])
        *last = job->kernel[axis];
}

/* Kernel pixels of an axis that read inside the map or its padding. */
static int64_t covered(const struct job *job, uint32_t axis, int64_t from)
{
    int64_t d = job->dilation[axis], room = job->in[axis] + job->end[axis] - from;
    int64_t count = (room + d - 1) / d;
    return count < job->kernel[axis] ? count : job->kernel[axis];
}

static double least(uint32_t dtype)
{
    switch (dtype) {
    case CVK_I8:
        return INT8_MIN;
    case CVK_I16:
        return INT16_MIN;
    case CVK_I32:
        return INT32_MIN;
    case CVK_U8:
    case CVK_U16:
    case CVK_U32:
        return 0;
    default:
        return -HUGE_VAL;
    }
}

/* The place of pixel `at` of a map in x as op/pool.h counts it. */
static int64_t index_of(const struct job *job, uint64_t map, int64_t at)
{
    int64_t x = at % job->in[2], y = at / job->in[2] % job->in[1], z = at / job->in[2] / job->in[1];
    int64_t place = job->p->storage_order ? (x * job->in[1] + y) * job->in[0] + z : at;
    return (int64_t)(map * job->in_map) + place;
}

/* One window: where it begins, which of its pixels read inside the map, and how many read inside the map or its padding. */
struct window {
    int64_t from[3], first[3], last[3], all;
};

static struct window window_of(const struct job *job, uint64_t pixel)
{
    int64_t o[3] = {(int64_t)pixel / job->out[2] / job->out[1], (int64_t)pixel / job->out[2] % job->out[1],
                    (int64_t)pixel % job->out[2]};
    struct window w = {.all = 1};
    for (uint32_t i = 0; i < 3; i++) {
        w.from[i] = o[i] * job->stride[i] - job->begin[i];
        inside(job, i, w.from[i], &w.first[i], &w.last[i]);
        w.all *= covered(job, i, w.from[i]);
    }
    return w;
}

/* Goes through the pixels of a window; `at` is the pixel's place in the map, row-major. */
#define EACH_PIXEL(job, w, at)                                                                                                 \
    for (int64_t z = (w)->first[0]; z < (w)->last[0]; z++)                                                                     \
        for (int64_t y = (w)->first[1]; y < (w)->last[1]; y++)                                                                 \
            for (int64_t x = (w)->first[2], at = pixel_at(job, w, z, y, x); x < (w)->last[2]; x++, at += (job)->dilation[2])

static int64_t pixel_at(const struct job *job, const struct window *w, int64_t z, int64_t y, int64_t x)
{
    int64_t iz = w->from[0] + z * job->dilation[0], iy = w->from[1] + y * job->dilation[1],
            ix = w->from[2] + x * job->dilation[2];
    return (iz * job->in[1] + iy) * job->in[2] + ix;
}

/* What the pixels seen so far amount to. */
struct state {
    double value;   /* maximum, sum, or sum of powers */
    int64_t at;     /* of the maximum, -1: none */
    int64_t pixels; /* inside the map; behind an average, what it was divided by */
};

/* The first of equals wins; a NaN wins over everything but an earlier NaN. */
static void see(const struct job *job, struct state *s, uint64_t map, int64_t at)
{
    double v = ref_load(job->x, job->dtype, map * job->in_map + (uint64_t)at);
    s->pixels++;
    if (job->p->kind == CVK_POOL_AVG) {
        s->value += v;
    } else if (job->p->kind == CVK_POOL_LP) {
        s->value += pow(fabs(v), job->p->p);
    } else if (s->at < 0 || v > s->value || (v != v && s->value == s->value)) {
        s->value = v;
        s->at = at;
    }
}

/* The result of a window. */
static struct state look(const struct job *job, uint64_t map, const struct window *w)
{
    struct state s = {.value = job->p->kind == CVK_POOL_MAX ? least(job->dtype) : 0, .at = -1, .pixels = 0};
    EACH_PIXEL(job, w, at)
        see(job, &s, map, at);
    if (job->p->kind == CVK_POOL_AVG) {
        s.pixels = job->p->count_include_pad ? w->all : s.pixels;
        s.value = s.pixels ? s.value / (double)s.pixels : 0;
    } else if (job->p->kind == CVK_POOL_LP) {
        s.value = pow(s.value, 1.0 / job->p->p);
    }
    return s;
}

static void do_items(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        struct window w = window_of(job, item % job->out_map);
        struct state s = look(job, item / job->out_map, &w);
        ref_store(job->y, job->dtype, item, s.value);
        if (job->indices)
            job->indices[item] = s.at < 0 ? -1 : index_of(job, item / job->out_map, s.at);
    }
}

/* The derivative of (sum |x|^p)^(1/p) in x; 0 at 0. */
static double norm_slope(double norm, double x, double p)
{
    if (x == 0)
        return 0;
    double slope = pow(fabs(x) / norm, p - 1);
    return x < 0 ? -slope : slope;
}

/* Hands one window's dy to its pixels; `sums` is the map's. */
static void share(const struct job *job, double *sums, uint64_t map, const struct window *w, double dy)
{
    struct state s = look(job, map, w);
    if (job->p->kind == CVK_POOL_MAX) {
        if (s.at >= 0)
            sums[s.at] += dy;
        return;
    }
    EACH_PIXEL(job, w, at)
        if (job->p->kind == CVK_POOL_AVG)
            sums[at] += dy / (double)s.pixels;
        else
            sums[at] += dy * norm_slope(s.value, ref_load(job->x, job->dtype, map * job->in_map + (uint64_t)at), job->p->p);
}

static void do_maps(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    (void)worker;
    for (uint64_t map = begin; map < end; map++) {
        double *sums = job->sums + map * job->in_map;
        memset(sums, 0, job->in_map * sizeof *sums);
        for (uint64_t pixel = 0; pixel < job->out_map; pixel++) {
            struct window w = window_of(job, pixel);
            share(job, sums, map, &w, ref_load(job->dy, job->dtype, map * job->out_map + pixel));
        }
        ref_store_row(job->y, job->dtype, map * job->in_map, sums, job->in_map);
    }
}

static struct job job_of(const struct cvk_pool_params *p, const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *y)
{
    struct job job = {.p = p, .dtype = x->dtype, .in_map = 1, .out_map = 1};
    uint32_t missing = 5 - x->rank;
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t k = i - missing;
        int here = i >= missing;
        job.in[i] = here ? x->dims[2 + k] : 1;
        job.out[i] = here ? y->dims[2 + k] : 1;
        job.kernel[i] = here ? p->kernel[k] : 1;
        job.stride[i] = here ? p->stride[k] : 1;
        job.dilation[i] = here ? p->dilation[k] : 1;
        job.begin[i] = here ? p->pad_begin[k] : 0;
        job.end[i] = here ? p->pad_end[k] : 0;
        job.in_map *= (uint64_t)job.in[i];
        job.out_map *= (uint64_t)job.out[i];
    }
    return job;
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    struct job job = job_of(e->node->params, x, e->node->outputs[0]);
    job.x = cvk_cpu_input(e, 0);
    job.y = cvk_cpu_output(e, 0);
    job.indices = cvk_cpu_output(e, 1);
    ref_parallel(e, (uint64_t)x->dims[0] * (uint64_t)x->dims[1] * job.out_map, do_items, &job);
    return CVK_OK;
}

static int32_t run_backward(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[1];
    struct job job = job_of(e->node->params, x, e->node->inputs[0]);
    job.dy = cvk_cpu_input(e, 0);
    job.x = cvk_cpu_input(e, 1);
    job.y = cvk_cpu_output(e, 0);
    job.sums = ref_scatter_room(e);
    ref_parallel(e, (uint64_t)x->dims[0] * (uint64_t)x->dims[1], do_maps, &job);
    return CVK_OK;
}

/* Averages and norms are of floats only: the shape rule says so. */
const struct cvk_kernel ref_pool_rows[] = {
    {REF_ROW(POOL, "plain"), .dtypes = REF_NUMBERS, .run = run},
    {REF_ROW(POOL, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .plan = ref_scatter_plan,
     .run = run_backward},
};
const uint32_t ref_pool_row_count = REF_COUNT(ref_pool_rows);
