/* SPDX-License-Identifier: MIT
 * A backend for tests of the planner: blocked layouts, a queue that works only when somebody waits, on the host's memory (device
 * 0) and on memory of its own (device 1). */
#ifndef CONVOKE_TEST_BLOCKS_BACKEND_H
#define CONVOKE_TEST_BLOCKS_BACKEND_H

#include "convoke/plugin.h"

/* For cvk_plugin_register; the backend is called "blocks". */
int32_t blocks_query(const struct cvk_host *host, struct cvk_plugin *out);

#endif
