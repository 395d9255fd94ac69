/* SPDX-License-Identifier: MIT
 * Receptive fields: which part of the input image a value sees. */
#ifndef CVK__RECEPTIVE_H
#define CVK__RECEPTIVE_H

#include "../ops/op_def.h"

/* Geometry of one value on the input image, per spatial axis. */
struct cvk__field {
    uint32_t spatial_rank; /* 0: nothing is known (not made from an image) */
    bool aligned;          /* all paths agree on jump and centre */
    int64_t size[3];       /* receptive field, pixels */
    double jump[3];        /* pixels between neighbouring elements */
    double offset[3];      /* pixel under the centre of element 0 */
};

/* The field of an image input itself. */
void cvk__field_of_input(const struct cvk_tensor_desc *desc, struct cvk__field *out);
/* The field of a node's outputs from those of its inputs (fields[i] NULL: not from the image). */
void cvk__field_of_node(const struct cvk_node *node, const struct cvk__op_def *def, const struct cvk__field *const *fields,
                        struct cvk__field *out);
/* Makes a the union of two paths' fields. */
void cvk__field_join(struct cvk__field *a, const struct cvk__field *b);
/* The node's own window in pixels, dilation included. */
void cvk__window_of_node(const struct cvk_node *node, const struct cvk__op_def *def, uint32_t spatial_rank, int64_t window[3]);

#endif
