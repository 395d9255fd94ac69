/* SPDX-License-Identifier: MIT
 * reorder: the same logical tensor in another layout (descriptors tell which); the core inserts it between kernels that read and
 * write different layouts. Padding in blocks is written as zero.
 */
#ifndef CONVOKE_OP_REORDER_H
#define CONVOKE_OP_REORDER_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_reorder_params {
    uint32_t size;
    uint32_t layout; /* enum cvk_layout of the result */
};

CVK_API cvk_value cvk_reorder(struct cvk_graph *g, cvk_value x, const struct cvk_reorder_params *p);

#ifdef __cplusplus
}
#endif
#endif
