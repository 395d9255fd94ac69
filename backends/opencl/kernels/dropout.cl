/* SPDX-License-Identifier: MIT
 * Elements dropped by the counter-based random numbers of convoke/rng.h: what falls on element i depends on the seed, the step
 * (absent: 0) and i alone. An item does `span` elements. The gradient is the same of dy. */

#if GROUP == 1
#define LANES 16 /* numbers drawn together: one after the other they wait for their own products */
#define UINTS uint16
#define FLOATS float16
#define CONVERT convert_float16
#define WIDEN convert_ulong16
#define NARROW convert_uint16
#define COUNTING (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#else
#define LANES 1
#define UINTS uint
#define FLOATS float
#define CONVERT convert_float
#define WIDEN convert_ulong
#define NARROW convert_uint
#define COUNTING 0
#endif

/* Uniform in [0, 1). The upper half of the seed is the upper half of the counter, too; key is made of both on the host. */
inline FLOATS uniform(uint key, uint seed_high, UINTS lo)
{
    UINTS hi = seed_high;
    for (int round = 0; round < 10; round++) {
        const UINTS high = NARROW((WIDEN(lo) * 0xD256D193UL) >> 32), low = lo * 0xD256D193u;
        lo = high ^ key ^ hi;
        hi = low;
        key += 0x9E3779B9u;
    }
    return CONVERT(hi >> 8) * 0x1p-24f;
}

/* Sixteen floats at a time on CPU devices, plain or in blocks of sixteen channels; the number of an element is its place in
 * plain order. */
#ifdef WIDE
inline float16 dropped(float16 v, float16 drawn, float drop, float keep)
{
    return select(v / keep, (float16)0, drawn < drop);
}

KERNEL_OF(1)
dropout_wide(SHARED_BUFFER(const float, x), SHARED_BUFFER(float, y), BUFFER(uchar, mask), CONST_BUFFER(long, step), int count,
             int span, uint key, uint seed_high, float drop, float keep, struct channels c)
{
    const int item = get_global_id(0), begin = item * span, end = begin > count - span ? count : begin + span;
    const int pixels = c.inner / c.block, apart = c.block == 16 ? pixels : 1;
    __global const float *x = CONST_AT(float, x);
    __global float *y = AT(float, y);
    if (step_base)
        key ^= (uint)CONST_AT(long, step)[0] * 0xC2B2AE35u;
    for (int i = begin; i < end; i += 16) {
        int block = i / c.inner, first = i;
        if (c.block == 16)
            first = (block / c.blocks * c.count + block % c.blocks * 16) * pixels + i % c.inner / 16;
        float16 drawn = uniform(key, seed_high, (uint)first + COUNTING * (uint)apart);
        if (end - i >= 16) {
            float16 v = dropped(LOAD16(x, i), drawn, drop, keep);
            STORE16(y, i, v);
        } else {
            store_some16(y, i, dropped(load_some16(x, i, end - i), drawn, drop, keep), end - i);
        }
    }
}
#else
__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1))) void dropout(SHARED_BUFFER(const T(DX), x), SHARED_BUFFER(T(DX), y),
                                                                         BUFFER(uchar, mask), CONST_BUFFER(long, step),
                                                                         int count, int span, uint key, uint seed_high,
                                                                         float drop, R keep)
{
    if (step_base)
        key ^= (uint)CONST_AT(long, step)[0] * 0xC2B2AE35u;
    const int item = get_global_id(0), begin = item * span, end = begin > count - span ? count : begin + span;
    for (int first = begin; first < end; first += LANES) {
        union {
            FLOATS all;
            float one[LANES];
        } drawn;
        drawn.all = uniform(key, seed_high, (uint)first + COUNTING);
        for (int lane = 0; lane < min(LANES, end - first); lane++) {
            const int i = first + lane;
            const bool kept = drawn.one[lane] >= drop;
            STORE(DX, AT(T(DX), y), i, kept ? LOAD(DX, CONST_AT(T(DX), x), i) / keep : 0);
#ifdef WITH_MASK
            AT(uchar, mask)[i] = kept;
#endif
        }
    }
}
#endif
