/* SPDX-License-Identifier: MIT
 * What the rows of arithmetic ops share: where channels are in a layout, broadcasting, cutting work for CPU devices. */
#ifndef OCL_ARITH_H
#define OCL_ARITH_H

#include "kernel_sources.h"

/* As in kernels/common.cl. */
struct ocl_channels {
    cl_int inner, blocks, block, count;
};

/* Every layout; a tensor without a second axis has one channel. */
struct ocl_channels ocl_channels_of(const struct cvk_tensor_desc *d);
/* For kernels that leave padding zero by themselves. */
#define OCL_NO_PADDING ((struct ocl_channels){1, 1, 1, 1})
/* True if blocks hold more channels than there are. */
bool ocl_has_padding(const struct cvk_tensor_desc *d);

bool ocl_same_sizes(const struct cvk_tensor_desc *a, const struct cvk_tensor_desc *b);
bool ocl_is_float(uint32_t dtype);
/* Of whole numbers and truth values. */
bool ocl_has_sign(uint32_t dtype);
uint64_t ocl_highest(uint32_t dtype);
/* Product of sizes first..last-1. */
uint64_t ocl_product(const struct cvk_tensor_desc *d, uint32_t first, uint32_t last);
/* Elements from one index of y's axis to the next in the plain tensor x, 0 where x is stretched. */
uint64_t ocl_stride_on(const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *y, uint32_t axis);

/* In plan, for rows in NC16 blocks: refuses what is not f32, has fewer than three axes, or a device that is no CPU. */
int32_t ocl_blocked(const struct cvk_query *q);

/* Adds what RESULT of kernels/common.cl needs to give whole numbers of the type. */
void ocl_option_cut(char *options, uint32_t bytes, uint32_t dtype);

/* Elements of a piece of `count` for CPU devices: a few pieces for each unit, none too small to be worth its start, all
 * multiples of 16. */
uint64_t ocl_piece(const struct ocl_device *d, uint64_t count);

#endif
