/* SPDX-License-Identifier: MIT
 * dw of conv and conv_transpose, rows "outer", "outer_grouped" and "outer_stem" of CPU devices: sums of outer products over
 * pixels (kernels/conv_cpu_weights.cl). */
#include "conv_cpu_weights.h"
#include "kernel_sources.h"

#define MOST_STEM_CHANNELS 4
#define PIECE_PIXELS 160 /* whose dy and x stay in the first cache while all taps go over them */
#define GROUPS_PER_CORE 4
#define SUMS_BYTES (256u << 10) /* of the sums of a group, which come back for each piece */

struct outer {
    struct ocl_conv c;
    bool stem;               /* x is plain and is copied with its padding; its blocks are channels */
    uint64_t vectors, ranks; /* of a tile */
    uint64_t group_ic, group_oc;
    uint64_t ic_blocks, oc_vectors, tiles; /* of a group */
    uint64_t rank_parts;                   /* tiles that a block of x has: of channels, or of the columns of the window */
    uint64_t steps, last_steps;            /* of a block, and of the last one, which may have fewer channels */
    uint64_t ic_part, oc_part;             /* blocks and tiles of one group's sums */
    uint64_t piece_images, piece_rows, image_pieces, pieces;
    uint64_t parts;
    uint64_t h, w; /* of x, or of its copy */
};

static uint64_t sums_bytes(const struct outer *s)
{
    return s->ic_part * s->oc_part * s->steps * s->ranks * s->vectors * OCL_BLOCK * sizeof(float);
}

static uint64_t groups_of_sums(const struct outer *s)
{
    return s->c.group * ocl_ceil_div(s->ic_blocks, s->ic_part) * ocl_ceil_div(s->tiles, s->oc_part);
}

static bool halve_sums(struct outer *s)
{
    uint64_t *larger = s->ic_part > s->oc_part * s->vectors || s->oc_part == 1 ? &s->ic_part : &s->oc_part;
    if (*larger == 1)
        return false;
    *larger = ocl_ceil_div(*larger, 2);
    return true;
}

static void cut_pixels(struct outer *s)
{
    const struct ocl_conv *c = &s->c;
    uint64_t pixels = c->oh * c->ow, rows = PIECE_PIXELS / c->ow < 1 ? 1 : PIECE_PIXELS / c->ow;
    s->piece_images = pixels > PIECE_PIXELS ? 1 : PIECE_PIXELS / pixels;
    s->image_pieces = s->piece_images > 1 ? 1 : ocl_ceil_div(c->oh, rows);
    s->piece_rows = ocl_ceil_div(c->oh, s->image_pieces);
    s->pieces = ocl_ceil_div(c->n, s->piece_images) * s->image_pieces;
}

static struct outer outer_of(const struct ocl_device *d, const struct ocl_conv *c, bool stem)
{
    struct outer s = {.c = *c, .stem = stem, .vectors = ocl_cpu_tile(d).vectors, .h = c->h, .w = c->w};
    s.ranks = d->vector_floats >= 16 ? 8 : d->vector_floats >= 8 ? 4 : 2;
    s.group_ic = c->ic / c->group;
    s.group_oc = c->oc / c->group;
    s.oc_vectors = ocl_ceil_div(s.group_oc, OCL_BLOCK);
    s.tiles = ocl_ceil_div(s.oc_vectors, s.vectors);
    if (stem) {
        s.h = c->seen_h;
        s.w = c->seen_w;
        s.ic_blocks = s.group_ic;
        s.rank_parts = ocl_ceil_div(c->kw, s.ranks);
        s.steps = s.last_steps = s.rank_parts * c->kh;
    } else {
        uint64_t tail = s.group_ic % OCL_BLOCK, taps = c->kh * c->kw;
        s.ic_blocks = ocl_ceil_div(s.group_ic, OCL_BLOCK);
        s.rank_parts = OCL_BLOCK / s.ranks;
        s.steps = s.rank_parts * taps;
        s.last_steps = tail ? ocl_ceil_div(tail, s.ranks) * taps : s.steps;
    }
    s.ic_part = s.ic_blocks;
    s.oc_part = s.tiles;
    while (sums_bytes(&s) > SUMS_BYTES && halve_sums(&s))
        ;
    cut_pixels(&s);
    s.parts = ocl_weights_parts(groups_of_sums(&s), s.pieces);
    /* Sums may be shared out further as the device likes: that changes none of them. */
    while (s.parts * groups_of_sums(&s) < GROUPS_PER_CORE * d->compute_units && halve_sums(&s))
        ;
    return s;
}

static struct ocl_weights_sums sums_of(const struct outer *s)
{
    uint64_t taps = s->c.kh * s->c.kw;
    return (struct ocl_weights_sums){.parts = s->parts,
                                     .groups = s->c.group,
                                     .group_vectors = s->oc_vectors,
                                     .group_oc = s->group_oc,
                                     .tile_vectors = s->vectors,
                                     .ic_blocks = s->ic_blocks,
                                     .numbers = s->steps * s->ranks,
                                     .filter = s->group_ic * taps,
                                     .block_step = s->stem ? taps : OCL_BLOCK * taps};
}

/* The copy of x, and room for the numbers behind its last column that a tile reads and does not use. */
static uint64_t copied_floats(const struct outer *s)
{
    return s->stem ? s->c.n * s->c.ic * s->h * s->w + OCL_BLOCK : 0;
}

enum { NOTE_PARTS, NOTE_BIAS, NOTE_COPY }; /* places in the workspace */

static int32_t plan(const struct cvk_query *q, const struct ocl_conv *c, bool stem, struct cvk_plan *plan)
{
    struct outer s = outer_of(ocl_asked(q), c, stem);
    struct ocl_weights_sums sums = sums_of(&s);
    uint64_t floats = s.parts * ocl_weights_part(&sums);
    if (floats > INT32_MAX || copied_floats(&s) > INT32_MAX)
        return cvk_refuse(q, "the sums of the parts or the padded input leave 32-bit indexes");
    plan->user[NOTE_PARTS] = cvk_book(plan, floats * sizeof(float));
    plan->user[NOTE_BIAS] = ocl_weights_book_bias(q->node, plan);
    plan->user[NOTE_COPY] = cvk_book(plan, copied_floats(&s) * sizeof(float));
    double numbers = (double)(ocl_weights_part(&sums) / OCL_BLOCK) * OCL_BLOCK, pixels = (double)(c->n * c->oh * c->ow);
    double bytes =
        (double)(q->node->inputs[0]->bytes + q->node->inputs[1]->bytes) + 2 * (double)copied_floats(&s) * sizeof(float);
    plan->cost_ns = ocl_conv_cost(2 * numbers * pixels, 0.85, 3 * (double)floats * sizeof(float), bytes);
    return CVK_OK;
}

static int32_t plan_outer(const struct cvk_query *q, struct cvk_plan *p)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_weights_ask(q, &c));
    if (c.group != 1)
        return cvk_refuse(q, "%llu groups", (unsigned long long)c.group);
    return plan(q, &c, false, p);
}

static int32_t plan_grouped(const struct cvk_query *q, struct cvk_plan *p)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_weights_ask(q, &c));
    if (c.group == 1)
        return cvk_refuse(q, "one group");
    if (c.ic / c.group % OCL_BLOCK || c.oc / c.group % OCL_BLOCK)
        return cvk_refuse(q, "groups of %llu and %llu channels are not whole blocks of %d",
                          (unsigned long long)(c.ic / c.group), (unsigned long long)(c.oc / c.group), OCL_BLOCK);
    return plan(q, &c, false, p);
}

static int32_t plan_stem(const struct cvk_query *q, struct cvk_plan *p)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_weights_ask(q, &c));
    if (c.group != 1 || c.ic > MOST_STEM_CHANNELS || c.dilation_w != 1)
        return cvk_refuse(q, "only one group of 1 to %d input channels, columns of the window side by side",
                          MOST_STEM_CHANNELS);
    return plan(q, &c, true, p);
}

/* ---- build ---- */

struct state {
    struct ocl_call copy, outer;
    struct ocl_weights_ends ends;
    cl_mem table, copy_table;
};

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_call_finish(&state->copy);
    ocl_call_finish(&state->outer);
    ocl_weights_release(&state->ends);
    ocl_memory_free(state->table);
    ocl_memory_free(state->copy_table);
    ocl_state_free(e);
}

/* The outputs low .. high - 1 whose pixel of x lies inside, if the first one reads pixel `from`. */
static void inside(int64_t from, uint64_t stride, uint64_t size, uint64_t outputs, int32_t *low, int32_t *high)
{
    int64_t step = (int64_t)stride, first = from < 0 ? (step - 1 - from) / step : 0;
    int64_t behind = (int64_t)size > from ? ((int64_t)size - 1 - from) / step + 1 : 0;
    behind = behind < (int64_t)outputs ? behind : (int64_t)outputs;
    *low = (int32_t)(first < behind ? first : behind);
    *high = (int32_t)behind;
}

/* A step's five columns of the table, and the places of its numbers in a filter. */
static void write_step(const struct outer *s, uint64_t step, int32_t *columns, int32_t *places)
{
    const struct ocl_conv *c = &s->c;
    uint64_t taps = s->stem ? c->kh : c->kh * c->kw, part = step / taps, tap = step % taps;
    uint64_t kh = s->stem ? tap : tap / c->kw, kw = s->stem ? part * s->ranks : tap % c->kw;
    int64_t top = (int64_t)(kh * c->dilation_h) - (s->stem ? 0 : c->pad_top);
    int64_t left = (int64_t)(kw * c->dilation_w) - (s->stem ? 0 : c->pad_left);
    int64_t lane = s->stem ? 0 : (int64_t)(part * s->ranks);
    columns[0] = (int32_t)((top * (int64_t)s->w + left) * (s->stem ? 1 : OCL_BLOCK) + lane);
    inside(top, c->stride_h, s->h, c->oh, &columns[1], &columns[2]);
    inside(left, c->stride_w, s->w, c->ow, &columns[3], &columns[4]);
    for (uint64_t r = 0; r < s->ranks; r++)
        if (s->stem)
            places[r] = kw + r < c->kw ? (int32_t)(kh * c->kw + kw + r) : -1;
        else
            places[r] = (int32_t)((part * s->ranks + r) * taps + tap);
}

/* As the enumeration of kernels/conv_cpu_weights.cl has them. */
static int32_t make_tables(struct cvk_exec *e, struct state *state, const struct outer *s)
{
    const struct ocl_conv *c = &s->c;
    struct ocl_weights_sums sums = sums_of(s);
    uint64_t block = s->stem ? 1 : OCL_BLOCK, map = s->h * s->w * block;
    const uint64_t head[] = {s->pieces,
                             s->image_pieces,
                             s->piece_images,
                             s->piece_rows,
                             c->n,
                             c->oh,
                             c->ow,
                             c->group,
                             s->ic_blocks,
                             s->oc_vectors,
                             s->ic_part,
                             ocl_ceil_div(s->ic_blocks, s->ic_part),
                             s->oc_part,
                             ocl_ceil_div(s->tiles, s->oc_part),
                             s->steps,
                             s->last_steps,
                             c->group * s->ic_blocks * map,
                             s->ic_blocks * map,
                             map,
                             c->stride_h * s->w * block,
                             c->stride_w * block,
                             c->group * s->oc_vectors * c->oh * c->ow,
                             c->oh * c->ow,
                             ocl_weights_part(&sums) / OCL_BLOCK};
    uint64_t count = OCL_COUNT(head) + 5 * s->steps;
    int32_t *table = e->host->alloc(e->host, (count + sums.numbers) * sizeof *table, 0), *places = table ? table + count : NULL;
    if (!table)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for a table of %llu steps", (unsigned long long)s->steps);
    for (uint32_t i = 0; i < OCL_COUNT(head); i++)
        table[i] = (int32_t)head[i];
    for (uint64_t i = 0; i < s->steps; i++)
        write_step(s, i, table + OCL_COUNT(head) + 5 * i, places + i * s->ranks);
    sums.places = places;
    int32_t status = ocl_memory(ocl_device_of(e), count * sizeof *table, table, &state->table);
    if (status == CVK_OK)
        status = ocl_weights_init(e, &state->ends, &sums);
    e->host->free(e->host, table);
    return status;
}

/* x with its padding written out: the copy of the forward rows, without phases. */
static int32_t init_copy(struct cvk_exec *e, struct state *state, const struct outer *s)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct ocl_conv *c = &s->c;
    uint64_t rows = c->n * c->ic * s->h;
    const int32_t table[] = {(int32_t)s->h, (int32_t)rows, 1, (int32_t)s->w, 1, 1, (int32_t)c->pad_top, (int32_t)c->pad_left,
                             (int32_t)c->h, (int32_t)c->w};
    char options[OCL_OPTION_BYTES] = "";
    ocl_cpu_options(d, e->node, options, sizeof options);
    ocl_option(options, sizeof options, "-DSTEM");
    OCL_TRY(ocl_call_init(d, &state->copy, &ocl_source_conv_cpu, "conv_copy", options));
    OCL_TRY(ocl_memory(d, sizeof table, table, &state->copy_table));
    ocl_cpu_size(&state->copy, ocl_cpu_groups(d, rows), 1);
    return ocl_bind_memory(d, &state->copy, 4, state->copy_table);
}

static int32_t init(struct cvk_exec *e, struct state *state, bool stem)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_conv c = ocl_conv_weights_of(e->node);
    struct outer s = outer_of(d, &c, stem);
    char options[OCL_OPTION_BYTES] = "-cl-mad-enable";
    ocl_option(options, sizeof options, "-DVECTORS=%u -DRANKS=%u", (uint32_t)s.vectors, (uint32_t)s.ranks);
    OCL_TRY(ocl_call_init(d, &state->outer, &ocl_source_conv_cpu_weights, "conv_weights", options));
    OCL_TRY(make_tables(e, state, &s));
    if (stem)
        OCL_TRY(init_copy(e, state, &s));
    ocl_cpu_size(&state->outer, s.parts, groups_of_sums(&s));
    return ocl_bind_memory(d, &state->outer, 6, state->table);
}

static int32_t build(struct cvk_exec *e, bool stem)
{
    struct state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    int32_t status = init(e, state, stem);
    if (status != CVK_OK)
        finish(e);
    return status;
}

static int32_t build_blocks(struct cvk_exec *e)
{
    return build(e, false);
}

static int32_t build_stem(struct cvk_exec *e)
{
    return build(e, true);
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *state = e->state;
    const uint64_t *notes = e->plan->user;
    uint32_t x = ocl_conv_weights_x(e->node);
    if (state->copy.kernel) {
        OCL_TRY(ocl_bind(d, &state->copy, 0, &e->inputs[x]));
        OCL_TRY(ocl_bind_at(d, &state->copy, 2, e->workspace, notes[NOTE_COPY]));
        OCL_TRY(ocl_enqueue(d, &state->copy));
        OCL_TRY(ocl_bind_at(d, &state->outer, 0, e->workspace, notes[NOTE_COPY]));
    } else {
        OCL_TRY(ocl_bind(d, &state->outer, 0, &e->inputs[x]));
    }
    OCL_TRY(ocl_bind(d, &state->outer, 2, &e->inputs[1 - x]));
    OCL_TRY(ocl_bind_at(d, &state->outer, 4, e->workspace, notes[NOTE_PARTS]));
    OCL_TRY(ocl_enqueue(d, &state->outer));
    return ocl_weights_run(e, &state->ends, notes[NOTE_PARTS], notes[NOTE_BIAS]);
}

#define ROW(OP, row_name, row_flags, f, kind)                                                                                  \
    {                                                                                                                          \
        OCL_ROW(OP, row_name), .pass = CVK_PASS_BACKWARD_WEIGHTS, .flags = row_flags, .layouts_x = OCL_NC16,                   \
                               .layouts_y = OCL_PLAIN, .plan = plan_##f, .build = build_##kind, .run = run, .finish = finish   \
    }
const struct cvk_kernel ocl_conv_cpu_weights_rows[] = {
    ROW(CONV, "outer_stem", 0, stem, stem),
    ROW(CONV, "outer", CVK_KERNEL_ALL_INPUTS, outer, blocks),
    ROW(CONV, "outer_grouped", CVK_KERNEL_ALL_INPUTS, grouped, blocks),
    ROW(CONV_TRANSPOSE, "outer", CVK_KERNEL_ALL_INPUTS, outer, blocks),
    ROW(CONV_TRANSPOSE, "outer_grouped", CVK_KERNEL_ALL_INPUTS, grouped, blocks),
};
const uint32_t ocl_conv_cpu_weights_row_count = OCL_COUNT(ocl_conv_cpu_weights_rows);
