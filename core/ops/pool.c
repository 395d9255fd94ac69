/* SPDX-License-Identifier: MIT
 * pool: schema, shape rule, cost, window, gradient and builder call. */
#include "slide.h"

/* Maxima of small whole numbers occur in quantised nets; 64-bit ones would not survive the way through double. */
#define MAX_TYPES (CVK__FLOATS | (CVK__INTEGERS & ~(CVK_DTYPE_BIT(CVK_I64) | CVK_DTYPE_BIT(CVK_U64))))

static const char *kind(const void *params)
{
    static const char *const names[] = {"max", "avg", "lp", "global_max", "global_avg", "global_lp"};
    const struct cvk_pool_params *p = params;
    return p->kind > CVK_POOL_LP ? NULL : names[p->kind + (p->global ? 3 : 0)];
}

static int32_t check_params(struct cvk__infer *c, struct cvk_pool_params *p)
{
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    if (p->kind > CVK_POOL_LP)
        return cvk__infer_bad(c, "kind is %u; known are 0 (max), 1 (avg) and 2 (lp)", p->kind);
    if (p->auto_pad > CVK_PAD_VALID)
        return cvk__infer_bad(c, "auto_pad is %u; known are 0 (explicit) to 3 (valid)", p->auto_pad);
    if (p->rounding > CVK_ROUND_CEIL)
        return cvk__infer_bad(c, "rounding is %u; known are 0 (floor), 1 (strict) and 2 (ceil)", p->rounding);
    if (p->storage_order > 1)
        return cvk__infer_bad(c, "storage_order is %u; known are 0 (row-major) and 1 (column-major)", p->storage_order);
    if (!cvk__dtype_in(x->dtype, p->kind == CVK_POOL_MAX ? MAX_TYPES : CVK__FLOATS))
        return cvk__infer_fail(c, "%s pooling of %s is not possible; it takes f32, f64, f16, bf16%s", kind(p),
                               cvk_dtype_name(x->dtype), p->kind == CVK_POOL_MAX ? " and whole numbers of up to 32 bits" : "");
    if (p->kind != CVK_POOL_MAX && cvk__infer_wants(c, 1))
        return cvk__infer_bad(c, "only max pooling has indices, not %s pooling", kind(p));
    if (p->kind == CVK_POOL_LP && p->p < 0)
        return cvk__infer_bad(c, "p is %d; it must be at least 1 (0 means 2)", p->p);
    p->p = p->p ? p->p : 2;
    p->global = p->global != 0;
    return CVK_OK;
}

/* One axis. A map without pixels has nothing to choose from, whatever its padding. */
static int32_t place(const struct cvk__infer *c, const struct cvk_pool_params *p, struct cvk__slide *s,
                     struct cvk__slide_note *note)
{
    if (s->in < 1)
        return cvk__infer_fail(c, "%s is 0: a window needs at least one pixel", s->name);
    if (p->global) {
        s->kernel = s->in;
        s->stride = s->dilation = 1;
        s->pad_begin = s->pad_end = 0;
    }
    CVK__TRY(cvk__slide_check(c, s, false));
    return cvk__slide_place(c, s, p->global ? CVK_PAD_EXPLICIT : p->auto_pad, p->rounding, note);
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_pool_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    struct cvk__slide_note note = {.used = 0};
    uint32_t spatial;
    CVK__TRY(check_params(c, p));
    CVK__TRY(cvk__slide_maps(c, x, &spatial));
    int64_t out[CVK_MAX_RANK] = {x->dims[0], x->dims[1]};
    for (uint32_t i = 0; i < spatial; i++) {
        struct cvk__slide s = {.name = cvk__slide_name(spatial, i),
                               .in = x->dims[2 + i],
                               .kernel = p->kernel[i],
                               .stride = p->stride[i],
                               .dilation = p->dilation[i],
                               .pad_begin = p->pad_begin[i],
                               .pad_end = p->pad_end[i],
                               .pools = true};
        CVK__TRY(place(c, p, &s, &note));
        p->kernel[i] = s.kernel;
        p->stride[i] = s.stride;
        p->dilation[i] = s.dilation;
        p->pad_begin[i] = s.pad_begin;
        p->pad_end[i] = s.pad_end;
        out[2 + i] = s.out;
    }
    p->auto_pad = CVK_PAD_EXPLICIT;
    CVK__TRY(cvk__slide_tell(c, &note));
    CVK__TRY(cvk__infer_out(c, 1, CVK_I64, x->rank, out));
    return cvk__infer_out(c, 0, x->dtype, x->rank, out);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    const struct cvk_pool_params *p = node->params;
    uint64_t each = 1;
    for (uint32_t i = 0; i + 2 < node->inputs[0]->rank; i++)
        each = cvk__cost_mul(each, (uint64_t)p->kernel[i]);
    cost->macs = 0;
    cost->flops = cvk__cost_mul(cvk_tensor_desc_count(node->outputs[0]), each);
}

static void window(const struct cvk_node *node, struct cvk__window *window)
{
    const struct cvk_pool_params *p = node->params;
    window->spatial_rank = p->global ? 0 : node->inputs[0]->rank - 2;
    for (uint32_t i = 0; i < window->spatial_rank; i++) {
        window->kernel[i] = p->kernel[i];
        window->stride[i] = p->stride[i];
        window->dilation[i] = p->dilation[i];
        window->pad_begin[i] = p->pad_begin[i];
        window->upstride[i] = 1;
    }
}

/* avg needs dy alone, max and lp x as well: which pixel won, and its share. */
static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(0)},
};

/* Places of maxima are counted over the whole tensor. */
static bool separable(const struct cvk_node *node, bool *cut)
{
    return (node->output_count < 2 || !node->outputs[1]) && cvk__cut_first(node, cut);
}

const struct cvk__op_def cvk__op_pool = {
    .id = CVK_OP_POOL,
    .param_bytes = sizeof(struct cvk_pool_params),
    .name = "pool",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 2,
    .infer = infer,
    .cost = cost,
    .window = window,
    .kind = kind,
    .separable = separable,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
};

cvk_value cvk_pool(struct cvk_graph *g, cvk_value x, const struct cvk_pool_params *p, cvk_value *indices)
{
    cvk_value y[2] = {0, 0};
    cvk_graph_add(g, CVK_OP_POOL, p, &x, 1, y, indices ? 2 : 1);
    if (indices)
        *indices = y[1];
    return y[0];
}
