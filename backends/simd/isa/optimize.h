/* SPDX-License-Identifier: MIT
 * One step of an optimiser (op/optimize.h) over flat arrays of floats. */
#ifndef SIMD_OPTIMIZE_H
#define SIMD_OPTIMIZE_H

#include <stdint.h>

/* How one element moves: the numbers that a step has for all of them. */
struct simd_optimizer {
    uint32_t kind;     /* enum cvk_optimizer_kind */
    uint32_t momentum; /* 1: sgd and rmsprop keep one */
    uint32_t nesterov;
    float factor, l1, l2;      /* g = factor * dw + l2 * w + l1 * sign(w) */
    float rate;                /* adam: corrected for the step count; adagrad: decayed */
    float first, first_rest;   /* s0' = first * s0 + first_rest * g (sgd: momentum and what g counts; adam: beta1) */
    float second, second_rest; /* the same of g^2 (adam: s1; rmsprop: s0); rmsprop's momentum is `first` */
    float epsilon;
    float shrink; /* adam, adamw: w is multiplied by it, adam's w afterwards, adamw's before */
};

struct simd_optimize_fns {
    /* Elements i < count. Outputs may lie in the memory of what they replace. */
    void (*step)(const struct simd_optimizer *o, const float *w, const float *dw, const float *s0, const float *s1,
                 float *w_out, float *s0_out, float *s1_out, uint64_t count);
};

#endif
