/* SPDX-License-Identifier: MIT
 * transpose: y's axis i is x's axis perm[i]; with count 0 the axes are reversed.
 * Gradient: the core makes it a transpose.
 *
 * Example ([N, H, W, C] to [N, C, H, W]):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value channels_first(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_transpose(g, x, &(struct cvk_transpose_params){.count = 4, .perm = {0, 3, 1, 2}});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_TRANSPOSE_H
#define CONVOKE_OP_TRANSPOSE_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_transpose_params {
    uint32_t size;
    uint32_t count;             /* 0, or the rank; always the rank in kernels */
    int32_t perm[CVK_MAX_RANK];
};

CVK_API cvk_value cvk_transpose(struct cvk_graph *g, cvk_value x, const struct cvk_transpose_params *p);

#ifdef __cplusplus
}
#endif
#endif
