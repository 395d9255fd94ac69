/* SPDX-License-Identifier: MIT
 * weights.h */
#include "weights.h"

uint64_t simd_weights_floats(const struct simd_weights *w)
{
    return simd_round_up(w->oc, w->block) * simd_round_up(w->ic, w->block) * w->taps;
}

/* One tile: `vectors` vectors of output channels from oc on. Written in order, read along oc: 64 bytes of each source line are used
 * within the 16 taps and channels that follow, while the lines are still in the cache. */
static void pack_tile(const struct simd_weights *w, const float *plain, uint64_t stride_oc, uint64_t stride_ic, uint64_t oc,
                      uint64_t vectors, float *to)
{
    uint64_t width = vectors * w->block, real = w->oc - oc < width ? w->oc - oc : width;
    for (uint64_t ib = 0; ib < w->ic; ib += w->block)
        for (uint64_t tap = 0; tap < w->taps; tap++)
            for (uint64_t ic = ib; ic < ib + w->block; ic++, to += width) {
                if (ic >= w->ic) {
                    memset(to, 0, width * sizeof *to);
                    continue;
                }
                const float *from = plain + oc * stride_oc + ic * stride_ic + tap;
                for (uint64_t i = 0; i < real; i++)
                    to[i] = from[i * stride_oc];
                memset(to + real, 0, (width - real) * sizeof *to);
            }
}

void simd_weights_pack(const struct simd_weights *w, const float *plain, uint64_t stride_oc, uint64_t stride_ic, uint64_t begin,
                       uint64_t end, float *packed)
{
    uint64_t blocks = simd_ceil_div(w->oc, w->block);
    for (uint64_t t = begin; t < end; t++) {
        uint64_t first = t * w->v, vectors = blocks - first < w->v ? blocks - first : w->v;
        pack_tile(w, plain, stride_oc, stride_ic, first * w->block, vectors, packed + simd_weights_tile(w, t));
    }
}
