/* SPDX-License-Identifier: MIT
 * Ops that pick elements by index, or give indices. */
#include "import.h"

static int32_t gather(struct cvk__onnx *c)
{
    struct cvk_gather_params p = {.kind = c->row->kind};
    if (p.kind != CVK_GATHER_ND)
        CVK__TRY(cvk__onnx_attr_axis(c, "axis", 0, &p.axis));
    if (p.kind == CVK_GATHER_ND && c->opset >= 12) {
        int64_t batch_dims;
        CVK__TRY(cvk__onnx_attr_int(c, "batch_dims", 0, 0, CVK_MAX_RANK, &batch_dims));
        p.batch_dims = (uint32_t)batch_dims;
    }
    return cvk__onnx_out(c, 0, cvk_gather(c->g, cvk__onnx_in(c, 0), cvk__onnx_in(c, 1), &p));
}

static int32_t topk(struct cvk__onnx *c)
{
    struct cvk_topk_params p = {0};
    uint32_t largest = 1, sorted;
    CVK__TRY(cvk__onnx_attr_axis(c, "axis", -1, &p.axis));
    if (c->opset >= 11) {
        CVK__TRY(cvk__onnx_attr_flag(c, "largest", 1, &largest));
        CVK__TRY(cvk__onnx_attr_flag(c, "sorted", 1, &sorted)); /* unsorted: any order will do, so a sorted one too */
    }
    p.smallest = !largest;
    if (c->opset < 10) {
        CVK__TRY(cvk__onnx_attr_int(c, "k", 0, 1, INT64_MAX, &p.k));
        if (!p.k)
            return cvk__onnx_fail_attr(c, CVK_E_ARG, "k", "is missing");
    }
    const cvk_value inputs[2] = {cvk__onnx_in(c, 0), cvk__onnx_in(c, 1)};
    cvk_value y[2] = {0};
    cvk_graph_add(c->g, CVK_OP_TOPK, &p, inputs, c->opset < 10 ? 1 : 2, y, 2);
    CVK__TRY(cvk__onnx_out(c, 0, y[0]));
    return cvk__onnx_out(c, 1, y[1]);
}

static int32_t one_hot(struct cvk__onnx *c)
{
    struct cvk_one_hot_params p = {0};
    CVK__TRY(cvk__onnx_attr_axis(c, "axis", -1, &p.axis));
    return cvk__onnx_out(c, 0, cvk_one_hot(c->g, cvk__onnx_in(c, 0), cvk__onnx_in(c, 1), cvk__onnx_in(c, 2), &p));
}

static const struct cvk__onnx_row rows[] = {
    {"Gather", 1, CVK__ONNX_LAST, 2, 2, 1, gather, CVK_GATHER},
    {"GatherElements", 11, CVK__ONNX_LAST, 2, 2, 1, gather, CVK_GATHER_ELEMENTS},
    {"GatherND", 11, CVK__ONNX_LAST, 2, 2, 1, gather, CVK_GATHER_ND},
    {"TopK", 1, 9, 1, 1, 2, topk, 0},
    {"TopK", 10, CVK__ONNX_LAST, 2, 2, 2, topk, 0},
    {"OneHot", 9, CVK__ONNX_LAST, 3, 3, 1, one_hot, 0},
};
const struct cvk__onnx_table cvk__onnx_index = {rows, sizeof rows / sizeof rows[0]};
