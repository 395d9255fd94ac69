/* SPDX-License-Identifier: MIT
 * Element by element, and folded: unary, binary, where, reduce, as ONNX. What it has no operator for is put together. */
#include "export.h"

#include <float.h>
#include <math.h>

/* Kinds with an operator of their own, and the attributes that a and b go into. */
static const struct {
    const char *op, *a, *b;
} direct[CVK_UNARY_KINDS] = {
    [CVK_RELU] = {"Relu", NULL, NULL},
    [CVK_LEAKY_RELU] = {"LeakyRelu", "alpha", NULL},
    [CVK_ELU] = {"Elu", "alpha", NULL},
    [CVK_SELU] = {"Selu", "alpha", "gamma"},
    [CVK_CELU] = {"Celu", "alpha", NULL},
    [CVK_SIGMOID] = {"Sigmoid", NULL, NULL},
    [CVK_HARD_SIGMOID] = {"HardSigmoid", "alpha", "beta"},
    [CVK_TANH] = {"Tanh", NULL, NULL},
    [CVK_SOFTPLUS] = {"Softplus", NULL, NULL},
    [CVK_SOFTSIGN] = {"Softsign", NULL, NULL},
    [CVK_THRESHOLDED_RELU] = {"ThresholdedRelu", "alpha", NULL},
    [CVK_SHRINK] = {"Shrink", "lambd", "bias"},
    [CVK_ERF] = {"Erf", NULL, NULL},
    [CVK_EXP] = {"Exp", NULL, NULL},
    [CVK_LOG] = {"Log", NULL, NULL},
    [CVK_SQRT] = {"Sqrt", NULL, NULL},
    [CVK_ABS] = {"Abs", NULL, NULL},
    [CVK_NEG] = {"Neg", NULL, NULL},
    [CVK_RECIPROCAL] = {"Reciprocal", NULL, NULL},
    [CVK_ROUND] = {"Round", NULL, NULL},
    [CVK_FLOOR] = {"Floor", NULL, NULL},
    [CVK_CEIL] = {"Ceil", NULL, NULL},
    [CVK_SIGN] = {"Sign", NULL, NULL},
    [CVK_SIN] = {"Sin", NULL, NULL},
    [CVK_COS] = {"Cos", NULL, NULL},
    [CVK_TAN] = {"Tan", NULL, NULL},
    [CVK_ASIN] = {"Asin", NULL, NULL},
    [CVK_ACOS] = {"Acos", NULL, NULL},
    [CVK_ATAN] = {"Atan", NULL, NULL},
    [CVK_SINH] = {"Sinh", NULL, NULL},
    [CVK_COSH] = {"Cosh", NULL, NULL},
    [CVK_ASINH] = {"Asinh", NULL, NULL},
    [CVK_ACOSH] = {"Acosh", NULL, NULL},
    [CVK_ATANH] = {"Atanh", NULL, NULL},
    [CVK_NOT] = {"Not", NULL, NULL},
    [CVK_IS_NAN] = {"IsNaN", NULL, NULL},
};

/* Bounds of the input's own type, those of whole numbers rounded inward; a bound beyond every number is left out. */
static int32_t clip(struct cvk__export *e, const struct cvk_unary_params *p)
{
    uint32_t type = cvk__export_type(e, 0);
    double low = (double)p->a, high = (double)p->b;
    if (!type)
        return cvk__export_fail(e, CVK_E_UNSUPPORTED,
                                "the type of its input must be known to write it; only a session knows it");
    if (type > CVK_BF16) {
        low = ceil(low);
        high = floor(high);
        bool is_signed = type == CVK_I8 || type == CVK_I16 || type == CVK_I32 || type == CVK_I64;
        double bits = 8 * cvk_dtype_bytes(type) - (is_signed ? 1 : 0);
        if (low > ldexp(1, (int)bits) - 1 || high < (is_signed ? -ldexp(1, (int)bits) : 0))
            return cvk__export_fail(e, CVK_E_UNSUPPORTED, "its bounds %g to %g hold no %s", low, high, cvk_dtype_name(type));
        low = low <= (is_signed ? -ldexp(1, (int)bits) : 0) ? -INFINITY : low;
        high = high >= ldexp(1, (int)bits) - 1 ? INFINITY : high;
    }
    bool has_low = low > -(double)FLT_MAX || type == CVK_F64, has_high = high < (double)FLT_MAX || type == CVK_F64;
    CVK__EMIT(e, "Clip", cvk__export_out(e, 0), cvk__export_in(e, 0),
              has_low && low > -INFINITY ? cvk__export_number(e, "min", type, 0, low) : "",
              has_high && high < INFINITY ? cvk__export_number(e, "max", type, 0, high) : "");
    return CVK_OK;
}

/* A number of the input's type. */
static const char *number(struct cvk__export *e, const char *part, double value)
{
    uint32_t type = cvk__export_type(e, 0);
    if (!type)
        cvk__export_fail(e, CVK_E_UNSUPPORTED, "the type of its input must be known to write it; only a session knows it");
    return e->status == CVK_OK ? cvk__export_number(e, part, type, 0, value) : "";
}

/* x * (0.5 + 0.5 * gate) */
static void half_gate(struct cvk__export *e, const char *x, const char *gate)
{
    const char *half = number(e, "half", 0.5);
    const char *share = CVK__EMIT(e, "Add", NULL, CVK__EMIT(e, "Mul", NULL, gate, half), half);
    CVK__EMIT(e, "Mul", cvk__export_out(e, 0), x, share);
}

static int32_t composed(struct cvk__export *e, const struct cvk_unary_params *p)
{
    const char *x = cvk__export_in(e, 0);
    switch (p->kind) {
    case CVK_HARD_SWISH: {
        const char *gate = CVK__EMIT(e, "HardSigmoid", NULL, x);
        cvk__export_float(e, "alpha", 1.0f / 6);
        cvk__export_float(e, "beta", 0.5f);
        CVK__EMIT(e, "Mul", cvk__export_out(e, 0), x, gate);
        return CVK_OK;
    }
    case CVK_SILU:
        CVK__EMIT(e, "Mul", cvk__export_out(e, 0), x, CVK__EMIT(e, "Sigmoid", NULL, x));
        return CVK_OK;
    case CVK_MISH:
        CVK__EMIT(e, "Mul", cvk__export_out(e, 0), x, CVK__EMIT(e, "Tanh", NULL, CVK__EMIT(e, "Softplus", NULL, x)));
        return CVK_OK;
    case CVK_GELU:
        half_gate(e, x, CVK__EMIT(e, "Erf", NULL, CVK__EMIT(e, "Mul", NULL, x, number(e, "scale", sqrt(0.5)))));
        return CVK_OK;
    default: { /* gelu by tanh: tanh(sqrt(2 / pi) * (x + 0.044715 x^3)) */
        const char *square = CVK__EMIT(e, "Mul", NULL, x, x);
        const char *curve = CVK__EMIT(e, "Mul", NULL, square, number(e, "cubic", 0.044715));
        const char *sum = CVK__EMIT(e, "Add", NULL, x, CVK__EMIT(e, "Mul", NULL, x, curve));
        const char *inner = CVK__EMIT(e, "Mul", NULL, sum, number(e, "scale", 0.79788456080286535588));
        half_gate(e, x, CVK__EMIT(e, "Tanh", NULL, inner));
        return CVK_OK;
    }
    }
}

static int32_t unary(struct cvk__export *e)
{
    const struct cvk_unary_params *p = e->node->params;
    if (p->kind >= CVK_UNARY_KINDS)
        return cvk__export_fail(e, CVK_E_ARG, "%u is no known kind", p->kind);
    if (p->kind == CVK_CLIP)
        return clip(e, p);
    if (p->kind == CVK_IS_INF) {
        CVK__EMIT(e, "IsInf", cvk__export_out(e, 0), cvk__export_in(e, 0));
        cvk__export_int(e, "detect_positive", p->a != 0);
        cvk__export_int(e, "detect_negative", p->b != 0);
        return CVK_OK;
    }
    if (p->kind == CVK_HARD_SWISH && e->opset >= 14) {
        CVK__EMIT(e, "HardSwish", cvk__export_out(e, 0), cvk__export_in(e, 0));
        return CVK_OK;
    }
    /* Relu takes whole numbers from opset 14 on, and never those without a sign. */
    uint32_t type = cvk__export_type(e, 0);
    if (p->kind == CVK_RELU && type > CVK_BF16 && !cvk__export_takes("Relu", e->opset, 0, type)) {
        CVK__EMIT(e, "Max", cvk__export_out(e, 0), cvk__export_in(e, 0), number(e, "zero", 0));
        return CVK_OK;
    }
    if (!direct[p->kind].op)
        return composed(e, p);
    CVK__EMIT(e, direct[p->kind].op, cvk__export_out(e, 0), cvk__export_in(e, 0));
    if (direct[p->kind].a)
        cvk__export_float(e, direct[p->kind].a, p->a);
    if (direct[p->kind].b)
        cvk__export_float(e, direct[p->kind].b, p->b);
    return CVK_OK;
}

/* The remainder with the divisor's sign, of broken numbers: ONNX has only that with the dividend's. */
static int32_t float_modulo(struct cvk__export *e)
{
    const char *a = cvk__export_in(e, 0), *b = cvk__export_in(e, 1), *zero = number(e, "zero", 0);
    const char *rest = CVK__EMIT(e, "Mod", NULL, a, b);
    cvk__export_int(e, "fmod", 1);
    const char *other = CVK__EMIT(e, "Xor", NULL, CVK__EMIT(e, "Less", NULL, rest, zero), CVK__EMIT(e, "Less", NULL, b, zero));
    const char *some = CVK__EMIT(e, "Not", NULL, CVK__EMIT(e, "Equal", NULL, rest, zero));
    const char *wrong = CVK__EMIT(e, "And", NULL, some, other);
    CVK__EMIT(e, "Where", cvk__export_out(e, 0), wrong, CVK__EMIT(e, "Add", NULL, rest, b), rest);
    return CVK_OK;
}

static int32_t binary(struct cvk__export *e)
{
    static const char *const ops[CVK_BINARY_KINDS] = {"Add",   "Sub",  "Mul",         "Div",     "Pow",
                                                      "Min",   "Max",  "Mod",         "Mod",     "PRelu",
                                                      "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual",
                                                      "And",   "Or",   "Xor"};
    const struct cvk_binary_params *p = e->node->params;
    uint32_t type = cvk__export_type(e, 0);
    if (p->kind == CVK_MOD && type && type <= CVK_BF16)
        return float_modulo(e);
    CVK__EMIT(e, cvk__export_pick(e, ops, CVK_BINARY_KINDS, p->kind), cvk__export_out(e, 0), cvk__export_in(e, 0),
              cvk__export_in(e, 1));
    if (p->kind == CVK_FMOD)
        cvk__export_int(e, "fmod", 1);
    return CVK_OK;
}

static int32_t where(struct cvk__export *e)
{
    CVK__EMIT(e, "Where", cvk__export_out(e, 0), cvk__export_in(e, 0), cvk__export_in(e, 1), cvk__export_in(e, 2));
    return CVK_OK;
}

/* Without axes each element is folded alone. */
static int32_t reduce_nothing(struct cvk__export *e, uint32_t kind)
{
    static const char *const ops[CVK_REDUCE_KINDS] = {"Identity", "Identity", "Identity", "Identity", "Identity",
                                                      "Abs",      "Abs",      "Log",      "Identity", "Mul"};
    const char *x = cvk__export_in(e, 0);
    if (kind == CVK_REDUCE_SUM_SQUARE)
        CVK__EMIT(e, "Mul", cvk__export_out(e, 0), x, x);
    else
        CVK__EMIT(e, ops[kind], cvk__export_out(e, 0), x);
    return CVK_OK;
}

/* Axes are an input of ReduceSum and an attribute of the others. */
static int32_t reduce(struct cvk__export *e)
{
    static const char *const ops[CVK_REDUCE_KINDS] = {"ReduceSum",       "ReduceMean",     "ReduceMax", "ReduceMin",
                                                      "ReduceProd",      "ReduceL1",       "ReduceL2",  "ReduceLogSum",
                                                      "ReduceLogSumExp", "ReduceSumSquare"};
    const struct cvk_reduce_params *p = e->node->params;
    const char *op = cvk__export_pick(e, ops, CVK_REDUCE_KINDS, p->kind);
    int64_t axes[CVK_MAX_RANK];
    uint32_t count = p->axis_count;
    CVK__TRY(cvk__export_count(e, count));
    for (uint32_t i = 0; i < count; i++)
        axes[i] = p->axes[i];
    bool known = !cvk__export_has(e, 1) || cvk__export_content(e, 1, axes, CVK_MAX_RANK, &count),
         sum = p->kind == CVK_REDUCE_SUM;
    if (!known && !sum)
        return cvk__export_fail(e, CVK_E_UNSUPPORTED, "ONNX's %s of opset %lld wants its axes as constants", op,
                                (long long)e->opset);
    if (known && !count && p->noop_empty)
        return e->status == CVK_OK ? reduce_nothing(e, p->kind) : e->status;
    const char *list = !known ? cvk__export_in(e, 1) : sum && count ? cvk__export_list(e, "axes", axes, count) : "";
    CVK__EMIT(e, op, cvk__export_out(e, 0), cvk__export_in(e, 0), list);
    cvk__export_int(e, "keepdims", p->keep_dims != 0);
    if (!sum && count)
        cvk__export_ints(e, "axes", axes, count);
    if (!known && p->noop_empty)
        cvk__export_int(e, "noop_with_empty_axes", 1);
    return CVK_OK;
}

static const struct cvk__export_row rows[] = {
    {CVK_OP_UNARY, unary},
    {CVK_OP_BINARY, binary},
    {CVK_OP_WHERE, where},
    {CVK_OP_REDUCE, reduce},
};
const struct cvk__export_table cvk__export_math = {rows, sizeof rows / sizeof rows[0]};
