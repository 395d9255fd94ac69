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
    uint32_t m, xis; /* F(m x m, 3 x 3) has (m + 2)^2 numbers xi */
    uint32_t block, v;
    uint64_t icb, ocb, oc_tiles;   /* input blocks, output blocks, tiles of v output blocks */
    uint64_t rows, columns, tiles; /* of tiles in an image; tiles of all images */
    /* The choices. */
    uint64_t most;    /* tiles in a block of tiles */
    uint64_t part;    /* tiles of it that M holds at a time */
    uint64_t depth;   /* input blocks whose weights U holds at a time; all, unless fresh and there is one part */
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
