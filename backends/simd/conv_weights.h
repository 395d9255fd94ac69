/* SPDX-License-Identifier: MIT
 * What the rows of the gradients of weights share. conv and conv_transpose have the same sum,
 *
 *   dw[lane, row, k] = sum over images, o:  lanes[lane, o] * rows[row, o * stride - pad + k * dilation],
 *
 * with lanes = dy and rows = x for conv, lanes = x and rows = dy for conv_transpose: the layout of w follows. Lane channels are
 * what a vector holds, row channels are the numbers that it is multiplied with. */
#ifndef SIMD_CONV_WEIGHTS_H
#define SIMD_CONV_WEIGHTS_H

#include "isa/wgrad.h"
#include "isa/wgrad_depthwise.h"
#include "simd.h"

/* Sizes of one node in pixels and channels; one dimension is a row: h = oh = kh = 1. */
struct simd_conv_weights {
    uint64_t n, rows, h, w; /* the tensor of rows: n images of `rows` channels, h by w */
    uint64_t lanes, oh, ow; /* the tensor of lanes */
    uint64_t group, group_rows, group_lanes;
    uint64_t kh, kw, taps;
    int64_t stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left; /* pads of conv_transpose may be negative */
    uint32_t block;
    uint64_t row_blocks, lane_blocks;
    uint32_t lanes_input, rows_input; /* of the node */
    bool bias;                        /* the gradient of the bias is wanted, too, and lanes are dy: summed along the way */
};

struct simd_conv_weights simd_conv_weights_of(const struct cvk_node *node, uint32_t block);
/* In plan: fills *c, or refuses what no row here does: other than one or two dimensions, sums to be added to the output. */
int32_t simd_conv_weights_ask(const struct cvk_query *q, struct simd_conv_weights *c);

/* Estimated nanoseconds on one thread (conv.h) of the row "outer". */
double simd_conv_weights_outer_cost(const struct simd_conv_weights *c, const struct simd_device *d);

/* For each tap k along one axis the outputs, of count, that meet the map of `size` with it. */
void simd_conv_weights_spans(struct simd_span *spans, uint64_t taps, uint64_t count, int64_t stride, int64_t dilation,
                             int64_t pad, uint64_t size);

/* Into how many parts a sum is cut, whose partial results are then added in order: as many as give 64 pieces of work with
 * `units` of them side by side, `most` at most. It follows from the sizes alone, so that bits do not depend on the number of
 * threads. */
static inline uint64_t simd_conv_weights_parts(uint64_t units, uint64_t most)
{
    const uint64_t wanted = simd_ceil_div(64, units ? units : 1);
    return wanted < most ? wanted : most ? most : 1;
}

/* The gradient of the bias for a block of lane channels, from sums of dy in `parts` parts that lie part_step apart. */
void simd_conv_weights_store_bias(const struct simd_conv_weights *c, const struct simd_wgrad_fns *fns, const float *sum,
                                  uint64_t parts, uint64_t part_step, uint64_t lane_block, float *db);
/* In plan and run: the gradient of the bias in a pass of its own, if it is wanted and c->bias is false. */
uint64_t simd_conv_weights_bias_bytes(const struct cvk_node *node, const struct simd_conv_weights *c);
void simd_conv_weights_bias(struct cvk_exec *e, const struct simd_conv_weights *c, float *workspace);

#endif
