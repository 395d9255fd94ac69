/* SPDX-License-Identifier: MIT
 * Convolution as sums of products over lines of pixels on a CPU device: what the rows "pointwise", "direct", "grouped", "stem"
 * and the dense layers run (kernels/conv_cpu.cl). The outputs of a transposed convolution fall into classes of the same taps,
 * one for each place within a stride; each class is a sum by itself. */
#ifndef OCL_CONV_CPU_SUM_H
#define OCL_CONV_CPU_SUM_H

#include "conv_cpu_pack.h"

/* What follows from the sizes, for plan and build alike. */
struct ocl_conv_sum {
    struct ocl_conv c;
    struct ocl_cpu_tile tile;
    uint64_t block;                     /* channels that lie side by side in x: 16, or 1 in the plain layout */
    uint64_t maps;                      /* blocks of them in an image */
    uint64_t group_ic, group_oc;        /* channels of a group */
    uint64_t group_maps, group_vectors; /* maps that it reads, blocks of 16 that it makes */
    uint64_t group_tiles;               /* the same in tiles of `vectors`; the last one may be smaller */
    bool copy;                          /* the input's padding is written out, its columns sorted by phase of the stride */
    int64_t low_h, low_w;               /* row and column of x that the copy, or x, begins with */
    uint64_t rows, row_step, phases, columns; /* of the copy, or of x */
    uint64_t classes;
    uint64_t units; /* tiles of pixels in all images, of all classes */
    /* Where y goes, in vectors; filled for a tensor in blocks. */
    uint64_t y_step, y_line, y_block, y_group, y_image;
    uint64_t bias_group; /* channels between the biases of groups */
};
#define OCL_CONV_CLASSES 16 /* at most */

/* A convolution whose strides, if it is transposed, make no more than OCL_CONV_CLASSES classes. */
struct ocl_conv_sum ocl_conv_sum_of(const struct ocl_device *d, const struct ocl_conv *c, uint64_t block);
uint64_t ocl_conv_sum_weights(const struct ocl_conv_sum *s); /* packed, in floats */
uint64_t ocl_conv_sum_copied(const struct ocl_conv_sum *s);  /* floats of the copy */

/* The state of such a row. */
struct ocl_conv_sum_state {
    struct ocl_call copy, sum;
    struct ocl_packer packer;
    cl_mem weights, table, copy_table;
};

/* Where the weights are: as struct ocl_pack has them. `from` is host memory, NULL where they are known at run. */
struct ocl_conv_weights {
    const float *from;
    uint64_t group_step, oc_step, ic_step;
    float scale;
};
/* Operands of a run. */
struct ocl_conv_sum_operands {
    struct cvk_binding x, y;
    struct cvk_binding copy;            /* room for what ocl_conv_sum_copied counts */
    struct cvk_binding weights, packed; /* of weights known at run: as they are, and room for them packed */
    const struct cvk_binding *bias;     /* NULL: the epilogue's, if any */
};
/* Builds the kernels of the sum and of what comes before it. A failure leaves what ocl_conv_sum_release frees. */
int32_t ocl_conv_sum_init(struct cvk_exec *e, struct ocl_conv_sum_state *state, const struct ocl_conv_sum *s,
                          const struct ocl_conv_weights *weights);
int32_t ocl_conv_sum_run(struct cvk_exec *e, struct ocl_conv_sum_state *state, const struct ocl_conv_sum_operands *operands);
void ocl_conv_sum_release(struct ocl_conv_sum_state *state);

#endif
