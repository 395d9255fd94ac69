/* SPDX-License-Identifier: MIT
 * conv_transpose, row "gather": each output gathers what the inputs would scatter to it; blocked in and out.
 *
 * Output o meets input i at tap k where o + pad = i * stride + k * dilation. Outputs with the same remainder of o + pad by the
 * stride form a class: they share their taps, and neighbours of a class read neighbouring inputs. So each class is a small
 * convolution of stride 1 whose results lie `stride` pixels apart, which the tiles of isa/tile.h compute. Where taps reach beyond
 * the map, the map is first copied into zeros. */
#include "epilogue.h"

/* One spatial axis, in pixels. */
struct axis {
    int64_t in, out, kernel, stride, dilation, pad;
    int64_t before, padded; /* zeros in front of the map, size of the map with zeros */
};

struct sizes {
    struct axis h, w;
    uint64_t n, ic, oc, groups;
    uint64_t ic_blocks, oc_blocks; /* of one group */
    uint64_t tiles;                /* of output channels of one group */
    uint32_t block, v;             /* v: vectors in a tile; the last one of a group may have fewer */
    bool copied;                   /* whether the map needs zeros around it */
};

static int64_t remainder_of(int64_t a, int64_t stride)
{
    int64_t rest = a % stride;
    return rest < 0 ? rest + stride : rest;
}

/* Where the first input that any output reads lies, and the last. */
static void pad_axis(struct axis *a)
{
    int64_t low = a->pad - (a->kernel - 1) * a->dilation, high = a->out - 1 + a->pad;
    int64_t first = (low + remainder_of(-low, a->stride)) / a->stride, last = (high - remainder_of(high, a->stride)) / a->stride;
    a->before = first < 0 ? -first : 0;
    a->padded = a->before + (last < a->in ? a->in : last + 1);
}

static struct sizes sizes_of(const struct cvk_node *node, const struct simd_device *d)
{
    const struct cvk_conv_transpose_params *p = node->params;
    const struct cvk_tensor_desc *x = node->inputs[0], *w = node->inputs[1], *y = node->outputs[0];
    struct sizes s = {.h = {.in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1},
                      .n = (uint64_t)x->dims[0],
                      .ic = (uint64_t)x->dims[1],
                      .oc = (uint64_t)y->dims[1],
                      .groups = p->group,
                      .block = d->isa->block,
                      .v = d->isa->tile->best_v};
    for (uint32_t i = 0; i + 2 < x->rank; i++)
        *(i + 3 == x->rank ? &s.w : &s.h) = (struct axis){.in = x->dims[2 + i],
                                                          .out = y->dims[2 + i],
                                                          .kernel = w->dims[2 + i],
                                                          .stride = p->stride[i],
                                                          .dilation = p->dilation[i],
                                                          .pad = p->pad_begin[i]};
    pad_axis(&s.h);
    pad_axis(&s.w);
    s.ic_blocks = simd_ceil_div(s.ic / s.groups, s.block);
    s.oc_blocks = simd_ceil_div(s.oc / s.groups, s.block);
    s.tiles = simd_ceil_div(s.oc_blocks, s.v);
    s.copied = s.h.padded != s.h.in || s.w.padded != s.w.in;
    return s;
}

/* ---- classes ---- */

static bool in_class(const struct axis *a, int64_t class, int64_t tap)
{
    return remainder_of(tap * a->dilation - class, a->stride) == 0;
}

/* Taps of the classes from `class` to `end` - 1. */
static uint64_t taps_of(const struct axis *a, int64_t class, int64_t end)
{
    uint64_t taps = 0;
    for (int64_t k = 0; k < a->kernel; k++)
        taps += remainder_of(k * a->dilation, a->stride) >= class && remainder_of(k * a->dilation, a->stride) < end;
    return taps;
}

/* The first output of a class, not below 0. */
static int64_t first_of(const struct axis *a, int64_t class)
{
    return remainder_of(class - a->pad, a->stride);
}

/* Taps of all classes before (ch, cw): they lie one class behind the other, those of one ch together. */
static uint64_t taps_before(const struct sizes *s, int64_t ch, int64_t cw)
{
    return taps_of(&s->h, 0, ch) * (uint64_t)s->w.kernel + taps_of(&s->h, ch, ch + 1) * taps_of(&s->w, 0, cw);
}

static uint64_t taps_within(const struct sizes *s, int64_t ch, int64_t cw)
{
    return taps_of(&s->h, ch, ch + 1) * taps_of(&s->w, cw, cw + 1);
}

/* The table of a class: one entry for each reduction, and one more. */
static uint64_t table_of(const struct sizes *s, int64_t ch, int64_t cw)
{
    return s->ic_blocks * taps_before(s, ch, cw) + (uint64_t)(ch * s->w.stride + cw);
}

static uint64_t table_entries(const struct sizes *s)
{
    return s->ic_blocks * (uint64_t)(s->h.kernel * s->w.kernel) + (uint64_t)(s->h.stride * s->w.stride);
}

/* For the first output of the class, from the first pixel of the padded map of its image and group: blocks of channels, then
 * taps. */
static void fill_table(const struct sizes *s, int64_t ch, int64_t cw, int64_t *to)
{
    const int64_t oh = first_of(&s->h, ch) + s->h.pad, ow = first_of(&s->w, cw) + s->w.pad;
    for (int64_t b = 0; b < (int64_t)s->ic_blocks; b++)
        for (int64_t kh = 0; kh < s->h.kernel; kh++)
            for (int64_t kw = 0; in_class(&s->h, ch, kh) && kw < s->w.kernel; kw++) {
                if (!in_class(&s->w, cw, kw))
                    continue;
                int64_t row = (oh - kh * s->h.dilation) / s->h.stride + s->h.before;
                int64_t column = (ow - kw * s->w.dilation) / s->w.stride + s->w.before;
                *to++ = ((b * s->h.padded + row) * s->w.padded + column) * s->block;
            }
    *to = 0; /* only prefetched */
}

/* ---- weights: [group][class][tile of v vectors][block of input channels][tap of the class][block][vectors][block] ---- */

static uint64_t weights_per_tap(const struct sizes *s) /* floats of one tap of one group */
{
    return s->ic_blocks * s->oc_blocks * s->block * s->block;
}

static uint64_t weights_floats(const struct sizes *s)
{
    return s->groups * weights_per_tap(s) * (uint64_t)(s->h.kernel * s->w.kernel);
}

static uint64_t weights_of(const struct sizes *s, uint64_t group, int64_t ch, int64_t cw, uint64_t tile)
{
    const uint64_t all = (uint64_t)(s->h.kernel * s->w.kernel);
    return weights_per_tap(s) * (group * all + taps_before(s, ch, cw)) +
           tile * s->v * s->block * s->ic_blocks * taps_within(s, ch, cw) * s->block;
}

/* One tap of `block` input channels from ic of the group to `width` output channels from oc. */
static float *pack_tap(const struct sizes *s, const float *plain, uint64_t group, uint64_t ic, uint64_t oc, uint64_t width,
                       uint64_t tap, float *to)
{
    const uint64_t group_ic = s->ic / s->groups, group_oc = s->oc / s->groups, taps = (uint64_t)(s->h.kernel * s->w.kernel);
    for (uint64_t i = ic; i < ic + s->block; i++)
        for (uint64_t o = oc; o < oc + width; o++)
            *to++ = i < group_ic && o < group_oc ? plain[((group * group_ic + i) * group_oc + o) * taps + tap] : 0;
    return to;
}

static void pack_class(const struct sizes *s, const float *plain, uint64_t group, int64_t ch, int64_t cw, float *packed)
{
    for (uint64_t tile = 0; tile < s->tiles; tile++) {
        float *to = packed + weights_of(s, group, ch, cw, tile);
        const uint64_t first = tile * s->v, v = s->oc_blocks - first < s->v ? s->oc_blocks - first : s->v;
        for (uint64_t b = 0; b < s->ic_blocks; b++)
            for (int64_t kh = 0; kh < s->h.kernel; kh++)
                for (int64_t kw = 0; in_class(&s->h, ch, kh) && kw < s->w.kernel; kw++)
                    if (in_class(&s->w, cw, kw))
                        to = pack_tap(s, plain, group, b * s->block, first * s->block, v * s->block,
                                      (uint64_t)(kh * s->w.kernel + kw), to);
    }
}

static void pack(const struct sizes *s, const float *plain, float *packed)
{
    for (uint64_t group = 0; group < s->groups; group++)
        for (int64_t ch = 0; ch < s->h.stride; ch++)
            for (int64_t cw = 0; cw < s->w.stride; cw++)
                pack_class(s, plain, group, ch, cw, packed);
}

/* ---- plan and build ---- */

enum { NOTE_WEIGHTS, NOTE_EPILOGUE, NOTE_PADDED, NOTE_CONSTANT }; /* places in the workspace; whether build packs the weights */

#define MAX_STRIDE 64 /* a table for each class: stride * stride of them */

static uint64_t table_bytes(const struct sizes *s)
{
    return simd_round_up(table_entries(s) * sizeof(int64_t), CVK_ALIGN_BYTES);
}

static uint64_t padded_floats(const struct sizes *s) /* of the whole batch */
{
    return s->n * s->groups * s->ic_blocks * (uint64_t)(s->h.padded * s->w.padded) * s->block;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    if (node->inputs[0]->rank > 4)
        return cvk_refuse(q, "only maps of one or two dimensions, not %u", node->inputs[0]->rank - 2);
    if (node->input_count > 2 && node->inputs[2])
        return cvk_refuse(q, "the bias is an input; only one in the epilogue");
    struct sizes s = sizes_of(node, simd_asked(q));
    if (s.groups > 1 && (s.ic / s.groups % s.block || s.oc / s.groups % s.block))
        return cvk_refuse(q, "groups of %llu to %llu channels are not whole blocks of %u", (unsigned long long)(s.ic / s.groups),
                          (unsigned long long)(s.oc / s.groups), s.block);
    if (s.h.stride > MAX_STRIDE || s.w.stride > MAX_STRIDE)
        return cvk_refuse(q, "stride %lld is above %d", (long long)(s.h.stride > s.w.stride ? s.h.stride : s.w.stride),
                          MAX_STRIDE);
    SIMD_TRY(simd_blocked(q, q->layout_x));
    const bool constant = node->constants[1] != NULL;
    plan->packed_bytes = table_bytes(&s) + (constant ? weights_floats(&s) * sizeof(float) : 0);
    plan->user[NOTE_CONSTANT] = constant;
    plan->user[NOTE_WEIGHTS] = constant ? 0 : cvk_book(plan, weights_floats(&s) * sizeof(float));
    plan->user[NOTE_EPILOGUE] = cvk_book(plan, simd_epilogue_bytes(q, s.oc));
    plan->user[NOTE_PADDED] = s.copied ? cvk_book(plan, padded_floats(&s) * sizeof(float)) : 0;
    return CVK_OK;
}

static float *packed_weights(const struct cvk_exec *e, const struct sizes *s)
{
    return (float *)((char *)e->packed + table_bytes(s));
}

static int32_t build(struct cvk_exec *e)
{
    const struct sizes s = sizes_of(e->node, simd_device_of(e));
    for (int64_t ch = 0; ch < s.h.stride; ch++)
        for (int64_t cw = 0; cw < s.w.stride; cw++)
            fill_table(&s, ch, cw, (int64_t *)e->packed + table_of(&s, ch, cw));
    if (e->plan->user[NOTE_CONSTANT])
        pack(&s, cvk_cpu_input(e, 1), packed_weights(e, &s));
    return CVK_OK;
}

/* ---- run ---- */

struct job {
    struct sizes s;
    const struct simd_tile_fns *fns;
    const int64_t *tables;
    const float *x, *w;
    float *padded, *y;
    struct simd_epilogue epilogue;
};

/* Rows of the padded maps. */
static void copy_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct axis *h = &j->s.h, *w = &j->s.w;
    const uint64_t block = j->s.block, row = (uint64_t)w->padded * block, left = (uint64_t)w->before * block;
    const uint64_t inside = (uint64_t)w->in * block;
    (void)worker;
    for (uint64_t r = begin; r < end; r++) {
        float *to = j->padded + r * row;
        const int64_t map = (int64_t)r / h->padded, i = (int64_t)r % h->padded - h->before;
        if (i < 0 || i >= h->in) {
            memset(to, 0, row * sizeof *to);
            continue;
        }
        memset(to, 0, left * sizeof *to);
        memcpy(to + left, j->x + (uint64_t)(map * h->in + i) * inside, inside * sizeof *to);
        memset(to + left + inside, 0, (row - left - inside) * sizeof *to);
    }
}

/* The outputs of class cw in a row: t has all but what moves along it; `offset` is where the row begins in y. */
static void compute_class(const struct job *j, struct simd_tile *t, uint32_t v, uint64_t channel, int64_t cw, uint64_t offset)
{
    const struct axis *w = &j->s.w;
    const int64_t first = first_of(w, cw), count = first < w->out ? (w->out - 1 - first) / w->stride + 1 : 0;
    const int64_t max = j->fns->max_px[v - 1], tiles = (count + max - 1) / max;
    const float *x = t->x;
    for (int64_t i = 0, at = 0; i < tiles; i++) {
        const int64_t px = count / tiles + (i < count % tiles);
        const uint64_t place = offset + (uint64_t)(first + at * w->stride) * j->s.block;
        t->x = x + at * j->s.block;
        t->y = j->y + place;
        simd_epilogue_set(t, &j->epilogue, channel, place);
        j->fns->step[0][v - 1][px - 1](t);
        at += px;
    }
}

/* Items: image, group, tile of output channels, row of the output. */
static void run_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct sizes *s = &j->s;
    const uint64_t rows = (uint64_t)s->h.out, map = (uint64_t)(s->h.padded * s->w.padded) * s->block;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        const uint64_t oh = item % rows, tile = item / rows % s->tiles, image_group = item / rows / s->tiles;
        const uint64_t first = tile * s->v, group = image_group % s->groups;
        const uint32_t v = (uint32_t)(s->oc_blocks - first < s->v ? s->oc_blocks - first : s->v);
        const uint64_t y_map = rows * (uint64_t)s->w.out * s->block;
        const uint64_t offset = (image_group * s->oc_blocks + first) * y_map + oh * (uint64_t)s->w.out * s->block;
        const uint64_t channel = (group * s->oc_blocks + first) * s->block;
        const int64_t ch = remainder_of((int64_t)oh + s->h.pad, s->h.stride),
                      down = ((int64_t)oh - first_of(&s->h, ch)) / s->h.stride;
        for (int64_t cw = 0; cw < s->w.stride; cw++) {
            struct simd_tile t = {.x = j->x + image_group * s->ic_blocks * map + (uint64_t)(down * s->w.padded) * s->block,
                                  .x_off = j->tables + table_of(s, ch, cw),
                                  .x_step = s->block,
                                  .w = j->w + weights_of(s, group, ch, cw, tile),
                                  .n_red = (uint32_t)(s->ic_blocks * taps_within(s, ch, cw)),
                                  .y_step = s->w.stride * s->block,
                                  .y_block = (int64_t)y_map};
            compute_class(j, &t, v, channel, cw, offset);
        }
        for (uint32_t i = 0; simd_epilogue_late(&j->epilogue) && i < v; i++)
            simd_epilogue_finish(&j->epilogue, channel + i * s->block, j->y + offset + i * y_map, (uint64_t)s->w.out);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    char *workspace = cvk_cpu_pointer(e->workspace);
    struct job j = {
        .s = sizes_of(e->node, d), .fns = d->isa->tile, .tables = e->packed, .x = cvk_cpu_input(e, 0), .y = cvk_cpu_output(e, 0)};
    if (e->plan->user[NOTE_CONSTANT]) {
        j.w = packed_weights(e, &j.s);
    } else {
        float *w = (float *)(workspace + e->plan->user[NOTE_WEIGHTS]);
        pack(&j.s, cvk_cpu_input(e, 1), w);
        j.w = w;
    }
    if (j.s.copied) {
        j.padded = (float *)(workspace + e->plan->user[NOTE_PADDED]);
        simd_parallel(e, j.s.n * j.s.groups * j.s.ic_blocks * (uint64_t)j.s.h.padded, copy_rows, &j);
        j.x = j.padded;
    }
    simd_epilogue_bind(&j.epilogue, e, j.s.oc, (float *)(workspace + e->plan->user[NOTE_EPILOGUE]));
    simd_parallel(e, j.s.n * j.s.groups * j.s.tiles * (uint64_t)j.s.h.out, run_rows, &j);
    return CVK_OK;
}

const struct cvk_kernel simd_conv_transpose_rows[] = {
    {SIMD_ROW(CONV_TRANSPOSE, "gather"), .flags = CVK_KERNEL_KEEPS_CONSTANTS | CVK_KERNEL_CONCURRENT, .layouts_x = SIMD_BLOCKED,
     .layouts_y = SIMD_BLOCKED, .epilogues = SIMD_EPILOGUES, .plan = plan, .build = build, .run = run},
};
const uint32_t simd_conv_transpose_row_count = SIMD_COUNT(simd_conv_transpose_rows);
