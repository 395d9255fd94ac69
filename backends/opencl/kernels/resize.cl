/* SPDX-License-Identifier: MIT
 * Each element of y is a sum of a few of x with weights; what to read along an axis stands in a table. */
struct taps {
    R weight[4];
    int at[4]; /* index on the axis of x */
    int count; /* 0: outside of x */
    int reserved;
};

#if defined(WIDE)
/* Rows of y in blocks of sixteen channels; a map of one dimension has a height of 1. */
struct blocked {
    int rows, items, h, w, oh, ow;
};

KERNEL_OF(1)
resize_blocked(CONST_BUFFER(float, x), BUFFER(float, y), CONST_BUFFER(struct taps, table), struct blocked s, struct channels c)
{
    int first = get_global_id(0) * s.items, last = min(first + s.items, s.rows);
    for (int row = first; row < last; row++) {
        int map = row / s.oh, left = c.count - map % c.blocks * 16;
        __global const struct taps *down = CONST_AT(struct taps, table) + row % s.oh,
                                   *along = CONST_AT(struct taps, table) + s.oh;
        __global const float *x = CONST_AT(float, x) + map * s.h * s.w * 16;
        __global float *y = AT(float, y) + row * s.ow * 16;
        for (int column = 0; column < s.ow; column++, along++, y += 16) {
            float16 v;
            if (down->count == 1 && along->count == 1) { /* the only weight is 1 */
                v = LOAD16(x, (down->at[0] * s.w + along->at[0]) * 16);
            } else {
                v = 0;
                for (int i = 0; i < down->count; i++) {
                    __global const float *line = x + down->at[i] * s.w * 16;
                    float16 part = 0;
                    for (int k = 0; k < along->count; k++)
                        part += along->weight[k] * LOAD16(line, along->at[k] * 16);
                    v += down->weight[i] * part;
                }
            }
            STORE16(y, 0, keep16(v, left));
        }
    }
}
#else
/* Axes outermost first; neighbours that keep their sizes are merged, and have no table (-1). */
struct resize {
    int count, rank;
    int size[8], stride[8], table[8]; /* of y, in x, first entry */
};

KERNEL_OF(64) resize(CONST_BUFFER(T(DX), x), BUFFER(T(DY), y), CONST_BUFFER(struct taps, table), struct resize s, float outside)
{
    int i = get_global_id(0), rest = i, base = 0, axes = 0;
    if (i >= s.count)
        return;
    __global const struct taps *table = CONST_AT(struct taps, table);
    int entry[8], stride[8], turn[8];
    bool inside = true;
#define STEP(k)                                                                                                                \
    if (s.table[k] < 0) {                                                                                                      \
        base += rest % s.size[k] * s.stride[k];                                                                                \
    } else {                                                                                                                   \
        entry[axes] = s.table[k] + rest % s.size[k];                                                                           \
        stride[axes] = s.stride[k];                                                                                            \
        turn[axes] = 0;                                                                                                        \
        inside = inside && table[entry[axes]].count > 0;                                                                       \
        axes++;                                                                                                                \
    }                                                                                                                          \
    rest /= s.size[k];
    EACH_AXIS(s.rank, STEP)
#undef STEP
    if (!inside) {
        STORE(DY, AT(T(DY), y), i, RESULT((R)outside));
        return;
    }
#ifdef NEAREST
    for (int k = 0; k < axes; k++)
        base += table[entry[k]].at[0] * stride[k];
    STORE(DY, AT(T(DY), y), i, LOAD(DX, CONST_AT(T(DX), x), base));
#else
    /* Every choice of one tap on each axis, the last axis of x turning fastest. */
    R sum = 0;
    for (int k = 0; k >= 0;) {
        R weight = 1;
        int at = base;
        for (k = axes - 1; k >= 0; k--) {
            weight *= table[entry[k]].weight[turn[k]];
            at += table[entry[k]].at[turn[k]] * stride[k];
        }
        sum += weight * LOAD(DX, CONST_AT(T(DX), x), at);
        for (k = axes - 1; k >= 0; k--) {
            if (++turn[k] < table[entry[k]].count)
                break;
            turn[k] = 0;
        }
    }
    STORE(DY, AT(T(DY), y), i, RESULT(sum));
#endif
}
#endif
