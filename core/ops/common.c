/* SPDX-License-Identifier: MIT
 * What several shape rules need: an axis brought into range, and NumPy's broadcasting. */
#include "op_def.h"

int32_t cvk__infer_axis(const struct cvk__infer *c, const char *what, int64_t axis, uint32_t rank, int32_t *out)
{
    int64_t r = (int64_t)rank;
    if (rank == 0)
        return cvk__infer_bad(c, "%s is %lld, but the tensor is a single number without axes", what, (long long)axis);
    if (axis < -r || axis >= r)
        return cvk__infer_bad(c, "%s is %lld, but the tensor has %u axes: %lld to %lld would fit", what, (long long)axis, rank,
                              (long long)-r, (long long)r - 1);
    *out = (int32_t)(axis < 0 ? axis + r : axis);
    return CVK_OK;
}

int32_t cvk__infer_broadcast(const struct cvk__infer *c, uint32_t *rank, int64_t *dims, const struct cvk_tensor_desc *b)
{
    uint32_t wide = *rank > b->rank ? *rank : b->rank;
    int64_t out[CVK_MAX_RANK];
    for (uint32_t i = 0; i < wide; i++) {
        /* Sizes are matched from the last axis on; an axis that one side lacks counts as 1. */
        int64_t m = i < wide - *rank ? 1 : dims[i - (wide - *rank)];
        int64_t n = i < wide - b->rank ? 1 : b->dims[i - (wide - b->rank)];
        if (m != n && m != 1 && n != 1) {
            char mine[CVK_SHAPE_TEXT], other[CVK_SHAPE_TEXT];
            return cvk__infer_fail(c, "sizes %s and %s do not broadcast: axis %u has %lld and %lld, and neither is 1",
                                   cvk_shape_text(*rank, dims, mine), cvk_shape_text(b->rank, b->dims, other), i, (long long)m,
                                   (long long)n);
        }
        out[i] = m == 1 ? n : m;
    }
    memcpy(dims, out, wide * sizeof out[0]);
    *rank = wide;
    return CVK_OK;
}

bool cvk__cut_first(const struct cvk_node *node, bool *cut)
{
    (void)node;
    cut[0] = true;
    return true;
}

bool cvk__cut_broadcast(const struct cvk_node *node, bool *cut)
{
    const struct cvk_tensor_desc *y = node->outputs[0];
    bool any = false;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct cvk_tensor_desc *x = node->inputs[i];
        cut[i] = x && y->rank > 0 && x->rank == y->rank && x->dims[0] == y->dims[0];
        any = any || cut[i];
    }
    return any;
}
