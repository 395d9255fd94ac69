/* SPDX-License-Identifier: MIT
 * Depthwise convolution of NC16 tensors for CPU devices; conv_cpu_depthwise.c has the sizes. With K and S, windows of K columns
 * at stride S and dilation 1 go by tiles of 7 outputs; without them pixel by pixel, whatever the window. */
#include "conv_tile.cl"

/* Columns of `table`. */
enum { ALL_ROWS, BLOCKS, CHANNELS, H, W, OH, OW, KH, KW, STRIDE_H, STRIDE_W, DILATION_H, DILATION_W, TOP, LEFT };

/* A row of outputs, or some of them, and the rows of its window that lie inside the map. */
struct row {
    const __global float16 *x; /* the first row */
    const __global float16 *w; /* its weights */
    int rows, x_step, w_step;  /* vectors from row to row */
    int width;                 /* of the map */
    __global float16 *y;
    const __global float16 *residual;
    int channels;
    float a, b;
};

inline void store_pixel(const struct row *r, int p, float16 v, const float16 scale, const float16 shift)
{
    v = v * scale + shift;
    if (r->residual)
        v += r->residual[p];
    v = clamp16(v, r->a, r->b);
    if (r->channels < 16)
        v = first16(v, r->channels);
    r->y[p] = v;
}

#ifdef K
#define WIDE 7
#define NEEDED ((WIDE - 1) * S + K) /* columns of input */
#if K == 3
#define EACH_TAP(F) F(0) F(1) F(2)
#elif K == 5
#define EACH_TAP(F) F(0) F(1) F(2) F(3) F(4)
#else
#define EACH_TAP(F) EACH7(F)
#endif
#if S == 1
#define MIDDLE(F) F(3) F(4) F(5) F(6) F(7) F(8)
#else
#define MIDDLE(F) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14)
#endif
#if K == 3
#define EACH_COLUMN(F) F(0) F(1) F(2) MIDDLE(F)
#elif K == 5
#define EACH_COLUMN(F) F(0) F(1) F(2) MIDDLE(F) F(NEEDED - 2) F(NEEDED - 1)
#else
#define EACH_COLUMN(F) F(0) F(1) F(2) MIDDLE(F) F(NEEDED - 4) F(NEEDED - 3) F(NEEDED - 2) F(NEEDED - 1)
#endif

#define BEGIN(p) float16 a##p = bias;
#define INSIDE(i) c[i] = x[i];
/* No padding is as wide as the window, so that only the outer columns can lie outside. */
#define CHECKED(i) c[i] = ((i) >= K - 1 && (i) <= NEEDED - K) || (uint)(column + (i)) < (uint)width ? x[i] : (float16)0;
#define TAP(k)                         \
    {                                  \
        const float16 v = w[k];        \
        TAP_PIXELS(k)                  \
    }
#define TAP_PIXEL(p, k) a##p = c[(p) * S + (k)] * v + a##p;
#define TAP_PIXELS(k)                                                                                   \
    TAP_PIXEL(0, k) TAP_PIXEL(1, k) TAP_PIXEL(2, k) TAP_PIXEL(3, k) TAP_PIXEL(4, k) TAP_PIXEL(5, k)     \
    TAP_PIXEL(6, k)
#define PUT(p) store_pixel(r, o + p, a##p, scale, shift);

/* Outputs o..o+6, whose first window begins in `column`. */
#define DEFINE_WIDE(name, COLUMN)                                                                                              \
    NOINLINE void name(const struct row *r, int o, int column, const float16 bias, const float16 scale, const float16 shift)  \
    {                                                                                                                         \
        const int width = r->width;                                                                                           \
        (void)width;                                                                                                          \
        EACH7(BEGIN)                                                                                                          \
        for (int i = 0; i < r->rows; i++) {                                                                                   \
            const __global float16 *x = r->x + i * r->x_step + column, *w = r->w + i * K;                                     \
            float16 c[NEEDED];                                                                                                \
            EACH_COLUMN(COLUMN)                                                                                               \
            EACH_TAP(TAP)                                                                                                     \
        }                                                                                                                     \
        EACH7(PUT)                                                                                                            \
    }
DEFINE_WIDE(wide_inside, INSIDE)
DEFINE_WIDE(wide_checked, CHECKED)

inline void outputs(const __global int *s, const struct row *r, const float16 bias, const float16 scale, const float16 shift)
{
    const int ow = s[OW], width = r->width;
    for (int at = 0; at < ow; at += WIDE) {
        const int o = min(at, ow - WIDE), column = o * S - s[LEFT];
        if (column >= 0 && column + NEEDED <= width)
            wide_inside(r, o, column, bias, scale, shift);
        else
            wide_checked(r, o, column, bias, scale, shift);
    }
}
#else
inline void outputs(const __global int *s, const struct row *r, const float16 bias, const float16 scale, const float16 shift)
{
    const int dilation = s[DILATION_W], width = r->width, kw = s[KW];
    for (int o = 0; o < s[OW]; o++) {
        const int column = o * s[STRIDE_W] - s[LEFT];
        float16 a = bias;
        for (int i = 0; i < r->rows; i++)
            for (int k = 0; k < kw; k++)
                if ((uint)(column + k * dilation) < (uint)width)
                    a = r->x[i * r->x_step + column + k * dilation] * r->w[i * r->w_step + k] + a;
        store_pixel(r, o, a, scale, shift);
    }
}
#endif

CPU_KERNEL void depthwise(CONST_BUFFER(float16, x), CONST_BUFFER(float16, w), CONST_BUFFER(int, table), BUFFER(float16, y),
                          EPILOGUE_ARGS)
{
    const __global int *s = CONST_AT(int, table);
    const int begin = (int)((long)s[ALL_ROWS] * get_group_id(0) / get_num_groups(0));
    const int end = (int)((long)s[ALL_ROWS] * (get_group_id(0) + 1) / get_num_groups(0));
    const __global float *bias = bias_base ? CONST_AT(float, bias) : 0, *scale = scale_base ? CONST_AT(float, scale) : 0;
    const __global float *shift = shift_base ? CONST_AT(float, shift) : 0;
    const __global float16 *residual = residual_base ? CONST_AT(float16, residual) : 0;
    const int dilation = s[DILATION_H];
    for (int i = begin; i < end; i++) {
        const int map = i / s[OH], oh = i % s[OH], block = map % s[BLOCKS];
        const int top = oh * s[STRIDE_H] - s[TOP];
        /* Rows first .. last - 1 of the window lie inside. */
        const int first = top < 0 ? min(s[KH], (dilation - 1 - top) / dilation) : 0;
        const int last = max(first, min(s[KH], top < s[H] ? (s[H] - 1 - top) / dilation + 1 : 0));
        struct row r = {.rows = last - first, .x_step = dilation * s[W], .w_step = s[KW], .width = s[W],
                        .channels = s[CHANNELS] - block * 16, .a = act_a, .b = act_b};
        r.x = CONST_AT(float16, x) + (map * s[H] + top + first * dilation) * s[W];
        r.w = CONST_AT(float16, w) + (block * s[KH] + first) * s[KW];
        r.y = AT(float16, y) + i * s[OW];
        r.residual = residual ? residual + i * s[OW] : 0;
        outputs(s, &r, load16(bias ? bias + block * 16 : 0, r.channels),
                scale ? load16(scale + block * 16, r.channels) : (float16)1,
                load16(shift ? shift + block * 16 : 0, r.channels));
    }
}
