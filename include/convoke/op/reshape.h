/* SPDX-License-Identifier: MIT
 * reshape: the same elements in the same order under other sizes: reshape, flatten, squeeze, unsqueeze and identity are its
 * kinds. Moves nothing where memory can be shared. Source: ONNX operators of the same names.
 *
 * reshape: dims with one -1 (worked out) and 0 (copied from x, unless allow_zero). flatten: [product before axis, product
 * from axis on], axis 1 if count is 0. squeeze: drops the named axes (all of size 1 if none is named). unsqueeze: puts axes of size 1 at the named
 * places of the result. An optional second input (i64, known when the session is made) gives the dims or axes.
 * Gradient: the core makes it a reshape.
 *
 * Example ([N, 64, 7, 7] to [N, 64, 49]: the first size is kept, the last one worked out):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value join_space(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_reshape(g, x, &(struct cvk_reshape_params){.kind = CVK_RESHAPE, .count = 3, .dims = {0, 64, -1}});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_RESHAPE_H
#define CONVOKE_OP_RESHAPE_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_reshape_kind {
    CVK_RESHAPE = 0,
    CVK_FLATTEN = 1,
    CVK_SQUEEZE = 2,
    CVK_UNSQUEEZE = 3,
    CVK_IDENTITY = 4
};

struct cvk_reshape_params {
    uint32_t size;
    uint32_t kind;              /* enum cvk_reshape_kind */
    uint32_t count;             /* entries in dims */
    uint32_t allow_zero;        /* reshape: 1: a 0 means a size of zero */
    int64_t dims[CVK_MAX_RANK]; /* reshape: sizes; flatten: dims[0] the axis; squeeze, unsqueeze: axes */
};

CVK_API cvk_value cvk_reshape(struct cvk_graph *g, cvk_value x, const struct cvk_reshape_params *p);
/* To [N, everything else]: 3x3x64 gives 576. */
CVK_API cvk_value cvk_flatten(struct cvk_graph *g, cvk_value x);

#ifdef __cplusplus
}
#endif
#endif
