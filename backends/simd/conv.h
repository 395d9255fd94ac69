/* SPDX-License-Identifier: MIT
 * What the rows of conv on blocked tensors share: sizes under one set of names, input with its padding written out, one model
 * of time. */
#ifndef SIMD_CONV_H
#define SIMD_CONV_H

#include "simd.h"

/* Sizes of one node in pixels and channels; one dimension is a row, h = oh = kh = 1. */
struct simd_conv {
    uint64_t n, ic, h, w, oc, oh, ow, group;
    uint64_t kh, kw, stride_h, stride_w, dilation_h, dilation_w;
    uint64_t pad_top, pad_left;
    /* What the windows see of an image with its padding: (oh - 1) * stride_h + (kh - 1) * dilation_h + 1 rows, columns alike;
     * less than the image and its padding where windows end before them. 0 if there is no output. */
    uint64_t seen_h, seen_w;
    uint32_t block;
    uint64_t ic_blocks, oc_blocks; /* of x and y */
};

/* For nodes of one or two dimensions (simd_conv_ask has said yes). */
struct simd_conv simd_conv_of(const struct cvk_node *node, uint32_t block);
/* In plan: fills *c, or refuses: both layouts must be the device's blocked one, one or two dimensions, at least one
 * input channel, a bias only in the epilogue. */
int32_t simd_conv_ask(const struct cvk_query *q, struct simd_conv *c);

/* True if all that the windows see lies inside the image: then no copy is needed. */
static inline bool simd_conv_inside(const struct simd_conv *c)
{
    return c->pad_top == 0 && c->pad_left == 0 && c->seen_h <= c->h && c->seen_w <= c->w;
}

/* The image with its padding written out, [n][ic_blocks][seen_h][seen_w][block]: writes rows begin..end-1, counted over images,
 * blocks and rows, to to[(row - begin) * seen_w * block]. */
void simd_conv_copy_rows(const struct simd_conv *c, const float *x, float *to, uint64_t begin, uint64_t end);

/* Estimated nanoseconds on one thread, the same on every machine with these caches and this instruction set: arithmetic at
 * `efficiency` of the assumed peak, against the bytes of weights (from memory: a net's weights seldom stay in a cache) and of
 * activations and scratch, read and written (from the level that holds them); the smaller of the two hides behind the larger
 * one in part. Rows are compared by it: 0.9 is a direct convolution. */
double simd_conv_cost(const struct simd_device *d, double flops, double efficiency, double weight_bytes,
                      double activation_bytes);

#endif
