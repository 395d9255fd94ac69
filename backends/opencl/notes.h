/* SPDX-License-Identifier: MIT
 * The table of interface "notes". */
#ifndef OCL_NOTES_H
#define OCL_NOTES_H

#include "ocl.h"

extern const struct cvk_notes_api ocl_notes_api;

#endif
