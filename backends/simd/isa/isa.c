/* SPDX-License-Identifier: MIT
 * The table of one instruction set, joined from its families. */
#include "vec.h"

#include "convoke/tensor.h"
#include "isa.h"

#define SIMD_FAMILY(family) extern const struct simd_##family##_fns SIMD_FN(simd_##family##_fns);
#include "families.def"
#undef SIMD_FAMILY

#define TEXT_(name) #name
#define TEXT(name) TEXT_(name)

extern const struct simd_isa SIMD_FN(simd_isa);
const struct simd_isa SIMD_FN(simd_isa) = {
    .name = TEXT(V_ISA),
    .block = V_LEN,
    .layout = V_LEN == 16 ? CVK_LAYOUT_NC16 : V_LEN == 8 ? CVK_LAYOUT_NC8 : CVK_LAYOUT_NC4,
#define SIMD_FAMILY(family) .family = &SIMD_FN(simd_##family##_fns),
#include "families.def"
#undef SIMD_FAMILY
};
