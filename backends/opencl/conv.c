/* SPDX-License-Identifier: MIT
 * conv.h */
#include "conv.h"

struct ocl_window ocl_window_of(const struct cvk_node *node)
{
    const struct cvk_conv_params *c = node->params;
    const struct cvk_conv_transpose_params *t = node->params;
    if (node->op == CVK_OP_CONV)
        return (struct ocl_window){c->kernel, c->stride, c->dilation, c->pad_begin, c->group};
    return (struct ocl_window){t->kernel, t->stride, t->dilation, t->pad_begin, t->group};
}

static void set_axis(struct ocl_conv *c, const struct ocl_window *p, uint32_t from, bool height)
{
    *(height ? &c->kh : &c->kw) = (uint64_t)p->kernel[from];
    *(height ? &c->stride_h : &c->stride_w) = (uint64_t)p->stride[from];
    *(height ? &c->dilation_h : &c->dilation_w) = (uint64_t)p->dilation[from];
    *(height ? &c->pad_top : &c->pad_left) = p->pad_begin[from];
}

static void set_seen(struct ocl_conv *c, uint64_t h, uint64_t w)
{
    if (h && w) {
        c->seen_h = (h - 1) * c->stride_h + (c->kh - 1) * c->dilation_h + 1;
        c->seen_w = (w - 1) * c->stride_w + (c->kw - 1) * c->dilation_w + 1;
    }
}

static struct ocl_conv sizes_of(const struct ocl_window *p, const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *y,
                                bool transposed)
{
    uint32_t last = x->rank - 1, axis = x->rank - 3; /* of the tensors and of the parameters: the width */
    struct ocl_conv c = {.n = (uint64_t)x->dims[0],
                         .ic = (uint64_t)x->dims[1],
                         .h = axis == 1 ? (uint64_t)x->dims[2] : 1,
                         .w = (uint64_t)x->dims[last],
                         .oc = (uint64_t)y->dims[1],
                         .oh = axis == 1 ? (uint64_t)y->dims[2] : 1,
                         .ow = (uint64_t)y->dims[last],
                         .group = p->group,
                         .kh = 1,
                         .stride_h = 1,
                         .dilation_h = 1,
                         .transposed = transposed,
                         .flipped = transposed};
    set_axis(&c, p, axis, false);
    if (axis == 1)
        set_axis(&c, p, 0, true);
    /* Steps that are never taken may be huge. */
    uint64_t windows_h = c.transposed ? c.h : c.oh, windows_w = c.transposed ? c.w : c.ow;
    c.stride_h = windows_h > 1 ? c.stride_h : 1;
    c.stride_w = windows_w > 1 ? c.stride_w : 1;
    c.dilation_h = c.kh > 1 ? c.dilation_h : 1;
    c.dilation_w = c.kw > 1 ? c.dilation_w : 1;
    set_seen(&c, windows_h, windows_w);
    c.ic_blocks = ocl_ceil_div(c.ic, OCL_BLOCK);
    c.oc_blocks = ocl_ceil_div(c.oc, OCL_BLOCK);
    return c;
}

struct ocl_conv ocl_conv_of(const struct cvk_node *node)
{
    const struct ocl_window p = ocl_window_of(node);
    bool transposed = (node->op == CVK_OP_CONV) != (node->pass == CVK_PASS_FORWARD);
    struct ocl_conv c = sizes_of(&p, node->inputs[0], node->outputs[0], transposed);
    if (c.transposed && c.stride_h == 1 && c.stride_w == 1) {
        c.transposed = false;
        c.pad_top = (int64_t)((c.kh - 1) * c.dilation_h) - c.pad_top;
        c.pad_left = (int64_t)((c.kw - 1) * c.dilation_w) - c.pad_left;
        set_seen(&c, c.oh, c.ow);
    }
    return c;
}

struct ocl_conv ocl_conv_weights_of(const struct cvk_node *node)
{
    const struct ocl_window p = ocl_window_of(node);
    uint32_t x = ocl_conv_weights_x(node);
    return sizes_of(&p, node->inputs[x], node->inputs[1 - x], false);
}

bool ocl_conv_has_bias(const struct cvk_node *node)
{
    return node->input_count > 2 && node->inputs[2];
}

bool ocl_conv_packs_at_run(const struct cvk_node *node)
{
    return node->pass != CVK_PASS_FORWARD || !node->constants[1];
}

const struct cvk_binding *ocl_conv_bias(const struct cvk_exec *e)
{
    return ocl_conv_has_bias(e->node) ? &e->inputs[2] : NULL;
}

uint64_t ocl_conv_classes(const struct ocl_conv *c, uint32_t axis)
{
    return !c->transposed ? 1 : axis == 0 ? c->stride_h : c->stride_w;
}

/* What one output of a transposed convolution reads: rows (output + pad - tap * dilation) / stride that are whole. */
static struct ocl_conv_taps transposed_taps(const struct ocl_conv *c, uint32_t axis, uint64_t which)
{
    int64_t stride = (int64_t)(axis == 0 ? c->stride_h : c->stride_w), kernel = (int64_t)(axis == 0 ? c->kh : c->kw);
    int64_t dilation = (int64_t)(axis == 0 ? c->dilation_h : c->dilation_w), pad = axis == 0 ? c->pad_top : c->pad_left;
    uint64_t outputs = axis == 0 ? c->oh : c->ow;
    struct ocl_conv_taps t = {.first = which, .step = (uint64_t)stride, .tap_step = 1};
    t.outputs = which < outputs ? ocl_ceil_div(outputs - which, (uint64_t)stride) : 0;
    while (t.tap < kernel && ((int64_t)which + pad - t.tap * dilation) % stride)
        t.tap++;
    while (t.tap_step * dilation % stride)
        t.tap_step++;
    t.taps = t.tap < kernel ? ocl_ceil_div((uint64_t)(kernel - t.tap), (uint64_t)t.tap_step) : 0;
    t.from = ((int64_t)which + pad - t.tap * dilation) / stride;
    t.from_step = -(t.tap_step * dilation / stride);
    return t;
}

struct ocl_conv_taps ocl_conv_taps(const struct ocl_conv *c, uint32_t axis, uint64_t which)
{
    if (c->transposed)
        return transposed_taps(c, axis, which);
    struct ocl_conv_taps t = {.step = 1, .tap_step = 1};
    t.outputs = axis == 0 ? c->oh : c->ow;
    t.taps = axis == 0 ? c->kh : c->kw;
    t.from = -(axis == 0 ? c->pad_top : c->pad_left);
    t.from_step = (int64_t)(axis == 0 ? c->dilation_h : c->dilation_w);
    if (c->flipped) {
        t.tap = (int64_t)t.taps - 1;
        t.tap_step = -1;
    }
    return t;
}
