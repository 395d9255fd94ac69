/* SPDX-License-Identifier: MIT
 * The groups of channels of a batch norm. A group is a block of a blocked tensor or of neighbouring columns, or one channel
 * whose pixels fill the lanes. It is summed and then written while it is still in a cache, by one thread if there are groups
 * for all threads, else by all of them. Sums are made piece by piece (an image of a group), these are joined in their order, so
 * both ways give the same bits. */
#ifndef SIMD_NORM_GROUPS_H
#define SIMD_NORM_GROUPS_H

#include "isa/norm.h"
#include "simd.h"

/* How channels and pixels lie. */
struct simd_norm_view {
    uint64_t groups, pieces;         /* pieces of each group */
    uint64_t group_step, piece_step; /* floats */
    uint64_t rows, last_rows;        /* of a piece; of the last one */
    uint64_t stride;
    uint64_t channels, block;
    uint32_t rest; /* lanes of one row more */
    bool spread;   /* a group is one channel */
    double count;  /* elements of a channel */
};

/* The vectors of a group of channels; zeros where there is no channel, and there the limits hold a result at zero, too. */
struct simd_norm_vectors {
    float mean[SIMD_NORM_MAX_LANES], factor[SIMD_NORM_MAX_LANES], offset[SIMD_NORM_MAX_LANES], slope[SIMD_NORM_MAX_LANES],
        shift[SIMD_NORM_MAX_LANES], low[SIMD_NORM_MAX_LANES], high[SIMD_NORM_MAX_LANES];
};

struct simd_norm_groups {
    const struct simd_norm_fns *fns;
    struct simd_norm_view v;
    const float *x, *residual; /* residual NULL: none */
    const float *dy;           /* NULL: forward */
    float *y;                  /* y or dx; NULL: not wanted */
    uint32_t activation;       /* SIMD_LINEAR (isa/tile.h), CVK_RELU, CVK_CLIP */
    /* Fills the vectors of a group, but for what follows from its sums; then that. Spread channels have lane 0 alone. */
    void (*prepare)(const struct simd_norm_groups *j, uint64_t group, struct simd_norm_vectors *of);
    void (*finish)(const struct simd_norm_groups *j, uint64_t group, const struct simd_norm_sums *total,
                   struct simd_norm_vectors *of);
    /* The files' own. */
    uint64_t group;
    struct simd_norm_sums *pieces;
    struct simd_norm_vectors vectors, *all;
};

struct simd_norm_view simd_norm_view_of(const struct cvk_tensor_desc *x, uint32_t block);
/* Workspace of a run, with sums or without. */
uint64_t simd_norm_bytes(const struct simd_norm_view *v, bool sums);
/* Sums each group, then writes it. */
void simd_norm_run_sums(struct cvk_exec *e, struct simd_norm_groups *j);
/* Writes alone. */
void simd_norm_run_writes(struct cvk_exec *e, struct simd_norm_groups *j);

/* Lanes of a group that are channels, and the channel of one. */
static inline uint32_t simd_norm_lanes(const struct simd_norm_view *v, uint64_t group)
{
    uint64_t left = v->spread ? 1 : v->channels - group * v->block;
    return left < v->block ? (uint32_t)left : (uint32_t)v->block;
}

static inline uint64_t simd_norm_channel(const struct simd_norm_view *v, uint64_t group, uint32_t lane)
{
    return v->spread ? group : group * v->block + lane;
}

/* The first element of each channel of a group: what sums are made around. */
void simd_norm_origin(const struct simd_norm_groups *j, uint64_t group, float *origin);
/* mean and variance of a channel in double, one element after the other: for what overflows a float, and for infinities. */
void simd_norm_moments_slowly(const struct simd_norm_groups *j, uint64_t group, uint32_t lane, double *mean, double *var);

#endif
