/* SPDX-License-Identifier: MIT
 * binary: one function of two tensors, element by element, with NumPy broadcasting (axes aligned at the end; a size of 1
 * stretches). Both inputs have one type, except the exponent of pow. Comparisons and logic give bool. Whole numbers that do not
 * fit their type wrap. prelu's b stretches to a, never the other way. Sources: ONNX operators of the same names.
 * Gradient (backward data): inputs dy, a, b; outputs da, db (either may be left out), summed over what was stretched. Two equal
 * ones share min and max evenly; pow: da is 0 for b = 0, db is 0 for a = 0 and b >= 0; mod and fmod take the whole part of the
 * quotient for a constant; prelu'(0) is the slope. Comparisons and logic have none. The core builds those of add, sub, mul and
 * div out of other ops.
 *
 * Example (A residual block ends in x + f(x), of the same sizes; then everything is halved, the one number being stretched):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value join(struct cvk_graph *g, cvk_value x, cvk_value fx)
 * {
 *     cvk_value half = cvk_constant(g, NULL, CVK_F32, 1, (int64_t[]){1}, (float[]){0.5f});
 *     return cvk_binary(g, CVK_MUL, cvk_add(g, x, fx), half);
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_BINARY_H
#define CONVOKE_OP_BINARY_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_binary_kind {
    CVK_ADD = 0,
    CVK_SUB = 1,
    CVK_MUL = 2,
    CVK_DIV = 3,     /* integers: truncated; division by zero gives 0 */
    CVK_POW = 4,     /* the result has a's type */
    CVK_MIN = 5,     /* NaN in either gives NaN */
    CVK_MAX = 6,
    CVK_MOD = 7,     /* sign of the divisor (Python's %) */
    CVK_FMOD = 8,    /* sign of the dividend (C's fmod) */
    CVK_PRELU = 9,   /* a < 0 ? a*b : a; b is the slope */
    CVK_EQUAL = 10,
    CVK_LESS = 11,
    CVK_LESS_EQUAL = 12,
    CVK_GREATER = 13,
    CVK_GREATER_EQUAL = 14,
    CVK_AND = 15,
    CVK_OR = 16,
    CVK_XOR = 17,
    CVK_BINARY_KINDS = 18 /* not a kind: how many this header knows */
};

struct cvk_binary_params {
    uint32_t size;
    uint32_t kind; /* enum cvk_binary_kind */
};

CVK_API cvk_value cvk_binary(struct cvk_graph *g, uint32_t kind, cvk_value a, cvk_value b);
CVK_API cvk_value cvk_add(struct cvk_graph *g, cvk_value a, cvk_value b);
CVK_API cvk_value cvk_mul(struct cvk_graph *g, cvk_value a, cvk_value b);
/* The kind's name, "less_equal"; NULL for an unknown kind. Owns: static text. */
CVK_API const char *cvk_binary_name(uint32_t kind);

#ifdef __cplusplus
}
#endif
#endif
