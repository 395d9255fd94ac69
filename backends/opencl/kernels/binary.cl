/* SPDX-License-Identifier: MIT
 * One function of two tensors, KIND as op/binary.h numbers it. In place is fine. */
#if defined(WIDE)
/* Rows of y, one after the other; a and b are walked over by strides of the outer axes. Along a row each operand moves with y
 * (0), stays a vector (1) or a number (2), or is one number for each sixteen elements (3). */
struct wide {
    int rank, row, pieces, piece, items, form_a, form_b;
    int size[8], a[8], b[8];
};

inline float16 of_two(float16 a, float16 b)
{
#if KIND == 0
    return a + b;
#elif KIND == 1
    return a - b;
#elif KIND == 2
    return a * b;
#elif KIND == 3
    return a / b;
#elif KIND == 4
    return pow(a, b);
#elif KIND == 5
    return a != a || a < b ? a : b;
#elif KIND == 6
    return a != a || a > b ? a : b;
#else
    return a < 0 ? a * b : a;
#endif
}

/* What stays along a row. */
inline float16 fixed(__global const float *p, int form, int left)
{
    return form == 1 ? (left < 16 ? load_some16(p, 0, left) : LOAD16(p, 0)) : form == 2 ? (float16)p[0] : (float16)0;
}

#define EACH(A, B)                                                                                                             \
    for (; i + 16 <= end; i += 16) {                                                                                           \
        float16 v = keep16(of_two(A, B), left);                                                                                \
        STORE16(y, i, v);                                                                                                      \
    }

KERNEL_OF(1)
binary_wide(SHARED_BUFFER(const float, a), SHARED_BUFFER(const float, b), SHARED_BUFFER(float, y), struct wide s,
            struct channels c)
{
    int first = get_global_id(0) * s.items, last = min(first + s.items, s.pieces);
    int per_row = (s.row + s.piece - 1) / s.piece;
    for (int item = first; item < last; item++) {
        int row = item / per_row, i = item % per_row * s.piece, end = min(i + s.piece, s.row);
        __global const float *a = CONST_AT(float, a), *b = CONST_AT(float, b);
        __global float *y = AT(float, y) + row * s.row;
        int left = c.count - row % c.blocks * c.block; /* real channels in the row's block */
        int rest = row;
#define STEP(k)                                                                                                                \
    a += rest % s.size[k] * s.a[k];                                                                                            \
    b += rest % s.size[k] * s.b[k];                                                                                            \
    rest /= s.size[k];
        EACH_AXIS(s.rank, STEP)
#undef STEP
        float16 one_a = fixed(a, s.form_a, left), one_b = fixed(b, s.form_b, left);
        if (s.form_a == 0 && s.form_b == 0) {
            EACH(LOAD16(a, i), LOAD16(b, i))
        } else if (s.form_a == 0 && s.form_b < 3) {
            EACH(LOAD16(a, i), one_b)
        } else if (s.form_a < 3 && s.form_b == 0) {
            EACH(one_a, LOAD16(b, i))
        } else if (s.form_a == 0) {
            EACH(LOAD16(a, i), (float16)b[i / 16])
        } else {
            EACH((float16)a[i / 16], LOAD16(b, i))
        }
        if (i < end) {
            float16 u = s.form_a ? one_a : load_some16(a, i, end - i), v = s.form_b ? one_b : load_some16(b, i, end - i);
            store_some16(y, i, of_two(u, v), end - i);
        }
    }
}
#else
/* Any types, one element each. Strides are 0 where an operand is stretched. */
struct strides {
    int rank;
    int size[8], a[8], b[8];
};

#ifdef FLOATS
#define V R /* what is computed in: the first number and the result, the second */
#define VB R
#define SUM(a, b) ((a) + (b))
#define DIFFERENCE(a, b) ((a) - (b))
#define PRODUCT(a, b) ((a) * (b))
inline R modulo(R a, R b) /* the sign of the divisor */
{
    R rest = fmod(a, b);
    return rest == 0 ? copysign((R)0, b) : (rest < 0) != (b < 0) ? rest + b : rest;
}
#define DIVIDE(a, b) ((a) / (b))
#define MODULO(a, b) modulo(a, b)
#define REST(a, b) fmod(a, b)
#define POWER(a, b) pow(a, b)
#else
#define V C(DA)
#define VB C(DB)
#define SUM(a, b) ((V)((ulong)(a) + (ulong)(b)))
#define DIFFERENCE(a, b) ((V)((ulong)(a) - (ulong)(b)))
#define PRODUCT(a, b) ((V)((ulong)(a) * (ulong)(b)))
/* A divisor of 0 gives 0, -1 does not trap. */
inline V divide(V a, V b)
{
    return b == 0 ? (V)0 : b == (V)-1 && b < 0 ? (V)(0 - (ulong)a) : a / b;
}
inline V rest_of(V a, V b)
{
    return b == 0 || (b == (V)-1 && b < 0) ? (V)0 : a % b;
}
inline V modulo(V a, V b)
{
    V rest = rest_of(a, b);
    return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}
/* By squaring; a negative exponent gives the reciprocal cut toward zero. */
inline V power(V base, VB exponent)
{
    ulong result = 1, square = (ulong)base;
    if (exponent < 0)
        return base == 1 ? 1 : base == (V)-1 && base < 0 ? (exponent % 2 ? (V)-1 : (V)1) : (V)0;
    for (ulong left = (ulong)exponent; left; left >>= 1) {
        if (left & 1)
            result *= square;
        square *= square;
    }
    return (V)result;
}
#define DIVIDE(a, b) divide(a, b)
#define MODULO(a, b) modulo(a, b)
#define REST(a, b) rest_of(a, b)
#define POWER(a, b) power(a, b)
#endif

#if KIND < 10
#define OUT V
#else
#define OUT long
#endif

inline OUT of_two(V a, VB b)
{
#if KIND == 0
    return SUM(a, b);
#elif KIND == 1
    return DIFFERENCE(a, b);
#elif KIND == 2
    return PRODUCT(a, b);
#elif KIND == 3
    return DIVIDE(a, b);
#elif KIND == 4
    return POWER(a, b);
#elif KIND == 5
    return a != a || a < b ? a : b;
#elif KIND == 6
    return a != a || a > b ? a : b;
#elif KIND == 7
    return MODULO(a, b);
#elif KIND == 8
    return REST(a, b);
#elif KIND == 9
    return a < 0 ? PRODUCT(a, b) : a;
#elif KIND == 10
    return a == b;
#elif KIND == 11
    return a < b;
#elif KIND == 12
    return a <= b;
#elif KIND == 13
    return a > b;
#elif KIND == 14
    return a >= b;
#elif KIND == 15
    return a != 0 && b != 0;
#elif KIND == 16
    return a != 0 || b != 0;
#else
    return (a != 0) != (b != 0);
#endif
}

KERNEL_OF(64)
binary(SHARED_BUFFER(const T(DA), a), SHARED_BUFFER(const T(DB), b), SHARED_BUFFER(T(DY), y), int count, struct strides s,
       struct channels c)
{
    int i = get_global_id(0), ia = 0, ib = 0;
    if (i >= count)
        return;
    int rest = i;
    if (s.rank == 1) { /* nothing to divide */
        ia = i * s.a[0];
        ib = i * s.b[0];
    } else {
#define STEP(k)                                                                                                                \
    ia += rest % s.size[k] * s.a[k];                                                                                           \
    ib += rest % s.size[k] * s.b[k];                                                                                           \
    rest /= s.size[k];
        EACH_AXIS(s.rank, STEP)
#undef STEP
    }
    OUT v = of_two(LOAD(DA, CONST_AT(T(DA), a), ia), LOAD(DB, CONST_AT(T(DB), b), ib));
    STORE(DY, AT(T(DY), y), i, is_padding(c, i) ? 0 : RESULT(v));
}
#endif
