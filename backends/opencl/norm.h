/* SPDX-License-Identifier: MIT
 * Rows with a mean and a variance each: layer_norm and instance_norm and their gradients. */
#ifndef OCL_NORM_H
#define OCL_NORM_H

#include "arith.h"

#define OCL_NORM_GROUP 128 /* as in kernels/norm_measure.cl */

/* As in kernels/norm_measure.cl. */
struct ocl_norm_rows {
    cl_int rows, n, items, scale_period, bias_period;
};
struct ocl_norm_group {
    cl_int n, rank;
    cl_int size[8], scale[8], bias[8];
};

/* What the two ops have in common. */
struct ocl_norm {
    float epsilon;
    uint64_t rows, n;
    struct ocl_norm_group group;
    bool has_periods; /* the next one holds */
    struct ocl_norm_rows row;
};

/* scale and bias: NULL where there is none. */
struct ocl_norm ocl_norm_of(const struct cvk_node *node, const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *scale,
                            const struct cvk_tensor_desc *bias);
/* The arguments `index` and index + 1, and the size of the call. wide: sixteen floats at a time, for CPU devices, where it
 * has_periods. */
int32_t ocl_norm_args(struct ocl_device *d, struct ocl_call *call, uint32_t index, struct ocl_norm *w, bool wide);

#endif
