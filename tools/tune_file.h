/* SPDX-License-Identifier: MIT
 * Measured choices in a file: JSON, for one device under one driver. */
#ifndef CONVOKE_TUNE_FILE_H
#define CONVOKE_TUNE_FILE_H

#include "tool.h"

/* Both: device as for --device; TOOL_GO_ON, or the exit code after a sentence. *count: choices written or kept. */
int tune_file_write(struct cvk_context *ctx, const char *device, const char *path, uint32_t *count);
/* Refuses a file of another backend, and without `force` one of another device or driver. */
int tune_file_read(struct cvk_context *ctx, const char *device, const char *path, bool force, uint32_t *count);

#endif
