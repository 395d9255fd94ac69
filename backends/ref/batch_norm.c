/* SPDX-License-Identifier: MIT
 * batch_norm on the reference backend. */
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
    (void)worker;
    for (uint64_t map = begin; map < end; map++) {
        double of[5]; /* 1 scale, 2 bias, 3 mean, 4 var, as the inputs are numbered */
        for (uint32_t i = 1; i < 5; i++)
            of[i] = ref_load(cvk_cpu_input(job->e, i), in[i]->dtype, map % job->channels);
        double deviation = sqrt(of[4] + job->epsilon);
        for (uint64_t i = map * job->pixels; i < (map + 1) * job->pixels; i++) {
            double x = ref_load(cvk_cpu_input(job->e, 0), in[0]->dtype, i);
            ref_store(cvk_cpu_output(job->e, 0), in[0]->dtype, i, (x - of[3]) / deviation * of[1] + of[2]);
        }
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_batch_norm_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    struct job job = {e, (double)p->epsilon, x->rank > 1 ? (uint64_t)x->dims[1] : 1, 1};
    for (uint32_t i = 2; i < x->rank; i++)
        job.pixels *= (uint64_t)x->dims[i];
    ref_parallel(e, (uint64_t)x->dims[0] * job.channels, do_maps, &job);
    return CVK_OK;
}

const struct cvk_kernel ref_batch_norm_rows[] = {
    {REF_ROW(BATCH_NORM, "plain"), .dtypes = REF_FLOATS, .flags = CVK_KERNEL_IN_PLACE, .run = run},
};
const uint32_t ref_batch_norm_row_count = REF_COUNT(ref_batch_norm_rows);
