/* SPDX-License-Identifier: MIT
 * pool on the reference backend: one window at a time. */
#include "ref.h"

struct job {
    const struct cvk_pool_params *p;
    const void *x;
    void *y;
    int64_t *indices; /* NULL: not wanted */
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

/* The place of a pixel in x as op/pool.h counts it. */
static int64_t index_of(const struct job *job, uint64_t map, int64_t z, int64_t y, int64_t x)
{
    int64_t place = job->p->storage_order ? (x * job->in[1] + y) * job->in[0] + z : (z * job->in[1] + y) * job->in[2] + x;
    return (int64_t)(map * job->in_map) + place;
}

/* What the pixels seen so far amount to. */
struct state {
    double value;   /* maximum, sum, or sum of powers */
    int64_t index;  /* of the maximum, -1: none */
    int64_t pixels; /* inside the map */
};

/* The first of equals wins; a NaN wins over everything but an earlier NaN. */
static void see(const struct job *job, struct state *s, uint64_t map, int64_t z, int64_t y, int64_t x)
{
    uint64_t at = map * job->in_map + (uint64_t)((z * job->in[1] + y) * job->in[2] + x);
    double v = ref_load(job->x, job->dtype, at);
    s->pixels++;
    if (job->p->kind == CVK_POOL_AVG) {
        s->value += v;
    } else if (job->p->kind == CVK_POOL_LP) {
        s->value += pow(fabs(v), job->p->p);
    } else if (s->index < 0 || v > s->value || (v != v && s->value == s->value)) {
        s->value = v;
        s->index = index_of(job, map, z, y, x);
    }
}

static void pool_one(const struct job *job, uint64_t map, uint64_t pixel)
{
    int64_t o[3] = {(int64_t)pixel / job->out[2] / job->out[1], (int64_t)pixel / job->out[2] % job->out[1],
                    (int64_t)pixel % job->out[2]};
    int64_t from[3], first[3], last[3], all = 1;
    for (uint32_t i = 0; i < 3; i++) {
        from[i] = o[i] * job->stride[i] - job->begin[i];
        inside(job, i, from[i], &first[i], &last[i]);
        all *= covered(job, i, from[i]);
    }
    struct state s = {.value = job->p->kind == CVK_POOL_MAX ? least(job->dtype) : 0, .index = -1, .pixels = 0};
    for (int64_t z = first[0]; z < last[0]; z++)
        for (int64_t y = first[1]; y < last[1]; y++)
            for (int64_t x = first[2]; x < last[2]; x++)
                see(job, &s, map, from[0] + z * job->dilation[0], from[1] + y * job->dilation[1], from[2] + x * job->dilation[2]);
    if (job->p->kind == CVK_POOL_AVG) {
        int64_t count = job->p->count_include_pad ? all : s.pixels;
        s.value = count ? s.value / (double)count : 0;
    } else if (job->p->kind == CVK_POOL_LP) {
        s.value = pow(s.value, 1.0 / job->p->p);
    }
    ref_store(job->y, job->dtype, map * job->out_map + pixel, s.value);
    if (job->indices)
        job->indices[map * job->out_map + pixel] = s.index;
}

static void do_items(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    (void)worker;
    for (uint64_t item = begin; item < end; item++)
        pool_one(job, item / job->out_map, item % job->out_map);
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    const struct cvk_pool_params *p = e->node->params;
    struct job job = {.p = p,
                      .x = cvk_cpu_input(e, 0),
                      .y = cvk_cpu_output(e, 0),
                      .indices = cvk_cpu_output(e, 1),
                      .dtype = x->dtype,
                      .in_map = 1,
                      .out_map = 1};
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
    ref_parallel(e, (uint64_t)x->dims[0] * (uint64_t)x->dims[1] * job.out_map, do_items, &job);
    return CVK_OK;
}

/* Averages and norms are of floats only: the shape rule says so. */
const struct cvk_kernel ref_pool_rows[] = {
    {REF_ROW(POOL, "plain"), .dtypes = REF_NUMBERS, .run = run},
};
const uint32_t ref_pool_row_count = REF_COUNT(ref_pool_rows);
