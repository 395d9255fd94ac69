/* SPDX-License-Identifier: MIT
 * tile: repeats the whole tensor `repeats[i]` times along axis i; an optional second input (i64, known when the session is made)
 * may give the repeats. In kernels the two descriptors tell all.
 * Gradient (backward data): input dy; output dx, the sum over the repetitions.
 *
 * Example ([1, 1, 28, 28] to [1, 3, 28, 28]: a grey image as a coloured one):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value grey_to_rgb(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_tile(g, x, &(struct cvk_tile_params){.count = 4, .repeats = {1, 3, 1, 1}});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_TILE_H
#define CONVOKE_OP_TILE_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_tile_params {
    uint32_t size;
    uint32_t count;                /* 0, or the rank */
    int64_t repeats[CVK_MAX_RANK];
};

CVK_API cvk_value cvk_tile(struct cvk_graph *g, cvk_value x, const struct cvk_tile_params *p);

#ifdef __cplusplus
}
#endif
#endif
