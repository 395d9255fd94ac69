/* SPDX-License-Identifier: MIT
 * Ops of one tensor, element by element. */
#include <float.h>

#include "import.h"

static int32_t add_unary(struct cvk__onnx *c, uint32_t kind, float a, float b)
{
    const struct cvk_unary_params p = {.kind = kind, .a = a, .b = b};
    return cvk__onnx_out(c, 0, cvk_unary(c->g, cvk__onnx_in(c, 0), &p));
}

static int32_t plain(struct cvk__onnx *c)
{
    return add_unary(c, c->row->kind, 0, 0);
}

/* The parameters that the op has, with ONNX's defaults. */
static int32_t with_parameters(struct cvk__onnx *c)
{
    static const struct {
        uint32_t kind;
        const char *a, *b;
        float default_a, default_b;
    } known[] = {
        {CVK_LEAKY_RELU, "alpha", NULL, 0.01f, 0},
        {CVK_ELU, "alpha", NULL, 1, 0},
        {CVK_SELU, "alpha", "gamma", 1.67326319217681884765625f, 1.05070102214813232421875f},
        {CVK_CELU, "alpha", NULL, 1, 0},
        {CVK_HARD_SIGMOID, "alpha", "beta", 0.2f, 0.5f},
        {CVK_THRESHOLDED_RELU, "alpha", NULL, 1, 0},
        {CVK_SHRINK, "lambd", "bias", 0.5f, 0},
    };
    float a = 0, b = 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].kind != c->row->kind)
            continue;
        CVK__TRY(cvk__onnx_attr_float(c, known[i].a, known[i].default_a, &a));
        if (known[i].b)
            CVK__TRY(cvk__onnx_attr_float(c, known[i].b, known[i].default_b, &b));
    }
    if (c->row->kind == CVK_SELU && c->opset < 6) { /* the constants had fewer digits then */
        CVK__TRY(cvk__onnx_attr_float(c, "alpha", 1.6732f, &a));
        CVK__TRY(cvk__onnx_attr_float(c, "gamma", 1.0507f, &b));
    }
    return add_unary(c, c->row->kind, a, b);
}

static int32_t is_inf(struct cvk__onnx *c)
{
    uint32_t positive, negative;
    CVK__TRY(cvk__onnx_attr_flag(c, "detect_positive", 1, &positive));
    CVK__TRY(cvk__onnx_attr_flag(c, "detect_negative", 1, &negative));
    return add_unary(c, CVK_IS_INF, (float)positive, (float)negative);
}

static int32_t gelu(struct cvk__onnx *c)
{
    static const char *const words[] = {"none", "tanh"};
    uint32_t which;
    CVK__TRY(cvk__onnx_attr_word(c, "approximate", words, 2, 0, &which));
    return add_unary(c, which ? CVK_GELU_TANH : CVK_GELU, 0, 0);
}

static int32_t clip_attributes(struct cvk__onnx *c)
{
    float low, high;
    CVK__TRY(cvk__onnx_attr_float(c, "min", -FLT_MAX, &low));
    CVK__TRY(cvk__onnx_attr_float(c, "max", FLT_MAX, &high));
    return add_unary(c, CVK_CLIP, low, high);
}

/* A bound that is one constant f32 number; *known false otherwise. */
static int32_t constant_bound(struct cvk__onnx *c, uint32_t i, float *bound, bool *known)
{
    struct cvk_tensor *t;
    CVK__TRY(cvk__onnx_content(c, i, &t));
    if (t && cvk_tensor_count(t) != 1) {
        int32_t status = cvk__onnx_fail(c, CVK_E_SHAPE, "input %u, a bound, has %llu elements; it must have one", i,
                                        (unsigned long long)cvk_tensor_count(t));
        cvk_tensor_destroy(t);
        return status;
    }
    *known = t && cvk_tensor_get_desc(t)->dtype == CVK_F32;
    if (*known)
        *bound = (float)cvk_tensor_at(t, 0);
    cvk_tensor_destroy(t);
    return CVK_OK;
}

/* Constant bounds of f32 make a clip, which can follow a convolution; all others a maximum and a minimum. */
static int32_t clip_inputs(struct cvk__onnx *c)
{
    cvk_value x = cvk__onnx_in(c, 0), min = cvk__onnx_in(c, 1), max = cvk__onnx_in(c, 2);
    float low = -FLT_MAX, high = FLT_MAX;
    bool low_known = true, high_known = true;
    if (min)
        CVK__TRY(constant_bound(c, 1, &low, &low_known));
    if (max)
        CVK__TRY(constant_bound(c, 2, &high, &high_known));
    if (!min && !max)
        return cvk__onnx_out(c, 0, cvk_reshape(c->g, x, &(struct cvk_reshape_params){.kind = CVK_IDENTITY}));
    if (low_known && high_known && cvk__onnx_type(c, x) == CVK_F32)
        return add_unary(c, CVK_CLIP, low, high);
    if (min)
        x = cvk_binary(c->g, CVK_MAX, x, min);
    if (max)
        x = cvk_binary(c->g, CVK_MIN, x, max);
    return cvk__onnx_out(c, 0, x);
}

#define UNARY(op, since, fn, kind)                                                                                               \
    {                                                                                                                            \
        op, since, CVK__ONNX_LAST, 1, 1, 1, fn, kind                                                                             \
    }

static const struct cvk__onnx_row rows[] = {
    UNARY("Relu", 1, plain, CVK_RELU),
    UNARY("LeakyRelu", 1, with_parameters, CVK_LEAKY_RELU),
    UNARY("Elu", 1, with_parameters, CVK_ELU),
    UNARY("Selu", 1, with_parameters, CVK_SELU),
    UNARY("Celu", 12, with_parameters, CVK_CELU),
    UNARY("HardSigmoid", 1, with_parameters, CVK_HARD_SIGMOID),
    UNARY("ThresholdedRelu", 1, with_parameters, CVK_THRESHOLDED_RELU),
    UNARY("Shrink", 9, with_parameters, CVK_SHRINK),
    {"Clip", 1, 10, 1, 1, 1, clip_attributes, 0},
    {"Clip", 11, CVK__ONNX_LAST, 1, 3, 1, clip_inputs, 0},
    UNARY("Sigmoid", 1, plain, CVK_SIGMOID),
    UNARY("HardSwish", 14, plain, CVK_HARD_SWISH),
    UNARY("Tanh", 1, plain, CVK_TANH),
    UNARY("Softplus", 1, plain, CVK_SOFTPLUS),
    UNARY("Softsign", 1, plain, CVK_SOFTSIGN),
    UNARY("Gelu", 1, gelu, CVK_GELU), /* of later opsets, but models carry it earlier */
    UNARY("Mish", 1, plain, CVK_MISH),
    UNARY("Erf", 9, plain, CVK_ERF),
    UNARY("Exp", 1, plain, CVK_EXP),
    UNARY("Log", 1, plain, CVK_LOG),
    UNARY("Sqrt", 1, plain, CVK_SQRT),
    UNARY("Abs", 1, plain, CVK_ABS),
    UNARY("Neg", 1, plain, CVK_NEG),
    UNARY("Reciprocal", 1, plain, CVK_RECIPROCAL),
    UNARY("Round", 11, plain, CVK_ROUND),
    UNARY("Floor", 1, plain, CVK_FLOOR),
    UNARY("Ceil", 1, plain, CVK_CEIL),
    UNARY("Sign", 9, plain, CVK_SIGN),
    UNARY("Sin", 7, plain, CVK_SIN),
    UNARY("Cos", 7, plain, CVK_COS),
    UNARY("Tan", 7, plain, CVK_TAN),
    UNARY("Asin", 7, plain, CVK_ASIN),
    UNARY("Acos", 7, plain, CVK_ACOS),
    UNARY("Atan", 7, plain, CVK_ATAN),
    UNARY("Sinh", 9, plain, CVK_SINH),
    UNARY("Cosh", 9, plain, CVK_COSH),
    UNARY("Asinh", 9, plain, CVK_ASINH),
    UNARY("Acosh", 9, plain, CVK_ACOSH),
    UNARY("Atanh", 9, plain, CVK_ATANH),
    UNARY("Not", 1, plain, CVK_NOT),
    UNARY("IsNaN", 9, plain, CVK_IS_NAN),
    UNARY("IsInf", 10, is_inf, CVK_IS_INF),
};
const struct cvk__onnx_table cvk__onnx_unary = {rows, sizeof rows / sizeof rows[0]};
