/* SPDX-License-Identifier: MIT
 * where: y = condition ? a : b, element by element, all three broadcast. condition is bool; a and b have one type.
 * Gradient (backward data): inputs dy, condition; outputs da, db (either may be left out), summed over what was stretched.
 *
 * Example (The larger of each two elements):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value larger(struct cvk_graph *g, cvk_value a, cvk_value b)
 * {
 *     return cvk_where(g, cvk_binary(g, CVK_GREATER, a, b), a, b);
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_WHERE_H
#define CONVOKE_OP_WHERE_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_where_params {
    uint32_t size;
    uint32_t reserved;
};

CVK_API cvk_value cvk_where(struct cvk_graph *g, cvk_value condition, cvk_value a, cvk_value b);

#ifdef __cplusplus
}
#endif
#endif
