/* SPDX-License-Identifier: MIT
 * optimize: schema, shape rule, cost and what callers ask of an optimiser's parameters. */
#include "dtype_sets.h"

static const char *const kinds[CVK_OPTIMIZER_KINDS] = {
    [CVK_SGD] = "sgd", [CVK_ADAM] = "adam", [CVK_ADAMW] = "adamw", [CVK_RMSPROP] = "rmsprop", [CVK_ADAGRAD] = "adagrad",
};

const char *cvk_optimizer_name(uint32_t kind)
{
    return kind < CVK_OPTIMIZER_KINDS ? kinds[kind] : NULL;
}

uint32_t cvk_optimizer_states(const struct cvk_optimize_params *p)
{
    switch (p->kind) {
    case CVK_SGD:
        return p->momentum != 0 ? 1 : 0;
    case CVK_ADAM:
    case CVK_ADAMW:
        return 2;
    case CVK_RMSPROP:
        return p->momentum != 0 ? 2 : 1;
    default:
        return 1;
    }
}

struct cvk_optimize_params cvk_optimizer_defaults(uint32_t kind)
{
    struct cvk_optimize_params p = {.size = sizeof p, .kind = kind, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f};
    if (kind == CVK_SGD)
        p.momentum = 0.9f;
    if (kind == CVK_RMSPROP)
        p.beta2 = 0.9f;
    if (kind == CVK_ADAMW)
        p.decay = 0.01f;
    return p;
}

static const char *kind_name(const void *params)
{
    return cvk_optimizer_name(((const struct cvk_optimize_params *)params)->kind);
}

static bool is_rate(float x)
{
    return x >= 0 && x < 1;
}

static int32_t check_params(const struct cvk__infer *c, const struct cvk_optimize_params *p)
{
    if (p->kind >= CVK_OPTIMIZER_KINDS)
        return cvk__infer_bad(c, "no optimiser %u; the last one known is %u, '%s'", p->kind, CVK_OPTIMIZER_KINDS - 1,
                              kinds[CVK_OPTIMIZER_KINDS - 1]);
    if (!is_rate(p->momentum) || !is_rate(p->beta1) || !is_rate(p->beta2))
        return cvk__infer_bad(c, "momentum %g, beta1 %g and beta2 %g must be at least 0 and below 1", (double)p->momentum,
                              (double)p->beta1, (double)p->beta2);
    if (!(p->epsilon >= 0 && p->l1 >= 0 && p->l2 >= 0 && p->decay >= 0 && p->lr_decay >= 0))
        return cvk__infer_bad(c, "epsilon %g, l1 %g, l2 %g, decay %g and lr_decay %g must be at least 0", (double)p->epsilon,
                              (double)p->l1, (double)p->l2, (double)p->decay, (double)p->lr_decay);
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    static const char *const names[] = {"w", "dw", "hyper", "s0", "s1", "factor"};
    const struct cvk_optimize_params *p = c->node->params;
    const struct cvk_tensor_desc *w = cvk__infer_in(c, 0), *hyper = cvk__infer_in(c, 2), *factor = cvk__infer_in(c, 5);
    char text[CVK_SHAPE_TEXT], wt[CVK_SHAPE_TEXT];
    CVK__TRY(check_params(c, p));
    uint32_t states = cvk_optimizer_states(p);
    if (!cvk__dtype_in(w->dtype, CVK__FLOATS))
        return cvk__infer_fail(c, "w is %s; it must be f32, f64, f16 or bf16", cvk_dtype_name(w->dtype));
    if (hyper->dtype != CVK_F32 || hyper->rank != 1 || hyper->dims[0] != 2)
        return cvk__infer_fail(c, "hyper is %s %s; it is f32 2: the learning rate and the step count",
                               cvk_dtype_name(hyper->dtype), cvk_shape_text(hyper->rank, hyper->dims, text));
    if (factor && (factor->dtype != CVK_F32 || cvk_tensor_desc_count(factor) != 1))
        return cvk__infer_fail(c, "factor must be one f32 number");
    for (uint32_t i = 1; i < 5; i++) {
        const struct cvk_tensor_desc *d = cvk__infer_in(c, i);
        bool wanted = i == 1 || (i > 2 && i < 3 + states);
        if (i == 2)
            continue;
        if (!d != !wanted)
            return cvk__infer_fail(c, "%s is %s; %s with these parameters has %u state%s", names[i], d ? "given" : "missing",
                                   kinds[p->kind], states, states == 1 ? "" : "s");
        if (d && (d->dtype != w->dtype || d->rank != w->rank || memcmp(d->dims, w->dims, w->rank * sizeof *w->dims) != 0))
            return cvk__infer_fail(c, "%s is %s %s; it must be like w, %s %s", names[i], cvk_dtype_name(d->dtype),
                                   cvk_shape_text(d->rank, d->dims, text), cvk_dtype_name(w->dtype),
                                   cvk_shape_text(w->rank, w->dims, wt));
    }
    if (c->node->output_count != 1 + states)
        return cvk__infer_bad(c, "%u outputs; %s with these parameters has %u: w and its state", c->node->output_count,
                              kinds[p->kind], 1 + states);
    for (uint32_t i = 0; i <= states; i++)
        CVK__TRY(cvk__infer_out_like(c, i, w));
    return CVK_OK;
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    cost->macs = 0;
    cost->flops = cvk__cost_mul(8, cvk_tensor_desc_count(node->inputs[0]));
}

const struct cvk__op_def cvk__op_optimize = {
    .id = CVK_OP_OPTIMIZE,
    .param_bytes = sizeof(struct cvk_optimize_params),
    .name = "optimize",
    .min_inputs = 3,
    .max_inputs = 6,
    .min_outputs = 1,
    .max_outputs = 3,
    .infer = infer,
    .cost = cost,
    .kind = kind_name,
    .replaces = (const int8_t[]){0, 3, 4},
    .pass = CVK_PASS_UPDATE,
};
