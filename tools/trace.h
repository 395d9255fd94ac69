/* SPDX-License-Identifier: MIT
 * The last run of a session as a file that trace viewers (Perfetto, chrome://tracing) show. */
#ifndef CONVOKE_TRACE_H
#define CONVOKE_TRACE_H

#include "json_out.h"

/* The session was made with CVK_SESSION_PROFILE and has run. TOOL_GO_ON, or the exit code after saying why not. */
int trace_save(const struct cvk_session *s, const char *model, const char *path);

#endif
