/* SPDX-License-Identifier: MIT
 * Losses (op/loss.h): softmax cross-entropy row by row, the others element by element. */
#ifndef SIMD_LOSS_H
#define SIMD_LOSS_H

#include <stdint.h>

/* One position's scores and labels. The label of class c is keep * q[c] + floor, its part in the loss w[c] times that. */
struct simd_loss_row {
    const float *x, *q, *w; /* q NULL: 0; w NULL: 1 */
    uint64_t n;
    float keep, floor;
    float top, log_sum, inverse; /* largest x; log(sum), 1 / sum of exp(x - top) */
};

/* Elements. The weight of element i is w[i * w_step]; gradients are multiplied by dy[i * dy_step] * factor. */
struct simd_loss_elements {
    uint32_t kind; /* enum cvk_loss_kind, but for softmax cross-entropy */
    uint32_t w_step, dy_step;
    const float *x, *q, *w, *dy;
    uint64_t n;
    float keep, floor; /* of labels */
    float delta;
    float factor;
};

struct simd_loss_fns {
    /* Sum of w * label; sum of w * label * log(p), p being the softmax. */
    double (*labels)(const struct simd_loss_row *r);
    double (*log_likelihood)(const struct simd_loss_row *r);
    /* dx = factor * (p * total - w * label) */
    void (*softmax_backward)(const struct simd_loss_row *r, float total, float factor, float *dx);
    /* The sum of the losses, each of which goes to y if that is not NULL. */
    double (*elements)(const struct simd_loss_elements *e, float *y);
    void (*elements_backward)(const struct simd_loss_elements *e, float *dx);
};

#endif
