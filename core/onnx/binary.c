/* SPDX-License-Identifier: MIT
 * Ops of two or more tensors, element by element. */
#include "import.h"

static cvk_value cast_to(struct cvk__onnx *c, cvk_value v, uint32_t dtype)
{
    return cvk__onnx_type(c, v) == dtype ? v : cvk_cast(c->g, v, &(struct cvk_cast_params){.to = dtype});
}

/* Puts `added` axes of size 1 behind the `own` axes of v. */
static cvk_value trail(struct cvk__onnx *c, cvk_value v, uint32_t own, uint32_t added)
{
    struct cvk_reshape_params p = {.kind = CVK_UNSQUEEZE, .count = added};
    for (uint32_t i = 0; i < added; i++)
        p.dims[i] = own + i;
    return added ? cvk_reshape(c->g, v, &p) : v;
}

/* Opsets below 7: `broadcast` switches broadcasting on, `axis` says where b's axes begin in a. */
static int32_t old_broadcast(struct cvk__onnx *c, cvk_value *b)
{
    uint32_t broadcast;
    int32_t axis;
    const struct cvk_tensor_desc *da, *db;
    CVK__TRY(cvk__onnx_attr_flag(c, "broadcast", 0, &broadcast));
    bool given = cvk__onnx_attr(c, "axis") != NULL;
    CVK__TRY(cvk__onnx_attr_axis(c, "axis", 0, &axis));
    if (!broadcast || !given)
        return CVK_OK;
    CVK__TRY(cvk__onnx_need_desc(c, 0, &da));
    CVK__TRY(cvk__onnx_need_desc(c, 1, &db));
    if (axis < 0)
        axis += (int32_t)da->rank;
    if (axis < 0 || (uint32_t)axis + db->rank > da->rank)
        return cvk__onnx_fail_attr(c, CVK_E_ARG, "axis", "%d does not fit inputs of %u and %u axes", (int)axis, da->rank,
                                   db->rank);
    *b = trail(c, *b, db->rank, da->rank - (uint32_t)axis - db->rank);
    return CVK_OK;
}

static int32_t binary(struct cvk__onnx *c)
{
    cvk_value b = cvk__onnx_in(c, 1);
    if (c->opset < 7)
        CVK__TRY(old_broadcast(c, &b));
    return cvk__onnx_out(c, 0, cvk_binary(c->g, c->row->kind, cvk__onnx_in(c, 0), b));
}

/* The exponent may be of another type: whole numbers to a broken power are worked out in the exponent's type. */
static int32_t power(struct cvk__onnx *c)
{
    cvk_value a = cvk__onnx_in(c, 0), b = cvk__onnx_in(c, 1);
    if (c->opset < 7)
        CVK__TRY(old_broadcast(c, &b));
    uint32_t type = cvk__onnx_type(c, a), power_type = cvk__onnx_type(c, b);
    if (!type || !power_type || type == power_type)
        return cvk__onnx_out(c, 0, cvk_binary(c->g, CVK_POW, a, b));
    bool broken = power_type <= CVK_BF16 && type > CVK_BF16;
    if (!broken)
        return cvk__onnx_out(c, 0, cvk_binary(c->g, CVK_POW, a, cast_to(c, b, type)));
    cvk_value y = cvk_binary(c->g, CVK_POW, cast_to(c, a, power_type), b);
    return cvk__onnx_out(c, 0, cvk_cast(c->g, y, &(struct cvk_cast_params){.to = type}));
}

static int32_t modulo(struct cvk__onnx *c)
{
    uint32_t fmod;
    CVK__TRY(cvk__onnx_attr_flag(c, "fmod", 0, &fmod));
    uint32_t type = cvk__onnx_type(c, cvk__onnx_in(c, 0));
    if (!fmod && type && type <= CVK_BF16)
        return cvk__onnx_fail_attr(c, CVK_E_ARG, "fmod", "must be 1 for inputs of type %s", cvk_dtype_name(type));
    return cvk__onnx_out(c, 0, cvk_binary(c->g, fmod ? CVK_FMOD : CVK_MOD, cvk__onnx_in(c, 0), cvk__onnx_in(c, 1)));
}

/* Sum, Mean, Min, Max of any number of tensors, in the order of the inputs. */
static int32_t variadic(struct cvk__onnx *c)
{
    bool mean = c->row->kind == CVK_DIV;
    uint32_t count = cvk__onnx_in_count(c);
    cvk_value y = cvk__onnx_in(c, 0);
    for (uint32_t i = 1; i < count; i++) {
        if (!cvk__onnx_in(c, i))
            return cvk__onnx_fail(c, CVK_E_FORMAT, "input %u is missing", i);
        y = cvk_binary(c->g, mean ? CVK_ADD : c->row->kind, y, cvk__onnx_in(c, i));
    }
    if (count == 1)
        y = cvk_reshape(c->g, y, &(struct cvk_reshape_params){.kind = CVK_IDENTITY});
    if (mean && count > 1) {
        uint32_t dtype;
        CVK__TRY(cvk__onnx_need_type(c, 0, &dtype));
        y = cvk_binary(c->g, CVK_DIV, y, cvk__onnx_number(c, dtype, count));
    }
    return cvk__onnx_out(c, 0, y);
}

/* Below opset 7 the slope is one number per channel, later it broadcasts as everything does. */
static int32_t prelu(struct cvk__onnx *c)
{
    cvk_value slope = cvk__onnx_in(c, 1);
    if (c->opset < 7) {
        const struct cvk_tensor_desc *x, *s;
        CVK__TRY(cvk__onnx_need_desc(c, 0, &x));
        CVK__TRY(cvk__onnx_need_desc(c, 1, &s));
        if (s->rank == 1 && s->dims[0] != 1 && x->rank > 2)
            slope = trail(c, slope, 1, x->rank - 2);
    }
    return cvk__onnx_out(c, 0, cvk_binary(c->g, CVK_PRELU, cvk__onnx_in(c, 0), slope));
}

static int32_t where(struct cvk__onnx *c)
{
    return cvk__onnx_out(c, 0, cvk_where(c->g, cvk__onnx_in(c, 0), cvk__onnx_in(c, 1), cvk__onnx_in(c, 2)));
}

#define BINARY(op, since, fn, kind)                                                                                              \
    {                                                                                                                            \
        op, since, CVK__ONNX_LAST, 2, 2, 1, fn, kind                                                                             \
    }
#define VARIADIC(op, kind)                                                                                                       \
    {                                                                                                                            \
        op, 1, CVK__ONNX_LAST, 1, CVK__ONNX_ANY, 1, variadic, kind                                                               \
    }

static const struct cvk__onnx_row rows[] = {
    BINARY("Add", 1, binary, CVK_ADD),
    BINARY("Sub", 1, binary, CVK_SUB),
    BINARY("Mul", 1, binary, CVK_MUL),
    BINARY("Div", 1, binary, CVK_DIV),
    BINARY("Pow", 1, power, CVK_POW),
    BINARY("Mod", 10, modulo, CVK_MOD),
    BINARY("PRelu", 1, prelu, CVK_PRELU),
    BINARY("Equal", 1, binary, CVK_EQUAL),
    BINARY("Less", 1, binary, CVK_LESS),
    BINARY("LessOrEqual", 12, binary, CVK_LESS_EQUAL),
    BINARY("Greater", 1, binary, CVK_GREATER),
    BINARY("GreaterOrEqual", 12, binary, CVK_GREATER_EQUAL),
    BINARY("And", 1, binary, CVK_AND),
    BINARY("Or", 1, binary, CVK_OR),
    BINARY("Xor", 1, binary, CVK_XOR),
    VARIADIC("Sum", CVK_ADD),
    VARIADIC("Mean", CVK_DIV),
    VARIADIC("Min", CVK_MIN),
    VARIADIC("Max", CVK_MAX),
    {"Where", 9, CVK__ONNX_LAST, 3, 3, 1, where, 0},
};
const struct cvk__onnx_table cvk__onnx_binary = {rows, sizeof rows / sizeof rows[0]};
