/* SPDX-License-Identifier: MIT
 * An OpenCL between the backend and the loader, made for the tests: it fails the n-th call of a kind, and counts what lives. */
#ifndef FAULT_LAYER_H
#define FAULT_LAYER_H

#include <stdint.h>

enum fault_kind {
    FAULT_NONE,
    FAULT_OPEN,    /* contexts and queues */
    FAULT_ALLOC,   /* buffers */
    FAULT_PROGRAM, /* programs from source or binary, and kernels */
    FAULT_BUILD,
    FAULT_ARG,
    FAULT_ENQUEUE, /* kernels and copies */
    FAULT_WRITE,
    FAULT_READ,
    FAULT_MAP,
    FAULT_FINISH,  /* waiting for the queue or an event */
    FAULT_INFO,    /* questions about a program or a device */
    FAULT_KINDS
};

struct fault_counts {
    int64_t contexts, queues, buffers, programs, kernels, events, maps;
};

/* From now on the n-th call (from 1) of this kind fails, once; `after` more fail behind it (a lost device: many). */
void fault_set(enum fault_kind kind, uint64_t n, uint64_t after);
/* Whether the fault has come; and no more faults. */
int fault_clear(void);
/* Devices say from now on that they share no memory with the host, so that buffers are written and read instead of mapped. */
void fault_separate_memory(void);
/* What devices say their driver's version is; NULL: the truth. */
void fault_driver_version(const char *text);
/* Programs that came through the compiler, and as binaries. */
struct fault_programs {
    int64_t compiled, loaded;
};
struct fault_programs fault_programs(void);
const char *fault_name(enum fault_kind kind);
struct fault_counts fault_alive(void);

#endif
