/* SPDX-License-Identifier: MIT
 * What the rows for dw on CPU devices share: the sum of the parts and db (kernels/conv_cpu_weights_sum.cl). */
#ifndef OCL_CONV_CPU_WEIGHTS_H
#define OCL_CONV_CPU_WEIGHTS_H

#include "conv_cpu_pack.h"

/* How the parts' sums lie: [part][group][tile of blocks of dy][block of x][number][vector][16]. */
struct ocl_weights_sums {
    uint64_t parts, groups, group_vectors, group_oc, tile_vectors, ic_blocks;
    uint64_t numbers;      /* of a block */
    uint64_t filter;       /* weights of an output channel */
    uint64_t block_step;   /* weights between blocks of x */
    const int32_t *places; /* of each number in the filter, -1: none */
};
/* Floats of one part. */
uint64_t ocl_weights_part(const struct ocl_weights_sums *s);
/* Parts of `most` at most that the work is cut into, where it has `sums` pieces without that: by the sizes alone, so that the
 * order of all sums is the same on every device. */
uint64_t ocl_weights_parts(uint64_t sums, uint64_t most);

struct ocl_weights_ends {
    struct ocl_call sum, bias_part, bias_sum; /* the latter are empty where no db is wanted */
    cl_mem table;
};
/* In plan: books room for db's parts. */
uint64_t ocl_weights_book_bias(const struct cvk_node *node, struct cvk_plan *plan);
/* In build. A failure leaves what ocl_weights_release frees. */
int32_t ocl_weights_init(struct cvk_exec *e, struct ocl_weights_ends *ends, const struct ocl_weights_sums *s);
/* Starts them: the parts' sums are in workspace at `parts`, db's come to `bias`. */
int32_t ocl_weights_run(struct cvk_exec *e, struct ocl_weights_ends *ends, uint64_t parts, uint64_t bias);
void ocl_weights_release(struct ocl_weights_ends *ends);

#endif
