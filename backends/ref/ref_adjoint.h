/* SPDX-License-Identifier: MIT
 * Gradients of ops that make each output of a few inputs with weights, axis by axis (resize, pad): the tables of who reads what
 * are turned round, so that each element of dx gathers from those of dy that have read it. */
#ifndef REF_ADJOINT_H
#define REF_ADJOINT_H

#include "ref.h"

#define REF_TAPS 4

/* What one output index reads along one axis; count 0: nothing of x. */
struct ref_taps {
    int64_t at[REF_TAPS];
    double weight[REF_TAPS];
    int32_t count, reserved;
};

typedef struct ref_taps (*ref_taps_fn)(const void *params, uint32_t axis, int64_t output, int64_t in, int64_t out);

/* The gradient node: input dy, output dx. Books what ref_adjoint_run needs. */
int32_t ref_adjoint_plan(const struct cvk_query *q, struct cvk_plan *plan);
int32_t ref_adjoint_run(struct cvk_exec *e, ref_taps_fn taps);

#endif
