/* SPDX-License-Identifier: MIT
 * Packs weights for CPU devices; conv_cpu_pack.h says in which order. */
#define CPU_KERNEL __kernel __attribute__((reqd_work_group_size(1, 1, 1)))

/* Columns of a panel in `table`, whose first number says how many panels follow. */
enum {
    TILES, GROUP_TILES, TILE_VECTORS, GROUP_VECTORS, GROUP_OC, GROUP_IC, MAPS, BLOCK, TAPS_H, TAPS_W,
    GROUP_STEP, OC_STEP, IC_STEP, TAP_H, TAP_W, TO, TAP, COLUMNS
};

/* One map of one tile. What lies closest in `from` is read in the innermost loop; the places written stay in the first cache.
 */
inline void pack(const __global int *s, const __global float *from, __global float *to, int width, int real, int depth,
                 float scale)
{
    const int taps_h = s[TAPS_H], taps_w = s[TAPS_W], block = s[BLOCK], tap_h = s[TAP_H], tap_w = s[TAP_W];
    const bool rows = s[OC_STEP] >= s[IC_STEP];
    const int outer = rows ? real : depth, inner = rows ? depth : real;
    const int outer_from = rows ? s[OC_STEP] : s[IC_STEP], inner_from = rows ? s[IC_STEP] : s[OC_STEP];
    const int outer_to = rows ? 1 : width, inner_to = rows ? width : 1;
    if (real < width || depth < block)
        for (int i = 0; i < taps_h * taps_w * block * width; i++)
            to[i] = 0;
    for (int i = 0; i < outer; i++, from += outer_from, to += outer_to) {
        if (taps_h * taps_w == 1) {
            for (int k = 0; k < inner; k++)
                to[k * inner_to] = from[k * inner_from] * scale;
            continue;
        }
        for (int k = 0; k < inner; k++)
            for (int h = 0; h < taps_h; h++)
                for (int w = 0; w < taps_w; w++)
                    to[(h * taps_w + w) * block * width + k * inner_to] = from[k * inner_from + h * tap_h + w * tap_w] * scale;
    }
}

CPU_KERNEL void conv_pack(CONST_BUFFER(float, from), BUFFER(float, to), CONST_BUFFER(int, table), float scale)
{
    const __global int *s = CONST_AT(int, table) + 1;
    for (int panel = s[-1]; panel > 0; panel--, s += COLUMNS) {
        const int maps = s[MAPS], items = s[TILES] * maps, floats = s[TAPS_H] * s[TAPS_W] * s[BLOCK];
        const int begin = (int)((long)items * get_group_id(0) / get_num_groups(0));
        const int end = (int)((long)items * (get_group_id(0) + 1) / get_num_groups(0));
        for (int i = begin; i < end; i++) {
            const int tile = i / maps, map = i % maps, group = tile / s[GROUP_TILES];
            const int vector = tile % s[GROUP_TILES] * s[TILE_VECTORS];
            const int width = min(s[TILE_VECTORS], s[GROUP_VECTORS] - vector) * 16;
            const __global float *in = CONST_AT(float, from) + group * s[GROUP_STEP] + vector * 16 * s[OC_STEP] +
                                       map * s[BLOCK] * s[IC_STEP] + s[TAP];
            __global float *out = AT(float, to) + s[TO] + (group * s[GROUP_VECTORS] + vector) * maps * floats * 16 +
                                  map * floats * width;
            pack(s, in, out, width, min(width, s[GROUP_OC] - vector * 16), min(s[BLOCK], s[GROUP_IC] - map * s[BLOCK]), scale);
        }
    }
}
