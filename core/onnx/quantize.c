/* SPDX-License-Identifier: MIT
 * QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear, put together from other ops: their arithmetic is that of floats. */
#include "import.h"

static cvk_value cast_to(struct cvk__onnx *c, cvk_value v, uint32_t dtype)
{
    return cvk_cast(c->g, v, &(struct cvk_cast_params){.to = dtype});
}

/* Scale and zero point (0: none) as floats; those for each index of an axis get axes of size 1 behind them. */
static int32_t read_parameters(struct cvk__onnx *c, cvk_value *scale, cvk_value *zero)
{
    struct cvk_reshape_params p = {.kind = CVK_UNSQUEEZE};
    int32_t axis = 1;
    const struct cvk_tensor_desc *s, *x;
    *scale = cvk__onnx_in(c, 1);
    *zero = cvk__onnx_in(c, 2);
    if (c->opset >= 13)
        CVK__TRY(cvk__onnx_attr_axis(c, "axis", 1, &axis));
    CVK__TRY(cvk__onnx_need_desc(c, 1, &s));
    if (s->rank > 0 && !(s->rank == 1 && s->dims[0] == 1)) {
        CVK__TRY(cvk__onnx_need_desc(c, 0, &x));
        int32_t rank = (int32_t)x->rank, at = axis < 0 ? axis + rank : axis;
        if (s->rank != 1 || at < 0 || at >= rank || x->dims[at] != s->dims[0])
            return cvk__onnx_fail(c, CVK_E_SHAPE, "a scale of %u axes and %lld elements does not fit axis %d of its input",
                                  s->rank, (long long)s->dims[0], (int)axis);
        for (int32_t i = at + 1; i < rank; i++)
            p.dims[p.count++] = i - at;
    }
    if (*zero)
        *zero = cast_to(c, *zero, CVK_F32);
    if (p.count) {
        *scale = cvk_reshape(c->g, *scale, &p);
        *zero = *zero ? cvk_reshape(c->g, *zero, &p) : 0;
    }
    return CVK_OK;
}

/* saturate(round(x / scale) + zero): the cast goes to the nearest end where the result does not fit. */
static cvk_value quantized(struct cvk__onnx *c, cvk_value x, cvk_value scale, cvk_value zero, uint32_t dtype)
{
    cvk_value y = cvk_binary(c->g, CVK_DIV, x, scale);
    y = cvk_unary(c->g, y, &(struct cvk_unary_params){.kind = CVK_ROUND});
    return cast_to(c, zero ? cvk_add(c->g, y, zero) : y, dtype);
}

static int32_t quantize(struct cvk__onnx *c)
{
    cvk_value scale, zero, x = cvk__onnx_in(c, 0);
    uint32_t from, to = CVK_U8;
    CVK__TRY(cvk__onnx_need_type(c, 0, &from));
    if (cvk__onnx_in(c, 2))
        CVK__TRY(cvk__onnx_need_type(c, 2, &to));
    CVK__TRY(read_parameters(c, &scale, &zero));
    return cvk__onnx_out(c, 0, quantized(c, from == CVK_F32 ? x : cast_to(c, x, CVK_F32), scale, zero, to));
}

static int32_t dequantize(struct cvk__onnx *c)
{
    cvk_value scale, zero, x = cast_to(c, cvk__onnx_in(c, 0), CVK_F32);
    CVK__TRY(read_parameters(c, &scale, &zero));
    if (zero)
        x = cvk_binary(c->g, CVK_SUB, x, zero);
    return cvk__onnx_out(c, 0, cvk_mul(c->g, x, scale));
}

/* Scale and zero point that spread 0..255 over the range of x, which is made to hold 0. */
static int32_t dynamic_quantize(struct cvk__onnx *c)
{
    struct cvk_graph *g = c->g;
    cvk_value x = cvk__onnx_in(c, 0), none = cvk__onnx_number(c, CVK_F32, 0);
    cvk_value low = cvk_reduce(g, x, &(struct cvk_reduce_params){.kind = CVK_REDUCE_MIN});
    cvk_value high = cvk_reduce(g, x, &(struct cvk_reduce_params){.kind = CVK_REDUCE_MAX});
    low = cvk_binary(g, CVK_MIN, low, none);
    high = cvk_binary(g, CVK_MAX, high, none);
    cvk_value scale = cvk_binary(g, CVK_DIV, cvk_binary(g, CVK_SUB, high, low), cvk__onnx_number(c, CVK_F32, 255));
    cvk_value zero = cvk_binary(g, CVK_SUB, none, cvk_binary(g, CVK_DIV, low, scale));
    zero = cvk_unary(g, zero, &(struct cvk_unary_params){.kind = CVK_CLIP, .a = 0, .b = 255});
    zero = cvk_unary(g, zero, &(struct cvk_unary_params){.kind = CVK_ROUND});
    CVK__TRY(cvk__onnx_out(c, 0, quantized(c, x, scale, zero, CVK_U8)));
    CVK__TRY(cvk__onnx_out(c, 1, scale));
    return cvk__onnx_out(c, 2, cast_to(c, zero, CVK_U8));
}

static const struct cvk__onnx_row rows[] = {
    {"QuantizeLinear", 10, CVK__ONNX_LAST, 2, 3, 1, quantize, 0},
    {"DequantizeLinear", 10, CVK__ONNX_LAST, 2, 3, 1, dequantize, 0},
    {"DynamicQuantizeLinear", 11, CVK__ONNX_LAST, 1, 1, 3, dynamic_quantize, 0},
};
const struct cvk__onnx_table cvk__onnx_quantize = {rows, sizeof rows / sizeof rows[0]};
