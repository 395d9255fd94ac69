/* SPDX-License-Identifier: MIT
 * Every element as another type. DX and DY are the types; X_FLOAT and Y_FLOAT say which of them are floating. An item does
 * `span` elements. */
#define LO_i8 -128
#define HI_i8 127
#define LO_u8 0
#define HI_u8 255
#define LO_i16 -32768
#define HI_i16 32767
#define LO_u16 0
#define HI_u16 65535
#define LO_i32 (-2147483647L - 1)
#define HI_i32 2147483647L
#define LO_u32 0
#define HI_u32 4294967295L
#define LO_i64 LONG_MIN
#define HI_i64 LONG_MAX
#define LO_u64 0
#define HI_u64 ULONG_MAX

#define NARROW_f16 1
#define NARROW_bf16 1
#define NARROW PASTE(NARROW_, DY)
#define WIDE_f64 1
#define WIDE PASTE(WIDE_, DX)

#if defined(X_FLOAT) && defined(Y_FLOAT)

#if WIDE == 1 && NARROW == 1
/* From double to a float that rounds to fewer bits as the double does: cut off, with an odd last bit where something was lost.
 * */
inline float convert(double x)
{
    float y = (float)x;
    if (x != x || y == x)
        return y;
    uint bits = as_uint(y);
    bits -= fabs((double)y) > fabs(x);
    return as_float(bits | 1);
}
#else
inline C(DY) convert(C(DX) x) { return (C(DY))x; }
#endif

#elif defined(X_FLOAT)

/* Toward zero; what does not fit becomes the nearest that does, NaN becomes 0. */
#ifdef Y_BOOL
inline C(DY) convert(C(DX) x) { return x != 0; }
#else
inline C(DY) convert(C(DX) x)
{
    const C(DY) lo = PASTE(LO_, DY), hi = PASTE(HI_, DY);
    return x != x ? 0 : x <= (C(DX))lo ? lo : x >= (C(DX))hi ? hi : (C(DY))x;
}
#endif

#elif defined(Y_FLOAT)

#if NARROW == 1
/* Down to 24 bits, with an odd last bit where something was lost: that is a float, and it rounds to fewer bits as the whole
 * number does. */
inline float convert(C(DX) x)
{
    const bool negative = x < 0;
    ulong size = negative ? -(ulong)x : (ulong)x;
    const int lost = 40 - (int)clz(size);
    if (lost > 0) {
        const ulong below = size & ((1UL << lost) - 1);
        size = (size >> lost | (below != 0)) << lost;
    }
    return negative ? -(float)size : (float)size;
}
#else
inline C(DY) convert(C(DX) x) { return (C(DY))x; }
#endif

#elif defined(Y_BOOL)
inline C(DY) convert(C(DX) x) { return x != 0; }
#else
inline C(DY) convert(C(DX) x) { return (C(DY))x; } /* the low bits */
#endif

__kernel __attribute__((reqd_work_group_size(GROUP, 1, 1)))
void cast(CONST_BUFFER(T(DX), x), BUFFER(T(DY), y), int count, int span)
{
    const int item = get_global_id(0), begin = item * span, end = begin > count - span ? count : begin + span;
    for (int i = begin; i < end; i++)
        STORE(DY, AT(T(DY), y), i, convert(LOAD(DX, CONST_AT(T(DX), x), i)));
}
