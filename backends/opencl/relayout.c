/* SPDX-License-Identifier: MIT
 * Copies of channels between any two layouts, one kernel for all pairs. */
#include "kernel_sources.h"
#include "move.h"

#define ITEM_WORDS 4096 /* on CPU devices: what one item moves */

/* What the kernel takes (relayout.cl). */
struct relayout_args {
    cl_int images, pixels, x_block, x_blocks, y_block, y_blocks;
    cl_int x_begin, y_begin, count, y_end;
    cl_int first_block, blocks, pieces, span;
};

static int64_t channels_of(const struct cvk_tensor_desc *d)
{
    return d->rank > 1 ? d->dims[1] : 1;
}

/* Channels that lie side by side. */
static int64_t block_of(const struct cvk_tensor_desc *d)
{
    return d->layout == CVK_LAYOUT_NHWC ? channels_of(d) : ocl_layout_block(d->layout);
}

int32_t ocl_relayout_call(struct ocl_device *d, struct ocl_call *call, const struct ocl_relayout *c)
{
    const struct cvk_tensor_desc *y = c->y;
    int64_t pixels = ocl_pixels(y), x_block = block_of(c->x), y_block = block_of(y);
    x_block = x_block ? x_block : 1; /* an x without channels: y is zeros */
    struct relayout_args a = {.images = (cl_int)(y->rank > 0 ? y->dims[0] : 1),
                              .pixels = (cl_int)pixels,
                              .x_block = (cl_int)x_block,
                              .x_blocks = (cl_int)ocl_ceil_div((uint64_t)channels_of(c->x), (uint64_t)x_block),
                              .y_block = (cl_int)y_block,
                              .y_blocks = (cl_int)ocl_ceil_div((uint64_t)channels_of(y), (uint64_t)y_block),
                              .x_begin = (cl_int)c->x_begin,
                              .y_begin = (cl_int)c->y_begin,
                              .count = (cl_int)c->channels,
                              .y_end = (cl_int)c->y_end,
                              .first_block = (cl_int)(c->y_begin / y_block),
                              .pieces = (cl_int)pixels,
                              .span = 1};
    a.blocks = (cl_int)ocl_ceil_div((uint64_t)c->y_end, (uint64_t)y_block) - a.first_block;
    if (d->cpu_form) {
        int64_t span = y_block < ITEM_WORDS / 16 ? ITEM_WORDS / y_block : 16;
        a.span = (cl_int)(span < pixels ? span : pixels);
        a.pieces = (cl_int)ocl_ceil_div((uint64_t)pixels, (uint64_t)a.span);
    }
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_word(options, sizeof options, ocl_dtype_bytes(y->dtype));
    ocl_option_group(d, options, sizeof options);
    OCL_TRY(ocl_call_init(d, call, &ocl_source_relayout, "relayout", options));
    uint64_t items = (uint64_t)a.images * (uint64_t)a.blocks * (uint64_t)a.pieces;
    ocl_call_items(call, d->cpu_form ? items : items * (uint64_t)y_block, d->cpu_form ? 1 : 64);
    int32_t status = ocl_arg(d, call, 4, &a, sizeof a);
    if (status != CVK_OK)
        ocl_call_finish(call);
    return status;
}
