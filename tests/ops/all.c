/* SPDX-License-Identifier: MIT
 * The case tables of all ops, made from ops.def. */
#include "all.h"

#define CVK_OP(id, NAME, name) extern const struct cvk_case_table cvk_cases_##name;
#include "convoke/ops.def"
#undef CVK_OP

const struct cvk_case_table *const cvk_case_tables[] = {
#define CVK_OP(id, NAME, name) &cvk_cases_##name,
#include "convoke/ops.def"
#undef CVK_OP
};
const uint32_t cvk_case_table_count = sizeof cvk_case_tables / sizeof cvk_case_tables[0];
