/* SPDX-License-Identifier: MIT
 * dropout: while training, each element becomes 0 with probability `drop` and the others grow by 1/(1-drop); otherwise identity.
 * The optional second output is the bool mask of the kept. Source: Srivastava et al. 2014; ONNX operator Dropout.
 * `drop` is the probability that a node is dropped; some texts give the keep probability, which is 1 - drop.
 * Element i is dropped if cvk_rng_uniform(seed, step, i) < drop (rng.h), so every backend drops the same nodes; i counts the elements of
 * the plain layout. step is the optional second input, i64 of one element (0 if absent): another one drops others, so that each iteration
 * does. Gradient (backward data): inputs dy, step; output dx, which is exactly 0 where the element was dropped.
 *
 * Example (Half of the nodes are dropped in training; the mask is not wanted):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value thin_out(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_dropout(g, x, &(struct cvk_dropout_params){.training = 1, .seed = 7, .drop = 0.5f}, NULL);
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_DROPOUT_H
#define CONVOKE_OP_DROPOUT_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_dropout_params {
    uint32_t size;
    uint32_t training; /* 0: identity, mask all ones */
    uint64_t seed;
    float drop;        /* 0 <= drop < 1 */
};

/* mask: NULL, or receives the second output. For the step input use cvk_graph_add. */
CVK_API cvk_value cvk_dropout(struct cvk_graph *g, cvk_value x, const struct cvk_dropout_params *p, cvk_value *mask);

#ifdef __cplusplus
}
#endif
#endif
