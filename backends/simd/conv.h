/* SPDX-License-Identifier: MIT
 * What the rows of convolutions on blocked tensors share: sizes under one set of names, input with its padding written out, one
 * model of time.
 *
 * Four passes are the same computation. Forward of conv and the data gradient of conv_transpose sum a window of x for each
 * result. The data gradient of conv and forward of conv_transpose are the other way round, "turned": what the inputs would
 * scatter is gathered. With stride 1 that is again a sum over windows, whose weights are read backwards and by columns. With
 * stride s, results with the same remainder by s form a class: they share their taps, and neighbours of a class read
 * neighbouring inputs, so each class is a convolution of stride 1 with a part of the taps, whose results lie s pixels apart: no
 * scatter, no zeros in between. */
#ifndef SIMD_CONV_H
#define SIMD_CONV_H

#include "simd.h"

/* Sizes of one node in pixels and channels; one dimension is a row, h = oh = kh = 1. The input is ic x h x w, the result oc x
 * oh x ow, whichever is the gradient. */
struct simd_conv {
    uint64_t n, ic, h, w, oc, oh, ow, group;
    uint64_t kh, kw, dilation_h, dilation_w;
    bool turned;
    uint64_t stride_h, stride_w; /* of windows in the input; 1 if turned */
    uint64_t spread_h, spread_w; /* between results of one class; 1 unless turned */
    int64_t begin_h, begin_w;    /* turned: pixels cut from the front of the result */
    int64_t pad_top, pad_left;   /* zeros before the input; below 0 where its first pixels are not seen */
    uint64_t window_h, window_w; /* pixels that one result sees, or one of each class at the same place */
    /* What the windows see of an image with its padding; less than both where windows end before. 0 if there is no output. */
    uint64_t seen_h, seen_w;
    uint32_t block;
    uint64_t ic_blocks, oc_blocks;
};

/* For nodes of one or two dimensions (simd_conv_ask has said yes). */
struct simd_conv simd_conv_of(const struct cvk_node *node, uint32_t block);
/* In plan: fills *c, or refuses: both layouts must be the device's blocked one, one or two dimensions, at least one
 * input channel, a bias only in the epilogue. */
int32_t simd_conv_ask(const struct cvk_query *q, struct simd_conv *c);

/* Results class, class + spread, ... of an axis are a class. True if this tap is one of the class; then *at is where the first
 * of these results meets its input there, in pixels of the input with its padding. */
bool simd_conv_tap_h(const struct simd_conv *c, uint64_t class_h, uint64_t tap, int64_t *at);
bool simd_conv_tap_w(const struct simd_conv *c, uint64_t class_w, uint64_t tap, int64_t *at);

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
/* What comes on top where weights are packed in each run: `plain_bytes` become `packed_bytes`, with `flops` for each packed
 * number. */
double simd_conv_pack_cost(const struct simd_device *d, double plain_bytes, double packed_bytes, double flops);

/* The four rows of one algorithm. */
#define SIMD_CONV_ROW(op, of, row_name, plan_, build_, run_)                                                                   \
    {SIMD_ROW(op, row_name), .pass = CVK_PASS_##of, .flags = CVK_KERNEL_KEEPS_CONSTANTS | CVK_KERNEL_CONCURRENT,               \
     .layouts_x = SIMD_BLOCKED, .layouts_y = SIMD_BLOCKED, .epilogues = SIMD_EPILOGUES,                                        \
     .plan = plan_, .build = build_, .run = run_}
#define SIMD_CONV_ROWS(row_name, plan_, build_, run_)                                                                          \
    SIMD_CONV_ROW(CONV, FORWARD, row_name, plan_, build_, run_),                                                               \
        SIMD_CONV_ROW(CONV, BACKWARD_DATA, row_name, plan_, build_, run_),                                                     \
        SIMD_CONV_ROW(CONV_TRANSPOSE, FORWARD, row_name, plan_, build_, run_),                                                 \
        SIMD_CONV_ROW(CONV_TRANSPOSE, BACKWARD_DATA, row_name, plan_, build_, run_)

#endif
