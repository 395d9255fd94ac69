/* SPDX-License-Identifier: MIT
 * matmul: matrix product with NumPy's rules: the last two axes multiply, the axes before them broadcast; a vector counts
 * as a row on the left and as a column on the right, and its axis is dropped from the result. Source: ONNX operator MatMul.
 * Gradient. Backward data: inputs dy, b; output da. Backward weights: inputs dy, a; output db. Both are summed over the axes
 * that broadcast. The core builds them out of gemm, matmul and reduce, save for vectors.
 *
 * Example ([8, 16, 32] times [32, 10] to [8, 16, 10]):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value project(struct cvk_graph *g, cvk_value x, cvk_value w)
 * {
 *     return cvk_matmul(g, x, w);
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_MATMUL_H
#define CONVOKE_OP_MATMUL_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_matmul_params {
    uint32_t size;
    uint32_t reserved;
};

CVK_API cvk_value cvk_matmul(struct cvk_graph *g, cvk_value a, cvk_value b);

#ifdef __cplusplus
}
#endif
#endif
