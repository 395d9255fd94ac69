/* SPDX-License-Identifier: MIT
 * Rows forced and banned by name: CONVOKE_KERNEL=conv:fwd=winograd_f4,pool:fwd=!fast. */
#ifndef CVK__FORCE_H
#define CVK__FORCE_H

#include <stdbool.h>

#include "convoke/plugin.h"

struct cvk__force {
    uint32_t op, pass;
    bool ban;
    char name[64];
};

struct cvk__force_list {
    uint32_t count;
    struct cvk__force items[64];
};

/* Parses the text; NULL or "": nothing is forced. Errors: CVK_E_ARG naming the part. */
int32_t cvk__force_parse(const char *text, struct cvk__force_list *list);
/* True if a row of this op, pass and name may be used. */
bool cvk__force_allows(const struct cvk__force_list *list, uint32_t op, uint32_t pass, const char *name);
/* "fwd", "bwd_data", "bwd_weights", "update". */
const char *cvk__pass_name(uint32_t pass);

#endif
