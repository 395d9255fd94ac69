/* SPDX-License-Identifier: MIT
 * Gradient of the weights of conv, row "winograd_f4": 3x3 windows at stride 1 by Winograd's transforms (isa/winograd_grad.h),
 * with 4 times fewer products than a direct sum.
 *
 * Tiles of all images are taken chunk by chunk: all threads transform x and dy of a chunk, then they share out the sums of
 * products over its tiles. A unit of these sums is a block of channels of x with a few vectors of channels of dy; for one
 * number xi it is what isa/wgrad.h does with a line of pixels. Nobody else writes a unit's sums, and the chunks follow from
 * the sizes, so that bits do not depend on the number of threads. Where all tiles are one chunk, a unit is finished while its
 * sums are in a thread's cache, else they are kept for all units. */
#include "conv_weights.h"
#include "isa/winograd_grad.h"
#include "winograd.h"

#define CHUNK 128      /* tiles: what a call of wgrad.h reads of U stays in the first cache */
#define LEAST_CHUNK 32 /* fewer would not pay for the passes over the sums */
#define LEAST_UNITS 64 /* fewer are not shared out as wholes */

/* V is the transformed x, U the transformed dy. */
struct grad {
    struct simd_conv_weights c; /* lanes are dy, rows are x */
    struct simd_winograd s;     /* the tiles, and V: s.most of them are a chunk */
    uint64_t lane_tiles, v;     /* of the lane blocks; vectors of the widest */
    uint64_t units;             /* [lane tile][row block] */
    uint64_t chunks;
    bool whole;       /* one chunk, and units are finished one by one: a thread has the sums of one */
    int64_t u_step;   /* floats between numbers xi of U, [lane block][tile][block] */
    int64_t sum_step; /* of sums, [unit][row][vector][block] */
};

static int64_t odd_blocks(uint64_t blocks, uint32_t block)
{
    return (int64_t)((blocks | 1) * block);
}

static void choose_chunks(struct grad *g, const struct simd_device *d)
{
    struct simd_winograd *s = &g->s;
    const uint64_t number = s->xis * s->block * sizeof(float); /* bytes of all xi of a block */
    const uint64_t room = d->caches.l3_bytes / 4 * 3 / (number * (g->c.row_blocks + g->c.lane_blocks));
    const uint64_t most = room < LEAST_CHUNK ? LEAST_CHUNK : room < CHUNK ? room : CHUNK;
    g->chunks = simd_ceil_div(s->tiles, most);
    s->most = simd_ceil_div(s->tiles, g->chunks);
    /* Units of the same lanes follow each other: their U and sums stay in the second cache. */
    const uint64_t unit = number * (s->most * (g->v + 1) + s->block * g->v);
    g->whole = g->chunks == 1 && g->units >= LEAST_UNITS && unit <= d->caches.l2_bytes / 4 * 3;
}

static struct grad grad_of(const struct simd_conv_weights *c, const struct simd_device *d)
{
    struct grad g = {.c = *c};
    struct simd_winograd *s = &g.s;
    *s = (struct simd_winograd){.n = c->n,
                                .h = c->h,
                                .w = c->w,
                                .pad_top = (uint64_t)c->pad_top,
                                .pad_left = (uint64_t)c->pad_left,
                                .m = 4,
                                .xis = 36,
                                .block = c->block,
                                .icb = c->row_blocks,
                                .rows = simd_ceil_div(c->oh, 4),
                                .columns = simd_ceil_div(c->ow, 4)};
    s->tiles = s->n * s->rows * s->columns;
    g.c.bias = false;
    g.lane_tiles = simd_ceil_div(c->lane_blocks, d->isa->wgrad->max_v);
    g.v = simd_ceil_div(c->lane_blocks, g.lane_tiles);
    g.units = g.lane_tiles * c->row_blocks;
    choose_chunks(&g, d);
    s->v_step = odd_blocks(c->row_blocks * s->most, c->block);
    g.u_step = odd_blocks(c->lane_blocks * s->most, c->block);
    g.sum_step = odd_blocks((g.whole ? 1 : g.units) * c->block * g.v, c->block);
    return g;
}

/* Flops that the making of a transformed number and the finishing of a sum of products are worth. */
#define NUMBER_FLOPS 28.0
#define SUM_FLOPS 20.0
#define EFFICIENCY 0.95

static double cost(const struct grad *g, const struct simd_device *d)
{
    const struct simd_winograd *s = &g->s;
    const double rows = (double)(g->c.row_blocks * s->block), lanes = (double)(g->c.lane_blocks * s->block);
    const double tiles = (double)s->tiles * s->xis, sums = s->xis * rows * lanes;
    const double flops = 2.0 * tiles * rows * lanes + NUMBER_FLOPS * tiles * (rows + lanes) + SUM_FLOPS * sums;
    return simd_conv_cost(d, flops, EFFICIENCY, 0.0, 2.0 * sizeof(float) * sums * (double)(g->chunks - 1));
}

enum { NOTE_V, NOTE_U, NOTE_SUMS, NOTE_BIAS }; /* places in the workspace */

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct simd_device *d = simd_asked(q);
    struct simd_conv_weights c;
    SIMD_TRY(simd_conv_weights_ask(q, &c));
    if (d->accuracy == SIMD_STRICT)
        return cvk_refuse(q, "accuracy=strict means sums of products alone");
    if (q->node->inputs[0]->rank != 4)
        return cvk_refuse(q, "only images of two dimensions, not %u", q->node->inputs[0]->rank - 2);
    if (c.kh != 3 || c.kw != 3 || c.stride_h * c.stride_w * c.dilation_h * c.dilation_w != 1 || c.group != 1)
        return cvk_refuse(q, "only windows of 3x3 at stride 1, dilation 1, group 1");
    if (!q->node->outputs[0])
        return cvk_refuse(q, "the gradient of the bias alone");
    if (c.n * c.h * c.w * c.oh * c.ow == 0)
        return cvk_refuse(q, "there is nothing to sum");
    const struct grad g = grad_of(&c, d);
    const struct simd_winograd *s = &g.s;
    plan->cost_ns = cost(&g, d);
    plan->user[NOTE_V] = cvk_book(plan, simd_winograd_v_floats(s) * sizeof(float));
    plan->user[NOTE_U] = cvk_book(plan, s->xis * (uint64_t)g.u_step * sizeof(float));
    plan->user[NOTE_SUMS] = cvk_book(plan, (g.whole ? d->threads : 1) * s->xis * (uint64_t)g.sum_step * sizeof(float));
    plan->user[NOTE_BIAS] = cvk_book(plan, simd_conv_weights_bias_bytes(q->node, &g.c));
    return CVK_OK;
}

struct job {
    struct grad g;
    const struct simd_winograd_fns *input;
    const struct simd_winograd_grad_fns *fns;
    const struct simd_wgrad_fns *wgrad;
    const float *x, *dy;
    float *v, *u, *sums, *dw;
    uint64_t begin, count; /* the chunk */
};

/* U of tiles begin..begin + count - 1, one block of lanes. */
static void transform_dy(const struct job *j, uint64_t lanes, uint64_t begin, uint64_t count, float *u)
{
    const struct grad *g = &j->g;
    const struct simd_winograd *s = &g->s;
    const uint64_t block = s->block, oh = g->c.oh, ow = g->c.ow;
    struct simd_winograd_grad t = {.row_step = (int64_t)(ow * block), .xi_step = g->u_step};
    while (count) {
        const struct simd_winograd_place p = simd_winograd_place(s, begin);
        const uint64_t h = p.row * s->m, w = p.column * s->m;
        t.tiles = s->columns - p.column < count ? s->columns - p.column : count;
        t.y = j->dy + (((p.n * g->c.lane_blocks + lanes) * oh + h) * ow + w) * block;
        t.rows = oh - h < s->m ? (uint32_t)(oh - h) : s->m;
        const uint64_t columns = ow - w < t.tiles * s->m ? ow - w : t.tiles * s->m;
        t.columns = (uint32_t)(columns - (t.tiles - 1) * s->m);
        t.u = u;
        j->fns->dy(&t);
        begin += t.tiles;
        count -= t.tiles;
        u += t.tiles * block;
    }
}

/* Items are tiles of the chunk, of one block of channels after the other: blocks of x and of dy by turns while there are both,
 * so that ranges of items are equal work. */
static void run_transforms(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_winograd *s = &j->g.s;
    const uint64_t row_blocks = j->g.c.row_blocks, lane_blocks = j->g.c.lane_blocks;
    const uint64_t both = row_blocks < lane_blocks ? row_blocks : lane_blocks;
    (void)worker;
    while (begin < end) {
        const uint64_t k = begin / j->count, tile = begin % j->count;
        const uint64_t count = j->count - tile < end - begin ? j->count - tile : end - begin;
        const bool rows = k < 2 * both ? k % 2 == 0 : row_blocks > lane_blocks;
        const uint64_t b = k < 2 * both ? k / 2 : k - both, place = (b * s->most + tile) * s->block;
        if (rows)
            simd_winograd_inputs(s, j->input, j->x, b, j->begin + tile, count, j->v + place);
        else
            transform_dy(j, b, j->begin + tile, count, j->u + place);
        begin += count;
    }
}

struct unit {
    uint64_t lane_block, v, row_block, rows; /* the first lane block and how many; rows: real channels of the row block */
};

static struct unit unit_of(const struct grad *g, uint64_t number)
{
    const uint64_t tile = number / g->c.row_blocks, each = g->c.lane_blocks / g->lane_tiles;
    const uint64_t more = g->c.lane_blocks % g->lane_tiles;
    struct unit u = {.lane_block = tile * each + (tile < more ? tile : more),
                     .v = each + (tile < more),
                     .row_block = number % g->c.row_blocks};
    const uint64_t left = g->c.rows - u.row_block * g->c.block;
    u.rows = left < g->c.block ? left : g->c.block;
    return u;
}

/* Number xi of a unit's sums, over the tiles of the chunk. */
static void multiply(const struct job *j, const struct unit *u, uint64_t xi, float *sums)
{
    const struct grad *g = &j->g;
    const struct simd_winograd *s = &g->s;
    const uint64_t block = s->block, tiles = simd_ceil_div(u->rows, j->wgrad->max_rows[u->v - 1]);
    const uint64_t each = u->rows / tiles, more = u->rows % tiles;
    const float *x = j->v + xi * (uint64_t)s->v_step + u->row_block * s->most * block;
    struct simd_wgrad t = {.y = j->u + xi * (uint64_t)g->u_step + u->lane_block * s->most * block,
                           .x_step = (int64_t)block,
                           .y_vector = (int64_t)(s->most * block),
                           .px = j->count,
                           .lines = 1,
                           .images = 1,
                           .add = j->begin > 0};
    for (uint64_t i = 0, row = 0; i < tiles; i++) {
        const uint64_t count = each + (i < more);
        t.x = x + row;
        t.sum = sums + xi * (uint64_t)g->sum_step + row * u->v * block;
        j->wgrad->near[u->v - 1][count - 1](&t);
        row += count;
    }
}

/* A unit's sums into the weights. */
static void finish_unit(const struct job *j, const struct unit *u, float *sums)
{
    const struct grad *g = &j->g;
    const struct simd_conv_weights *c = &g->c;
    const struct simd_winograd_sums t = {sums, g->sum_step, u->rows * u->v};
    j->fns->weights(&t);
    struct simd_wgrad_store store = {.parts = 1,
                                     .taps = 9,
                                     .row_step = u->v * c->block,
                                     .tap_step = (uint64_t)g->sum_step,
                                     .count = u->rows * 9,
                                     .to_step = c->rows * 9};
    for (uint64_t v = 0; v < u->v; v++) {
        const uint64_t lane = (u->lane_block + v) * c->block, left = c->lanes - lane;
        store.sum = sums + v * c->block;
        store.channels = left < c->block ? (uint32_t)left : c->block;
        store.to = j->dw + (lane * c->rows + u->row_block * c->block) * 9;
        j->wgrad->store(&store);
    }
}

static float *sums_of(const struct job *j, uint64_t number)
{
    return j->sums + number * j->g.c.block * j->g.v * j->g.c.block;
}

/* Items are numbers xi, then units: what is read of U and V for one xi stays in the second cache. */
static void run_sums(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        const struct unit u = unit_of(&j->g, i % j->g.units);
        multiply(j, &u, i / j->g.units, sums_of(j, i % j->g.units));
    }
}

static void run_finish(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        const struct unit u = unit_of(&j->g, i);
        finish_unit(j, &u, sums_of(j, i));
    }
}

static void run_units(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    float *sums = j->sums + worker * j->g.s.xis * (uint64_t)j->g.sum_step;
    for (uint64_t i = begin; i < end; i++) {
        const struct unit u = unit_of(&j->g, i);
        for (uint64_t xi = 0; xi < j->g.s.xis; xi++)
            multiply(j, &u, xi, sums);
        finish_unit(j, &u, sums);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    const struct simd_conv_weights c = simd_conv_weights_of(e->node, d->isa->block);
    char *workspace = cvk_cpu_pointer(e->workspace);
    const uint64_t *notes = e->plan->user;
    struct job j = {.g = grad_of(&c, d),
                    .input = d->isa->winograd,
                    .fns = d->isa->winograd_grad,
                    .wgrad = d->isa->wgrad,
                    .x = cvk_cpu_input(e, 1),
                    .dy = cvk_cpu_input(e, 0),
                    .v = (float *)(workspace + notes[NOTE_V]),
                    .u = (float *)(workspace + notes[NOTE_U]),
                    .sums = (float *)(workspace + notes[NOTE_SUMS]),
                    .dw = cvk_cpu_output(e, 0)};
    const struct grad *g = &j.g;
    for (uint64_t k = 0; k < g->chunks; k++) {
        j.begin = g->s.tiles * k / g->chunks;
        j.count = g->s.tiles * (k + 1) / g->chunks - j.begin;
        simd_parallel(e, (c.row_blocks + c.lane_blocks) * j.count, run_transforms, &j);
        if (g->whole)
            simd_parallel(e, g->units, run_units, &j);
        else
            simd_parallel(e, g->units * g->s.xis, run_sums, &j);
    }
    if (!g->whole)
        simd_parallel(e, g->units, run_finish, &j);
    simd_conv_weights_bias(e, &g->c, (float *)(workspace + notes[NOTE_BIAS]));
    return CVK_OK;
}

const struct cvk_kernel simd_conv_weights_winograd_rows[] = {
    {SIMD_ROW(CONV, "winograd_f4"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .flags = CVK_KERNEL_ALL_INPUTS, .layouts_x = SIMD_BLOCKED,
     .layouts_y = SIMD_PLAIN, .plan = plan, .run = run},
};
const uint32_t simd_conv_weights_winograd_row_count = SIMD_COUNT(simd_conv_weights_winograd_rows);
