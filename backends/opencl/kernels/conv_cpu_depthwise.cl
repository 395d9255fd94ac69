/* SPDX-License-Identifier: MIT
 * Depthwise convolution of NC16 tensors for CPU devices; conv_cpu_depthwise.c has the sizes. With K and S, windows of K columns
 * at stride S and dilation 1 go by tiles of 7 outputs; without them pixel by pixel, whatever the window. */
#include "conv_tile.cl"

/* Columns of `table`. */
enum {
    ALL_ROWS, BLOCKS, CHANNELS, H, W, OH, OW, KH, KW, STRIDE_H, STRIDE_W, DILATION_H, DILATION_W, TOP, LEFT,
    /* of a transposed convolution; behind them for each place within a stride, first down, then across: number of taps, first
     * tap, what it reads */
    TAP_STEP_H, FROM_STEP_H, TAP_STEP_W, FROM_STEP_W, CLASSES
};

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
    int oh;                    /* TRANSPOSED */
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
#elif !defined(TRANSPOSED)
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

#ifdef TRANSPOSED
/* What reaches one pixel, through the taps that h and w list, of which some may lie outside of x. */
inline float16 reaching(const __global int *s, const struct row *r, const __global int *h, const __global int *w, int row,
                        int column, float16 a)
{
    for (int i = 0, down = h[1]; i < h[0]; i++, row += s[FROM_STEP_H], down += s[TAP_STEP_H])
        for (int k = 0, from = column; (uint)row < (uint)s[H] && k < w[0]; k++, from += s[FROM_STEP_W])
            if ((uint)from < (uint)s[W])
                a = r->x[row * s[W] + from] * r->w[down * s[KW] + w[1] + k * s[TAP_STEP_W]] + a;
    return a;
}

/* A row of y: each pixel from those pixels of x that reach it. Outputs a stride apart have the same taps; of two taps or fewer
 * down and across the weights stay in registers. */
NOINLINE void outputs(const __global int *s, const struct row *r, const float16 bias, const float16 scale, const float16 shift)
{
    const int stride = s[STRIDE_W], width = s[W], ow = s[OW], step = s[FROM_STEP_W];
    const __global int *h = s + CLASSES + r->oh % s[STRIDE_H] * 3, *w = s + CLASSES + s[STRIDE_H] * 3;
    const int row = h[2] + r->oh / s[STRIDE_H], next = row + s[FROM_STEP_H];
    const bool up = h[0] > 0 && (uint)row < (uint)s[H], low = h[0] > 1 && (uint)next < (uint)s[H];
    const __global float16 *x = r->x + (up ? row : next) * width, *x2 = r->x + next * width;
    for (int b = 0; b < min(stride, ow); b++, w += 3) {
        /* Outputs first .. last - 1 of the class, counted in strides, have all their taps inside. */
        const int count = (ow - b + stride - 1) / stride, left = min(w[2], w[2] + step), right = max(w[2], w[2] + step);
        const bool few = h[0] <= 2 && w[0] >= 1 && w[0] <= 2 && (up || low);
        const int first = few ? clamp(-left, 0, count) : count, last = few ? clamp(width - right, first, count) : count;
        const bool two = few && w[0] == 2;
        const __global float16 *f = r->w + (h[1] + (up ? 0 : s[TAP_STEP_H])) * s[KW] + w[1], *f2 = f + s[TAP_STEP_H] * s[KW];
        const float16 f00 = few ? f[0] : bias, f01 = two ? f[s[TAP_STEP_W]] : bias;
        const float16 f10 = few && up && low ? f2[0] : bias, f11 = two && up && low ? f2[s[TAP_STEP_W]] : bias;
        for (int q = 0; q < first; q++)
            store_pixel(r, b + q * stride, reaching(s, r, h, w, row, w[2] + q, bias), scale, shift);
        for (int q = first, from = w[2] + first; q < last; q++, from++) {
            float16 a = x[from] * f00 + bias;
            if (two)
                a = x[from + step] * f01 + a;
            if (up && low) {
                a = x2[from] * f10 + a;
                if (two)
                    a = x2[from + step] * f11 + a;
            }
            store_pixel(r, b + q * stride, a, scale, shift);
        }
        for (int q = last; q < count; q++)
            store_pixel(r, b + q * stride, reaching(s, r, h, w, row, w[2] + q, bias), scale, shift);
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
#ifndef TRANSPOSED
    const int dilation = s[DILATION_H];
#endif
    for (int i = begin; i < end; i++) {
        const int map = i / s[OH], oh = i % s[OH], block = map % s[BLOCKS];
#ifdef TRANSPOSED
        struct row r = {.oh = oh, .width = s[W], .channels = s[CHANNELS] - block * 16, .a = act_a, .b = act_b};
        r.x = CONST_AT(float16, x) + map * s[H] * s[W];
        r.w = CONST_AT(float16, w) + block * s[KH] * s[KW];
#else
        const int top = oh * s[STRIDE_H] - s[TOP];
        /* Rows first .. last - 1 of the window lie inside. */
        const int first = top < 0 ? min(s[KH], (dilation - 1 - top) / dilation) : 0;
        const int last = max(first, min(s[KH], top < s[H] ? (s[H] - 1 - top) / dilation + 1 : 0));
        struct row r = {.rows = last - first, .x_step = dilation * s[W], .w_step = s[KW], .width = s[W],
                        .channels = s[CHANNELS] - block * 16, .a = act_a, .b = act_b};
        r.x = CONST_AT(float16, x) + (map * s[H] + top + first * dilation) * s[W];
        r.w = CONST_AT(float16, w) + (block * s[KH] + first) * s[KW];
#endif
        r.y = AT(float16, y) + i * s[OW];
        r.residual = residual ? residual + i * s[OW] : 0;
        outputs(s, &r, load16(bias ? bias + block * 16 : 0, r.channels),
                scale ? load16(scale + block * 16, r.channels) : (float16)1,
                load16(shift ? shift + block * 16 : 0, r.channels));
    }
}
