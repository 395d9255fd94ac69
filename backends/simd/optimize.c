/* SPDX-License-Identifier: MIT
 * optimize: one step of an optimiser over flat arrays. What all elements share is worked out once, in double. */
#include <math.h>

#include "flat.h"
#include "isa/optimize.h"

enum { W, DW, HYPER, S0, S1, FACTOR }; /* inputs */

struct job {
    const struct simd_optimize_fns *fns;
    struct simd_optimizer o;
    const float *in[5];
    float *out[3];
    uint64_t count;
};

static void run_units(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t first = begin * SIMD_FLAT_UNIT, last = end * SIMD_FLAT_UNIT < j->count ? end * SIMD_FLAT_UNIT : j->count;
    (void)worker;
    j->fns->step(&j->o, j->in[W] + first, j->in[DW] + first, j->in[S0] ? j->in[S0] + first : NULL,
                 j->in[S1] ? j->in[S1] + first : NULL, j->out[0] + first, j->out[1] ? j->out[1] + first : NULL,
                 j->out[2] ? j->out[2] + first : NULL, last - first);
}

/* The numbers of this step. t counts from 0 for sgd and adagrad, from 1 for the others. */
static struct simd_optimizer optimizer_of(const struct cvk_optimize_params *p, const float *hyper, const float *factor)
{
    double r = (double)hyper[0], t = (double)hyper[1];
    struct simd_optimizer o = {.kind = p->kind,
                               .momentum = p->momentum != 0,
                               .nesterov = p->nesterov,
                               .factor = factor ? *factor : 1,
                               .l1 = p->l1,
                               .l2 = p->l2,
                               .rate = hyper[0],
                               .first = p->momentum,
                               .second = p->beta2,
                               .second_rest = (float)(1 - (double)p->beta2),
                               .epsilon = p->epsilon,
                               .shrink = 1};
    if (p->kind == CVK_SGD) {
        o.first_rest = t > 0 && p->dampening != 0 ? p->dampening : 1;
    } else if (p->kind == CVK_ADAM || p->kind == CVK_ADAMW) {
        o.first = p->beta1;
        o.first_rest = (float)(1 - (double)p->beta1);
        if (t > 0)
            o.rate = (float)(r * sqrt(1 - pow((double)p->beta2, t)) / (1 - pow((double)p->beta1, t)));
        o.shrink = (float)(p->kind == CVK_ADAM ? 1 - (double)p->post_decay : 1 - r * (double)p->decay);
    } else if (p->kind == CVK_ADAGRAD) {
        o.rate = (float)(r / (1 + t * (double)p->lr_decay));
    }
    return o;
}

static int32_t run(struct cvk_exec *e)
{
    struct job j = {.fns = simd_device_of(e)->isa->optimize,
                    .o = optimizer_of(e->node->params, cvk_cpu_input(e, HYPER), cvk_cpu_input(e, FACTOR)),
                    .in = {cvk_cpu_input(e, W), cvk_cpu_input(e, DW), NULL, cvk_cpu_input(e, S0), cvk_cpu_input(e, S1)},
                    .out = {cvk_cpu_output(e, 0), cvk_cpu_output(e, 1), cvk_cpu_output(e, 2)},
                    .count = cvk_cpu_count(e->node->inputs[W])};
    simd_parallel(e, simd_ceil_div(j.count, SIMD_FLAT_UNIT), run_units, &j);
    return CVK_OK;
}

const struct cvk_kernel simd_optimize_rows[] = {
    {SIMD_ROW(OPTIMIZE, "flat"), .pass = CVK_PASS_UPDATE, .flags = CVK_KERNEL_IN_PLACE, .run = run},
};
const uint32_t simd_optimize_row_count = SIMD_COUNT(simd_optimize_rows);
