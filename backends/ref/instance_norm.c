/* SPDX-License-Identifier: MIT
 * instance_norm on the reference backend: mean, then variance around it, then the result; backward the same statistics are made
 * again. */
#include "ref.h"

struct job {
    struct cvk_exec *e;
    const void *x;
    uint32_t dtype;
    double epsilon;
    uint64_t images, channels, pixels; /* pixels of one map */
};

struct statistics {
    double mean, inverse; /* 1 / sqrt(var + epsilon) */
};

static struct statistics measure(const struct job *job, uint64_t map)
{
    uint64_t first = map * job->pixels;
    double sum = 0, squares = 0;
    for (uint64_t i = 0; i < job->pixels; i++)
        sum += ref_load(job->x, job->dtype, first + i);
    double mean = sum / (double)job->pixels;
    for (uint64_t i = 0; i < job->pixels; i++) {
        double difference = ref_load(job->x, job->dtype, first + i) - mean;
        squares += difference * difference;
    }
    return (struct statistics){mean, 1 / sqrt(squares / (double)job->pixels + job->epsilon)};
}

/* A channel's number from input i. */
static double vector(const struct job *job, uint32_t i, uint64_t c)
{
    return ref_load(cvk_cpu_input(job->e, i), job->e->node->inputs[i]->dtype, c);
}

/* One item is one map. */
static void do_maps(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    (void)worker;
    for (uint64_t map = begin; map < end; map++) {
        struct statistics s = measure(job, map);
        double scale = vector(job, 1, map % job->channels), bias = vector(job, 2, map % job->channels);
        for (uint64_t i = map * job->pixels; i < (map + 1) * job->pixels; i++)
            ref_store(cvk_cpu_output(job->e, 0), job->dtype, i,
                      (ref_load(job->x, job->dtype, i) - s.mean) * s.inverse * scale + bias);
    }
}

/* The sums of dy and of dy * n over a map, n being the normalised x. */
static void add_up(const struct job *job, uint64_t map, const struct statistics *s, double *dy_sum, double *product_sum)
{
    const void *dy = cvk_cpu_input(job->e, 0);
    for (uint64_t i = map * job->pixels; i < (map + 1) * job->pixels; i++) {
        double d = ref_load(dy, job->dtype, i);
        *dy_sum += d;
        *product_sum += d * (ref_load(job->x, job->dtype, i) - s->mean) * s->inverse;
    }
}

/* Inputs dy, x, scale: dx = scale / deviation * (dy - mean(dy) - n * mean(dy * n)). */
static void do_back_maps(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    const void *dy = cvk_cpu_input(job->e, 0);
    (void)worker;
    for (uint64_t map = begin; map < end; map++) {
        struct statistics s = measure(job, map);
        double sum = 0, products = 0, factor = vector(job, 2, map % job->channels) * s.inverse, count = (double)job->pixels;
        add_up(job, map, &s, &sum, &products);
        for (uint64_t i = map * job->pixels; i < (map + 1) * job->pixels; i++) {
            double n = (ref_load(job->x, job->dtype, i) - s.mean) * s.inverse;
            ref_store(cvk_cpu_output(job->e, 0), job->dtype, i,
                      factor * (ref_load(dy, job->dtype, i) - sum / count - n * (products / count)));
        }
    }
}

/* Inputs dy, x; one item is one channel. */
static void do_back_channels(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    void *dscale = cvk_cpu_output(job->e, 0), *dbias = cvk_cpu_output(job->e, 1);
    (void)worker;
    for (uint64_t c = begin; c < end; c++) {
        double sum = 0, products = 0;
        for (uint64_t n = 0; n < job->images; n++) {
            struct statistics s = measure(job, n * job->channels + c);
            add_up(job, n * job->channels + c, &s, &sum, &products);
        }
        if (dscale)
            ref_store(dscale, job->e->node->outputs[0]->dtype, c, products);
        if (dbias)
            ref_store(dbias, job->e->node->outputs[1]->dtype, c, sum);
    }
}

/* x_at: which input x is. */
static int32_t run_items(struct cvk_exec *e, uint32_t x_at, cvk_task_fn items, int by_channel)
{
    const struct cvk_instance_norm_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[x_at];
    struct job job = {e, cvk_cpu_input(e, x_at), x->dtype, (double)p->epsilon, (uint64_t)x->dims[0], (uint64_t)x->dims[1], 1};
    for (uint32_t i = 2; i < x->rank; i++)
        job.pixels *= (uint64_t)x->dims[i];
    ref_parallel(e, (by_channel ? 1 : job.images) * job.channels, items, &job);
    return CVK_OK;
}

static int32_t run(struct cvk_exec *e)
{
    return run_items(e, 0, do_maps, 0);
}

static int32_t run_backward_data(struct cvk_exec *e)
{
    return run_items(e, 1, do_back_maps, 0);
}

static int32_t run_backward_weights(struct cvk_exec *e)
{
    return run_items(e, 1, do_back_channels, 1);
}

const struct cvk_kernel ref_instance_norm_rows[] = {
    {REF_ROW(INSTANCE_NORM, "plain"), .dtypes = REF_FLOATS, .flags = CVK_KERNEL_IN_PLACE, .run = run},
    {REF_ROW(INSTANCE_NORM, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .flags = CVK_KERNEL_IN_PLACE,
     .run = run_backward_data},
    {REF_ROW(INSTANCE_NORM, "plain"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .dtypes = REF_FLOATS, .run = run_backward_weights},
};
const uint32_t ref_instance_norm_row_count = REF_COUNT(ref_instance_norm_rows);
