/* SPDX-License-Identifier: MIT
 * What the files of the SIMD backend share: the device, rows, work in parallel.
 *
 * A file NAME.c that rows.def lists defines `const struct cvk_kernel simd_NAME_rows[]` and `const uint32_t simd_NAME_row_count`;
 * backend.c joins them in that order, which is the order of preference among rows of one op. The portable files decide
 * what is computed where; the arithmetic is in isa/. */
#ifndef SIMD_H
#define SIMD_H

#include <stdbool.h>

#include "convoke/plugin_cpu.h"
#include "cpu.h"

enum simd_accuracy {
    SIMD_STRICT = 0, /* sums of products alone: no Winograd */
    SIMD_NORMAL = 1, /* Winograd F(2x2) and F(4x4) */
    SIMD_FAST = 2    /* and F(6x6) */
};

/* What open gives; nothing changes it afterwards. */
struct simd_device {
    const struct simd_isa *isa;
    uint32_t threads; /* 1 or more: what simd_parallel cuts work for */
    enum simd_accuracy accuracy;
    struct simd_caches caches;
};

#define SIMD_ROW(OP, row_name) .size = sizeof(struct cvk_kernel), .op = CVK_OP_##OP, .name = row_name
#define SIMD_COUNT(array) ((uint32_t)(sizeof(array) / sizeof((array)[0])))
/* All blocked layouts: which one it is depends on the instruction set, so plan asks simd_blocked. */
#define SIMD_BLOCKED (CVK_LAYOUT_BIT(CVK_LAYOUT_NC4) | CVK_LAYOUT_BIT(CVK_LAYOUT_NC8) | CVK_LAYOUT_BIT(CVK_LAYOUT_NC16))
#define SIMD_PLAIN CVK_LAYOUT_BIT(CVK_LAYOUT_PLAIN)
#define SIMD_F32 CVK_DTYPE_BIT(CVK_F32)

static inline const struct simd_device *simd_device_of(const struct cvk_exec *e)
{
    return (const struct simd_device *)e->device;
}

static inline const struct simd_device *simd_asked(const struct cvk_query *q)
{
    return (const struct simd_device *)q->device;
}

/* In plan: a refusal unless the layout is the device's blocked one. */
static inline int32_t simd_blocked(const struct cvk_query *q, uint32_t layout)
{
    const struct simd_isa *isa = simd_asked(q)->isa;
    return layout == isa->layout ? CVK_OK : cvk_refuse(q, "the %s kernels want blocks of %u channels", isa->name, isa->block);
}

#define SIMD_TRY(call)               \
    do {                             \
        int32_t status_ = (call);    \
        if (status_ != CVK_OK)       \
            return status_;          \
    } while (0)

/* Runs fn over 0..count-1 on the device's threads; nothing to do for 0. */
static inline void simd_parallel(struct cvk_exec *e, uint64_t count, cvk_task_fn fn, void *arg)
{
    if (count > 0)
        e->host->parallel(e->host, simd_device_of(e)->threads, count, fn, arg);
}

static inline uint64_t simd_ceil_div(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

static inline uint64_t simd_round_up(uint64_t a, uint64_t b)
{
    return simd_ceil_div(a, b) * b;
}

#endif
