/* SPDX-License-Identifier: MIT
 * The unary functions of op/unary.h over flat arrays of floats. */
#ifndef SIMD_UNARY_H
#define SIMD_UNARY_H

#include <stdint.h>

struct simd_unary_fns {
    /* y[i] = f(x[i]) for i < count; y may be x. kind: enum cvk_unary_kind, from float to float. */
    void (*apply)(uint32_t kind, float a, float b, const float *x, float *y, uint64_t count);
};

#endif
