/* SPDX-License-Identifier: MIT
 * Convolution as sums over lines of pixels, for CPU devices: of NC16 tensors, or with STEM of plain ones with few channels;
 * conv_cpu_sum.c has the sizes. */
#include "conv_tile.cl"

#ifdef STEM
#define PIXEL float
#define TILE_STEP 1
#define TILE_SUM SUM_TAPS
#else
#define PIXEL float16
#define TILE_STEP 16
#define TILE_SUM SUM_BLOCKS
#endif
#define TILE_FINISH FINISH_EPILOGUE
#include "conv_widths.cl"

/* Columns of a class of outputs in `table`, whose first number says how many classes there are; the steps' offsets follow.
 * Distances in x in floats, in y and w in vectors of 16. */
enum {
    NEXT,                                /* from this class to the next */
    UNITS, IMAGE_UNITS, LINE_UNITS, PX, CHUNK, /* a unit is a tile of pixels; a chunk goes through all channels */
    GROUP_TILES, TILES, GROUP_VECTORS, GROUP_CHANNELS, GROUP_BIAS, STEPS, WHOLE, PART,
    X_IMAGE, X_GROUP, X_LINE, W_FIRST, Y_FIRST, Y_STEP, Y_LINE, Y_BLOCK, Y_GROUP, Y_IMAGE, OFFSETS
};

struct operands {
    const __global float *x;
    const __global float16 *w;
    __global float16 *y;
    const __global float16 *residual;
    const __global float *bias, *scale, *shift;
    float a, b;
};

inline const __global float *behind(const __global float *p, int count)
{
    return p ? p + count : 0;
}

inline void sum_class(const __global int *s, const struct operands *k)
{
    const int units = s[UNITS], tiles = s[TILES], px = s[PX];
    const int begin = units * (int)get_group_id(0) / (int)get_num_groups(0);
    const int end = units * ((int)get_group_id(0) + 1) / (int)get_num_groups(0);
    const int first = tiles * (int)get_group_id(1) / (int)get_num_groups(1);
    const int last = tiles * ((int)get_group_id(1) + 1) / (int)get_num_groups(1);
    struct tile t = {.off = s + OFFSETS, .steps = s[STEPS], .whole = s[WHOLE], .part = s[PART], .y_block = s[Y_BLOCK],
                     .y_step = s[Y_STEP], .a = k->a, .b = k->b};
    for (int chunk = begin; chunk < end; chunk += s[CHUNK])
        for (int o = first; o < last; o++) {
            const int group = o / s[GROUP_TILES], in_group = o % s[GROUP_TILES] * VECTORS;
            const int vectors = min(VECTORS, s[GROUP_VECTORS] - in_group), channel = group * s[GROUP_BIAS] + in_group * 16;
            t.w = k->w + s[W_FIRST] + (long)(group * s[GROUP_VECTORS] + in_group) * s[STEPS] * TILE_STEP;
            t.channels = s[GROUP_CHANNELS] - in_group * 16;
            t.bias = behind(k->bias, channel);
            t.scale = behind(k->scale, channel);
            t.shift = behind(k->shift, channel);
            for (int u = chunk; u < min(end, chunk + s[CHUNK]); u++) {
                const int image = u / s[IMAGE_UNITS], line = u % s[IMAGE_UNITS] / s[LINE_UNITS];
                const int at = u % s[LINE_UNITS] * WIDEST;
                const int out = image * s[Y_IMAGE] + group * s[Y_GROUP] + in_group * s[Y_BLOCK] + line * s[Y_LINE] + s[Y_FIRST];
                tile_line(&t, k->x + image * s[X_IMAGE] + group * s[X_GROUP] + line * s[X_LINE], k->y + out,
                          k->residual ? k->residual + out : 0, at, min(WIDEST, px - at), px, vectors);
            }
        }
}

CPU_KERNEL void conv_sum(CONST_BUFFER(float, x), CONST_BUFFER(float16, w), CONST_BUFFER(int, table), BUFFER(float16, y),
                         EPILOGUE_ARGS)
{
    const __global int *s = CONST_AT(int, table);
    const struct operands k = {.x = CONST_AT(float, x), .w = CONST_AT(float16, w), .y = AT(float16, y),
                               .residual = residual_base ? CONST_AT(float16, residual) : 0,
                               .bias = bias_base ? CONST_AT(float, bias) : 0, .scale = scale_base ? CONST_AT(float, scale) : 0,
                               .shift = shift_base ? CONST_AT(float, shift) : 0, .a = act_a, .b = act_b};
    int classes = *s++;
    for (; classes > 0; classes--, s += s[NEXT])
        sum_class(s, &k);
}

/* The input with its padding written out, [map][row][phase][column]: column c of phase p holds the input's column
 * c * STRIDE + p - LEFT, so that neighbouring outputs' inputs lie side by side whatever the stride. */
enum { C_ROWS, C_ALL_ROWS, C_PHASES, C_COLUMNS, C_STRIDE, C_ROW_STEP, C_TOP, C_LEFT, C_H, C_W };

CPU_KERNEL void conv_copy(CONST_BUFFER(PIXEL, x), BUFFER(PIXEL, to), CONST_BUFFER(int, table))
{
    const __global int *s = CONST_AT(int, table);
    const int rows = s[C_ROWS], phases = s[C_PHASES], columns = s[C_COLUMNS], stride = s[C_STRIDE], w = s[C_W];
    const int begin = s[C_ALL_ROWS] * (int)get_group_id(0) / (int)get_num_groups(0);
    const int end = s[C_ALL_ROWS] * ((int)get_group_id(0) + 1) / (int)get_num_groups(0);
    for (int r = begin; r < end; r++) {
        const int ih = r % rows * s[C_ROW_STEP] - s[C_TOP];
        __global PIXEL *out = AT(PIXEL, to) + r * phases * columns;
        for (int p = 0; p < phases; p++, out += columns) {
            const __global PIXEL *in = CONST_AT(PIXEL, x) + (r / rows * s[C_H] + ih) * w;
            const int shift = p - s[C_LEFT];
            /* Columns low .. high - 1 lie inside. */
            int low = shift < 0 ? min(columns, (stride - 1 - shift) / stride) : 0;
            int high = w > shift ? min(columns, (w - 1 - shift) / stride + 1) : 0;
            if (ih < 0 || ih >= s[C_H] || high < low)
                low = high = columns;
            for (int c = 0; c < low; c++)
                out[c] = 0;
            for (int c = low; c < high; c++)
                out[c] = in[c * stride + shift];
            for (int c = high; c < columns; c++)
                out[c] = 0;
        }
    }
}

#ifndef STEM
/* Dense layers: blocks [batch][columns / 16][rows][16] as plain matrices [batch][rows][columns]. */
CPU_KERNEL void dense_unpack(CONST_BUFFER(float, from), BUFFER(float, y), int batch, int rows, int columns)
{
    const int blocks = (columns + 15) / 16, lines = batch * rows;
    const int begin = (int)((long)lines * get_group_id(0) / get_num_groups(0));
    const int end = (int)((long)lines * (get_group_id(0) + 1) / get_num_groups(0));
    for (int line = begin; line < end; line++) {
        const __global float *in = CONST_AT(float, from) + (line / rows * blocks * rows + line % rows) * 16;
        __global float *out = AT(float, y) + line * columns;
        for (int b = 0; b < blocks; b++)
            for (int i = 0; i < 16 && b * 16 + i < columns; i++)
                out[b * 16 + i] = in[b * rows * 16 + i];
    }
}
#endif
