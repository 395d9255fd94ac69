/* SPDX-License-Identifier: MIT
 * concat in the plain layout and in blocks. Parts that begin at the edge of a block, and those joined along another axis, are
 * strided copies; where blocks of channels are cut, each block of the result takes lanes from the blocks that it overlaps. */
#include "isa/move.h"
#include "strided.h"

#define PIECE_PIXELS 256

struct job {
    struct cvk_exec *e;
    const struct simd_move_fns *move;
    float *y;
    uint64_t channels, blocks, pixels, pieces; /* of the result */
    uint32_t block;
};

/* One block of channels of one image, `pixels` of them from `first`. */
static void fill_block(const struct job *j, uint64_t n, uint64_t b, uint64_t first, uint64_t pixels)
{
    uint64_t begin = b * j->block, end = begin + j->block < j->channels ? begin + j->block : j->channels, place = 0;
    float *y = j->y + ((n * j->blocks + b) * j->pixels + first) * j->block;
    for (uint32_t i = 0; i < j->e->node->input_count && place < end; i++) {
        uint64_t channels = (uint64_t)j->e->node->inputs[i]->dims[1], blocks = simd_ceil_div(channels, j->block);
        const float *x = cvk_cpu_input(j->e, i);
        uint64_t c = begin > place ? begin : place, stop = place + channels < end ? place + channels : end;
        while (c < stop) { /* lanes of one block of x */
            uint64_t from = c - place, lane = from % j->block, count = j->block - lane;
            count = count < stop - c ? count : stop - c;
            j->move->lanes(x + ((n * blocks + from / j->block) * j->pixels + first) * j->block, (uint32_t)lane, y,
                           (uint32_t)(c - begin), (uint32_t)count, pixels);
            c += count;
        }
        place += channels;
    }
    if (end - begin < j->block)
        j->move->lanes(NULL, 0, y, (uint32_t)(end - begin), (uint32_t)(begin + j->block - end), pixels);
}

static void fill_blocks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t first = i % j->pieces * PIECE_PIXELS, map = i / j->pieces, pixels = j->pixels - first;
        fill_block(j, map / j->blocks, map % j->blocks, first, pixels < PIECE_PIXELS ? pixels : PIECE_PIXELS);
    }
}

/* True if every part begins at the edge of a block. */
static bool aligned(const struct cvk_node *node, uint32_t block)
{
    uint64_t place = 0;
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i]->dims[1] && place % block)
            return false;
        place += (uint64_t)node->inputs[i]->dims[1];
    }
    return true;
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_concat_params *p = e->node->params;
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    const struct simd_device *d = simd_device_of(e);
    bool blocked = y->layout != CVK_LAYOUT_PLAIN;
    if (blocked && p->axis == 1 && !aligned(e->node, d->isa->block)) {
        struct job j = {.e = e,
                        .move = d->isa->move,
                        .y = cvk_cpu_output(e, 0),
                        .channels = (uint64_t)y->dims[1],
                        .pixels = 1,
                        .block = d->isa->block};
        for (uint32_t i = 2; i < y->rank; i++)
            j.pixels *= (uint64_t)y->dims[i];
        j.blocks = simd_ceil_div(j.channels, j.block);
        j.pieces = simd_ceil_div(j.pixels, PIECE_PIXELS);
        simd_parallel_bytes(e, 2 * y->bytes, (uint64_t)y->dims[0] * j.blocks * j.pieces, fill_blocks, &j);
        return CVK_OK;
    }
    uint64_t dims[SIMD_MAX_AXES], place = 0;
    int64_t x_strides[SIMD_MAX_AXES], y_strides[SIMD_MAX_AXES];
    simd_memory_axes(y, dims, y_strides);
    for (uint32_t i = 0; i < e->node->input_count; i++) {
        struct simd_strided s = {.x = cvk_cpu_input(e, i), .bytes = simd_dtype_bytes(y->dtype)};
        s.y = (char *)cvk_cpu_output(e, 0) + place * (uint64_t)y_strides[p->axis] * s.bytes;
        uint32_t rank = simd_memory_axes(e->node->inputs[i], dims, x_strides);
        for (uint32_t a = 0; a < rank; a++)
            simd_strided_add(&s, dims[a], x_strides[a], y_strides[a]);
        simd_strided_copy(e, s);
        place += dims[p->axis];
    }
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    if (q->layout_y == CVK_LAYOUT_PLAIN)
        return CVK_OK;
    if (simd_dtype_bytes(q->node->inputs[0]->dtype) != sizeof(float))
        return cvk_refuse(q, "blocks only of types of four bytes");
    return simd_blocked(q, q->layout_y);
}

const struct cvk_kernel simd_concat_rows[] = {
    {SIMD_ROW(CONCAT, "join"), .flags = CVK_KERNEL_ALL_INPUTS | CVK_KERNEL_CONCURRENT, .dtypes = SIMD_ALL_TYPES,
     .layouts_x = SIMD_PLAIN | SIMD_BLOCKED, .layouts_y = SIMD_PLAIN | SIMD_BLOCKED, .plan = plan, .run = run},
};
const uint32_t simd_concat_row_count = SIMD_COUNT(simd_concat_rows);
