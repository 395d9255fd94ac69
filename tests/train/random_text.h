/* SPDX-License-Identifier: MIT
 * Small random nets as texts, for tests that compare two ways of training. */
#ifndef CVK__TEST_RANDOM_TEXT_H
#define CVK__TEST_RANDOM_TEXT_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "convoke/rng.h"

struct random_text {
    uint64_t seed, drawn;
    char text[512];
};

static inline uint64_t random_below(struct random_text *r, uint64_t n)
{
    return (uint64_t)((double)cvk_rng_uniform(r->seed, 1, r->drawn++) * (double)n) % n;
}

static inline void random_add(struct random_text *r, const char *format, ...)
{
    size_t used = strlen(r->text);
    va_list args;
    va_start(args, format);
    vsnprintf(r->text + used, sizeof r->text - used, format, args);
    va_end(args);
}

/* A net for 3x8x8 and 5 classes: the same for the same seed. */
static inline const char *random_text(struct random_text *r, uint64_t seed)
{
    static const char *const functions[] = {"relu", "tanh", "sigmoid", "silu", "relu"};
    static const char *const sums[] = {"6c3p1", "16c1", "8c3p1g2", "dw3p1", "16c3p1"};
    *r = (struct random_text){.seed = seed};
    uint64_t map = 8;
    random_add(r, "3x8x8: 8c3p1");
    for (uint64_t i = 0, blocks = 2 + random_below(r, 3); i < blocks; i++) {
        if (random_below(r, 3))
            random_add(r, "-bn");
        if (random_below(r, 5))
            random_add(r, "-%s", functions[random_below(r, 5)]);
        uint64_t kind = random_below(r, 8);
        if (kind == 0 && map > 2)
            random_add(r, "-%s", random_below(r, 2) ? "mp2" : "ap2"), map /= 2;
        else if (kind == 1 && map < 16)
            random_add(r, random_below(r, 2) ? "-up2" : "-8t2"), map *= 2;
        else if (kind == 2)
            random_add(r, "-drop0.3");
        if (random_below(r, 2))
            random_add(r, "-res(8c3p1%s-relu-8c3p1%s)%s", random_below(r, 2) ? "-bn" : "", random_below(r, 2) ? "-bn" : "",
                       random_below(r, 2) ? "-relu" : "");
        random_add(r, "-8c1-%s", sums[random_below(r, 5)]);
    }
    random_add(r, "-%s-%s5n-softmax", random_below(r, 2) ? "gap" : "flat", random_below(r, 2) ? "12n-relu-" : "");
    return r->text;
}

#endif
