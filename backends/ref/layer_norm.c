/* SPDX-License-Identifier: MIT
 * layer_norm on the reference backend: mean, then variance around it, then the result; backward the same statistics are made
 * again. */
#include "ref_shrink.h"

struct statistics {
    double mean, inverse; /* 1 / sqrt(var + epsilon) */
};

struct job {
    struct cvk_exec *e;
    const void *x, *dy;           /* dy: backward */
    uint32_t dtype;
    double epsilon;
    uint64_t inner, runs;         /* elements that share a mean, and how many such runs there are */
    struct ref_walk walk;         /* over x; operand 0 is scale, operand 1 is bias */
    struct statistics *of_run;    /* backward weights: of all runs */
};

static struct statistics measure(const struct job *job, uint64_t run)
{
    uint64_t first = run * job->inner;
    double sum = 0, squares = 0;
    for (uint64_t i = 0; i < job->inner; i++)
        sum += ref_load(job->x, job->dtype, first + i);
    double mean = sum / (double)job->inner;
    for (uint64_t i = 0; i < job->inner; i++) {
        double difference = ref_load(job->x, job->dtype, first + i) - mean;
        squares += difference * difference;
    }
    return (struct statistics){mean, 1 / sqrt(squares / (double)job->inner + job->epsilon)};
}

static void store_statistic(const struct job *job, uint32_t output, uint64_t i, double value)
{
    void *data = cvk_cpu_output(job->e, output);
    if (data)
        ref_store(data, job->e->node->outputs[output]->dtype, i, value);
}

/* One item is one run of `inner` elements. */
static void do_runs(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    const struct cvk_tensor_desc *const *in = job->e->node->inputs;
    const void *scale = cvk_cpu_input(job->e, 1), *bias = cvk_cpu_input(job->e, 2);
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        uint64_t first = item * job->inner;
        struct statistics s = measure(job, item);
        struct ref_walk at = job->walk;
        if (job->inner > 0) /* an empty run has no place to go to; its statistics are NaN */
            ref_walk_seek(&at, first);
        for (uint64_t i = 0; i < job->inner; i++, ref_walk_next(&at)) {
            double y = (ref_load(job->x, job->dtype, first + i) - s.mean) * s.inverse;
            y *= ref_load(scale, in[1]->dtype, (uint64_t)at.offset[0]);
            if (bias)
                y += ref_load(bias, in[2]->dtype, (uint64_t)at.offset[1]);
            ref_store(cvk_cpu_output(job->e, 0), job->dtype, first + i, y);
        }
        store_statistic(job, 1, item, s.mean);
        store_statistic(job, 2, item, s.inverse);
    }
}

/* x_at: which input x is. */
static struct job job_of(struct cvk_exec *e, uint32_t x_at)
{
    const struct cvk_layer_norm_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[x_at];
    struct job job = {.e = e, .x = cvk_cpu_input(e, x_at), .dtype = x->dtype, .epsilon = (double)p->epsilon};
    job.runs = ref_product(x->dims, 0, (uint32_t)p->axis);
    job.inner = ref_product(x->dims, (uint32_t)p->axis, x->rank);
    ref_walk_init(&job.walk, x->rank, x->dims);
    return job;
}

static int32_t run(struct cvk_exec *e)
{
    struct job job = job_of(e, 0);
    ref_walk_add(&job.walk, e->node->inputs[1]);
    if (cvk_cpu_input(e, 2))
        ref_walk_add(&job.walk, e->node->inputs[2]);
    ref_parallel(e, job.runs, do_runs, &job);
    return CVK_OK;
}

/* ---- backward ------------------------------------------------------------------------------------------------- */

/* Inputs dy, x, scale. With g = dy * scale and n the normalised x: dx = (g - mean(g) - n * mean(g * n)) / deviation. */
static void do_back_runs(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    const void *scale = cvk_cpu_input(job->e, 2);
    uint32_t scale_dtype = job->e->node->inputs[2]->dtype;
    (void)worker;
    for (uint64_t item = begin; item < end && job->inner > 0; item++) {
        uint64_t first = item * job->inner;
        struct statistics s = measure(job, item);
        struct ref_walk at = job->walk;
        double sum = 0, products = 0;
        for (int pass = 0; pass < 2; pass++) { /* the sums, then the elements */
            ref_walk_seek(&at, first);
            for (uint64_t i = first; i < first + job->inner; i++, ref_walk_next(&at)) {
                double g = ref_load(job->dy, job->dtype, i) * ref_load(scale, scale_dtype, (uint64_t)at.offset[0]);
                double n = (ref_load(job->x, job->dtype, i) - s.mean) * s.inverse;
                if (pass == 1) {
                    ref_store(cvk_cpu_output(job->e, 0), job->dtype, i, s.inverse * (g - sum - n * products));
                } else {
                    sum += g / (double)job->inner;
                    products += g * n / (double)job->inner;
                }
            }
        }
    }
}

static int32_t run_backward_data(struct cvk_exec *e)
{
    struct job job = job_of(e, 1);
    job.dy = cvk_cpu_input(e, 0);
    ref_walk_add(&job.walk, e->node->inputs[2]);
    ref_parallel(e, job.runs, do_back_runs, &job);
    return CVK_OK;
}

static void measure_runs(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    (void)worker;
    for (uint64_t item = begin; item < end; item++)
        job->of_run[item] = measure(job, item);
}

/* What an element adds to the gradient of its scale, and of its bias. */
static double scale_term(const void *arg, const int64_t *at)
{
    const struct job *job = arg;
    uint64_t i = (uint64_t)at[0];
    const struct statistics *s = &job->of_run[i / job->inner];
    return ref_load(job->dy, job->dtype, i) * (ref_load(job->x, job->dtype, i) - s->mean) * s->inverse;
}

static double bias_term(const void *arg, const int64_t *at)
{
    const struct job *job = arg;
    return ref_load(job->dy, job->dtype, (uint64_t)at[0]);
}

/* Inputs dy, x. */
static int32_t run_backward_weights(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[1];
    struct job job = job_of(e, 1);
    job.dy = cvk_cpu_input(e, 0);
    job.of_run = cvk_cpu_pointer(e->workspace);
    ref_parallel(e, job.runs, measure_runs, &job);
    for (uint32_t i = 0; i < 2; i++) {
        if (!cvk_cpu_output(e, i))
            continue;
        struct ref_shrink s = ref_shrink_of(x->rank, x->dims, e->node->outputs[i]);
        ref_shrink_add(&s, x);
        ref_shrink_run(e, i, &s, i == 0 ? scale_term : bias_term, &job);
    }
    return CVK_OK;
}

static int32_t plan_backward_weights(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_layer_norm_params *p = q->node->params;
    cvk_book(plan, ref_product(q->node->inputs[1]->dims, 0, (uint32_t)p->axis) * sizeof(struct statistics));
    return CVK_OK;
}

const struct cvk_kernel ref_layer_norm_rows[] = {
    {REF_ROW(LAYER_NORM, "plain"), .dtypes = REF_FLOATS, .flags = CVK_KERNEL_IN_PLACE, .run = run},
    {REF_ROW(LAYER_NORM, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .flags = CVK_KERNEL_IN_PLACE,
     .run = run_backward_data},
    {REF_ROW(LAYER_NORM, "plain"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .dtypes = REF_FLOATS, .plan = plan_backward_weights,
     .run = run_backward_weights},
};
const uint32_t ref_layer_norm_row_count = REF_COUNT(ref_layer_norm_rows);
