/* SPDX-License-Identifier: MIT
 * dropout.h in loops over short arrays, which the compiler turns into vectors: vec.h has no products of 64 bits. */
#include "vec.h"

#include "dropout.h"

#define GROUP (2 * V_LEN) /* counters that are worked at together */

/* Philox-2x32 with ten rounds, as in rng.h, but for the words that nobody wants. lo: the counters; then the upper 24 bits. */
SIMD_INLINE void draw(const struct simd_dropout *d, uint32_t *lo)
{
    uint32_t hi[GROUP], key = d->key;
    for (int i = 0; i < GROUP; i++)
        hi[i] = d->high;
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < GROUP; i++) {
            const uint64_t product = (uint64_t)lo[i] * 0xD256D193u;
            lo[i] = (uint32_t)(product >> 32) ^ key ^ hi[i];
            hi[i] = (uint32_t)product;
        }
        key += 0x9E3779B9u;
    }
    for (int i = 0; i < GROUP; i++)
        lo[i] = hi[i] >> 8;
}

SIMD_INLINE void apply(const struct simd_dropout *d, const uint32_t *bits, const float *x, float *y, uint8_t *mask,
                       const uint64_t n)
{
    const float factor = d->factor;
    const uint32_t border = d->border;
    float kept[GROUP];
    for (uint64_t i = 0; i < n; i++)
        kept[i] = x[i] * factor;
    for (uint64_t i = 0; i < n; i++)
        y[i] = bits[i] < border ? 0.0f : kept[i];
    for (uint64_t i = 0; mask && i < n; i++)
        mask[i] = bits[i] >= border;
}

static void flat(const struct simd_dropout *d, uint32_t first, const float *x, float *y, uint8_t *mask, uint64_t count)
{
    uint32_t lo[GROUP];
    for (uint64_t done = 0; done < count; done += GROUP) {
        for (uint32_t i = 0; i < GROUP; i++)
            lo[i] = first + (uint32_t)done + i;
        draw(d, lo);
        if (count - done >= GROUP)
            apply(d, lo, x + done, y + done, mask ? mask + done : NULL, GROUP);
        else
            apply(d, lo, x + done, y + done, mask ? mask + done : NULL, count - done);
    }
}

static void blocks(const struct simd_dropout *d, uint32_t first, uint32_t map, const float *x, float *y, uint64_t pixels)
{
    uint32_t lo[GROUP];
    for (uint64_t p = 0; p < pixels; p += GROUP / V_LEN) {
        for (uint32_t i = 0; i < GROUP; i++)
            lo[i] = first + (uint32_t)p + i / V_LEN + i % V_LEN * map;
        draw(d, lo);
        if (pixels - p >= GROUP / V_LEN)
            apply(d, lo, x + p * V_LEN, y + p * V_LEN, NULL, GROUP);
        else
            apply(d, lo, x + p * V_LEN, y + p * V_LEN, NULL, (pixels - p) * V_LEN);
    }
}

const struct simd_dropout_fns SIMD_FN(simd_dropout_fns) = {.flat = flat, .blocks = blocks};
