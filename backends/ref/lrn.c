/* SPDX-License-Identifier: MIT
 * lrn on the reference backend. */
#include "ref.h"

struct job {
    struct cvk_exec *e;
    const struct cvk_lrn_params *p;
    uint64_t channels, pixels; /* pixels of one map */
};

/* One item is one map. */
static void do_maps(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    const struct cvk_lrn_params *p = job->p;
    const void *x = cvk_cpu_input(job->e, 0);
    uint32_t dtype = job->e->node->inputs[0]->dtype;
    uint64_t before = (p->window - 1) / 2, after = p->window - 1 - before;
    (void)worker;
    for (uint64_t map = begin; map < end; map++) {
        uint64_t c = map % job->channels, image = map - c;
        uint64_t first = c > before ? c - before : 0, last = c + after < job->channels ? c + after : job->channels - 1;
        for (uint64_t pixel = 0; pixel < job->pixels; pixel++) {
            double squares = 0;
            for (uint64_t k = first; k <= last; k++) {
                double v = ref_load(x, dtype, (image + k) * job->pixels + pixel);
                squares += v * v;
            }
            double base = (double)p->k + (double)p->alpha / p->window * squares;
            uint64_t at = map * job->pixels + pixel;
            ref_store(cvk_cpu_output(job->e, 0), dtype, at, ref_load(x, dtype, at) / pow(base, (double)p->beta));
        }
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    struct job job = {e, e->node->params, (uint64_t)x->dims[1], 1};
    for (uint32_t i = 2; i < x->rank; i++)
        job.pixels *= (uint64_t)x->dims[i];
    ref_parallel(e, (uint64_t)x->dims[0] * job.channels, do_maps, &job);
    return CVK_OK;
}

const struct cvk_kernel ref_lrn_rows[] = {
    {REF_ROW(LRN, "plain"), .dtypes = REF_FLOATS, .run = run},
};
const uint32_t ref_lrn_row_count = REF_COUNT(ref_lrn_rows);
