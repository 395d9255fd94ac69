/* SPDX-License-Identifier: MIT
 * Slice and Pad, with attributes in old opsets and inputs in new ones. */
#include "import.h"

static int32_t slice_attributes(struct cvk__onnx *c)
{
    struct cvk_slice_params p = {0};
    uint32_t ends, axes;
    CVK__TRY(cvk__onnx_attr_ints(c, "starts", INT64_MIN, INT64_MAX, CVK_MAX_RANK, p.start, &p.count));
    CVK__TRY(cvk__onnx_attr_ints(c, "ends", INT64_MIN, INT64_MAX, CVK_MAX_RANK, p.end, &ends));
    CVK__TRY(cvk__onnx_attr_axes(c, "axes", p.axes, &axes));
    if (!p.count || ends != p.count || (axes && axes != p.count))
        return cvk__onnx_fail(c, CVK_E_ARG, "%u starts, %u ends and %u axes; there must be as many of each", p.count, ends, axes);
    p.axes_given = axes != 0;
    return cvk__onnx_add(c, CVK_OP_SLICE, &p, 1);
}

static int32_t slice_inputs(struct cvk__onnx *c)
{
    return cvk__onnx_add(c, CVK_OP_SLICE, NULL, 5);
}

static const char *const pad_modes[] = {[CVK_PAD_CONSTANT] = "constant", [CVK_PAD_REFLECT] = "reflect", [CVK_PAD_EDGE] = "edge"};

static int32_t pad_attributes(struct cvk__onnx *c)
{
    const char *name = c->opset < 2 ? "paddings" : "pads";
    struct cvk_pad_params p = {0};
    int64_t pads[2 * CVK_MAX_RANK];
    uint32_t count;
    float value;
    CVK__TRY(cvk__onnx_attr_word(c, "mode", pad_modes, 3, CVK_PAD_CONSTANT, &p.mode));
    CVK__TRY(cvk__onnx_attr_float(c, "value", 0, &value));
    CVK__TRY(cvk__onnx_attr_ints(c, name, INT32_MIN, INT32_MAX, 2 * CVK_MAX_RANK, pads, &count));
    const struct cvk_tensor_desc *x = cvk__onnx_desc(c, cvk__onnx_in(c, 0));
    if (count % 2 || (x && count != 2 * x->rank))
        return cvk__onnx_fail_attr(c, CVK_E_ARG, name, "%u numbers; two for each axis of the input are needed", count);
    p.value = value;
    for (uint32_t i = 0; i < count / 2; i++) {
        p.begin[i] = pads[i];
        p.end[i] = pads[count / 2 + i];
    }
    return cvk__onnx_add(c, CVK_OP_PAD, &p, 1);
}

static int32_t pad_inputs(struct cvk__onnx *c)
{
    struct cvk_pad_params p = {0};
    CVK__TRY(cvk__onnx_attr_word(c, "mode", pad_modes, 3, CVK_PAD_CONSTANT, &p.mode));
    return cvk__onnx_add(c, CVK_OP_PAD, &p, 3);
}

static const struct cvk__onnx_row rows[] = {
    {"Slice", 1, 9, 1, 1, 1, slice_attributes, 0},
    {"Slice", 10, CVK__ONNX_LAST, 3, 5, 1, slice_inputs, 0},
    {"Pad", 1, 10, 1, 1, 1, pad_attributes, 0},
    {"Pad", 11, CVK__ONNX_LAST, 2, 3, 1, pad_inputs, 0},
};
const struct cvk__onnx_table cvk__onnx_slice = {rows, sizeof rows / sizeof rows[0]};
