/* SPDX-License-Identifier: MIT
 * Kernel, stride, dilation and padding, as convolutions and pools give them. */
#include "import.h"

/* Every list must have as many entries as there are spatial axes. */
static int32_t check_spatial(struct cvk__onnx *c, struct cvk__onnx_window *w, const char *name, uint32_t count)
{
    if (count == 0 || count == w->spatial)
        return CVK_OK;
    if (count > 3)
        return cvk__onnx_fail_attr(c, CVK_E_UNSUPPORTED, name, "%u spatial axes; at most 3 are supported", count);
    if (w->spatial)
        return cvk__onnx_fail_attr(c, CVK_E_ARG, name, "%u spatial axes where there are %u", count, w->spatial);
    w->spatial = count;
    return CVK_OK;
}

int32_t cvk__onnx_spatial_ints(struct cvk__onnx *c, struct cvk__onnx_window *w, const char *name, int64_t min, int64_t out[3])
{
    int64_t numbers[CVK_MAX_RANK];
    uint32_t count;
    CVK__TRY(cvk__onnx_attr_ints(c, name, min, INT32_MAX, CVK_MAX_RANK, numbers, &count));
    CVK__TRY(check_spatial(c, w, name, count));
    for (uint32_t i = 0; i < count; i++)
        out[i] = numbers[i];
    return CVK_OK;
}

static int32_t read_pads(struct cvk__onnx *c, struct cvk__onnx_window *w)
{
    int64_t pads[2 * CVK_MAX_RANK];
    uint32_t count;
    CVK__TRY(cvk__onnx_attr_ints(c, "pads", 0, INT32_MAX, 2 * CVK_MAX_RANK, pads, &count));
    if (count % 2)
        return cvk__onnx_fail_attr(c, CVK_E_ARG, "pads", "%u numbers; all beginnings and then all ends are needed", count);
    CVK__TRY(check_spatial(c, w, "pads", count / 2));
    for (uint32_t i = 0; i < count; i++) {
        if (w->auto_pad != CVK_PAD_EXPLICIT && pads[i])
            return cvk__onnx_fail_attr(c, CVK_E_ARG, "pads", "cannot be given together with auto_pad");
        (i < count / 2 ? w->pad_begin : w->pad_end)[i % (count / 2)] = pads[i];
    }
    return CVK_OK;
}

int32_t cvk__onnx_window_read(struct cvk__onnx *c, struct cvk__onnx_window *w)
{
    static const char *const words[] = {[CVK_PAD_EXPLICIT] = "NOTSET",
                                        [CVK_PAD_SAME_UPPER] = "SAME_UPPER",
                                        [CVK_PAD_SAME_LOWER] = "SAME_LOWER",
                                        [CVK_PAD_VALID] = "VALID"};
    memset(w, 0, sizeof *w);
    const struct cvk_tensor_desc *x = cvk__onnx_desc(c, cvk__onnx_in(c, 0));
    if (x && x->rank < 3)
        return cvk__onnx_fail(c, CVK_E_SHAPE, "its input has %u axes; batch, channels and at least one spatial axis are needed",
                              x->rank);
    if (x)
        w->spatial = x->rank - 2;
    CVK__TRY(cvk__onnx_attr_word(c, "auto_pad", words, 4, CVK_PAD_EXPLICIT, &w->auto_pad));
    CVK__TRY(cvk__onnx_spatial_ints(c, w, "kernel_shape", 1, w->kernel));
    CVK__TRY(cvk__onnx_spatial_ints(c, w, "strides", 1, w->stride));
    CVK__TRY(cvk__onnx_spatial_ints(c, w, "dilations", 1, w->dilation));
    return read_pads(c, w);
}
