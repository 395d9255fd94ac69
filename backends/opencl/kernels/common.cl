/* SPDX-License-Identifier: MIT
 * Stands before every other text: element types, functions of one number, the epilogue.
 *
 * A type is one word, given as an option (-DDX=f32): T(DX) is how it is stored, C(DX) what is computed in, LOAD(DX, p, i) reads element i,
 * STORE(DX, p, i, v) writes it. f16 and bf16 are computed in float, whole numbers and truth values in long (u64 in ulong). */
#ifdef WITH_F64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define T(t) PASTE(T_, t)
#define C(t) PASTE(C_, t)
#define LOAD(t, p, i) PASTE(load_, t)(p, i)
#define STORE(t, p, i, v) PASTE(store_, t)(p, i, v)

/* A buffer comes as two arguments, the memory and where in it, in bytes: AT(float, x) is then the pointer. */
#define BUFFER(type, name) __global type *restrict name##_base, ulong name##_offset
#define CONST_BUFFER(type, name) __global const type *restrict name##_base, ulong name##_offset
#define AT(type, name) ((__global type *)((__global char *)name##_base + name##_offset))
#define CONST_AT(type, name) ((__global const type *)((__global const char *)name##_base + name##_offset))

#define PLAIN_TYPE(t, stored, computed)                                                      \
    inline computed load_##t(__global const stored *p, int i) { return (computed)p[i]; }    \
    inline void store_##t(__global stored *p, int i, computed v) { p[i] = (stored)v; }

#define T_f32 float
#define C_f32 float
#define T_f64 double
#define C_f64 double
#define T_f16 half
#define C_f16 float
#define T_bf16 ushort
#define C_bf16 float
#define T_i8 char
#define C_i8 long
#define T_u8 uchar
#define C_u8 long
#define T_i16 short
#define C_i16 long
#define T_u16 ushort
#define C_u16 long
#define T_i32 int
#define C_i32 long
#define T_u32 uint
#define C_u32 long
#define T_i64 long
#define C_i64 long
#define T_u64 ulong
#define C_u64 ulong
#define T_bool uchar
#define C_bool long

PLAIN_TYPE(f32, float, float)
#ifdef WITH_F64
PLAIN_TYPE(f64, double, double)
#endif
PLAIN_TYPE(i8, char, long)
PLAIN_TYPE(u8, uchar, long)
PLAIN_TYPE(i16, short, long)
PLAIN_TYPE(u16, ushort, long)
PLAIN_TYPE(u32, uint, long)
PLAIN_TYPE(i64, long, long)
PLAIN_TYPE(u64, ulong, ulong)
PLAIN_TYPE(bool, uchar, long)

/* Put together by hand: Mesa 22.3 takes (long)x < 0 for x >= 0. */
inline long load_i32(__global const int *p, int i) { return (long)(p[i] >> 31) << 32 | (uint)p[i]; }
inline void store_i32(__global int *p, int i, long v) { p[i] = (int)v; }

inline float load_f16(__global const half *p, int i) { return vload_half((size_t)i, p); }
inline void store_f16(__global half *p, int i, float v) { vstore_half_rte(v, (size_t)i, p); }
inline float load_bf16(__global const ushort *p, int i) { return as_float((uint)p[i] << 16); }
inline void store_bf16(__global ushort *p, int i, float v)
{
    uint bits = as_uint(v);
    p[i] = isnan(v) ? (ushort)((bits >> 16) | 0x40) : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

/* Begins a kernel for work-groups of so many items. */
#define KERNEL_OF(items) __kernel __attribute__((reqd_work_group_size(items, 1, 1))) void

/* A buffer that may be the memory of another argument: rows that work in place. */
#define SHARED_BUFFER(type, name) __global type *name##_base, ulong name##_offset

/* ---- sixteen floats at a time, for kernels of CPU devices ------------------------------------------------------------------- */

/* Elements begin anywhere: rows of plain tensors are not multiples of a vector. A plain vload16 is put together from scalars by some
 * compilers. */
typedef float16 float16_anywhere __attribute__((aligned(4)));
#define LOAD16(p, i) (*(__global const float16_anywhere *)((p) + (i)))
#define STORE16(p, i, v) (*(__global float16_anywhere *)((p) + (i)) = (v))
#define LANES16 ((int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15))

/* `count` elements, 0 behind them. */
inline float16 load_some16(__global const float *p, int i, int count)
{
    float some[16];
    for (int k = 0; k < 16; k++)
        some[k] = k < count ? p[i + k] : 0;
    return vload16(0, some);
}

inline void store_some16(__global float *p, int i, float16 v, int count)
{
    float some[16];
    vstore16(v, 0, some);
    for (int k = 0; k < count; k++)
        p[i + k] = some[k];
}

/* 0 in the lanes from `count` on: what is behind the last channel of a block. */
inline float16 keep16(float16 v, int count)
{
    return count >= 16 ? v : select(v, (float16)0, LANES16 >= (int16)count);
}

/* ---- blocked layouts ---------------------------------------------------------------------------------------------------------- */

/* Where channels are in a layout (ocl_channels_of): element i is of channel i / inner % blocks * block + i % block; from `count` on they
 * are padding. */
struct channels {
    int inner, blocks, block, count;
};

inline int channel_of(struct channels c, int i)
{
    return i / c.inner % c.blocks * c.block + i % c.block;
}

/* 0 in what is padding of elements i, i + 1, ...; i is a multiple of 16. Where nothing is padding, or may stay, count = blocks * block. */
inline float16 clear16(struct channels c, int i, float16 v)
{
    if (c.count == c.blocks * c.block)
        return v;
    if (c.block == 16)
        return keep16(v, c.count - channel_of(c, i));
    float some[16];
    vstore16(v, 0, some);
#pragma unroll 1
    for (int k = 0; k < 16; k++)
        some[k] = channel_of(c, i + k) < c.count ? some[k] : 0;
    return vload16(0, some);
}

inline bool is_padding(struct channels c, int i)
{
    return c.count != c.blocks * c.block && channel_of(c, i) >= c.count;
}

/* ---- folding with a work-group -------------------------------------------------------------------------------------------------- */

/* Folds scratch[0 .. size-1] into scratch[0], always in the same order; size is a power of two. Every item of the group comes here. */
#define GROUP_FOLD(FOLD, scratch, item, size)                                     \
    for (int span_ = (size) / 2; span_ > 0; span_ /= 2) {                         \
        barrier(CLK_LOCAL_MEM_FENCE);                                             \
        if ((item) < span_)                                                       \
            (scratch)[item] = FOLD((scratch)[item], (scratch)[(item) + span_]);   \
    }                                                                             \
    barrier(CLK_LOCAL_MEM_FENCE)
#define FOLD_SUM(a, b) ((a) + (b))
/* The larger; NaN if one of them is. */
#define FOLD_MAX(a, b) ((a) != (a) || (a) > (b) ? (a) : (b))
#define FOLD_MIN(a, b) ((a) != (a) || (a) < (b) ? (a) : (b))

/* ---- fractions as whole numbers --------------------------------------------------------------------------------------------------- */

/* With -DCUT (ocl_option_cut): toward zero; what does not fit becomes the nearest that does, NaN 0. */
#ifdef CUT
#define RESULT(v) ((v) != (v) ? 0 : (v) <= (R)LOWEST ? LOWEST : (v) >= (R)HIGHEST ? HIGHEST : (C(DY))(v))
#else
#define RESULT(v) (v)
#endif

/* ---- functions of one number: the kinds of op/unary.h by their numbers, in precision R (float, or double where it is there) ---- */

#ifndef R
#define R float
#endif
#ifndef ACT
#define ACT -1 /* none */
#endif

inline R unary_clip(R x, R lo, R hi) { R y = x < lo ? lo : x; return y > hi ? hi : y; }
#if ACT == 6 || ACT == 13 || ACT == 14
/* The exponent is never positive, so nothing overflows. */
inline R unary_sigmoid(R x) { R e = exp(-fabs(x)); return x >= 0 ? 1 / (1 + e) : e / (1 + e); }
#endif
#if ACT == 10 || ACT == 15
inline R unary_softplus(R x) { return x != x ? x : (x > 0 ? x : (R)0) + log1p(exp(-fabs(x))); }
#endif

inline R activate(R x, R a, R b)
{
#if ACT == -1
    return x;
#elif ACT == 0
    return x > 0 || x != x ? x : (R)0;
#elif ACT == 1
    return x < 0 ? a * x : x;
#elif ACT == 2
    return x < 0 ? a * expm1(x) : x;
#elif ACT == 3
    return b * (x <= 0 ? a * expm1(x) : x);
#elif ACT == 4
    return x < 0 ? a * expm1(x / a) : x;
#elif ACT == 5
    return unary_clip(x, a, b);
#elif ACT == 6
    return unary_sigmoid(x);
#elif ACT == 7
    return unary_clip(a * x + b, (R)0, (R)1);
#elif ACT == 8
    return x * unary_clip(x / 6 + (R)0.5, (R)0, (R)1);
#elif ACT == 9
    return tanh(x);
#elif ACT == 10
    return unary_softplus(x);
#elif ACT == 11
    return x / (1 + fabs(x));
#elif ACT == 12
    return (R)0.5 * x * erfc(-x * (R)0.70710678118654752440);
#elif ACT == 13
    return x * unary_sigmoid((R)1.59576912160573071176 * (x + (R)0.044715 * x * x * x)); /* 1 + tanh would cancel */
#elif ACT == 14
    return x * unary_sigmoid(x);
#elif ACT == 15
    return x * tanh(unary_softplus(x));
#elif ACT == 16
    return x > a || x != x ? x : (R)0;
#elif ACT == 17
    return x < -a ? x + b : x > a ? x - b : x != x ? x : (R)0;
#elif ACT == 18
    return erf(x);
#elif ACT == 19
    return exp(x);
#elif ACT == 20
    return log(x);
#elif ACT == 21
    return sqrt(x);
#elif ACT == 22
    return fabs(x);
#elif ACT == 23
    return -x;
#elif ACT == 24
    return 1 / x;
#elif ACT == 25
    return rint(x);
#elif ACT == 26
    return floor(x);
#elif ACT == 27
    return ceil(x);
#elif ACT == 28
    return x > 0 ? (R)1 : x < 0 ? (R)-1 : x;
#elif ACT == 29
    return sin(x);
#elif ACT == 30
    return cos(x);
#elif ACT == 31
    return tan(x);
#elif ACT == 32
    return asin(x);
#elif ACT == 33
    return acos(x);
#elif ACT == 34
    return atan(x);
#elif ACT == 35
    return sinh(x);
#elif ACT == 36
    return cosh(x);
#elif ACT == 37
    return asinh(x);
#elif ACT == 38
    return acosh(x);
#elif ACT == 39
    return atanh(x);
#elif ACT == 40
    return x == 0;
#elif ACT == 41
    return x != x;
#elif ACT == 42
    return (a != 0 && x == (R)INFINITY) || (b != 0 && x == -(R)INFINITY);
#endif
}

/* ---- the epilogue: y = activation((acc + bias[c]) * scale[c] + shift[c] + residual) ------------------------------------------ */

/* Arguments of a kernel with an epilogue; the residual has the type DY. */
#define EPILOGUE_ARGS                                                                                            \
    CONST_BUFFER(float, bias), CONST_BUFFER(float, scale), CONST_BUFFER(float, shift), CONST_BUFFER(T(DY), residual), \
        float act_a, float act_b
#ifdef EPI_BIAS
#define EPILOGUE_BIAS(c) +CONST_AT(float, bias)[c]
#else
#define EPILOGUE_BIAS(c)
#endif
#ifdef EPI_SCALE
#define EPILOGUE_SCALE(c) *CONST_AT(float, scale)[c] + CONST_AT(float, shift)[c]
#else
#define EPILOGUE_SCALE(c)
#endif
#ifdef EPI_RESIDUAL
#define EPILOGUE_RESIDUAL(i) +LOAD(DY, CONST_AT(T(DY), residual), i)
#else
#define EPILOGUE_RESIDUAL(i)
#endif
/* The result for element i of y, of channel c. */
#define EPILOGUE(acc, c, i) activate(((acc) EPILOGUE_BIAS(c)) EPILOGUE_SCALE(c) EPILOGUE_RESIDUAL(i), act_a, act_b)

/* ---- axes ---------------------------------------------------------------------------------------------------------------------- */

/* STEP(a) for axes rank - 1 down to 0 of an array in a struct that came as an argument. Numbers written out instead of a loop: some compilers
 * cannot index an argument by a variable (Mesa's load_kernel_arg), others copy it to slow memory for that. */
#define AXIS_STEP(rank, STEP, a) if (a < (rank)) { STEP(a) }
#define EACH_AXIS(rank, STEP) /* arrays of 8 */                                                                                  \
    if ((rank) > 3) {                                                                                                           \
        AXIS_STEP(rank, STEP, 7) AXIS_STEP(rank, STEP, 6) AXIS_STEP(rank, STEP, 5) AXIS_STEP(rank, STEP, 4) STEP(3)              \
    }                                                                                                                           \
    AXIS_STEP(rank, STEP, 2) AXIS_STEP(rank, STEP, 1) AXIS_STEP(rank, STEP, 0)
#define EACH_AXIS_OF_16(rank, STEP)                                                                                             \
    if ((rank) > 8) {                                                                                                           \
        AXIS_STEP(rank, STEP, 15) AXIS_STEP(rank, STEP, 14) AXIS_STEP(rank, STEP, 13) AXIS_STEP(rank, STEP, 12)                  \
        AXIS_STEP(rank, STEP, 11) AXIS_STEP(rank, STEP, 10) AXIS_STEP(rank, STEP, 9) STEP(8)                                     \
    }                                                                                                                           \
    EACH_AXIS(rank, STEP)
