/* SPDX-License-Identifier: MIT
 * batch_norm: y = (x - mean[c]) / sqrt(var[c] + epsilon) * scale[c] + bias[c], c the index on axis 1.
 *
 * Inference: mean and var are the inputs; one output. Training: m[c] and v[c] are the mean and the (biased) variance of x over all axes but
 * 1, y is made with those, and there are four more outputs, all [C] and of mean's type: 1 the new running mean, momentum * mean + (1 -
 * momentum) * m; 2 the new running variance, the same with v; 3 m; 4 1 / sqrt(v + epsilon). Outputs 1 and 2 may lie in the memory of the
 * inputs mean and var. In training a row may take an epilogue of residual and activation: y = activation(... + residual).
 *
 * Gradients. Inference: backward data: inputs dy, scale, var; output dx. Backward weights: inputs dy, x, mean, var; outputs dscale, dbias.
 * Training, all in one (backward data): inputs dy, m, 1/sqrt(v + epsilon), x, scale, bias; outputs dx, dscale, dbias (an output may be left
 * out). If that node has an epilogue, its only part is the activation that followed y in the forward pass: dy is the gradient behind the
 * activation, and the row multiplies it by the activation's derivative first, at the y that it works out again from x. Only relu and clip.
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
    uint32_t training; /* since ABI 1.2 */
    float momentum;    /* of the old running values; 0 is 0. Since ABI 1.2 */
};

CVK_API cvk_value cvk_batch_norm(struct cvk_graph *g, cvk_value x, cvk_value scale, cvk_value bias, cvk_value mean,
                                 cvk_value var, const struct cvk_batch_norm_params *p);
/* The training form; y[5] receives the outputs. */
CVK_API void cvk_batch_norm_train(struct cvk_graph *g, cvk_value x, cvk_value scale, cvk_value bias, cvk_value mean, cvk_value var,
                                  const struct cvk_batch_norm_params *p, cvk_value y[5]);

#ifdef __cplusplus
}
#endif
#endif
