/* SPDX-License-Identifier: MIT
 * What this processor can do, and the kernels that fit it. */
#ifndef SIMD_CPU_H
#define SIMD_CPU_H

#include "isa/isa.h"

struct simd_caches {
    uint64_t l1_bytes, l2_bytes, l3_bytes; /* data cache of one core; one core's share is not worked out for l3 */
};

/* The tables that were built, the best first, NULL at the end. */
const struct simd_isa *const *simd_isas(void);
/* The best one that this processor and its system can run. Never NULL. */
const struct simd_isa *simd_isa_best(void);
/* By name; NULL if it was not built. *runs: whether this processor can run it. */
const struct simd_isa *simd_isa_find(const char *name, int *runs);
struct simd_caches simd_cpu_caches(void);
/* "AMD EPYC 9654", or "" where the system does not tell. */
void simd_cpu_name(char *text, uint32_t bytes);

#endif
