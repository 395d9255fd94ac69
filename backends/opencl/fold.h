/* SPDX-License-Identifier: MIT
 * Folding elements to fewer, for reduce and for pooling of whole maps. */
#ifndef OCL_FOLD_H
#define OCL_FOLD_H

#include "arith.h"

/* As in kernels/fold.cl. A result's elements are `steps` runs of `run` neighbours, results come in `inner` neighbours; one of
 * run and inner is 1. */
struct ocl_fold {
    cl_int results, inner, steps, run;
    cl_int kept_rank, folded_rank;
    cl_int kept_size[8], kept_stride[8], folded_size[8], folded_stride[8];
};

/* The axes of a plain tensor, folded where a bit is set. */
struct ocl_fold ocl_fold_axes(const struct cvk_tensor_desc *x, uint32_t folded);
/* The spatial axes of a tensor in NC16. */
struct ocl_fold ocl_fold_pixels(const struct cvk_tensor_desc *x);
/* In build: the kernel that folds input 0 into output 0; kind is enum cvk_reduce_kind. Input 0 in NC16: with ocl_fold_pixels.
 */
int32_t ocl_fold_build(struct cvk_exec *e, uint32_t kind, const struct ocl_fold *fold);
/* run for such a kernel: it has one input and one output, whatever the node has. */
int32_t ocl_fold_run(struct cvk_exec *e);

#endif
