/* SPDX-License-Identifier: MIT
 * conv_transpose: the transposed (fractionally strided) convolution; the gradient of conv with respect to its input.
 *
 *   y[n, oc, i*stride - pad_begin + k*dilation] += x[n, ic, i] * w[ic, oc in group, k], then + b[oc]
 *
 * x is [N, IC, spatial...], w is [IC, OC/G, kernel...], y is [N, OC, out...];
 * out = stride*(in-1) + output_pad + dilation*(kernel-1) + 1 - pad_begin - pad_end, unless output_size is given,
 * from which the padding then follows: half of what is too much at each end, an odd pixel at the beginning (with
 * CVK_PAD_SAME_UPPER at the end); what is too little is added as zeros at the end. Automatic padding gives
 * out = stride*in. Source: ONNX operator ConvTranspose. Zero in a field is its default.
 * Gradient. Backward data: inputs dy, w; output dx; an epilogue may add a residual. Backward weights: inputs dy, x; outputs dw,
 * db (either may be left out).
 *
 * Example ([N, 64, 14, 14] to [N, 32, 28, 28]; weights is [64, 32, 2, 2]):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value up(struct cvk_graph *g, cvk_value x, cvk_value weights)
 * {
 *     return cvk_conv_transpose(g, x, weights, 0, &(struct cvk_conv_transpose_params){.stride = {2, 2}});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_CONV_TRANSPOSE_H
#define CONVOKE_OP_CONV_TRANSPOSE_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_conv_transpose_params {
    uint32_t size;
    uint32_t auto_pad;       /* enum cvk_auto_pad (op/conv.h); CVK_PAD_EXPLICIT in kernels */
    uint32_t group;          /* 0 means 1 */
    uint32_t reserved;
    int64_t kernel[3];       /* pixels; 0: taken from w */
    int64_t stride[3];       /* 0 means 1 */
    int64_t dilation[3];     /* 0 means 1 */
    int64_t pad_begin[3];    /* pixels cut from the front of the result; may be negative in kernels */
    int64_t pad_end[3];
    int64_t output_pad[3];   /* extra pixels at the end, < max(stride, dilation) */
    int64_t output_size[3];  /* wished output pixels, 0: computed */
};

CVK_API cvk_value cvk_conv_transpose(struct cvk_graph *g, cvk_value x, cvk_value w, cvk_value b,
                                     const struct cvk_conv_transpose_params *p);

#ifdef __cplusplus
}
#endif
#endif
