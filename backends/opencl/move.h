/* SPDX-License-Identifier: MIT
 * What the rows that only move elements share: copies between strided views, copies between layouts of channels, and a state
 * of several such calls. Elements are words of their size; nobody looks at them. */
#ifndef OCL_MOVE_H
#define OCL_MOVE_H

#include "ocl.h"

/* ---- how work is cut ----------------------------------------------------------------------------------------------------- */

/* `rows` rows of `width` words. On GPU devices every item takes one word; on CPU devices an item takes `span` words of one
 * row, or row_step whole rows. The text of struct work in the kernels; ITEM_ROWS there reads it. */
struct ocl_work {
    cl_int rows, width, pieces, span, row_step;
};

/* The cut and the call's size; word_bytes is what one word costs. */
struct ocl_work ocl_cut(const struct ocl_device *d, struct ocl_call *call, uint64_t rows, uint64_t width, uint32_t word_bytes);
/* Adds -DGROUP: items of a work-group in kernels that use struct work. */
void ocl_option_group(const struct ocl_device *d, char *options, uint32_t bytes);
/* Adds -DW: a word of 1, 2, 4, ... 64 bytes. */
void ocl_option_word(char *options, uint32_t bytes, uint32_t word_bytes);
/* The largest word that the device's form moves. */
uint32_t ocl_max_word(const struct ocl_device *d);

/* ---- strided copies ------------------------------------------------------------------------------------------------------ */

#define OCL_MAX_AXES (2 * CVK_MAX_RANK) /* tile has two axes for each of the tensor's */

/* A copy between two views of the same sizes. Strides in elements, those of y fall from the first axis to the last. */
struct ocl_strided {
    uint32_t bytes; /* of an element */
    uint32_t rank;
    int64_t x_first, y_first; /* element where the copy begins */
    int64_t dims[OCL_MAX_AXES], x[OCL_MAX_AXES], y[OCL_MAX_AXES];
};

/* Adds an axis behind those there are. */
void ocl_strided_add(struct ocl_strided *s, int64_t dim, int64_t x_stride, int64_t y_stride);
/* Sizes of a tensor as it lies in memory, and their strides: [N][blocks][spatial][block] or the plain axes. Returns the rank.
 * */
uint32_t ocl_memory_axes(const struct cvk_tensor_desc *d, int64_t *dims, int64_t *strides);
/* A call that copies; arguments 0 and 2 are x and y. A failure leaves nothing. */
int32_t ocl_strided_call(struct ocl_device *d, struct ocl_call *call, struct ocl_strided s);
/* The same where y's last axis, of stride 1, goes on with zeros up to `filled`, and x lies word by word along the axis before
 * it: only for elements with ocl_turns. */
int32_t ocl_filled_call(struct ocl_device *d, struct ocl_call *call, struct ocl_strided s, int64_t filled);
/* True if planes of such elements are turned over in squares. */
bool ocl_turns(const struct ocl_device *d, uint32_t bytes);

/* ---- copies between layouts ---------------------------------------------------------------------------------------------- */

/* Channels x_begin .. x_begin + channels - 1 of x go to y_begin ...; channels behind them up to y_end are written as zeros.
 * Both are tensors of the same batch and pixels in any layouts. */
struct ocl_relayout {
    const struct cvk_tensor_desc *x, *y;
    int64_t x_begin, y_begin, channels, y_end;
};

/* As ocl_strided_call. */
int32_t ocl_relayout_call(struct ocl_device *d, struct ocl_call *call, const struct ocl_relayout *c);
/* 4, 8, 16 for the blocked layouts, else 1. */
uint32_t ocl_layout_block(uint32_t layout);
/* Sizes behind the channels, multiplied. */
int64_t ocl_pixels(const struct cvk_tensor_desc *d);

/* ---- a state of several calls, each from one input to one output --------------------------------------------------------- */

struct ocl_moves {
    uint32_t count;
    struct ocl_one_move {
        struct ocl_call call;
        uint32_t input, output;
    } moves[];
};

/* In build: room for `most` calls in e->state; NULL after recording a failure. Then one of the next three for each; after a
 * failure `return ocl_moves_drop(e, status)`. */
struct ocl_moves *ocl_moves_init(struct cvk_exec *e, uint32_t most);
/* A copy of nothing adds no call. */
int32_t ocl_moves_strided(struct cvk_exec *e, uint32_t input, uint32_t output, const struct ocl_strided *s);
int32_t ocl_moves_filled(struct cvk_exec *e, uint32_t input, uint32_t output, const struct ocl_strided *s, int64_t filled);
int32_t ocl_moves_relayout(struct cvk_exec *e, uint32_t input, uint32_t output, const struct ocl_relayout *c);
int32_t ocl_moves_drop(struct cvk_exec *e, int32_t status);
int32_t ocl_moves_run(struct cvk_exec *e);
void ocl_moves_finish(struct cvk_exec *e);

/* ---- elements on the host ------------------------------------------------------------------------------------------------ */

/* A number as an element of a type, repeated until eight bytes are full: rounded to the nearest in floating types, cut off and
 * kept within its ends in whole ones. */
uint64_t ocl_pattern(double value, uint32_t dtype);
/* The same for the low bits of a whole number. */
uint64_t ocl_pattern_int(int64_t value, uint32_t dtype);

#endif
