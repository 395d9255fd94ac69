/* SPDX-License-Identifier: MIT
 * expand: repeats axes of size 1 (broadcasting both ways, as ONNX's Expand) to the sizes given by the field or by an optional second
 * input (i64, known when the session is made). In kernels the output's descriptor tells all.
 */
#ifndef CONVOKE_OP_EXPAND_H
#define CONVOKE_OP_EXPAND_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_expand_params {
    uint32_t size;
    uint32_t count;
    int64_t dims[CVK_MAX_RANK];
};

CVK_API cvk_value cvk_expand(struct cvk_graph *g, cvk_value x, const struct cvk_expand_params *p);

#ifdef __cplusplus
}
#endif
#endif
