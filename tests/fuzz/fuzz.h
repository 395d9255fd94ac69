/* SPDX-License-Identifier: MIT
 * What the fuzz targets share. */
#ifndef CVK_TEST_FUZZ_H
#define CVK_TEST_FUZZ_H

#include "convoke/convoke.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The name that libFuzzer calls; replay.c calls it too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static inline void fuzz_check(int good, const char *rule)
{
    if (good)
        return;
    fprintf(stderr, "broken: %s; the sentence is: %s\n", rule, cvk_error_text());
    abort();
}

#endif
