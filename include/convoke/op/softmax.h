/* SPDX-License-Identifier: MIT
 * softmax: along one axis, y = exp(x - max) / sum exp(x - max); its logarithm; or hardmax: 1 at the first maximum (a NaN
 * counts as one), else 0.
 *
 * flatten: the rule of ONNX opsets below 13: x is seen as a matrix, the axes before `axis` being rows and the rest columns,
 * and the softmax runs over whole rows.
 * Gradient (backward data): inputs dy, y; output dx = y * (dy - sum(dy * y)), of the logarithm dy - exp(y) * sum(dy), of
 * hardmax 0.
 *
 * Example (Scores [N, 10] to probabilities):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value probabilities(struct cvk_graph *g, cvk_value scores)
 * {
 *     return cvk_softmax(g, scores, &(struct cvk_softmax_params){.axis = 1});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_SOFTMAX_H
#define CONVOKE_OP_SOFTMAX_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_softmax_kind { CVK_SOFTMAX = 0, CVK_LOG_SOFTMAX = 1, CVK_HARDMAX = 2 };

struct cvk_softmax_params {
    uint32_t size;
    uint32_t kind;    /* enum cvk_softmax_kind */
    int32_t axis;     /* negative counts from the end; not negative in kernels */
    uint32_t flatten; /* 1: over all axes from `axis` on */
};

CVK_API cvk_value cvk_softmax(struct cvk_graph *g, cvk_value x, const struct cvk_softmax_params *p);

#ifdef __cplusplus
}
#endif
#endif
