/* SPDX-License-Identifier: MIT
 * (x - mean) / sqrt(variance + epsilon) * scale + bias, one set of four for each channel; any layout. In place is fine.
 * -DGRADIENT: x is dy, the result dx: the same without mean and bias. */
#if defined(WIDE)
/* Rows of one channel, or of a block of sixteen. */
struct rows {
    int row, pieces, piece, items;
};

KERNEL_OF(1)
batch_norm_wide(SHARED_BUFFER(const float, x), CONST_BUFFER(float, scale), CONST_BUFFER(float, bias), CONST_BUFFER(float, mean),
                CONST_BUFFER(float, variance), SHARED_BUFFER(float, y), struct rows s, struct channels c, float epsilon)
{
    int first = get_global_id(0) * s.items, last = min(first + s.items, s.pieces), per_row = (s.row + s.piece - 1) / s.piece;
    for (int item = first; item < last; item++) {
        int row = item / per_row, i = item % per_row * s.piece, end = min(i + s.piece, s.row);
        int channel = row % c.blocks * c.block, left = c.block == 16 ? c.count - channel : 16;
        __global const float *x = CONST_AT(float, x) + row * s.row;
        __global float *y = AT(float, y) + row * s.row;
#define OF_CHANNEL(name)                                                                                                       \
    (c.block == 16 ? load_some16(CONST_AT(float, name), channel, left) : (float16)(CONST_AT(float, name)[channel]))
        float16 mean = 0, bias = 0, factor = OF_CHANNEL(scale) / sqrt(OF_CHANNEL(variance) + epsilon);
#ifndef GRADIENT
        mean = OF_CHANNEL(mean);
        bias = OF_CHANNEL(bias);
#endif
        for (; i + 16 <= end; i += 16) {
            float16 v = keep16((LOAD16(x, i) - mean) * factor + bias, left);
            STORE16(y, i, v);
        }
        if (i < end)
            store_some16(y, i, (load_some16(x, i, end - i) - mean) * factor + bias, end - i);
    }
}
#else
KERNEL_OF(64)
batch_norm(SHARED_BUFFER(const T(DX), x), CONST_BUFFER(T(DS), scale), CONST_BUFFER(T(DB), bias), CONST_BUFFER(T(DM), mean),
           CONST_BUFFER(T(DV), variance), SHARED_BUFFER(T(DX), y), int count, struct channels c, float epsilon)
{
    int i = get_global_id(0);
    if (i >= count)
        return;
    int channel = channel_of(c, i);
    R v = 0;
    if (channel < c.count) {
        R factor =
            (R)LOAD(DS, CONST_AT(T(DS), scale), channel) / sqrt((R)LOAD(DV, CONST_AT(T(DV), variance), channel) + (R)epsilon);
#ifdef GRADIENT
        v = (R)LOAD(DX, CONST_AT(T(DX), x), i) * factor;
#else
        v = ((R)LOAD(DX, CONST_AT(T(DX), x), i) - (R)LOAD(DM, CONST_AT(T(DM), mean), channel)) * factor +
            (R)LOAD(DB, CONST_AT(T(DB), bias), channel);
#endif
    }
    STORE(DX, AT(T(DX), y), i, v);
}
#endif
