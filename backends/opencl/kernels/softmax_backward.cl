/* SPDX-License-Identifier: MIT
 * The gradient of softmax (KIND 0), dx = y * (dy - sum(dy * y)), of its logarithm (1), dx = dy - exp(y) * sum(dy), and of
 * hardmax (2), 0. Rows whose elements lie `inner` apart; LANES rows, or with -DALONG parts of one row, are worked on together.
 * In place is fine. */
struct rows {
    int rows, n, inner, items;
};

#ifdef WIDE
typedef float16 V;
#define GROUP 1
#define GET(p, i) (lanes >= 16 ? LOAD16(p, i) : load_some16(p, i, lanes))
#define PUT(p, i, v)                                                                                                           \
    if (lanes >= 16) {                                                                                                         \
        STORE16(p, i, v);                                                                                                      \
    } else {                                                                                                                   \
        store_some16(p, i, v, lanes);                                                                                          \
    }
#else
typedef R V;
#define GROUP 64
#define GET(p, i) LOAD(DX, p, i)
#define PUT(p, i, v) STORE(DX, p, i, v);
#endif

#if KIND == 0
#define TERM(dy, y) ((dy) * (y))
#define SLOPE(dy, y, sum) ((y) * ((dy) - (sum)))
#elif KIND == 1
#define TERM(dy, y) (dy)
#define SLOPE(dy, y, sum) ((dy)-exp(y) * (sum))
#else
#define TERM(dy, y) ((V)0)
#define SLOPE(dy, y, sum) ((V)0)
#endif

#ifdef ALONG
inline float sum_of(float16 v)
{
    float8 a = v.lo + v.hi;
    float4 b = a.lo + a.hi;
    return (b.s0 + b.s2) + (b.s1 + b.s3);
}
#endif

KERNEL_OF(GROUP)
softmax_backward(SHARED_BUFFER(const T(DX), dy), SHARED_BUFFER(const T(DX), y), SHARED_BUFFER(T(DX), dx), struct rows s)
{
#if defined(ALONG)
    int first = get_global_id(0) * s.items, last = min(first + s.items, s.rows);
#elif defined(WIDE)
    int tiles = (s.inner + 15) / 16, first = get_global_id(0) * s.items, last = min(first + s.items, s.rows / s.inner * tiles);
#else
    int first = get_global_id(0), last = min(first + 1, s.rows);
#endif
    for (int item = first; item < last; item++) {
#if defined(ALONG)
        int base = item * s.n, step = 16, lanes = 16;
#elif defined(WIDE)
        int column = item % tiles * 16, base = item / tiles * s.n * s.inner + column, step = s.inner,
            lanes = min(s.inner - column, 16);
#else
        int base = item / s.inner * s.n * s.inner + item % s.inner, step = s.inner;
#endif
        __global const T(DX) *dy = CONST_AT(T(DX), dy) + base, *y = CONST_AT(T(DX), y) + base;
        __global T(DX) *dx = AT(T(DX), dx) + base;
        int end = s.n * step;
        V sum = 0;
#ifdef ALONG
        end = s.n / 16 * 16;
#endif
        for (int i = 0; i < end;) {
            V part = 0; /* few numbers each: sums of sums round less */
            for (int stop = min(i + 64 * step, end); i < stop; i += step)
                part += TERM(GET(dy, i), GET(y, i));
            sum += part;
        }
#ifdef ALONG
        lanes = s.n - end;
        if (lanes)
            sum += keep16(TERM(GET(dy, end), GET(y, end)), lanes);
        sum = sum_of(sum);
        lanes = 16;
#endif
        for (int i = 0; i < end; i += step) {
            V v = GET(y, i);
            PUT(dx, i, SLOPE(GET(dy, i), v, sum))
        }
#ifdef ALONG
        lanes = s.n - end;
        if (lanes)
            store_some16(dx, end, SLOPE(GET(dy, end), GET(y, end), sum), lanes);
#endif
    }
}
