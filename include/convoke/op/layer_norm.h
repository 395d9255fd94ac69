/* SPDX-License-Identifier: MIT
 * layer_norm: mean and (biased) variance over the axes from `axis` on; y = (x - mean) / sqrt(var + epsilon) * scale + bias.
 * scale and the optional bias broadcast to x. Optional outputs: mean and 1/sqrt(var + epsilon), with the folded axes of size 1,
 * in f64 for an x of f64 and in f32 otherwise.
 * Source: arXiv 1607.06450; ONNX operator LayerNormalization.
 * Gradient. Backward data: inputs dy, x, scale; output dx. Backward weights: inputs dy, x; outputs dscale, dbias (either may be
 * left out), summed over what was stretched. The statistics pass nothing on.
 *
 * Example (Rows of x [N, 4], each to mean 0 and variance 1; mean and deviation are not wanted):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value normalise(struct cvk_graph *g, cvk_value x)
 * {
 *     cvk_value scale = cvk_constant(g, "scale", CVK_F32, 1, (int64_t[]){4}, (float[]){1, 1, 1, 1});
 *     return cvk_layer_norm(g, x, scale, 0, &(struct cvk_layer_norm_params){.axis = -1, .epsilon = 1e-5f}, NULL, NULL);
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_LAYER_NORM_H
#define CONVOKE_OP_LAYER_NORM_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_layer_norm_params {
    uint32_t size;
    int32_t axis; /* negative counts from the end; not negative in kernels */
    float epsilon;
};

/* bias may be 0; mean and inv_std are NULL or receive the further outputs. */
CVK_API cvk_value cvk_layer_norm(struct cvk_graph *g, cvk_value x, cvk_value scale, cvk_value bias,
                                 const struct cvk_layer_norm_params *p, cvk_value *mean, cvk_value *inv_std);

#ifdef __cplusplus
}
#endif
#endif
