/* SPDX-License-Identifier: MIT
 * unary: flat arrays, whatever their layout. */
#include "isa/unary.h"
#include "simd.h"

struct job {
    const struct simd_unary_fns *fns;
    const struct cvk_unary_params *params;
    const float *x;
    float *y;
};

static void run_part(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    j->fns->apply(j->params->kind, j->params->a, j->params->b, j->x + begin, j->y + begin, end - begin);
}

static int32_t run(struct cvk_exec *e)
{
    struct job j = {simd_device_of(e)->isa->unary, e->node->params, cvk_cpu_input(e, 0), cvk_cpu_output(e, 0)};
    simd_parallel(e, e->outputs[0].bytes / sizeof(float), run_part, &j);
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_unary_params *p = q->node->params;
    (void)plan;
    return p->kind == CVK_RELU ? CVK_OK : cvk_refuse(q, "not kind %u", p->kind);
}

const struct cvk_kernel simd_unary_rows[] = {
    {SIMD_ROW(UNARY, "flat"), .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_ANY_LAYOUT, .plan = plan, .run = run},
};
const uint32_t simd_unary_row_count = SIMD_COUNT(simd_unary_rows);
