/* SPDX-License-Identifier: MIT
 * Copies between two strided views of the same sizes: slices, joins, transposes, repeats, in whatever layout, once their axes
 * are written down as sizes and strides. */
#ifndef SIMD_STRIDED_H
#define SIMD_STRIDED_H

#include "simd.h"

#define SIMD_FOUR_BYTES (CVK_DTYPE_BIT(CVK_F32) | CVK_DTYPE_BIT(CVK_I32) | CVK_DTYPE_BIT(CVK_U32))
#define SIMD_ALL_TYPES                                                                                                         \
    (SIMD_FOUR_BYTES | CVK_DTYPE_BIT(CVK_F64) | CVK_DTYPE_BIT(CVK_F16) | CVK_DTYPE_BIT(CVK_BF16) | CVK_DTYPE_BIT(CVK_I8) |     \
     CVK_DTYPE_BIT(CVK_U8) | CVK_DTYPE_BIT(CVK_I16) | CVK_DTYPE_BIT(CVK_U16) | CVK_DTYPE_BIT(CVK_I64) |                        \
     CVK_DTYPE_BIT(CVK_U64) | CVK_DTYPE_BIT(CVK_BOOL))

/* A blocked tensor has one axis more: the channels of a block. */
#define SIMD_MAX_AXES (CVK_MAX_RANK * 2 + 1)

/* Strides in elements; those of y fall from the first axis to the last, and no element of y is named twice. */
struct simd_strided {
    const void *x;
    void *y;
    uint32_t bytes; /* of an element */
    uint32_t rank;
    uint64_t dims[SIMD_MAX_AXES];
    int64_t x_stride[SIMD_MAX_AXES], y_stride[SIMD_MAX_AXES];
};

uint32_t simd_dtype_bytes(uint32_t dtype);
/* Adds an axis behind those there are. */
void simd_strided_add(struct simd_strided *s, uint64_t dim, int64_t x_stride, int64_t y_stride);
/* Sizes of a tensor as it lies in memory, and the strides of them: [N][blocks][spatial][block] or the plain axes. Returns the
 * rank. */
uint32_t simd_memory_axes(const struct cvk_tensor_desc *d, uint64_t dims[SIMD_MAX_AXES], int64_t strides[SIMD_MAX_AXES]);
/* Runs in parallel where that pays. */
void simd_strided_copy(struct cvk_exec *e, struct simd_strided s);

/* As simd_parallel, on the calling thread alone where only `bytes` are touched in all: waking another would take longer. */
static inline void simd_parallel_bytes(struct cvk_exec *e, uint64_t bytes, uint64_t count, cvk_task_fn fn, void *arg)
{
    if (count > 0)
        e->host->parallel(e->host, bytes < (128u << 10) ? 1 : simd_device_of(e)->threads, count, fn, arg);
}

#endif
