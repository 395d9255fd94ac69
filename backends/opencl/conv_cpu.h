/* SPDX-License-Identifier: MIT
 * What the rows of conv for CPU devices share: the tile of registers, the epilogue's limits, how work is cut into groups, one
 * model of time. */
#ifndef OCL_CONV_CPU_H
#define OCL_CONV_CPU_H

#include "conv.h"

/* What a group goes over again and again should take about half of a core's second cache. */
#define OCL_CPU_CACHE_BYTES (512u << 10)

/* A tile of sums that fits a device's registers: at most `px` pixels by `vectors` vectors of output channels. */
struct ocl_cpu_tile {
    uint64_t px, vectors;
};
struct ocl_cpu_tile ocl_cpu_tile(const struct ocl_device *d);

/* In plan: fills *c, or refuses: a CPU device, one or two dimensions, a bias in the epilogue or known at run, sizes that fit
 * 32-bit indexes. */
int32_t ocl_conv_ask(const struct cvk_query *q, struct ocl_conv *c);
/* The same for a node for dw (ocl_conv_weights_of). */
int32_t ocl_conv_weights_ask(const struct cvk_query *q, struct ocl_conv *c);

/* Nanoseconds on one core for weights that are packed at each run. */
double ocl_conv_pack_cost(const struct cvk_query *q, uint64_t floats);
/* Estimated nanoseconds on one core: arithmetic at `efficiency` of the assumed peak, against the bytes of weights (from memory:
 * a net's weights seldom stay in a cache) and of activations, read and written; the smaller of the two hides behind the larger
 * one in part. Rows are compared by it: 0.9 is a direct convolution. */
double ocl_conv_cost(double flops, double efficiency, double weight_bytes, double activation_bytes);

/* The options of every program: the tile, and the epilogue's activation unless it is none, relu or clip: those are limits. */
void ocl_cpu_options(const struct ocl_device *d, const struct cvk_node *node, char *options, uint32_t bytes);
/* Sets the limits, or a and b of the activation: arguments index + 8 and index + 9, after what ocl_epilogue_bind binds. */
int32_t ocl_cpu_epilogue_args(struct ocl_device *d, struct ocl_call *call, uint32_t index, const struct cvk_node *node);

/* Work over two axes, a times b pieces. */
struct ocl_cpu_work {
    uint64_t a, b;
    double a_bytes; /* what one sweep over a reads: again for each part of b */
    double b_bytes;
    double ns; /* all of the arithmetic, on one core */
};
/* How many work-groups for each of the two axes: few, and a multiple of the cores where the work allows. */
void ocl_cpu_split(const struct ocl_device *d, const struct ocl_cpu_work *w, uint64_t groups[2]);
/* Work-groups for one axis. */
uint64_t ocl_cpu_groups(const struct ocl_device *d, uint64_t items);

/* A call with work-groups of one item. */
void ocl_cpu_size(struct ocl_call *call, uint64_t a, uint64_t b);

#endif
