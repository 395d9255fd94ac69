/* SPDX-License-Identifier: MIT
 * reduce: folds the named axes to one number. Source: ONNX operators ReduceSum, ReduceMean, ....
 *
 * Nothing (an axis of size 0) folds to 0 for sums, 1 for prod, -inf for max, log_sum and log_sum_exp, +inf for min, NaN for mean;
 * integer types give the smallest number for max, the largest for min and 0 for mean. Integer sums wrap, their mean is
 * truncated. NaN gives NaN, also in max and min.
 *
 * Without axes all are folded, unless noop_empty: then each element is folded alone, so sum_square squares it. Negative axes
 * count from the end. An optional second input (i64, known when the session is made) names the axes instead of the field.
 * Gradient (backward data): inputs dy, y, x; output dx: of max and min dy shared evenly by all that equal y; of prod dy times
 * the product of the others; of l1 dy * sign(x); of l2 dy * x / y, 0 for y = 0; of log_sum dy * exp(-y); of log_sum_exp dy *
 * exp(x - y); of sum_square 2 * dy * x. The core builds those of sum and mean out of other ops.
 *
 * Example (The mean of each map: [N, C, H, W] to [N, C]):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value map_means(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_reduce(g, x, &(struct cvk_reduce_params){.kind = CVK_REDUCE_MEAN, .axis_count = 2, .axes = {2, 3}});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_REDUCE_H
#define CONVOKE_OP_REDUCE_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_reduce_kind {
    CVK_REDUCE_SUM = 0,
    CVK_REDUCE_MEAN = 1,
    CVK_REDUCE_MAX = 2,
    CVK_REDUCE_MIN = 3,
    CVK_REDUCE_PROD = 4,
    CVK_REDUCE_L1 = 5,          /* sum |x| */
    CVK_REDUCE_L2 = 6,          /* sqrt(sum x^2) */
    CVK_REDUCE_LOG_SUM = 7,     /* log(sum x) */
    CVK_REDUCE_LOG_SUM_EXP = 8, /* log(sum exp(x)), without overflow */
    CVK_REDUCE_SUM_SQUARE = 9,
    CVK_REDUCE_KINDS = 10
};

struct cvk_reduce_params {
    uint32_t size;
    uint32_t kind;       /* enum cvk_reduce_kind */
    uint32_t keep_dims;  /* 1: folded axes stay with size 1 */
    uint32_t noop_empty; /* 1: no axes means nothing is folded */
    uint32_t axis_count; /* in kernels: sorted, not negative, without doubles, all axes written out */
    int32_t axes[CVK_MAX_RANK];
};

CVK_API cvk_value cvk_reduce(struct cvk_graph *g, cvk_value x, const struct cvk_reduce_params *p);

#ifdef __cplusplus
}
#endif
#endif
