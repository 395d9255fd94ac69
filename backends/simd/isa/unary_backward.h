/* SPDX-License-Identifier: MIT
 * The derivatives of the unary functions of op/unary.h over flat arrays of floats. */
#ifndef SIMD_UNARY_BACKWARD_H
#define SIMD_UNARY_BACKWARD_H

#include <stdint.h>

struct simd_unary_backward_fns {
    /* dx[i] = dy[i] * f'(...) for i < count, and 0 where f' is 0, whatever dy[i] is. The derivative follows from v[i], which is
     * f's result if from_y, else its argument; dx may be dy. kind: enum cvk_unary_kind, from float to float. */
    void (*apply)(uint32_t kind, uint32_t from_y, float a, float b, const float *dy, const float *v, float *dx, uint64_t count);
};

#endif
