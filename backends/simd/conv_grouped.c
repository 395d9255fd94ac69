/* SPDX-License-Identifier: MIT
 * conv and its gradients, row "grouped": groups whose channels are not whole blocks. A block of output channels is summed over
 * all input blocks in which its groups have channels, with weights of zero between channels of different groups: no channel is
 * moved, and no store is cut. An infinity or a NaN thus reaches the groups that share an output block with its own. */
#include "conv_lines.h"

/* What follows from the sizes and the device, for plan, build and run alike. */
struct grouped {
    struct simd_conv c;
    struct simd_conv_lines lines; /* blocks: of input channels that an output block reads, at most */
    uint64_t taps;
    uint64_t weights; /* packed floats of one output block: [class][input block][tap][block][block] */
    bool copy;        /* rows with their padding, band by band, into a worker's scratch */
    uint64_t band;    /* lines whose input a worker copies at a time */
    uint64_t scratch; /* floats of one worker */
};

/* The input channels that an output block reads. */
struct span {
    uint64_t first; /* where sums begin: the first channel of a block or, if one block has them all, the first that counts */
    uint64_t blocks;
    uint64_t last; /* how many count in the last block */
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
    struct simd_conv_lines *l = &s.lines;
    for (uint64_t b = 0; b < c->oc_blocks; b++) {
        struct span span = span_of(c, b);
        l->blocks = span.blocks > l->blocks ? span.blocks : l->blocks;
    }
    s.weights = l->blocks * s.taps * c->block * c->block;
    if (c->oh == 0 || c->ow == 0)
        return s;
    s.copy = !simd_conv_inside(c);
    bool steady = c->stride_h * c->stride_w * c->spread_h * c->spread_w == 1;
    simd_conv_lines_cut(l, c, s.taps == 1 && !s.copy && steady, d->isa->tile->max_px[0]);
    uint64_t width = (s.copy ? c->seen_w : c->w) * c->block, rows = c->h;
    if (s.copy) {
        uint64_t fit = d->caches.l2_bytes / 2 / (l->blocks * width * sizeof(float) + 1); /* rows */
        s.band = fit > c->window_h ? (fit - c->window_h) / c->stride_h + 1 : 1;
        s.band = s.band < l->lines ? s.band : l->lines;
        rows = (s.band - 1) * c->stride_h + c->window_h;
        s.scratch = simd_round_up(l->blocks * rows * width, CVK_ALIGN_BYTES / sizeof(float));
    }
    l->x_step = c->stride_w * c->block;
    l->x_line = c->stride_h * width;
    l->x_row = width;
    l->x_block = rows * width;
    return s;
}

/* Places in the workspace, as plan books them; whether build packs the weights: run may not see that they are constant. */
enum { NOTE_WEIGHTS, NOTE_EPILOGUE, NOTE_SCRATCH, NOTE_PACKED };

static uint64_t tables_bytes(const struct grouped *s)
{
    return simd_conv_tables_bytes(&s->c, &s->lines);
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
    plan->packed_bytes = tables_bytes(&s) + (constant ? weights : 0);
    plan->user[NOTE_PACKED] = constant;
    plan->user[NOTE_WEIGHTS] = constant ? 0 : cvk_book(plan, weights);
    plan->user[NOTE_EPILOGUE] = cvk_book(plan, simd_epilogue_bytes(q, c.oc));
    plan->user[NOTE_SCRATCH] = cvk_book(plan, s.scratch * d->threads * sizeof(float));
    for (uint64_t b = 0; b < c.oc_blocks; b++)
        blocks += span_of(&c, b).blocks;
    double products = (double)(c.n * c.oh * c.ow * blocks * s.taps) * c.block * c.block / (double)(c.spread_h * c.spread_w);
    double pixels = (double)(c.n * c.ic_blocks * c.h * c.w + c.n * c.oc_blocks * c.oh * c.ow);
    plan->cost_ns = simd_conv_cost(d, 2 * products, 0.8, (double)weights, pixels * c.block * sizeof(float));
    if (!constant)
        plan->cost_ns += simd_conv_pack_cost(d, (double)q->node->inputs[1]->bytes, (double)weights, 8);
    return CVK_OK;
}

struct pack_job {
    const struct grouped *s;
    const struct simd_tap *taps;
    const float *plain;
    float *packed;
};

/* The weights of one filter to its lane `to`, their channels from `channel` on; `blocks` of input channels. */
static void pack_filter(const struct pack_job *j, uint64_t filter, uint64_t channel, uint64_t blocks, float *to)
{
    const struct simd_conv *c = &j->s->c;
    uint64_t block = c->block, ic = c->ic / c->group, oc = c->oc / c->group, taps = j->s->taps;
    const float *from = j->plain + filter * ic * taps;
    if (c->turned)
        from = j->plain + (filter / oc * ic * oc + filter % oc) * taps;
    for (uint64_t i = channel; i < channel + ic; i++, from += c->turned ? oc * taps : taps)
        for (uint64_t tap = 0; tap < taps; tap++) {
            const struct simd_tap *t = &j->taps[tap];
            to[((t->before * blocks + i / block * t->count + t->place) * block + i % block) * block] = from[tap];
        }
}

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
        for (uint64_t filter = b * block; filter < (b + 1) * block && filter < s->c.oc; filter++, to++)
            pack_filter(j, filter, filter / oc * ic - span.first, span.blocks, to);
    }
}

static struct simd_conv_tables tables_of(const struct cvk_exec *e, const struct grouped *s)
{
    return simd_conv_tables_at(&s->c, &s->lines, e->packed);
}

static void pack(struct cvk_exec *e, const struct grouped *s, float *to)
{
    struct pack_job job = {s, tables_of(e, s).taps, cvk_cpu_input(e, 1), to};
    simd_parallel(e, s->c.oc_blocks, pack_part, &job);
}

static float *packed_weights(const struct cvk_exec *e, const struct grouped *s)
{
    return (float *)((char *)e->packed + tables_bytes(s));
}

static int32_t build(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    struct simd_conv c = simd_conv_of(e->node, d->isa->block);
    struct grouped s = grouped_of(&c, d);
    struct simd_conv_tables tables = tables_of(e, &s);
    simd_conv_tables_fill(&c, &s.lines, &tables);
    if (e->plan->user[NOTE_PACKED])
        pack(e, &s, packed_weights(e, &s));
    return CVK_OK;
}

struct job {
    struct grouped s;
    const struct simd_tile_fns *fns;
    struct simd_conv_tables tables;
    const float *x, *w;
    float *y, *scratch;
    struct simd_epilogue epilogue;
};

/* Where the tiles first..last-1 of a map find their input: in x, or copied into scratch. map: the first block they read. */
static const float *input_of(const struct job *j, uint64_t map, uint64_t blocks, uint64_t first, uint64_t last, uint32_t worker)
{
    const struct grouped *s = &j->s;
    const struct simd_conv_lines *l = &s->lines;
    uint64_t line = first / l->line_tiles, lines = simd_ceil_div(last, l->line_tiles) - line;
    if (!s->copy)
        return j->x + map * l->x_block + line * l->x_line;
    uint64_t row = line * s->c.stride_h, rows = (lines - 1) * s->c.stride_h + s->c.window_h;
    float *scratch = j->scratch + worker * s->scratch;
    for (uint64_t b = 0; b < blocks; b++) {
        uint64_t begin = (map + b) * s->c.seen_h + row;
        simd_conv_copy_rows(&s->c, j->x, scratch + b * l->x_block, begin, begin + rows);
    }
    return scratch;
}

/* A unit is a tile of pixels of one block of output channels. */
static void run_part(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct grouped *s = &j->s;
    const struct simd_conv_lines *l = &s->lines;
    uint64_t block = s->c.block, band = s->copy ? s->band * l->line_tiles : l->image_tiles;
    while (begin < end) {
        uint64_t map = begin / l->image_tiles, n = map / s->c.oc_blocks, b = map % s->c.oc_blocks;
        uint64_t first = begin % l->image_tiles, last = first / l->line_tiles * l->line_tiles + band;
        last = last < l->image_tiles ? last : l->image_tiles;
        last = last - first < end - begin ? last : first + end - begin;
        struct span span = span_of(&s->c, b);
        const float *x = input_of(j, n * s->c.ic_blocks + span.first / block, span.blocks, first, last, worker);
        struct simd_conv_strip strip = {.c = &s->c,
                                        .lines = l,
                                        .tables = &j->tables,
                                        .fns = j->fns,
                                        .epilogue = &j->epilogue,
                                        .x = x + span.first % block,
                                        .w = j->w + b * s->weights,
                                        .y = j->y + map * l->height * l->width * block,
                                        .y_begin = j->y,
                                        .channel = b * block,
                                        .vectors = 1,
                                        .blocks = span.blocks,
                                        .last = span.last};
        simd_conv_strip_run(&strip, first, last - first);
        begin += last - first;
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    struct simd_conv c = simd_conv_of(e->node, d->isa->block);
    char *workspace = cvk_cpu_pointer(e->workspace);
    struct job j = {.s = grouped_of(&c, d), .fns = d->isa->tile, .x = cvk_cpu_input(e, 0), .y = cvk_cpu_output(e, 0)};
    j.tables = tables_of(e, &j.s);
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
    simd_parallel(e, c.n * c.oc_blocks * j.s.lines.image_tiles, run_part, &j);
    return CVK_OK;
}

const struct cvk_kernel simd_conv_grouped_rows[] = {SIMD_CONV_ROWS("grouped", plan, build, run)};
const uint32_t simd_conv_grouped_row_count = SIMD_COUNT(simd_conv_grouped_rows);
