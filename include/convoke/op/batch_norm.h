/* SPDX-License-Identifier: MIT
 * batch_norm: y = (x - mean[c]) / sqrt(var[c] + epsilon) * scale[c] + bias[c], c the index on axis 1 (inference form).
 * Source: Ioffe and Szegedy, arXiv 1502.03167; ONNX operator BatchNormalization.
 */
#ifndef CONVOKE_OP_BATCH_NORM_H
#define CONVOKE_OP_BATCH_NORM_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_batch_norm_params {
    uint32_t size;
    float epsilon; /* 0 is 0 */
};

CVK_API cvk_value cvk_batch_norm(struct cvk_graph *g, cvk_value x, cvk_value scale, cvk_value bias, cvk_value mean,
                                 cvk_value var, const struct cvk_batch_norm_params *p);

#ifdef __cplusplus
}
#endif
#endif
