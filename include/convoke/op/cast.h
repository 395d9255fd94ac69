/* SPDX-License-Identifier: MIT
 * cast: converts every element to another type. From floating point to integers: truncated toward zero, out of range gives the
 * nearest end, NaN gives 0. Between integers: the low bits are kept, so 200 in u8 is -56 in i8. To bool: x != 0. To floating
 * point: rounded once, to the nearest, ties to even.
 * Gradient (backward data) between floating-point types: input dy; output dx. The core makes it a cast back.
 *
 * Example (Pixels 0..255 in bytes to numbers that a conv takes):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value pixels(struct cvk_graph *g, cvk_value bytes)
 * {
 *     return cvk_cast(g, bytes, &(struct cvk_cast_params){.to = CVK_F32});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_CAST_H
#define CONVOKE_OP_CAST_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_cast_params {
    uint32_t size;
    uint32_t to; /* enum cvk_dtype */
};

CVK_API cvk_value cvk_cast(struct cvk_graph *g, cvk_value x, const struct cvk_cast_params *p);

#ifdef __cplusplus
}
#endif
#endif
