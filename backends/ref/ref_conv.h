/* SPDX-License-Identifier: MIT
 * The loop that conv and conv_transpose share; they differ in where a window position reads and in the order of the weights. */
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

/* Runs the node: inputs x, w and perhaps a bias; epilogue and all. */
int32_t ref_conv_run(struct cvk_exec *e, const struct ref_conv *shape);

#endif
