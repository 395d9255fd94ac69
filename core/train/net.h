/* SPDX-License-Identifier: MIT
 * The graph of a training step: the net, its loss, the gradients and the updates. */
#ifndef CVK__TRAIN_NET_H
#define CVK__TRAIN_NET_H

#include "convoke/train.h"
#include "../device/backend.h"
#include "../graph/ir.h"

struct cvk__train_weight {
    cvk_value v; /* the same number in the net as it was handed in and in the step's graph */
    cvk_value gradient;
    uint32_t state; /* of cvk__train_net.states */
};

struct cvk__train_state {
    char *name;
    cvk_value v;
    bool of_net; /* a weight or a statistic of the net: v is a constant there; else the optimiser's own */
};

struct cvk__train_net {
    struct cvk_graph *g;
    cvk_value prediction, loss;
    struct cvk__train_weight *weights;
    uint32_t weight_count, weight_capacity;
    struct cvk__train_state *states;
    uint32_t state_count, state_capacity;
    struct cvk__device *evaluator;
    bool random;   /* something draws: the graph has the input "train/step" */
    bool measures; /* the norms of gradients are outputs */
    uint64_t globs_used; /* bit i: glob i of `freeze` fits a weight */
};

/* Inputs of the graph: 0 x, 1 target, 2 hyper (op/optimize.h), then step if `random`. Outputs: 0 loss, 1 prediction, then, if
 * `measures`, 2 the norm of all gradients and 3 those of each weight. */
int32_t cvk__train_net_init(struct cvk__train_net *net, struct cvk_context *ctx, const struct cvk_graph *g,
                            const struct cvk_trainer_params *p);
/* The net in its inference form with the loss behind it, not reduced. Inputs 0 x, 1 target; outputs 0 loss, 1 prediction. */
int32_t cvk__train_evaluation_init(struct cvk__train_net *net, struct cvk_context *ctx, const struct cvk_graph *g,
                                   const struct cvk_trainer_params *p);
void cvk__train_net_finish(struct cvk__train_net *net); /* zeroed is fine */

/* weights.c: norms that share statistics, but not all four vectors, get their own in g, the net before it is resolved. */
int32_t cvk__train_separate_statistics(struct cvk_graph *g);
/* weights.c: which constants of the net are trained: they become states, and batch norms and dropouts train. The graph is
 * resolved. */
int32_t cvk__train_find_weights(struct cvk__train_net *net, const struct cvk_trainer_params *p, cvk_value step);
/* weights.c: true if the net has a dropout that drops. */
bool cvk__train_is_random(const struct cvk_graph *g);
/* updates.c: norms, clipping and one optimiser's node for each weight, behind the gradients. */
int32_t cvk__train_add_updates(struct cvk__train_net *net, const struct cvk_trainer_params *p, cvk_value hyper);

/* net.c: a node of the step's graph, inferred at once. */
int32_t cvk__train_add(struct cvk__train_net *net, uint32_t op, const void *params, const char *name, const cvk_value *inputs,
                       uint32_t input_count, cvk_value *outputs, uint32_t output_count);
/* net.c: makes a constant of the graph a state of this name, which it copies. */
int32_t cvk__train_make_state(struct cvk__train_net *net, cvk_value v, const char *name, bool of_net, uint32_t *index);

#endif
