/* SPDX-License-Identifier: MIT
 * binary.h over the vectors of vec.h: a loop for each function and each way to read the operands. */
#include "math.h"

#include "binary.h"
#include "convoke/op/binary.h"

/* NaN in either operand gives NaN: of min and max themselves one in b does. */
SIMD_INLINE V keep_nan(V a, V y)
{
    return v_select(v_isnan(a), a, y);
}

/* Python's %: the sign of the divisor. */
static float python_mod(float a, float b)
{
    float rest = fmodf(a, b);
    if (rest == 0)
        return copysignf(0, b);
    return (rest < 0) != (b < 0) ? rest + b : rest;
}

/* One lane after the other, through the C library. */
SIMD_INLINE V by_lanes(V a, V b, float (*function)(float, float))
{
    float x[V_LEN], y[V_LEN];
    v_store(x, a);
    v_store(y, b);
    for (int i = 0; i < V_LEN; i++)
        x[i] = function(x[i], y[i]);
    return v_load(x);
}

#define KINDS(X)                                                 \
    X(ADD, v_add(a, b))                                          \
    X(SUB, v_sub(a, b))                                          \
    X(MUL, v_mul(a, b))                                          \
    X(DIV, v_div(a, b))                                          \
    X(MIN, keep_nan(a, v_min(a, b)))                             \
    X(MAX, keep_nan(a, v_max(a, b)))                             \
    X(PRELU, v_select(v_lt(a, v_zero()), v_mul(a, b), a))        \
    X(POW, by_lanes(a, b, powf))                                 \
    X(MOD, by_lanes(a, b, python_mod))                           \
    X(FMOD, by_lanes(a, b, fmodf))

/* Loops over the operand `flat`. Of the other one, `once` is read before the loop, or `each` for every vector. */
#define LOOP(KIND, FORM, flat, once, each, value)                                                                    \
    static void KIND##_##FORM(const float *from_a, const float *from_b, float *y, uint64_t count, uint64_t step)     \
    {                                                                                                                \
        uint64_t i = 0;                                                                                              \
        (void)step;                                                                                                  \
        once;                                                                                                        \
        for (; i + V_LEN <= count; i += V_LEN) {                                                                     \
            V flat = v_load(from_##flat + i);                                                                        \
            each;                                                                                                    \
            v_store(y + i, value);                                                                                   \
        }                                                                                                            \
        if (i < count) {                                                                                             \
            V flat = v_load_n(from_##flat + i, (uint32_t)(count - i));                                               \
            LAST_##FORM;                                                                                             \
            v_store_n(y + i, value, (uint32_t)(count - i));                                                          \
        }                                                                                                            \
    }
/* What the last, partial vector reads: of both operands, else of the flat one alone. */
#define LAST_BOTH V b = v_load_n(from_b + i, (uint32_t)(count - i))
#define LAST_B_ONE
#define LAST_A_ONE
#define LAST_B_VECTOR
#define LAST_A_VECTOR
#define LAST_B_PIXEL V b = v_set1(from_b[i / V_LEN * step])
#define LAST_A_PIXEL V a = v_set1(from_a[i / V_LEN * step])

#define DEFINE(KIND, value)                                                                       \
    LOOP(KIND, BOTH, a, , V b = v_load(from_b + i), value)                                     \
    LOOP(KIND, B_ONE, a, V b = v_set1(from_b[0]), , value)                                     \
    LOOP(KIND, B_VECTOR, a, V b = v_load(from_b), , value)                                     \
    LOOP(KIND, B_PIXEL, a, , V b = v_set1(from_b[i / V_LEN * step]), value)                    \
    LOOP(KIND, A_ONE, b, V a = v_set1(from_a[0]), , value)                                     \
    LOOP(KIND, A_VECTOR, b, V a = v_load(from_a), , value)                                     \
    LOOP(KIND, A_PIXEL, b, , V a = v_set1(from_a[i / V_LEN * step]), value)
KINDS(DEFINE)

/* The powers that nets use for squares and cubes. */
LOOP(square, B_ONE, a, (void)from_b, , v_mul(a, a))
LOOP(cube, B_ONE, a, (void)from_b, , v_mul(v_mul(a, a), a))

typedef void (*loop_fn)(const float *a, const float *b, float *y, uint64_t count, uint64_t step);

static void apply(uint32_t kind, uint32_t form, const float *a, const float *b, float *y, uint64_t count, uint64_t step)
{
    static const loop_fn loops[CVK_EQUAL][SIMD_BINARY_FORMS] = {
#define ENTRY(KIND, value) [CVK_##KIND] = {KIND##_BOTH, KIND##_B_ONE, KIND##_B_VECTOR, KIND##_B_PIXEL, KIND##_A_ONE, \
                                           KIND##_A_VECTOR, KIND##_A_PIXEL},
        KINDS(ENTRY)
    };
    loop_fn loop = loops[kind][form];
    if (kind == CVK_POW && form == SIMD_B_ONE && count > 0)
        loop = b[0] == 2 ? square_B_ONE : b[0] == 3 ? cube_B_ONE : loop;
    loop(a, b, y, count, step);
}

const struct simd_binary_fns SIMD_FN(simd_binary_fns) = {.apply = apply};
