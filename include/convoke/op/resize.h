/* SPDX-License-Identifier: MIT
 * resize: changes sizes by interpolation, on any axes: nearest, linear (n-linear), cubic (Keys 1981). Source: ONNX operators
 * Resize (10, 11, 13) and Upsample. For output index i on an axis, the place in x is, with s = scale = out/in:
 *
 *   half_pixel (i+0.5)/s - 0.5 · asymmetric i/s · align_corners i*(in-1)/(out-1) · pytorch_half_pixel as half_pixel, 0 if
 *   out = 1 · tf_crop_and_resize roi_begin*(in-1) + i*(roi_end-roi_begin)*(in-1)/(out-1) · tf_half_pixel_for_nn (i+0.5)/s
 *
 * nearest rounds that place by nearest_mode. linear and cubic weigh the 2 or 4 elements around it, places outside x counting as
 * the nearest border element; an element of weight 0 is not read; integer types cut the sum toward zero. Sizes or scales come
 * from the fields or from further inputs (roi, scales, sizes; known when the session is made).
 *
 * Finer points. A size from a scale is floor(in*s), the product rounded to float first (tf_crop_and_resize: of in*(roi_end -
 * roi_begin)*s). Where s is out/in to the precision of float it is meant to be that ratio, so places are worked out as
 * (i+0.5)*in/out, without rounding of s; otherwise nearest rounds the quotient by s to float. "out" in align_corners is in*s
 * before floor. tf_crop_and_resize with out = 1 takes the middle of the roi; a roi of all zeros is the whole tensor.
 * Gradient (backward data): input dy; output dx: each element of dy goes, with the same weights, to the elements that were read
 * for it.
 *
 * Example (Twice as high and wide, linear between the pixels):
 * @code
 * #include <convoke/convoke.h>
 * cvk_value enlarge(struct cvk_graph *g, cvk_value x)
 * {
 *     return cvk_resize(g, x, &(struct cvk_resize_params){.mode = CVK_RESIZE_LINEAR, .count = 4, .scale = {1, 1, 2, 2}});
 * }
 * @endcode
 */
#ifndef CONVOKE_OP_RESIZE_H
#define CONVOKE_OP_RESIZE_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum cvk_resize_mode { CVK_RESIZE_NEAREST = 0, CVK_RESIZE_LINEAR = 1, CVK_RESIZE_CUBIC = 2 };
enum cvk_resize_coord {
    CVK_COORD_HALF_PIXEL = 0,
    CVK_COORD_ASYMMETRIC = 1,
    CVK_COORD_ALIGN_CORNERS = 2,
    CVK_COORD_PYTORCH_HALF_PIXEL = 3,
    CVK_COORD_TF_CROP_AND_RESIZE = 4,
    CVK_COORD_TF_HALF_PIXEL_FOR_NN = 5
};
enum cvk_resize_nearest {
    CVK_NEAREST_ROUND_PREFER_FLOOR = 0,
    CVK_NEAREST_ROUND_PREFER_CEIL = 1,
    CVK_NEAREST_FLOOR = 2,
    CVK_NEAREST_CEIL = 3
};

struct cvk_resize_params {
    uint32_t size;
    uint32_t mode;                 /* enum cvk_resize_mode */
    uint32_t coord;                /* enum cvk_resize_coord */
    uint32_t nearest;              /* enum cvk_resize_nearest */
    uint32_t exclude_outside;      /* 1: weights outside x are 0 and the rest renormalised (cubic) */
    uint32_t count;                /* entries used below; the rank in kernels */
    float cubic_a;                 /* 0 means -0.75 */
    float extrapolation;           /* value outside x with tf_crop_and_resize */
    double scale[CVK_MAX_RANK];    /* out/in; 0: from dims. In kernels always set */
    int64_t dims[CVK_MAX_RANK];    /* output sizes; 0: from scale, floor(in*scale) */
    double roi_begin[CVK_MAX_RANK]; /* tf_crop_and_resize, normalised to 0..1 */
    double roi_end[CVK_MAX_RANK];
};

CVK_API cvk_value cvk_resize(struct cvk_graph *g, cvk_value x, const struct cvk_resize_params *p);

#ifdef __cplusplus
}
#endif
#endif
