/* SPDX-License-Identifier: MIT
 * Placing blocks with lifetimes in one arena. */
#ifndef CVK__ARENA_H
#define CVK__ARENA_H

#include "../base/base.h"

struct cvk__block {
    uint64_t bytes;      /* rounded up by planning */
    int32_t first, last; /* steps in use; first -1: before the first step; last >= steps: to the end */
    uint64_t offset;     /* the result */
    uint32_t tag;        /* the caller's own */
};

/* Gives every block an offset (a multiple of `align`) such that blocks alive at the same step never overlap, and the arena's size. */
int32_t cvk__arena_plan(struct cvk__block *blocks, uint32_t count, int32_t steps, uint64_t align, uint64_t *total_bytes);

#endif
