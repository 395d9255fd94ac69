/* SPDX-License-Identifier: MIT
 * Gradients of layer_norm and instance_norm. With g = dy * scale and n the normalised x, dx = (g - mean(g) - n * mean(g * n)) /
 * deviation; with -DNORMALISES only n, for the gradient of scale. Mean and deviation are taken again. dx may be dy's memory. */
#include "norm_measure.cl"

#ifdef WIDE
KERNEL_OF(1)
norm_backward(SHARED_BUFFER(const float, dy), SHARED_BUFFER(const float, x), CONST_BUFFER(float, scale),
              SHARED_BUFFER(float, dx), struct norm s, float epsilon)
{
    int first = get_global_id(0) * s.items, last = min(first + s.items, s.rows);
    for (int row = first; row < last; row++) {
        __global const float *x = CONST_AT(float, x) + row * s.n;
        __global float *dx = AT(float, dx) + row * s.n;
        struct measured m = measure(x, s.n, epsilon);
#ifndef NORMALISES
        __global const float *dy = CONST_AT(float, dy) + row * s.n, *scale = CONST_AT(float, scale);
        float mean = 0, product = 0, one_scale = s.scale_period ? scale[row % s.scale_period] : 1;
#endif
        for (int turn = 0; turn < 2; turn++) { /* the sums, then the elements */
            float16 sums = 0, products = 0;
            for (int i = 0; i < s.n;) {
                float16 sum_part = 0, product_part = 0; /* few numbers each */
                for (int end = min(i + 1024, s.n); i < end; i += 16) {
                    int here = min(s.n - i, 16);
                    float16 n = ((here == 16 ? LOAD16(x, i) : load_some16(x, i, here)) * m.unit - m.mean) * m.inverse;
#ifdef NORMALISES
                    float16 v = n;
#else
                    float16 g = here == 16 ? LOAD16(dy, i) : load_some16(dy, i, here);
                    g *= s.scale_period ? (float16)one_scale : here == 16 ? LOAD16(scale, i) : load_some16(scale, i, here);
                    float16 v = (g - mean - n * product) * (m.inverse * m.unit);
                    sum_part += g;
                    product_part += g * n; /* g is 0 behind the end */
#endif
                    if (turn == 1 && here == 16)
                        STORE16(dx, i, v);
                    else if (turn == 1)
                        store_some16(dx, i, v, here);
                }
                sums += sum_part;
                products += product_part;
            }
#ifndef NORMALISES
            mean = sum_of(sums) / (float)s.n;
            product = sum_of(products) / (float)s.n;
#endif
        }
    }
}
#else
#define R2 PASTE(R, 2)
/* A work-group makes one row. */
KERNEL_OF(GROUP)
norm_backward(SHARED_BUFFER(const T(DX), dy), SHARED_BUFFER(const T(DX), x), CONST_BUFFER(T(DS), scale),
              SHARED_BUFFER(T(DN), dx), struct norm s, float epsilon)
{
    __local R parts[GROUP];
    int item = get_local_id(0), base = get_group_id(0) * s.n;
    __global const T(DX) *x = CONST_AT(T(DX), x) + base;
    __global T(DN) *dx = AT(T(DN), dx) + base;
    struct measured m = measure(x, s.n, epsilon, parts);
#ifdef NORMALISES
    for (int k = item; k < s.n; k += GROUP)
        STORE(DN, dx, k, (LOAD(DX, x, k) * m.unit - m.mean) * m.inverse);
#else
    __local R2 pairs[GROUP];
    R2 means = 0;
    for (int turn = 0; turn < 2; turn++) { /* the sums, then the elements */
        R2 sum = 0;
        for (int k = item; k < s.n;) {
            R2 part = 0; /* few numbers each */
            for (int end = min(k + 64 * GROUP, s.n); k < end; k += GROUP) {
                int at_scale = 0, rest = base + k;
#define STEP(a)                                                                                                                \
    at_scale += rest % s.size[a] * s.scale[a];                                                                                 \
    rest /= s.size[a];
                EACH_AXIS(s.rank, STEP)
#undef STEP
                R g = (R)LOAD(DX, CONST_AT(T(DX), dy), base + k) * (R)LOAD(DS, CONST_AT(T(DS), scale), at_scale);
                R n = ((R)LOAD(DX, x, k) * m.unit - m.mean) * m.inverse;
                if (turn == 1)
                    STORE(DN, dx, k, (g - means.x - n * means.y) * (m.inverse * m.unit));
                part += (R2)(g, g * n);
            }
            sum += part;
        }
        if (turn == 0) {
            pairs[item] = sum;
            GROUP_FOLD(FOLD_SUM, pairs, item, GROUP);
            means = pairs[0] / (R)s.n;
        }
    }
#endif
}
#endif
