/* SPDX-License-Identifier: MIT
 * reorder between all layouts. Whole blocks of channels are planes that are turned over; so is the last block, its padding
 * filled with zeros; what else there is goes channel by channel. */
#include "move.h"

#define ALL_LAYOUTS                                                                                                          \
    (OCL_PLAIN | OCL_NC16 | CVK_LAYOUT_BIT(CVK_LAYOUT_NHWC) | CVK_LAYOUT_BIT(CVK_LAYOUT_NC4) | CVK_LAYOUT_BIT(CVK_LAYOUT_NC8))

static int32_t any_pair(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    int64_t channels = y->rank > 1 ? y->dims[1] : 1;
    struct ocl_relayout c = {.x = e->node->inputs[0],
                             .y = y,
                             .channels = channels,
                             .y_end = (int64_t)ocl_round_up((uint64_t)channels, ocl_layout_block(y->layout))};
    return ocl_moves_relayout(e, 0, 0, &c);
}

/* Channels `begin` to `begin + lanes - 1` of every image, `blocks` times, between the plain layout and blocks. */
static struct ocl_strided blocks_copy(const struct cvk_exec *e, uint32_t block, int64_t begin, int64_t blocks, int64_t lanes)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    bool to_blocks = y->layout != CVK_LAYOUT_PLAIN;
    int64_t pixels = ocl_pixels(x), channels = x->dims[1], padded = (int64_t)ocl_round_up((uint64_t)channels, block);
    const int64_t dims[] = {x->dims[0], blocks, pixels, lanes};
    const int64_t plain[] = {channels * pixels, block * pixels, 1, pixels};
    const int64_t blocked[] = {padded * pixels, block * pixels, block, 1};
    static const uint8_t to_order[] = {0, 1, 2, 3}, from_order[] = {0, 1, 3, 2}; /* the axes in the order of y */
    struct ocl_strided s = {.bytes = ocl_dtype_bytes(x->dtype), .x_first = begin * pixels, .y_first = begin * pixels};
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t a = to_blocks ? to_order[i] : from_order[i];
        ocl_strided_add(&s, dims[a], to_blocks ? plain[a] : blocked[a], to_blocks ? blocked[a] : plain[a]);
    }
    return s;
}

static int32_t plain_and_blocks(struct cvk_exec *e, uint32_t block)
{
    bool to_blocks = e->node->outputs[0]->layout != CVK_LAYOUT_PLAIN;
    int64_t channels = e->node->inputs[0]->dims[1], rest = channels % block;
    struct ocl_strided s = blocks_copy(e, block, 0, channels / block, block);
    OCL_TRY(ocl_moves_strided(e, 0, 0, &s));
    if (rest == 0)
        return CVK_OK;
    s = blocks_copy(e, block, channels - rest, 1, rest);
    return to_blocks ? ocl_moves_filled(e, 0, 0, &s, block) : ocl_moves_strided(e, 0, 0, &s);
}

static int32_t build(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    uint32_t block = ocl_layout_block(x->layout) * ocl_layout_block(y->layout); /* one of them is 1 */
    bool turned = (x->layout == CVK_LAYOUT_PLAIN) != (y->layout == CVK_LAYOUT_PLAIN) && block > 1 && y->bytes &&
                  ocl_turns(ocl_device_of(e), ocl_dtype_bytes(x->dtype));
    if (!ocl_moves_init(e, 2))
        return CVK_E_MEMORY;
    int32_t status = turned ? plain_and_blocks(e, block) : any_pair(e);
    return status == CVK_OK ? CVK_OK : ocl_moves_drop(e, status);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return ocl_fits_moved(q);
}

const struct cvk_kernel ocl_reorder_rows[] = {
    {OCL_ROW(REORDER, "any"), .dtypes = OCL_ALL, .layouts_x = ALL_LAYOUTS, .layouts_y = ALL_LAYOUTS, .plan = plan,
     .build = build, .run = ocl_moves_run, .finish = ocl_moves_finish},
};
const uint32_t ocl_reorder_row_count = OCL_COUNT(ocl_reorder_rows);
