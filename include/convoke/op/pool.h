/* SPDX-License-Identifier: MIT
 * pool: a window slides over each map alone and keeps one number: the maximum, the mean, or the Lp norm. The depth stays.
 *
 * x is [N, C, spatial...] with one to three spatial dimensions. Window positions as in conv; with CVK_ROUND_CEIL
 * the count is rounded up and a last window that would begin in the end padding is dropped. Paddings are smaller than the
 * window. max: padding never wins, a NaN in the window does, of equals the first one counts; the optional second output
 * holds, as i64, the flat index of each maximum in x (row-major over the whole tensor; storage_order 1: the spatial part
 * column-major). avg: divided by the number of pixels inside x, or,
 * with count_include_pad, inside x and its padding. lp: (sum |x|^p)^(1/p). global: the window is the whole map.
 * A dilated window that meets padding alone: max gives the least value of the type (-infinity) and index -1, avg and lp 0.
 * Source: ONNX operators MaxPool, AveragePool, LpPool, GlobalMaxPool, GlobalAveragePool, GlobalLpPool.
 * Gradient (backward data): inputs dy, x; output dx. max: all of dy goes to the first maximum of the window; avg: the pixels
 * inside x share it evenly, those of the padding, where they are counted, keeping theirs; lp: dy * sign(x) * (|x| / y)^(p-1), 0
 * where x is 0.
 *
 * Example ([N, C, 28, 28] to [N, C, 14, 14]; the places of the maxima are not wanted):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value halve(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_pool(g, x, &(struct cvk_pool_params){.kind = CVK_POOL_MAX, .kernel = {2, 2}, .stride = {2, 2}}, NULL);
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_POOL_H
#define CONVOKE_OP_POOL_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_pool_kind { CVK_POOL_MAX = 0, CVK_POOL_AVG = 1, CVK_POOL_LP = 2 };

struct cvk_pool_params {
    uint32_t size;
    uint32_t kind;              /* enum cvk_pool_kind */
    uint32_t global;            /* 1: window = whole map; kernel, stride and padding are then filled by the library */
    uint32_t auto_pad;          /* enum cvk_auto_pad (op/conv.h) */
    uint32_t rounding;          /* enum cvk_rounding (op/conv.h) */
    uint32_t count_include_pad; /* avg only: 1 counts padded pixels */
    uint32_t storage_order;     /* indices of max: 0 row-major, 1 column-major */
    int32_t p;                  /* lp only, 0 means 2 */
    int64_t kernel[3];          /* pixels, required unless global */
    int64_t stride[3];          /* 0 means 1 */
    int64_t dilation[3];        /* 0 means 1 */
    int64_t pad_begin[3];
    int64_t pad_end[3];
};

/* indices: NULL, or receives the value of the second output (max only). */
CVK_API cvk_value cvk_pool(struct cvk_graph *g, cvk_value x, const struct cvk_pool_params *p, cvk_value *indices);

#ifdef __cplusplus
}
#endif
#endif
