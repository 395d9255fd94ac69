/* SPDX-License-Identifier: MIT
 * Gradient of the weights of conv and conv_transpose, row "outer": sums of outer products over pixels, blocked in, plain out.
 *
 * A unit of work is a block of row channels with a tile of vectors of lane channels, for all taps. Pixels are cut into bands
 * that fit the second cache; a worker takes a band through as many units as the cache holds the sums of, too, then the next
 * band. Where there are too few units to share out, the bands are cut into parts as well, each with sums of its own, which are
 * added in order at the end. */
#include "conv_weights.h"

#define PART_PIXELS 64          /* fewer are not worth sums of their own */
#define PIXELS_AHEAD 8          /* that are fetched into the first cache */
#define BAND_BYTES (128u << 10) /* of both tensors, that a unit reads: a part of the second cache */

/* What follows from the sizes, for plan and run alike. Groups whose lane channels are not whole blocks share a section: a run
 * of lane blocks with the row blocks that it meets. */
struct outer {
    struct simd_conv_weights c;
    uint64_t sections, section_blocks;    /* lane blocks of a section */
    uint64_t section_tiles, section_rows; /* tiles, row blocks of a section; some may have fewer row blocks */
    uint64_t v;                           /* vectors of the widest tile */
    uint64_t units, slot;                 /* floats of the sums of a unit: [tap][row of the block][vector][block], then bias */
    bool dense;                           /* one tap, each pixel on its own: maps are one line */
    uint64_t lines, px;                   /* of a map of lanes */
    uint64_t images, band_lines, band_px; /* of a band: whole images, or lines of one, or pixels of its only line */
    uint64_t image_bands, bands;
    uint64_t parts;
    uint64_t held; /* units that a worker takes a band through */
};

static void choose_sections(struct outer *o, const struct simd_wgrad_fns *fns)
{
    const struct simd_conv_weights *c = &o->c;
    const bool whole = c->group == 1 || c->group_lanes % c->block == 0;
    o->section_blocks = whole ? simd_ceil_div(c->group_lanes, c->block) : 1;
    o->sections = whole ? c->group : c->lane_blocks;
    o->section_tiles = simd_ceil_div(o->section_blocks, fns->max_v);
    o->v = o->section_tiles ? simd_ceil_div(o->section_blocks, o->section_tiles) : 1;
}

/* The groups that the lane channels of a section belong to, and the blocks of their row channels. */
struct section {
    uint64_t first_group, end_group, first_row, end_row, first_block, end_block;
};

static struct section section_of(const struct outer *o, uint64_t s)
{
    const struct simd_conv_weights *c = &o->c;
    const uint64_t first = s * o->section_blocks * c->block, end = first + o->section_blocks * c->block;
    struct section g = {.first_group = first / c->group_lanes,
                        .end_group = simd_ceil_div(end < c->lanes ? end : c->lanes, c->group_lanes)};
    g.first_row = g.first_group * c->group_rows;
    g.end_row = g.end_group * c->group_rows;
    g.first_block = g.first_row / c->block;
    g.end_block = simd_ceil_div(g.end_row, c->block);
    return g;
}

static void choose_bands(struct outer *o)
{
    const struct simd_conv_weights *c = &o->c;
    o->dense = c->taps == 1 && c->stride_h == 1 && c->stride_w == 1 && c->pad_top == 0 && c->pad_left == 0 && c->oh == c->h &&
               c->ow == c->w;
    o->lines = o->dense ? 1 : c->oh;
    o->px = o->dense ? c->oh * c->ow : c->ow;
    /* A stride skips what it does not need in lines, but not in a line of the cache. */
    const uint64_t line_bytes = (o->px * o->v + (o->dense ? o->px : c->w)) * c->block * sizeof(float);
    const uint64_t bytes = o->lines * line_bytes;
    o->images = 1;
    o->band_lines = o->lines;
    o->band_px = o->px;
    o->image_bands = 1;
    if (bytes == 0 || c->n == 0)
        return;
    if (bytes <= BAND_BYTES) {
        /* As many as fit, but not so many that there are too few bands to share out. */
        const uint64_t most = simd_ceil_div(c->n, simd_conv_weights_parts(o->units, c->n));
        o->images = BAND_BYTES / bytes < most ? BAND_BYTES / bytes : most;
    } else if (o->lines == 1) {
        const uint64_t bands = simd_ceil_div(bytes, BAND_BYTES);
        o->band_px = simd_ceil_div(o->px, bands < o->px ? bands : o->px);
        o->image_bands = simd_ceil_div(o->px, o->band_px);
    } else {
        const uint64_t bands = simd_ceil_div(bytes, BAND_BYTES);
        o->band_lines = simd_ceil_div(o->lines, bands < o->lines ? bands : o->lines);
        o->image_bands = simd_ceil_div(o->lines, o->band_lines);
    }
    o->bands = o->images > 1 ? simd_ceil_div(c->n, o->images) : c->n * o->image_bands;
}

static struct outer outer_of(const struct simd_conv_weights *c, const struct simd_device *d)
{
    struct outer o = {.c = *c};
    choose_sections(&o, d->isa->wgrad);
    for (uint64_t s = 0; s < o.sections; s++) {
        const struct section g = section_of(&o, s);
        o.section_rows = g.end_block - g.first_block > o.section_rows ? g.end_block - g.first_block : o.section_rows;
    }
    o.units = o.sections * o.section_tiles * o.section_rows;
    o.slot = (c->taps * c->block + c->bias) * o.v * c->block;
    choose_bands(&o);
    const uint64_t most = c->n * c->oh * c->ow / PART_PIXELS;
    o.parts = simd_conv_weights_parts(o.units, most < o.bands ? most : o.bands);
    const uint64_t held = o.slot ? d->caches.l2_bytes / 4 / (o.slot * sizeof(float)) : 1;
    o.held = held == 0 ? 1 : held < o.units ? held : o.units;
    return o;
}

enum { NOTE_SUMS, NOTE_UNITS, NOTE_SPANS, NOTE_BIAS }; /* places in the workspace */

/* A unit, by its number. */
struct unit {
    uint64_t v, lane_block; /* its vectors, the first one's place */
    uint64_t row_block;
    uint64_t first_row, row_count; /* row channels of the block; none where the section has no such block */
    uint64_t tiles, each, more;    /* tiles of rows: `more` of them have each + 1 rows, the others `each` */
    bool bias;                     /* sums dy as well: one of the units with these lanes does */
    struct section section;
};

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct simd_device *d = simd_asked(q);
    struct simd_conv_weights c;
    SIMD_TRY(simd_conv_weights_ask(q, &c));
    const struct outer o = outer_of(&c, d);
    plan->cost_ns = simd_conv_weights_outer_cost(&c, d);
    const uint64_t slots = o.parts > 1 ? o.parts * o.units : d->threads * o.held;
    plan->user[NOTE_SUMS] = cvk_book(plan, slots * o.slot * sizeof(float));
    plan->user[NOTE_UNITS] = cvk_book(plan, d->threads * o.held * sizeof(struct unit));
    plan->user[NOTE_SPANS] = cvk_book(plan, (c.kh + c.kw) * sizeof(struct simd_span));
    plan->user[NOTE_BIAS] = cvk_book(plan, simd_conv_weights_bias_bytes(q->node, &c));
    return CVK_OK;
}

struct job {
    struct outer o;
    const struct simd_wgrad_fns *fns;
    const float *rows, *lanes;
    float *sums;                      /* slots [parts][units], or `held` of them for each worker if there is one part */
    struct unit *units;               /* `held` for each worker */
    struct simd_span *lines, *pixels; /* of the taps kh, of the taps kw */
    float *dw, *db;
};

static struct unit unit_of(const struct job *j, uint64_t number)
{
    const struct outer *o = &j->o;
    const uint64_t rows = number % o->section_rows, tile = number / o->section_rows % o->section_tiles;
    const uint64_t s = number / o->section_rows / o->section_tiles, block = o->c.block;
    const uint64_t each = o->section_blocks / o->section_tiles, more = o->section_blocks % o->section_tiles;
    struct unit u = {.section = section_of(o, s),
                     .v = each + (tile < more),
                     .lane_block = s * o->section_blocks + tile * each + (tile < more ? tile : more)};
    u.row_block = u.section.first_block + rows;
    u.bias = o->c.bias && rows == 0;
    if (u.row_block >= u.section.end_block) {
        u.row_block = u.section.first_block;
        return u;
    }
    const uint64_t base = u.row_block * block, first = u.section.first_row, end = u.section.end_row;
    u.first_row = first > base ? first - base : 0;
    u.row_count = (end < base + block ? end - base : block) - u.first_row;
    u.tiles = simd_ceil_div(u.row_count, j->fns->max_rows[u.v - 1]);
    u.each = u.row_count / u.tiles;
    u.more = u.row_count % u.tiles;
    return u;
}

/* What of the maps a band is. */
struct band {
    uint64_t image, images, line, end_line, pixel, end_pixel; /* the same pixels of each line */
};

static struct band band_of(const struct outer *o, uint64_t number)
{
    const bool whole = o->images > 1;
    const uint64_t place = whole ? 0 : number % o->image_bands, image = whole ? number * o->images : number / o->image_bands;
    const uint64_t line = o->lines == 1 ? 0 : place * o->band_lines, pixel = o->lines == 1 ? place * o->band_px : 0;
    const uint64_t left = o->c.n - image;
    return (struct band){.image = image,
                         .images = left < o->images ? left : o->images,
                         .line = line,
                         .end_line = line + o->band_lines < o->lines ? line + o->band_lines : o->lines,
                         .pixel = pixel,
                         .end_pixel = pixel + o->band_px < o->px ? pixel + o->band_px : o->px};
}

/* One tap over the pixels of t, all rows of the unit. With a single tap each number of x is read a few times only: then the
 * next block of rows, which the next unit begins with, is fetched meanwhile; else what comes next of this one. */
static void run_tap(const struct job *j, const struct unit *u, struct simd_wgrad *t, const float *rows, float *sum)
{
    const struct simd_conv_weights *c = &j->o.c;
    const bool next = c->taps == 1 && u->row_block + 1 < c->row_blocks;
    const int64_t pixels = PIXELS_AHEAD * t->x_step;
    uint64_t row = u->first_row;
    for (uint64_t i = 0; i < u->tiles; i++) {
        const uint64_t count = u->each + (i < u->more);
        t->x = rows + row;
        t->x_ahead = next && i == 0 ? (int64_t)(c->h * c->w * c->block) : pixels;
        t->sum = sum + row * u->v * c->block;
        j->fns->near[u->v - 1][count - 1](t);
        row += count;
    }
}

/* Where the sums of dy lie in a slot. */
static uint64_t bias_at(const struct outer *o, const struct unit *u)
{
    return o->c.taps * o->c.block * u->v * o->c.block;
}

static void sum_bias(const struct job *j, const struct unit *u, const struct band *band, const float *lanes, bool add,
                     float *sum)
{
    const struct outer *o = &j->o;
    const uint64_t b = o->c.block, map = o->c.oh * o->c.ow;
    const uint64_t pixels = (band->end_line - band->line) * (band->end_pixel - band->pixel);
    if (!add)
        memset(sum, 0, u->v * b * sizeof *sum);
    for (uint64_t n = 0; n < band->images; n++)
        for (uint64_t v = 0; v < u->v; v++)
            j->fns->pixels(lanes + ((n * o->c.lane_blocks + v) * map + band->line * o->px + band->pixel) * b, pixels,
                           sum + v * b);
}

/* A unit over a band: adds to the slot, or begins it. */
static void run_band(const struct job *j, const struct unit *u, const struct band *band, bool add, float *slot)
{
    const struct outer *o = &j->o;
    const struct simd_conv_weights *c = &o->c;
    const uint64_t b = c->block, map = c->oh * c->ow;
    struct simd_wgrad t = {.x_step = c->stride_w * b,
                           .x_line = c->stride_h * (int64_t)(c->w * b),
                           .x_image = (int64_t)(c->row_blocks * c->h * c->w * b),
                           .y_vector = (int64_t)(map * b),
                           .y_line = (int64_t)(o->px * b),
                           .y_image = (int64_t)(c->lane_blocks * map * b),
                           .images = band->images,
                           .add = add};
    const float *rows = j->rows + (band->image * c->row_blocks + u->row_block) * c->h * c->w * b;
    const float *lanes = j->lanes + (band->image * c->lane_blocks + u->lane_block) * map * b;
    if (u->bias)
        sum_bias(j, u, band, lanes, add, slot + bias_at(o, u));
    if (o->dense) {
        t.lines = 1;
        t.px = band->end_pixel - band->pixel;
        t.y = lanes + band->pixel * b;
        run_tap(j, u, &t, rows + band->pixel * b, slot);
        return;
    }
    for (uint64_t kh = 0; kh < c->kh; kh++) {
        const uint64_t line = j->lines[kh].begin > band->line ? j->lines[kh].begin : band->line;
        const uint64_t end_line = j->lines[kh].end < band->end_line ? j->lines[kh].end : band->end_line;
        const int64_t ih = (int64_t)line * c->stride_h + (int64_t)kh * c->dilation_h - c->pad_top;
        for (uint64_t kw = 0; kw < c->kw; kw++, slot += b * u->v * b) {
            const uint64_t pixel = j->pixels[kw].begin > band->pixel ? j->pixels[kw].begin : band->pixel;
            const uint64_t end_pixel = j->pixels[kw].end < band->end_pixel ? j->pixels[kw].end : band->end_pixel;
            const int64_t iw = (int64_t)pixel * c->stride_w + (int64_t)kw * c->dilation_w - c->pad_left;
            t.px = end_pixel - pixel;
            t.lines = pixel < end_pixel && line < end_line ? end_line - line : 0;
            t.y = t.lines > 0 ? lanes + (line * o->px + pixel) * b : lanes;
            run_tap(j, u, &t, t.lines > 0 ? rows + (ih * (int64_t)c->w + iw) * (int64_t)b : rows, slot);
        }
    }
}

/* The sums of a unit, of all parts, into the weights. */
static void store_unit(const struct job *j, const struct unit *u, const float *slot, uint64_t parts)
{
    const struct outer *o = &j->o;
    const struct simd_conv_weights *c = &o->c;
    const uint64_t b = c->block, row = u->row_block * b + u->first_row, end_row = row + u->row_count;
    struct simd_wgrad_store s = {.parts = parts,
                                 .part_step = o->units * o->slot,
                                 .taps = c->taps,
                                 .row_step = u->v * b,
                                 .tap_step = b * u->v * b,
                                 .to_step = c->group_rows * c->taps};
    for (uint64_t v = 0; v < u->v; v++) {
        const uint64_t lane = (u->lane_block + v) * b, end_lane = lane + b < c->lanes ? lane + b : c->lanes;
        if (u->bias)
            simd_conv_weights_store_bias(c, j->fns, slot + bias_at(o, u) + v * b, parts, s.part_step, u->lane_block + v, j->db);
        for (uint64_t g = u->section.first_group; g < u->section.end_group; g++) {
            const uint64_t lanes_from = g * c->group_lanes > lane ? g * c->group_lanes : lane;
            const uint64_t lanes_to = (g + 1) * c->group_lanes < end_lane ? (g + 1) * c->group_lanes : end_lane;
            const uint64_t from = g * c->group_rows > row ? g * c->group_rows : row;
            const uint64_t to = (g + 1) * c->group_rows < end_row ? (g + 1) * c->group_rows : end_row;
            if (from >= to || lanes_from >= lanes_to) /* also where the unit has no rows */
                continue;
            s.sum = slot + (from - u->row_block * b) * s.row_step + v * b;
            s.count = (to - from) * c->taps;
            s.channel = (uint32_t)(lanes_from - lane);
            s.channels = (uint32_t)(lanes_to - lanes_from);
            s.to = j->dw + (lanes_from * c->group_rows + from - g * c->group_rows) * c->taps;
            j->fns->store(&s);
        }
    }
}

/* Items are parts, then units. */
static void run_units(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct outer *o = &j->o;
    struct unit *units = j->units + worker * o->held;
    while (begin < end) {
        const uint64_t part = begin / o->units, first = begin % o->units;
        uint64_t count = o->units - first < end - begin ? o->units - first : end - begin;
        count = count < o->held ? count : o->held;
        for (uint64_t i = 0; i < count; i++)
            units[i] = unit_of(j, first + i);
        float *slots = j->sums + (o->parts > 1 ? begin : worker * o->held) * o->slot;
        const uint64_t first_band = part * o->bands / o->parts, end_band = (part + 1) * o->bands / o->parts;
        for (uint64_t k = first_band; k < end_band; k++) {
            const struct band band = band_of(o, k);
            for (uint64_t i = 0; i < count; i++)
                run_band(j, &units[i], &band, k > first_band, slots + i * o->slot);
        }
        for (uint64_t i = 0; i < count && o->parts == 1; i++)
            store_unit(j, &units[i], slots + i * o->slot, 1);
        begin += count;
    }
}

static void join_units(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        const struct unit unit = unit_of(j, i);
        store_unit(j, &unit, j->sums + i * j->o.slot, j->o.parts);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    const struct simd_conv_weights c = simd_conv_weights_of(e->node, d->isa->block);
    char *workspace = cvk_cpu_pointer(e->workspace);
    struct job j = {.o = outer_of(&c, d),
                    .fns = d->isa->wgrad,
                    .rows = cvk_cpu_input(e, c.rows_input),
                    .lanes = cvk_cpu_input(e, c.lanes_input),
                    .sums = (float *)(workspace + e->plan->user[NOTE_SUMS]),
                    .units = (struct unit *)(workspace + e->plan->user[NOTE_UNITS]),
                    .lines = (struct simd_span *)(workspace + e->plan->user[NOTE_SPANS]),
                    .dw = cvk_cpu_output(e, 0),
                    .db = cvk_cpu_output(e, 1)};
    j.pixels = j.lines + c.kh;
    simd_conv_weights_spans(j.lines, c.kh, c.oh, c.stride_h, c.dilation_h, c.pad_top, c.h);
    simd_conv_weights_spans(j.pixels, c.kw, c.ow, c.stride_w, c.dilation_w, c.pad_left, c.w);
    if (j.dw && j.o.bands == 0) {
        memset(j.dw, 0, c.lanes * c.group_rows * c.taps * sizeof *j.dw);
        if (c.bias)
            memset(j.db, 0, c.lanes * sizeof *j.db);
    } else if (j.dw) {
        simd_parallel(e, j.o.parts * j.o.units, run_units, &j);
        if (j.o.parts > 1)
            simd_parallel(e, j.o.units, join_units, &j);
    }
    simd_conv_weights_bias(e, &c, (float *)(workspace + e->plan->user[NOTE_BIAS]));
    return CVK_OK;
}

#define OUTER                                                                                                                  \
    .pass = CVK_PASS_BACKWARD_WEIGHTS, .flags = CVK_KERNEL_ALL_INPUTS, .layouts_x = SIMD_BLOCKED, .layouts_y = SIMD_PLAIN,     \
    .plan = plan, .run = run
const struct cvk_kernel simd_conv_weights_outer_rows[] = {
    {SIMD_ROW(CONV, "outer"), OUTER},
    {SIMD_ROW(CONV_TRANSPOSE, "outer"), OUTER},
};
const uint32_t simd_conv_weights_outer_row_count = SIMD_COUNT(simd_conv_weights_outer_rows);
