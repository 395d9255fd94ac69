/* SPDX-License-Identifier: MIT
 * The gradient of reduce, `kind` as op/reduce.h numbers it. With -DCOLLECTS (max, min, prod) all elements of a result are gone
 * over first, for what each of them must know. */
#include "fold.cl"

#ifdef WIDE
#define V float16
#else
#define V R
#endif
#define IS_RESULT(x, y) ((x) == (y) || ((x) != (x) && (y) != (y)))

/* What all elements of a result tell together: the product of those that are not 0, how many are 0, how many are the result. */
struct known {
    V product, zeros, equals;
};

inline struct known collect(struct known all, V x, V y)
{
    const V none = 0, one = 1, factor = x == 0 ? one : x, zero = x == 0 ? one : none, equal = IS_RESULT(x, y) ? one : none;
    struct known more = {all.product * factor, all.zeros + zero, all.equals + equal};
    return more;
}

/* The gradient of an element of a result of `count`. */
inline V share(int kind, int count, V dy, V y, struct known all, V x)
{
    const V none = 0, one = 1;
#ifdef COLLECTS
    const V others = x == 0 ? one : none;
    if (kind == 4)
        return all.zeros > others ? none : dy * (x == 0 ? all.product : all.product / x);
    return IS_RESULT(x, y) ? dy / all.equals : none;
#else
    switch (kind) {
    case 1: return dy / (R)count;
    case 5: return dy * (x > 0 ? one : x < 0 ? -one : x);
    case 6: return y == 0 ? none : dy * (x / y);
    case 7:
    case 8: return dy * exp((kind == 8 ? x : none) - y);
    case 9: return dy * 2 * x;
    default: return dy;
    }
#endif
}

#ifdef WIDE
inline float sum_of_lanes(float16 v)
{
    float8 a = v.lo + v.hi;
    float4 b = a.lo + a.hi;
    return (b.s0 + b.s2) + (b.s1 + b.s3);
}

inline float product_of_lanes(float16 v)
{
    float8 a = v.lo * v.hi;
    float4 b = a.lo * a.hi;
    return (b.s0 * b.s2) * (b.s1 * b.s3);
}

/* Sixteen neighbouring results at a time, or sixteen elements of one; of these a piece: some steps, some places of a run. */
KERNEL_OF(1)
reduce_backward(CONST_BUFFER(float, dy), CONST_BUFFER(float, y), CONST_BUFFER(float, x), BUFFER(float, dx), struct fold s,
                int kind, int step_piece, int run_piece, int items, int all)
{
    int first = get_global_id(0) * items, last = min(first + items, all), tiles = (s.inner + 15) / 16, count = s.steps * s.run;
    int run_pieces = (s.run + run_piece - 1) / run_piece, pieces = (s.steps + step_piece - 1) / step_piece * run_pieces;
    bool columns = s.inner > 1;
    for (int item = first; item < last; item++) {
        int tile = item / pieces, piece = item % pieces, column = tile % tiles * 16, lanes = min(s.inner - column, 16);
        int begin = piece / run_pieces * step_piece, end = min(begin + step_piece, s.steps);
        int from = piece % run_pieces * run_piece, to = columns ? lanes : min(from + run_piece, s.run);
        int base = kept_offset(s, tile / tiles) + column, at = tile / tiles * s.inner + column;
        struct known known = {1, 0, 0};
        float16 dy = load_some16(CONST_AT(float, dy), at, lanes), y = load_some16(CONST_AT(float, y), at, lanes);
        if (!columns) {
            dy = dy.s0;
            y = y.s0;
        }
#ifdef COLLECTS
        for (int step = begin; step < end; step++) {
            __global const float *x = CONST_AT(float, x) + base + folded_offset(s, step);
            for (int i = from; i < to; i += 16) {
                struct known more = collect(known, load_some16(x, i, min(to - i, 16)), y);
                int16 inside = LANES16 < (int16)(to - i);
                known.product = inside ? more.product : known.product;
                known.zeros = inside ? more.zeros : known.zeros;
                known.equals = inside ? more.equals : known.equals;
            }
        }
        if (!columns) {
            known.product = product_of_lanes(known.product);
            known.zeros = sum_of_lanes(known.zeros);
            known.equals = sum_of_lanes(known.equals);
        }
#endif
        for (int step = begin; step < end; step++) {
            int place = base + folded_offset(s, step);
            __global const float *x = CONST_AT(float, x) + place;
            __global float *dx = AT(float, dx) + place;
            for (int i = from; i < to; i += 16) {
                int here = min(to - i, 16);
                float16 v = share(kind, count, dy, y, known, here == 16 ? LOAD16(x, i) : load_some16(x, i, here));
                if (here == 16)
                    STORE16(dx, i, v);
                else
                    store_some16(dx, i, v, here);
            }
        }
    }
}
#elif defined(COLLECTS)
/* A result is an item's, or with -DTEAM a work-group's. */
#define GROUP 64
#ifdef TEAM
#define FOLD_KNOWN(a, b) ((struct known){(a).product * (b).product, (a).zeros + (b).zeros, (a).equals + (b).equals})
#define FIRST get_local_id(0)
#define NEXT GROUP
#else
#define FIRST 0
#define NEXT 1
#endif
KERNEL_OF(GROUP)
reduce_backward(CONST_BUFFER(T(DX), dy), CONST_BUFFER(T(DX), y), CONST_BUFFER(T(DX), x), BUFFER(T(DX), dx), struct fold s,
                int kind)
{
    __global const T(DX) *x = CONST_AT(T(DX), x);
    int count = s.steps * s.run, i = get_global_id(0);
    struct known known = {1, 0, 0};
#ifdef TEAM
    __local struct known parts[GROUP];
    i = get_group_id(0);
#endif
    if (i >= s.results)
        return;
    int base = kept_offset(s, i / s.inner) + i % s.inner;
    R dy = LOAD(DX, CONST_AT(T(DX), dy), i), y = LOAD(DX, CONST_AT(T(DX), y), i);
    for (int k = FIRST; k < count; k += NEXT)
        known = collect(known, LOAD(DX, x, base + folded_offset(s, k / s.run) + k % s.run), y);
#ifdef TEAM
    parts[get_local_id(0)] = known;
    GROUP_FOLD(FOLD_KNOWN, parts, get_local_id(0), GROUP);
    known = parts[0];
#endif
    for (int k = FIRST; k < count; k += NEXT) {
        int at = base + folded_offset(s, k / s.run) + k % s.run;
        STORE(DX, AT(T(DX), dx), at, share(kind, count, dy, y, known, LOAD(DX, x, at)));
    }
}
#else
/* One element each, neighbours in memory one after the other. */
KERNEL_OF(64)
reduce_backward(CONST_BUFFER(T(DX), dy), CONST_BUFFER(T(DX), y), CONST_BUFFER(T(DX), x), BUFFER(T(DX), dx), struct fold s,
                int kind)
{
    int count = s.steps * s.run, item = get_global_id(0);
    struct known known = {1, 0, 0};
    if (count == 0 || item / count >= s.results)
        return;
    int i = s.inner > 1 ? item % s.inner + item / (s.inner * count) * s.inner : item / count;
    int k = s.inner > 1 ? item / s.inner % count : item % count;
    int at = kept_offset(s, i / s.inner) + i % s.inner + folded_offset(s, k / s.run) + k % s.run;
    R dy = LOAD(DX, CONST_AT(T(DX), dy), i), y = LOAD(DX, CONST_AT(T(DX), y), i);
    STORE(DX, AT(T(DX), dx), at, share(kind, count, dy, y, known, LOAD(DX, CONST_AT(T(DX), x), at)));
}
#endif
