/* SPDX-License-Identifier: MIT
 * db of convolutions with plain tensors: sums over the pixels of each channel of dy. */
#ifndef OCL_CONV_BIAS_H
#define OCL_CONV_BIAS_H

#include "ocl.h"

/* In build: the call where db (output 1) is wanted, else an empty one. */
int32_t ocl_conv_bias_init(struct cvk_exec *e, struct ocl_call *call);
int32_t ocl_conv_bias_run(struct cvk_exec *e, struct ocl_call *call);

#endif
