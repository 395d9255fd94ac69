/* SPDX-License-Identifier: MIT
 * The form of the case tables in tests/ops: data only. One case serves conformance, gradient check and bench. */
#ifndef CVK__CASES_H
#define CVK__CASES_H

#include "convoke/plugin.h"

enum cvk_case_fill {
    CVK_FILL_UNIFORM = 0, /* lo..hi, both 0: -1..1; integers: whole numbers in lo..hi, both 0: -9..9; bool: 0 and 1 */
    CVK_FILL_VALUES = 1,  /* the numbers in `values`, repeated if there are fewer than elements */
    CVK_FILL_RAMP = 2,    /* lo + (hi - lo) * i / count */
    CVK_FILL_SPECIAL = 3, /* NaN, +-inf, +-0, denormals, huge and tiny ones, and ordinary ones, in turn */
    CVK_FILL_TIES = 4     /* few different whole numbers, so that equals meet */
};

struct cvk_case_tensor {
    uint32_t dtype; /* 0: f32 */
    uint32_t rank;
    int64_t dims[CVK_MAX_RANK];
    uint32_t fill; /* enum cvk_case_fill */
    uint32_t constant; /* 1: known when the kernel is built (weights, shapes) */
    uint32_t absent;   /* 1: an optional input left out */
    double lo, hi;
    const double *values;
    uint32_t value_count;
};

#define CVK_CASE_INPUTS 6

struct cvk_case {
    const char *name;   /* [a-z0-9_]+, unique in its table */
    const void *params; /* the op's struct, as a caller would write it; NULL: all zero */
    uint32_t input_count, output_count; /* output_count 0 means 1 */
    struct cvk_case_tensor inputs[CVK_CASE_INPUTS];
    uint32_t outputs_absent; /* bit i: output i is left out */
    uint32_t grads_absent;   /* bit i: nobody wants the gradient of input i */
    struct cvk_epilogue epilogue; /* parts 0: none; operands are drawn by the harness */
    double rtol, atol;  /* 0: 1e-5 and 1e-6 */
    uint32_t bench;     /* 1: a size worth timing; skipped by conformance unless --all */
    uint32_t fails;     /* 1: every row must fail at run with an error (a gather index out of range) */
};

struct cvk_case_table {
    uint32_t op; /* enum cvk_op */
    const struct cvk_case *cases;
    uint32_t count;
};

/* tests/ops/NAME.c defines `const struct cvk_case_table cvk_cases_NAME`. */

#endif
