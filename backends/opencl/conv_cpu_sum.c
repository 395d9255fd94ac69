/* SPDX-License-Identifier: MIT
 * conv, rows "stem", "pointwise", "grouped" and "direct" of CPU devices (conv_cpu_sum.h). */
#include "conv_cpu_sum.h"

#include "kernel_sources.h"

#define MOST_STEM_CHANNELS 4

struct ocl_conv_sum ocl_conv_sum_of(const struct ocl_device *d, const struct ocl_conv *c, uint64_t block)
{
    struct ocl_conv_sum s = {
        .c = *c, .tile = ocl_cpu_tile(d), .block = block, .group_ic = c->ic / c->group, .group_oc = c->oc / c->group};
    s.taps = c->kh * c->kw;
    bool inside = c->pad_top == 0 && c->pad_left == 0 && c->seen_h <= c->h && c->seen_w <= c->w;
    s.maps = ocl_ceil_div(c->ic, block);
    s.group_maps = ocl_ceil_div(s.group_ic, block);
    s.group_vectors = ocl_ceil_div(s.group_oc, OCL_BLOCK);
    s.group_tiles = ocl_ceil_div(s.group_vectors, s.tile.vectors);
    s.steps = s.group_maps * s.taps;
    s.copy = !inside || c->stride_w > 1;
    s.rows = c->h;
    s.row_step = s.phases = 1;
    s.columns = c->w;
    if (s.copy) {
        s.row_step = c->kh == 1 ? c->stride_h : 1;
        s.rows = c->kh == 1 ? c->oh : c->seen_h;
        s.phases = c->kw == 1 ? 1 : c->stride_w;
        s.columns = ocl_ceil_div(c->seen_w, c->stride_w);
    }
    bool dense = s.taps == 1 && (s.copy || c->stride_h == 1);
    s.lines = dense ? 1 : c->oh;
    s.px = c->oh * c->ow / s.lines;
    s.line_units = ocl_ceil_div(s.px, s.tile.px);
    s.units = c->n * s.lines * s.line_units;
    return s;
}

static uint64_t copied_floats(const struct ocl_conv_sum *s)
{
    return s->copy ? s->c.n * s->maps * s->rows * s->phases * s->columns * s->block : 0;
}

uint64_t ocl_conv_sum_weights(const struct ocl_conv_sum *s)
{
    return s->c.group * s->group_vectors * s->steps * s->block * OCL_BLOCK;
}

static double flops_of(const struct ocl_conv_sum *s)
{
    return 2.0 * (double)(s->c.n * s->c.oh * s->c.ow) * (double)ocl_conv_sum_weights(s);
}

static int32_t plan(const struct cvk_query *q, const struct ocl_conv *c, uint64_t block, struct cvk_plan *plan)
{
    struct ocl_conv_sum s = ocl_conv_sum_of(ocl_asked(q), c, block);
    if (copied_floats(&s) > INT32_MAX || ocl_conv_sum_weights(&s) > INT32_MAX)
        return cvk_refuse(q, "the padded input or the weights leave 32-bit indexes");
    cvk_book(plan, copied_floats(&s) * sizeof(float));
    double inputs = (double)(c->n * s.maps * block * c->h * c->w);
    double outputs = (double)(c->n * c->oc_blocks * OCL_BLOCK * c->oh * c->ow);
    double bytes = (inputs + outputs + 2 * (double)copied_floats(&s)) * sizeof(float);
    plan->cost_ns = ocl_conv_cost(flops_of(&s), 0.9, (double)ocl_conv_sum_weights(&s) * sizeof(float), bytes);
    return CVK_OK;
}

/* A net's first layer: few channels, read as they come. */
static int32_t plan_stem(const struct cvk_query *q, struct cvk_plan *p)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_ask(q, &c));
    if (c.group != 1 || c.ic > MOST_STEM_CHANNELS)
        return cvk_refuse(q, "only one group of 1 to %d input channels", MOST_STEM_CHANNELS);
    return plan(q, &c, 1, p);
}

static int32_t plan_pointwise(const struct cvk_query *q, struct cvk_plan *p)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_ask(q, &c));
    if (c.kh * c.kw != 1 || c.group != 1)
        return cvk_refuse(q, "only windows of one pixel in one group");
    return plan(q, &c, OCL_BLOCK, p);
}

static int32_t plan_direct(const struct cvk_query *q, struct cvk_plan *p)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_ask(q, &c));
    if (c.group != 1)
        return cvk_refuse(q, "%llu groups", (unsigned long long)c.group);
    return plan(q, &c, OCL_BLOCK, p);
}

static int32_t plan_grouped(const struct cvk_query *q, struct cvk_plan *p)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_ask(q, &c));
    if (c.group == 1)
        return cvk_refuse(q, "one group");
    if (c.ic / c.group % OCL_BLOCK || c.oc / c.group % OCL_BLOCK)
        return cvk_refuse(q, "groups of %llu to %llu channels are not whole blocks of %d", (unsigned long long)(c.ic / c.group),
                          (unsigned long long)(c.oc / c.group), OCL_BLOCK);
    return plan(q, &c, OCL_BLOCK, p);
}

/* ---- build ---- */

struct pack_job {
    const struct ocl_conv_sum *s;
    const struct ocl_conv_weights *weights;
    float *to;
};

/* One tile of output channels of a group: [map][tap][block][vector][16], zeros where there is no channel. */
static void pack_tile(const struct pack_job *j, uint64_t group, uint64_t tile)
{
    const struct ocl_conv_sum *s = j->s;
    const struct ocl_conv_weights *w = j->weights;
    uint64_t vector = tile * s->tile.vectors, first = vector * OCL_BLOCK, vectors = s->group_vectors - vector;
    uint64_t width = (vectors < s->tile.vectors ? vectors : s->tile.vectors) * OCL_BLOCK;
    uint64_t real = s->group_oc - first < width ? s->group_oc - first : width;
    const float *from = w->from + (group * s->group_oc + first) * w->oc_step;
    float *to = j->to + (group * s->group_vectors + vector) * s->steps * s->block * OCL_BLOCK;
    for (uint64_t map = 0; map < s->group_maps; map++)
        for (uint64_t tap = 0; tap < s->taps; tap++)
            for (uint64_t ic = map * s->block; ic < (map + 1) * s->block; ic++, to += width) {
                uint64_t count = ic < s->group_ic ? real : 0;
                for (uint64_t i = 0; i < count; i++)
                    to[i] = from[i * w->oc_step + ic * w->ic_step + tap] * w->scale;
                memset(to + count, 0, (width - count) * sizeof *to);
            }
}

static void pack_tiles(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct pack_job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++)
        pack_tile(j, i / j->s->group_tiles, i % j->s->group_tiles);
}

static int32_t upload_weights(struct cvk_exec *e, struct ocl_conv_sum_state *state, const struct ocl_conv_sum *s,
                              const struct ocl_conv_weights *weights)
{
    uint64_t bytes = ocl_conv_sum_weights(s) * sizeof(float);
    struct pack_job job = {s, weights, e->host->alloc(e->host, bytes, 0)};
    if (!job.to)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for packed weights (%llu bytes)", (unsigned long long)bytes);
    e->host->parallel(e->host, 0, s->c.group * s->group_tiles, pack_tiles, &job);
    int32_t status = ocl_memory(ocl_device_of(e), bytes, job.to, &state->weights);
    e->host->free(e->host, job.to);
    return status;
}

/* Units of pixels whose input stays in a core's cache while all output channels are made from it. */
static uint64_t chunk_of(const struct ocl_conv_sum *s)
{
    uint64_t line = s->phases * s->columns * (s->copy ? 1 : s->c.stride_h);
    uint64_t line_bytes = s->maps * (s->lines == 1 ? s->px : line) * s->block * sizeof(float);
    uint64_t units = OCL_CPU_CACHE_BYTES * s->line_units / line_bytes;
    return units < 1 ? 1 : units;
}

/* As the enumeration of kernels/conv_cpu.cl has them; the steps' offsets follow. */
static int32_t upload_table(struct cvk_exec *e, struct ocl_conv_sum_state *state, const struct ocl_conv_sum *s)
{
    uint64_t row = s->phases * s->columns, map = s->rows * row, channels = s->group_ic % s->block;
    uint64_t part = channels ? s->taps : 0, y_block = s->lines * s->px;
    uint64_t line = s->c.kh == 1 && s->copy ? row : s->c.stride_h * row;
    const uint64_t head[] = {s->units,
                             s->lines * s->line_units,
                             s->line_units,
                             s->px,
                             chunk_of(s),
                             s->group_tiles,
                             s->c.group * s->group_tiles,
                             s->group_vectors,
                             s->c.oc,
                             s->steps,
                             s->steps - part,
                             ocl_round_up(channels, 2),
                             s->maps * map * s->block,
                             s->group_maps * map * s->block,
                             line * s->block,
                             s->c.oc_blocks * y_block,
                             y_block};
    uint64_t count = OCL_COUNT(head) + s->steps;
    int32_t *table = e->host->alloc(e->host, count * sizeof *table, 0), *next = table;
    if (!table)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for a table of %llu offsets", (unsigned long long)count);
    for (uint32_t i = 0; i < OCL_COUNT(head); i++)
        *next++ = (int32_t)head[i];
    uint64_t stride = s->phases; /* without phases a tap's column is the input's */
    for (uint64_t b = 0; b < s->group_maps; b++)
        for (uint64_t kh = 0; kh < s->c.kh; kh++)
            for (uint64_t kw = 0; kw < s->c.kw; kw++) {
                uint64_t column = kw * s->c.dilation_w;
                uint64_t at = b * map + kh * s->c.dilation_h * row + column % stride * s->columns + column / stride;
                *next++ = (int32_t)(at * s->block);
            }
    int32_t status = ocl_memory(ocl_device_of(e), count * sizeof *table, table, &state->table);
    e->host->free(e->host, table);
    return status;
}

static int32_t init_copy(struct cvk_exec *e, struct ocl_conv_sum_state *state, const struct ocl_conv_sum *s,
                         const char *options)
{
    struct ocl_device *d = ocl_device_of(e);
    uint64_t rows = s->c.n * s->maps * s->rows;
    const int32_t table[] = {(int32_t)s->rows,       (int32_t)rows,         (int32_t)s->phases,    (int32_t)s->columns,
                             (int32_t)s->c.stride_w, (int32_t)s->row_step,  (int32_t)s->c.pad_top, (int32_t)s->c.pad_left,
                             (int32_t)s->c.h,        (int32_t)s->c.w};
    OCL_TRY(ocl_call_init(d, &state->copy, &ocl_source_conv_cpu, "conv_copy", options));
    OCL_TRY(ocl_memory(d, sizeof table, table, &state->copy_table));
    ocl_cpu_size(&state->copy, ocl_cpu_groups(d, rows), 1);
    return ocl_bind_memory(d, &state->copy, 4, state->copy_table);
}

int32_t ocl_conv_sum_init(struct cvk_exec *e, struct ocl_conv_sum_state *state, const struct ocl_conv_sum *s,
                          const struct ocl_conv_weights *weights)
{
    struct ocl_device *d = ocl_device_of(e);
    char options[OCL_OPTION_BYTES] = "";
    uint64_t groups[2];
    ocl_cpu_options(d, e->node, options, sizeof options);
    if (s->block == 1)
        ocl_option(options, sizeof options, "-DSTEM");
    OCL_TRY(ocl_call_init(d, &state->sum, &ocl_source_conv_cpu, "conv_sum", options));
    OCL_TRY(upload_weights(e, state, s, weights));
    OCL_TRY(upload_table(e, state, s));
    if (s->copy)
        OCL_TRY(init_copy(e, state, s, options));
    double inputs = (double)(s->c.n * s->maps * s->rows * s->phases * s->columns * s->block);
    struct ocl_cpu_work work = {.a = s->units,
                                .b = s->c.group * s->group_tiles,
                                .a_bytes = inputs * sizeof(float),
                                .b_bytes = (double)ocl_conv_sum_weights(s) * sizeof(float),
                                .ns = ocl_conv_cost(flops_of(s), 0.9, 0, 0)};
    ocl_cpu_split(d, &work, groups);
    ocl_cpu_size(&state->sum, groups[0], groups[1]);
    OCL_TRY(ocl_bind_memory(d, &state->sum, 2, state->weights));
    OCL_TRY(ocl_bind_memory(d, &state->sum, 4, state->table));
    return ocl_cpu_epilogue_args(d, &state->sum, 8, e->node);
}

void ocl_conv_sum_release(struct ocl_conv_sum_state *state)
{
    ocl_call_finish(&state->copy);
    ocl_call_finish(&state->sum);
    ocl_memory_free(state->weights);
    ocl_memory_free(state->table);
    ocl_memory_free(state->copy_table);
}

static void finish(struct cvk_exec *e)
{
    ocl_conv_sum_release(e->state);
    ocl_state_free(e);
}

static int32_t build(struct cvk_exec *e, uint64_t block)
{
    struct ocl_conv c = ocl_conv_of(e->node);
    struct ocl_conv_sum s = ocl_conv_sum_of(ocl_device_of(e), &c, block);
    struct ocl_conv_weights weights = {e->node->constants[1], s.group_ic * s.taps, s.taps, 1};
    struct ocl_conv_sum_state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    int32_t status = ocl_conv_sum_init(e, state, &s, &weights);
    if (status != CVK_OK)
        finish(e);
    return status;
}

static int32_t build_blocks(struct cvk_exec *e)
{
    return build(e, OCL_BLOCK);
}

static int32_t build_stem(struct cvk_exec *e)
{
    return build(e, 1);
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_conv_sum_state *state = e->state;
    const struct cvk_binding *x = &e->inputs[0];
    if (state->copy.kernel) {
        OCL_TRY(ocl_bind(d, &state->copy, 0, x));
        OCL_TRY(ocl_bind(d, &state->copy, 2, e->workspace));
        OCL_TRY(ocl_enqueue(d, &state->copy));
        x = e->workspace;
    }
    OCL_TRY(ocl_bind(d, &state->sum, 0, x));
    OCL_TRY(ocl_bind(d, &state->sum, 6, &e->outputs[0]));
    OCL_TRY(ocl_epilogue_bind(d, &state->sum, 8, e));
    return ocl_enqueue(d, &state->sum);
}

#define ROW(row_name, f, layout, kind)                                                                                     \
    {OCL_ROW(CONV, row_name), .flags = OCL_PACKS, .layouts_x = layout, .layouts_y = OCL_NC16,             \
     .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS, .plan = plan_##f, .build = build_##kind, .run = run,   \
     .finish = finish}
const struct cvk_kernel ocl_conv_cpu_sum_rows[] = {ROW("stem", stem, OCL_PLAIN, stem),
                                                   ROW("pointwise", pointwise, OCL_NC16, blocks),
                                                   ROW("grouped", grouped, OCL_NC16, blocks),
                                                   ROW("direct", direct, OCL_NC16, blocks)};
const uint32_t ocl_conv_cpu_sum_row_count = OCL_COUNT(ocl_conv_cpu_sum_rows);
