/* SPDX-License-Identifier: MIT
 * unary.h over the vectors of vec.h. */
#include "vec.h"

#include "convoke/op/unary.h"
#include "unary.h"

static void apply(uint32_t kind, float a, float b, const float *x, float *y, uint64_t count)
{
    (void)a;
    (void)b;
    for (uint64_t i = 0; i < count; i += V_LEN) {
        uint32_t n = count - i < V_LEN ? (uint32_t)(count - i) : V_LEN;
        V v = v_load_n(x + i, n);
        if (kind == CVK_RELU)
            v = v_relu(v);
        v_store_n(y + i, v, n);
    }
}

const struct simd_unary_fns SIMD_FN(simd_unary_fns) = {.apply = apply};
