/* SPDX-License-Identifier: MIT
 * conv_weights.h. */
#include "conv_weights.h"

static bool wants_bias(const struct cvk_node *node)
{
    return node->output_count > 1 && node->outputs[1];
}

struct simd_conv_weights simd_conv_weights_of(const struct cvk_node *node, uint32_t block)
{
    struct simd_conv_weights c = {.h = 1, .oh = 1, .kh = 1, .stride_h = 1, .dilation_h = 1, .block = block};
    const int64_t *kernel, *stride, *dilation, *pad;
    if (node->op == CVK_OP_CONV) {
        const struct cvk_conv_params *p = node->params;
        c.group = p->group;
        kernel = p->kernel, stride = p->stride, dilation = p->dilation, pad = p->pad_begin;
        c.rows_input = 1;
    } else {
        const struct cvk_conv_transpose_params *p = node->params;
        c.group = p->group;
        kernel = p->kernel, stride = p->stride, dilation = p->dilation, pad = p->pad_begin;
        c.lanes_input = 1;
    }
    const struct cvk_tensor_desc *rows = node->inputs[c.rows_input], *lanes = node->inputs[c.lanes_input];
    const uint32_t last = rows->rank - 1, axis = rows->rank - 3; /* of the tensors and of the parameters: the width */
    c.n = (uint64_t)rows->dims[0];
    c.rows = (uint64_t)rows->dims[1];
    c.lanes = (uint64_t)lanes->dims[1];
    c.w = (uint64_t)rows->dims[last];
    c.ow = (uint64_t)lanes->dims[last];
    c.kw = (uint64_t)kernel[axis];
    c.stride_w = stride[axis];
    c.dilation_w = dilation[axis];
    c.pad_left = pad[axis];
    if (axis == 1) {
        c.h = (uint64_t)rows->dims[2];
        c.oh = (uint64_t)lanes->dims[2];
        c.kh = (uint64_t)kernel[0];
        c.stride_h = stride[0];
        c.dilation_h = dilation[0];
        c.pad_top = pad[0];
    }
    c.taps = c.kh * c.kw;
    c.group_rows = c.rows / c.group;
    c.group_lanes = c.lanes / c.group;
    c.row_blocks = simd_ceil_div(c.rows, block);
    c.lane_blocks = simd_ceil_div(c.lanes, block);
    c.bias = node->op == CVK_OP_CONV && node->outputs[0] && wants_bias(node);
    return c;
}

int32_t simd_conv_weights_ask(const struct cvk_query *q, struct simd_conv_weights *c)
{
    SIMD_TRY(simd_blocked(q, q->layout_x));
    if (q->node->inputs[0]->rank != 3 && q->node->inputs[0]->rank != 4)
        return cvk_refuse(q, "only one or two dimensions, not %u", q->node->inputs[0]->rank - 2);
    if (q->node->flags & CVK_NODE_ACCUMULATE)
        return cvk_refuse(q, "writes gradients, does not add to them");
    if (q->node->inputs[0]->dims[1] == 0 || q->node->inputs[1]->dims[1] == 0)
        return cvk_refuse(q, "no channels");
    *c = simd_conv_weights_of(q->node, simd_asked(q)->isa->block);
    return CVK_OK;
}

void simd_conv_weights_spans(struct simd_span *spans, uint64_t taps, uint64_t count, int64_t stride, int64_t dilation,
                             int64_t pad, uint64_t size)
{
    for (uint64_t k = 0; k < taps; k++) {
        const int64_t before = pad - (int64_t)k * dilation, room = (int64_t)size + before; /* 0 <= o * stride - before < size */
        const uint64_t begin = before > 0 ? (uint64_t)(before + stride - 1) / (uint64_t)stride : 0;
        const uint64_t end = room > 0 ? (uint64_t)(room + stride - 1) / (uint64_t)stride : 0;
        spans[k].end = end < count ? end : count;
        spans[k].begin = begin < spans[k].end ? begin : spans[k].end;
    }
}

void simd_conv_weights_store_bias(const struct simd_conv_weights *c, const struct simd_wgrad_fns *fns, const float *sum,
                                  uint64_t parts, uint64_t part_step, uint64_t lane_block, float *db)
{
    const uint64_t lane = lane_block * c->block, channels = c->lanes - lane;
    const struct simd_wgrad_store s = {.sum = sum,
                                       .parts = parts,
                                       .part_step = part_step,
                                       .taps = 1,
                                       .count = 1,
                                       .channels = channels < c->block ? (uint32_t)channels : c->block,
                                       .to = db + lane,
                                       .to_step = 1};
    fns->store(&s);
}

/* dy as lines of pixels: a line is a block of channels of an image. */
struct bias_job {
    const struct simd_wgrad_fns *fns;
    uint64_t n, blocks, pixels, channels, parts;
    uint32_t block;
    const float *dy;
    float *partial; /* [parts][blocks][block] */
};

static struct bias_job bias_of(const struct cvk_node *node, uint32_t block)
{
    const struct cvk_tensor_desc *dy = node->inputs[0];
    struct bias_job j = {.n = (uint64_t)dy->dims[0], .channels = (uint64_t)dy->dims[1], .pixels = 1, .block = block};
    for (uint32_t i = 2; i < dy->rank; i++)
        j.pixels *= (uint64_t)dy->dims[i];
    j.blocks = simd_ceil_div(j.channels, block);
    j.parts = simd_conv_weights_parts(j.blocks, j.n);
    return j;
}

static bool alone(const struct cvk_node *node, const struct simd_conv_weights *c)
{
    return wants_bias(node) && !c->bias;
}

uint64_t simd_conv_weights_bias_bytes(const struct cvk_node *node, const struct simd_conv_weights *c)
{
    const struct bias_job j = bias_of(node, c->block);
    return alone(node, c) ? j.parts * j.blocks * j.block * sizeof(float) : 0;
}

/* Items are parts of the images, then blocks of channels. */
static void run_bias(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct bias_job *j = arg;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        const uint64_t part = item / j->blocks, b = item % j->blocks, last = j->n * (part + 1) / j->parts;
        float *sum = j->partial + item * j->block;
        memset(sum, 0, j->block * sizeof *sum);
        for (uint64_t n = j->n * part / j->parts; n < last; n++)
            j->fns->pixels(j->dy + (n * j->blocks + b) * j->pixels * j->block, j->pixels, sum);
    }
}

void simd_conv_weights_bias(struct cvk_exec *e, const struct simd_conv_weights *c, float *workspace)
{
    if (!alone(e->node, c))
        return;
    struct bias_job j = bias_of(e->node, c->block);
    j.fns = simd_device_of(e)->isa->wgrad;
    j.dy = cvk_cpu_input(e, 0);
    j.partial = workspace;
    simd_parallel(e, j.parts * j.blocks, run_bias, &j);
    float *db = cvk_cpu_output(e, 1);
    for (uint64_t i = 0; i < j.channels; i++) {
        float sum = j.partial[i];
        for (uint64_t part = 1; part < j.parts; part++)
            sum += j.partial[part * j.blocks * j.block + i];
        db[i] = sum;
    }
}
