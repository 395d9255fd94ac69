/* SPDX-License-Identifier: MIT
 * What this machine's CPU can do at most, measured: multiply-adds per second, and bytes per second from each level of memory. */
#ifndef CONVOKE_ROOF_H
#define CONVOKE_ROOF_H

#include "json_out.h"
#include "roof_loops.h"

enum roof_memory { ROOF_L2, ROOF_L3, ROOF_DRAM, ROOF_TRIAD, ROOF_MEMORIES };

/* With a given number of threads. 0: not measured. */
struct roof_rates {
    uint32_t threads;
    double fma_gflops;
    double gb_per_s[ROOF_MEMORIES]; /* read, and for the triad the bytes that it reads and writes */
};

struct roof {
    char cpu[128];                  /* "" if unknown */
    const struct roof_loops *loops; /* the fastest */
    uint32_t isa_count;
    struct {
        const char *isa;
        double fma_gflops; /* one thread */
    } isas[ROOF_ISAS];
    uint64_t l2_bytes, l3_bytes; /* 0: none found */
    uint64_t l3_total_bytes;     /* of all the L3 caches */
    uint64_t buffer_bytes;       /* what is read as DRAM */
    char *buffer;
};

/* Looks at the CPU, chooses the instruction set and takes memory. TOOL_GO_ON, or the exit code. */
int roof_open(struct roof *r);
void roof_close(struct roof *r); /* a zeroed one is fine */
/* Measures with `threads` threads at once, about 0.2 s. TOOL_GO_ON, or the exit code. */
int roof_measure(struct roof *r, uint32_t threads, struct roof_rates *out);

/* roof_print.c */
void roof_print(const struct roof *r, const struct roof_rates *rates, uint32_t count);
void roof_put_json(struct json *object, const struct roof *r, const struct roof_rates *rates, uint32_t count);

#endif
