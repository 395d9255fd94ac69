/* SPDX-License-Identifier: MIT
 * One function applied to every element. ACT is its kind. In place is fine. */
#if defined(WIDE)
KERNEL_OF(1)
unary_wide(SHARED_BUFFER(const float, x), SHARED_BUFFER(float, y), int count, int piece, float a, float b, struct channels c)
{
    __global const float *x = CONST_AT(float, x);
    __global float *y = AT(float, y);
    int i = get_global_id(0) * piece, end = min(i + piece, count);
    for (; i + 16 <= end; i += 16) {
        const float16 v = activate(LOAD16(x, i), (float16)a, (float16)b);
        STORE16(y, i, clear16(c, i, v));
    }
    if (i < end) {
        const float16 v = activate(load_some16(x, i, end - i), (float16)a, (float16)b);
        store_some16(y, i, clear16(c, i, v), end - i);
    }
}
#elif defined(WHOLE)
/* Whole numbers and truth values: the kinds that take them. a and b are clip's bounds. */
inline C(DX) of_whole(int kind, C(DX) x, long a, long b)
{
    C(DX) low = (C(DX))a, high = (C(DX))b;
    switch (kind) {
    case 0: /* relu */
        return x < 0 ? (C(DX))0 : x;
    case 22:                                      /* abs */
        return x < 0 ? (C(DX))(0 - (ulong)x) : x; /* the smallest number stays itself */
    case 23:                                      /* neg */
        return (C(DX))(0 - (ulong)x);
    case 28: /* sign */
        return x < 0 ? -(C(DX))1 : (C(DX))(x != 0);
    case 40: /* not */
        return x == 0;
    default: /* clip */
        x = x < low ? low : x;
        return x > high ? high : x;
    }
}

KERNEL_OF(64)
unary_whole(SHARED_BUFFER(const T(DX), x), SHARED_BUFFER(T(DX), y), int count, int kind, long a, long b, struct channels c)
{
    int i = get_global_id(0);
    if (i < count)
        STORE(DX, AT(T(DX), y), i, is_padding(c, i) ? 0 : of_whole(kind, LOAD(DX, CONST_AT(T(DX), x), i), a, b));
}
#else
KERNEL_OF(64) unary(SHARED_BUFFER(const T(DX), x), SHARED_BUFFER(T(DY), y), int count, float a, float b, struct channels c)
{
    int i = get_global_id(0);
    if (i < count) {
        R v = activate(LOAD(DX, CONST_AT(T(DX), x), i), a, b);
        STORE(DY, AT(T(DY), y), i, is_padding(c, i) ? 0 : v);
    }
}
#endif
