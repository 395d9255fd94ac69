/* SPDX-License-Identifier: MIT
 * conv.h */
#include "conv.h"

/* The largest stride of a gradient: there is a table for each class. */
#define MAX_SPREAD 64

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What the two operators' parameters have in common. */
struct slide {
    uint32_t group;
    const int64_t *stride, *dilation, *pad_begin;
};

static struct slide slide_of(const struct cvk_node *node)
{
    if (node->op == CVK_OP_CONV_TRANSPOSE) {
        const struct cvk_conv_transpose_params *p = node->params;
        return (struct slide){p->group, p->stride, p->dilation, p->pad_begin};
    }
    const struct cvk_conv_params *p = node->params;
    return (struct slide){p->group, p->stride, p->dilation, p->pad_begin};
}

/* One axis. */
struct axis {
    uint64_t in, out, kernel, dilation, stride, spread, window, seen;
    int64_t begin, pad;
};

/* Where the first result of a class meets its input at a tap, from the input's first pixel; false: a tap of another class. */
static bool meets(const struct axis *a, uint64_t class, uint64_t tap, int64_t *at)
{
    int64_t place = (int64_t)class + a->begin - (int64_t)(tap * a->dilation), spread = (int64_t)a->spread;
    *at = place / spread;
    return place % spread == 0;
}

/* Of a turned convolution: where the first input that any result sees lies, and the last. */
static void turn(struct axis *a)
{
    int64_t first = 0, last = 0;
    bool any = false;
    for (uint64_t tap = 0; tap < a->kernel; tap++) {
        int64_t at, rest = ((int64_t)(tap * a->dilation) - a->begin) % (int64_t)a->spread;
        uint64_t class = (uint64_t)(rest < 0 ? rest + (int64_t)a->spread : rest);
        if (class >= a->out || !meets(a, class, tap, &at))
            continue;
        first = !any || at < first ? at : first;
        last = !any || at > last ? at : last;
        any = true;
    }
    a->pad = -first;
    a->window = (uint64_t)(last - first) + 1;
}

static struct axis axis_of(const struct cvk_node *node, const struct slide *s, uint32_t i, bool turned)
{
    struct axis a = {.in = (uint64_t)node->inputs[0]->dims[2 + i],
                     .out = (uint64_t)node->outputs[0]->dims[2 + i],
                     .kernel = (uint64_t)node->inputs[1]->dims[2 + i],
                     .dilation = (uint64_t)s->dilation[i],
                     .stride = turned ? 1 : (uint64_t)s->stride[i],
                     .spread = turned ? (uint64_t)s->stride[i] : 1,
                     .begin = s->pad_begin[i]};
    if (turned) {
        turn(&a);
    } else {
        a.pad = a.begin;
        a.window = (a.kernel - 1) * a.dilation + 1;
    }
    if (a.out)
        a.seen = (simd_ceil_div(a.out, a.spread) - 1) * a.stride + a.window;
    return a;
}

struct simd_conv simd_conv_of(const struct cvk_node *node, uint32_t block)
{
    const bool turned = (node->op == CVK_OP_CONV) == (node->pass == CVK_PASS_BACKWARD_DATA);
    const struct slide s = slide_of(node);
    const struct cvk_tensor_desc *x = node->inputs[0], *y = node->outputs[0];
    struct axis h = {.in = 1, .out = 1, .kernel = 1, .dilation = 1, .stride = 1, .spread = 1, .window = 1, .seen = 1};
    if (x->rank == 4)
        h = axis_of(node, &s, 0, turned);
    const struct axis w = axis_of(node, &s, x->rank - 3, turned);
    struct simd_conv c = {.n = (uint64_t)x->dims[0],
                          .ic = (uint64_t)x->dims[1],
                          .h = h.in,
                          .w = w.in,
                          .oc = (uint64_t)y->dims[1],
                          .oh = h.out,
                          .ow = w.out,
                          .group = s.group,
                          .kh = h.kernel,
                          .kw = w.kernel,
                          .dilation_h = h.dilation,
                          .dilation_w = w.dilation,
                          .turned = turned,
                          .stride_h = h.stride,
                          .stride_w = w.stride,
                          .spread_h = h.spread,
                          .spread_w = w.spread,
                          .begin_h = h.begin,
                          .begin_w = w.begin,
                          .pad_top = h.pad,
                          .pad_left = w.pad,
                          .window_h = h.window,
                          .window_w = w.window,
                          .block = block};
    if (c.oh && c.ow) {
        c.seen_h = h.seen;
        c.seen_w = w.seen;
    }
    c.ic_blocks = simd_ceil_div(c.ic, block);
    c.oc_blocks = simd_ceil_div(c.oc, block);
    return c;
}

bool simd_conv_tap_h(const struct simd_conv *c, uint64_t class_h, uint64_t tap, int64_t *at)
{
    const struct axis a = {.dilation = c->dilation_h, .spread = c->spread_h, .begin = c->begin_h};
    bool met = meets(&a, class_h, tap, at);
    *at = c->turned ? *at + c->pad_top : (int64_t)(tap * c->dilation_h);
    return met || !c->turned;
}

bool simd_conv_tap_w(const struct simd_conv *c, uint64_t class_w, uint64_t tap, int64_t *at)
{
    const struct axis a = {.dilation = c->dilation_w, .spread = c->spread_w, .begin = c->begin_w};
    bool met = meets(&a, class_w, tap, at);
    *at = c->turned ? *at + c->pad_left : (int64_t)(tap * c->dilation_w);
    return met || !c->turned;
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
    if (c->spread_h > MAX_SPREAD || c->spread_w > MAX_SPREAD)
        return cvk_refuse(q, "stride %llu is above %d",
                          (unsigned long long)(c->spread_h > c->spread_w ? c->spread_h : c->spread_w), MAX_SPREAD);
    return CVK_OK;
}

void simd_conv_copy_rows(const struct simd_conv *c, const float *x, float *to, uint64_t begin, uint64_t end)
{
    uint64_t block = c->block, width = c->seen_w * block;
    uint64_t left = c->pad_left > 0 ? least((uint64_t)c->pad_left, c->seen_w) : 0;
    uint64_t skip = c->pad_left < 0 ? least((uint64_t)-c->pad_left, c->w) : 0;
    uint64_t inside = least(c->seen_w - left, c->w - skip), right = c->seen_w - left - inside;
    for (uint64_t row = begin; row < end; row++, to += width) {
        /* ih wraps where the row is above the image: then it is not below h. */
        uint64_t map = row / c->seen_h, ih = row % c->seen_h - (uint64_t)c->pad_top;
        if (ih >= c->h) {
            memset(to, 0, width * sizeof *to);
            continue;
        }
        memset(to, 0, left * block * sizeof *to);
        memcpy(to + left * block, x + ((map * c->h + ih) * c->w + skip) * block, inside * block * sizeof *to);
        memset(to + (left + inside) * block, 0, right * block * sizeof *to);
    }
}

/* Billions of operations and of bytes a second of one core, of the middle of what is in use: only ratios matter. */
#define MEMORY_RATE 14.0
#define L3_RATE 28.0
#define L2_RATE 80.0

/* Two fused multiply-adds a cycle; vectors of 16 take two cycles of both pipes. */
static double flops_rate(const struct simd_device *d)
{
    return 4.0 * 3.7 * (d->isa->block < 8 ? d->isa->block : 8);
}

/* Of the level that holds so many bytes. */
static double bytes_rate(const struct simd_device *d, double bytes)
{
    return bytes <= (double)d->caches.l2_bytes / 2 ? L2_RATE : bytes <= (double)d->caches.l3_bytes / 2 ? L3_RATE : MEMORY_RATE;
}

double simd_conv_cost(const struct simd_device *d, double flops, double efficiency, double weight_bytes,
                      double activation_bytes)
{
    double arithmetic = flops / (flops_rate(d) * efficiency);
    double bytes = weight_bytes / MEMORY_RATE + activation_bytes / bytes_rate(d, activation_bytes);
    double larger = arithmetic > bytes ? arithmetic : bytes;
    return larger + (arithmetic + bytes - larger) / 4;
}

double simd_conv_pack_cost(const struct simd_device *d, double plain_bytes, double packed_bytes, double flops)
{
    /* Lines that are written are read first. */
    double bytes = (plain_bytes + 2 * packed_bytes) / bytes_rate(d, plain_bytes + packed_bytes);
    return bytes + packed_bytes / sizeof(float) * flops / flops_rate(d);
}
