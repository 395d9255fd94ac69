/* SPDX-License-Identifier: MIT
 * The gradients of operands that broadcasting has stretched: an element adds up dy times the derivative over all its places.
 * With -DJOINS long sums come in pieces, which a second kernel adds up. `kind` is as op/binary.h numbers it, or anything behind
 * for a choice by a; what takes a compiler long has a program of its own, -DPOWER and -DREST. `of` is 1 for the second operand. */

#ifdef WIDE
#define V float16
#else
#define V R
#endif

/* Results are `outer` rows of `row`, or `outer` numbers, each of `steps` rows of `row`; dy, a, b are the operands' strides along
 * a row, the others those of the axes outside of it. */
struct shrink {
    int outer, row, folds_row, steps, dy, a, b;
    int kept_rank, folded_rank, kept_size[8], folded_size[8];
    int kept_dy[8], kept_a[8], kept_b[8], folded_dy[8], folded_a[8], folded_b[8];
};

#ifdef REST
/* The whole number below a / b, or toward zero; the rounding of a quotient must not lift it to the next one. */
inline V quotient(V a, V b, bool below)
{
    const V none = 0, one = 1;
    V q = a / b, rest = fmod(a, b), whole = rint((a - rest) / b);
    if (below)
        whole -= (rest < 0 && b > 0) || (rest > 0 && b < 0) ? one : none;
    return fabs(q) < (R)4194304 && fabs(b) < (R)INFINITY ? whole : below ? floor(q) : trunc(q);
}
#else
/* Of two equal ones each has a half. */
inline V larger(V mine, V other)
{
    const V none = 0, half_of_it = 0.5f, one = 1;
    return mine > other ? one : mine == other ? half_of_it : none;
}
#endif

inline V slope(int kind, bool of, V a, V b)
{
    const V none = 0, one = 1;
#if defined(REST)
    return of ? -quotient(a, b, kind == 7) : one;
#elif defined(POWER)
    V power = pow(a, of ? b : b - 1);
    if (of)
        return a == 0 && b >= 0 ? none : power * log(a);
    return b == 0 ? none : b * power;
#else
    switch (kind) {
    case 0: return one;
    case 1: return of ? -one : one;
    case 2: return of ? a : b;
    case 3: return of ? -a / (b * b) : 1 / b;
    case 5: return of ? larger(a, b) : larger(b, a);
    case 6: return of ? larger(b, a) : larger(a, b);
    case 9:
        if (of)
            return a < 0 ? a : none;
        return a > 0 ? one : b;
    default:
        if (of)
            return a == 0 ? one : none;
        return a != 0 ? one : none;
    }
#endif
}

/* Where the derivative is 0, the product is 0 whatever dy is. */
inline V term(int kind, bool of, V dy, V a, V b)
{
    V s = slope(kind, of, a, b);
    return s == 0 ? (V)0 : dy * s;
}

/* Where the operands' elements are. */
struct places {
    int dy, a, b;
};

#define STEP_ON(axes, k)                                                                                                       \
    at.dy += index % s.axes##_size[k] * s.axes##_dy[k];                                                                        \
    at.a += index % s.axes##_size[k] * s.axes##_a[k];                                                                          \
    at.b += index % s.axes##_size[k] * s.axes##_b[k];                                                                          \
    index /= s.axes##_size[k];

inline struct places kept_places(struct shrink s, int index)
{
    struct places at = {0, 0, 0};
#define STEP(k) STEP_ON(kept, k)
    EACH_AXIS(s.kept_rank, STEP)
#undef STEP
    return at;
}

inline struct places folded_places(struct shrink s, struct places base, int index)
{
    struct places at = {base.dy, base.a, base.b}; /* Mesa lets a function change its caller's struct */
#define STEP(k) STEP_ON(folded, k)
    EACH_AXIS(s.folded_rank, STEP)
#undef STEP
    return at;
}

#ifdef WIDE
inline float16 take(__global const float *p, int i, int stride, int count)
{
    if (stride == 0)
        return (float16)(p[0]);
    return count == 16 ? LOAD16(p, i) : load_some16(p, i, count);
}

inline float sum_of(float16 v)
{
    float8 a = v.lo + v.hi;
    float4 b = a.lo + a.hi;
    return (b.s0 + b.s2) + (b.s1 + b.s3);
}

/* An item makes some pieces: `row_piece` places of a row, `step_piece` steps. */
KERNEL_OF(1)
shrink(CONST_BUFFER(float, dy), CONST_BUFFER(float, a), CONST_BUFFER(float, b), BUFFER(float, dx), struct shrink s,
                int kind, int of, int step_pieces, int step_piece, int row_pieces, int row_piece, int items, int all)
{
    int first = get_global_id(0) * items, last = min(first + items, all);
    for (int item = first; item < last; item++) {
        int rest = item / row_pieces, outer = rest / step_pieces, part = rest % step_pieces;
        int from = item % row_pieces * row_piece, to = min(from + row_piece, s.row);
        int begin = part * step_piece, end = min(begin + step_piece, s.steps);
        struct places base = kept_places(s, outer);
        float16 sum = 0;
        for (int i = from; i < to; i += 16) {
            int here = min(to - i, 16);
            for (int step = begin; step < end; step++) {
                struct places at = folded_places(s, base, step);
                float16 v = term(kind, of, take(CONST_AT(float, dy) + at.dy, i, s.dy, here),
                                 take(CONST_AT(float, a) + at.a, i, s.a, here), take(CONST_AT(float, b) + at.b, i, s.b, here));
                sum += keep16(v, here);
            }
            if (!s.folds_row) {
                __global float *dx = AT(float, dx) + (part * s.outer + outer) * s.row;
                if (here == 16)
                    STORE16(dx, i, sum);
                else
                    store_some16(dx, i, sum, here);
                sum = 0;
            }
        }
        if (s.folds_row)
            AT(float, dx)[(part * row_pieces + item % row_pieces) * s.outer + outer] = sum_of(sum);
    }
}
#else
/* A piece of a result is an item's, or with -DTEAM a work-group's. */
#define GROUP 64
#ifdef TEAM
#define FIRST get_local_id(0)
#define NEXT GROUP
#else
#define FIRST 0
#define NEXT 1
#endif
KERNEL_OF(GROUP)
shrink(CONST_BUFFER(T(DY), dy), CONST_BUFFER(T(DA), a), CONST_BUFFER(T(DB), b), BUFFER(T(DX), dx), struct shrink s,
                int kind, int of, int pieces, int piece)
{
    int work = get_global_id(0), inner = s.folds_row ? 1 : s.row, run = s.folds_row ? s.row : 1, results = s.outer * inner;
#ifdef TEAM
    __local R parts[GROUP];
    work = get_group_id(0);
#endif
    int part = work / results, i = work % results, end = min(part * piece + piece, s.steps * run);
    if (part >= pieces)
        return;
    struct places base = kept_places(s, i / inner);
    R sum = 0;
    for (int k = part * piece + FIRST; k < end; k += NEXT) {
        struct places at = folded_places(s, base, k / run);
        int along = i % inner + k % run;
        sum += term(kind, of, (R)LOAD(DY, CONST_AT(T(DY), dy), at.dy + along * s.dy),
                    (R)LOAD(DA, CONST_AT(T(DA), a), at.a + along * s.a), (R)LOAD(DB, CONST_AT(T(DB), b), at.b + along * s.b));
    }
#ifdef TEAM
    parts[get_local_id(0)] = sum;
    GROUP_FOLD(FOLD_SUM, parts, get_local_id(0), GROUP);
    sum = parts[0];
    if (get_local_id(0) > 0)
        return;
#endif
    STORE(DX, AT(T(DX), dx), work, sum);
}
#endif

#ifdef JOINS
/* What `pieces` parts of each result give together. */
KERNEL_OF(64) shrink_join(CONST_BUFFER(R, parts), BUFFER(T(DJ), dx), int results, int pieces)
{
    int i = get_global_id(0);
    R sum = 0;
    if (i >= results)
        return;
    for (int part = 0; part < pieces; part++)
        sum += CONST_AT(R, parts)[part * results + i];
    STORE(DJ, AT(T(DJ), dx), i, sum);
}
#endif
