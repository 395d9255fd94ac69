/* SPDX-License-Identifier: MIT
 * Work on flat runs of elements, whatever their layout: how it is cut, and the padding of blocked layouts. */
#ifndef SIMD_FLAT_H
#define SIMD_FLAT_H

#include "simd.h"

/* Floats in one unit of parallel work: small tensors stay on one thread. Multiples of every block. */
#define SIMD_FLAT_UNIT 16384 /* for what costs no more than its memory */
#define SIMD_HEAVY_UNIT 4096 /* for functions by polynomials, and along rows */

/* Where the padding of a blocked tensor lies; block 1: there is none. */
struct simd_padding {
    uint64_t block, used;         /* channels in a block, of these real ones in the last block */
    uint64_t image, last;         /* floats in an image, and before its last block */
};

static inline struct simd_padding simd_padding_of(const struct cvk_tensor_desc *d)
{
    uint64_t block = d->layout == CVK_LAYOUT_NC16 ? 16 : d->layout == CVK_LAYOUT_NC8 ? 8 : d->layout == CVK_LAYOUT_NC4 ? 4 : 1;
    if (block == 1 || d->dims[1] % (int64_t)block == 0)
        return (struct simd_padding){.block = 1};
    uint64_t pixels = 1, channels = (uint64_t)d->dims[1];
    for (uint32_t i = 2; i < d->rank; i++)
        pixels *= (uint64_t)d->dims[i];
    uint64_t image = simd_round_up(channels, block) * pixels;
    return (struct simd_padding){block, channels % block, image, image - pixels * block};
}

/* Makes the padding within floats begin..end-1 (multiples of the block) zero, as the layout promises, after f(0) != 0. */
static inline void simd_clear_padding(const struct simd_padding *p, float *data, uint64_t begin, uint64_t end)
{
    if (p->block == 1)
        return;
    for (uint64_t n = begin / p->image; n * p->image < end; n++) {
        uint64_t first = n * p->image + p->last, behind = (n + 1) * p->image;
        for (uint64_t i = first > begin ? first : begin; i < behind && i < end; i += p->block)
            memset(data + i + p->used, 0, (p->block - p->used) * sizeof *data);
    }
}

#endif
