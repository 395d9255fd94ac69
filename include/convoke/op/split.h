/* SPDX-License-Identifier: MIT
 * split: cuts a tensor along one axis into as many parts as there are outputs; the reverse of concat. The parts' sizes come
 * from the optional second input (i64, known when the session is made), else they are equal (a smaller last one only if
 * `ragged`). In kernels the outputs' descriptors tell the sizes.
 * Gradient: the core makes it a concat.
 *
 * Example ([N, 64, H, W] to two halves of 32 channels):
 * @code
 * #include <convoke/convoke.h>
 * int32_t halves(struct cvk_graph *g, cvk_value x, cvk_value y[2])
 * {
 *     return cvk_split(g, x, 0, &(struct cvk_split_params){.axis = 1}, 2, y);
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_SPLIT_H
#define CONVOKE_OP_SPLIT_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_split_params {
    uint32_t size;
    int32_t axis;
    uint32_t ragged; /* 1: ceil(size/count) each, the last one smaller */
};

/* sizes: 0, or an i64 constant of `count` sizes. y receives `count` values. Returns the status of the graph. */
CVK_API int32_t cvk_split(struct cvk_graph *g, cvk_value x, cvk_value sizes, const struct cvk_split_params *p, uint32_t count,
                          cvk_value *y);

#ifdef __cplusplus
}
#endif
#endif
