/* SPDX-License-Identifier: MIT
 * conv: cross-correlation, what CNNs call convolution, in one, two or three spatial dimensions.
 *
 *   y[n, oc, o] = b[oc] + sum over ic in the group, k:  w[oc, ic, k] * x[n, g*IC/G + ic, o*stride - pad_begin + k*dilation]
 *
 * x is [N, IC, spatial...], w is [OC, IC/G, kernel...], b is [OC], y is [N, OC, out...]; reads outside x are 0.
 * out = floor((in + pad_begin + pad_end - dilation*(kernel-1) - 1) / stride) + 1. Source: ONNX operator Conv.
 * Depthwise convolution is group == IC. Zero in a field is its default.
 * Gradient. Backward data: inputs dy, w; output dx; an epilogue may add a residual. Backward weights: inputs dy, x; outputs dw,
 * db (either may be left out).
 *
 * Example ([N, 3, 224, 224] to [N, 64, 112, 112]; weights is [64, 3, 7, 7]):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value first_layer(struct cvk_graph *g, cvk_value image, cvk_value weights, cvk_value bias)
 * {
 *     return cvk_conv(g, image, weights, bias,
 *                     &(struct cvk_conv_params){.stride = {2, 2}, .pad_begin = {3, 3}, .pad_end = {3, 3}});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_CONV_H
#define CONVOKE_OP_CONV_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_auto_pad {
    CVK_PAD_EXPLICIT = 0, /* pad_begin and pad_end as given */
    CVK_PAD_SAME_UPPER = 1, /* out = ceil(in / stride); an odd pixel of padding goes at the end */
    CVK_PAD_SAME_LOWER = 2, /* the same, an odd pixel goes at the beginning */
    CVK_PAD_VALID = 3       /* no padding */
};

/* What to do when (in + pads - window) is not a multiple of the stride ("half a pixel"). */
enum cvk_rounding {
    CVK_ROUND_FLOOR = 0,  /* drop the remainder */
    CVK_ROUND_STRICT = 1, /* refuse, naming the sizes and paddings that fit */
    CVK_ROUND_CEIL = 2    /* one more output, whose window reaches over the end (pools) */
};

struct cvk_conv_params {
    uint32_t size;         /* 0 from callers; filled by the library */
    uint32_t auto_pad;     /* enum cvk_auto_pad; CVK_PAD_EXPLICIT in kernels */
    uint32_t group;        /* 0 means 1 */
    uint32_t rounding;     /* enum cvk_rounding: floor or strict */
    int64_t kernel[3];     /* pixels; 0: taken from w, which must agree if given */
    int64_t stride[3];     /* pixels, 0 means 1 */
    int64_t dilation[3];   /* pixels, 0 means 1 */
    int64_t pad_begin[3];  /* pixels of zeros before the first, >= 0 */
    int64_t pad_end[3];    /* pixels of zeros after the last, >= 0 */
};

/* Adds a convolution. b may be 0 (no bias), p may be NULL (all defaults). Returns 0 on failure. */
CVK_API cvk_value cvk_conv(struct cvk_graph *g, cvk_value x, cvk_value w, cvk_value b, const struct cvk_conv_params *p);

#ifdef __cplusplus
}
#endif
#endif
