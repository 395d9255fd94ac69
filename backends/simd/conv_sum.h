/* SPDX-License-Identifier: MIT
 * Convolution as sums of products over lines of pixels: what the rows "pointwise" and "direct" run. Pixels are cut into tiles,
 * channels into vectors; one call of isa/tile.h does whole sums: how the work is cut does not change a bit of the results. */
#ifndef SIMD_CONV_SUM_H
#define SIMD_CONV_SUM_H

#include "conv_lines.h"

/* What of the input is copied, chunk by chunk, into a worker's scratch: rows with their padding, or single pixels, so that they
 * lie side by side. */
enum simd_copy { SIMD_COPY_NOTHING = 0, SIMD_COPY_ROWS, SIMD_COPY_PIXELS };

/* What follows from the sizes and the device, for plan, build and run alike. */
struct simd_conv_sum {
    struct simd_conv c;
    struct simd_weights weights;    /* of one group, without the order of its taps */
    uint64_t groups, group_vectors; /* group_vectors: vectors of output channels in a group */
    struct simd_conv_lines lines;
    enum simd_copy copy;
    uint64_t images, band; /* in a chunk, which a worker takes through all channels: whole images, or `band` tiles */
    uint64_t x_image;      /* floats between images, in x or in scratch */
};

/* In plan, after simd_conv_ask: books memory, estimates the time. */
int32_t simd_conv_sum_plan(const struct cvk_query *q, const struct simd_conv *c, struct cvk_plan *plan);
int32_t simd_conv_sum_build(struct cvk_exec *e);
int32_t simd_conv_sum_run(struct cvk_exec *e);

#endif
