/* SPDX-License-Identifier: MIT
 * The inner loops of the roof's measurement, once for each instruction set that this CPU may have. */
#ifndef CONVOKE_ROOF_LOOPS_H
#define CONVOKE_ROOF_LOOPS_H

#include <stddef.h>
#include <stdint.h>

struct roof_loops {
    const char *isa;
    uint32_t lanes, chains; /* floats in a vector; accumulators that do not wait for each other */
    /* x = x * m + a on every accumulator, `rounds` times: 2 * rounds * chains * lanes operations. The start, some
     * number near 1, and the result are the caller's, so that no work can be left out. */
    float (*multiply_add)(uint64_t rounds, float start);
    /* Reads memory once; bytes is a multiple of 256. */
    uint64_t (*read)(const void *data, size_t bytes);
    /* STREAM's triad a = b + s * c; bytes, a multiple of 64, is the size of each of the three. */
    void (*triad)(void *a, const void *b, const void *c, size_t bytes);
};

#define ROOF_ISAS 3
/* The loops that this CPU can run, widest vectors first; returns how many. */
uint32_t roof_loops(const struct roof_loops *out[ROOF_ISAS]);

#endif
