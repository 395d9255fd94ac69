/* SPDX-License-Identifier: MIT
 * Windows of TAPS x TAPS, 3 or 5, at stride 1 by Winograd's F(4x4, 3x3) or F(4x2, 5x5), for CPU devices: a tile of 4x4 (4x2) outputs
 * comes from 6x6 (8x6) inputs by as many products, each a sum over channels. A vector is one pixel's block of channels, so there
 * is nothing to shuffle. conv_cpu_winograd_model.c has the sizes. The transforms are those of Cook and Toom at the points
 * 0, +-sqrt(1/2), +-sqrt(2), infinity for lines of 6 and 0, +-1, +-2, +-1/2, infinity for lines of 8.
 *
 * Tiles are numbered through all images. V is the transformed input, [xi][input block][tile], M the sums of some output
 * blocks, [xi][vector][tile]; both of vectors of 16. */
#include "conv_tile.cl"

#define TILE_STEP 16
#define TILE_SUM SUM_BLOCKS
#if TAPS == 3
#define TILE_FINISH FINISH_PLAIN
#else
/* To the sums of the channels before. */
#define TILE_FINISH(PX, V)                          \
    const __global float16 *residual = t->residual; \
    if (residual) {                                 \
        EACH##PX(RESIDUAL_##V)                      \
    }
#endif
#include "conv_widths.cl"

#define ROOT 0.70710678118654752440f  /* sqrt(1/2) */
#define ROOT2 1.41421356237309504880f /* sqrt(2) */
#define A_H (TAPS + 3)    /* rows of inputs of a tile; columns are always 6 */
#define M_W (TAPS == 3 ? 4 : 2) /* columns of outputs of a tile; rows are always 4 */
#define XIS (A_H * 6)

/* Columns of `table`; the offsets of input blocks in V follow. Distances in vectors of 16. */
enum {
    IC_BLOCKS, OC_BLOCKS, CHANNELS, H, W, OH, OW, TOP, LEFT, ROWS, COLUMNS,
    MOST, /* tiles of a block, and of V and M */
    V_STEP, M_STEP, U_STEP, V_SLICE, M_SLICE, M_BEGIN,
    SUM, /* input blocks whose products are summed by themselves; their sums alternate between two M */
    OFFSETS
};

struct place {
    int n, row, column;
};

inline struct place place_of(const __global int *s, int tile)
{
    const int image = s[ROWS] * s[COLUMNS];
    struct place p = {tile / image, tile % image / s[COLUMNS], tile % s[COLUMNS]};
    return p;
}

/* ---- tiles ---- */

#define FOR_COLUMNS(F) F(0) F(1) F(2) F(3) F(4) F(5)
#define DECLARE(j) float16 a##j, b##j, c##j;
#define DECLARE_2(j) float16 a##j, b##j;
#define PIXEL(i, j) x[(i) * row_step + (j)]
#define LINE(r, i)                                                                           \
    {                                                                                        \
        const float16 even = r##4 - 2.0f * r##2, odd = r##3 - 2.0f * r##1;                   \
        const float16 even2 = r##4 - 0.5f * r##2, odd2 = r##3 - 0.5f * r##1;                 \
        v[((i) * 6 + 0) * xi_step] = r##0 + r##4 - 2.5f * r##2;                              \
        v[((i) * 6 + 1) * xi_step] = even + root * odd;                                      \
        v[((i) * 6 + 2) * xi_step] = even - root * odd;                                      \
        v[((i) * 6 + 3) * xi_step] = even2 + ROOT2 * odd2;                                   \
        v[((i) * 6 + 4) * xi_step] = even2 - ROOT2 * odd2;                                   \
        v[((i) * 6 + 5) * xi_step] = r##1 + r##5 - 2.5f * r##3;                              \
    }

struct output {
    const __global float16 *m; /* the first tile's */
    __global float16 *y;       /* the tile's first pixel */
    const __global float16 *residual;
    int xi_step, row_step, rows, columns, channels;
    float a, b;
};

#define SUMS(j) float16 p##j, q##j, r##j, s##j;
#define STORE_OUT(i, j, value)                                              \
    if (i < o->rows && j < o->columns) {                                \
        float16 result = (value + bias) * scale + shift;                \
        if (o->residual)                                                \
            result += o->residual[(i) * o->row_step + (j)];             \
        result = clamp16(result, o->a, o->b);                           \
        if (o->channels < 16)                                           \
            result = first16(result, o->channels);                      \
        o->y[(i) * o->row_step + (j)] = result;                         \
    }

#if TAPS == 3
#include "conv_cpu_winograd_3x3.cl"
#else
#include "conv_cpu_winograd_5x5.cl"
#endif

NOINLINE void output_tile(const struct output *o, const float16 root, const float16 bias, const float16 scale,
                          const float16 shift)
{
    const int step = o->xi_step;
    FOR_COLUMNS(SUMS)
    FOR_COLUMNS(OUT_COLUMN)
    OUT_LINE(0, p)
    OUT_LINE(1, q)
    OUT_LINE(2, r)
    OUT_LINE(3, s)
}

/* Tiles begin..end-1 of input blocks first..last-1 into v, where `base` is the first tile's place. patch: room for a tile. */
inline void inputs(const __global int *s, const __global float16 *x, __global float16 *v, __global float16 *patch, int base,
                   int begin, int end, int first, int last)
{
    const int h = s[H], w = s[W];
    for (int block = first; block < last; block++)
        for (int t = begin; t < end; t++) {
            const struct place p = place_of(s, t);
            const int ih = p.row * 4 - s[TOP], iw = p.column * M_W - s[LEFT];
            const __global float16 *map = x + (p.n * s[IC_BLOCKS] + block) * h * w;
            const bool inside = ih >= 0 && iw >= 0 && ih + A_H <= h && iw + 6 <= w;
            for (int i = 0; !inside && i < A_H; i++)
                for (int j = 0; j < 6; j++) {
                    const bool there = ih + i >= 0 && ih + i < h && iw + j >= 0 && iw + j < w;
                    patch[i * 6 + j] = there ? map[(ih + i) * w + iw + j] : (float16)0;
                }
            __global float16 *to = v + block * s[MOST] + t - base;
            input_tile(inside ? map + ih * w + iw : patch, inside ? w : 6, to, s[V_STEP], (float16)ROOT);
        }
}

CPU_KERNEL void winograd(CONST_BUFFER(float16, x), CONST_BUFFER(float16, u), CONST_BUFFER(int, table), BUFFER(float16, y),
                         EPILOGUE_ARGS, BUFFER(float16, scratch), int steps, int from, int count)
{
    const __global int *s = CONST_AT(int, table);
    const int a = get_group_id(0), b = get_group_id(1), as = get_num_groups(0), bs = get_num_groups(1);
    const int begin = from + count * a / as, end = from + count * (a + 1) / as;
    const int input_first = s[IC_BLOCKS] * b / bs, input_last = s[IC_BLOCKS] * (b + 1) / bs;
    const int parts = (s[OC_BLOCKS] + VECTORS - 1) / VECTORS, first = parts * b / bs, last = parts * (b + 1) / bs;
    /* All three steps at once: each group has a V of its own and goes block by block. */
    const int fused = steps == 3, most = fused ? s[MOST] : end - begin;
    __global float16 *v = AT(float16, scratch) + (fused ? a : 0) * s[V_SLICE];
    __global float16 *m = AT(float16, scratch) + s[M_BEGIN] + (b * as + a) * s[M_SLICE], *patch = m + s[M_SLICE] - XIS;
    const __global float *bias = bias_base ? CONST_AT(float, bias) : 0, *scale = scale_base ? CONST_AT(float, scale) : 0;
    const __global float *shift = shift_base ? CONST_AT(float, shift) : 0;
    const __global float16 *residual = residual_base ? CONST_AT(float16, residual) : 0;
    for (int t0 = begin; t0 < end; t0 += most) {
        const int t1 = min(end, t0 + most), base = fused ? t0 : from, px = t1 - t0;
        if (steps & 1)
            inputs(s, CONST_AT(float16, x), v, patch, base, t0, t1, input_first, input_last);
        for (int part = first; steps & 2 && part < last; part++) {
            const int vectors = min(VECTORS, s[OC_BLOCKS] - part * VECTORS);
            struct tile t = {.y_block = s[MOST], .y_step = 1, .channels = 32};
            __global float16 *sums = m, *before = 0;
            for (int block = 0; block < s[IC_BLOCKS]; block += s[SUM]) {
                t.off = s + OFFSETS + block;
                t.steps = t.whole = min(s[SUM], s[IC_BLOCKS] - block);
                if (block) {
                    before = sums;
                    sums = sums == m ? m + XIS * s[M_STEP] : m;
                }
                for (int xi = 0; xi < XIS; xi++) {
                    t.w = CONST_AT(float16, u) + (part * XIS + xi) * s[U_STEP] + block * 16 * vectors;
                    tile_line(&t, (const __global float *)(v + xi * s[V_STEP] + t0 - base), sums + xi * s[M_STEP],
                              before ? before + xi * s[M_STEP] : 0, 0, px, px, vectors);
                }
            }
            for (int i = 0; i < vectors; i++) {
                const int block = part * VECTORS + i;
                struct output o = {.xi_step = s[M_STEP], .row_step = s[OW], .channels = s[CHANNELS] - block * 16,
                                   .a = act_a, .b = act_b};
                const float16 bias16 = load16(bias ? bias + block * 16 : 0, o.channels);
                const float16 scale16 = scale ? load16(scale + block * 16, o.channels) : (float16)1;
                const float16 shift16 = load16(shift ? shift + block * 16 : 0, o.channels);
                for (int tile = t0; tile < t1; tile++) {
                    const struct place p = place_of(s, tile);
                    const int out = ((p.n * s[OC_BLOCKS] + block) * s[OH] + p.row * 4) * s[OW] + p.column * M_W;
                    o.m = sums + i * s[MOST] + tile - t0;
                    o.y = AT(float16, y) + out;
                    o.residual = residual ? residual + out : 0;
                    o.rows = s[OH] - p.row * 4;
                    o.columns = s[OW] - p.column * M_W;
                    output_tile(&o, (float16)ROOT, bias16, scale16, shift16);
                }
            }
        }
    }
}
