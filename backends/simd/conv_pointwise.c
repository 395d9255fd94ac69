/* SPDX-License-Identifier: MIT
 * conv, row "pointwise": kernels of one pixel: an image is one line of pixels. */
#include "conv_sum.h"
#include "epilogue.h"

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct simd_conv c;
    SIMD_TRY(simd_conv_ask(q, &c));
    if (c.kh * c.kw != 1 || c.group != 1)
        return cvk_refuse(q, "only kernels of one pixel in one group");
    return simd_conv_sum_plan(q, &c, plan);
}

const struct cvk_kernel simd_conv_pointwise_rows[] = {
    {SIMD_ROW(CONV, "pointwise"), .flags = CVK_KERNEL_KEEPS_CONSTANTS | CVK_KERNEL_CONCURRENT,
     .layouts_x = SIMD_BLOCKED, .layouts_y = SIMD_BLOCKED, .epilogues = SIMD_EPILOGUES,
     .plan = plan, .build = simd_conv_sum_build, .run = simd_conv_sum_run},
};
const uint32_t simd_conv_pointwise_row_count = SIMD_COUNT(simd_conv_pointwise_rows);
