/* SPDX-License-Identifier: MIT
 * concat: joins tensors along one axis; all other sizes are equal.
 * Gradient: the core makes it a split.
 *
 * Example ([N, 16, 14, 14] and [N, 32, 14, 14] to [N, 48, 14, 14]):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value join(struct cvk_graph *g, cvk_value a, cvk_value b)
 * {
 *     return cvk_concat(g, (cvk_value[]){a, b}, 2, &(struct cvk_concat_params){.axis = 1});
 * }
 * @endcode
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
