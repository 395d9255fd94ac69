/* SPDX-License-Identifier: MIT
 * Layers that slide a window or sum products, as ONNX: convolutions, pools, Gemm and MatMul. */
#include "export.h"

/* Number of spatial axes, from the input or the weights. */
static int32_t spatial_axes(struct cvk__export *e, uint32_t *spatial)
{
    const struct cvk_tensor_desc *d = cvk__export_desc(e, 0);
    if (!d)
        CVK__TRY(cvk__export_need(e, cvk__export_has(e, 1) ? 1 : 0, &d));
    *spatial = d->rank > 2 ? d->rank - 2 : 0;
    return *spatial > 0 && *spatial < 4 ? CVK_OK : cvk__export_fail(e, CVK_E_UNSUPPORTED, "its input has %u axes", d->rank);
}

/* One size per axis; a list of nothing but the default is left out. */
static void write_sizes(struct cvk__export *e, const char *name, const int64_t *sizes, uint32_t spatial, int64_t usual)
{
    int64_t list[3];
    bool given = false;
    for (uint32_t i = 0; i < spatial; i++) {
        list[i] = sizes[i] ? sizes[i] : usual;
        given |= list[i] != usual;
    }
    if (given)
        cvk__export_ints(e, name, list, spatial);
}

static void write_padding(struct cvk__export *e, uint32_t auto_pad, const int64_t *begin, const int64_t *end, uint32_t spatial)
{
    static const char *const words[] = {
        [CVK_PAD_SAME_UPPER] = "SAME_UPPER", [CVK_PAD_SAME_LOWER] = "SAME_LOWER", [CVK_PAD_VALID] = "VALID"};
    int64_t pads[6];
    bool given = false;
    for (uint32_t i = 0; i < spatial; i++) {
        pads[i] = begin[i];
        pads[spatial + i] = end[i];
        given |= begin[i] || end[i];
    }
    if (auto_pad != CVK_PAD_EXPLICIT)
        cvk__export_word(e, "auto_pad", cvk__export_pick(e, words, 4, auto_pad));
    else if (given)
        cvk__export_ints(e, "pads", pads, 2 * spatial);
}

/* The kernel's sizes where they are known: ONNX has them from the weights otherwise. */
static void write_kernel(struct cvk__export *e, const int64_t *given, uint32_t spatial)
{
    const struct cvk_tensor_desc *w = cvk__export_desc(e, 1);
    int64_t sizes[3] = {0};
    for (uint32_t i = 0; i < spatial; i++)
        sizes[i] = given[i] ? given[i] : w && w->rank == spatial + 2 ? w->dims[2 + i] : 0;
    if (sizes[0] && (spatial < 2 || sizes[1]) && (spatial < 3 || sizes[2]))
        cvk__export_ints(e, "kernel_shape", sizes, spatial);
}

static int32_t conv(struct cvk__export *e)
{
    const struct cvk_conv_params *p = e->node->params;
    uint32_t spatial;
    CVK__TRY(spatial_axes(e, &spatial));
    CVK__EMIT(e, "Conv", cvk__export_out(e, 0), cvk__export_in(e, 0), cvk__export_in(e, 1), cvk__export_in(e, 2));
    write_kernel(e, p->kernel, spatial);
    write_sizes(e, "strides", p->stride, spatial, 1);
    write_sizes(e, "dilations", p->dilation, spatial, 1);
    write_padding(e, p->auto_pad, p->pad_begin, p->pad_end, spatial);
    if (p->group > 1)
        cvk__export_int(e, "group", p->group);
    return CVK_OK;
}

static int32_t conv_transpose(struct cvk__export *e)
{
    const struct cvk_conv_transpose_params *p = e->node->params;
    uint32_t spatial, wished = 0;
    CVK__TRY(spatial_axes(e, &spatial));
    for (uint32_t i = 0; i < spatial; i++)
        wished += p->output_size[i] != 0;
    if (wished && wished < spatial)
        return cvk__export_fail(e, CVK_E_UNSUPPORTED, "ONNX wants output_size for all spatial axes or for none");
    CVK__EMIT(e, "ConvTranspose", cvk__export_out(e, 0), cvk__export_in(e, 0), cvk__export_in(e, 1), cvk__export_in(e, 2));
    write_kernel(e, p->kernel, spatial);
    write_sizes(e, "strides", p->stride, spatial, 1);
    write_sizes(e, "dilations", p->dilation, spatial, 1);
    write_sizes(e, "output_padding", p->output_pad, spatial, 0);
    if (wished) {
        cvk__export_ints(e, "output_shape", p->output_size, spatial);
        if (p->auto_pad == CVK_PAD_SAME_UPPER)
            cvk__export_word(e, "auto_pad", "SAME_UPPER"); /* tells at which end the odd pixel is */
    } else {
        write_padding(e, p->auto_pad, p->pad_begin, p->pad_end, spatial);
    }
    if (p->group > 1)
        cvk__export_int(e, "group", p->group);
    return CVK_OK;
}

static int32_t pool(struct cvk__export *e)
{
    static const char *const ops[] = {"MaxPool", "AveragePool", "LpPool"};
    static const char *const global[] = {"GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"};
    const struct cvk_pool_params *p = e->node->params;
    bool indices = cvk__export_wants(e, 1);
    const char *op = cvk__export_pick(e, p->global ? global : ops, 3, p->kind);
    uint32_t spatial;
    CVK__TRY(spatial_axes(e, &spatial));
    if (p->global && !indices) {
        CVK__EMIT(e, op, cvk__export_out(e, 0), cvk__export_in(e, 0));
        if (p->kind == CVK_POOL_LP)
            cvk__export_int(e, "p", p->p ? p->p : 2);
        return CVK_OK;
    }
    if (p->global)
        return cvk__export_fail(e, CVK_E_UNSUPPORTED, "ONNX's %s gives no indices", op);
    for (uint32_t i = 0; i < spatial && p->kind != CVK_POOL_MAX; i++)
        if (p->dilation[i] > 1)
            return cvk__export_fail(e, CVK_E_UNSUPPORTED, "ONNX's %s of opset %lld has no dilation", op, (long long)e->opset);
    if (p->kind == CVK_POOL_LP && p->rounding == CVK_ROUND_CEIL)
        return cvk__export_fail(e, CVK_E_UNSUPPORTED, "ONNX's LpPool of opset %lld rounds down", (long long)e->opset);
    const char *in = cvk__export_in(e, 0), *out[2] = {cvk__export_out(e, 0), indices ? cvk__export_out(e, 1) : ""};
    cvk__export_node(e, op, 1, &in, 2, out);
    cvk__export_ints(e, "kernel_shape", p->kernel, spatial);
    write_sizes(e, "strides", p->stride, spatial, 1);
    write_sizes(e, "dilations", p->dilation, spatial, 1);
    write_padding(e, p->auto_pad, p->pad_begin, p->pad_end, spatial);
    if (p->rounding == CVK_ROUND_CEIL)
        cvk__export_int(e, "ceil_mode", 1);
    if (p->kind == CVK_POOL_AVG && p->count_include_pad)
        cvk__export_int(e, "count_include_pad", 1);
    if (indices && p->storage_order)
        cvk__export_int(e, "storage_order", 1);
    if (p->kind == CVK_POOL_LP)
        cvk__export_int(e, "p", p->p ? p->p : 2);
    return CVK_OK;
}

static int32_t gemm(struct cvk__export *e)
{
    const struct cvk_gemm_params *p = e->node->params;
    CVK__EMIT(e, "Gemm", cvk__export_out(e, 0), cvk__export_in(e, 0), cvk__export_in(e, 1), cvk__export_in(e, 2));
    if (p->alpha != 1)
        cvk__export_float(e, "alpha", p->alpha);
    if (p->beta != 1)
        cvk__export_float(e, "beta", p->beta);
    if (p->trans_a)
        cvk__export_int(e, "transA", 1);
    if (p->trans_b)
        cvk__export_int(e, "transB", 1);
    return CVK_OK;
}

static int32_t matmul(struct cvk__export *e)
{
    CVK__EMIT(e, "MatMul", cvk__export_out(e, 0), cvk__export_in(e, 0), cvk__export_in(e, 1));
    return CVK_OK;
}

static const struct cvk__export_row rows[] = {
    {CVK_OP_CONV, conv},     {CVK_OP_CONV_TRANSPOSE, conv_transpose}, {CVK_OP_POOL, pool}, {CVK_OP_GEMM, gemm},
    {CVK_OP_MATMUL, matmul},
};
const struct cvk__export_table cvk__export_layers = {rows, sizeof rows / sizeof rows[0]};
