/* SPDX-License-Identifier: MIT
 * The binary functions of op/binary.h, from floats to floats, over flat arrays and over operands that stretch. */
#ifndef SIMD_BINARY_H
#define SIMD_BINARY_H

#include <stdint.h>

/* How the operands are read for y[i], V being the floats in a vector. */
enum simd_binary_form {
    SIMD_BOTH = 0,     /* a[i], b[i] */
    SIMD_B_ONE = 1,    /* a[i], b[0] */
    SIMD_B_VECTOR = 2, /* a[i], b[i % V] */
    SIMD_B_PIXEL = 3,  /* a[i], b[i / V * step] */
    SIMD_A_ONE = 4,    /* and the same with a for b */
    SIMD_A_VECTOR = 5,
    SIMD_A_PIXEL = 6,
    SIMD_BINARY_FORMS = 7
};

struct simd_binary_fns {
    /* For i < count. y may be the operand that is read as [i]. With VECTOR and PIXEL count is a multiple of V. kind: enum
     * cvk_binary_kind, below CVK_EQUAL. */
    void (*apply)(uint32_t kind, uint32_t form, const float *a, const float *b, float *y, uint64_t count, uint64_t step);
};

#endif
