/* SPDX-License-Identifier: MIT
 * Every op header at once.
 *
 * Example (Maps of 28x28 to ten probabilities):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value head(struct cvk_graph *g, cvk_value x)
 * {
 *     x = cvk_pool(g, x, &(struct cvk_pool_params){.kind = CVK_POOL_AVG, .global = 1}, NULL);
 *     x = cvk_layer_dense(g, cvk_flatten(g, x), 10);
 *     return cvk_softmax(g, x, &(struct cvk_softmax_params){.axis = 1});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_ALL_H
#define CONVOKE_OP_ALL_H

#include "conv.h"
#include "conv_transpose.h"
#include "pool.h"
#include "gemm.h"
#include "matmul.h"
#include "unary.h"
#include "binary.h"
#include "where.h"
#include "reduce.h"
#include "softmax.h"
#include "batch_norm.h"
#include "instance_norm.h"
#include "layer_norm.h"
#include "lrn.h"
#include "dropout.h"
#include "concat.h"
#include "split.h"
#include "slice.h"
#include "pad.h"
#include "reshape.h"
#include "transpose.h"
#include "expand.h"
#include "tile.h"
#include "gather.h"
#include "cast.h"
#include "fill.h"
#include "shape.h"
#include "resize.h"
#include "depth_space.h"
#include "arg.h"
#include "topk.h"
#include "one_hot.h"
#include "reorder.h"
#include "loss.h"
#include "optimize.h"

#endif
