/* SPDX-License-Identifier: MIT
 * What the asynchronous test plugin counts; a test gets it with get_interface(device, "test.counts", 1). */
#ifndef CONVOKE_TEST_ASYNC_PLUGIN_H
#define CONVOKE_TEST_ASYNC_PLUGIN_H

#include <stdint.h>

struct async_counts {
    int32_t buffers, queues, events, maps; /* alive */
    uint32_t finishes, waits, mapped;      /* calls so far */
    uint64_t jobs_before;                  /* at profile_begin */
};

#endif
