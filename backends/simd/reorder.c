/* SPDX-License-Identifier: MIT
 * reorder between the plain layout and the device's blocked one: squares of channels by pixels are transposed in registers. */
#include "isa/move.h"
#include "strided.h"

#define PIECE_PIXELS 256 /* of one block of channels: one item of work */

struct job {
    const struct simd_move_fns *move;
    const float *x;
    float *y;
    uint64_t channels, blocks, pixels, pieces;
    uint32_t block;
};

/* What item `i` covers: a block of channels of one image, a piece of its pixels. */
struct part {
    uint64_t plain, blocked; /* offsets of its first element */
    uint64_t channels, pixels;
};

static struct part part_of(const struct job *j, uint64_t i)
{
    uint64_t first = i % j->pieces * PIECE_PIXELS, map = i / j->pieces, n = map / j->blocks, c = map % j->blocks * j->block;
    uint64_t channels = j->channels - c, pixels = j->pixels - first;
    return (struct part){.plain = (n * j->channels + c) * j->pixels + first,
                         .blocked = (map * j->pixels + first) * j->block,
                         .channels = channels < j->block ? channels : j->block,
                         .pixels = pixels < PIECE_PIXELS ? pixels : PIECE_PIXELS};
}

static void to_blocks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        struct part p = part_of(j, i);
        j->move->interleave(j->x + p.plain, j->pixels, p.channels, p.pixels, j->y + p.blocked, j->block);
    }
}

static void from_blocks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        struct part p = part_of(j, i);
        j->move->transpose(j->x + p.blocked, j->block, p.pixels, p.channels, j->y + p.plain, j->pixels);
    }
}

/* With one pixel the channels of an image lie one behind the other in both layouts, but for the padding. */
static void one_pixel(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t padded = j->blocks * j->block;
    bool blocks = j->pieces; /* to blocks */
    uint64_t x_step = blocks ? j->channels : padded, y_step = blocks ? padded : j->channels;
    (void)worker;
    for (uint64_t n = begin; n < end; n++) {
        memcpy(j->y + n * y_step, j->x + n * x_step, j->channels * sizeof(float));
        memset(j->y + n * y_step + j->channels, 0, (y_step - j->channels) * sizeof(float));
    }
}

static int32_t run_either(struct cvk_exec *e, bool blocks)
{
    const struct simd_device *d = simd_device_of(e);
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    struct job j = {.move = d->isa->move,
                    .x = cvk_cpu_input(e, 0),
                    .y = cvk_cpu_output(e, 0),
                    .channels = (uint64_t)x->dims[1],
                    .pixels = 1,
                    .block = d->isa->block};
    for (uint32_t i = 2; i < x->rank; i++)
        j.pixels *= (uint64_t)x->dims[i];
    j.blocks = simd_ceil_div(j.channels, j.block);
    j.pieces = simd_ceil_div(j.pixels, PIECE_PIXELS);
    uint64_t images = (uint64_t)x->dims[0], bytes = x->bytes + e->node->outputs[0]->bytes;
    if (j.pixels == 1) {
        j.pieces = blocks;
        simd_parallel_bytes(e, bytes, images, one_pixel, &j);
    } else {
        simd_parallel_bytes(e, bytes, images * j.blocks * j.pieces, blocks ? to_blocks : from_blocks, &j);
    }
    return CVK_OK;
}

static int32_t run_to_blocks(struct cvk_exec *e)
{
    return run_either(e, true);
}

static int32_t run_from_blocks(struct cvk_exec *e)
{
    return run_either(e, false);
}

static int32_t plan_to_blocks(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return simd_blocked(q, q->layout_y);
}

static int32_t plan_from_blocks(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return simd_blocked(q, q->layout_x);
}

const struct cvk_kernel simd_reorder_rows[] = {
    {SIMD_ROW(REORDER, "to_blocks"), .flags = CVK_KERNEL_CONCURRENT, .dtypes = SIMD_FOUR_BYTES, .layouts_x = SIMD_PLAIN,
     .layouts_y = SIMD_BLOCKED, .plan = plan_to_blocks, .run = run_to_blocks},
    {SIMD_ROW(REORDER, "from_blocks"), .flags = CVK_KERNEL_CONCURRENT, .dtypes = SIMD_FOUR_BYTES, .layouts_x = SIMD_BLOCKED,
     .layouts_y = SIMD_PLAIN, .plan = plan_from_blocks, .run = run_from_blocks},
};
const uint32_t simd_reorder_row_count = SIMD_COUNT(simd_reorder_rows);
