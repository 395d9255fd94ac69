/* SPDX-License-Identifier: MIT
 * Rows of n elements are brought to mean 0 and variance 1, then scaled and shifted (layer_norm, instance_norm). In place is
 * fine. */
#include "norm_measure.cl"

#if defined(WIDE)
#define LINE(v, i, LOADER)                                                                                                     \
    (((v)*m.unit - m.mean) * m.inverse * (s.scale_period ? (float16)one_scale : LOADER(scale, i)) +                            \
     (s.bias_period || !bias_base ? (float16)one_bias : LOADER(bias, i)))

KERNEL_OF(1)
norm_rows(SHARED_BUFFER(const float, x), CONST_BUFFER(float, scale), CONST_BUFFER(float, bias), SHARED_BUFFER(float, y),
          BUFFER(float, mean), BUFFER(float, inverse), struct norm s, float epsilon)
{
    __global const float *scale = CONST_AT(float, scale), *bias = CONST_AT(float, bias);
    int first = get_global_id(0) * s.items, last = min(first + s.items, s.rows), whole = s.n / 16 * 16, rest = s.n - whole;
    for (int row = first; row < last; row++) {
        __global const float *x = CONST_AT(float, x) + row * s.n;
        __global float *y = AT(float, y) + row * s.n;
        float one_scale = s.scale_period ? scale[row % s.scale_period] : 1,
              one_bias = bias_base && s.bias_period ? bias[row % s.bias_period] : 0;
        struct measured m = measure(x, s.n, epsilon);
        for (int i = 0; i < whole; i += 16) {
            float16 v = LINE(LOAD16(x, i), i, LOAD16);
            STORE16(y, i, v);
        }
        if (rest) {
#define LOAD_REST(p, i) load_some16(p, i, rest)
            float16 v = LINE(LOAD_REST(x, whole), whole, LOAD_REST);
            store_some16(y, whole, v, rest);
        }
        if (mean_base)
            AT(float, mean)[row] = m.mean / m.unit;
        if (inverse_base)
            AT(float, inverse)[row] = m.inverse * m.unit;
    }
}
#else
/* A work-group makes one row. */
KERNEL_OF(GROUP)
norm_group(SHARED_BUFFER(const T(DX), x), CONST_BUFFER(T(DS), scale), CONST_BUFFER(T(DB), bias), SHARED_BUFFER(T(DX), y),
           BUFFER(T(DM), mean), BUFFER(T(DI), inverse), struct norm s, float epsilon)
{
    __local R parts[GROUP];
    int row = get_group_id(0), item = get_local_id(0), base = row * s.n;
    __global const T(DX) *x = CONST_AT(T(DX), x);
    struct measured m = measure(x + base, s.n, epsilon, parts);
    for (int k = item; k < s.n; k += GROUP) {
        int at_scale = 0, at_bias = 0, rest = base + k;
#define STEP(a)                                                                                                                \
    at_scale += rest % s.size[a] * s.scale[a];                                                                                 \
    at_bias += rest % s.size[a] * s.bias[a];                                                                                   \
    rest /= s.size[a];
        EACH_AXIS(s.rank, STEP)
#undef STEP
        R v = ((R)LOAD(DX, x, base + k) * m.unit - m.mean) * m.inverse * (R)LOAD(DS, CONST_AT(T(DS), scale), at_scale);
        if (bias_base)
            v += (R)LOAD(DB, CONST_AT(T(DB), bias), at_bias);
        STORE(DX, AT(T(DX), y), base + k, v);
    }
    if (item == 0 && mean_base)
        STORE(DM, AT(T(DM), mean), row, m.mean / m.unit);
    if (item == 0 && inverse_base)
        STORE(DI, AT(T(DI), inverse), row, m.inverse * m.unit);
}
#endif
