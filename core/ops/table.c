/* SPDX-License-Identifier: MIT
 * The table of all ops, made from ops.def. */
#include "op_def.h"

#define CVK_OP(id, NAME, name) extern const struct cvk__op_def cvk__op_##name;
#include "convoke/ops.def"
#undef CVK_OP

const struct cvk__op_def *cvk__op_find(uint32_t id)
{
    switch (id) {
#define CVK_OP(number, NAME, name) \
    case number:                   \
        return &cvk__op_##name;
#include "convoke/ops.def"
#undef CVK_OP
    default:
        return NULL;
    }
}
