/* SPDX-License-Identifier: MIT
 * What comes behind the sums of dw on CPU devices: the parts of the pixels are added in their order and go to where dw has
 * them; and db. */
#define CPU_KERNEL __kernel __attribute__((reqd_work_group_size(1, 1, 1)))

/* Columns of `table`; behind them for each number of a block its place in a filter, -1 where it is none. */
enum { ITEMS, PARTS, PART, IC_BLOCKS, NUMBERS, VECTORS, GROUP_VECTORS, GROUP_OC, FILTER, BLOCK_STEP, COLUMNS };

/* part[p][tile of blocks of dy][block of x][number][vector][16], p a part of the pixels; dw[filter][place]. */
CPU_KERNEL void weights_sum(BUFFER(float16, part), BUFFER(float, dw), CONST_BUFFER(int, table))
{
    const __global int *s = CONST_AT(int, table);
    const int begin = (int)((long)s[ITEMS] * get_group_id(0) / get_num_groups(0));
    const int end = (int)((long)s[ITEMS] * (get_group_id(0) + 1) / get_num_groups(0));
    const int tiles = (s[GROUP_VECTORS] + s[VECTORS] - 1) / s[VECTORS];
    for (int item = begin; item < end; item++) {
        const int tile = item / s[IC_BLOCKS], block = item % s[IC_BLOCKS], first = tile % tiles * s[VECTORS];
        const int vectors = min(s[VECTORS], s[GROUP_VECTORS] - first), numbers = s[NUMBERS];
        __global float16 *sums = AT(float16, part) + item * numbers * s[VECTORS];
        for (int i = 0; s[PARTS] > 1 && i < numbers * vectors; i++) {
            float16 sum = sums[i];
            for (int p = 1; p < s[PARTS]; p++)
                sum += sums[i + (long)p * s[PART]];
            sums[i] = sum;
        }
        for (int oc = 0; oc < min(vectors * 16, s[GROUP_OC] - first * 16); oc++) {
            const __global float *from = (const __global float *)sums + oc;
            __global float *to = AT(float, dw) + (tile / tiles * s[GROUP_OC] + first * 16 + oc) * s[FILTER];
            for (int i = 0; i < numbers; i++) {
                const int place = s[COLUMNS + i], at = place + block * s[BLOCK_STEP];
                if (place >= 0 && at < s[FILTER])
                    to[at] = from[i * vectors * 16];
            }
        }
    }
}

/* Sums over the pixels of each block of channels: of the images of a group (dimension 0), into part[group][block]. */
CPU_KERNEL void bias_part(CONST_BUFFER(float16, y), BUFFER(float16, part), int images, int blocks, int pixels)
{
    const int begin = images * (int)get_group_id(0) / (int)get_num_groups(0), block = get_group_id(1);
    const int end = images * ((int)get_group_id(0) + 1) / (int)get_num_groups(0);
    float16 a = 0, b = 0, c = 0, d = 0;
    for (int image = begin; image < end; image++) {
        const __global float16 *in = CONST_AT(float16, y) + (image * blocks + block) * pixels;
        int p = 0;
        for (; p + 4 <= pixels; p += 4) {
            a += in[p];
            b += in[p + 1];
            c += in[p + 2];
            d += in[p + 3];
        }
        for (; p < pixels; p++)
            a += in[p];
    }
    AT(float16, part)[get_group_id(0) * blocks + block] = (a + b) + (c + d);
}

CPU_KERNEL void bias_sum(CONST_BUFFER(float, part), BUFFER(float, db), int parts, int channels)
{
    const int step = (channels + 15) / 16 * 16;
    for (int c = 0; c < channels; c++) {
        float sum = 0;
        for (int p = 0; p < parts; p++)
            sum += CONST_AT(float, part)[p * step + c];
        AT(float, db)[c] = sum;
    }
}
