/* SPDX-License-Identifier: MIT
 * What the files of Winograd's convolution share: the sizes of one layer and the choices made for it.
 *
 * Tiles are numbered through all images: [n][row][column]. For a block of tiles, V holds the transformed inputs,
 * [xi][input block][tile][block], and M the sums of products for one tile of output channels, [xi][vector][tile][block].
 * U holds the transformed weights, [output tile][xi][input block][block][vector][block]; an output tile is v vectors of
 * channels. */
#ifndef SIMD_CONV_WINOGRAD_H
#define SIMD_CONV_WINOGRAD_H

#include "conv.h"
#include "isa/tile.h"
#include "isa/winograd.h"

struct simd_winograd {
    uint64_t n, ic, oc, h, w, oh, ow; /* pixels and channels */
    uint64_t pad_top, pad_left;
    uint32_t m, xis; /* columns of outputs in a tile; numbers of a transformed tile */
    bool five;       /* windows of 5x5 and tiles of 4 x m; else 3x3 and m x m */
    uint32_t block, v;
    uint64_t icb, ocb, oc_tiles;   /* input blocks, output blocks, tiles of v output blocks */
    uint64_t rows, columns, tiles; /* of tiles in an image; tiles of all images */
    /* The choices. */
    uint64_t most;    /* tiles in a block of tiles */
    uint64_t part;    /* tiles of it that M holds at a time */
    uint64_t depth;   /* input blocks whose weights U holds at a time; all, unless fresh and there is one part */
    uint64_t sum;     /* input blocks that are summed by themselves; depth is a multiple of it, or it is all */
    bool by_channels; /* threads share V and take output channels each; else they take tiles each */
    bool fresh;       /* V has all tiles; a thread transforms the weights of an output tile when it comes to it */
    /* Floats between numbers xi: an odd number of blocks, so that they do not fall into the same sets of a cache. */
    int64_t v_step, m_step, u_step;
};

/* Sizes and choices for a convolution that plan has accepted; the same for the same sizes and device. live: weights are
 * transformed in each run. */
struct simd_winograd simd_winograd_of(const struct simd_conv *c, const struct simd_device *d, uint32_t m, bool live);
/* Estimated nanoseconds on one thread (conv.h). */
double simd_winograd_cost(const struct simd_winograd *s, const struct simd_device *d, bool live);

/* Rows of outputs in a tile, inputs that one of them sees in each direction. */
static inline uint32_t simd_winograd_m_h(const struct simd_winograd *s)
{
    return s->five ? 4 : s->m;
}

static inline uint32_t simd_winograd_taps(const struct simd_winograd *s)
{
    return s->five ? 5 : 3;
}

/* Of the transforms, in struct simd_winograd_fns. */
static inline uint32_t simd_winograd_form(const struct simd_winograd *s)
{
    return s->five ? s->m / 2 + 2 : s->m / 2 - 1;
}

/* Where a tile lies. */
struct simd_winograd_place {
    uint64_t n, row, column;
};

static inline struct simd_winograd_place simd_winograd_place(const struct simd_winograd *s, uint64_t tile)
{
    uint64_t image = s->rows * s->columns;
    return (struct simd_winograd_place){tile / image, tile % image / s->columns, tile % s->columns};
}

/* V of tiles begin..begin + count - 1 of images x, one block of input channels; v: the first one's place. */
void simd_winograd_inputs(const struct simd_winograd *s, const struct simd_winograd_fns *fns, const float *x, uint64_t channels,
                          uint64_t begin, uint64_t count, float *v);

/* Of one output tile. */
static inline uint64_t simd_winograd_u_tile(const struct simd_winograd *s)
{
    return s->xis * (uint64_t)s->u_step;
}

static inline uint64_t simd_winograd_v_floats(const struct simd_winograd *s)
{
    return s->xis * (uint64_t)s->v_step;
}

static inline uint64_t simd_winograd_m_floats(const struct simd_winograd *s)
{
    return s->xis * (uint64_t)s->m_step;
}

#endif
