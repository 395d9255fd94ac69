/* SPDX-License-Identifier: MIT
 * The central primitive: a batch-reduce product of `px` pixels by `v` vectors of output channels,
 *
 *   y[p, oc] = epilogue( init + sum over r < n_red, k < block:  x[x_off[r] + p * x_step + k] * w[r, k, oc] )
 *
 * summed for each output in the order of r, then k, whatever the tile: how pixels and channels are cut into tiles does not change a
 * bit. A reduction step r is one block of input channels at one tap of the window, so the same function serves every kernel
 * size, stride and dilation, 1x1, groups, the products of Winograd, and dense layers. The idea of the primitive: Georganas et al.,
 * "High-Performance Deep Learning via a Single Building Block", arXiv 1906.06440. */
#ifndef SIMD_TILE_H
#define SIMD_TILE_H

#include <stdint.h>

struct simd_tile {
    const float *x;
    const int64_t *x_off; /* n_red + 1 entries, in floats; the last one is only prefetched */
    int64_t x_step;       /* floats between the inputs of neighbouring pixels */
    const float *w;       /* [n_red][block][v][block] */
    uint32_t n_red;
    uint32_t part_red, part_k; /* in the last part_red steps only k < part_k count, since the others are 0; 0, 0: all do */
    uint32_t activation;  /* CVK_RELU, CVK_CLIP or SIMD_LINEAR: others are applied afterwards (epilogue.h) */
    float *y;             /* first pixel, first vector of channels; pixels lie y_step floats apart */
    int64_t y_step;
    int64_t y_block;      /* floats between vectors of channels */
    const float *bias, *scale, *shift; /* [v][block] each; bias may be NULL, scale and shift too, both */
    const float *residual; /* NULL, or addressed as y */
    float a, b;            /* clip's limits */
    uint64_t channels;     /* real ones from the first on: what follows in the last vector is stored as 0; 0: all are real */
    uint32_t accumulate;   /* 1: sums begin with what y holds; bias is not added (a reduction that was split) */
};

#define SIMD_LINEAR 0xffffffffu

typedef void (*simd_tile_fn)(const struct simd_tile *t);

#define SIMD_TILE_MAX_V 4
#define SIMD_TILE_MAX_PX 14

/* Largest tiles for v = 1..4 vectors, 0 where there is none; `step[s][v - 1][px - 1]` has x_step = (s + 1) * block built
 * in for s = 0, 1, and any x_step for s = 2. */
struct simd_tile_fns {
    uint32_t block; /* floats in a vector */
    uint32_t max_px[SIMD_TILE_MAX_V];
    uint32_t best_v; /* the vectors of the tile with the best share of peak */
    simd_tile_fn step[3][SIMD_TILE_MAX_V][SIMD_TILE_MAX_PX];
};

/* Which of step[] serves a distance of x_step floats between pixels. */
static inline uint32_t simd_tile_step(uint32_t block, int64_t x_step)
{
    return x_step == block ? 0 : x_step == 2 * (int64_t)block ? 1 : 2;
}

#endif
