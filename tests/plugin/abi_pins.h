/* SPDX-License-Identifier: MIT
 * Including this file stops the build if the plugin boundary's layout is not the pinned one. */
#ifndef CONVOKE_TEST_ABI_PINS_H
#define CONVOKE_TEST_ABI_PINS_H

#include "convoke/plugin.h"

#if UINTPTR_MAX == UINT64_MAX
#define ABI_STRUCT(name, bytes) _Static_assert(sizeof(struct name) >= (bytes), "struct " #name " became shorter");
#define ABI_MEMBER(name, member, offset, bytes)                                                                                  \
    _Static_assert(offsetof(struct name, member) == (offset), #name "." #member " moved");                                       \
    _Static_assert(sizeof(((struct name *)0)->member) == (bytes), #name "." #member " changed its size");
#include "abi.def"
#undef ABI_STRUCT
#undef ABI_MEMBER
#endif

_Static_assert(sizeof(struct cvk_binding) == 3 * sizeof(uint64_t), "struct cvk_binding is frozen");

#endif
