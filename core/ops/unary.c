/* SPDX-License-Identifier: MIT
 * unary: schema, shape rule and builder calls. */
#include "dtype_sets.h"

#define BOOLS CVK_DTYPE_BIT(CVK_BOOL)

static const struct {
    const char *name;
    uint32_t dtypes; /* that the kind is defined for */
} kinds[CVK_UNARY_KINDS] = {
    [CVK_RELU] = {"relu", CVK__NUMBERS},
    [CVK_LEAKY_RELU] = {"leaky_relu", CVK__FLOATS},
    [CVK_ELU] = {"elu", CVK__FLOATS},
    [CVK_SELU] = {"selu", CVK__FLOATS},
    [CVK_CELU] = {"celu", CVK__FLOATS},
    [CVK_CLIP] = {"clip", CVK__NUMBERS},
    [CVK_SIGMOID] = {"sigmoid", CVK__FLOATS},
    [CVK_HARD_SIGMOID] = {"hard_sigmoid", CVK__FLOATS},
    [CVK_HARD_SWISH] = {"hard_swish", CVK__FLOATS},
    [CVK_TANH] = {"tanh", CVK__FLOATS},
    [CVK_SOFTPLUS] = {"softplus", CVK__FLOATS},
    [CVK_SOFTSIGN] = {"softsign", CVK__FLOATS},
    [CVK_GELU] = {"gelu", CVK__FLOATS},
    [CVK_GELU_TANH] = {"gelu_tanh", CVK__FLOATS},
    [CVK_SILU] = {"silu", CVK__FLOATS},
    [CVK_MISH] = {"mish", CVK__FLOATS},
    [CVK_THRESHOLDED_RELU] = {"thresholded_relu", CVK__FLOATS},
    [CVK_SHRINK] = {"shrink", CVK__FLOATS},
    [CVK_ERF] = {"erf", CVK__FLOATS},
    [CVK_EXP] = {"exp", CVK__FLOATS},
    [CVK_LOG] = {"log", CVK__FLOATS},
    [CVK_SQRT] = {"sqrt", CVK__FLOATS},
    [CVK_ABS] = {"abs", CVK__NUMBERS},
    [CVK_NEG] = {"neg", CVK__FLOATS | CVK__SIGNED},
    [CVK_RECIPROCAL] = {"reciprocal", CVK__FLOATS},
    [CVK_ROUND] = {"round", CVK__FLOATS},
    [CVK_FLOOR] = {"floor", CVK__FLOATS},
    [CVK_CEIL] = {"ceil", CVK__FLOATS},
    [CVK_SIGN] = {"sign", CVK__NUMBERS},
    [CVK_SIN] = {"sin", CVK__FLOATS},
    [CVK_COS] = {"cos", CVK__FLOATS},
    [CVK_TAN] = {"tan", CVK__FLOATS},
    [CVK_ASIN] = {"asin", CVK__FLOATS},
    [CVK_ACOS] = {"acos", CVK__FLOATS},
    [CVK_ATAN] = {"atan", CVK__FLOATS},
    [CVK_SINH] = {"sinh", CVK__FLOATS},
    [CVK_COSH] = {"cosh", CVK__FLOATS},
    [CVK_ASINH] = {"asinh", CVK__FLOATS},
    [CVK_ACOSH] = {"acosh", CVK__FLOATS},
    [CVK_ATANH] = {"atanh", CVK__FLOATS},
    [CVK_NOT] = {"not", BOOLS},
    [CVK_IS_NAN] = {"is_nan", CVK__FLOATS},
    [CVK_IS_INF] = {"is_inf", CVK__FLOATS},
};

const char *cvk_unary_name(uint32_t kind)
{
    return kind < CVK_UNARY_KINDS ? kinds[kind].name : NULL;
}

static const char *kind_name(const void *params)
{
    return cvk_unary_name(((const struct cvk_unary_params *)params)->kind);
}

static int32_t infer(struct cvk__infer *c)
{
    const struct cvk_unary_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    if (p->kind >= CVK_UNARY_KINDS)
        return cvk__infer_bad(c, "no unary kind %u; the last one known is %u, '%s'", p->kind, CVK_UNARY_KINDS - 1,
                              kinds[CVK_UNARY_KINDS - 1].name);
    if (!cvk__dtype_in(x->dtype, kinds[p->kind].dtypes))
        return cvk__infer_fail(c, "%s is not defined for %s elements; cast the input first", kinds[p->kind].name,
                               cvk_dtype_name(x->dtype));
    /* A comparison with NaN would let every element through in silence. */
    if (p->kind == CVK_CLIP && (p->a != p->a || p->b != p->b))
        return cvk__infer_bad(c, "clip's bounds are %g and %g; they must be numbers or infinities", (double)p->a, (double)p->b);
    if (p->kind == CVK_CELU && !(p->a < 0 || p->a > 0))
        return cvk__infer_bad(c, "celu divides by a, which is %g; give a number other than 0", (double)p->a);
    if (p->kind == CVK_IS_NAN || p->kind == CVK_IS_INF)
        return cvk__infer_out(c, 0, CVK_BOOL, x->rank, x->dims);
    return cvk__infer_out_like(c, 0, x);
}

static const struct cvk__grad from_x[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(0)},
};
static const struct cvk__grad from_y[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__Y(0)},
};

static const struct cvk__grad *grads_for(const void *params, uint32_t *count)
{
    *count = ((const struct cvk_unary_params *)params)->kind < CVK_NOT;
    return cvk_unary_gradient_from_y(params) ? from_y : from_x;
}

const struct cvk__op_def cvk__op_unary = {
    .id = CVK_OP_UNARY,
    .param_bytes = sizeof(struct cvk_unary_params),
    .name = "unary",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .kind = kind_name,
    .separable = cvk__cut_first,
    .grads_for = grads_for,
    .elementwise = true,
};

cvk_value cvk_unary(struct cvk_graph *g, cvk_value x, const struct cvk_unary_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_UNARY, p, &x, 1);
}

static cvk_value add_plain(struct cvk_graph *g, cvk_value x, uint32_t kind)
{
    return cvk_unary(g, x, &(struct cvk_unary_params){.kind = kind});
}

cvk_value cvk_relu(struct cvk_graph *g, cvk_value x)
{
    return add_plain(g, x, CVK_RELU);
}

cvk_value cvk_sigmoid(struct cvk_graph *g, cvk_value x)
{
    return add_plain(g, x, CVK_SIGMOID);
}

cvk_value cvk_tanh(struct cvk_graph *g, cvk_value x)
{
    return add_plain(g, x, CVK_TANH);
}
