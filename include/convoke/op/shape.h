/* SPDX-License-Identifier: MIT
 * shape: the sizes of x as an i64 vector (axes from start to below end), or the number of its elements as one i64. Always
 * known when the session is made, so no backend ever runs it. Source: ONNX operators Shape and Size.
 *
 * Example (The number of images, as a vector of one number):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value batch_size(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_shape(g, x, &(struct cvk_shape_params){.kind = CVK_SHAPE_DIMS, .start = 0, .end = 1, .end_given = 1});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_SHAPE_H
#define CONVOKE_OP_SHAPE_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_shape_kind { CVK_SHAPE_DIMS = 0, CVK_SHAPE_COUNT = 1 };

struct cvk_shape_params {
    uint32_t size;
    uint32_t kind;     /* enum cvk_shape_kind */
    int32_t start;     /* negative counts from the end; clamped */
    int32_t end;       /* used if end_given */
    uint32_t end_given;
    uint32_t reserved;
};

CVK_API cvk_value cvk_shape(struct cvk_graph *g, cvk_value x, const struct cvk_shape_params *p);

#ifdef __cplusplus
}
#endif
#endif
