/* SPDX-License-Identifier: MIT
 * The results of a convolution on blocked tensors as lines of pixels, cut into tiles that isa/tile.h computes, class by class
 * (conv.h), and the tables by which a tile finds its inputs and its weights. */
#ifndef SIMD_CONV_LINES_H
#define SIMD_CONV_LINES_H

#include "conv.h"
#include "epilogue.h"
#include "weights.h"

/* Results that lie `spread` apart and share their taps: a convolution that is not turned is one class. Or, where the image is
 * so narrow that much of the windows lies beside it, the results that a column of the window serves. */
struct simd_conv_class {
    uint64_t row, column;  /* of its first result */
    uint64_t first, end;   /* pixels of a line that it has */
    uint64_t taps, before; /* before: taps of the classes in front of it */
    uint64_t rows;         /* of its part of the window */
    uint64_t top, step;    /* where the first of them lies, in rows from a line's input on, and how far apart they are */
};

/* One map of results, in lines of px pixels of each class. Distances are in floats, in x or in scratch. */
struct simd_conv_lines {
    uint64_t height, width; /* of the map; 1 and all of its pixels where it is one line */
    uint64_t lines, px;
    uint64_t line_tiles, image_tiles;        /* tiles of pixels in a line, in an image */
    uint64_t blocks;                         /* of input channels, at most */
    bool narrow;                             /* classes are columns of the window */
    uint64_t x_step, x_line, x_row, x_block; /* between pixels, lines, rows, blocks of channels */
};

/* Cuts the results into lines, or into one, and lines into tiles of at most max_px pixels; distances in x are the caller's.
 * There must be results. */
void simd_conv_lines_cut(struct simd_conv_lines *l, const struct simd_conv *c, bool one, uint32_t max_px);

/* Tables that build makes once, in packed memory. */
struct simd_conv_tables {
    struct simd_conv_class *classes;
    struct simd_tap *taps;
    int64_t *offsets; /* of each class: blocks * its taps, and one more */
};

uint64_t simd_conv_tables_bytes(const struct simd_conv *c, const struct simd_conv_lines *l);
struct simd_conv_tables simd_conv_tables_at(const struct simd_conv *c, const struct simd_conv_lines *l, void *memory);
void simd_conv_tables_fill(const struct simd_conv *c, const struct simd_conv_lines *l, const struct simd_conv_tables *t);

/* Where a tile begins in its line. */
static inline uint64_t simd_conv_pixel(const struct simd_conv_lines *l, uint64_t place)
{
    uint64_t each = l->px / l->line_tiles, more = l->px % l->line_tiles;
    return place * each + (place < more ? place : more);
}

/* What all tiles of one call have in common. */
struct simd_conv_strip {
    const struct simd_conv *c;
    const struct simd_conv_lines *lines;
    const struct simd_conv_tables *tables;
    const struct simd_tile_fns *fns;
    const struct simd_epilogue *epilogue;
    const float *x; /* what the first tile's line sees from pixel x_pixel on */
    uint64_t x_pixel;
    const float *w;     /* of this tile of output channels, all classes */
    float *y, *y_begin; /* the map of the first vector of output channels; all of y */
    uint64_t channel;   /* the first output channel */
    uint32_t vectors;
    uint64_t blocks, last; /* blocks of input channels; channels that count in the last of them */
};

/* Tiles first..first + count - 1 of one image. */
void simd_conv_strip_run(const struct simd_conv_strip *s, uint64_t first, uint64_t count);

#endif
