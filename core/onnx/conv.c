/* SPDX-License-Identifier: MIT
 * Conv and ConvTranspose. */
#include "import.h"

static int32_t conv(struct cvk__onnx *c)
{
    struct cvk__onnx_window w;
    int64_t group;
    CVK__TRY(cvk__onnx_window_read(c, &w));
    CVK__TRY(cvk__onnx_attr_int(c, "group", 1, 1, INT32_MAX, &group));
    struct cvk_conv_params p = {.auto_pad = w.auto_pad, .group = (uint32_t)group};
    memcpy(p.kernel, w.kernel, sizeof p.kernel);
    memcpy(p.stride, w.stride, sizeof p.stride);
    memcpy(p.dilation, w.dilation, sizeof p.dilation);
    memcpy(p.pad_begin, w.pad_begin, sizeof p.pad_begin);
    memcpy(p.pad_end, w.pad_end, sizeof p.pad_end);
    return cvk__onnx_out(c, 0, cvk_conv(c->g, cvk__onnx_in(c, 0), cvk__onnx_in(c, 1), cvk__onnx_in(c, 2), &p));
}

/* output_shape is spatial; some exporters write the batch and the channels before it. */
static int32_t read_output_shape(struct cvk__onnx *c, const struct cvk__onnx_window *w, struct cvk_conv_transpose_params *p)
{
    int64_t sizes[CVK_MAX_RANK];
    uint32_t count, skip = 0;
    CVK__TRY(cvk__onnx_attr_ints(c, "output_shape", 1, INT32_MAX, CVK_MAX_RANK, sizes, &count));
    if (w->spatial && count == w->spatial + 2)
        skip = 2;
    if (count && (count - skip > 3 || (w->spatial && count - skip != w->spatial)))
        return cvk__onnx_fail_attr(c, CVK_E_ARG, "output_shape", "%u sizes where there are %u spatial axes", count, w->spatial);
    for (uint32_t i = skip; i < count; i++)
        p->output_size[i - skip] = sizes[i];
    for (int i = 0; count && i < 3; i++)
        p->pad_begin[i] = p->pad_end[i] = 0; /* the padding then follows from the wished size */
    return CVK_OK;
}

static int32_t conv_transpose(struct cvk__onnx *c)
{
    struct cvk__onnx_window w;
    struct cvk_conv_transpose_params p = {0};
    int64_t group;
    CVK__TRY(cvk__onnx_window_read(c, &w));
    CVK__TRY(cvk__onnx_attr_int(c, "group", 1, 1, INT32_MAX, &group));
    p.auto_pad = w.auto_pad;
    p.group = (uint32_t)group;
    memcpy(p.kernel, w.kernel, sizeof p.kernel);
    memcpy(p.stride, w.stride, sizeof p.stride);
    memcpy(p.dilation, w.dilation, sizeof p.dilation);
    memcpy(p.pad_begin, w.pad_begin, sizeof p.pad_begin);
    memcpy(p.pad_end, w.pad_end, sizeof p.pad_end);
    CVK__TRY(cvk__onnx_spatial_ints(c, &w, "output_padding", 0, p.output_pad));
    CVK__TRY(read_output_shape(c, &w, &p));
    return cvk__onnx_out(c, 0, cvk_conv_transpose(c->g, cvk__onnx_in(c, 0), cvk__onnx_in(c, 1), cvk__onnx_in(c, 2), &p));
}

static const struct cvk__onnx_row rows[] = {
    {"Conv", 1, CVK__ONNX_LAST, 2, 3, 1, conv, 0},
    {"ConvTranspose", 1, CVK__ONNX_LAST, 2, 3, 1, conv_transpose, 0},
};
const struct cvk__onnx_table cvk__onnx_conv = {rows, sizeof rows / sizeof rows[0]};
