/* SPDX-License-Identifier: MIT
 * one_hot: y has one more axis than the indices, of size depth; y is values[1] where the place on that axis equals the index
 * (negative ones count from the end; others out of range give no hot place) and values[0] elsewhere. Inputs: indices (any number
 * type; fractions are cut off), depth (one element, known when the session is made; or the field), values (two elements).
 * Source: ONNX operator OneHot.
 *
 * Example (Labels [N] to [N, 10] with a 1 at each label):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value targets(struct cvk_graph *g, cvk_value labels)
 * {
 *     cvk_value off_on = cvk_constant(g, NULL, CVK_F32, 1, (int64_t[]){2}, (float[]){0, 1});
 *     return cvk_one_hot(g, labels, 0, off_on, &(struct cvk_one_hot_params){.axis = -1, .depth = 10});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_ONE_HOT_H
#define CONVOKE_OP_ONE_HOT_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_one_hot_params {
    uint32_t size;
    int32_t axis;  /* place of the new axis in y; negative counts from y's end; not negative in kernels */
    int64_t depth; /* 0: from the input */
};

/* depth: 0 (then from p), or an i64 value. */
CVK_API cvk_value cvk_one_hot(struct cvk_graph *g, cvk_value indices, cvk_value depth, cvk_value values,
                              const struct cvk_one_hot_params *p);

#ifdef __cplusplus
}
#endif
#endif
