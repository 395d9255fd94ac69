/* SPDX-License-Identifier: MIT
 * Short forms for case tables. */
#ifndef CVK__CASES_SHORT_H
#define CVK__CASES_SHORT_H

#include "../harness/cases.h"

/* Sizes of a tensor, the rank counted. */
#define DIMS(...) .rank = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), .dims = {__VA_ARGS__}
/* An input as it comes, and one that is known when the kernel is built. */
#define X(...) {DIMS(__VA_ARGS__)}
#define W(...) {DIMS(__VA_ARGS__), .constant = 1}
#define TYPED(type, ...) {.dtype = type, DIMS(__VA_ARGS__)}
#define ABSENT {.absent = 1}
#define VALUES(array) .fill = CVK_FILL_VALUES, .values = array, .value_count = sizeof(array) / sizeof((array)[0])
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Sums of a few hundred products: what float accumulation in another order may lose where terms cancel. */
#define SUM_TOLERANCE .rtol = 1e-4, .atol = 2e-5
/* Results rounded to f16 and bf16, and perhaps summed in f32 or in the type itself. */
#define F16_TOLERANCE .rtol = 4e-3, .atol = 4e-3
#define BF16_TOLERANCE .rtol = 3e-2, .atol = 3e-2

/* Epilogues; the axis is the caller's. */
#define ACTIVATION(act_kind, act_a, act_b) .activation = act_kind, .a = act_a, .b = act_b
#define ALL_PARTS (CVK_EPI_BIAS | CVK_EPI_SCALE | CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION)

#endif
