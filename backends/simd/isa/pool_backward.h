/* SPDX-License-Identifier: MIT
 * The gradient of pooling for one map of one block of channels: each window hands its dy to the pixels that made its result,
 * windows in the order of the results, so that a pixel's sum has one order. */
#ifndef SIMD_POOL_BACKWARD_H
#define SIMD_POOL_BACKWARD_H

#include <stdint.h>

#include "pool.h"

struct simd_pool_backward_fns {
    /* p->x is the map of the forward pass (max only), p->y becomes its gradient; dy has oh rows of p->ow pixels. The first of
     * equal maxima wins, a NaN wins over everything but an earlier NaN. */
    void (*max)(const struct simd_pool *p, const float *dy, int64_t oh);
    void (*mean)(const struct simd_pool *p, const float *dy, int64_t oh);
};

#endif
