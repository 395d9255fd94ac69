/* SPDX-License-Identifier: MIT
 * Weights of a convolution or a product, in the order in which the tiles of isa/tile.h read them. */
#ifndef SIMD_WEIGHTS_H
#define SIMD_WEIGHTS_H

#include "simd.h"

/* Where a tap goes: taps are put into classes, one behind the other, each with all input blocks. */
struct simd_tap {
    uint32_t before, count, place; /* taps of the classes before its own, taps of its class, its place among these */
};

/* Plain weights of one group: [oc][ic][taps], or, turned, [ic][oc][taps]. */
struct simd_weights {
    uint64_t oc, ic, taps;
    uint32_t block; /* of the instruction set */
    uint32_t v;     /* vectors of output channels in a tile; the last tile may have fewer */
    bool turned;
    const struct simd_tap *order; /* of each tap; NULL: one class, as they come */
};

/* Floats of the packed form: [tile of v vectors][class][input block][tap][block][vectors of this tile][block], padded with
 * zeros. A tile t begins at float t * v * block * (reductions * block), reductions = input blocks * taps. */
uint64_t simd_weights_floats(const struct simd_weights *w);
/* Packs output tiles begin..end-1 of plain weights. */
void simd_weights_pack(const struct simd_weights *w, const struct simd_move_fns *move, const float *plain, uint64_t begin,
                       uint64_t end, float *packed);

static inline uint64_t simd_weights_tiles(const struct simd_weights *w)
{
    return simd_ceil_div(simd_ceil_div(w->oc, w->block), w->v);
}

/* Where tile t begins. */
static inline uint64_t simd_weights_tile(const struct simd_weights *w, uint64_t t)
{
    return t * w->v * w->block * simd_ceil_div(w->ic, w->block) * w->taps * w->block;
}

#endif
