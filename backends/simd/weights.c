/* SPDX-License-Identifier: MIT
 * weights.h */
#include "weights.h"

#include "isa/move.h"

#define MAX_BLOCK 16

uint64_t simd_weights_floats(const struct simd_weights *w)
{
    return simd_round_up(w->oc, w->block) * simd_round_up(w->ic, w->block) * w->taps;
}

/* One vector of output channels against one block of input channels. */
struct square {
    const float *from;
    uint64_t rows, channels; /* output and input channels that are there */
    float *to;               /* the tile */
    uint64_t width, vector;  /* floats of the tile's vectors; which of them */
    uint64_t number, blocks; /* of the input block; how many there are */
};

/* Where the first input channel of the block goes for one tap. */
static float *place_of(const struct simd_weights *w, const struct square *s, uint64_t tap)
{
    struct simd_tap t = w->order ? w->order[tap] : (struct simd_tap){0, (uint32_t)w->taps, (uint32_t)tap};
    uint64_t reductions = t.before * s->blocks + s->number * t.count + t.place;
    return s->to + reductions * w->block * s->width + s->vector * w->block;
}

/* from[oc][ic][tap]: lines of 16 numbers are transposed in registers and put where they belong. */
static void pack_square(const struct simd_weights *w, const struct simd_move_fns *move, const struct square *s)
{
    uint64_t block = w->block, step = w->ic * w->taps, columns = s->channels * w->taps;
    if (w->taps == 1) {
        move->interleave(s->from, step, s->rows, columns, place_of(w, s, 0), s->width);
        return;
    }
    float square[MAX_BLOCK * MAX_BLOCK];
    for (uint64_t c = 0, ic = 0, tap = 0; c < columns; c += block) {
        uint64_t count = columns - c < block ? columns - c : block;
        move->interleave(s->from + c, step, s->rows, count, square, block);
        for (uint64_t i = 0; i < count; i++) {
            memcpy(place_of(w, s, tap) + ic * s->width, square + i * block, block * sizeof *square);
            if (++tap == w->taps) {
                tap = 0;
                ic++;
            }
        }
    }
}

/* from[ic][oc][tap]. */
static void pack_turned(const struct simd_weights *w, const struct simd_move_fns *move, const struct square *s)
{
    uint64_t block = w->block;
    float square[MAX_BLOCK * MAX_BLOCK];
    for (uint64_t ic = 0; ic < s->channels; ic++) {
        const float *from = s->from + ic * w->oc * w->taps;
        if (w->taps == 1) {
            float *to = place_of(w, s, 0) + ic * s->width;
            memcpy(to, from, s->rows * sizeof *to);
            memset(to + s->rows, 0, (block - s->rows) * sizeof *to);
            continue;
        }
        for (uint64_t tap = 0; tap < w->taps; tap += block) {
            uint64_t count = w->taps - tap < block ? w->taps - tap : block;
            move->interleave(from + tap, w->taps, s->rows, count, square, block);
            for (uint64_t i = 0; i < count; i++)
                memcpy(place_of(w, s, tap + i) + ic * s->width, square + i * block, block * sizeof *square);
        }
    }
}

void simd_weights_pack(const struct simd_weights *w, const struct simd_move_fns *move, const float *plain, uint64_t begin,
                       uint64_t end, float *packed)
{
    uint64_t block = w->block, last = simd_ceil_div(w->oc, block);
    for (uint64_t t = begin; t < end; t++) {
        uint64_t first = t * w->v, vectors = last - first < w->v ? last - first : w->v, width = vectors * block;
        float *to = packed + simd_weights_tile(w, t);
        for (uint64_t ic = 0; ic < w->ic; ic += block)
            for (uint64_t i = 0; i < vectors; i++) {
                uint64_t oc = (first + i) * block;
                struct square s = {.rows = w->oc - oc < block ? w->oc - oc : block,
                                   .channels = w->ic - ic < block ? w->ic - ic : block,
                                   .to = to,
                                   .width = width,
                                   .vector = i,
                                   .number = ic / block,
                                   .blocks = simd_ceil_div(w->ic, block)};
                s.from = plain + (w->turned ? ic * w->oc + oc : oc * w->ic + ic) * w->taps;
                (w->turned ? pack_turned : pack_square)(w, move, &s);
                for (uint64_t tap = 0; tap < w->taps && s.channels < block; tap++)
                    for (uint64_t k = s.channels; k < block; k++)
                        memset(place_of(w, &s, tap) + k * width, 0, block * sizeof *to);
            }
    }
}
