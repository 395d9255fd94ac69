/* SPDX-License-Identifier: MIT
 * instance_norm on the reference backend: mean, then variance around it, then the result. */
#include "ref.h"

struct job {
    struct cvk_exec *e;
    double epsilon;
    uint64_t channels, pixels; /* pixels of one map */
};

/* One item is one map. */
static void do_maps(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    const struct cvk_tensor_desc *const *in = job->e->node->inputs;
    const void *x = cvk_cpu_input(job->e, 0);
    uint32_t dtype = in[0]->dtype;
    (void)worker;
    for (uint64_t map = begin; map < end; map++) {
        uint64_t first = map * job->pixels, c = map % job->channels;
        double sum = 0, squares = 0;
        for (uint64_t i = 0; i < job->pixels; i++)
            sum += ref_load(x, dtype, first + i);
        double mean = sum / (double)job->pixels;
        for (uint64_t i = 0; i < job->pixels; i++) {
            double difference = ref_load(x, dtype, first + i) - mean;
            squares += difference * difference;
        }
        double deviation = sqrt(squares / (double)job->pixels + job->epsilon);
        double scale = ref_load(cvk_cpu_input(job->e, 1), in[1]->dtype, c);
        double bias = ref_load(cvk_cpu_input(job->e, 2), in[2]->dtype, c);
        for (uint64_t i = 0; i < job->pixels; i++)
            ref_store(cvk_cpu_output(job->e, 0), dtype, first + i,
                      (ref_load(x, dtype, first + i) - mean) / deviation * scale + bias);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_instance_norm_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    struct job job = {e, (double)p->epsilon, (uint64_t)x->dims[1], 1};
    for (uint32_t i = 2; i < x->rank; i++)
        job.pixels *= (uint64_t)x->dims[i];
    ref_parallel(e, (uint64_t)x->dims[0] * job.channels, do_maps, &job);
    return CVK_OK;
}

const struct cvk_kernel ref_instance_norm_rows[] = {
    {REF_ROW(INSTANCE_NORM, "plain"), .dtypes = REF_FLOATS, .flags = CVK_KERNEL_IN_PLACE, .run = run},
};
const uint32_t ref_instance_norm_row_count = REF_COUNT(ref_instance_norm_rows);
