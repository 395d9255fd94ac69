/* SPDX-License-Identifier: MIT
 * Sizes of the nodes of conv and conv_transpose under one set of names, for all passes and both families of kernels. */
#ifndef OCL_CONV_H
#define OCL_CONV_H

#include "ocl.h"

#define OCL_BLOCK 16 /* channels of a block of NC16, numbers of a vector */

/* The parameters that both ops have. */
struct ocl_window {
    const int64_t *kernel, *stride, *dilation, *pad_begin;
    uint32_t group;
};
struct ocl_window ocl_window_of(const struct cvk_node *node);

/* Sizes of one node in pixels and channels; one dimension is a row, h = oh = kh = 1. x is input 0, y is output 0, whatever the
 * op and the pass: what reads through windows is a convolution, what spreads through them (conv's gradient dx, conv_transpose)
 * a transposed one, which at stride 1 is a convolution with its window turned around. */
struct ocl_conv {
    uint64_t n, ic, h, w, oc, oh, ow, group;
    uint64_t kh, kw, stride_h, stride_w, dilation_h, dilation_w;
    int64_t pad_top, pad_left;     /* negative: rows and columns of x that no window sees */
    uint64_t seen_h, seen_w;       /* what the windows see of an image with its padding; 0 if there is no output */
    uint64_t ic_blocks, oc_blocks; /* of x and y */
    bool transposed;               /* at a stride above 1 */
    bool flipped; /* the window is turned around; weights are those of transposed ones: [ic][oc of a group][window] */
};

/* For nodes of one or two dimensions. */
struct ocl_conv ocl_conv_of(const struct cvk_node *node);
bool ocl_conv_has_bias(const struct cvk_node *node);
/* Of a node for dw: x is what is read through windows and y has a window for each pixel, whichever of the inputs they are: y is
 * dy of conv, x is dy of conv_transpose. */
struct ocl_conv ocl_conv_weights_of(const struct cvk_node *node);
/* Which input is x; the other one is y. */
static inline uint32_t ocl_conv_weights_x(const struct cvk_node *node)
{
    return node->op == CVK_OP_CONV ? 1 : 0;
}
/* Whether the weights come with each run; else build has them in host memory. */
bool ocl_conv_packs_at_run(const struct cvk_node *node);
/* The third input, which is a bias; NULL: none. */
const struct cvk_binding *ocl_conv_bias(const struct cvk_exec *e);

/* The outputs of one axis that have the same taps: all of a convolution; of a transposed one, outputs a stride apart. Output i
 * of them reads row from + j * from_step + i * the convolution's stride through tap + j * tap_step. */
struct ocl_conv_taps {
    uint64_t first, step, outputs;
    uint64_t taps;
    int64_t tap, tap_step, from, from_step;
};
/* The number of such classes of an axis, and each of them. Height is axis 0. */
uint64_t ocl_conv_classes(const struct ocl_conv *c, uint32_t axis);
struct ocl_conv_taps ocl_conv_taps(const struct ocl_conv *c, uint32_t axis, uint64_t which);

#endif
