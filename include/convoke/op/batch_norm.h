/* SPDX-License-Identifier: MIT
 * batch_norm: y = (x - mean[c]) / sqrt(var[c] + epsilon) * scale[c] + bias[c], c the index on axis 1 (inference form).
 * Source: Ioffe and Szegedy, arXiv 1502.03167; ONNX operator BatchNormalization.
 *
 * Example (Maps with two channels, normalised with what training measured):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value normalise(struct cvk_graph *g, cvk_value x)
 * {
 *     cvk_value scale = cvk_constant(g, "scale", CVK_F32, 1, (int64_t[]){2}, (float[]){1, 1});
 *     cvk_value bias = cvk_constant(g, "bias", CVK_F32, 1, (int64_t[]){2}, (float[]){0, 0});
 *     cvk_value mean = cvk_constant(g, "mean", CVK_F32, 1, (int64_t[]){2}, (float[]){0.5f, -0.25f});
 *     cvk_value var = cvk_constant(g, "var", CVK_F32, 1, (int64_t[]){2}, (float[]){1, 4});
 *     return cvk_batch_norm(g, x, scale, bias, mean, var, &(struct cvk_batch_norm_params){.epsilon = 1e-5f});
 * }
 * @endcode
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
