/* SPDX-License-Identifier: MIT
 * The epilogue of conv and its kin on blocked outputs: its vectors padded to whole blocks, activations that the tiles do not do
 * themselves, and padding channels kept at zero. */
#ifndef SIMD_EPILOGUE_H
#define SIMD_EPILOGUE_H

#include "isa/tile.h"
#include "simd.h"

/* Everything that a row which uses this file can apply. */
#define SIMD_EPILOGUES (CVK_EPI_BIAS | CVK_EPI_SCALE | CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION)

/* Bytes of workspace for the padded vectors of `channels` output channels; book it in plan, hand it to bind. 0 where channels
 * are whole blocks: the vectors are then used where they are. */
uint64_t simd_epilogue_bytes(const struct cvk_query *q, uint64_t channels);

/* The epilogue of one run, as the tiles want it. */
struct simd_epilogue {
    const float *bias, *scale, *shift; /* of whole blocks, or NULL */
    const float *residual;             /* the whole tensor, or NULL */
    uint32_t activation;               /* SIMD_LINEAR, CVK_RELU or CVK_CLIP: inside the tile */
    float a, b;
    uint32_t late;           /* SIMD_LINEAR, or the activation that simd_epilogue_finish applies */
    uint64_t channels;       /* real ones */
    uint32_t block;
    const struct simd_device *device;
};

/* In run; `memory`: simd_epilogue_bytes of workspace. */
void simd_epilogue_bind(struct simd_epilogue *out, const struct cvk_exec *e, uint64_t channels, float *memory);

/* Fills a tile's epilogue members: channels from `channel` (a multiple of the block), results at element `offset` of y. */
static inline void simd_epilogue_set(struct simd_tile *t, const struct simd_epilogue *epi, uint64_t channel, uint64_t offset)
{
    t->bias = epi->bias ? epi->bias + channel : NULL;
    t->scale = epi->scale ? epi->scale + channel : NULL;
    t->shift = epi->shift ? epi->shift + channel : NULL;
    t->residual = epi->residual ? epi->residual + offset : NULL;
    t->channels = epi->channels - channel;
    t->activation = epi->activation;
    t->a = epi->a;
    t->b = epi->b;
}

/* True if simd_epilogue_finish has anything to do for results that a tile has stored. */
static inline bool simd_epilogue_late(const struct simd_epilogue *epi)
{
    return epi->late != SIMD_LINEAR;
}

/* The same for kernels which store what they have in the padding channels of the block of channels from `channel`. */
static inline bool simd_epilogue_pending(const struct simd_epilogue *epi, uint64_t channel)
{
    return epi->late != SIMD_LINEAR || epi->channels < channel + epi->block;
}

/* Applies what is left to `pixels` results of one block of channels, lying one behind the other at y. */
void simd_epilogue_finish(const struct simd_epilogue *epi, uint64_t channel, float *y, uint64_t pixels);

#endif
