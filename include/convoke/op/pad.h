/* SPDX-License-Identifier: MIT
 * pad: adds elements at the two ends of each axis; negative pads cut (first, and the
 * modes repeat what is left). reflect mirrors without repeating the border, edge repeats
 * it, wrap goes round. Source: ONNX operator Pad. Instead of the fields, further inputs (known when the session is made) may
 * give pads (i64: all begins, then all ends), the value (one element), and axes.
 * Gradient (backward data): input dy; output dx: each element's own dy and that of its repetitions. In constant mode without
 * cuts the core makes it a slice.
 *
 * Example ([N, C, 28, 28] to [N, C, 32, 32], the border mirrored):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value border(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_pad(g, x, &(struct cvk_pad_params){.mode = CVK_PAD_REFLECT, .begin = {0, 0, 2, 2}, .end = {0, 0, 2, 2}});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_PAD_H
#define CONVOKE_OP_PAD_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_pad_mode { CVK_PAD_CONSTANT = 0, CVK_PAD_REFLECT = 1, CVK_PAD_EDGE = 2, CVK_PAD_WRAP = 3 };

struct cvk_pad_params {
    uint32_t size;
    uint32_t mode;               /* enum cvk_pad_mode */
    double value;                /* constant mode */
    int64_t begin[CVK_MAX_RANK]; /* elements, one entry per axis */
    int64_t end[CVK_MAX_RANK];
};

CVK_API cvk_value cvk_pad(struct cvk_graph *g, cvk_value x, const struct cvk_pad_params *p);

#ifdef __cplusplus
}
#endif
#endif
