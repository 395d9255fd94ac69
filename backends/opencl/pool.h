/* SPDX-License-Identifier: MIT
 * Where windows lie: what pooling and its gradient share. */
#ifndef OCL_POOL_H
#define OCL_POOL_H

#include "arith.h"

/* As in kernels/pool.cl and kernels/pool_backward.cl. */
struct ocl_pool_blocked {
    cl_int rows, items, h, w, oh, ow, kh, kw, stride_h, stride_w, dilation_h, dilation_w, top, left;
    cl_int counted_h, counted_w;
    cl_int count_pad;
};
struct ocl_pool_window {
    cl_int count, in[3], out[3], size[3], stride[3], dilation[3], begin[3], end[3];
    cl_int count_pad, column_major, p;
};

/* From maps x to maps y, in blocks of sixteen channels: one or two dimensions. A map of one dimension has a height of 1. */
struct ocl_pool_blocked ocl_pool_blocked_of(const struct cvk_pool_params *p, const struct cvk_tensor_desc *x,
                                            const struct cvk_tensor_desc *y);
/* The same for plain maps; count is y's. */
struct ocl_pool_window ocl_pool_window_of(const struct cvk_pool_params *p, const struct cvk_tensor_desc *x,
                                          const struct cvk_tensor_desc *y);

#endif
