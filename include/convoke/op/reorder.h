/* SPDX-License-Identifier: MIT
 * reorder: the same logical tensor in another layout (descriptors tell which); the core inserts it between kernels that read and
 * write different layouts. Padding in blocks is written as zero.
 *
 * Example (Channels last, as some kernels like it):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value channels_last(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_reorder(g, x, &(struct cvk_reorder_params){.layout = CVK_LAYOUT_NHWC});
 * }
 * @endcode
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
