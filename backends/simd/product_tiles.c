/* SPDX-License-Identifier: MIT
 * product.h by the tiles of isa/tile.h: rows of A are the pixels, columns of B the output channels, the depth the input
 * channels.
 *
 * A is packed as [block of depth][row][block], B as simd_weights does. Work is cut by tiles of the result, in the order [group
 * of rows] [tile of columns][tile of rows]: a panel of B serves a group of rows while it is in the second cache, and so do the
 * rows. The depth is cut into chunks for which that holds. A large B that is not constant is not packed as a whole: each thread
 * packs a panel of it, for one chunk of the depth, and all rows use it at once. */
#include "isa/move.h"
#include "isa/tile.h"
#include "product.h"
#include "strided.h"
#include "weights.h"

#define GROUP_TILES 8          /* tiles of rows in a group */
#define CHUNK_DEPTH 1024u      /* floats; a multiple of every block */
#define PACK_ROWS 16u          /* of A, one item of packing */
#define PACK_DEPTH 64u         /* of B with whole rows, one item of packing; a multiple of every block */
#define SERIAL_WORK 200000u    /* products: waking a thread takes longer */
#define PANEL_TILES 4u         /* tiles of columns in a panel */
#define PANEL_BYTES (4u << 20) /* of a packed B from which on it goes by panels */
#define PANELS 8u              /* as many there must be then, so that threads have work */

enum { NOTE_B, NOTE_A, NOTE_OFFSETS, NOTE_BIAS, NOTE_SCRATCH };

/* Sizes that both plan and run need. */
struct sizes {
    struct simd_weights b;                             /* one packed matrix of B */
    uint64_t b_floats, a_floats, blocks, chunk_blocks; /* of one packed matrix; of the depth */
    uint64_t column_tiles, row_tiles, scratch;         /* scratch: floats, for the results of one tile */
    uint64_t panel;                                    /* floats of a panel; 0: B is packed as a whole */
    uint32_t block;
};

struct job {
    const struct simd_product *p;
    const struct simd_isa *isa;
    struct sizes s;
    const float *a, *b; /* plain, while packing */
    float *packed_a, *packed_b;
    const int64_t *offsets;
    float *y, *scratch;
    const float *residual;
    bool inside; /* the tile can do what `end` tells, but for C: that is in `bias` */
    const float *bias;
    struct simd_dense_end end;
    uint32_t late;
};

/* constant: B is packed once, in build. run cannot see that by the node, whose constants are gone by then. */
static struct sizes sizes_of(const struct simd_device *d, const struct simd_product *p, bool constant)
{
    const struct simd_tile_fns *fns = d->isa->tile;
    struct sizes s = {.b = {.oc = p->columns, .ic = p->depth, .taps = 1, .block = fns->block, .v = fns->best_v},
                      .block = fns->block};
    s.b_floats = simd_weights_floats(&s.b);
    s.blocks = simd_ceil_div(p->depth, s.block);
    s.a_floats = s.blocks * p->rows * s.block;
    s.chunk_blocks = simd_ceil_div(s.blocks, simd_ceil_div(s.blocks * s.block, CHUNK_DEPTH) + (s.blocks == 0));
    s.column_tiles = simd_weights_tiles(&s.b);
    s.row_tiles = simd_ceil_div(p->rows, fns->max_px[fns->best_v - 1]);
    s.scratch = (uint64_t)SIMD_TILE_MAX_PX * SIMD_TILE_MAX_V * s.block;
    if (!constant && p->count == 1 && s.b_floats * sizeof(float) >= PANEL_BYTES &&
        s.column_tiles >= PANELS * PANEL_TILES)
        s.panel = PANEL_TILES * s.b.v * s.block * s.chunk_blocks * s.block;
    return s;
}

void simd_product_plan_tiles(const struct cvk_query *q, const struct simd_product *p, struct cvk_plan *plan)
{
    const struct simd_device *d = simd_asked(q);
    bool constant = q->node->constants[1] != NULL;
    struct sizes s = sizes_of(d, p, constant);
    uint64_t b_bytes = p->b_count * s.b_floats * sizeof(float);
    if (constant)
        plan->packed_bytes = b_bytes;
    else
        plan->user[NOTE_B] = cvk_book(plan, s.panel ? s.panel * d->threads * sizeof(float) : b_bytes);
    plan->user[NOTE_A] = cvk_book(plan, p->a_count * s.a_floats * sizeof(float));
    plan->user[NOTE_OFFSETS] = cvk_book(plan, (s.chunk_blocks + 1) * sizeof(int64_t));
    plan->user[NOTE_BIAS] = cvk_book(plan, p->columns * sizeof(float));
    plan->user[NOTE_SCRATCH] = cvk_book(plan, s.scratch * d->threads * sizeof(float));
}

/* ---- packing ------------------------------------------------------------------------------------------------------------ */

/* Rows k..k+depth-1 of a tile of columns, the last of them filled up to a block. */
static void pack_tile(const struct job *j, uint64_t matrix, uint64_t t, uint64_t k, uint64_t depth, float *to)
{
    const struct simd_product *p = j->p;
    const struct sizes *s = &j->s;
    uint64_t block = s->block, first = t * s->b.v, vectors = simd_ceil_div(p->columns, block) - first;
    uint64_t v = vectors < s->b.v ? vectors : s->b.v, width = v * block, n = first * block;
    uint64_t columns = p->columns - n < width ? p->columns - n : width;
    const float *from = j->b + matrix * p->depth * p->columns + k * p->b_depth + n * p->b_column;
    if (p->b_column == 1)
        j->isa->dense->copy(1, from, p->b_depth, depth, columns, to, width, width);
    else
        for (uint64_t c = 0; c < columns; c += block)
            j->isa->move->interleave(from + c * p->b_column, p->b_column, columns - c < block ? columns - c : block, depth,
                                     to + c, width);
    memset(to + depth * width, 0, (simd_round_up(depth, block) - depth) * width * sizeof *to);
}

/* B with whole columns: one item is a tile. */
static void pack_columns(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct sizes *s = &j->s;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t matrix = i / s->column_tiles, t = i % s->column_tiles;
        pack_tile(j, matrix, t, 0, j->p->depth, j->packed_b + matrix * s->b_floats + simd_weights_tile(&s->b, t));
    }
}

static uint64_t tile_width(const struct job *j, uint64_t t)
{
    uint64_t vectors = simd_ceil_div(j->p->columns, j->s.block) - t * j->s.b.v;
    return (vectors < j->s.b.v ? vectors : j->s.b.v) * j->s.block;
}

/* B with whole rows: one item is some rows of it. */
static void pack_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_product *p = j->p;
    const struct sizes *s = &j->s;
    uint64_t pieces = simd_ceil_div(p->depth, PACK_DEPTH);
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t matrix = i / pieces, k = i % pieces * PACK_DEPTH, rows = p->depth - k < PACK_DEPTH ? p->depth - k : PACK_DEPTH;
        for (uint64_t t = 0; t < s->column_tiles; t++)
            pack_tile(j, matrix, t, k, rows,
                      j->packed_b + matrix * s->b_floats + simd_weights_tile(&s->b, t) + k * tile_width(j, t));
    }
}

static void pack_b(struct cvk_exec *e, struct job *j)
{
    uint64_t bytes = j->p->b_count * j->s.b_floats * sizeof(float);
    if (j->p->b_column == 1)
        simd_parallel_bytes(e, bytes, j->p->b_count * simd_ceil_div(j->p->depth, PACK_DEPTH), pack_rows, j);
    else
        simd_parallel_bytes(e, bytes, j->p->b_count * j->s.column_tiles, pack_columns, j);
}

/* A with whole rows: one item is some of them. */
static void pack_a_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_product *p = j->p;
    uint64_t block = j->s.block, pieces = simd_ceil_div(p->rows, PACK_ROWS);
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t matrix = i / pieces, m = i % pieces * PACK_ROWS, rows = p->rows - m < PACK_ROWS ? p->rows - m : PACK_ROWS;
        const float *from = j->a + (matrix * p->rows + m) * p->depth;
        float *to = j->packed_a + matrix * j->s.a_floats + m * block;
        for (uint64_t k = 0; k < p->depth; k += block, to += p->rows * block)
            j->isa->dense->copy(p->alpha, from + k, p->a_row, rows, p->depth - k < block ? p->depth - k : block, to, block,
                                block);
    }
}

/* A with whole columns: one item is one block of the depth. */
static void pack_a_columns(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_product *p = j->p;
    uint64_t block = j->s.block;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t matrix = i / j->s.blocks, k = i % j->s.blocks * block;
        float *to = j->packed_a + i * p->rows * block;
        j->isa->move->interleave(j->a + matrix * p->rows * p->depth + k * p->a_depth, p->a_depth,
                                 p->depth - k < block ? p->depth - k : block, p->rows, to, block);
        if (p->alpha != 1)
            j->isa->dense->copy(p->alpha, to, block, p->rows, block, to, block, block);
    }
}

static void pack_a(struct cvk_exec *e, struct job *j)
{
    uint64_t bytes = j->p->a_count * j->s.a_floats * 2 * sizeof(float);
    if (j->p->a_depth == 1)
        simd_parallel_bytes(e, bytes, j->p->a_count * simd_ceil_div(j->p->rows, PACK_ROWS), pack_a_rows, j);
    else
        simd_parallel_bytes(e, bytes, j->p->a_count * j->s.blocks, pack_a_columns, j);
}

/* ---- tiles -------------------------------------------------------------------------------------------------------------- */

/* Where one tile of the result is. */
struct place {
    uint64_t matrix, m, px, n, v, columns, column_tile; /* columns: real ones */
};

static struct place place_at(const struct job *j, uint64_t matrix, uint64_t row_tile, uint64_t column_tile)
{
    const struct simd_product *p = j->p;
    const struct sizes *s = &j->s;
    struct place at = {.matrix = matrix, .column_tile = column_tile};
    uint64_t rows = p->rows / s->row_tiles, more = p->rows % s->row_tiles; /* more: tiles with 1 more */
    at.m = row_tile * rows + (row_tile < more ? row_tile : more);
    at.px = rows + (row_tile < more);
    at.n = at.column_tile * s->b.v * s->block;
    at.v = tile_width(j, column_tile) / s->block;
    at.columns = p->columns - at.n < at.v * s->block ? p->columns - at.n : at.v * s->block;
    return at;
}

/* Item i in the order of the work. */
static struct place place_of(const struct job *j, uint64_t i)
{
    const struct sizes *s = &j->s;
    uint64_t each = s->row_tiles * s->column_tiles, group_items = GROUP_TILES * s->column_tiles, matrix = i / each;
    i %= each;
    uint64_t first = i / group_items * GROUP_TILES, left = s->row_tiles - first,
             tiles = left < GROUP_TILES ? left : GROUP_TILES;
    i %= group_items;
    return place_at(j, matrix, first + i % tiles, i / tiles);
}

/* What the tile could not do. */
static void end_tile(const struct job *j, const struct place *at, bool ended)
{
    const struct simd_dense_fns *dense = j->isa->dense;
    uint64_t columns = j->p->columns;
    for (uint64_t m = at->m; m < at->m + at->px; m++) {
        uint64_t first = (at->matrix * j->p->rows + m) * columns + at->n;
        if (!ended)
            dense->end(&j->end, m, at->n, at->n + at->columns, j->y + first, j->residual ? j->residual + first : NULL);
        if (j->late != SIMD_LINEAR)
            j->isa->unary->apply(j->late, j->end.a, j->end.b, j->y + first, j->y + first, at->columns);
    }
}

/* One tile over the blocks first..last-1 of the depth, w being what is packed of these; NULL: all of B is packed. */
static void run_tile(const struct job *j, const struct place *at, uint64_t first, uint64_t last, const float *w, float *scratch)
{
    const struct simd_product *p = j->p;
    const struct sizes *s = &j->s;
    uint64_t a, b, width = at->v * s->block, offset = (at->matrix * p->rows + at->m) * p->columns + at->n;
    bool whole = at->columns == width, ends = last == s->blocks, inside = j->inside && whole;
    float *y = j->y + offset;
    simd_product_pair(p, at->matrix, &a, &b);
    struct simd_tile t = {
        .x = j->packed_a + a * s->a_floats + (first * p->rows + at->m) * s->block,
        .x_off = j->offsets,
        .x_step = s->block,
        .w = w ? w : j->packed_b + b * s->b_floats + simd_weights_tile(&s->b, at->column_tile) + first * s->block * width,
        .n_red = (uint32_t)(last - first),
        .activation = SIMD_LINEAR,
        .y = whole ? y : scratch,
        .y_step = (int64_t)(whole ? p->columns : width),
        .y_block = s->block,
        .accumulate = first > 0};
    if (inside) {
        t.bias = j->bias ? j->bias + at->n : NULL;
        if (ends) {
            t.scale = j->end.scale ? j->end.scale + at->n : NULL;
            t.shift = j->end.shift ? j->end.shift + at->n : NULL;
            t.residual = j->residual ? j->residual + offset : NULL;
            t.activation = j->end.activation;
            t.a = j->end.a;
            t.b = j->end.b;
        }
    }
    if (!whole && first > 0)
        j->isa->dense->copy(1, y, p->columns, at->px, at->columns, scratch, width, width);
    j->isa->tile->step[0][at->v - 1][at->px - 1](&t);
    for (uint64_t m = 0; m < at->px && !whole; m++)
        memcpy(y + m * p->columns, scratch + m * width, at->columns * sizeof *y);
    if (ends)
        end_tile(j, at, inside);
}

static void run_tiles(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct sizes *s = &j->s;
    uint64_t first = 0;
    do {
        uint64_t last = s->blocks - first < s->chunk_blocks ? s->blocks : first + s->chunk_blocks;
        for (uint64_t i = begin; i < end; i++) {
            struct place at = place_of(j, i);
            run_tile(j, &at, first, last, NULL, j->scratch + worker * s->scratch);
        }
        first = last;
    } while (first < s->blocks);
}

/* Tiles of columns t..t+count-1 of rows k..k+depth-1. Of whole rows, a few at a time: what lies together is read together. */
static void pack_panel(const struct job *j, uint64_t t, uint64_t count, uint64_t k, uint64_t depth, float *panel)
{
    uint64_t step = j->p->b_column == 1 ? PACK_DEPTH : depth, tile = j->s.panel / PANEL_TILES;
    for (uint64_t done = 0; done < depth; done += step)
        for (uint64_t i = 0; i < count; i++)
            pack_tile(j, 0, t + i, k + done, depth - done < step ? depth - done : step,
                      panel + i * tile + done * tile_width(j, t + i));
}

/* One item is a panel. */
static void run_panels(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct sizes *s = &j->s;
    float *panel = j->packed_b + worker * s->panel;
    for (uint64_t first = 0, last; first < s->blocks; first = last) {
        last = s->blocks - first < s->chunk_blocks ? s->blocks : first + s->chunk_blocks;
        uint64_t k = first * s->block, depth = (last * s->block < j->p->depth ? last * s->block : j->p->depth) - k;
        for (uint64_t i = begin; i < end; i++) {
            uint64_t t = i * PANEL_TILES, left = s->column_tiles - t, count = left < PANEL_TILES ? left : PANEL_TILES;
            pack_panel(j, t, count, k, depth, panel);
            for (uint64_t tile = 0; tile < count * s->row_tiles; tile++) {
                struct place at = place_at(j, 0, tile / count, t + tile % count);
                run_tile(j, &at, first, last, panel + tile % count * (s->panel / PANEL_TILES),
                         j->scratch + worker * s->scratch);
            }
        }
    }
}

void simd_product_build_tiles(struct cvk_exec *e, const struct simd_product *p)
{
    const struct simd_device *d = simd_device_of(e);
    if (!e->node->constants[1])
        return;
    struct job j = {.p = p, .isa = d->isa, .s = sizes_of(d, p, true), .b = cvk_cpu_input(e, 1), .packed_b = e->packed};
    pack_b(e, &j);
}

/* A vector that all rows of the result get: the bias, and C if it has but one row. */
static const float *bias_of(const struct job *j, float *memory)
{
    const struct simd_dense_end *f = &j->end;
    if (!f->c)
        return f->bias;
    for (uint64_t n = 0; n < j->p->columns; n++)
        memory[n] = f->beta * f->c[n * f->c_column] + (f->bias ? f->bias[n] : 0);
    return memory;
}

void simd_product_run_tiles(struct cvk_exec *e, const struct simd_product *p)
{
    const struct simd_device *d = simd_device_of(e);
    const uint64_t *notes = e->plan->user;
    bool constant = e->plan->packed_bytes > 0;
    char *workspace = cvk_cpu_pointer(e->workspace);
    if (p->count == 0 || p->rows == 0 || p->columns == 0)
        return;
    struct job j = {.p = p,
                    .isa = d->isa,
                    .s = sizes_of(d, p, constant),
                    .a = cvk_cpu_input(e, 0),
                    .b = cvk_cpu_input(e, 1),
                    .packed_a = (float *)(workspace + notes[NOTE_A]),
                    .packed_b = constant ? e->packed : (float *)(workspace + notes[NOTE_B]),
                    .y = cvk_cpu_output(e, 0),
                    .scratch = (float *)(workspace + notes[NOTE_SCRATCH]),
                    .residual = cvk_cpu_pointer(e->residual)};
    int64_t *offsets = (int64_t *)(workspace + notes[NOTE_OFFSETS]);
    for (uint64_t i = 0; i <= j.s.chunk_blocks; i++)
        offsets[i] = (int64_t)(i * p->rows * j.s.block);
    j.offsets = offsets;
    j.end = simd_product_end(e, p, &j.late);
    j.end.alpha = 1; /* packed with A */
    j.inside = !j.end.c || j.end.c_row == 0;
    if (j.inside)
        j.bias = bias_of(&j, (float *)(workspace + notes[NOTE_BIAS]));
    pack_a(e, &j);
    if (j.s.panel) {
        simd_parallel(e, simd_ceil_div(j.s.column_tiles, PANEL_TILES), run_panels, &j);
        return;
    }
    if (!constant)
        pack_b(e, &j);
    uint64_t tiles = p->count * j.s.row_tiles * j.s.column_tiles, work = p->count * p->rows * p->columns * (p->depth + 1);
    e->host->parallel(e->host, work < SERIAL_WORK ? 1 : d->threads, tiles, run_tiles, &j);
}
