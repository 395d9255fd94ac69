/* SPDX-License-Identifier: MIT
 * optimize: one step of an optimiser on one weight tensor: new weights and new state from the gradient. Its only pass is
 * CVK_PASS_UPDATE.
 *
 * Inputs: w, dw, hyper, s0, s1, factor. All of w's type and sizes but hyper, f32 [2]: learning rate r and step count t, and factor, f32 of
 * one element, by which dw is multiplied first (gradient clipping), or absent. Outputs: w', s0', s1'. Each may lie in the memory of what it
 * replaces (output 0 in w, 1 in s0, 2 in s1), so element i of the results is made of element i of the inputs alone.
 *
 *   g = factor * dw + l2 * w + l1 * sign(w)                        (all kinds)
 *   sgd      without momentum: w' = w - r * g  (no state)
 *            with: s0' = momentum * s0 + d * g, where d = 1 for t = 0, dampening for t > 0 (0 there means 1);
 *            w' = w - r * s0', with nesterov w - r * (g + momentum * s0')
 *   adam     s0' = beta1 * s0 + (1 - beta1) * g; s1' = beta2 * s1 + (1 - beta2) * g^2;
 *            R = r * sqrt(1 - beta2^t) / (1 - beta1^t), r for t = 0; w' = (w - R * s0' / (sqrt(s1') + epsilon)) * (1 - post_decay)
 *   adamw    as adam, with w - r * decay * w in the place of w: decay is decoupled from the gradient
 *   rmsprop  s0' = beta2 * s0 + (1 - beta2) * g^2; w' = w - r * g / (sqrt(s0') + epsilon); with momentum
 *            s1' = momentum * s1 + g / (sqrt(s0') + epsilon); w' = w - r * s1'
 *   adagrad  s0' = s0 + g^2; w' = w - r / (1 + t * lr_decay) * g / (sqrt(s0') + epsilon)
 *
 * t counts from 0 for sgd and adagrad, from 1 for adam, adamw and rmsprop. State begins as zeros.
 * Sources: ONNX operators Momentum, Adam and Adagrad (training domain); Kingma and Ba, arXiv 1412.6980; Loshchilov and Hutter, arXiv
 * 1711.05101; Tieleman and Hinton 2012 (rmsprop); Sutskever et al. 2013 (nesterov).
 *
 * Example (A weight, its gradient and its momentum to their next values):
 * @code
 * #include <convoke/convoke.h>
 * #include <convoke/plugin.h>
 * int32_t momentum_step(struct cvk_graph *g, cvk_value w, cvk_value dw, cvk_value hyper, cvk_value momentum, cvk_value next[2])
 * {
 *     const struct cvk_optimize_params p = {.kind = CVK_SGD, .momentum = 0.9f};
 *     return cvk_graph_add(g, CVK_OP_OPTIMIZE, &p, (cvk_value[]){w, dw, hyper, momentum}, 4, next, 2);
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_OPTIMIZE_H
#define CONVOKE_OP_OPTIMIZE_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_optimizer_kind {
    CVK_SGD = 0,
    CVK_ADAM = 1,
    CVK_ADAMW = 2,
    CVK_RMSPROP = 3,
    CVK_ADAGRAD = 4,
    CVK_OPTIMIZER_KINDS = 5 /* not a kind: how many this header knows */
};

/* Zero in a field is zero: no hidden defaults, except dampening. cvk_optimizer_defaults fills in the usual ones. */
struct cvk_optimize_params {
    uint32_t size;
    uint32_t kind;      /* enum cvk_optimizer_kind */
    uint32_t nesterov;  /* sgd with momentum */
    float momentum;     /* sgd, rmsprop */
    float dampening;    /* sgd; 0 means 1 */
    float beta1, beta2; /* adam, adamw; rmsprop: beta2 */
    float epsilon;      /* adam, adamw, rmsprop, adagrad */
    float l1, l2;       /* regularisation, into the gradient */
    float decay;        /* adamw: decoupled weight decay */
    float lr_decay;     /* adagrad */
    float post_decay;   /* adam: of the new weights */
};

/* The kind's name, "adamw"; NULL for an unknown kind. Owns: static text. */
CVK_API const char *cvk_optimizer_name(uint32_t kind);
/* How many state tensors (s0, s1) these parameters need: 0, 1 or 2. */
CVK_API uint32_t cvk_optimizer_states(const struct cvk_optimize_params *p);
/* The usual parameters of a kind: momentum 0.9 (sgd), beta1 0.9, beta2 0.999 (rmsprop 0.9), epsilon 1e-8, decay 0.01 (adamw). */
CVK_API struct cvk_optimize_params cvk_optimizer_defaults(uint32_t kind);

#ifdef __cplusplus
}
#endif
#endif
