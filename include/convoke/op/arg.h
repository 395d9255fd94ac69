/* SPDX-License-Identifier: MIT
 * arg: the index (i64) of the largest or smallest element along one axis; the first of equals, or the last with select_last.
 * NaN counts as the largest (argmax) or the smallest (argmin).
 *
 * Example (Scores [N, 10] to the number of the best class, [N]):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value best_class(struct cvk_graph *g, cvk_value scores)
 * {
 *     return cvk_arg(g, scores, &(struct cvk_arg_params){.kind = CVK_ARG_MAX, .axis = 1});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_ARG_H
#define CONVOKE_OP_ARG_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_arg_kind { CVK_ARG_MAX = 0, CVK_ARG_MIN = 1 };

struct cvk_arg_params {
    uint32_t size;
    uint32_t kind;      /* enum cvk_arg_kind */
    int32_t axis;       /* not negative in kernels */
    uint32_t keep_dims; /* 1: the axis stays with size 1 */
    uint32_t select_last;
};

CVK_API cvk_value cvk_arg(struct cvk_graph *g, cvk_value x, const struct cvk_arg_params *p);

#ifdef __cplusplus
}
#endif
#endif
