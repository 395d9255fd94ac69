/* SPDX-License-Identifier: MIT
 * conv and its gradients, row "pointwise": kernels of one pixel: an image is one line of pixels. */
#include "conv_sum.h"

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct simd_conv c;
    SIMD_TRY(simd_conv_ask(q, &c));
    if (c.kh * c.kw != 1 || c.group != 1)
        return cvk_refuse(q, "only kernels of one pixel in one group");
    return simd_conv_sum_plan(q, &c, plan);
}

const struct cvk_kernel simd_conv_pointwise_rows[] = {
    SIMD_CONV_ROWS("pointwise", plan, simd_conv_sum_build, simd_conv_sum_run)};
const uint32_t simd_conv_pointwise_row_count = SIMD_COUNT(simd_conv_pointwise_rows);
