/* SPDX-License-Identifier: MIT
 * Winograd's transform of weights known at run, [SIDE * SIDE][oc][ic of a group]: an item does one window. The points are those
 * of conv_winograd.cl; rounded once where there are doubles. */
#define SIDE (TILE + 2)

#ifdef WITH_F64
#define NUMBER double
#else
#define NUMBER float
#endif
#define OF(x) ((NUMBER)(x))

/* Steps in the weights as they are. */
struct weights_sizes {
    int pairs, oc, ic; /* channels of a group */
    int oc_step, ic_step, first, step;
};

#if TILE == 4
#define LINE(to, step, a, b, c)                                                                      \
    {                                                                                                \
        NUMBER even = ((a) + OF(0.5) * (c)) * (OF(-2) / 3), odd = (b) * (OF(-2) / 3 * OF(0.70710678118654752440)); \
        NUMBER even2 = ((a) + 2 * (c)) * (OF(1) / 6), odd2 = (b) * (OF(1.41421356237309504880) / 6); \
        (to)[0] = (a);                                                                               \
        (to)[step] = even + odd;                                                                     \
        (to)[2 * step] = even - odd;                                                                 \
        (to)[3 * step] = even2 + odd2;                                                               \
        (to)[4 * step] = even2 - odd2;                                                               \
        (to)[5 * step] = (c);                                                                        \
    }
#else
#define LINE(to, step, a, b, c)              \
    {                                        \
        NUMBER even = OF(0.5) * ((a) + (c)); \
        (to)[0] = -(a);                      \
        (to)[step] = even + OF(0.5) * (b);      \
        (to)[2 * step] = even - OF(0.5) * (b);  \
        (to)[3 * step] = (c);                \
    }
#endif

KERNEL_OF(64) winograd_w(CONST_BUFFER(float, w), BUFFER(float, u), struct weights_sizes s)
{
    int pair = get_global_id(0), oc = pair / s.ic, group = oc / s.oc;
    if (pair >= s.pairs)
        return;
    int from = group * s.oc * s.ic * 9 + oc % s.oc * s.oc_step + pair % s.ic * s.ic_step + s.first;
    __global const float *g = CONST_AT(float, w) + from;
    NUMBER rows[SIDE * 3], line[SIDE];
#pragma unroll
    for (int j = 0; j < 3; j++)
        LINE(rows + j, 3, OF(g[j * s.step]), OF(g[(3 + j) * s.step]), OF(g[(6 + j) * s.step]))
#pragma unroll
    for (int i = 0; i < SIDE; i++) {
        LINE(line, 1, rows[3 * i], rows[3 * i + 1], rows[3 * i + 2])
#pragma unroll
        for (int j = 0; j < SIDE; j++)
            AT(float, u)[(i * SIDE + j) * s.pairs + pair] = (float)line[j];
    }
}
