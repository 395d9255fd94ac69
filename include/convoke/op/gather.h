/* SPDX-License-Identifier: MIT
 * gather: picks by indices (i64 or i32; negative ones count from the end). Source: ONNX Gather, GatherElements, GatherND.
 *
 * gather: whole slices along `axis`: y has x's sizes with that axis replaced by the indices' sizes.
 * elements: indices have y's sizes, each picks one element along `axis`.
 * nd: the last axis of indices holds a tuple that addresses x after `batch_dims` leading axes.
 * An index out of range is an error of the run (CVK_E_ARG), never a wild read.
 * Gradient (backward data): inputs dy, indices; output dx: dy added up where the elements came from, 0 elsewhere.
 *
 * Example (Rows of a table [1000, 64] by their numbers [N, 5]: [N, 5, 64]):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value look_up(struct cvk_graph *g, cvk_value table, cvk_value numbers)
 * {
 *     return cvk_gather(g, table, numbers, &(struct cvk_gather_params){.kind = CVK_GATHER, .axis = 0});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_GATHER_H
#define CONVOKE_OP_GATHER_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_gather_kind { CVK_GATHER = 0, CVK_GATHER_ELEMENTS = 1, CVK_GATHER_ND = 2 };

struct cvk_gather_params {
    uint32_t size;
    uint32_t kind;       /* enum cvk_gather_kind */
    int32_t axis;        /* not negative in kernels */
    uint32_t batch_dims; /* nd only */
};

CVK_API cvk_value cvk_gather(struct cvk_graph *g, cvk_value x, cvk_value indices, const struct cvk_gather_params *p);

#ifdef __cplusplus
}
#endif
#endif
