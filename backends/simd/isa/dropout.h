/* SPDX-License-Identifier: MIT
 * Dropout by the random numbers of rng.h: the same bits, many counters at once. */
#ifndef SIMD_DROPOUT_H
#define SIMD_DROPOUT_H

#include <stdint.h>

struct simd_dropout {
    uint32_t key, high; /* of the generator: from seed and step; the upper half of all counters, which is the seed's alone */
    uint32_t border;    /* an element is dropped if its 24 random bits are below */
    float factor;       /* of what is kept */
};

struct simd_dropout_fns {
    /* y[i] from x[i], i < count, by counter first + i; mask[i] is whether it was kept, NULL: not wanted. y may be x. */
    void (*flat)(const struct simd_dropout *d, uint32_t first, const float *x, float *y, uint8_t *mask, uint64_t count);
    /* Lane k of pixel p by counter first + k * map + p. */
    void (*blocks)(const struct simd_dropout *d, uint32_t first, uint32_t map, const float *x, float *y, uint64_t pixels);
};

#endif
