/* SPDX-License-Identifier: MIT
 * The transforms of Winograd's convolution: F(m x m, 3 x 3), m = 2, 4, 6, where a tile of m x m outputs comes from
 * (m + 2) x (m + 2) inputs by as many products as inputs, each of which is a sum over channels (isa/tile.h); F(4 x 2, 5 x 5)
 * from 8 x 6 inputs, and F(4 x 4, 5 x 5) from 8 x 8. Source: Lavin and Gray, "Fast
 * Algorithms for Convolutional Neural Networks", arXiv 1509.09308. A vector is one pixel's block of channels, so there is
 * nothing to shuffle.
 *
 * The transforms are those of Cook and Toom. How many inputs a line has says at which points: 0, +-1 (4 inputs),
 * 0, +-sqrt(1/2), +-sqrt(2) (6), 0, +-1/2, +-1, +-2 (8), and infinity. Those of 6 are not the textbook's +-1, +-2: they halve
 * the error (docs/accuracy.md). */
#ifndef SIMD_WINOGRAD_H
#define SIMD_WINOGRAD_H

#include <stdint.h>

#define SIMD_WINOGRAD_MAX_M 6
#define SIMD_WINOGRAD_MAX_XIS 64 /* (6 + 2)^2 */
#define SIMD_WINOGRAD_FORMS 5

/* Input of `tiles` tiles that lie side by side, one block of channels: all of it is inside the image. */
struct simd_winograd_input {
    const float *x;   /* the first tile's first pixel; the next tile's is as many pixels further as a tile has columns of y */
    int64_t row_step; /* floats between rows */
    float *v;         /* number xi of the first tile is at v + xi * xi_step, of the next tile a block further */
    int64_t xi_step;
    uint64_t tiles;
};

/* Copies what lies inside the image of the a_h x a_w inputs of one tile, zeros around it. */
struct simd_winograd_patch {
    const float *x; /* the first pixel inside */
    int64_t row_step;
    uint32_t a_h, a_w;
    uint32_t top, bottom, left, right; /* rows top..bottom - 1 and columns left..right - 1 are inside */
    float *to;                         /* [a_h][a_w][block] */
};

/* Outputs of `tiles` tiles that lie side by side, one block of channels, and their epilogue as in struct simd_tile. */
struct simd_winograd_output {
    const float *m; /* as v above */
    int64_t xi_step;
    float *y;
    int64_t row_step;
    uint64_t tiles;
    uint32_t rows, columns; /* from 1 on: rows of all tiles and columns of the last one that lie inside the output */
    uint32_t activation;
    const float *bias, *scale, *shift;
    const float *residual; /* NULL, or addressed as y */
    float a, b;
};

/* Weights of one tile of output channels (isa/tile.h) and one block of input channels, all numbers xi: u[xi][ic][width], padded
 * with zeros. */
struct simd_winograd_weights {
    const float *w;           /* windows, at the first channels */
    uint64_t oc, ic;          /* real ones from there on; ic: of the block */
    int64_t oc_step, ic_step; /* floats between windows */
    uint32_t turned;          /* 1: windows are read from their end */
    uint64_t width;           /* vectors of the tile times block */
    float *u;
    int64_t xi_step;
};

/* The index is m / 2 - 1 for windows of 3x3, 3 for F(4 x 2, 5 x 5), 4 for F(4 x 4, 5 x 5). */
struct simd_winograd_fns {
    void (*patch)(const struct simd_winograd_patch *p);
    void (*input[SIMD_WINOGRAD_FORMS])(const struct simd_winograd_input *in);
    void (*output[SIMD_WINOGRAD_FORMS])(const struct simd_winograd_output *out);
    void (*weights[SIMD_WINOGRAD_FORMS])(const struct simd_winograd_weights *weights);
};

#endif
