/* SPDX-License-Identifier: MIT
 * lrn on the reference backend. */
#include "ref_scatter.h"

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

/* ---- backward ------------------------------------------------------------------------------------------------- */

struct back_job {
    struct job job;
    const void *dy, *x;
    void *dx;
    double *terms; /* dy * x / s^(beta + 1) for each element, s being what its power is taken of */
    uint32_t dtype;
};

/* s of channel c of the image that begins at map `image`. */
static double base_of(const struct back_job *j, uint64_t image, uint64_t c, uint64_t pixel)
{
    const struct cvk_lrn_params *p = j->job.p;
    uint64_t before = (p->window - 1) / 2, after = p->window - 1 - before;
    double squares = 0;
    for (uint64_t k = c > before ? c - before : 0; k <= c + after && k < j->job.channels; k++) {
        double v = ref_load(j->x, j->dtype, (image + k) * j->job.pixels + pixel);
        squares += v * v;
    }
    return (double)p->k + (double)p->alpha / p->window * squares;
}

static void make_terms(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct back_job *j = arg;
    (void)worker;
    for (uint64_t map = begin; map < end; map++)
        for (uint64_t pixel = 0; pixel < j->job.pixels; pixel++) {
            uint64_t at = map * j->job.pixels + pixel, c = map % j->job.channels;
            double power = pow(base_of(j, map - c, c, pixel), (double)j->job.p->beta + 1);
            j->terms[at] = ref_load(j->dy, j->dtype, at) * ref_load(j->x, j->dtype, at) / power;
        }
}

/* dx = dy / s^beta - 2 * alpha * beta / n * x * (the terms of all whose windows hold this channel). */
static void gather_terms(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct back_job *j = arg;
    const struct cvk_lrn_params *p = j->job.p;
    uint64_t before = (p->window - 1) / 2, after = p->window - 1 - before;
    double factor = 2 * (double)p->alpha * (double)p->beta / p->window;
    (void)worker;
    for (uint64_t map = begin; map < end; map++)
        for (uint64_t pixel = 0; pixel < j->job.pixels; pixel++) {
            uint64_t at = map * j->job.pixels + pixel, c = map % j->job.channels;
            double sum = 0;
            for (uint64_t k = c > after ? c - after : 0; k <= c + before && k < j->job.channels; k++)
                sum += j->terms[(map - c + k) * j->job.pixels + pixel];
            double direct = ref_load(j->dy, j->dtype, at) / pow(base_of(j, map - c, c, pixel), (double)p->beta);
            ref_store(j->dx, j->dtype, at, direct - factor * ref_load(j->x, j->dtype, at) * sum);
        }
}

static int32_t run_backward(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[1];
    struct back_job j = {.job = {e, e->node->params, (uint64_t)x->dims[1], 1},
                         .dy = cvk_cpu_input(e, 0),
                         .x = cvk_cpu_input(e, 1),
                         .dx = cvk_cpu_output(e, 0),
                         .terms = ref_scatter_room(e),
                         .dtype = x->dtype};
    for (uint32_t i = 2; i < x->rank; i++)
        j.job.pixels *= (uint64_t)x->dims[i];
    ref_parallel(e, (uint64_t)x->dims[0] * j.job.channels, make_terms, &j);
    ref_parallel(e, (uint64_t)x->dims[0] * j.job.channels, gather_terms, &j);
    return CVK_OK;
}

const struct cvk_kernel ref_lrn_rows[] = {
    {REF_ROW(LRN, "plain"), .dtypes = REF_FLOATS, .run = run},
    {REF_ROW(LRN, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .plan = ref_scatter_plan,
     .run = run_backward},
};
const uint32_t ref_lrn_row_count = REF_COUNT(ref_lrn_rows);
