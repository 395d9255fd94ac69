/* SPDX-License-Identifier: MIT
 * Folds elements to one number, KIND as op/reduce.h numbers it. Sums are made of parts of at most 64 numbers, so that long ones
 * do not lose what is small. */
#include "fold.cl"

#if defined(WIDE)
#define V float16
#elif defined(FLOATS)
#define V R
#else
#define V C(DX)
#endif
#if KIND == 2
#define START LEAST
#elif KIND == 3
#define START GREATEST
#elif KIND == 4
#define START 1
#else
#define START 0
#endif
#if KIND == 8 /* first the largest, then the sum */
#define SWEEPS 2
#else
#define SWEEPS 1
#endif

/* Whole numbers wrap. */
#if defined(WIDE) || defined(FLOATS)
#define PLUS(a, b) ((a) + (b))
#define TIMES(a, b) ((a) * (b))
#define SIZE_OF(x) fabs(x)
#else
#define PLUS(a, b) ((V)((ulong)(a) + (ulong)(b)))
#define TIMES(a, b) ((V)((ulong)(a) * (ulong)(b)))
#define SIZE_OF(x) ((x) < 0 ? (V)(0 - (ulong)(x)) : (x))
#endif

/* What a sweep begins with. */
inline V start_of(int sweep)
{
#if KIND == 8
    if (sweep == 0)
        return -(V)INFINITY;
#endif
    return (V)START;
}

/* Two partial results. */
#if KIND == 2
#define JOIN(sweep, a, b) FOLD_MAX(a, b)
#elif KIND == 3
#define JOIN(sweep, a, b) FOLD_MIN(a, b)
#elif KIND == 4
#define JOIN(sweep, a, b) TIMES(a, b)
#elif KIND == 8
#define JOIN(sweep, a, b) ((sweep) == 0 ? FOLD_MAX(a, b) : (a) + (b))
#else
#define JOIN(sweep, a, b) PLUS(a, b)
#endif

/* One more element; `top` is the largest, known in the second sweep. */
inline V fold(int sweep, V sum, V x, V top)
{
#if KIND == 5
    return PLUS(sum, SIZE_OF(x));
#elif KIND == 6 || KIND == 9
    return PLUS(sum, TIMES(x, x));
#elif KIND == 8
    return sweep == 0 ? FOLD_MAX(sum, x) : sum + exp(x - top);
#else
    return JOIN(sweep, sum, x);
#endif
}

inline V result_of(V sum, V top, int count)
{
#if KIND == 1 && (defined(WIDE) || defined(FLOATS))
    return sum / (R)count;
#elif KIND == 1
    return count ? sum / (V)count : (V)0;
#elif KIND == 6
    return sqrt(sum);
#elif KIND == 7
    return log(sum);
#elif KIND == 8
    return top == (V)INFINITY || top == -(V)INFINITY ? top : top + log(sum); /* infinity - infinity would be NaN */
#else
    return sum;
#endif
}

#if defined(WIDE)
inline float fold_lanes(int sweep, float16 v)
{
    float lanes[16];
    vstore16(v, 0, lanes);
    for (int span = 8; span > 0; span /= 2)
        for (int k = 0; k < span; k++)
            lanes[k] = JOIN(sweep, lanes[k], lanes[k + span]);
    return lanes[0];
}

/* `count` places from p on, `stride` apart, sixteen lanes at each (fewer: the rest of the lanes means nothing). */
inline float16 fold_places(int sweep, float16 sum, __global const float *p, int count, int stride, int lanes, float16 top)
{
    while (count > 0) {
        float16 part0 = start_of(sweep), part1 = part0, part2 = part0, part3 = part0;
        int now = min(count, 256);
        if (lanes == 16) {
            int k = 0;
            for (; k + 4 <= now; k += 4, p += 4 * stride) {
                part0 = fold(sweep, part0, LOAD16(p, 0), top);
                part1 = fold(sweep, part1, LOAD16(p, stride), top);
                part2 = fold(sweep, part2, LOAD16(p, 2 * stride), top);
                part3 = fold(sweep, part3, LOAD16(p, 3 * stride), top);
            }
            for (; k < now; k++, p += stride)
                part0 = fold(sweep, part0, LOAD16(p, 0), top);
        } else {
            for (int k = 0; k < now; k++, p += stride)
                part0 = fold(sweep, part0, load_some16(p, 0, lanes), top);
        }
        part0 = JOIN(sweep, part0, part1);
        part2 = JOIN(sweep, part2, part3);
        part0 = JOIN(sweep, part0, part2);
        sum = JOIN(sweep, sum, part0);
        count -= now;
    }
    return sum;
}

#ifdef ONLY_reduce_rows
/* Results one by one, each from runs of neighbours. */
KERNEL_OF(1) reduce_rows(CONST_BUFFER(float, x), BUFFER(float, y), struct fold s, int items)
{
    int first = get_global_id(0) * items, last = min(first + items, s.results), vectors = s.run / 16, rest = s.run % 16;
    for (int i = first; i < last; i++) {
        __global const float *x = CONST_AT(float, x) + kept_offset(s, i);
        float top = 0, sum = 0;
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            top = sum;
            float16 sums = start_of(sweep);
            for (int step = 0; step < s.steps; step++) {
                __global const float *p = x + folded_offset(s, step);
                sums = fold_places(sweep, sums, p, vectors, 16, 16, top);
                if (rest) {
                    float16 more = fold(sweep, sums, load_some16(p, 16 * vectors, rest), top);
                    sums = select(sums, more, LANES16 < (int16)rest);
                }
            }
            sum = fold_lanes(sweep, sums);
        }
        float16 result = result_of(sum, top, s.steps * s.run);
        AT(float, y)[i] = result.s0;
    }
}
#endif

#ifdef ONLY_reduce_columns
/* Sixteen neighbouring results at a time; in blocks these are the channels of a block, and `channels` are those of an image of
 * y, the padding counted if it has any. */
KERNEL_OF(1) reduce_columns(CONST_BUFFER(float, x), BUFFER(float, y), struct fold s, int items, struct channels c, int channels)
{
    int tiles = (s.inner + 15) / 16, all = s.results / s.inner * tiles;
    int first = get_global_id(0) * items, last = min(first + items, all);
    bool even = s.folded_rank <= 1;
    for (int item = first; item < last; item++) {
        int outer = item / tiles, column = item % tiles * 16, lanes = min(s.inner - column, 16);
        __global const float *x = CONST_AT(float, x) + kept_offset(s, outer) + column;
        float16 top = 0, sum = 0;
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            top = sum;
            sum = start_of(sweep);
            for (int step = 0; step < s.steps; step += even ? s.steps : 1)
                sum = fold_places(sweep, sum, x + folded_offset(s, step), even ? s.steps : 1, s.folded_stride[0], lanes, top);
        }
        float16 result = result_of(sum, top, s.steps * s.run);
        int at = outer * s.inner + column;
        if (channels) {
            int block = item % c.blocks * 16;
            at = item / c.blocks * channels + block;
            result = keep16(result, c.count - block);
            lanes = min(channels - block, 16);
        }
        if (lanes == 16)
            STORE16(AT(float, y), at, result);
        else
            store_some16(AT(float, y), at, result, lanes);
    }
}
#endif
#else
#ifdef ONLY_reduce
KERNEL_OF(64) reduce(CONST_BUFFER(T(DX), x), BUFFER(T(DX), y), struct fold s)
{
    int i = get_global_id(0);
    if (i >= s.results)
        return;
    __global const T(DX) *x = CONST_AT(T(DX), x);
    int base = kept_offset(s, i / s.inner) + i % s.inner;
    V top = 0, sum = 0;
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        top = sum;
        sum = start_of(sweep);
        V part = start_of(sweep);
        int left = 64;
        for (int step = 0; step < s.steps; step++) {
            int first = base + folded_offset(s, step);
            for (int k = first; k < first + s.run; k++) {
                part = fold(sweep, part, LOAD(DX, x, k), top);
                if (--left == 0) {
                    sum = JOIN(sweep, sum, part);
                    part = start_of(sweep);
                    left = 64;
                }
            }
        }
        sum = JOIN(sweep, sum, part);
    }
    STORE(DX, AT(T(DX), y), i, RESULT(result_of(sum, top, s.steps * s.run)));
}
#endif

/* A work-group makes one result. */
#define GROUP 128
#define JOIN_NOW(a, b) JOIN(sweep, a, b)
#ifdef ONLY_reduce_group
KERNEL_OF(GROUP) reduce_group(CONST_BUFFER(T(DX), x), BUFFER(T(DX), y), struct fold s)
{
    __local V parts[GROUP];
    __global const T(DX) *x = CONST_AT(T(DX), x);
    int i = get_group_id(0), item = get_local_id(0), count = s.steps * s.run;
    int base = kept_offset(s, i / s.inner) + i % s.inner;
    V top = 0, sum = 0;
    for (int sweep = 0; sweep < SWEEPS; sweep++) {
        top = sum;
        sum = start_of(sweep);
        for (int first = item; first < count; first += 64 * GROUP) {
            V part = start_of(sweep);
            for (int k = first; k < min(first + 64 * GROUP, count); k += GROUP) {
                int at = s.steps == 1 ? k : folded_offset(s, k / s.run) + k % s.run;
                part = fold(sweep, part, LOAD(DX, x, base + at), top);
            }
            sum = JOIN(sweep, sum, part);
        }
        parts[item] = sum;
        GROUP_FOLD(JOIN_NOW, parts, item, GROUP);
        sum = parts[0];
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item == 0)
        STORE(DX, AT(T(DX), y), i, RESULT(result_of(sum, top, count)));
}
#endif
#endif
