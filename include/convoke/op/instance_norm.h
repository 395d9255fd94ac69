/* SPDX-License-Identifier: MIT
 * instance_norm: for each image and channel alone, y = (x - mean) / sqrt(var + epsilon) * scale[c] + bias[c], mean and
 * (biased) variance over the spatial axes. Source: arXiv 1607.08022; ONNX operator InstanceNormalization.
 * Gradient. Backward data: inputs dy, x, scale; output dx. Backward weights: inputs dy, x; outputs dscale, dbias (either may be
 * left out).
 *
 * Example (Maps with two channels, each map to mean 0 and variance 1):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value normalise(struct cvk_graph *g, cvk_value x)
 * {
 *     cvk_value scale = cvk_constant(g, "scale", CVK_F32, 1, (int64_t[]){2}, (float[]){1, 1});
 *     cvk_value bias = cvk_constant(g, "bias", CVK_F32, 1, (int64_t[]){2}, (float[]){0, 0});
 *     return cvk_instance_norm(g, x, scale, bias, &(struct cvk_instance_norm_params){.epsilon = 1e-5f});
 * }
 * @endcode
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
