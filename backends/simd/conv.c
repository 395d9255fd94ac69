/* SPDX-License-Identifier: MIT
 * conv.h */
#include "conv.h"

struct simd_conv simd_conv_of(const struct cvk_node *node, uint32_t block)
{
    const struct cvk_conv_params *p = node->params;
    const struct cvk_tensor_desc *x = node->inputs[0], *w = node->inputs[1], *y = node->outputs[0];
    uint32_t last = x->rank - 1, axis = x->rank - 3; /* of the tensors and of the parameters: the width */
    struct simd_conv c = {.n = (uint64_t)x->dims[0],
                          .ic = (uint64_t)x->dims[1],
                          .h = 1,
                          .w = (uint64_t)x->dims[last],
                          .oc = (uint64_t)y->dims[1],
                          .oh = 1,
                          .ow = (uint64_t)y->dims[last],
                          .group = p->group,
                          .kh = 1,
                          .kw = (uint64_t)w->dims[last],
                          .stride_h = 1,
                          .stride_w = (uint64_t)p->stride[axis],
                          .dilation_h = 1,
                          .dilation_w = (uint64_t)p->dilation[axis],
                          .pad_left = (uint64_t)p->pad_begin[axis],
                          .block = block};
    if (axis == 1) {
        c.h = (uint64_t)x->dims[2];
        c.oh = (uint64_t)y->dims[2];
        c.kh = (uint64_t)w->dims[2];
        c.stride_h = (uint64_t)p->stride[0];
        c.dilation_h = (uint64_t)p->dilation[0];
        c.pad_top = (uint64_t)p->pad_begin[0];
    }
    if (c.oh && c.ow) {
        c.seen_h = (c.oh - 1) * c.stride_h + (c.kh - 1) * c.dilation_h + 1;
        c.seen_w = (c.ow - 1) * c.stride_w + (c.kw - 1) * c.dilation_w + 1;
    }
    c.ic_blocks = simd_ceil_div(c.ic, block);
    c.oc_blocks = simd_ceil_div(c.oc, block);
    return c;
}

int32_t simd_conv_ask(const struct cvk_query *q, struct simd_conv *c)
{
    SIMD_TRY(simd_blocked(q, q->layout_x));
    SIMD_TRY(simd_blocked(q, q->layout_y));
    const struct cvk_node *node = q->node;
    if (node->inputs[0]->rank != 3 && node->inputs[0]->rank != 4)
        return cvk_refuse(q, "only one or two dimensions, not %u", node->inputs[0]->rank - 2);
    if (node->inputs[0]->dims[1] == 0)
        return cvk_refuse(q, "no input channels");
    if (node->input_count > 2 && node->inputs[2])
        return cvk_refuse(q, "the bias belongs in the epilogue");
    *c = simd_conv_of(node, simd_asked(q)->isa->block);
    return CVK_OK;
}

void simd_conv_copy_rows(const struct simd_conv *c, const float *x, float *to, uint64_t begin, uint64_t end)
{
    uint64_t block = c->block, width = c->seen_w * block;
    uint64_t left = c->pad_left < c->seen_w ? c->pad_left : c->seen_w;
    uint64_t inside = c->seen_w - left < c->w ? c->seen_w - left : c->w, right = c->seen_w - left - inside;
    for (uint64_t row = begin; row < end; row++, to += width) {
        /* ih wraps where the row is above the image: then it is not below h. */
        uint64_t map = row / c->seen_h, ih = row % c->seen_h - c->pad_top;
        if (ih >= c->h) {
            memset(to, 0, width * sizeof *to);
            continue;
        }
        memset(to, 0, left * block * sizeof *to);
        memcpy(to + left * block, x + (map * c->h + ih) * c->w * block, inside * block * sizeof *to);
        memset(to + (left + inside) * block, 0, right * block * sizeof *to);
    }
}

/* Billions of operations and of bytes a second of one core, of the middle of what is in use: only ratios matter. */
#define MEMORY_RATE 14.0
#define L3_RATE 28.0
#define L2_RATE 80.0

double simd_conv_cost(const struct simd_device *d, double flops, double efficiency, double weight_bytes,
                      double activation_bytes)
{
    static const double per_lane = 4.0 * 3.7; /* two fused multiply-adds a cycle; vectors of 16 take two cycles of both pipes */
    double lanes = d->isa->block < 8 ? d->isa->block : 8;
    double rate = activation_bytes <= (double)d->caches.l2_bytes / 2 ? L2_RATE
                  : activation_bytes <= (double)d->caches.l3_bytes / 2 ? L3_RATE
                                                                       : MEMORY_RATE;
    double arithmetic = flops / (per_lane * lanes * efficiency), bytes = weight_bytes / MEMORY_RATE + activation_bytes / rate;
    double larger = arithmetic > bytes ? arithmetic : bytes;
    return larger + (arithmetic + bytes - larger) / 4;
}
