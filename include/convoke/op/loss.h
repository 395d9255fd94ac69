/* SPDX-License-Identifier: MIT
 * loss: how far predictions are from targets, as one number or one for each element.
 *
 * x is [N, C, spatial...] (rank 2 and up), predictions or scores ("logits"). The target is either the index of the class, i32 or i64
 * [N, spatial...], or one number for each element of x, of x's type and sizes: one-hot or soft labels q, or the values to be met.
 *
 *   softmax cross-entropy  p = softmax of x along axis 1; with class indices t: -weights[t] * log p[t];
 *                          with labels q: -sum over c of weights[c] * q[c] * log p[c]
 *   sigmoid cross-entropy  max(x, 0) - x * q + log(1 + exp(-|x|)), times weights[c]  (binary cross-entropy of sigmoid(x))
 *   mse                    (x - q)^2
 *   l1                     |x - q|
 *   huber                  (x - q)^2 / 2 where |x - q| <= delta, else delta * (|x - q| - delta / 2)
 *
 * Class indices are for softmax cross-entropy alone; weights [C] are for the two cross-entropies, axis 1 being the class.
 * smoothing: labels become (1 - smoothing) * q + smoothing / C before anything else (sigmoid: (1 - smoothing) * q + smoothing / 2).
 * Targets equal to ignore_index count nowhere. An index outside 0..C-1 that is not ignored fails the run, naming its place; where that
 * cannot be told (a device that works on its own), the loss is NaN.
 * mean divides the sum by the number of targets (softmax cross-entropy: of positions [N, spatial...]; the others: of elements); with
 * class indices by the sum of weights[t] over what is not ignored, and nothing to count gives NaN. Sums are made in double precision or
 * pairwise. Softmax is made without overflow. NaN in x gives NaN.
 *
 * The result is a single number (rank 0), with CVK_LOSS_NONE [N, spatial...] for softmax cross-entropy, x's sizes for the others.
 * Gradient (backward data): inputs dy, x, target, weights; output dx. The target gets none. l1's derivative at 0 is 0.
 * Sources: ONNX operator SoftmaxCrossEntropyLoss; Szegedy et al., arXiv 1512.00567 (smoothing); Huber 1964.
 *
 * Example (Scores [N, 10] against class numbers [N]):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value mean_loss(struct cvk_graph *g, cvk_value scores, cvk_value classes)
 * {
 *     return cvk_loss(g, scores, classes, 0, &(struct cvk_loss_params){.kind = CVK_LOSS_SOFTMAX_CROSS_ENTROPY});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_LOSS_H
#define CONVOKE_OP_LOSS_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_loss_kind {
    CVK_LOSS_SOFTMAX_CROSS_ENTROPY = 0,
    CVK_LOSS_SIGMOID_CROSS_ENTROPY = 1,
    CVK_LOSS_MSE = 2,
    CVK_LOSS_L1 = 3,
    CVK_LOSS_HUBER = 4,
    CVK_LOSS_KINDS = 5 /* not a kind: how many this header knows */
};

enum cvk_loss_reduction { CVK_LOSS_MEAN = 0, CVK_LOSS_SUM = 1, CVK_LOSS_NONE = 2 };

struct cvk_loss_params {
    uint32_t size;
    uint32_t kind;         /* enum cvk_loss_kind */
    uint32_t reduction;    /* enum cvk_loss_reduction */
    uint32_t ignores;      /* 1: ignore_index counts */
    int64_t ignore_index;
    float smoothing;       /* 0 <= smoothing < 1 */
    float delta;           /* huber only; 0 means 1 */
};

/* weights: [C] of x's type, or 0. */
CVK_API cvk_value cvk_loss(struct cvk_graph *g, cvk_value x, cvk_value target, cvk_value weights, const struct cvk_loss_params *p);
/* The kind's name, "softmax_cross_entropy"; NULL for an unknown kind. Owns: static text. */
CVK_API const char *cvk_loss_name(uint32_t kind);

#ifdef __cplusplus
}
#endif
#endif
