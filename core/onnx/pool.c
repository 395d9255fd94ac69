/* SPDX-License-Identifier: MIT
 * MaxPool, AveragePool, LpPool and their global forms. */
#include "import.h"

static int32_t pool(struct cvk__onnx *c)
{
    struct cvk__onnx_window w;
    uint32_t ceil_mode = 0, kind = c->row->kind;
    struct cvk_pool_params p = {.kind = kind};
    CVK__TRY(cvk__onnx_window_read(c, &w));
    if (!w.kernel[0])
        return cvk__onnx_fail_attr(c, CVK_E_ARG, "kernel_shape", "is missing");
    if (c->opset >= 10 && kind != CVK_POOL_LP)
        CVK__TRY(cvk__onnx_attr_flag(c, "ceil_mode", 0, &ceil_mode));
    if (kind == CVK_POOL_AVG && c->opset >= 7)
        CVK__TRY(cvk__onnx_attr_flag(c, "count_include_pad", 0, &p.count_include_pad));
    if (kind == CVK_POOL_MAX && c->opset >= 8)
        CVK__TRY(cvk__onnx_attr_flag(c, "storage_order", 0, &p.storage_order));
    if (kind == CVK_POOL_LP) {
        int64_t order;
        CVK__TRY(cvk__onnx_attr_int(c, "p", 2, 1, INT32_MAX, &order));
        p.p = (int32_t)order;
    }
    p.auto_pad = w.auto_pad;
    p.rounding = ceil_mode ? CVK_ROUND_CEIL : CVK_ROUND_FLOOR;
    memcpy(p.kernel, w.kernel, sizeof p.kernel);
    memcpy(p.stride, w.stride, sizeof p.stride);
    memcpy(p.dilation, w.dilation, sizeof p.dilation);
    memcpy(p.pad_begin, w.pad_begin, sizeof p.pad_begin);
    memcpy(p.pad_end, w.pad_end, sizeof p.pad_end);
    cvk_value indices = 0;
    cvk_value y = cvk_pool(c->g, cvk__onnx_in(c, 0), &p, cvk__onnx_wants(c, 1) ? &indices : NULL);
    CVK__TRY(cvk__onnx_out(c, 0, y));
    return cvk__onnx_wants(c, 1) ? cvk__onnx_out(c, 1, indices) : CVK_OK;
}

static int32_t global_pool(struct cvk__onnx *c)
{
    struct cvk_pool_params p = {.kind = c->row->kind, .global = 1};
    if (p.kind == CVK_POOL_LP) {
        int64_t order;
        CVK__TRY(cvk__onnx_attr_int(c, "p", 2, 1, INT32_MAX, &order));
        p.p = (int32_t)order;
    }
    return cvk__onnx_out(c, 0, cvk_pool(c->g, cvk__onnx_in(c, 0), &p, NULL));
}

static const struct cvk__onnx_row rows[] = {
    {"MaxPool", 1, 7, 1, 1, 1, pool, CVK_POOL_MAX},
    {"MaxPool", 8, CVK__ONNX_LAST, 1, 1, 2, pool, CVK_POOL_MAX},
    {"AveragePool", 1, CVK__ONNX_LAST, 1, 1, 1, pool, CVK_POOL_AVG},
    {"LpPool", 2, CVK__ONNX_LAST, 1, 1, 1, pool, CVK_POOL_LP},
    {"GlobalMaxPool", 1, CVK__ONNX_LAST, 1, 1, 1, global_pool, CVK_POOL_MAX},
    {"GlobalAveragePool", 1, CVK__ONNX_LAST, 1, 1, 1, global_pool, CVK_POOL_AVG},
    {"GlobalLpPool", 2, CVK__ONNX_LAST, 1, 1, 1, global_pool, CVK_POOL_LP},
};
const struct cvk__onnx_table cvk__onnx_pool = {rows, sizeof rows / sizeof rows[0]};
