/* SPDX-License-Identifier: MIT
 * What each index of an axis reads: resize, pad and their gradients go by it. */
#ifndef OCL_RESIZE_H
#define OCL_RESIZE_H

#include "arith.h"

/* What one output index reads along one axis, of `in` elements; count 0: it lies outside x. */
struct ocl_taps {
    double weight[4];
    cl_int at[4], count;
};

struct ocl_taps ocl_resize_taps(const struct cvk_resize_params *p, uint32_t axis, int64_t i, int64_t in, int64_t out);
struct ocl_taps ocl_pad_taps(const struct cvk_pad_params *p, uint32_t axis, int64_t i, int64_t in);

#endif
