/* SPDX-License-Identifier: MIT
 * Layers with fresh weights beyond the public ones, for nets written as text. */
#ifndef CVK__LAYERS_H
#define CVK__LAYERS_H

#include "ir.h"

/* Batch norm that changes nothing yet: scale 1, bias 0, mean 0, variance 1, epsilon 1e-5. */
cvk_value cvk__layer_batch_norm(struct cvk_graph *g, cvk_value x);

/* A transposed convolution; p gives kernel, stride and padding. */
cvk_value cvk__layer_conv_transpose(struct cvk_graph *g, cvk_value x, int64_t filters, const struct cvk_conv_transpose_params *p);

#endif
