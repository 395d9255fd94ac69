/* SPDX-License-Identifier: MIT
 * The elementary functions of the SIMD kernels against those of double precision, over the whole range of floats: for each
 * instruction set that this processor has, no result is further off than the bound in docs/accuracy.md. */
#include <math.h>
#include <stdbool.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "convoke/op/unary.h"
#include "cpu.h"
#include "isa/unary.h"

#define STEP 9973 /* of the bits between two arguments: about 430 thousand of them, no two with the same last digits */
#define BATCH 1009

static double ref_sigmoid(double x)
{
    return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));
}

static double ref_softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double ref_silu(double x)
{
    return x * ref_sigmoid(x);
}

static double ref_gelu(double x)
{
    return 0.5 * x * erfc(-x * 0.70710678118654752440);
}

static double ref_gelu_tanh(double x)
{
    return x * ref_sigmoid(2 * 0.79788456080286535588 * (x + (double)0.044715f * x * x * x));
}

static double ref_mish(double x)
{
    return x * tanh(ref_softplus(x));
}

static double ref_elu(double x)
{
    return x < 0 ? expm1(x) : x;
}

/* The largest error between lo and hi is `ulps` units in the last place; what is smaller than `floor` counts as `floor`. */
static const struct function {
    const char *name;
    uint32_t kind;
    double (*exact)(double x);
    double ulps, lo, hi, floor;
} functions[] = {
    {"exp", CVK_EXP, exp, 1, -INFINITY, INFINITY, 0},
    {"log", CVK_LOG, log, 1, 0, INFINITY, 0},
    {"expm1 (elu)", CVK_ELU, ref_elu, 1, -INFINITY, INFINITY, 0},
    {"sigmoid", CVK_SIGMOID, ref_sigmoid, 2.5, -INFINITY, INFINITY, 0},
    {"tanh", CVK_TANH, tanh, 2.5, -INFINITY, INFINITY, 0},
    {"softplus", CVK_SOFTPLUS, ref_softplus, 2.5, -INFINITY, INFINITY, 0},
    {"erf", CVK_ERF, erf, 2.5, -INFINITY, INFINITY, 0},
    {"gelu", CVK_GELU, ref_gelu, 6, -13, 1e38, 0x1p-119},
    {"gelu_tanh", CVK_GELU_TANH, ref_gelu_tanh, 10, -1e12, 1e12, 0x1p-8},
    {"silu", CVK_SILU, ref_silu, 3, -1e38, 1e38, 0x1p-119},
    {"mish", CVK_MISH, ref_mish, 4, -1e38, 1e38, 0x1p-119},
    {"sin", CVK_SIN, sin, 2, -INFINITY, INFINITY, 0},
    {"cos", CVK_COS, cos, 2, -INFINITY, INFINITY, 0},
    {"tan", CVK_TAN, tan, 4, -INFINITY, INFINITY, 0},
};

/* In units of the last place that a float near `want` has; denormal floats have those of the smallest normal one. */
static double error_ulps(double got, double want, double floor)
{
    if (isnan(got) || isnan(want))
        return isnan(got) && isnan(want) ? 0 : INFINITY;
    if (isinf((float)want))
        return got == (double)(float)want ? 0 : INFINITY;
    double size = fmax(fabs(want), fmax(floor, 0x1p-126));
    return fabs(got - want) / ldexp(1, ilogb(size) - 23);
}

struct worst {
    double error;
    float at;
};

static void sweep(const struct simd_isa *isa, const struct function *f, struct worst *worst)
{
    static float x[BATCH], y[BATCH];
    uint64_t bits = 0;
    while (bits <= UINT32_MAX) {
        uint32_t count = 0;
        for (; count < BATCH && bits <= UINT32_MAX; bits += STEP) {
            uint32_t word = (uint32_t)bits;
            memcpy(&x[count], &word, sizeof word);
            count += (!((double)x[count] < f->lo) && !((double)x[count] > f->hi));
        }
        isa->unary->apply(f->kind, 1, 0, x, y, count);
        for (uint32_t i = 0; i < count; i++) {
            double error = error_ulps((double)y[i], f->exact((double)x[i]), f->floor);
            if (!(error <= worst->error))
                *worst = (struct worst){error, x[i]};
        }
    }
}

static void bounds_hold(void **state)
{
    uint32_t bad = 0;
    (void)state;
    for (uint32_t k = 0; simd_isas()[k]; k++) {
        int runs = 0;
        const struct simd_isa *isa = simd_isa_find(simd_isas()[k]->name, &runs);
        for (uint32_t i = 0; runs && i < sizeof functions / sizeof functions[0]; i++) {
            struct worst worst = {0, 0};
            sweep(isa, &functions[i], &worst);
            bool good = worst.error <= functions[i].ulps;
            printf("%s %s: %.2f ulp at %.9g%s\n", isa->name, functions[i].name, worst.error, (double)worst.at,
                   good ? "" : ", TOO MUCH");
            bad += !good;
        }
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bounds_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
