/* SPDX-License-Identifier: MIT
 * dy times the derivative of the function ACT: at the result where the kind's derivative follows from it (-DFROM_Y), else at
 * the argument. Where the derivative is 0, the product is 0 whatever dy is. dx may be the memory of dy. */
#if ACT == 12 || ACT == 18
#define GAUSS(x) exp((R)-0.5 * (x) * (x))
#endif
#if ACT == 10 || ACT == 13 || ACT == 14 || ACT == 15
inline R logistic(R x)
{
    R e = exp(-fabs(x));
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}
#endif

inline R slope(R x, R a, R b)
{
    const R none = 0, one = 1;
#if ACT == 0
    return x > 0 ? one : none;
#elif ACT == 5
    return x > a ? (x < b ? one : none) : none;
#elif ACT == 1
    return x > 0 ? one : a;
#elif ACT == 7
#ifndef FROM_Y
    x = a * x + b;
#endif
    return x > 0 ? (x < 1 ? a : none) : none;
#elif ACT == 2 && defined(FROM_Y)
    return x > 0 ? one : x + a;
#elif ACT == 6
    return x * (1 - x);
#elif ACT == 9
    return 1 - x * x;
#elif ACT == 19
    return x;
#elif ACT == 21
    return (R)0.5 / x;
#elif ACT == 2
    return x > 0 ? one : a * exp(x);
#elif ACT == 3
    return b * (x > 0 ? one : a * exp(x));
#elif ACT == 4
    return x > 0 ? one : exp(x / a);
#elif ACT == 8
    return x <= -3 ? none : x >= 3 ? one : x / 3 + (R)0.5;
#elif ACT == 10
    return logistic(x);
#elif ACT == 11
    return 1 / ((1 + fabs(x)) * (1 + fabs(x)));
#elif ACT == 12
    return (R)0.5 * erfc(-x * (R)0.70710678118654752440) + x * (R)0.39894228040143267794 * GAUSS(x);
#elif ACT == 13
    /* x * sigmoid(u): 1 + tanh would cancel. Nothing changes any more behind 20. */
    R c = unary_clip(x, (R)-20, (R)20), u = (R)1.59576912160573071176 * (c + (R)0.044715 * c * c * c);
    return logistic(u) * (1 + c * logistic(-u) * (R)1.59576912160573071176 * (1 + (R)0.134145 * c * c)) + (x - x);
#elif ACT == 14
    return logistic(x) * (1 + x * logistic(-x));
#elif ACT == 15
    R c = unary_clip(x, (R)-100, (R)100), t = tanh((c > 0 ? c : none) + log1p(exp(-fabs(c))));
    return t + c * (1 - t * t) * logistic(c) + (x - x);
#elif ACT == 16
    return x > a ? one : none;
#elif ACT == 17
    return x < -a ? one : x > a ? one : none;
#elif ACT == 18
    return (R)1.12837916709551257390 * GAUSS(x * (R)1.41421356237309504880);
#elif ACT == 20
    return 1 / x;
#elif ACT == 22
    return x > 0 ? one : x < 0 ? -one : x;
#elif ACT == 23
    return -one;
#elif ACT == 24
    return -1 / (x * x);
#elif ACT >= 25 && ACT <= 28
    return none;
#elif ACT == 29
    return cos(x);
#elif ACT == 30
    return -sin(x);
#elif ACT == 31
    return 1 + tan(x) * tan(x);
#elif ACT == 32
    return 1 / sqrt(1 - x * x);
#elif ACT == 33
    return -1 / sqrt(1 - x * x);
#elif ACT == 34
    return 1 / (1 + x * x);
#elif ACT == 35
    return cosh(x);
#elif ACT == 36
    return sinh(x);
#elif ACT == 37
    return 1 / sqrt(1 + x * x);
#elif ACT == 38
    return 1 / sqrt(x * x - 1);
#else
    return 1 / (1 - x * x);
#endif
}

inline R backward(R dy, R x, R a, R b)
{
    R s = slope(x, a, b);
    return s == 0 ? (R)0 : dy * s;
}

#ifdef WIDE
KERNEL_OF(1)
unary_backward_wide(SHARED_BUFFER(const float, dy), SHARED_BUFFER(const float, x), SHARED_BUFFER(float, dx), int count,
                    int piece, float a, float b, struct channels c)
{
    __global const float *dy = CONST_AT(float, dy), *x = CONST_AT(float, x);
    __global float *dx = AT(float, dx);
    int i = get_global_id(0) * piece, end = min(i + piece, count);
    for (; i + 16 <= end; i += 16) {
        const float16 v = backward(LOAD16(dy, i), LOAD16(x, i), (float16)a, (float16)b);
        STORE16(dx, i, clear16(c, i, v));
    }
    if (i < end) {
        const float16 v = backward(load_some16(dy, i, end - i), load_some16(x, i, end - i), (float16)a, (float16)b);
        store_some16(dx, i, clear16(c, i, v), end - i);
    }
}
#else
KERNEL_OF(64)
unary_backward(SHARED_BUFFER(const T(DX), dy), SHARED_BUFFER(const T(DX), x), SHARED_BUFFER(T(DX), dx), int count, R a, R b,
               struct channels c)
{
    int i = get_global_id(0);
    if (i >= count)
        return;
    R v = backward(LOAD(DX, CONST_AT(T(DX), dy), i), LOAD(DX, CONST_AT(T(DX), x), i), a, b);
    STORE(DX, AT(T(DX), dx), i, is_padding(c, i) ? 0 : v);
}
#endif
