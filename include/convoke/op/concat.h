/* SPDX-License-Identifier: MIT
 * concat: joins tensors along one axis; all other sizes are equal.
 */
#ifndef CONVOKE_OP_CONCAT_H
#define CONVOKE_OP_CONCAT_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_concat_params {
    uint32_t size;
    int32_t axis; /* negative counts from the end; not negative in kernels */
};

CVK_API cvk_value cvk_concat(struct cvk_graph *g, const cvk_value *x, uint32_t count, const struct cvk_concat_params *p);

#ifdef __cplusplus
}
#endif
#endif
