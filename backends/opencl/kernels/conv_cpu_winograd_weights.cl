/* SPDX-License-Identifier: MIT
 * Winograd's transform of 3x3 weights for CPU devices: u[part][xi][ic][vector][16], zeros where there is no channel. The points
 * are those of conv_cpu_winograd.cl, each line divided by what the input's transform leaves out. Rounded once where there are
 * doubles: sums of many channels show the difference. */
#ifdef WITH_F64
#define NUMBER double
#define NUMBER16 double16
#define WIDEN(v) convert_double16(v)
#define ROUND(v) convert_float16(v)
#else
#define NUMBER float
#define NUMBER16 float16
#define WIDEN(v) (v)
#define ROUND(v) (v)
#endif
#define CPU_KERNEL __kernel __attribute__((reqd_work_group_size(1, 1, 1)))

/* Columns of `table`; U_STEP is the distance of numbers xi, in vectors, TAP and TAP_STEP are a window's first weight and the
 * next one. */
enum { IC, OC, IC_BLOCKS, OC_BLOCKS, VECTORS, U_STEP, OC_STEP, IC_STEP, TAP, TAP_STEP };

#define XIS 36
#define OF(x) ((NUMBER)(x))
#define ROOT OF(0.70710678118654752440)  /* sqrt(1/2) */
#define ROOT2 OF(1.41421356237309504880) /* sqrt(2) */

/* g0, g1, g2 to u[0], u[step], ... */
inline void line(NUMBER16 g0, NUMBER16 g1, NUMBER16 g2, NUMBER16 *u, int step)
{
    const NUMBER16 even = (g0 + OF(0.5) * g2) * (OF(-2) / 3), odd = g1 * (OF(-2) / 3 * ROOT);
    const NUMBER16 even2 = (g0 + OF(2) * g2) * (OF(1) / 6), odd2 = g1 * (ROOT2 / 6);
    u[0] = g0;
    u[step] = even + odd;
    u[2 * step] = even - odd;
    u[3 * step] = even2 + odd2;
    u[4 * step] = even2 - odd2;
    u[5 * step] = g2;
}

CPU_KERNEL void winograd_weights(CONST_BUFFER(float, w), BUFFER(float16, u), CONST_BUFFER(int, table))
{
    const __global int *s = CONST_AT(int, table);
    const int blocks = s[IC_BLOCKS], items = s[OC_BLOCKS] * blocks, step = s[U_STEP];
    const int begin = items * (int)get_group_id(0) / (int)get_num_groups(0);
    const int end = items * ((int)get_group_id(0) + 1) / (int)get_num_groups(0);
    for (int i = begin; i < end; i++) {
        const int block = i / blocks, part = block / s[VECTORS], vector = block % s[VECTORS];
        const int width = min(s[VECTORS], s[OC_BLOCKS] - part * s[VECTORS]), real = min(16, s[OC] - block * 16);
        for (int ic = i % blocks * 16; ic < (i % blocks + 1) * 16; ic++) {
            const __global float *from = CONST_AT(float, w) + block * 16 * s[OC_STEP] + ic * s[IC_STEP] + s[TAP];
            __global float16 *to = AT(float16, u) + part * XIS * step + ic * width + vector;
            float lanes[9 * 16];
            NUMBER16 g[9], rows[18], t[6];
            for (int k = 0; k < 9 * 16; k++)
                lanes[k] = 0;
            for (int lane = 0; ic < s[IC] && lane < real; lane++)
                for (int k = 0; k < 9; k++)
                    lanes[k * 16 + lane] = from[lane * s[OC_STEP] + k * s[TAP_STEP]];
#pragma unroll
            for (int k = 0; k < 9; k++)
                g[k] = WIDEN(vload16(k, lanes));
#pragma unroll
            for (int k = 0; k < 3; k++)
                line(g[k], g[3 + k], g[6 + k], rows + k, 3);
#pragma unroll
            for (int r = 0; r < 6; r++) {
                line(rows[3 * r], rows[3 * r + 1], rows[3 * r + 2], t, 1);
#pragma unroll
                for (int k = 0; k < 6; k++)
                    to[(r * 6 + k) * step] = ROUND(t[k]);
            }
        }
    }
}
