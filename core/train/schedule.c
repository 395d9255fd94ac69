/* SPDX-License-Identifier: MIT
 * Learning rates as functions of the step. */
#include <math.h>

#include "../base/base.h"
#include "convoke/train.h"

#define PI 3.14159265358979323846

static const char *const kinds[] = {"constant", "step", "cosine", "one_cycle"};

const char *cvk_schedule_name(uint32_t kind)
{
    return kind < sizeof kinds / sizeof *kinds ? kinds[kind] : NULL;
}

/* Half a cosine from a to b; part 0..1. */
static double glide(double a, double b, double part)
{
    return b + (a - b) * (1 + cos(PI * (part < 0 ? 0 : part > 1 ? 1 : part))) / 2;
}

static double share(uint64_t step, uint64_t steps)
{
    return steps > 1 ? (double)step / (double)(steps - 1) : 1;
}

static double one_cycle(const struct cvk_schedule *s, uint64_t step)
{
    const double rise = 0.3;
    double at = share(step, s->steps);
    return at < rise ? glide((double)s->rate / 25, (double)s->rate, at / rise)
                     : glide((double)s->rate, (double)s->rate / 1e4, (at - rise) / (1 - rise));
}

float cvk_schedule_rate(const struct cvk_schedule *s, uint64_t step)
{
    if (!s)
        return 0;
    double rate = (double)s->rate;
    if (s->kind == CVK_SCHEDULE_ONE_CYCLE)
        return (float)one_cycle(s, step);
    if (step < s->warmup)
        return (float)(rate * (double)(step + 1) / (double)s->warmup);
    if (s->kind == CVK_SCHEDULE_STEP && s->period)
        rate *= pow(s->gamma > 0 ? (double)s->gamma : 0.1, (double)(step / s->period));
    else if (s->kind == CVK_SCHEDULE_COSINE)
        rate = glide(rate, (double)s->final_rate, share(step - s->warmup, s->steps > s->warmup ? s->steps - s->warmup : 0));
    return (float)rate;
}
