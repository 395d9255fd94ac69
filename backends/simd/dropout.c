/* SPDX-License-Identifier: MIT
 * dropout while training, and its gradient, which does to dy what the forward pass does to x. Counters are places in the plain
 * layout. */
#include <math.h>

#include "flat.h"
#include "isa/dropout.h"

#define UNIT 4096u       /* elements of plain tensors in one unit of work */
#define UNIT_PIXELS 256u /* of a block of channels */

struct job {
    const struct simd_dropout_fns *fns;
    struct simd_dropout d;
    const float *x;
    float *y;
    uint8_t *mask; /* NULL: not wanted */
    uint64_t count;
    uint64_t channels, blocks, map, pieces; /* of blocked tensors; pixels of a map, units of one */
    uint32_t block;
};

static void run_flat(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t first = begin * UNIT, last = end * UNIT < j->count ? end * UNIT : j->count;
    (void)worker;
    j->fns->flat(&j->d, (uint32_t)first, j->x + first, j->y + first, j->mask ? j->mask + first : NULL, last - first);
}

static void run_blocks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t map = i / j->pieces, pixel = i % j->pieces * UNIT_PIXELS, left = j->map - pixel;
        uint64_t channel = map / j->blocks * j->channels + map % j->blocks * j->block, at = (map * j->map + pixel) * j->block;
        j->fns->blocks(&j->d, (uint32_t)(channel * j->map + pixel), (uint32_t)j->map, j->x + at, j->y + at,
                       left < UNIT_PIXELS ? left : UNIT_PIXELS);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_dropout_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    const int64_t *step = cvk_cpu_input(e, 1);
    uint32_t seed = (uint32_t)(p->seed >> 32), stream = step ? (uint32_t)*step : 0;
    struct job j = {.fns = simd_device_of(e)->isa->dropout,
                    .d = {.key = (uint32_t)p->seed ^ seed * 0x85EBCA6Bu ^ stream * 0xC2B2AE35u, /* as rng.h mixes them */
                          .high = seed,
                          .border = (uint32_t)ceilf(p->drop * 0x1p24f),
                          .factor = (float)(1 / (1 - (double)p->drop))},
                    .x = cvk_cpu_input(e, 0),
                    .y = cvk_cpu_output(e, 0),
                    .mask = cvk_cpu_output(e, 1),
                    .count = cvk_cpu_count(x),
                    .block = simd_device_of(e)->isa->block,
                    .map = 1};
    if (x->layout == CVK_LAYOUT_PLAIN) {
        simd_parallel(e, simd_ceil_div(j.count, UNIT), run_flat, &j);
        return CVK_OK;
    }
    for (uint32_t i = 2; i < x->rank; i++)
        j.map *= (uint64_t)x->dims[i];
    j.channels = (uint64_t)x->dims[1];
    j.blocks = simd_ceil_div(j.channels, j.block);
    j.pieces = simd_ceil_div(j.map, UNIT_PIXELS);
    simd_parallel(e, (uint64_t)x->dims[0] * j.blocks * j.pieces, run_blocks, &j);
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    (void)plan;
    if (!((const struct cvk_dropout_params *)node->params)->training)
        return cvk_refuse(q, "only training");
    if (cvk_cpu_count(node->inputs[0]) > UINT32_MAX)
        return cvk_refuse(q, "2^32 elements or more");
    if (q->layout_x == CVK_LAYOUT_PLAIN)
        return CVK_OK;
    if (node->output_count > 1 && node->outputs[1])
        return cvk_refuse(q, "the mask is only made in the plain layout");
    return simd_blocked(q, q->layout_x);
}

#define ROW(p)                                                                                                                 \
    {                                                                                                                          \
        SIMD_ROW(DROPOUT, "drawn"), .pass = (p), .flags = CVK_KERNEL_IN_PLACE, .layouts_x = SIMD_PLAIN | SIMD_BLOCKED,         \
                                    .layouts_y = SIMD_PLAIN | SIMD_BLOCKED, .plan = plan, .run = run                           \
    }
const struct cvk_kernel simd_dropout_rows[] = {ROW(CVK_PASS_FORWARD), ROW(CVK_PASS_BACKWARD_DATA)};
const uint32_t simd_dropout_row_count = SIMD_COUNT(simd_dropout_rows);
