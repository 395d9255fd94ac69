/* SPDX-License-Identifier: MIT
 * Taking turns, on drivers that do not bear two busy queues in a process. Nothing on others. */
#ifndef OCL_TURN_H
#define OCL_TURN_H

#include "ocl.h"

/* Before the device's queue gets a kernel, or the driver is asked for binaries: the queue that was busy before is waited for,
 * and until the end no other thread comes in. */
void ocl_turn_begin(const struct ocl_device *d);
void ocl_turn_end(const struct ocl_device *d);
/* Before the device's queue, which has finished, is released. */
void ocl_turn_leave(const struct ocl_device *d);

#endif
