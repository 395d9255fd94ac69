/* SPDX-License-Identifier: MIT
 * The list of devices, which `--device list` and CONVOKE_DEVICE=list print from any sub-command. */
#ifndef CONVOKE_DEVICES_H
#define CONVOKE_DEVICES_H

#include "tool.h"

void devices_print_list(struct cvk_context *ctx);

#endif
