/* SPDX-License-Identifier: MIT
 * binary: schema, shape rule with broadcasting, and builder calls. */
#include "../graph/autodiff.h"
#include "dtype_sets.h"

#define BOOLS CVK_DTYPE_BIT(CVK_BOOL)

static const struct {
    const char *name;
    uint32_t dtypes; /* of a, and of b except for pow */
    bool gives_bool;
} kinds[CVK_BINARY_KINDS] = {
    [CVK_ADD] = {"add", CVK__NUMBERS, false},
    [CVK_SUB] = {"sub", CVK__NUMBERS, false},
    [CVK_MUL] = {"mul", CVK__NUMBERS, false},
    [CVK_DIV] = {"div", CVK__NUMBERS, false},
    [CVK_POW] = {"pow", CVK__NUMBERS, false},
    [CVK_MIN] = {"min", CVK__NUMBERS, false},
    [CVK_MAX] = {"max", CVK__NUMBERS, false},
    [CVK_MOD] = {"mod", CVK__NUMBERS, false},
    [CVK_FMOD] = {"fmod", CVK__NUMBERS, false},
    [CVK_PRELU] = {"prelu", CVK__NUMBERS, false},
    [CVK_EQUAL] = {"equal", CVK__NUMBERS | BOOLS, true},
    [CVK_LESS] = {"less", CVK__NUMBERS, true},
    [CVK_LESS_EQUAL] = {"less_equal", CVK__NUMBERS, true},
    [CVK_GREATER] = {"greater", CVK__NUMBERS, true},
    [CVK_GREATER_EQUAL] = {"greater_equal", CVK__NUMBERS, true},
    [CVK_AND] = {"and", BOOLS, true},
    [CVK_OR] = {"or", BOOLS, true},
    [CVK_XOR] = {"xor", BOOLS, true},
};

const char *cvk_binary_name(uint32_t kind)
{
    return kind < CVK_BINARY_KINDS ? kinds[kind].name : NULL;
}

static const char *kind_name(const void *params)
{
    return cvk_binary_name(((const struct cvk_binary_params *)params)->kind);
}

static int32_t check_types(const struct cvk__infer *c, uint32_t kind, uint32_t a, uint32_t b)
{
    if (!cvk__dtype_in(a, kinds[kind].dtypes))
        return cvk__infer_fail(c, "%s is not defined for %s elements; cast the inputs first", kinds[kind].name,
                               cvk_dtype_name(a));
    if (kind == CVK_POW) {
        if (!cvk__dtype_in(b, CVK__NUMBERS))
            return cvk__infer_fail(c, "pow's exponent is %s; it must be a number type", cvk_dtype_name(b));
    } else if (a != b) {
        return cvk__infer_fail(c, "%s of %s and %s elements; cast one of them so that both have one type", kinds[kind].name,
                               cvk_dtype_name(a), cvk_dtype_name(b));
    }
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    const struct cvk_binary_params *p = c->node->params;
    const struct cvk_tensor_desc *a = cvk__infer_in(c, 0), *b = cvk__infer_in(c, 1);
    if (p->kind >= CVK_BINARY_KINDS)
        return cvk__infer_bad(c, "no binary kind %u; the last one known is %u, '%s'", p->kind, CVK_BINARY_KINDS - 1,
                              kinds[CVK_BINARY_KINDS - 1].name);
    CVK__TRY(check_types(c, p->kind, a->dtype, b->dtype));
    int64_t dims[CVK_MAX_RANK];
    uint32_t rank = a->rank;
    memcpy(dims, a->dims, sizeof dims);
    CVK__TRY(cvk__infer_broadcast(c, &rank, dims, b));
    if (p->kind == CVK_PRELU && (rank != a->rank || memcmp(dims, a->dims, rank * sizeof dims[0]) != 0)) {
        char ta[CVK_SHAPE_TEXT], tb[CVK_SHAPE_TEXT];
        return cvk__infer_fail(
            c, "prelu's slopes of %s must stretch to the input's %s; reshape them, to Cx1x1 for one slope per channel",
            cvk_shape_text(b->rank, b->dims, tb), cvk_shape_text(a->rank, a->dims, ta));
    }
    return cvk__infer_out(c, 0, kinds[p->kind].gives_bool ? (uint32_t)CVK_BOOL : a->dtype, rank, dims);
}

/* One declaration serves all kinds; add and sub ignore the values of x. */
static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0) | CVK__X(1), CVK__DY(0) | CVK__X(0) | CVK__X(1)},
};

/* elementwise holds when a has the output's sizes; whoever uses it compares the bytes. */
static cvk_value join(struct cvk__diff *d, uint32_t kind, cvk_value a, cvk_value b)
{
    const struct cvk_binary_params p = {.size = sizeof p, .kind = kind};
    return cvk__diff_op(d, CVK_OP_BINARY, &p, (cvk_value[]){a, b}, 2);
}

static int32_t give(struct cvk__diff *d, uint32_t i, cvk_value v)
{
    return cvk__diff_give(d, i, cvk__diff_unbroadcast(d, v, cvk__diff_desc(d, cvk__diff_node(d)->inputs[i])));
}

/* The four that are made of each other; the others have declared rows. */
static int32_t differentiate(struct cvk__diff *d)
{
    const struct cvk__node n = *cvk__diff_node(d);
    const cvk_value dy = cvk__diff_dy(d, 0), a = n.inputs[0], b = n.inputs[1], y = n.outputs[0];
    const bool da = cvk__diff_wants(d, 0), db = cvk__diff_wants(d, 1);
    switch (((const struct cvk_binary_params *)n.params)->kind) {
    case CVK_ADD:
        CVK__TRY(da ? give(d, 0, dy) : CVK_OK);
        return db ? give(d, 1, dy) : CVK_OK;
    case CVK_SUB:
        CVK__TRY(da ? give(d, 0, dy) : CVK_OK);
        return db ? give(d, 1, cvk__diff_scale(d, dy, -1)) : CVK_OK;
    case CVK_MUL:
        CVK__TRY(da ? give(d, 0, join(d, CVK_MUL, dy, b)) : CVK_OK);
        return db ? give(d, 1, join(d, CVK_MUL, dy, a)) : CVK_OK;
    case CVK_DIV: /* d(a/b)/db = -y/b */
        CVK__TRY(da ? give(d, 0, join(d, CVK_DIV, dy, b)) : CVK_OK);
        return db ? give(d, 1, cvk__diff_scale(d, join(d, CVK_DIV, join(d, CVK_MUL, dy, y), b), -1)) : CVK_OK;
    default: return CVK_E_NOT_FOUND;
    }
}

const struct cvk__op_def cvk__op_binary = {
    .id = CVK_OP_BINARY,
    .param_bytes = sizeof(struct cvk_binary_params),
    .name = "binary",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .kind = kind_name,
    .separable = cvk__cut_broadcast,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
    .elementwise = true,
    .differentiate = differentiate,
};

cvk_value cvk_binary(struct cvk_graph *g, uint32_t kind, cvk_value a, cvk_value b)
{
    return cvk__graph_add_one(g, CVK_OP_BINARY, &(struct cvk_binary_params){.kind = kind}, (cvk_value[]){a, b}, 2);
}

cvk_value cvk_add(struct cvk_graph *g, cvk_value a, cvk_value b)
{
    return cvk_binary(g, CVK_ADD, a, b);
}

cvk_value cvk_mul(struct cvk_graph *g, cvk_value a, cvk_value b)
{
    return cvk_binary(g, CVK_MUL, a, b);
}
