/* SPDX-License-Identifier: MIT
 * The loops that conv and conv_transpose share, forward and backward; they differ in where a window position reads and in the
 * order of the weights. */
#ifndef REF_CONV_H
#define REF_CONV_H

#include "ref.h"

/* One spatial axis. Output o and kernel pixel k read input pixel (o * scale + k * step + origin) / divisor if that is whole
 * and inside, and 0 otherwise. */
struct ref_conv_axis {
    int64_t in, out, kernel;
    int64_t scale, step, origin, divisor;
};

struct ref_conv {
    struct ref_conv_axis axis[3]; /* missing axes in front have in = out = kernel = scale = divisor = 1 */
    uint64_t groups, ic, oc;      /* ic, oc: channels of one group */
    uint64_t w_group, w_ic, w_oc; /* how far apart the weights of neighbours are, in elements */
};

/* A tensor that windows look at. */
struct ref_conv_view {
    const struct ref_conv_axis *axis;
    const void *data;
    uint32_t dtype;
};

static inline uint64_t ref_conv_kernel_pixels(const struct ref_conv_axis axis[3])
{
    return (uint64_t)(axis[0].kernel * axis[1].kernel * axis[2].kernel);
}

/* Fills the axes from the parameters of conv or, `transposed`, conv_transpose. */
void ref_conv_grid(struct ref_conv_axis axis[3], const struct cvk_tensor_desc *in, const struct cvk_tensor_desc *out,
                   const int64_t *kernel, const int64_t *stride, const int64_t *dilation, const int64_t *pad_begin,
                   int transposed);
/* Fills out[0..count-1] with what outputs first.. of a map see at kernel pixel `pixel` of the map that begins at element `map`.
 */
void ref_conv_gather(double *out, const struct ref_conv_view *x, int64_t map, uint64_t pixel, uint64_t first, uint64_t count);
/* What runs over a grid: with weights [outputs, inputs of a group, k...] each output looks at a window, as conv forward and conv_transpose
 * backward do; `transposed`, with weights [inputs, outputs of a group, k...], it gathers what inputs spread, as the other two do. */
int32_t ref_conv_run_grid(struct cvk_exec *e, uint64_t groups, const int64_t *kernel, const int64_t *stride, const int64_t *dilation,
                          const int64_t *pad_begin, int transposed);
/* Runs the node: inputs x, w and perhaps a bias; epilogue and all. */
int32_t ref_conv_run(struct cvk_exec *e, const struct ref_conv *shape);
/* Runs the gradient of the weights from inputs dy and x: the weights' axis 0 belongs to the channels of input `lines`, the
 * other one is what the windows look at; output 1, if wanted, receives the sums of dy. */
int32_t ref_conv_weights_run(struct cvk_exec *e, const struct ref_conv_axis axis[3], uint32_t lines, uint64_t groups);

#endif
