/* SPDX-License-Identifier: MIT
 * conv_weights.h: what a direct sum costs. Taps count where they meet the map: small maps have fewer products than pixels by
 * taps. */
#include "conv.h"
#include "conv_weights.h"

/* Of the products; flops that bringing one weight to its place is worth. */
#define EFFICIENCY 0.9
#define WEIGHT_FLOPS 45.0

/* Along one axis, over all taps. */
static double meetings(uint64_t taps, uint64_t count, int64_t stride, int64_t dilation, int64_t pad, uint64_t size)
{
    double sum = 0;
    for (uint64_t k = 0; k < taps; k++) {
        struct simd_span span;
        simd_conv_weights_spans(&span, 1, count, stride, dilation, pad - (int64_t)k * dilation, size);
        sum += (double)(span.end - span.begin);
    }
    return sum;
}

double simd_conv_weights_outer_cost(const struct simd_conv_weights *c, const struct simd_device *d)
{
    const double pixels = (double)c->n * meetings(c->kh, c->oh, c->stride_h, c->dilation_h, c->pad_top, c->h) *
                          meetings(c->kw, c->ow, c->stride_w, c->dilation_w, c->pad_left, c->w);
    const double rows = (double)simd_round_up(c->group_rows, c->block), lanes = (double)(c->lane_blocks * c->block);
    return simd_conv_cost(d, rows * lanes * (2.0 * pixels + WEIGHT_FLOPS * (double)c->taps), EFFICIENCY, 0.0, 0.0);
}
