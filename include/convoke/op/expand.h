/* SPDX-License-Identifier: MIT
 * expand: repeats axes of size 1 (broadcasting both ways, as ONNX's Expand) to the sizes given by the field or by an optional second
 * input (i64, known when the session is made). In kernels the output's descriptor tells all.
 * Gradient (backward data): input dy; output dx, the sum over the repetitions. The core builds it out of reduce.
 *
 * Example ([1, 3, 1, 1] to [8, 3, 28, 28]):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value spread(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_expand(g, x, &(struct cvk_expand_params){.count = 4, .dims = {8, 3, 28, 28}});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_EXPAND_H
#define CONVOKE_OP_EXPAND_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_expand_params {
    uint32_t size;
    uint32_t count;
    int64_t dims[CVK_MAX_RANK];
};

CVK_API cvk_value cvk_expand(struct cvk_graph *g, cvk_value x, const struct cvk_expand_params *p);

#ifdef __cplusplus
}
#endif
#endif
