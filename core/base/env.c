/* SPDX-License-Identifier: MIT
 * The environment, numbers in it, and the clock. */
#include "base.h"

#include <stdlib.h>
#include <time.h>

const char *cvk__getenv(const char *name)
{
    return secure_getenv(name);
}

bool cvk__parse_u64(const char *text, uint64_t *out)
{
    uint64_t n = 0;
    if (!text || *text < '0' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++)
        if (!cvk__mul_u64(n, 10, &n) || !cvk__add_u64(n, (uint64_t)(*text - '0'), &n))
            return false;
    static const char units[] = "KMG";
    const char *unit = *text ? strchr(units, *text) : NULL;
    if (unit) {
        if (!cvk__mul_u64(n, (uint64_t)1 << (10 * (unit - units + 1)), &n))
            return false;
        text++;
    }
    if (*text)
        return false;
    *out = n;
    return true;
}

double cvk__now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}
