/* SPDX-License-Identifier: MIT
 * A backend for tests of self-test and tuning: kernels that are wrong, broken, slow or fast, and notes that outlive a context. */
#ifndef CONVOKE_TEST_NOTES_BACKEND_H
#define CONVOKE_TEST_NOTES_BACKEND_H

#include <stdbool.h>

#include "convoke/plugin.h"

/* Runs of the rows so far. */
enum notes_row { NOTES_WRONG, NOTES_BROKEN, NOTES_SETS, NOTES_DIRTY, NOTES_EXACT, NOTES_ROWS };

struct notes_state {
    const char *driver;     /* notes belong to it */
    uint32_t runs[NOTES_ROWS];
    uint32_t last_variant;  /* of the row with parameter sets */
    uint32_t recalls, keeps;
    int32_t keep_status;    /* what keep answers */
    bool dead;              /* memory functions fail from the next broken run on */
};
extern struct notes_state notes_state;

/* For cvk_plugin_register; the backend is called "noted". Option notes=none: without the interface. Rows of unary:
 * "wrong" (relu, adds 1 to the last element), "broken" (tanh, fails to run), "sets" (neg, parameter sets: 0 slow, 1 fast,
 * 2 faster and wrong, 3 refused), "dirty" (abs in NC8, leaves a 1 in the last spare channel), "exact" (all of these, and slower
 * than any). */
int32_t notes_query(const struct cvk_host *host, struct cvk_plugin *out);
/* Forgets notes and counts. */
void notes_reset(void);
uint32_t notes_count(const char *prefix);

#endif
