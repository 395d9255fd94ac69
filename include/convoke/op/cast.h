/* SPDX-License-Identifier: MIT
 * cast: converts every element to another type. To integers: truncated toward zero, out of range or NaN gives the nearest end or 0;
 * to bool: x != 0; to f16 and bf16: rounded to nearest even.
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
