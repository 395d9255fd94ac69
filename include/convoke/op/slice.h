/* SPDX-License-Identifier: MIT
 * slice: takes start, start+step, ... below end on each named axis. Negative starts and ends count from the end of the
 * axis, steps may be negative, out-of-range bounds are clamped. Source: ONNX operator Slice. Instead of the fields, further
 * inputs (i64 or i32, known when the session is made) may give starts, ends, axes, steps.
 * Gradient (backward data): input dy; output dx: dy where it was taken from, 0 elsewhere. With steps of 1 the core makes it a
 * pad.
 *
 * Example (The middle 24x24 pixels of [N, C, 28, 28]):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value middle(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_slice(g, x, &(struct cvk_slice_params){
 *                                .count = 2, .axes_given = 1, .axes = {2, 3}, .start = {2, 2}, .end = {26, 26}});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_SLICE_H
#define CONVOKE_OP_SLICE_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_slice_params {
    uint32_t size;
    uint32_t count;               /* of named axes; in kernels the rank of x: start and step of every axis */
    int32_t axes[CVK_MAX_RANK];   /* all zero with count 0..rank means axes 0, 1, ... only if axes_given is 0 */
    uint32_t axes_given;
    uint32_t reserved;
    int64_t start[CVK_MAX_RANK];
    int64_t end[CVK_MAX_RANK];
    int64_t step[CVK_MAX_RANK];   /* 0 means 1 */
};

CVK_API cvk_value cvk_slice(struct cvk_graph *g, cvk_value x, const struct cvk_slice_params *p);

#ifdef __cplusplus
}
#endif
#endif
