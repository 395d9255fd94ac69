/* SPDX-License-Identifier: MIT
 * Loops that do nothing but multiply and add, or read, or stream. Each is compiled for its own instruction set and called only
 * where the CPU has it, so that one program finds the peak of any CPU of its kind. */
#include "roof_loops.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Multiplying by a little less than 1 and adding what that takes from 1 brings every value near 1: nothing overflows, nothing
 * gets so small that the CPU takes longer. A start that the compiler knows would let it leave out the value that stays at 1,
 * and a lane that is not in the result all of that lane's. */
#define MULTIPLY_ADD(NAME, TARGET, VECTOR, FMA, CHAINS)                                                                          \
    TARGET static float NAME##_multiply_add(uint64_t rounds, float start)                                                        \
    {                                                                                                                            \
        VECTOR x[CHAINS], m = (VECTOR){0} + 0.999f, a = (VECTOR){0} + 0.001f, sum = {0};                                         \
        for (int i = 0; i < CHAINS; i++)                                                                                         \
            x[i] = (VECTOR){0} + (start + (float)i / CHAINS);                                                                    \
        for (uint64_t r = 0; r < rounds; r++)                                                                                    \
            _Pragma("GCC unroll 16") for (int i = 0; i < CHAINS; i++) x[i] = FMA(x[i], m, a);                                    \
        for (int i = 0; i < CHAINS; i++)                                                                                         \
            sum += x[i];                                                                                                         \
        float all = 0;                                                                                                           \
        for (size_t i = 0; i < sizeof sum / sizeof all; i++)                                                                     \
            all += sum[i];                                                                                                       \
        return all;                                                                                                              \
    }

#define MEMORY(NAME, TARGET, BYTES)                                                                                              \
    typedef uint64_t NAME##_word __attribute__((vector_size(BYTES), may_alias));                                                 \
    typedef float NAME##_real __attribute__((vector_size(BYTES), may_alias));                                                    \
    TARGET static uint64_t NAME##_read(const void *data, size_t bytes)                                                           \
    {                                                                                                                            \
        const NAME##_word *p = data, *end = p + bytes / (BYTES);                                                                 \
        NAME##_word a = {0}, b = {0}, c = {0}, d = {0};                                                                          \
        for (; p < end; p += 4)                                                                                                  \
            a += p[0], b += p[1], c += p[2], d += p[3];                                                                          \
        a += b + c + d;                                                                                                          \
        uint64_t all = 0;                                                                                                        \
        for (size_t i = 0; i < sizeof a / sizeof all; i++)                                                                       \
            all += a[i];                                                                                                         \
        return all;                                                                                                              \
    }                                                                                                                            \
    TARGET static void NAME##_triad(void *a, const void *b, const void *c, size_t bytes)                                         \
    {                                                                                                                            \
        NAME##_real *x = a;                                                                                                      \
        const NAME##_real *y = b, *z = c;                                                                                        \
        for (size_t i = 0; i < bytes / (BYTES); i++)                                                                             \
            x[i] = y[i] + 3.0f * z[i];                                                                                           \
    }

#define LOOPS(NAME, ISA, LANES, CHAINS)                                                                                          \
    {                                                                                                                            \
        ISA, LANES, CHAINS, NAME##_multiply_add, NAME##_read, NAME##_triad                                                       \
    }

#define NO_TARGET
#define MULTIPLY_THEN_ADD(x, m, a) ((x) * (m) + (a))

#if defined(__x86_64__)

#define AVX512 __attribute__((target("avx512f")))
#define AVX2 __attribute__((target("avx2,fma")))
MULTIPLY_ADD(avx512, AVX512, __m512, _mm512_fmadd_ps, 16)
MEMORY(avx512, AVX512, 64)
MULTIPLY_ADD(avx2, AVX2, __m256, _mm256_fmadd_ps, 12)
MEMORY(avx2, AVX2, 32)
/* No fused operation here: the product and the sum are two instructions, and two operations just the same. */
MULTIPLY_ADD(sse2, NO_TARGET, __m128, MULTIPLY_THEN_ADD, 14)
MEMORY(sse2, NO_TARGET, 16)

uint32_t roof_loops(const struct roof_loops *out[ROOF_ISAS])
{
    static const struct roof_loops all[] = {LOOPS(avx512, "avx512f", 16, 16), LOOPS(avx2, "avx2", 8, 12),
                                            LOOPS(sse2, "sse2", 4, 14)};
    uint32_t count = 0;
    if (__builtin_cpu_supports("avx512f"))
        out[count++] = &all[0];
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        out[count++] = &all[1];
    out[count++] = &all[2];
    return count;
}

#else

#if defined(__aarch64__)
#define NEON_FMA(x, m, a) vfmaq_f32(a, x, m)
#define PLAIN_ISA "neon"
#define PLAIN_CHAINS 16
MULTIPLY_ADD(plain, NO_TARGET, float32x4_t, NEON_FMA, PLAIN_CHAINS)
#else
#define PLAIN_ISA "generic"
#define PLAIN_CHAINS 12
typedef float plain_lanes __attribute__((vector_size(16)));
MULTIPLY_ADD(plain, NO_TARGET, plain_lanes, MULTIPLY_THEN_ADD, PLAIN_CHAINS)
#endif
MEMORY(plain, NO_TARGET, 16)

uint32_t roof_loops(const struct roof_loops *out[ROOF_ISAS])
{
    static const struct roof_loops plain = LOOPS(plain, PLAIN_ISA, 4, PLAIN_CHAINS);
    out[0] = &plain;
    return 1;
}

#endif
