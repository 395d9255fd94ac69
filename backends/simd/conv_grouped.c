/* SPDX-License-Identifier: MIT
 * conv, row "grouped": groups whose channels are not whole blocks. A block of output channels is summed over all input blocks
 * in which its groups have channels, with weights of zero between channels of different groups: no channel is moved, and no
 * store is cut. An infinity or a NaN thus reaches the groups that share an output block with its own. */
#include "conv.h"
#include "epilogue.h"

/* What follows from the sizes and the device, for plan, build and run alike. Distances are in floats, in x or in scratch. */
struct grouped {
    struct simd_conv c;
    uint64_t taps, max_blocks;        /* max_blocks: of input channels that an output block reads */
    uint64_t weights;                 /* packed floats of one output block: [input block][tap][block][block] */
    bool copy;                        /* rows with their padding, band by band, into a worker's scratch */
    uint64_t lines, px;               /* an image's outputs: lines of px pixels whose inputs lie x_step apart */
    uint64_t line_tiles, image_tiles; /* tiles of pixels in a line, in an image */
    uint64_t band;                    /* lines whose input a worker copies at a time */
    uint64_t x_step, x_line, x_tap_row, x_block;
    uint64_t scratch; /* floats of one worker */
};

/* The input channels that an output block reads. */
struct span {
    uint64_t first;  /* where sums begin: the first channel of a block or, if one block has them all, the first that counts */
    uint64_t blocks;
    uint64_t last;   /* how many count in the last block */
};

static struct span span_of(const struct simd_conv *c, uint64_t oc_block)
{
    uint64_t ic = c->ic / c->group, oc = c->oc / c->group, begin = oc_block * c->block, end = begin + c->block;
    end = end < c->oc ? end : c->oc;
    uint64_t low = begin / oc * ic, high = ((end - 1) / oc + 1) * ic;
    struct span span = {.first = low / c->block * c->block};
    span.blocks = simd_ceil_div(high - span.first, c->block);
    if (span.blocks == 1)
        span.first = low;
    span.last = high - span.first - (span.blocks - 1) * c->block;
    return span;
}

static struct grouped grouped_of(const struct simd_conv *c, const struct simd_device *d)
{
    struct grouped s = {.c = *c, .taps = c->kh * c->kw};
    for (uint64_t b = 0; b < c->oc_blocks; b++) {
        struct span span = span_of(c, b);
        s.max_blocks = span.blocks > s.max_blocks ? span.blocks : s.max_blocks;
    }
    s.weights = s.max_blocks * s.taps * c->block * c->block;
    if (c->oh == 0 || c->ow == 0)
        return s;
    s.copy = !simd_conv_inside(c);
    s.lines = s.taps == 1 && !s.copy && c->stride_h == 1 && c->stride_w == 1 ? 1 : c->oh;
    s.px = c->oh * c->ow / s.lines;
    s.line_tiles = simd_ceil_div(s.px, d->isa->tile->max_px[0]);
    s.image_tiles = s.lines * s.line_tiles;
    uint64_t width = (s.copy ? c->seen_w : c->w) * c->block, rows = c->h, window = (c->kh - 1) * c->dilation_h + 1;
    if (s.copy) {
        uint64_t fit = d->caches.l2_bytes / 2 / (s.max_blocks * width * sizeof(float) + 1); /* rows */
        s.band = fit > window ? (fit - window) / c->stride_h + 1 : 1;
        s.band = s.band < s.lines ? s.band : s.lines;
        rows = (s.band - 1) * c->stride_h + window;
        s.scratch = simd_round_up(s.max_blocks * rows * width, CVK_ALIGN_BYTES / sizeof(float));
    }
    s.x_step = c->stride_w * c->block;
    s.x_line = c->stride_h * width;
    s.x_tap_row = c->dilation_h * width;
    s.x_block = rows * width;
    return s;
}

/* Places in the workspace, as plan books them; whether build packs the weights: run may not see that they are constant. */
enum { NOTE_WEIGHTS, NOTE_EPILOGUE, NOTE_SCRATCH, NOTE_PACKED };

static uint64_t offsets_bytes(const struct grouped *s)
{
    return simd_round_up((s->max_blocks * s->taps + 1) * sizeof(int64_t), CVK_ALIGN_BYTES);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct simd_device *d = simd_asked(q);
    struct simd_conv c;
    SIMD_TRY(simd_conv_ask(q, &c));
    if (c.group == 1)
        return cvk_refuse(q, "one group");
    if (c.group == c.ic && c.group == c.oc)
        return cvk_refuse(q, "each channel by itself");
    if (c.ic / c.group % c.block == 0 && c.oc / c.group % c.block == 0)
        return cvk_refuse(q, "groups of whole blocks of %u", c.block);
    struct grouped s = grouped_of(&c, d);
    uint64_t weights = c.oc_blocks * s.weights * sizeof(float), blocks = 0;
    bool constant = q->node->constants[1] != NULL;
    plan->packed_bytes = offsets_bytes(&s) + (constant ? weights : 0);
    plan->user[NOTE_PACKED] = constant;
    plan->user[NOTE_WEIGHTS] = constant ? 0 : cvk_book(plan, weights);
    plan->user[NOTE_EPILOGUE] = cvk_book(plan, simd_epilogue_bytes(q, c.oc));
    plan->user[NOTE_SCRATCH] = cvk_book(plan, s.scratch * d->threads * sizeof(float));
    for (uint64_t b = 0; b < c.oc_blocks; b++)
        blocks += span_of(&c, b).blocks;
    double products = (double)(c.n * c.oh * c.ow * blocks * s.taps) * c.block * c.block;
    double pixels = (double)(c.n * c.ic_blocks * c.h * c.w + c.n * c.oc_blocks * c.oh * c.ow);
    plan->cost_ns = simd_conv_cost(d, 2 * products, 0.8, (double)weights, pixels * c.block * sizeof(float));
    return CVK_OK;
}

struct pack_job {
    const struct grouped *s;
    const float *plain;
    float *packed;
};

/* Blocks of output channels. */
static void pack_part(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct pack_job *j = arg;
    const struct grouped *s = j->s;
    uint64_t block = s->c.block, ic = s->c.ic / s->c.group, oc = s->c.oc / s->c.group;
    (void)worker;
    for (uint64_t b = begin; b < end; b++) {
        float *to = j->packed + b * s->weights;
        struct span span = span_of(&s->c, b);
        memset(to, 0, s->weights * sizeof *to);
        for (uint64_t filter = b * block; filter < (b + 1) * block && filter < s->c.oc; filter++, to++) {
            const float *from = j->plain + filter * ic * s->taps;
            uint64_t channel = filter / oc * ic - span.first;
            for (uint64_t i = channel; i < channel + ic; i++)
                for (uint64_t tap = 0; tap < s->taps; tap++)
                    to[((i / block * s->taps + tap) * block + i % block) * block] = *from++;
        }
    }
}

static void pack(struct cvk_exec *e, const struct grouped *s, float *to)
{
    struct pack_job job = {s, cvk_cpu_input(e, 1), to};
    simd_parallel(e, s->c.oc_blocks, pack_part, &job);
}

static float *packed_weights(const struct cvk_exec *e, const struct grouped *s)
{
    return (float *)((char *)e->packed + offsets_bytes(s));
}

static int32_t build(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    struct simd_conv c = simd_conv_of(e->node, d->isa->block);
    struct grouped s = grouped_of(&c, d);
    int64_t *offset = e->packed;
    for (uint64_t b = 0; b < s.max_blocks; b++)
        for (uint64_t kh = 0; kh < c.kh; kh++)
            for (uint64_t kw = 0; kw < c.kw; kw++)
                *offset++ = (int64_t)(b * s.x_block + kh * s.x_tap_row + kw * c.dilation_w * c.block);
    *offset = 0;
    if (e->plan->user[NOTE_PACKED])
        pack(e, &s, packed_weights(e, &s));
    return CVK_OK;
}

struct job {
    struct grouped s;
    const struct simd_tile_fns *fns;
    const int64_t *offsets;
    const float *x, *w;
    float *y, *scratch;
    struct simd_epilogue epilogue;
};

/* Where a tile begins in its line. */
static uint64_t pixel_of(const struct grouped *s, uint64_t place)
{
    uint64_t each = s->px / s->line_tiles, more = s->px % s->line_tiles;
    return place * each + (place < more ? place : more);
}

/* Tiles first..last-1 of the map of outputs at y, whose epilogue is in t; x: what the first tile's line sees. */
static void run_tiles(const struct job *j, struct simd_tile *t, const float *x, float *y, uint64_t channel, uint64_t first,
                      uint64_t last)
{
    const struct grouped *s = &j->s;
    uint64_t block = s->c.block, each = s->px / s->line_tiles, more = s->px % s->line_tiles, place = first % s->line_tiles;
    uint64_t pixel = pixel_of(s, place), begin = (first / s->line_tiles * s->px + pixel) * block, at = begin;
    const simd_tile_fn *fns = j->fns->step[simd_tile_step((uint32_t)block, t->x_step)][0];
    const float *residual = t->residual;
    for (uint64_t i = first; i < last; i++) {
        uint64_t px = each + (place < more);
        t->x = x + pixel * s->x_step;
        t->y = y + at;
        if (residual)
            t->residual = residual + at;
        fns[px - 1](t);
        at += px * block;
        pixel += px;
        if (++place == s->line_tiles) {
            place = 0;
            pixel = 0;
            x += s->x_line;
        }
    }
    if (simd_epilogue_late(&j->epilogue))
        simd_epilogue_finish(&j->epilogue, channel, y + begin, (at - begin) / block);
}

/* Where the tiles first..last-1 of a map find their input: in x, or copied into scratch. map: the first block they read. */
static const float *input_of(const struct job *j, uint64_t map, uint64_t blocks, uint64_t first, uint64_t last, uint32_t worker)
{
    const struct grouped *s = &j->s;
    uint64_t line = first / s->line_tiles, lines = simd_ceil_div(last, s->line_tiles) - line;
    if (!s->copy)
        return j->x + map * s->x_block + line * s->x_line;
    uint64_t row = line * s->c.stride_h, rows = (lines - 1) * s->c.stride_h + (s->c.kh - 1) * s->c.dilation_h + 1;
    float *scratch = j->scratch + worker * s->scratch;
    for (uint64_t b = 0; b < blocks; b++) {
        uint64_t begin = (map + b) * s->c.seen_h + row;
        simd_conv_copy_rows(&s->c, j->x, scratch + b * s->x_block, begin, begin + rows);
    }
    return scratch;
}

/* A unit is a tile of pixels of one block of output channels. */
static void run_part(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct grouped *s = &j->s;
    uint64_t block = s->c.block, band = s->copy ? s->band * s->line_tiles : s->image_tiles;
    while (begin < end) {
        uint64_t map = begin / s->image_tiles, n = map / s->c.oc_blocks, b = map % s->c.oc_blocks;
        uint64_t first = begin % s->image_tiles, last = first / s->line_tiles * s->line_tiles + band;
        last = last < s->image_tiles ? last : s->image_tiles;
        last = last - first < end - begin ? last : first + end - begin;
        struct span span = span_of(&s->c, b);
        const float *x = input_of(j, n * s->c.ic_blocks + span.first / block, span.blocks, first, last, worker);
        float *y = j->y + map * s->lines * s->px * block;
        struct simd_tile t = {.x_off = j->offsets,
                              .x_step = (int64_t)s->x_step,
                              .w = j->w + b * s->weights,
                              .n_red = (uint32_t)(span.blocks * s->taps),
                              .part_red = span.last < block ? (uint32_t)s->taps : 0,
                              .part_k = span.last < block ? (uint32_t)span.last : 0,
                              .y_step = (int64_t)block};
        simd_epilogue_set(&t, &j->epilogue, b * block, (uint64_t)(y - j->y));
        run_tiles(j, &t, x + span.first % block, y, b * block, first, last);
        begin += last - first;
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    struct simd_conv c = simd_conv_of(e->node, d->isa->block);
    char *workspace = cvk_cpu_pointer(e->workspace);
    struct job j = {.s = grouped_of(&c, d),
                    .fns = d->isa->tile,
                    .offsets = e->packed,
                    .x = cvk_cpu_input(e, 0),
                    .y = cvk_cpu_output(e, 0)};
    if (workspace)
        j.scratch = (float *)(workspace + e->plan->user[NOTE_SCRATCH]);
    if (e->plan->user[NOTE_PACKED]) {
        j.w = packed_weights(e, &j.s);
    } else {
        float *w = (float *)(workspace + e->plan->user[NOTE_WEIGHTS]);
        pack(e, &j.s, w);
        j.w = w;
    }
    simd_epilogue_bind(&j.epilogue, e, c.oc, workspace ? (float *)(workspace + e->plan->user[NOTE_EPILOGUE]) : NULL);
    simd_parallel(e, c.n * c.oc_blocks * j.s.image_tiles, run_part, &j);
    return CVK_OK;
}

const struct cvk_kernel simd_conv_grouped_rows[] = {
    {SIMD_ROW(CONV, "grouped"), .flags = CVK_KERNEL_KEEPS_CONSTANTS | CVK_KERNEL_CONCURRENT,
     .layouts_x = SIMD_BLOCKED, .layouts_y = SIMD_BLOCKED, .epilogues = SIMD_EPILOGUES,
     .plan = plan, .build = build, .run = run},
};
const uint32_t simd_conv_grouped_row_count = SIMD_COUNT(simd_conv_grouped_rows);
