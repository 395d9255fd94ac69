/* SPDX-License-Identifier: MIT
 * instance_norm: for each image and channel alone, y = (x - mean) / sqrt(var + epsilon) * scale[c] + bias[c], mean and
 * (biased) variance over the spatial axes. Source: arXiv 1607.08022; ONNX operator InstanceNormalization.
 */
#ifndef CONVOKE_OP_INSTANCE_NORM_H
#define CONVOKE_OP_INSTANCE_NORM_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_instance_norm_params {
    uint32_t size;
    float epsilon;
};

CVK_API cvk_value cvk_instance_norm(struct cvk_graph *g, cvk_value x, cvk_value scale, cvk_value bias,
                                    const struct cvk_instance_norm_params *p);

#ifdef __cplusplus
}
#endif
#endif
