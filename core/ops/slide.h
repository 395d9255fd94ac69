/* SPDX-License-Identifier: MIT
 * Windows that slide over pixels: what the shape rules of conv, conv_transpose and pool share. */
#ifndef CVK__SLIDE_H
#define CVK__SLIDE_H

#include "dtype_sets.h"

/* One spatial axis; pixels everywhere. */
struct cvk__slide {
    const char *name; /* "height" */
    int64_t in, kernel, stride, dilation, pad_begin, pad_end;
    int64_t window, out; /* window = dilation * (kernel - 1) + 1 */
    bool pools;          /* no window may lie in the padding alone, and rounding up is possible */
};

/* Notes about several axes of one node, joined. */
struct cvk__slide_note {
    char text[480];
    size_t used;
};

/* "height", "width" and "depth" as they are called in a tensor with `spatial` of them. */
const char *cvk__slide_name(uint32_t spatial, uint32_t i);

/* Checks that input, weights and bias (inputs 0 to 2) are floats of one type. */
int32_t cvk__slide_types(const struct cvk__infer *c);

/* Checks that x is a batch of maps of 1 to 3 spatial axes and gives their number. */
int32_t cvk__slide_maps(const struct cvk__infer *c, const struct cvk_tensor_desc *x, uint32_t *spatial);

/* Checks kernel, stride, dilation (0 means 1), padding and size of one axis and fills in defaults and the window. Afterwards
 * no sum or product of two of them and a size can overflow. Negative paddings pass if `may_crop`. */
int32_t cvk__slide_check(const struct cvk__infer *c, struct cvk__slide *s, bool may_crop);

/* Works out the padding that auto_pad means, then the number of outputs by the rounding policy; notes what is dropped. */
int32_t cvk__slide_place(const struct cvk__infer *c, struct cvk__slide *s, uint32_t auto_pad, uint32_t rounding,
                         struct cvk__slide_note *note);

/* Hands the joined notes, if any, to the node. */
int32_t cvk__slide_tell(struct cvk__infer *c, const struct cvk__slide_note *note);

#endif
