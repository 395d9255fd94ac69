/* SPDX-License-Identifier: MIT
 * unary: flat arrays, whatever their layout. */
#include "isa/unary.h"
#include "flat.h"

struct job {
    const struct simd_unary_fns *fns;
    const struct cvk_unary_params *params;
    const float *x;
    float *y;
    uint64_t count, unit;
    struct simd_padding padding;
};

static void run_units(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t unit = begin; unit < end; unit++) {
        uint64_t first = unit * j->unit, last = first + j->unit < j->count ? first + j->unit : j->count;
        j->fns->apply(j->params->kind, j->params->a, j->params->b, j->x + first, j->y + first, last - first);
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

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    struct job j = {.fns = simd_device_of(e)->isa->unary,
                    .params = e->node->params,
                    .x = cvk_cpu_input(e, 0),
                    .y = cvk_cpu_output(e, 0),
                    .count = y->bytes / sizeof(float),
                    .unit = SIMD_FLAT_UNIT,
                    .padding = simd_padding_of(y)};
    const float zero = 0;
    float of_zero;
    j.fns->apply(j.params->kind, j.params->a, j.params->b, &zero, &of_zero, 1);
    if (memcmp(&zero, &of_zero, sizeof zero) == 0) /* -0 is not meant */
        j.padding.block = 1;
    if (!is_light(j.params->kind))
        j.unit = SIMD_HEAVY_UNIT;
    simd_parallel(e, simd_ceil_div(j.count, j.unit), run_units, &j);
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_unary_params *p = q->node->params;
    (void)plan;
    return p->kind < CVK_NOT ? CVK_OK : cvk_refuse(q, "kind %u does not give floats", p->kind);
}

const struct cvk_kernel simd_unary_rows[] = {
    {SIMD_ROW(UNARY, "flat"), .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_CONCURRENT, .plan = plan,
     .run = run},
};
const uint32_t simd_unary_row_count = SIMD_COUNT(simd_unary_rows);
