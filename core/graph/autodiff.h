/* SPDX-License-Identifier: MIT
 * Gradients as nodes of the same graph: partition, fusion, layouts and memory planning serve both directions alike. */
#ifndef CVK__AUTODIFF_H
#define CVK__AUTODIFF_H

#include "../device/backend.h"
#include "ir.h"

/* Appends to g, whose sizes and parameters are resolved (cvk__graph_infer), the nodes that work out the gradients of the sum of
 * y's elements, each times the same element of dy (0: all ones), with respect to wrt[0..count-1]. grads[i] is 0 where y does not
 * depend on wrt[i]. Values that are not differentiable (whole numbers) pass nothing on. evaluator folds what is constant; NULL:
 * nothing is. */
int32_t cvk__autodiff(struct cvk_graph *g, cvk_value y, cvk_value dy, const cvk_value *wrt, uint32_t count,
                      struct cvk__device *evaluator, cvk_value *grads);

/* ---- for ops that build their gradient out of others (cvk__op_def.differentiate) ---- */

struct cvk__diff {
    struct cvk_graph *g;
    struct cvk__device *evaluator;
    uint32_t node;    /* that is being differentiated; pointers into g->nodes move with every node added */
    cvk_value *grads; /* per value; the gradients so far, 0: none */
    bool *needed;     /* per value of the forward part: something that is asked for goes into it */
    uint32_t count;   /* of forward values */
    int32_t status;   /* the first failure */
};

const struct cvk__node *cvk__diff_node(const struct cvk__diff *d);
/* Descriptor of a value. */
const struct cvk_tensor_desc *cvk__diff_desc(const struct cvk__diff *d, cvk_value v);
/* Gradient of output o, 0 if there is none. */
cvk_value cvk__diff_dy(const struct cvk__diff *d, uint32_t o);
/* True if the gradient of input i is asked for. */
bool cvk__diff_wants(const struct cvk__diff *d, uint32_t i);
/* Adds v to the gradient of input i; v 0 (a failure before) is fine. */
int32_t cvk__diff_give(struct cvk__diff *d, uint32_t i, cvk_value v);
/* A new forward node; its first output, 0 on failure, which d->status remembers. Inputs that are 0 because of a failure are fine.
 */
cvk_value cvk__diff_op(struct cvk__diff *d, uint32_t op, const void *params, const cvk_value *inputs, uint32_t input_count);
/* Output o of a new forward node with output_count of them is outputs[o]. */
int32_t cvk__diff_op_many(struct cvk__diff *d, uint32_t op, const void *params, const cvk_value *inputs, uint32_t input_count,
                          cvk_value *outputs, uint32_t output_count);
/* The same elements under other sizes. */
cvk_value cvk__diff_reshape(struct cvk__diff *d, cvk_value v, const struct cvk_tensor_desc *like);
/* v summed up to the sizes that were broadcast to it. */
cvk_value cvk__diff_unbroadcast(struct cvk__diff *d, cvk_value v, const struct cvk_tensor_desc *to);
/* v times a number. */
cvk_value cvk__diff_scale(struct cvk__diff *d, cvk_value v, double factor);
/* A constant of v's type with this number everywhere, of the sizes of `like`. */
cvk_value cvk__diff_constant(struct cvk__diff *d, const struct cvk_tensor_desc *like, double number);

#endif
