/* SPDX-License-Identifier: MIT
 * conv: schema, shape rule, cost, window, gradients and builder call. */
#include "slide.h"

/* Depth of the maps against depth of the weights, and what group and bias ask of them. */
static int32_t check_channels(const struct cvk__infer *c, int64_t group)
{
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0), *w = cvk__infer_in(c, 1), *b = cvk__infer_in(c, 2);
    char wt[CVK_SHAPE_TEXT], bt[CVK_SHAPE_TEXT];
    int64_t ic = x->dims[1], oc = w->dims[0];
    if (ic % group || oc % group)
        return cvk__infer_fail(c, "group %lld does not divide both the %lld input channels and the %lld filters",
                               (long long)group, (long long)ic, (long long)oc);
    if (w->dims[1] != ic / group)
        return cvk__infer_fail(
            c,
            "the input has %lld channels, so with group %lld each filter needs a depth of %lld, but the weights "
            "(%s) have a depth of %lld",
            (long long)ic, (long long)group, (long long)(ic / group), cvk_shape_text(w->rank, w->dims, wt),
            (long long)w->dims[1]);
    if (b && (b->rank != 1 || b->dims[0] != oc))
        return cvk__infer_fail(c, "the bias is %s, but %lld filters need one number each: %lld",
                               cvk_shape_text(b->rank, b->dims, bt), (long long)oc, (long long)oc);
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_conv_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0), *w = cvk__infer_in(c, 1);
    struct cvk__slide_note note = {.used = 0};
    uint32_t spatial;
    char text[CVK_SHAPE_TEXT];
    CVK__TRY(cvk__slide_types(c));
    CVK__TRY(cvk__slide_maps(c, x, &spatial));
    if (w->rank != x->rank)
        return cvk__infer_fail(c, "the weights are %s, %u axes; for this input they need %u: filters, depth and %u of the kernel",
                               cvk_shape_text(w->rank, w->dims, text), w->rank, x->rank, spatial);
    if (p->rounding > CVK_ROUND_STRICT)
        return cvk__infer_bad(c, "rounding is %u; conv rounds down (0) or is strict (1)", p->rounding);
    p->group = p->group ? p->group : 1;
    CVK__TRY(check_channels(c, p->group));
    int64_t out[CVK_MAX_RANK] = {x->dims[0], w->dims[0]};
    for (uint32_t i = 0; i < spatial; i++) {
        struct cvk__slide s = {.name = cvk__slide_name(spatial, i),
                               .in = x->dims[2 + i],
                               .kernel = w->dims[2 + i],
                               .stride = p->stride[i],
                               .dilation = p->dilation[i],
                               .pad_begin = p->pad_begin[i],
                               .pad_end = p->pad_end[i]};
        if (p->kernel[i] && p->kernel[i] != s.kernel)
            return cvk__infer_bad(c, "kernel is %lld in %s, but the weights %s say %lld", (long long)p->kernel[i], s.name,
                                  cvk_shape_text(w->rank, w->dims, text), (long long)s.kernel);
        CVK__TRY(cvk__slide_check(c, &s, false));
        CVK__TRY(cvk__slide_place(c, &s, p->auto_pad, p->rounding, &note));
        p->kernel[i] = s.kernel;
        p->stride[i] = s.stride;
        p->dilation[i] = s.dilation;
        p->pad_begin[i] = s.pad_begin;
        p->pad_end[i] = s.pad_end;
        out[2 + i] = s.out;
    }
    p->auto_pad = CVK_PAD_EXPLICIT;
    CVK__TRY(cvk__slide_tell(c, &note));
    return cvk__infer_out(c, 0, x->dtype, x->rank, out);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    const struct cvk_tensor_desc *w = node->inputs[1];
    uint64_t outputs = cvk_tensor_desc_count(node->outputs[0]), each = 1;
    for (uint32_t i = 1; i < w->rank; i++)
        each = cvk__cost_mul(each, (uint64_t)w->dims[i]);
    bool bias = node->input_count > 2 && node->inputs[2];
    cost->macs = cvk__cost_mul(outputs, each);
    cost->flops = cvk__cost_flops(cost->macs, bias ? outputs : 0);
}

static void window(const struct cvk_node *node, struct cvk__window *window)
{
    const struct cvk_conv_params *p = node->params;
    window->spatial_rank = node->inputs[0]->rank - 2;
    for (uint32_t i = 0; i < window->spatial_rank; i++) {
        window->kernel[i] = p->kernel[i];
        window->stride[i] = p->stride[i];
        window->dilation[i] = p->dilation[i];
        window->pad_begin[i] = p->pad_begin[i];
        window->upstride[i] = 1;
    }
}

static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(1)},
    {CVK_PASS_BACKWARD_WEIGHTS, CVK__X(1) | CVK__X(2), CVK__DY(0) | CVK__X(0)},
};

const struct cvk__op_def cvk__op_conv = {
    .id = CVK_OP_CONV,
    .param_bytes = sizeof(struct cvk_conv_params),
    .name = "conv",
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
    .window = window,
    .separable = cvk__cut_first,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
    .weights = CVK__X(1) | CVK__X(2),
    .accepts_epilogue = true,
};

cvk_value cvk_conv(struct cvk_graph *g, cvk_value x, cvk_value w, cvk_value b, const struct cvk_conv_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_CONV, p, (cvk_value[]){x, w, b}, 3);
}
