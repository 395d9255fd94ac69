/* SPDX-License-Identifier: MIT
 * Channels between any two layouts: element (image, channel, pixel) of y is that of x. A layout is
 * [images][blocks][pixels][block]: plain has blocks of one channel, channels last one block of all. GROUP 1 is the form for
 * CPU devices: an item makes a piece of the pixels of one block. */
struct relayout {
    int images, pixels, x_block, x_blocks, y_block, y_blocks;
    int x_begin, y_begin, count, y_end; /* channels; those behind the count up to y_end are zeros */
    int first_block, blocks, pieces, span; /* of y: the blocks that are touched; pieces of a block, pixels of a piece */
};

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void relayout(CONST_BUFFER(W, x), BUFFER(W, y), struct relayout p)
{
    int item = get_global_id(0);
#if GROUP == 1
    const int first_lane = 0, last_lane = p.y_block;
#else
    const int first_lane = item % p.y_block, last_lane = first_lane + 1;
    item /= p.y_block;
#endif
    const int begin = item % p.pieces * p.span, end = min(begin + p.span, p.pixels);
    item /= p.pieces;
    const int block = p.first_block + item % p.blocks, image = item / p.blocks;
    if (image >= p.images)
        return;
    __global W *out = AT(W, y) + (image * p.y_blocks + block) * p.pixels * p.y_block;
    for (int lane = first_lane; lane < last_lane; lane++) {
        const int channel = block * p.y_block + lane, of = channel - p.y_begin + p.x_begin;
        if (channel < p.y_begin || channel >= p.y_end)
            continue;
        if (channel >= p.y_begin + p.count) {
            for (int i = begin; i < end; i++)
                out[i * p.y_block + lane] = 0;
            continue;
        }
        __global const W *in = CONST_AT(W, x) + (image * p.x_blocks + of / p.x_block) * p.pixels * p.x_block + of % p.x_block;
        for (int i = begin; i < end; i++)
            out[i * p.y_block + lane] = in[i * p.x_block];
    }
}
