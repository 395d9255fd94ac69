/* SPDX-License-Identifier: MIT
 * where: y = condition ? a : b, element by element, all three broadcast. condition is bool; a and b have one type.
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
