/* SPDX-License-Identifier: MIT
 * fill: a tensor of one repeated value (ONNX ConstantOfShape). The sizes come from the fields, or from the one optional
 * input (i64, known when the session is made).
 *
 * Example (Ten rows of 64 ones):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value ones(struct cvk_graph *g)
 * {
 *     return cvk_fill(g, 0, &(struct cvk_fill_params){.dtype = CVK_F32, .count = 2, .value = 1, .dims = {10, 64}});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_FILL_H
#define CONVOKE_OP_FILL_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_fill_params {
    uint32_t size;
    uint32_t dtype;             /* enum cvk_dtype; 0 means CVK_F32 */
    uint32_t count;             /* entries in dims, used when there is no input */
    uint32_t reserved;
    double value;
    int64_t integer;            /* the value for integer types (its low bits) and bool (!= 0) */
    int64_t dims[CVK_MAX_RANK];
};

/* shape: 0, or an i64 value. */
CVK_API cvk_value cvk_fill(struct cvk_graph *g, cvk_value shape, const struct cvk_fill_params *p);

#ifdef __cplusplus
}
#endif
#endif
