/* SPDX-License-Identifier: MIT
 * What one instruction set offers: a table of kernels for each family of isa/FAMILY.h. families.def names the families; isa/FAMILY.c is
 * compiled once for each instruction set and defines `const struct simd_FAMILY_fns simd_FAMILY_fns_ISA`. */
#ifndef SIMD_ISA_H
#define SIMD_ISA_H

#include <stdint.h>

#define SIMD_FAMILY(family) struct simd_##family##_fns;
#include "families.def"
#undef SIMD_FAMILY

struct simd_isa {
    const char *name; /* as written in simd(isa=...) */
    uint32_t block;   /* floats in a vector, channels in a block */
    uint32_t layout;  /* enum cvk_layout with blocks of this size */
#define SIMD_FAMILY(family) const struct simd_##family##_fns *family;
#include "families.def"
#undef SIMD_FAMILY
};

#endif
