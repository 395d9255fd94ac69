/* SPDX-License-Identifier: MIT
 * optimize: the reference kernels. */
#include "ref.h"

const struct cvk_kernel ref_optimize_rows[1];
const uint32_t ref_optimize_row_count = 0;
