/* SPDX-License-Identifier: MIT
 * Cases of optimize. */
#include "short.h"

#define P(...) .params = &(const struct cvk_optimize_params){__VA_ARGS__}

static const struct cvk_case cases[] = {
    {"sgd", P(.kind = CVK_SGD), .input_count = 3, .inputs = {X(5, 7), X(5, 7), {DIMS(2), .lo = 0.1, .hi = 0.5}}},
};

const struct cvk_case_table cvk_cases_optimize = {CVK_OP_OPTIMIZE, cases, COUNT(cases)};
