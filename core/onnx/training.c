/* SPDX-License-Identifier: MIT
 * The operators of the domain ai.onnx.preview.training: a step of an optimiser for any number of tensors, and the gradient of a
 * value of the graph, which is built as nodes of the graph. */
#include "../graph/autodiff.h"
#include "../graph/kernel.h"
#include "../ops/op_def.h"
#include "import.h"

#define EPSILON 1e-6f /* the domain's default */

bool cvk__onnx_is_training(const Onnx__NodeProto *n)
{
    return n->domain && !strcmp(n->domain, CVK__ONNX_TRAINING);
}

/* ---- optimisers -----------------------------------------------------------------------------------------------------------
 */

static int32_t need_float(struct cvk__onnx *c, const char *name, float *out)
{
    if (!cvk__onnx_attr(c, name))
        return cvk__onnx_fail_attr(c, CVK_E_FORMAT, name, "is missing");
    return cvk__onnx_attr_float(c, name, 0, out);
}

static int32_t read_momentum(struct cvk__onnx *c, struct cvk_optimize_params *p)
{
    static const char *const modes[] = {"standard", "nesterov"};
    if (!cvk__onnx_attr(c, "mode"))
        return cvk__onnx_fail_attr(c, CVK_E_FORMAT, "mode", "is missing");
    CVK__TRY(cvk__onnx_attr_word(c, "mode", modes, 2, 0, &p->nesterov));
    CVK__TRY(need_float(c, "alpha", &p->momentum));
    CVK__TRY(need_float(c, "beta", &p->dampening));
    CVK__TRY(need_float(c, "norm_coefficient", &p->l2));
    if (p->momentum == 0 || p->dampening == 0)
        return cvk__onnx_fail_attr(c, CVK_E_UNSUPPORTED, p->momentum == 0 ? "alpha" : "beta", "0 is not supported");
    return CVK_OK;
}

static int32_t read_optimizer(struct cvk__onnx *c, struct cvk_optimize_params *p)
{
    p->kind = c->row->kind;
    if (p->kind == CVK_SGD)
        return read_momentum(c, p);
    CVK__TRY(cvk__onnx_attr_float(c, "epsilon", EPSILON, &p->epsilon));
    CVK__TRY(cvk__onnx_attr_float(c, "norm_coefficient", 0, &p->l2));
    if (p->kind == CVK_ADAGRAD)
        return cvk__onnx_attr_float(c, "decay_factor", 0, &p->lr_decay);
    CVK__TRY(cvk__onnx_attr_float(c, "alpha", 0.9f, &p->beta1));
    CVK__TRY(cvk__onnx_attr_float(c, "beta", 0.999f, &p->beta2));
    return cvk__onnx_attr_float(c, "norm_coefficient_post", 0, &p->post_decay);
}

/* Learning rate and step count, f32 [2]. */
static cvk_value hyper(struct cvk__onnx *c)
{
    const struct cvk_reshape_params one = {.kind = CVK_RESHAPE, .count = 1, .dims = {1}};
    cvk_value parts[2];
    for (uint32_t i = 0; i < 2; i++) {
        cvk_value v = cvk__onnx_in(c, i);
        if (cvk__onnx_type(c, v) != CVK_F32)
            v = cvk_cast(c->g, v, &(struct cvk_cast_params){.to = CVK_F32});
        parts[i] = cvk_reshape(c->g, v, &one);
    }
    return cvk_concat(c->g, parts, 2, &(struct cvk_concat_params){.axis = 0});
}

/* R, T, then all weights, all gradients, and all of each state; outputs are all weights and all of each state. */
static int32_t optimize(struct cvk__onnx *c)
{
    struct cvk_optimize_params p = {0};
    CVK__TRY(read_optimizer(c, &p));
    uint32_t states = cvk_optimizer_states(&p), groups = 2 + states, count = cvk__onnx_in_count(c) - 2, n = count / groups;
    if (count % groups || n == 0)
        return cvk__onnx_fail(c, CVK_E_FORMAT, "%u inputs behind R and T; there must be %u for each tensor", count, groups);
    if (c->node->n_output > (uint64_t)n * (1 + states))
        return cvk__onnx_fail(c, CVK_E_FORMAT, "%zu outputs for %u tensors", c->node->n_output, n);
    cvk_value rates = hyper(c);
    for (uint32_t k = 0; k < n; k++) {
        cvk_value in[5] = {0, 0, rates}, out[3] = {0};
        for (uint32_t i = 0; i < groups; i++)
            if (!(in[i < 2 ? i : i + 1] = cvk__onnx_in(c, 2 + i * n + k)))
                return cvk__onnx_fail(c, CVK_E_FORMAT, "input %u is missing", 2 + i * n + k);
        cvk_graph_add(c->g, CVK_OP_OPTIMIZE, &p, in, 3 + states, out, 1 + states);
        for (uint32_t i = 0; i <= states; i++)
            CVK__TRY(cvk__onnx_out(c, i * n + k, out[i]));
    }
    return CVK_OK;
}

/* ---- gradients ------------------------------------------------------------------------------------------------------------
 */

/* A name given as a string of the file; NULL if nothing in the graph has it. */
static struct cvk__onnx_name *find_name(const struct cvk__onnx *c, const ProtobufCBinaryData *text)
{
    char name[4096];
    if (text->len >= sizeof name || memchr(text->data, 0, text->len))
        return NULL;
    memcpy(name, text->data, text->len);
    name[text->len] = 0;
    return cvk__onnx_name_find(c, name);
}

struct cvk__onnx_name *cvk__onnx_gradient_of(const struct cvk__onnx *c, const Onnx__NodeProto *n)
{
    for (size_t i = 0; cvk__onnx_is_training(n) && !strcmp(n->op_type ? n->op_type : "", "Gradient") && i < n->n_attribute; i++)
        if (!strcmp(n->attribute[i]->name ? n->attribute[i]->name : "", "y") && n->attribute[i]->has_s &&
            n->attribute[i]->s.len)
            return find_name(c, &n->attribute[i]->s);
    return NULL;
}

/* The sizes of gradients are those of their values, so all must be known and none may follow the batch. */
static int32_t check_sizes(struct cvk__onnx *c)
{
    for (uint32_t i = 0; i < c->g->input_count; i++)
        if (c->g->values[c->g->inputs[i] - 1].open_dims)
            return cvk__onnx_fail(c, CVK_E_UNSUPPORTED,
                                  "the sizes of all inputs of the graph must be fixed; those of '%s' are open",
                                  CVK__SHOW(c->g->values[c->g->inputs[i] - 1].name));
    int32_t status = cvk__graph_infer(c->g, NULL);
    return status == CVK_OK ? CVK_OK : cvk__fail_in(status, "for a gradient: ");
}

/* The node's inputs must be the values that xs and then zs name: other values would need a graph of their own. */
static int32_t read_values(struct cvk__onnx *c, cvk_value *wrt, uint32_t *count)
{
    static const char *const lists[] = {"xs", "zs"};
    uint32_t input = 0;
    for (uint32_t l = 0; l < 2; l++) {
        const Onnx__AttributeProto *a = cvk__onnx_attr(c, lists[l]);
        for (size_t i = 0; a && i < a->n_strings; i++, input++) {
            const struct cvk__onnx_name *name = find_name(c, &a->strings[i]);
            if (!name || input >= c->node->n_input || strcmp(name->text, c->node->input[input]) || !name->value)
                return cvk__onnx_fail_attr(c, CVK_E_UNSUPPORTED, lists[l], "entry %zu is not the node's input %u", i, input);
            if (l == 0)
                wrt[(*count)++] = name->value;
        }
    }
    if (!*count || input != c->node->n_input)
        return cvk__onnx_fail_attr(c, CVK_E_FORMAT, "xs", "%u names in xs and zs for %zu inputs", input, c->node->n_input);
    return CVK_OK;
}

static int32_t differentiate(struct cvk__onnx *c, cvk_value *wrt, cvk_value *grads)
{
    const struct cvk__onnx_name *y = cvk__onnx_gradient_of(c, c->node);
    uint32_t count = 0;
    cvk__onnx_attr_ignore(c, "y"); /* read above */
    if (!y || !y->value)
        return cvk__onnx_fail_attr(c, CVK_E_FORMAT, "y", "is missing, or names no value that is made before");
    CVK__TRY(read_values(c, wrt, &count));
    CVK__TRY(check_sizes(c));
    int32_t status = cvk__autodiff(c->g, y->value, 0, wrt, count, NULL, grads);
    if (status != CVK_OK)
        return cvk__onnx_fail(c, status, "%s", CVK__SHOW(cvk_error_text()));
    /* A gradient has more nodes than what it is of, so one of another would soon be beyond all bounds. */
    if (c->g->node_count > c->source.limits.nodes)
        return cvk__onnx_fail(c, CVK_E_LIMIT, "with it the graph has %u nodes; the limit is %llu", c->g->node_count,
                              (unsigned long long)c->source.limits.nodes);
    for (uint32_t i = 0; i < count; i++) {
        if (!grads[i]) { /* y does not depend on it */
            const struct cvk_tensor_desc d = cvk__value_at(c->g, wrt[i])->desc;
            struct cvk_fill_params zeros = {.dtype = d.dtype, .count = d.rank};
            memcpy(zeros.dims, d.dims, sizeof zeros.dims);
            grads[i] = cvk_fill(c->g, 0, &zeros);
        }
        CVK__TRY(cvk__onnx_out(c, i, grads[i]));
    }
    return CVK_OK;
}

static int32_t gradient(struct cvk__onnx *c)
{
    cvk_value *values = cvk__alloc_array(CVK__TAG_ONNX, 2 * (c->node->n_input + 1), sizeof *values);
    if (!values)
        return cvk__fail_memory(c->node->n_input * sizeof *values, "a gradient");
    int32_t status = differentiate(c, values, values + c->node->n_input + 1);
    cvk__free(values);
    return status;
}

static const struct cvk__onnx_row rows[] = {
    {"Adam", 1, CVK__ONNX_LAST, 6, CVK__ONNX_ANY, CVK__ONNX_ANY, optimize, CVK_ADAM},
    {"Adagrad", 1, CVK__ONNX_LAST, 5, CVK__ONNX_ANY, CVK__ONNX_ANY, optimize, CVK_ADAGRAD},
    {"Momentum", 1, CVK__ONNX_LAST, 5, CVK__ONNX_ANY, CVK__ONNX_ANY, optimize, CVK_SGD},
    {"Gradient", 1, CVK__ONNX_LAST, 1, CVK__ONNX_ANY, CVK__ONNX_ANY, gradient, 0},
};
const struct cvk__onnx_table cvk__onnx_training = {rows, sizeof rows / sizeof rows[0]};
