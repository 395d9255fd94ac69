/* SPDX-License-Identifier: MIT
 * Winograd's transform of weights of TAPS x TAPS for CPU devices: u[part][xi][ic][vector][16], zeros where there is no channel. The
 * points are those of conv_cpu_winograd.cl, each line divided by what the input's transform leaves out. Rounded once where there are
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

#define A_H (TAPS + 3)
#define OF(x) ((NUMBER)(x))
#define ROOT2 OF(1.41421356237309504880) /* sqrt(2) */
#if TAPS == 3
#define COLUMN line_6
#define EVEN(p2) (g[0] + OF(p2) * g[2 * by])
#define ODD(p2) g[by]
#else
#define COLUMN line_8
#define EVEN(p2) (g[0] + OF(p2) * (g[2 * by] + OF(p2) * g[4 * by]))
#define ODD(p2) (g[by] + OF(p2) * g[3 * by])
#endif
/* At the points +-sqrt(p2): even and odd terms, each with a factor. */
#define PAIR(i, p2, even_factor, odd_factor)                                                  \
    {                                                                                         \
        const NUMBER16 even = EVEN(p2) * (even_factor), odd = ODD(p2) * (odd_factor);         \
        u[(i) * step] = even + odd;                                                           \
        u[((i) + 1) * step] = even - odd;                                                     \
    }

/* g[0], g[by], ... to u[0], u[step], ... */
inline void line_6(const NUMBER16 *g, int by, NUMBER16 *u, int step)
{
    u[0] = g[0];
    PAIR(1, 0.5, OF(-2) / 3, ROOT2 / -3)
    PAIR(3, 2, OF(1) / 6, ROOT2 / 6)
    u[5 * step] = g[(TAPS - 1) * by];
}

inline void line_8(const NUMBER16 *g, int by, NUMBER16 *u, int step)
{
    u[0] = -g[0];
    PAIR(1, 1, OF(-2) / 9, OF(-2) / 9)
    PAIR(3, 4, OF(1) / 90, OF(2) / 90)
    PAIR(5, 0.25, OF(32) / 45, OF(16) / 45)
    u[7 * step] = g[(TAPS - 1) * by];
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
            __global float16 *to = AT(float16, u) + part * A_H * 6 * step + ic * width + vector;
            float lanes[TAPS * TAPS * 16];
            NUMBER16 g[TAPS * TAPS], rows[A_H * TAPS], t[6];
            for (int k = 0; k < TAPS * TAPS * 16; k++)
                lanes[k] = 0;
            for (int lane = 0; ic < s[IC] && lane < real; lane++)
                for (int k = 0; k < TAPS * TAPS; k++)
                    lanes[k * 16 + lane] = from[lane * s[OC_STEP] + k * s[TAP_STEP]];
#pragma unroll
            for (int k = 0; k < TAPS * TAPS; k++)
                g[k] = WIDEN(vload16(k, lanes));
#pragma unroll
            for (int k = 0; k < TAPS; k++)
                COLUMN(g + k, TAPS, rows + k, TAPS);
#pragma unroll
            for (int r = 0; r < A_H; r++) {
                line_6(rows + r * TAPS, 1, t, 1);
#pragma unroll
                for (int k = 0; k < 6; k++)
                    to[(r * 6 + k) * step] = ROUND(t[k]);
            }
        }
    }
}
