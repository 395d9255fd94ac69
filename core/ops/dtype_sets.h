/* SPDX-License-Identifier: MIT
 * Sets of element types for shape rules, the windows of ops that mix elements along one axis, and products of costs. */
#ifndef CVK__DTYPE_SETS_H
#define CVK__DTYPE_SETS_H

#include "op_def.h"

#define CVK__FLOATS (CVK_DTYPE_BIT(CVK_F32) | CVK_DTYPE_BIT(CVK_F64) | CVK_DTYPE_BIT(CVK_F16) | CVK_DTYPE_BIT(CVK_BF16))
#define CVK__SIGNED (CVK_DTYPE_BIT(CVK_I8) | CVK_DTYPE_BIT(CVK_I16) | CVK_DTYPE_BIT(CVK_I32) | CVK_DTYPE_BIT(CVK_I64))
#define CVK__UNSIGNED (CVK_DTYPE_BIT(CVK_U8) | CVK_DTYPE_BIT(CVK_U16) | CVK_DTYPE_BIT(CVK_U32) | CVK_DTYPE_BIT(CVK_U64))
#define CVK__INTEGERS (CVK__SIGNED | CVK__UNSIGNED)
#define CVK__NUMBERS (CVK__FLOATS | CVK__INTEGERS)

/* dtype may come from a stranger, so it may be too large to shift by. */
static inline bool cvk__dtype_in(uint32_t dtype, uint32_t set)
{
    return dtype < 32 && (set & CVK_DTYPE_BIT(dtype)) != 0;
}

/* Costs that cannot be counted are the largest number, so that no limit lets them pass. */
static inline uint64_t cvk__cost_mul(uint64_t a, uint64_t b)
{
    uint64_t product;
    return cvk__mul_u64(a, b, &product) ? product : UINT64_MAX;
}

/* The flops of so many multiply-adds and of a bias for each output. */
static inline uint64_t cvk__cost_flops(uint64_t macs, uint64_t biases)
{
    uint64_t flops;
    return cvk__add_u64(cvk__cost_mul(2, macs), biases, &flops) ? flops : UINT64_MAX;
}

/* An output pixel sees one pixel when the op works along N or C; along a spatial axis it sees everything. */
static inline void cvk__window_along(const struct cvk_node *node, int32_t axis, struct cvk__window *window)
{
    uint32_t rank = node->inputs[0]->rank;
    memset(window, 0, sizeof *window);
    if (axis > 1 || rank < 3 || rank > 5)
        return;
    window->spatial_rank = rank - 2;
    for (uint32_t i = 0; i < window->spatial_rank; i++)
        window->kernel[i] = window->stride[i] = window->dilation[i] = window->upstride[i] = 1;
}

#endif
