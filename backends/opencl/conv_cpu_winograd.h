/* SPDX-License-Identifier: MIT
 * What the files of Winograd's convolution for CPU devices share: the sizes of one layer and the choices made for it
 * (kernels/conv_cpu_winograd.cl). Tiles are of 4x4 outputs for windows of 3x3, of 4x2 for 5x5. */
#ifndef OCL_CONV_CPU_WINOGRAD_H
#define OCL_CONV_CPU_WINOGRAD_H

#include "conv_cpu.h"

#define OCL_WINOGRAD_MAX_TAPS 5
#define OCL_WINOGRAD_A_W 6 /* columns of inputs of a tile */

struct ocl_winograd {
    struct ocl_conv c;
    struct ocl_cpu_tile tile;      /* of sums */
    uint32_t taps, a_h, xis;       /* a side of the window; rows of inputs of a tile; all its inputs */
    uint64_t sum;                  /* input blocks whose products are summed by themselves */
    uint64_t parts;                /* of output channels: tiles of `vectors` blocks, the last one may be smaller */
    uint64_t rows, columns, tiles; /* of tiles in an image; tiles of all images */
    bool together;                 /* the groups share V and take output channels each; else they take tiles each */
    uint64_t most, groups;         /* tiles of a block; groups for tiles, or for channels */
    /* Vectors between numbers xi: odd, so that they do not fall into the same sets of a cache. */
    uint64_t v_step, m_step, u_step;
    double ns; /* estimated time on all cores */
};

/* Sizes and choices for a convolution with windows of 3x3 or 5x5, stride 1. */
struct ocl_winograd ocl_winograd_of(const struct ocl_conv *c, const struct ocl_device *d);
/* Estimated nanoseconds on one core, without the transform of weights (conv_cpu.h). */
double ocl_winograd_cost(const struct ocl_winograd *s);

/* Sizes in memory: the transformed weights; V of all groups; a group's M and one tile's inputs; groups of the shared transform of
 * inputs, over tiles and over blocks; the scratch memory of all. */
uint64_t ocl_winograd_u_floats(const struct ocl_winograd *s);
uint64_t ocl_winograd_v_vectors(const struct ocl_winograd *s);
uint64_t ocl_winograd_m_vectors(const struct ocl_winograd *s);
void ocl_winograd_input_groups(const struct ocl_winograd *s, const struct ocl_device *d, uint64_t *tiles, uint64_t *blocks);
uint64_t ocl_winograd_scratch_vectors(const struct ocl_winograd *s, const struct ocl_device *d);

#endif
