/* SPDX-License-Identifier: MIT
 * The table of device functions. */
#ifndef OCL_DEVICE_H
#define OCL_DEVICE_H

#include "ocl.h"

extern const struct cvk_device_api ocl_device_api;

#endif
