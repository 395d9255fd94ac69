/* SPDX-License-Identifier: MIT
 * topk: the k largest (or smallest) elements along one axis, sorted, and their indices (i64); equal elements in order of index.
 * NaN counts as the largest number.
 * k comes from the field, or from an optional second input (i64, known when the session is made).
 * Gradient (backward data): inputs dy of the elements, and the indices; output dx: dy where the elements came from, 0
 * elsewhere.
 *
 * Example (The five best of [N, 1000] scores: [N, 5], and which they are):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value five_best(struct cvk_graph *g, cvk_value scores, cvk_value *classes)
 * {
 *     return cvk_topk(g, scores, &(struct cvk_topk_params){.axis = 1, .k = 5}, classes);
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_TOPK_H
#define CONVOKE_OP_TOPK_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_topk_params {
    uint32_t size;
    int32_t axis;      /* not negative in kernels */
    uint32_t smallest; /* 1: the smallest instead of the largest */
    uint32_t reserved;
    int64_t k;         /* 0: from the input */
};

/* indices: receives the second output. */
CVK_API cvk_value cvk_topk(struct cvk_graph *g, cvk_value x, const struct cvk_topk_params *p, cvk_value *indices);

#ifdef __cplusplus
}
#endif
#endif
