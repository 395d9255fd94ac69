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

/* Columns of `table`; the steps' offsets follow. Distances in x in floats, in y in vectors of 16. */
enum {
    UNITS, IMAGE_UNITS, LINE_UNITS, PX, CHUNK, /* a unit is a tile of pixels; a chunk goes through all channels */
    GROUP_TILES, TILES, GROUP_VECTORS, CHANNELS, STEPS, WHOLE, PART,
    X_IMAGE, X_GROUP, X_LINE, Y_IMAGE, Y_BLOCK, OFFSETS
};

CPU_KERNEL void conv_sum(CONST_BUFFER(float, x), CONST_BUFFER(float16, w), CONST_BUFFER(int, table), BUFFER(float16, y),
                         EPILOGUE_ARGS)
{
    const __global int *s = CONST_AT(int, table);
    const int units = s[UNITS], tiles = s[TILES], px = s[PX];
    const int begin = units * (int)get_group_id(0) / (int)get_num_groups(0);
    const int end = units * ((int)get_group_id(0) + 1) / (int)get_num_groups(0);
    const int first = tiles * (int)get_group_id(1) / (int)get_num_groups(1);
    const int last = tiles * ((int)get_group_id(1) + 1) / (int)get_num_groups(1);
    const __global float16 *residual = residual_base ? CONST_AT(float16, residual) : 0;
    const __global float *bias = bias_base ? CONST_AT(float, bias) : 0, *scale = scale_base ? CONST_AT(float, scale) : 0;
    const __global float *shift = shift_base ? CONST_AT(float, shift) : 0;
    struct tile t = {.off = s + OFFSETS, .steps = s[STEPS], .whole = s[WHOLE], .part = s[PART], .y_block = s[Y_BLOCK],
                     .a = act_a, .b = act_b};
    for (int chunk = begin; chunk < end; chunk += s[CHUNK])
        for (int o = first; o < last; o++) {
            const int group = o / s[GROUP_TILES], in_group = o % s[GROUP_TILES] * VECTORS;
            const int vectors = min(VECTORS, s[GROUP_VECTORS] - in_group);
            const int block = group * s[GROUP_VECTORS] + in_group;
            t.w = CONST_AT(float16, w) + (long)block * s[STEPS] * TILE_STEP;
            t.channels = s[CHANNELS] - block * 16;
            t.bias = bias ? bias + block * 16 : 0;
            t.scale = scale ? scale + block * 16 : 0;
            t.shift = shift ? shift + block * 16 : 0;
            for (int u = chunk; u < min(end, chunk + s[CHUNK]); u++) {
                const int image = u / s[IMAGE_UNITS], line = u % s[IMAGE_UNITS] / s[LINE_UNITS];
                const int at = u % s[LINE_UNITS] * WIDEST;
                const int out = image * s[Y_IMAGE] + block * s[Y_BLOCK] + line * px;
                tile_line(&t, CONST_AT(float, x) + image * s[X_IMAGE] + group * s[X_GROUP] + line * s[X_LINE],
                          AT(float16, y) + out, residual ? residual + out : 0, at, min(WIDEST, px - at), px, vectors);
            }
        }
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
/* Dense layers: a plain matrix [rows][columns] as blocks [columns / 16][rows][16] and back. A work-group takes some blocks. */
CPU_KERNEL void dense_pack(CONST_BUFFER(float, x), BUFFER(float16, to), int rows, int columns)
{
    const int blocks = (columns + 15) / 16;
    const int begin = blocks * (int)get_group_id(0) / (int)get_num_groups(0);
    const int end = blocks * ((int)get_group_id(0) + 1) / (int)get_num_groups(0);
    for (int b = begin; b < end; b++)
        for (int r = 0; r < rows; r++) {
            __global float *lanes = (__global float *)(AT(float16, to) + b * rows + r);
            for (int i = 0; i < 16; i++)
                lanes[i] = b * 16 + i < columns ? CONST_AT(float, x)[r * columns + b * 16 + i] : 0;
        }
}

CPU_KERNEL void dense_unpack(CONST_BUFFER(float, from), BUFFER(float, y), int rows, int columns)
{
    const int blocks = (columns + 15) / 16;
    const int begin = blocks * (int)get_group_id(0) / (int)get_num_groups(0);
    const int end = blocks * ((int)get_group_id(0) + 1) / (int)get_num_groups(0);
    for (int b = begin; b < end; b++)
        for (int r = 0; r < rows; r++)
            for (int i = 0; i < 16 && b * 16 + i < columns; i++)
                AT(float, y)[r * columns + b * 16 + i] = CONST_AT(float, from)[(b * rows + r) * 16 + i];
}
#endif
