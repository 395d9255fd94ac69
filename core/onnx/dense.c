/* SPDX-License-Identifier: MIT
 * Gemm and MatMul. */
#include "import.h"

static int32_t gemm(struct cvk__onnx *c)
{
    struct cvk_gemm_params p = {.scaled = 1};
    CVK__TRY(cvk__onnx_attr_float(c, "alpha", 1, &p.alpha));
    CVK__TRY(cvk__onnx_attr_float(c, "beta", 1, &p.beta));
    CVK__TRY(cvk__onnx_attr_flag(c, "transA", 0, &p.trans_a));
    CVK__TRY(cvk__onnx_attr_flag(c, "transB", 0, &p.trans_b));
    if (c->opset < 7)
        cvk__onnx_attr_ignore(c, "broadcast"); /* without it C has the full size, with it today's rule holds */
    return cvk__onnx_out(c, 0, cvk_gemm(c->g, cvk__onnx_in(c, 0), cvk__onnx_in(c, 1), cvk__onnx_in(c, 2), &p));
}

static int32_t matmul(struct cvk__onnx *c)
{
    return cvk__onnx_out(c, 0, cvk_matmul(c->g, cvk__onnx_in(c, 0), cvk__onnx_in(c, 1)));
}

static const struct cvk__onnx_row rows[] = {
    {"Gemm", 1, 10, 3, 3, 1, gemm, 0},
    {"Gemm", 11, CVK__ONNX_LAST, 2, 3, 1, gemm, 0},
    {"MatMul", 1, CVK__ONNX_LAST, 2, 2, 1, matmul, 0},
};
const struct cvk__onnx_table cvk__onnx_dense = {rows, sizeof rows / sizeof rows[0]};
