/* SPDX-License-Identifier: MIT
 * All case tables, in the order of ops.def. */
#ifndef CVK__ALL_CASES_H
#define CVK__ALL_CASES_H

#include "../harness/cases.h"

extern const struct cvk_case_table *const cvk_case_tables[];
extern const uint32_t cvk_case_table_count;

#endif
