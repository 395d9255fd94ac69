/* SPDX-License-Identifier: MIT
 * weights.h */
#include "weights.h"

#include "isa/move.h"

#define MAX_BLOCK 16

uint64_t simd_weights_floats(const struct simd_weights *w)
{
    return simd_round_up(w->oc, w->block) * simd_round_up(w->ic, w->block) * w->taps;
}

/* One vector of output channels against one block of input channels: from[oc][ic][tap] to to[tap][ic], a vector each, `width`
 * floats apart. Squares are transposed in registers; with several taps their lines are then put where they belong. */
static void pack_square(const struct simd_weights *w, const struct simd_move_fns *move, const float *from, uint64_t rows,
                        uint64_t channels, float *to, uint64_t width)
{
    uint64_t block = w->block, step = w->ic * w->taps, columns = channels * w->taps;
    if (w->taps == 1) {
        move->interleave(from, step, rows, columns, to, width);
    } else {
        float square[MAX_BLOCK * MAX_BLOCK];
        for (uint64_t c = 0; c < columns; c += block) {
            uint64_t count = columns - c < block ? columns - c : block;
            move->interleave(from + c, step, rows, count, square, block);
            for (uint64_t i = 0; i < count; i++) {
                uint64_t ic = (c + i) / w->taps, tap = (c + i) % w->taps;
                memcpy(to + (tap * block + ic) * width, square + i * block, block * sizeof *to);
            }
        }
    }
    for (uint64_t tap = 0; tap < w->taps; tap++)
        for (uint64_t ic = channels; ic < block; ic++)
            memset(to + (tap * block + ic) * width, 0, block * sizeof *to);
}

void simd_weights_pack(const struct simd_weights *w, const struct simd_move_fns *move, const float *plain, uint64_t begin,
                       uint64_t end, float *packed)
{
    uint64_t block = w->block, last = simd_ceil_div(w->oc, block);
    for (uint64_t t = begin; t < end; t++) {
        uint64_t first = t * w->v, vectors = last - first < w->v ? last - first : w->v, width = vectors * block;
        float *to = packed + simd_weights_tile(w, t);
        for (uint64_t ic = 0; ic < w->ic; ic += block, to += w->taps * block * width)
            for (uint64_t i = 0; i < vectors; i++) {
                uint64_t oc = (first + i) * block, rows = w->oc - oc < block ? w->oc - oc : block;
                uint64_t channels = w->ic - ic < block ? w->ic - ic : block;
                pack_square(w, move, plain + (oc * w->ic + ic) * w->taps, rows, channels, to + i * block, width);
            }
    }
}
