/* SPDX-License-Identifier: MIT
 * What gather and its gradient share: which axes indices address, and the sentence on wrong ones. */
#ifndef OCL_GATHER_H
#define OCL_GATHER_H

#include "fault.h"

/* The first axis that indices address, and how many numbers address together. */
uint32_t ocl_gather_addressed(const struct cvk_node *node, uint32_t *tuple);
/* x is what is gathered from. */
int32_t ocl_gather_tell(const struct ocl_device *d, const struct cvk_node *node, const struct cvk_tensor_desc *x, cl_int place,
                        cl_int smallest, cl_int largest);

#endif
