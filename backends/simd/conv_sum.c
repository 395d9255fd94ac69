/* SPDX-License-Identifier: MIT
 * conv_sum.h: a worker takes a chunk of pixels whose input stays in its second cache through all channels of output, so that
 * weights come from memory once a chunk. */
#include "conv_sum.h"

/* Cuts pixels into chunks: what a chunk reads of x takes about half of the second cache. */
static void choose_chunks(struct simd_conv_sum *s, const struct simd_device *d)
{
    const struct simd_conv *c = &s->c;
    const struct simd_conv_lines *l = &s->lines;
    uint64_t budget = d->caches.l2_bytes / 2, pixels = s->copy == SIMD_COPY_PIXELS ? l->px : c->seen_h * c->seen_w;
    uint64_t image_bytes = c->ic_blocks * pixels * c->block * sizeof(float);
    uint64_t unit = l->lines == 1 && s->copy != SIMD_COPY_ROWS ? 1 : l->line_tiles, units = l->image_tiles / unit;
    s->images = 1;
    s->band = l->image_tiles;
    if (image_bytes > budget) {
        uint64_t bands = simd_ceil_div(image_bytes, budget);
        s->band = simd_ceil_div(units, bands < units ? bands : units) * unit;
    } else if (c->n > 0) {
        uint64_t images = budget / image_bytes;
        s->images = images < c->n ? images : c->n;
    }
}

/* Lines of a strided kernel of one pixel are worth gathering into one line if they fill the tiles badly, or if their pixels lie
 * so far apart that nothing fetches them ahead. */
static bool worth_gathering(const struct simd_conv *c, uint32_t max_px)
{
    return c->stride_w > 2 || 5 * c->ow < 4 * max_px * simd_ceil_div(c->ow, max_px);
}

static struct simd_conv_sum sum_of(const struct simd_conv *c, const struct simd_device *d)
{
    const struct simd_tile_fns *fns = d->isa->tile;
    uint64_t oc = c->oc / c->group, ic = c->ic / c->group, taps = c->kh * c->kw, vectors = simd_ceil_div(oc, c->block);
    uint32_t v = vectors == 0 ? 1 : vectors < fns->best_v ? (uint32_t)vectors : fns->best_v, max_px = fns->max_px[v - 1];
    struct simd_conv_sum s = {.c = *c,
                              .weights = {.oc = oc, .ic = ic, .taps = taps, .block = c->block, .v = v, .turned = c->turned},
                              .groups = c->group,
                              .group_vectors = vectors,
                              .lines = {.blocks = simd_ceil_div(ic, c->block)}};
    struct simd_conv_lines *l = &s.lines;
    if (c->oh == 0 || c->ow == 0)
        return s;
    bool inside = simd_conv_inside(c), steady = c->stride_h * c->stride_w * c->spread_h * c->spread_w == 1;
    bool dense = taps == 1 && inside && steady;
    bool gathered = taps == 1 && !dense && !c->turned && worth_gathering(c, max_px);
    s.copy = gathered ? SIMD_COPY_PIXELS : inside ? SIMD_COPY_NOTHING : SIMD_COPY_ROWS;
    simd_conv_lines_cut(l, c, dense || gathered, max_px);
    choose_chunks(&s, d);
    uint64_t width = s.copy == SIMD_COPY_ROWS ? c->seen_w : c->w, pixels = c->h * c->w;
    if (s.copy == SIMD_COPY_ROWS)
        pixels = ((s.band / l->line_tiles - 1) * c->stride_h + c->window_h) * width;
    else if (gathered)
        pixels = s.band * simd_ceil_div(l->px, l->line_tiles);
    l->x_step = (gathered ? 1 : c->stride_w) * c->block;
    l->x_line = c->stride_h * width * c->block;
    l->x_row = width * c->block;
    l->x_block = pixels * c->block;
    s.x_image = c->ic_blocks * l->x_block;
    return s;
}

/* Places in the workspace, as plan books them; whether build packs the weights: run may not see that they are constant. */
enum { NOTE_WEIGHTS, NOTE_EPILOGUE, NOTE_SCRATCH, NOTE_PACKED };

static uint64_t tables_bytes(const struct simd_conv_sum *s)
{
    return simd_conv_tables_bytes(&s->c, &s->lines);
}

static uint64_t scratch_floats(const struct simd_conv_sum *s)
{
    return s->copy ? simd_round_up(s->images * s->x_image, CVK_ALIGN_BYTES / sizeof(float)) : 0;
}

int32_t simd_conv_sum_plan(const struct cvk_query *q, const struct simd_conv *c, struct cvk_plan *plan)
{
    const struct simd_device *d = simd_asked(q);
    struct simd_conv_sum s = sum_of(c, d);
    uint64_t weights = s.groups * simd_weights_floats(&s.weights) * sizeof(float);
    bool constant = q->node->constants[1] != NULL;
    plan->packed_bytes = tables_bytes(&s) + (constant ? weights : 0);
    plan->user[NOTE_PACKED] = constant;
    plan->user[NOTE_WEIGHTS] = constant ? 0 : cvk_book(plan, weights);
    plan->user[NOTE_EPILOGUE] = cvk_book(plan, simd_epilogue_bytes(q, c->oc));
    plan->user[NOTE_SCRATCH] = cvk_book(plan, scratch_floats(&s) * d->threads * sizeof(float));
    double outputs = (double)(c->n * c->oh * c->ow * c->oc_blocks * c->block);
    double inputs = (double)(c->n * c->ic_blocks * c->h * c->w * c->block);
    /* Of a gradient each result has its share of the taps. */
    double products = outputs * (double)(s.lines.blocks * c->block * s.weights.taps) / (double)(c->spread_h * c->spread_w);
    plan->cost_ns = simd_conv_cost(d, 2 * products, 0.9, (double)weights, (inputs + outputs) * sizeof(float));
    if (!constant)
        plan->cost_ns += simd_conv_pack_cost(d, (double)q->node->inputs[1]->bytes, (double)weights, 2);
    return CVK_OK;
}

struct pack_job {
    const struct simd_conv_sum *s;
    const struct simd_move_fns *move;
    const float *plain;
    float *packed;
};

/* Tiles of output channels, counted over the groups. */
static void pack_part(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct pack_job *j = arg;
    const struct simd_weights *w = &j->s->weights;
    uint64_t tiles = simd_weights_tiles(w), plain = w->oc * w->ic * w->taps, packed = simd_weights_floats(w);
    (void)worker;
    while (begin < end) {
        uint64_t group = begin / tiles, first = begin % tiles, last = tiles - first < end - begin ? tiles : first + end - begin;
        simd_weights_pack(w, j->move, j->plain + group * plain, first, last, j->packed + group * packed);
        begin += last - first;
    }
}

static struct simd_conv_tables tables_of(const struct cvk_exec *e, const struct simd_conv_sum *s)
{
    return simd_conv_tables_at(&s->c, &s->lines, e->packed);
}

static void pack(struct cvk_exec *e, struct simd_conv_sum *s, float *to)
{
    s->weights.order = tables_of(e, s).taps;
    struct pack_job job = {s, simd_device_of(e)->isa->move, cvk_cpu_input(e, 1), to};
    simd_parallel(e, s->groups * simd_weights_tiles(&s->weights), pack_part, &job);
}

static float *packed_weights(const struct cvk_exec *e, const struct simd_conv_sum *s)
{
    return (float *)((char *)e->packed + tables_bytes(s));
}

int32_t simd_conv_sum_build(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    struct simd_conv c = simd_conv_of(e->node, d->isa->block);
    struct simd_conv_sum s = sum_of(&c, d);
    struct simd_conv_tables tables = tables_of(e, &s);
    simd_conv_tables_fill(&c, &s.lines, &tables);
    if (e->plan->user[NOTE_PACKED])
        pack(e, &s, packed_weights(e, &s));
    return CVK_OK;
}

struct job {
    struct simd_conv_sum s;
    const struct simd_tile_fns *fns;
    struct simd_conv_tables tables;
    const float *x, *w;
    float *y, *scratch;
    struct simd_epilogue epilogue;
};

/* Pixels that a worker has in its caches: tiles first..first + count - 1, counted over images. */
struct chunk {
    uint64_t first, count;
    uint64_t image, line, pixel; /* what x begins with */
    const float *x;              /* all of it, or what scratch holds; NULL: not copied yet */
};

/* The vectors first..first + count - 1 of output channels, counted over groups; tile: the tile in its group. */
struct channels {
    uint64_t group, tile, first;
    uint32_t count;
};

/* Pixels first..first + count - 1 of the outputs of a kernel of one pixel: what they see in map, one behind the other. */
static void gather_pixels(const struct simd_conv *c, const float *map, uint64_t first, uint64_t count, float *to)
{
    uint64_t oh = first / c->ow, ow = first % c->ow;
    for (uint64_t i = 0; i < count; i++, to += c->block) {
        /* Before the image they wrap. */
        uint64_t h = oh * c->stride_h - (uint64_t)c->pad_top, w = ow * c->stride_w - (uint64_t)c->pad_left;
        if (h < c->h && w < c->w)
            memcpy(to, map + (h * c->w + w) * c->block, c->block * sizeof *to);
        else
            memset(to, 0, c->block * sizeof *to);
        if (++ow == c->ow) {
            ow = 0;
            oh++;
        }
    }
}

/* The input of a chunk, with its padding, into scratch. */
static void copy_chunk(const struct job *j, struct chunk *chunk, float *to)
{
    const struct simd_conv_sum *s = &j->s;
    uint64_t first = chunk->first % s->lines.image_tiles, images = simd_ceil_div(chunk->count, s->lines.image_tiles);
    chunk->x = to;
    chunk->image = chunk->first / s->lines.image_tiles;
    chunk->line = first / s->lines.line_tiles;
    chunk->pixel = simd_conv_pixel(&s->lines, first % s->lines.line_tiles);
    uint64_t map = chunk->image * s->c.ic_blocks, end = map + images * s->c.ic_blocks;
    if (s->copy == SIMD_COPY_PIXELS) {
        uint64_t last = images > 1 ? s->lines.image_tiles : first + chunk->count;
        uint64_t count = simd_conv_pixel(&s->lines, last) - chunk->pixel;
        for (; map < end; map++, to += s->lines.x_block)
            gather_pixels(&s->c, j->x + map * s->c.h * s->c.w * s->c.block, chunk->pixel, count, to);
        return;
    }
    uint64_t row = chunk->line * s->c.stride_h, rows = s->lines.x_block / (s->c.seen_w * s->c.block);
    rows = rows < s->c.seen_h - row ? rows : s->c.seen_h - row;
    for (; map < end; map++, to += s->lines.x_block)
        simd_conv_copy_rows(&s->c, j->x, to, map * s->c.seen_h + row, map * s->c.seen_h + row + rows);
}

/* Where the packed weights of a tile of output channels begin. */
static const float *weights_of(const struct job *j, uint64_t group, uint64_t tile)
{
    return j->w + group * simd_weights_floats(&j->s.weights) + simd_weights_tile(&j->s.weights, tile);
}

/* Tiles first..first + count - 1 of image n. */
static void run_tiles(const struct job *j, const struct chunk *chunk, const struct channels *ch, uint64_t n, uint64_t first,
                      uint64_t count)
{
    const struct simd_conv_sum *s = &j->s;
    const struct simd_conv_lines *l = &s->lines;
    const float *x = chunk->x + (n - chunk->image) * s->x_image + ch->group * l->blocks * l->x_block;
    struct simd_conv_strip strip = {.c = &s->c,
                                    .lines = l,
                                    .tables = &j->tables,
                                    .fns = j->fns,
                                    .epilogue = &j->epilogue,
                                    .x = x + (first / l->line_tiles - chunk->line) * l->x_line,
                                    .x_pixel = chunk->pixel,
                                    .w = weights_of(j, ch->group, ch->tile),
                                    .y = j->y + (n * s->c.oc_blocks + ch->first) * l->height * l->width * s->c.block,
                                    .y_begin = j->y,
                                    .channel = ch->first * s->c.block,
                                    .vectors = ch->count,
                                    .blocks = l->blocks,
                                    .last = s->weights.ic - (l->blocks - 1) * s->c.block};
    simd_conv_strip_run(&strip, first, count);
}

/* Units lo..hi-1 of a chunk. A unit is one vector of channels in one tile of pixels, in the order channels, pixels; a tile
 * belongs to whoever has its first unit. */
static void run_chunk(const struct job *j, struct chunk *chunk, uint64_t lo, uint64_t hi, uint32_t worker)
{
    const struct simd_conv_sum *s = &j->s;
    uint64_t m = chunk->count, tiles = simd_weights_tiles(&s->weights);
    uint64_t from = lo / m / s->group_vectors * s->group_vectors; /* a group's first vector */
    for (struct channels ch = {.group = from / s->group_vectors, .first = from}; ch.first * m < hi; ch.first += ch.count) {
        uint64_t left = s->group_vectors - ch.tile * s->weights.v, base = ch.first * m;
        ch.count = left < s->weights.v ? (uint32_t)left : s->weights.v;
        uint64_t p = lo > base ? simd_ceil_div(lo - base, ch.count) : 0, end = simd_ceil_div(hi - base, ch.count);
        end = end < m ? end : m;
        if (p < end && !chunk->x)
            copy_chunk(j, chunk, j->scratch + worker * scratch_floats(s));
        while (p < end) {
            uint64_t tile = chunk->first + p, n = tile / s->lines.image_tiles, first = tile % s->lines.image_tiles;
            uint64_t count = s->lines.image_tiles - first < end - p ? s->lines.image_tiles - first : end - p;
            run_tiles(j, chunk, &ch, n, first, count);
            p += count;
        }
        if (++ch.tile == tiles) {
            ch.tile = 0;
            ch.group++;
        }
    }
}

static void run_part(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_conv_sum *s = &j->s;
    uint64_t vectors = s->groups * s->group_vectors, total = s->c.n * s->lines.image_tiles;
    while (begin < end) {
        uint64_t tile = begin / vectors, image = tile / s->lines.image_tiles, in_image = tile % s->lines.image_tiles;
        struct chunk chunk = {.first = image / s->images * s->images * s->lines.image_tiles,
                              .count = s->images * s->lines.image_tiles,
                              .x = s->copy ? NULL : j->x};
        if (s->band < s->lines.image_tiles) {
            chunk.first += in_image / s->band * s->band;
            chunk.count = s->band;
            uint64_t left = (image + 1) * s->lines.image_tiles - chunk.first;
            chunk.count = chunk.count < left ? chunk.count : left;
        }
        chunk.count = chunk.count < total - chunk.first ? chunk.count : total - chunk.first;
        uint64_t base = chunk.first * vectors, stop = base + chunk.count * vectors;
        stop = stop < end ? stop : end;
        run_chunk(j, &chunk, begin - base, stop - base, worker);
        begin = stop;
    }
}

int32_t simd_conv_sum_run(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    struct simd_conv c = simd_conv_of(e->node, d->isa->block);
    char *workspace = cvk_cpu_pointer(e->workspace);
    struct job j = {.s = sum_of(&c, d), .fns = d->isa->tile, .x = cvk_cpu_input(e, 0), .y = cvk_cpu_output(e, 0)};
    if (workspace)
        j.scratch = (float *)(workspace + e->plan->user[NOTE_SCRATCH]);
    j.tables = tables_of(e, &j.s);
    if (e->plan->user[NOTE_PACKED]) {
        j.w = packed_weights(e, &j.s);
    } else {
        float *w = (float *)(workspace + e->plan->user[NOTE_WEIGHTS]);
        pack(e, &j.s, w);
        j.w = w;
    }
    simd_epilogue_bind(&j.epilogue, e, c.oc, workspace ? (float *)(workspace + e->plan->user[NOTE_EPILOGUE]) : NULL);
    simd_parallel(e, c.n * j.s.lines.image_tiles * j.s.groups * j.s.group_vectors, run_part, &j);
    return CVK_OK;
}
