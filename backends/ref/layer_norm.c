/* SPDX-License-Identifier: MIT
 * layer_norm on the reference backend: mean, then variance around it, then the result. */
#include "ref.h"

struct job {
    struct cvk_exec *e;
    double epsilon;
    uint64_t inner;       /* elements that share a mean */
    struct ref_walk walk; /* over x; operand 0 is scale, operand 1 is bias */
};

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
    const void *x = cvk_cpu_input(job->e, 0), *scale = cvk_cpu_input(job->e, 1), *bias = cvk_cpu_input(job->e, 2);
    uint32_t dtype = in[0]->dtype;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        uint64_t first = item * job->inner;
        double sum = 0, squares = 0;
        for (uint64_t i = 0; i < job->inner; i++)
            sum += ref_load(x, dtype, first + i);
        double mean = sum / (double)job->inner;
        for (uint64_t i = 0; i < job->inner; i++) {
            double difference = ref_load(x, dtype, first + i) - mean;
            squares += difference * difference;
        }
        double inverse = 1 / sqrt(squares / (double)job->inner + job->epsilon);
        struct ref_walk at = job->walk;
        if (job->inner > 0) /* an empty run has no place to go to; its statistics are NaN */
            ref_walk_seek(&at, first);
        for (uint64_t i = 0; i < job->inner; i++, ref_walk_next(&at)) {
            double y = (ref_load(x, dtype, first + i) - mean) * inverse * ref_load(scale, in[1]->dtype, (uint64_t)at.offset[0]);
            if (bias)
                y += ref_load(bias, in[2]->dtype, (uint64_t)at.offset[1]);
            ref_store(cvk_cpu_output(job->e, 0), dtype, first + i, y);
        }
        store_statistic(job, 1, item, mean);
        store_statistic(job, 2, item, inverse);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_layer_norm_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    struct job job = {.e = e, .epsilon = (double)p->epsilon, .inner = 1};
    uint64_t runs = 1;
    for (uint32_t i = 0; i < x->rank; i++)
        *(i < (uint32_t)p->axis ? &runs : &job.inner) *= (uint64_t)x->dims[i];
    ref_walk_init(&job.walk, x->rank, x->dims);
    ref_walk_add(&job.walk, e->node->inputs[1]);
    if (cvk_cpu_input(e, 2))
        ref_walk_add(&job.walk, e->node->inputs[2]);
    ref_parallel(e, runs, do_runs, &job);
    return CVK_OK;
}

const struct cvk_kernel ref_layer_norm_rows[] = {
    {REF_ROW(LAYER_NORM, "plain"), .dtypes = REF_FLOATS, .flags = CVK_KERNEL_IN_PLACE, .run = run},
};
const uint32_t ref_layer_norm_row_count = REF_COUNT(ref_layer_norm_rows);
