/* SPDX-License-Identifier: MIT
 * Cases of loss. */
#include "short.h"

#define P(...) .params = &(const struct cvk_loss_params){__VA_ARGS__}

static const struct cvk_case cases[] = {
    {"softmax_indices", P(.kind = CVK_LOSS_SOFTMAX_CROSS_ENTROPY), .input_count = 2,
     .inputs = {X(5, 7), {.dtype = CVK_I64, DIMS(5), .lo = 0, .hi = 6}}},
};

const struct cvk_case_table cvk_cases_loss = {CVK_OP_LOSS, cases, COUNT(cases)};
