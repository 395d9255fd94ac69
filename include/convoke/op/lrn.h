/* SPDX-License-Identifier: MIT
 * lrn: local response normalisation across channels: y = x / (k + alpha/n * sum x^2)^beta, the sum over n neighbouring
 * channels, floor((n-1)/2) before and ceil((n-1)/2) after. Source: Krizhevsky et al. 2012, section 3.3; ONNX operator LRN.
 * Gradient (backward data): inputs dy, x; output dx.
 *
 * Example (As in AlexNet: five neighbouring channels):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value normalise(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_lrn(g, x, &(struct cvk_lrn_params){.window = 5, .alpha = 1e-4f, .beta = 0.75f, .k = 2});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_LRN_H
#define CONVOKE_OP_LRN_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_lrn_params {
    uint32_t size;
    uint32_t window; /* n, channels, >= 1 */
    float alpha;
    float beta;
    float k;         /* "bias" in ONNX */
};

CVK_API cvk_value cvk_lrn(struct cvk_graph *g, cvk_value x, const struct cvk_lrn_params *p);

#ifdef __cplusplus
}
#endif
#endif
