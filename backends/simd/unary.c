/* SPDX-License-Identifier: MIT
 * unary and its gradient: flat arrays, whatever their layout. */
#include "isa/unary.h"
#include "isa/unary_backward.h"
#include "flat.h"

struct job {
    const struct simd_isa *isa;
    const struct cvk_unary_params *params;
    const float *x, *dy; /* dy NULL: forward; else x is what the derivative follows from */
    uint32_t from_y;
    float *y; /* or dx */
    uint64_t count, unit;
    struct simd_padding padding;
};

static void apply(const struct job *j, const float *dy, const float *x, float *y, uint64_t count)
{
    const struct cvk_unary_params *p = j->params;
    if (dy)
        j->isa->unary_backward->apply(p->kind, j->from_y, p->a, p->b, dy, x, y, count);
    else
        j->isa->unary->apply(p->kind, p->a, p->b, x, y, count);
}

static void run_units(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t unit = begin; unit < end; unit++) {
        uint64_t first = unit * j->unit, last = first + j->unit < j->count ? first + j->unit : j->count;
        apply(j, j->dy ? j->dy + first : NULL, j->x + first, j->y + first, last - first);
        simd_clear_padding(&j->padding, j->y, first, last);
    }
}

/* Kinds that take a few instructions. */
static bool is_light(uint32_t kind)
{
    const uint32_t light = 1u << CVK_RELU | 1u << CVK_LEAKY_RELU | 1u << CVK_CLIP | 1u << CVK_HARD_SIGMOID |
                           1u << CVK_HARD_SWISH | 1u << CVK_THRESHOLDED_RELU | 1u << CVK_SHRINK | 1u << CVK_ABS |
                           1u << CVK_NEG | 1u << CVK_ROUND | 1u << CVK_FLOOR | 1u << CVK_CEIL | 1u << CVK_SIGN;
    return kind < 32 && light >> kind & 1;
}

static int32_t run_job(struct cvk_exec *e, struct job *j)
{
    const float zero = 0;
    float of_zero;
    apply(j, j->dy ? &zero : NULL, &zero, &of_zero, 1);
    if (memcmp(&zero, &of_zero, sizeof zero) == 0) /* -0 is not meant */
        j->padding.block = 1;
    simd_parallel(e, simd_ceil_div(j->count, j->unit), run_units, j);
    return CVK_OK;
}

static struct job job_of(const struct cvk_exec *e)
{
    const struct cvk_unary_params *p = e->node->params;
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    return (struct job){.isa = simd_device_of(e)->isa,
                        .params = p,
                        .y = cvk_cpu_output(e, 0),
                        .count = y->bytes / sizeof(float),
                        .unit = is_light(p->kind) ? SIMD_FLAT_UNIT : SIMD_HEAVY_UNIT,
                        .padding = simd_padding_of(y)};
}

static int32_t run(struct cvk_exec *e)
{
    struct job j = job_of(e);
    j.x = cvk_cpu_input(e, 0);
    return run_job(e, &j);
}

static int32_t run_backward(struct cvk_exec *e)
{
    struct job j = job_of(e);
    j.dy = cvk_cpu_input(e, 0);
    j.x = cvk_cpu_input(e, 1);
    j.from_y = cvk_unary_gradient_from_y(j.params);
    return run_job(e, &j);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_unary_params *p = q->node->params;
    (void)plan;
    return p->kind < CVK_NOT ? CVK_OK : cvk_refuse(q, "kind %u does not give floats", p->kind);
}

#define FLAGS (CVK_KERNEL_IN_PLACE | CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_CONCURRENT)
const struct cvk_kernel simd_unary_rows[] = {
    {SIMD_ROW(UNARY, "flat"), .flags = FLAGS, .plan = plan, .run = run},
    {SIMD_ROW(UNARY, "flat"), .pass = CVK_PASS_BACKWARD_DATA, .flags = FLAGS, .plan = plan, .run = run_backward},
};
const uint32_t simd_unary_row_count = SIMD_COUNT(simd_unary_rows);
