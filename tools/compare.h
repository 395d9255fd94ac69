/* SPDX-License-Identifier: MIT
 * Comparing a result with what was expected, and summing up a tensor. */
#ifndef CONVOKE_COMPARE_H
#define CONVOKE_COMPARE_H

#include "tool.h"

struct comparison {
    bool same_shape;
    uint64_t count, different; /* elements; those outside |got - want| <= atol + rtol * |want| */
    uint64_t worst;            /* index of the largest excess */
    double got, want;          /* there */
    double max_abs;            /* largest |got - want| of all */
};
/* NaN equals NaN, an infinity its own kind. Types may differ, sizes may not. */
struct comparison compare_tensors(const struct cvk_tensor *got, const struct cvk_tensor *want, double rtol, double atol);
/* One sentence on what differs, "[0, 281]: got ..., expected ..."; returns out. */
const char *compare_text(const struct comparison *c, const struct cvk_tensor *got, const struct cvk_tensor *want, double rtol,
                         double atol, char *out, size_t room);

struct tensor_stats {
    uint64_t count, bad; /* bad: NaN and infinities, which the rest leaves out */
    double min, max, mean;
};
struct tensor_stats tensor_stats(const struct cvk_tensor *t);
/* "min 0, max 0.9, mean 0.001" with a word on NaN; returns out. */
const char *stats_text(const struct tensor_stats *s, char *out, size_t room);

#endif
