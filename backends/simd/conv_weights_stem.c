/* SPDX-License-Identifier: MIT
 * Gradient of the weights of conv, row "stem": the first layer of a net, whose input has a few channels in the plain layout; dy
 * is blocked.
 *
 * A worker copies the input of a band of lines of dy into zero-padded scratch; there the taps of all channels are numbers at
 * fixed distances from a pixel, and any few of them are the rows of an outer product. Work is cut by tiles of dy's channels and
 * by parts of the bands, whose sums are then added in order. */
#include "conv_weights.h"
#include "cutout.h"

#define MAX_CHANNELS 4
#define MAX_BAND_BYTES (36u << 10) /* of scratch */

/* Sizes, for plan and run alike; floats and pixels. */
struct stem {
    struct simd_conv_weights c;
    uint64_t numbers;              /* channels times taps */
    uint64_t tiles, v;             /* of vectors of dy's channels; v: of the widest one */
    uint64_t band, bands;          /* lines of dy in a band, bands of all images */
    uint64_t rows, pitch, scratch; /* of the copy: rows of a channel, floats of a row; all of it, for one worker */
    uint64_t parts;
    uint64_t slot; /* sums of a tile: [number][vector][block], then of dy itself if the bias is wanted */
};

static struct stem stem_of(const struct simd_conv_weights *c, const struct simd_wgrad_fns *fns)
{
    struct stem s = {.c = *c, .numbers = c->rows * c->taps, .tiles = simd_ceil_div(c->lane_blocks, fns->max_v)};
    s.v = simd_ceil_div(c->lane_blocks, s.tiles);
    s.slot = (s.numbers + c->bias) * s.v * c->block;
    if (c->oh && c->ow) {
        const uint64_t window = (c->kh - 1) * (uint64_t)c->dilation_h + 1, stride = (uint64_t)c->stride_h;
        s.pitch = (c->ow - 1) * (uint64_t)c->stride_w + (c->kw - 1) * (uint64_t)c->dilation_w + 1;
        s.band = 1;
        while (s.band < c->oh && (s.band * stride + window) * s.pitch * c->rows * sizeof(float) <= MAX_BAND_BYTES)
            s.band++;
        s.rows = (s.band - 1) * stride + window;
        s.scratch = simd_round_up(s.rows * s.pitch * c->rows, CVK_ALIGN_BYTES / sizeof(float));
        s.bands = c->n * simd_ceil_div(c->oh, s.band);
    }
    s.parts = simd_conv_weights_parts(s.tiles, s.bands);
    return s;
}

enum { NOTE_SUMS, NOTE_OFFSETS, NOTE_SCRATCH, NOTE_BIAS }; /* places in the workspace */

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct simd_device *d = simd_asked(q);
    struct simd_conv_weights c;
    SIMD_TRY(simd_conv_weights_ask(q, &c));
    if (c.group != 1 || c.rows > MAX_CHANNELS)
        return cvk_refuse(q, "only one group of 1 to %d input channels", MAX_CHANNELS);
    const struct stem s = stem_of(&c, d->isa->wgrad);
    plan->user[NOTE_SUMS] = cvk_book(plan, s.parts * s.tiles * s.slot * sizeof(float));
    plan->user[NOTE_OFFSETS] = cvk_book(plan, s.numbers * sizeof(int64_t));
    plan->user[NOTE_SCRATCH] = cvk_book(plan, d->threads * s.scratch * sizeof(float));
    plan->user[NOTE_BIAS] = cvk_book(plan, simd_conv_weights_bias_bytes(q->node, &c));
    return CVK_OK;
}

struct job {
    struct stem s;
    const struct simd_wgrad_fns *fns;
    const float *x, *dy;
    const int64_t *offsets; /* of the numbers, in scratch */
    float *sums, *scratch, *dw, *db;
};

/* The first vector of a tile, or of the one behind the last. */
static uint64_t vector_of(const struct stem *s, uint64_t tile)
{
    return s->c.lane_blocks * tile / s->tiles;
}

static void run_band(const struct job *j, uint64_t band, uint64_t tile, bool add, float *scratch, float *slot)
{
    const struct stem *s = &j->s;
    const struct simd_conv_weights *c = &s->c;
    const uint64_t image_bands = simd_ceil_div(c->oh, s->band), image = band / image_bands, line = band % image_bands * s->band;
    const uint64_t first = vector_of(s, tile), v = vector_of(s, tile + 1) - first;
    const uint64_t lines = c->oh - line < s->band ? c->oh - line : s->band;
    struct simd_cutout cut = {.h = c->h,
                              .w = c->w,
                              .row = (int64_t)line * c->stride_h - c->pad_top,
                              .column = -c->pad_left,
                              .rows = (lines - 1) * (uint64_t)c->stride_h + (c->kh - 1) * (uint64_t)c->dilation_h + 1,
                              .columns = s->pitch};
    for (uint64_t i = 0; i < c->rows; i++) {
        cut.map = j->x + (image * c->rows + i) * c->h * c->w;
        simd_cutout(&cut, scratch + i * s->rows * s->pitch);
    }
    struct simd_wgrad t = {.x = scratch,
                           .y = j->dy + ((image * c->lane_blocks + first) * c->oh + line) * c->ow * c->block,
                           .x_step = c->stride_w,
                           .x_line = c->stride_h * (int64_t)s->pitch,
                           .y_vector = (int64_t)(c->oh * c->ow * c->block),
                           .y_line = (int64_t)(c->ow * c->block),
                           .px = c->ow,
                           .lines = lines,
                           .images = 1,
                           .add = add};
    const uint64_t tiles = simd_ceil_div(s->numbers, j->fns->max_far[v - 1]);
    for (uint64_t i = 0; i < tiles; i++) {
        const uint64_t from = s->numbers * i / tiles, count = s->numbers * (i + 1) / tiles - from;
        t.x_off = j->offsets + from;
        t.sum = slot + from * v * c->block;
        j->fns->far[v - 1][count - 1](&t);
    }
    float *bias = slot + s->numbers * v * c->block;
    if (c->bias && !add)
        memset(bias, 0, v * c->block * sizeof *bias);
    for (uint64_t i = 0; i < v && c->bias; i++)
        j->fns->pixels(t.y + (int64_t)i * t.y_vector, lines * c->ow, bias + i * c->block);
}

/* Items are parts, then tiles. */
static void run_tiles(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct stem *s = &j->s;
    for (uint64_t item = begin; item < end; item++) {
        const uint64_t part = item / s->tiles, first = s->bands * part / s->parts, last = s->bands * (part + 1) / s->parts;
        for (uint64_t band = first; band < last; band++)
            run_band(j, band, item % s->tiles, band > first, j->scratch + worker * s->scratch, j->sums + item * s->slot);
    }
}

static void join_tiles(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct stem *s = &j->s;
    const uint64_t block = s->c.block;
    (void)worker;
    for (uint64_t tile = begin; tile < end; tile++) {
        const uint64_t first = vector_of(s, tile), last = vector_of(s, tile + 1);
        for (uint64_t b = first; b < last; b++) {
            const uint64_t channels = s->c.lanes - b * block;
            const struct simd_wgrad_store store = {.sum = j->sums + tile * s->slot + (b - first) * block,
                                                   .parts = s->parts,
                                                   .part_step = s->tiles * s->slot,
                                                   .taps = 1,
                                                   .row_step = (last - first) * block,
                                                   .count = s->numbers,
                                                   .channels = channels < block ? (uint32_t)channels : (uint32_t)block,
                                                   .to = j->dw + b * block * s->numbers,
                                                   .to_step = s->numbers};
            j->fns->store(&store);
            const float *bias = store.sum + s->numbers * store.row_step;
            if (s->c.bias)
                simd_conv_weights_store_bias(&s->c, j->fns, bias, store.parts, store.part_step, b, j->db);
        }
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    const struct simd_conv_weights c = simd_conv_weights_of(e->node, d->isa->block);
    const struct stem s = stem_of(&c, d->isa->wgrad);
    char *workspace = cvk_cpu_pointer(e->workspace);
    int64_t *offsets = (int64_t *)(workspace + e->plan->user[NOTE_OFFSETS]);
    for (uint64_t i = 0, at = 0; i < c.rows; i++)
        for (uint64_t kh = 0; kh < c.kh; kh++)
            for (uint64_t kw = 0; kw < c.kw; kw++, at++)
                offsets[at] = (int64_t)((i * s.rows + kh * (uint64_t)c.dilation_h) * s.pitch + kw * (uint64_t)c.dilation_w);
    struct job j = {.s = s,
                    .fns = d->isa->wgrad,
                    .x = cvk_cpu_input(e, 1),
                    .dy = cvk_cpu_input(e, 0),
                    .offsets = offsets,
                    .sums = (float *)(workspace + e->plan->user[NOTE_SUMS]),
                    .scratch = (float *)(workspace + e->plan->user[NOTE_SCRATCH]),
                    .dw = cvk_cpu_output(e, 0),
                    .db = cvk_cpu_output(e, 1)};
    if (j.dw && s.bands == 0) {
        memset(j.dw, 0, c.lanes * s.numbers * sizeof *j.dw);
        if (c.bias)
            memset(j.db, 0, c.lanes * sizeof *j.db);
    } else if (j.dw) {
        simd_parallel(e, s.parts * s.tiles, run_tiles, &j);
        simd_parallel(e, s.tiles, join_tiles, &j);
    }
    simd_conv_weights_bias(e, &c, (float *)(workspace + e->plan->user[NOTE_BIAS]));
    return CVK_OK;
}

const struct cvk_kernel simd_conv_weights_stem_rows[] = {
    {SIMD_ROW(CONV, "stem"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .layouts_x = SIMD_BLOCKED, .layouts_y = SIMD_PLAIN,
     .plan = plan, .run = run},
};
const uint32_t simd_conv_weights_stem_row_count = SIMD_COUNT(simd_conv_weights_stem_rows);
