/* SPDX-License-Identifier: MIT
 * Convolution as sums of products over lines of pixels on a CPU device: what the rows "pointwise", "direct", "grouped", "stem"
 * and the dense layers run (kernels/conv_cpu.cl). */
#ifndef OCL_CONV_CPU_SUM_H
#define OCL_CONV_CPU_SUM_H

#include "conv_cpu.h"

/* What follows from the sizes, for plan and build alike. */
struct ocl_conv_sum {
    struct ocl_conv c;
    struct ocl_cpu_tile tile;
    uint64_t block;                     /* channels that lie side by side in x: 16, or 1 in the plain layout */
    uint64_t maps;                      /* blocks of them in an image */
    uint64_t group_ic, group_oc;        /* channels of a group */
    uint64_t group_maps, group_vectors; /* maps that it reads, blocks of 16 that it makes */
    uint64_t group_tiles;               /* the same in tiles of `vectors`; the last one may be smaller */
    uint64_t taps, steps;
    bool copy;                          /* the input's padding is written out, its columns sorted by phase of the stride */
    uint64_t rows, row_step, phases, columns; /* of the copy, or of x */
    uint64_t lines, px;                 /* an image's outputs: lines of px pixels whose inputs lie side by side */
    uint64_t line_units, units;         /* tiles of pixels: in a line, in all images */
};

struct ocl_conv_sum ocl_conv_sum_of(const struct ocl_device *d, const struct ocl_conv *c, uint64_t block);
uint64_t ocl_conv_sum_weights(const struct ocl_conv_sum *s); /* packed, in floats */
/* The state of such a row. */
struct ocl_conv_sum_state {
    struct ocl_call copy, sum;
    cl_mem weights, table, copy_table;
};

/* Weights in host memory: from[oc * oc_step + ic * ic_step + tap] * scale, ic in the group. */
struct ocl_conv_weights {
    const float *from;
    uint64_t oc_step, ic_step;
    float scale;
};
/* Builds the sum's kernel, and the copy's where there is one. A failure leaves what ocl_conv_sum_release frees. */
int32_t ocl_conv_sum_init(struct cvk_exec *e, struct ocl_conv_sum_state *state, const struct ocl_conv_sum *s,
                          const struct ocl_conv_weights *weights);
void ocl_conv_sum_release(struct ocl_conv_sum_state *state);

#endif
