/* SPDX-License-Identifier: MIT
 * Building a network: values (tensors to be) and the ops between them.
 *
 * Builder calls (here and in op/NAME.h) return a value, 0 on failure. The graph remembers its first failure and all later calls
 * on it fail quietly, so a net is written without a check on every line and asked once at the end with cvk_graph_status.
 * Sizes are worked out as the net is built, an open batch size counting as 1, so an illegal size is told at its layer.
 *
 * Owns: a graph owns everything in it; sessions made from it keep what they need and outlive it.
 * Threads: one thread at a time on one graph.
 *
 * Example:
 * @code
 * #include <convoke/convoke.h>
 * #include <stdio.h>
 * int main(void)
 * {
 *     struct cvk_graph *g = NULL;
 *     if (cvk_graph_create("lenet", &g) != CVK_OK)
 *         return 1;
 *     cvk_value x = cvk_input(g, "image", CVK_F32, 4, (int64_t[]){CVK_BATCH, 1, 28, 28});
 *     x = cvk_relu(g, cvk_layer_conv(g, x, 8, 5));
 *     x = cvk_pool(g, x, &(struct cvk_pool_params){.kernel = {2, 2}, .stride = {2, 2}}, NULL);
 *     x = cvk_layer_dense(g, cvk_flatten(g, x), 10);
 *     cvk_output(g, cvk_softmax(g, x, &(struct cvk_softmax_params){.axis = 1}), "prob");
 *     int32_t status = cvk_graph_status(g);
 *     if (status != CVK_OK)
 *         fprintf(stderr, "%s\n", cvk_graph_error(g));
 *     cvk_graph_destroy(g);
 *     return status == CVK_OK ? 0 : 1;
 * }
 * @endcode
 */
#ifndef CONVOKE_GRAPH_H
#define CONVOKE_GRAPH_H

#include "op/all.h"
#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

#define CVK_BATCH (-1) /* a size that each session chooses: the batch */

CVK_API int32_t cvk_graph_create(const char *name, struct cvk_graph **out);
CVK_API void cvk_graph_destroy(struct cvk_graph *g); /* NULL is fine */
CVK_API const char *cvk_graph_name(const struct cvk_graph *g);

/* An input of the net. Sizes may be CVK_BATCH (any number of them; all mean the same). */
CVK_API cvk_value cvk_input(struct cvk_graph *g, const char *name, uint32_t dtype, uint32_t rank, const int64_t *dims);
/* A constant (weights): the content is copied; bytes are what the sizes need. name NULL: none. */
CVK_API cvk_value cvk_constant(struct cvk_graph *g, const char *name, uint32_t dtype, uint32_t rank, const int64_t *dims,
                               const void *data);
/* The same without a copy: memory made by malloc, which the graph frees from now on, also on failure. */
CVK_API cvk_value cvk_constant_take(struct cvk_graph *g, const char *name, uint32_t dtype, uint32_t rank, const int64_t *dims,
                                    void *data);
/* Names a value as an output of the net. Order of calls is the order of outputs. */
CVK_API int32_t cvk_output(struct cvk_graph *g, cvk_value v, const char *name);
/* Names the node that made v, for messages and reports; returns v. */
CVK_API cvk_value cvk_name(struct cvk_graph *g, cvk_value v, const char *name);

enum cvk_initializer {
    CVK_INIT_HE = 0,    /* normal, standard deviation sqrt(2 / fan-in): He et al., arXiv 1502.01852 */
    CVK_INIT_XAVIER = 1 /* normal, standard deviation sqrt(2 / (fan-in + fan-out)): Glorot and Bengio, AISTATS 2010 */
};

/* Layers: an op with fresh weights drawn from a seed as the graph's initializer says, He's unless told; biases 0. The seed is that of the graph and counts on with each layer. Square kernels, stride 1, no
 * padding; for more use the ops. */
CVK_API void cvk_graph_seed(struct cvk_graph *g, uint64_t seed);
CVK_API void cvk_graph_initializer(struct cvk_graph *g, uint32_t kind);
CVK_API cvk_value cvk_layer_conv(struct cvk_graph *g, cvk_value x, int64_t filters, int64_t kernel);
CVK_API cvk_value cvk_layer_conv_with(struct cvk_graph *g, cvk_value x, int64_t filters, const struct cvk_conv_params *p);
CVK_API cvk_value cvk_layer_dense(struct cvk_graph *g, cvk_value x, int64_t units);

/* Any op: params is the op's struct (NULL: all zero), absent optional inputs are 0. Fills outputs[0..output_count-1]. */
CVK_API int32_t cvk_graph_add(struct cvk_graph *g, uint32_t op, const void *params, const cvk_value *inputs,
                              uint32_t input_count, cvk_value *outputs, uint32_t output_count);

/* CVK_OK, or the first failure. */
CVK_API int32_t cvk_graph_status(const struct cvk_graph *g);
/* Its sentence, "" if none. Borrows. */
CVK_API const char *cvk_graph_error(const struct cvk_graph *g);

/* What is known of a value: sizes with open ones as 1. Borrows, until the next builder call; NULL for an unknown value. */
CVK_API const struct cvk_tensor_desc *cvk_graph_desc(const struct cvk_graph *g, cvk_value v);
CVK_API uint32_t cvk_graph_input_count(const struct cvk_graph *g);
CVK_API uint32_t cvk_graph_output_count(const struct cvk_graph *g);
/* The i-th input or output; 0 if there is none. */
CVK_API cvk_value cvk_graph_input(const struct cvk_graph *g, uint32_t i);
CVK_API cvk_value cvk_graph_output(const struct cvk_graph *g, uint32_t i);
/* A value's name, "" if it has none. Borrows. */
CVK_API const char *cvk_graph_value_name(const struct cvk_graph *g, cvk_value v);
/* A value by its name, 0 if there is none. */
CVK_API cvk_value cvk_graph_find(const struct cvk_graph *g, const char *name);

/* A whole net from one line, weights drawn from the seed:
 *
 *   "1x28x28: 8c5-relu-mp2-16c5-relu-mp2-flat-120n-relu-10n-softmax"
 *
 * CxHxW (or CxW, CxDxHxW, or N alone) then layers joined by '-':
 *   8c5 8 filters of 5x5 · after it s2 stride, p1 padding, d2 dilation, g4 groups, as in 8c3s2p1 · dw3 depthwise 3x3 ·
 *   mp2, ap2 max and average pooling 2x2 with stride 2, as mp3s2p1 · gap, gmp global pooling · flat · 120n dense with 120 units ·
 *   16t2 transposed convolution with 16 filters of 2x2 and stride 2, as in 16t4s2p1 · up2 enlarges maps twice (nearest pixel) ·
 *   res(16c3p1-bn-relu-16c3p1-bn) a block with a shortcut round it: x itself, or a 1x1 convolution where the sizes differ (with a batch
 *   norm if the block has one) · bn batch norm · lrn · drop0.5 dropout, keep0.5 the same by what is kept · softmax · relu, tanh, sigmoid and every other name of op/unary.h without parameters.
 * A dense layer after maps flattens by itself. Errors name the place in the text. */
CVK_API int32_t cvk_graph_from_text(const char *text, uint64_t seed, struct cvk_graph **out);

#ifdef __cplusplus
}
#endif
#endif
