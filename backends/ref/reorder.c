/* SPDX-License-Identifier: MIT
 * reorder: each element of the result in memory order is looked up in x; the padding of blocks becomes zero. */
#include "ref_move.h"

#define ALL_LAYOUTS                                                                                                     \
    (CVK_LAYOUT_BIT(CVK_LAYOUT_PLAIN) | CVK_LAYOUT_BIT(CVK_LAYOUT_NHWC) | CVK_LAYOUT_BIT(CVK_LAYOUT_NC4) |              \
     CVK_LAYOUT_BIT(CVK_LAYOUT_NC8) | CVK_LAYOUT_BIT(CVK_LAYOUT_NC16))

/* A tensor as [N][blocks of channels][pixels][channels of a block]; plain has blocks of one, NHWC one block of all. */
struct blocks {
    uint64_t block, blocks, pixels;
};

struct job {
    struct blocks x, y;
    uint64_t channels, pixels;
    const char *src;
    char *dst;
    uint32_t bytes;
};

static struct blocks blocks_of(uint32_t layout, uint64_t channels, uint64_t pixels)
{
    uint64_t block = layout == CVK_LAYOUT_NHWC  ? channels
                     : layout == CVK_LAYOUT_NC4 ? 4
                     : layout == CVK_LAYOUT_NC8 ? 8
                     : layout == CVK_LAYOUT_NC16 ? 16
                                                 : 1;
    return (struct blocks){block, (channels + block - 1) / block, pixels};
}

static void reorder(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t in_block = i % j->y.block, rest = i / j->y.block;
        uint64_t pixel = rest % j->y.pixels, block = rest / j->y.pixels;
        uint64_t n = block / j->y.blocks, c = block % j->y.blocks * j->y.block + in_block;
        if (c >= j->channels) {
            memset(j->dst + i * j->bytes, 0, j->bytes);
            continue;
        }
        uint64_t from = ((n * j->x.blocks + c / j->x.block) * j->x.pixels + pixel) * j->x.block + c % j->x.block;
        ref_copy(j->dst, (int64_t)i, j->src, (int64_t)from, j->bytes);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    struct job j = {.src = cvk_cpu_input(e, 0), .dst = cvk_cpu_output(e, 0), .bytes = ref_dtype_bytes(x->dtype)};
    if (y->bytes == 0)
        return CVK_OK;
    j.channels = x->rank > 1 ? (uint64_t)x->dims[1] : 1;
    j.pixels = 1;
    for (uint32_t i = 2; i < x->rank; i++)
        j.pixels *= (uint64_t)x->dims[i];
    j.x = blocks_of(x->layout, j.channels, j.pixels);
    j.y = blocks_of(y->layout, j.channels, j.pixels);
    ref_parallel(e, y->bytes / j.bytes, reorder, &j);
    return CVK_OK;
}

const struct cvk_kernel ref_reorder_rows[] = {
    {REF_ROW(REORDER, "plain"), .dtypes = REF_ALL, .layouts_x = ALL_LAYOUTS, .layouts_y = ALL_LAYOUTS, .run = run}};
const uint32_t ref_reorder_row_count = REF_COUNT(ref_reorder_rows);
