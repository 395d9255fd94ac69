/* SPDX-License-Identifier: MIT
 * Counter-based random numbers: a pure function of (seed, stream, index), so that every backend and every thread count
 * draws the same ones. Philox-2x32 with 10 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
 *
 * Threads: pure functions.
 *
 * Example:
 * @code
 * #include <convoke/rng.h>
 * float draw(uint64_t seed, uint32_t node, uint64_t element)
 * {
 *     return cvk_rng_uniform(seed, node, element);
 * }
 * @endcode
 */
#ifndef CONVOKE_RNG_H
#define CONVOKE_RNG_H

#include <math.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Two words of 32 bits for one (seed, stream, index); stream separates users of one seed (a node's number, say). */
static inline uint64_t cvk_rng_bits(uint64_t seed, uint32_t stream, uint64_t index)
{
    uint32_t key = (uint32_t)seed ^ (uint32_t)(seed >> 32) * 0x85EBCA6Bu ^ stream * 0xC2B2AE35u;
    uint32_t lo = (uint32_t)index, hi = (uint32_t)(index >> 32) ^ (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t product = (uint64_t)lo * 0xD256D193u;
        lo = (uint32_t)(product >> 32) ^ key ^ hi;
        hi = (uint32_t)product;
        key += 0x9E3779B9u;
    }
    return (uint64_t)hi << 32 | lo;
}

/* Uniform in [0, 1): multiples of 2^-24. */
static inline float cvk_rng_uniform(uint64_t seed, uint32_t stream, uint64_t index)
{
    return (float)(cvk_rng_bits(seed, stream, index) >> 40) * 0x1p-24f;
}

/* Standard normal, by Box and Muller (1958). */
static inline float cvk_rng_normal(uint64_t seed, uint32_t stream, uint64_t index)
{
    uint64_t bits = cvk_rng_bits(seed, stream, index);
    double u = ((double)(bits >> 32) + 0.5) * 0x1p-32, v = (double)(uint32_t)bits * 0x1p-32;
    return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

#ifdef __cplusplus
}
#endif
#endif
