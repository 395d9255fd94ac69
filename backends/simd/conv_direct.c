/* SPDX-License-Identifier: MIT
 * conv and its gradients, row "direct": every kernel, stride, dilation and padding, as it is written. */
#include "conv_sum.h"

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct simd_conv c;
    SIMD_TRY(simd_conv_ask(q, &c));
    if (c.group > 1 && (c.ic / c.group % c.block || c.oc / c.group % c.block))
        return cvk_refuse(q, "groups of %llu to %llu channels are not whole blocks of %u", (unsigned long long)(c.ic / c.group),
                          (unsigned long long)(c.oc / c.group), c.block);
    return simd_conv_sum_plan(q, &c, plan);
}

const struct cvk_kernel simd_conv_direct_rows[] = {SIMD_CONV_ROWS("direct", plan, simd_conv_sum_build, simd_conv_sum_run)};
const uint32_t simd_conv_direct_row_count = SIMD_COUNT(simd_conv_direct_rows);
