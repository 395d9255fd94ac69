/* SPDX-License-Identifier: MIT
 * What the ops that only move elements share: copies between strided tensors, by element size, so for any type. */
#ifndef REF_MOVE_H
#define REF_MOVE_H

#include "ref.h"

/* One element; the constant sizes make each case one load and one store. */
static inline void ref_copy(char *dst, int64_t to, const char *src, int64_t from, uint32_t bytes)
{
    switch (bytes) {
    case 1: memcpy(dst + to, src + from, 1); break;
    case 2: memcpy(dst + to * 2, src + from * 2, 2); break;
    case 4: memcpy(dst + to * 4, src + from * 4, 4); break;
    default: memcpy(dst + to * 8, src + from * 8, 8); break;
    }
}

/* A copy of `walk`'s sizes: operand 0 of the walk is the source, operand 1 the destination. */
struct ref_move {
    struct ref_walk walk;
    const char *src;
    char *dst;
    uint32_t bytes; /* of one element */
};

static inline void ref_move_task(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct ref_move *m = arg;
    struct ref_walk w = m->walk;
    (void)worker;
    ref_walk_seek(&w, begin);
    for (uint64_t i = begin; i < end; i++) {
        ref_copy(m->dst, w.offset[1], m->src, w.offset[0], m->bytes);
        ref_walk_next(&w);
    }
}

/* Copies rank/dims elements of `bytes` bytes; strides are in elements and may be 0 (repeat) or negative on the source's side. */
static inline void ref_move_run(struct cvk_exec *e, uint32_t bytes, uint32_t rank, const int64_t *dims, const char *src,
                                const int64_t *src_strides, char *dst, const int64_t *dst_strides)
{
    struct ref_move m = {.src = src, .dst = dst, .bytes = bytes};
    uint64_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= (uint64_t)dims[i];
    ref_walk_init(&m.walk, rank, dims);
    ref_walk_add_strides(&m.walk, src_strides);
    ref_walk_add_strides(&m.walk, dst_strides);
    ref_parallel(e, count, ref_move_task, &m);
}

#endif
