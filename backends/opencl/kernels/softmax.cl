/* SPDX-License-Identifier: MIT
 * Softmax along rows whose elements lie `inner` apart: KIND 0 softmax, 1 its logarithm, 2 hardmax. In place is fine: what is
 * written has been read for the last time. */
struct rows {
    int rows, n, inner, items;
};

#if defined(WIDE)
/* Of the numbers before `count`; what follows counts as -infinity. */
inline float16 some_or_lowest(__global const float *p, int i, int count)
{
    return select(-(float16)INFINITY, load_some16(p, i, count), LANES16 < (int16)count);
}

inline float top_of(float16 v)
{
    float lanes[16];
    vstore16(v, 0, lanes);
    for (int span = 8; span > 0; span /= 2)
        for (int k = 0; k < span; k++)
            lanes[k] = FOLD_MAX(lanes[k], lanes[k + span]);
    return lanes[0];
}

inline float sum_of(float16 v)
{
    float8 a = v.lo + v.hi;
    float4 b = a.lo + a.hi;
    return (b.s0 + b.s2) + (b.s1 + b.s3);
}

#ifdef ONLY_softmax_rows
/* Rows of neighbours, one after the other. */
KERNEL_OF(1) softmax_rows(SHARED_BUFFER(const float, x), SHARED_BUFFER(float, y), struct rows s)
{
    int first = get_global_id(0) * s.items, last = min(first + s.items, s.rows), whole = s.n / 16 * 16, rest = s.n - whole;
    for (int row = first; row < last; row++) {
        __global const float *x = CONST_AT(float, x) + row * s.n;
        __global float *y = AT(float, y) + row * s.n;
        float16 tops = -(float16)INFINITY, sums = 0;
        for (int i = 0; i < whole; i += 16) {
            float16 v = LOAD16(x, i);
            tops = FOLD_MAX(tops, v);
        }
        if (rest) {
            float16 v = some_or_lowest(x, whole, rest);
            tops = FOLD_MAX(tops, v);
        }
        float16 top = top_of(tops);
        for (int i = 0; i < whole; i += 16) {
            float16 v = exp(LOAD16(x, i) - top);
            sums += v;
#if KIND == 0
            STORE16(y, i, v);
#endif
        }
        if (rest) {
            float16 v = exp(some_or_lowest(x, whole, rest) - top);
            sums += keep16(v, rest);
#if KIND == 0
            store_some16(y, whole, v, rest);
#endif
        }
        float sum = sum_of(sums);
#if KIND == 0
        float16 scale = 1 / sum;
        for (int i = 0; i < whole; i += 16) {
            float16 v = LOAD16(y, i) * scale;
            STORE16(y, i, v);
        }
        for (int i = whole; i < s.n; i++)
            y[i] *= scale.s0;
#else
        float16 log_sum = log((float16)sum);
        for (int i = 0; i < whole; i += 16) {
            float16 v = LOAD16(x, i) - top - log_sum;
            STORE16(y, i, v);
        }
        for (int i = whole; i < s.n; i++)
            y[i] = x[i] - top.s0 - log_sum.s0;
#endif
    }
}
#endif

#ifdef ONLY_softmax_columns
/* Sixteen neighbouring rows at a time. */
KERNEL_OF(1) softmax_columns(SHARED_BUFFER(const float, x), SHARED_BUFFER(float, y), struct rows s)
{
    int tiles = (s.inner + 15) / 16, first = get_global_id(0) * s.items, last = min(first + s.items, s.rows / s.inner * tiles);
    for (int item = first; item < last; item++) {
        int column = item % tiles * 16, lanes = min(s.inner - column, 16), base = item / tiles * s.n * s.inner + column;
        __global const float *x = CONST_AT(float, x) + base;
        __global float *y = AT(float, y) + base;
        float16 top = -(float16)INFINITY, sum = 0;
        for (int k = 0; k < s.n; k++) {
            float16 v = lanes == 16 ? LOAD16(x, k * s.inner) : load_some16(x, k * s.inner, lanes);
            top = FOLD_MAX(top, v);
        }
        for (int k = 0; k < s.n; k++) {
            float16 v = exp((lanes == 16 ? LOAD16(x, k * s.inner) : load_some16(x, k * s.inner, lanes)) - top);
            sum += v;
#if KIND == 0
            if (lanes == 16)
                STORE16(y, k * s.inner, v);
            else
                store_some16(y, k * s.inner, v, lanes);
#endif
        }
#if KIND == 0
        float16 scale = 1 / sum;
#define LAST(v) ((v)*scale)
#define SOURCE y
#else
        float16 log_sum = log(sum);
#define LAST(v) ((v)-top - log_sum)
#define SOURCE x
#endif
        for (int k = 0; k < s.n; k++) {
            if (lanes == 16)
                STORE16(y, k * s.inner, LAST(LOAD16(SOURCE, k * s.inner)));
            else
                store_some16(y, k * s.inner, LAST(load_some16(SOURCE, k * s.inner, lanes)), lanes);
        }
    }
}
#endif
#else
inline R result_of(R v, R top, R sum, bool is_place)
{
#if KIND == 0
    return exp(v - top) / sum;
#elif KIND == 1
    return v - top - sum; /* which is a logarithm already */
#else
    return is_place;
#endif
}

#ifdef ONLY_softmax
KERNEL_OF(64) softmax(SHARED_BUFFER(const T(DX), x), SHARED_BUFFER(T(DX), y), struct rows s)
{
    int row = get_global_id(0), place = 0;
    if (row >= s.rows)
        return;
    int base = row / s.inner * s.n * s.inner + row % s.inner;
    __global const T(DX) *x = CONST_AT(T(DX), x);
    R top = -(R)INFINITY, sum = 0;
    for (int k = 0; k < s.n; k++) {
        R v = LOAD(DX, x, base + k * s.inner);
        if (k == 0 || v > top || (v != v && top == top)) { /* the first of equals, the first NaN */
            top = v;
            place = k;
        }
    }
#if KIND != 2
    for (int k = 0; k < s.n;) {
        R part = 0; /* few numbers each, so that a long sum does not lose what is small */
        for (int end = min(k + 64, s.n); k < end; k++)
            part += exp((R)LOAD(DX, x, base + k * s.inner) - top);
        sum += part;
    }
#endif
#if KIND == 1
    sum = log(sum);
#endif
    for (int k = 0; k < s.n; k++) {
        int i = base + k * s.inner;
        STORE(DX, AT(T(DX), y), i, result_of(LOAD(DX, x, i), top, sum, k == place));
    }
}
#endif

/* A work-group makes one row. */
#define GROUP 128
#ifdef ONLY_softmax_group
KERNEL_OF(GROUP) softmax_group(SHARED_BUFFER(const T(DX), x), SHARED_BUFFER(T(DX), y), struct rows s)
{
    __local R parts[GROUP];
    int row = get_group_id(0), item = get_local_id(0), base = row / s.inner * s.n * s.inner + row % s.inner;
    __global const T(DX) *x = CONST_AT(T(DX), x);
    R top = -(R)INFINITY, sum = 0;
    for (int k = item; k < s.n; k += GROUP) {
        R v = LOAD(DX, x, base + k * s.inner);
        top = FOLD_MAX(top, v);
    }
    parts[item] = top;
    GROUP_FOLD(FOLD_MAX, parts, item, GROUP);
    top = parts[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int k = item; k < s.n; k += GROUP)
        sum += exp((R)LOAD(DX, x, base + k * s.inner) - top);
    parts[item] = sum;
    GROUP_FOLD(FOLD_SUM, parts, item, GROUP);
    sum = parts[0];
#if KIND == 1
    sum = log(sum);
#endif
    for (int k = item; k < s.n; k += GROUP) {
        int i = base + k * s.inner;
        STORE(DX, AT(T(DX), y), i, result_of(LOAD(DX, x, i), top, sum, false));
    }
}
#endif
#endif
