/* SPDX-License-Identifier: MIT
 * gemm: y = alpha * A' * B' + beta * C, where A' is a or its transpose, [M, K], and B' is b or its transpose, [K, N].
 *
 * c is optional and broadcasts to [M, N]. A fully connected (dense) layer is gemm with trans_b = 1 and weights [N, K].
 * Source: ONNX operator Gemm.
 * Gradient. Backward data: inputs dy, b; output da. Backward weights: inputs dy, a; outputs db, dc (either may be left out).
 * The core builds them out of gemm and reduce.
 *
 * Example (Half the product of a [M, K] and b [K, N]):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value half_product(struct cvk_graph *g, cvk_value a, cvk_value b)
 * {
 *     return cvk_gemm(g, a, b, 0, &(struct cvk_gemm_params){.scaled = 1, .alpha = 0.5f});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_GEMM_H
#define CONVOKE_OP_GEMM_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_gemm_params {
    uint32_t size;
    uint32_t trans_a;
    uint32_t trans_b;
    uint32_t scaled;  /* 0: alpha = beta = 1 whatever the fields say; 1: as given (always 1 in kernels) */
    float alpha;
    float beta;
};

CVK_API cvk_value cvk_gemm(struct cvk_graph *g, cvk_value a, cvk_value b, cvk_value c, const struct cvk_gemm_params *p);
/* Dense layer: x [N, K], w [units, K], b [units] or 0; y [N, units]. */
CVK_API cvk_value cvk_dense(struct cvk_graph *g, cvk_value x, cvk_value w, cvk_value b);

#ifdef __cplusplus
}
#endif
#endif
