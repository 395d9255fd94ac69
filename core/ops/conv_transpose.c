/* SPDX-License-Identifier: MIT
 * conv_transpose: schema, shape rule, cost, window, gradients and builder call. */
#include "slide.h"

static int32_t check_channels(const struct cvk__infer *c, int64_t group, int64_t *oc)
{
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0), *w = cvk__infer_in(c, 1), *b = cvk__infer_in(c, 2);
    char text[CVK_SHAPE_TEXT];
    if (w->dims[0] != x->dims[1])
        return cvk__infer_fail(c, "the input has %lld channels but the weights are for %lld (weights %s)", (long long)x->dims[1],
                               (long long)w->dims[0], cvk_shape_text(w->rank, w->dims, text));
    if (x->dims[1] % group)
        return cvk__infer_fail(c, "group %lld does not divide the %lld input channels", (long long)group, (long long)x->dims[1]);
    if (!cvk__mul_i64(w->dims[1], group, oc))
        return cvk__infer_fail(c, "%lld filters in each of %lld groups are more than can be counted", (long long)w->dims[1],
                               (long long)group);
    if (b && (b->rank != 1 || b->dims[0] != *oc))
        return cvk__infer_fail(c, "the bias is %s, but %lld output channels need one number each: %lld",
                               cvk_shape_text(b->rank, b->dims, text), (long long)*oc, (long long)*oc);
    return CVK_OK;
}

/* Cuts `total` pixels from both ends; a wish for more outputs than there are gets zeros at the end. */
static void share_padding(struct cvk__slide *s, int64_t total, uint32_t auto_pad)
{
    s->pad_begin = total <= 0 ? 0 : auto_pad == CVK_PAD_SAME_UPPER ? total / 2 : total - total / 2;
    s->pad_end = total - s->pad_begin;
}

static int32_t place(const struct cvk__infer *c, struct cvk__slide *s, uint32_t auto_pad, int64_t output_pad, int64_t wish)
{
    if (s->in < 1)
        return cvk__infer_fail(c, "%s is 0: at least one pixel is needed", s->name);
    if (output_pad < 0 || (output_pad >= s->stride && output_pad >= s->dilation))
        return cvk__infer_bad(c, "output_pad is %lld in %s; it must be at least 0 and below stride %lld or dilation %lld",
                              (long long)output_pad, s->name, (long long)s->stride, (long long)s->dilation);
    if (wish < 0 || wish > INT32_MAX)
        return cvk__infer_bad(c, "output_size is %lld in %s; it must be 0 (computed) to %d", (long long)wish, s->name, INT32_MAX);
    if (auto_pad != CVK_PAD_EXPLICIT && (s->pad_begin || s->pad_end))
        return cvk__infer_bad(c, "paddings %lld and %lld in %s are given together with auto_pad %u; give one or the other",
                              (long long)s->pad_begin, (long long)s->pad_end, s->name, auto_pad);
    /* None of the terms passes 2^62, see cvk__slide_check. */
    int64_t whole = s->stride * (s->in - 1) + output_pad + s->window;
    bool same = auto_pad == CVK_PAD_SAME_UPPER || auto_pad == CVK_PAD_SAME_LOWER;
    if (wish || same)
        share_padding(s, whole - (wish ? wish : s->in * s->stride), auto_pad);
    s->out = whole - s->pad_begin - s->pad_end;
    if (s->out < 1)
        return cvk__infer_fail(
            c,
            "%s %lld at stride %lld with a window of %lld makes %lld pixels, and a padding of %lld + %lld cuts "
            "all of them away; at most %lld in all would fit",
            s->name, (long long)s->in, (long long)s->stride, (long long)s->window, (long long)whole, (long long)s->pad_begin,
            (long long)s->pad_end, (long long)(whole > 0 ? whole - 1 : 0));
    return CVK_OK;
}

static int32_t infer(struct cvk__infer *c)
{
    struct cvk_conv_transpose_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0), *w = cvk__infer_in(c, 1);
    uint32_t spatial;
    char text[CVK_SHAPE_TEXT];
    CVK__TRY(cvk__slide_types(c));
    CVK__TRY(cvk__slide_maps(c, x, &spatial));
    if (w->rank != x->rank)
        return cvk__infer_fail(c,
                               "the weights are %s, %u axes; for this input they need %u: channels, filters and %u of the kernel",
                               cvk_shape_text(w->rank, w->dims, text), w->rank, x->rank, spatial);
    if (p->auto_pad > CVK_PAD_VALID)
        return cvk__infer_bad(c, "auto_pad is %u; known are 0 (explicit) to 3 (valid)", p->auto_pad);
    p->group = p->group ? p->group : 1;
    int64_t out[CVK_MAX_RANK] = {x->dims[0]};
    CVK__TRY(check_channels(c, p->group, &out[1]));
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
        CVK__TRY(cvk__slide_check(c, &s, true));
        CVK__TRY(place(c, &s, p->auto_pad, p->output_pad[i], p->output_size[i]));
        p->kernel[i] = s.kernel;
        p->stride[i] = s.stride;
        p->dilation[i] = s.dilation;
        p->pad_begin[i] = s.pad_begin;
        p->pad_end[i] = s.pad_end;
        p->output_size[i] = 0; /* the padding says it now */
        out[2 + i] = s.out;
    }
    p->auto_pad = CVK_PAD_EXPLICIT;
    return cvk__infer_out(c, 0, x->dtype, x->rank, out);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    const struct cvk_tensor_desc *w = node->inputs[1];
    uint64_t each = 1;
    for (uint32_t i = 1; i < w->rank; i++)
        each = cvk__cost_mul(each, (uint64_t)w->dims[i]);
    bool bias = node->input_count > 2 && node->inputs[2];
    cost->macs = cvk__cost_mul(cvk_tensor_desc_count(node->inputs[0]), each);
    cost->flops = cvk__cost_flops(cost->macs, bias ? cvk_tensor_desc_count(node->outputs[0]) : 0);
}

static void window(const struct cvk_node *node, struct cvk__window *window)
{
    const struct cvk_conv_transpose_params *p = node->params;
    window->spatial_rank = node->inputs[0]->rank - 2;
    for (uint32_t i = 0; i < window->spatial_rank; i++) {
        window->kernel[i] = p->kernel[i];
        window->stride[i] = 1;
        window->dilation[i] = p->dilation[i];
        window->pad_begin[i] = p->pad_begin[i];
        window->upstride[i] = p->stride[i];
    }
}

static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(1)},
    {CVK_PASS_BACKWARD_WEIGHTS, CVK__X(1) | CVK__X(2), CVK__DY(0) | CVK__X(0)},
};

const struct cvk__op_def cvk__op_conv_transpose = {
    .id = CVK_OP_CONV_TRANSPOSE,
    .param_bytes = sizeof(struct cvk_conv_transpose_params),
    .name = "conv_transpose",
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

cvk_value cvk_conv_transpose(struct cvk_graph *g, cvk_value x, cvk_value w, cvk_value b,
                             const struct cvk_conv_transpose_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_CONV_TRANSPOSE, p, (cvk_value[]){x, w, b}, 3);
}
