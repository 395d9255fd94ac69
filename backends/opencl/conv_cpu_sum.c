/* SPDX-License-Identifier: MIT
 * conv_cpu_sum.h */
#include "conv_cpu_sum.h"

#include "kernel_sources.h"

/* The outputs that have the same taps. */
struct class
{
    struct ocl_conv_taps h, w;
    uint64_t taps, steps;
    uint64_t lines, px;         /* an image's outputs: lines of px pixels whose inputs lie side by side */
    uint64_t line_units, units; /* tiles of pixels: in a line, in all images */
};

static struct class class_of(const struct ocl_conv_sum *s, uint64_t which)
{
    uint64_t across = ocl_conv_classes(&s->c, 1);
    struct class k = {.h = ocl_conv_taps(&s->c, 0, which / across), .w = ocl_conv_taps(&s->c, 1, which % across)};
    k.taps = k.h.taps * k.w.taps;
    k.steps = s->group_maps * k.taps;
    bool dense = !s->c.transposed && k.taps == 1 && (s->copy || (s->c.stride_h == 1 && s->c.w == s->c.ow));
    k.lines = dense ? 1 : k.h.outputs;
    k.px = dense ? k.h.outputs * k.w.outputs : k.w.outputs;
    k.line_units = ocl_ceil_div(k.px, s->tile.px);
    k.units = s->c.n * k.lines * k.line_units;
    return k;
}

/* First row or column that the classes of an axis read, and the one behind the last. */
static void range_of(const struct ocl_conv *c, uint32_t axis, int64_t *low, int64_t *high)
{
    *low = INT32_MAX;
    *high = INT32_MIN;
    for (uint64_t i = 0; i < ocl_conv_classes(c, axis); i++) {
        struct ocl_conv_taps t = ocl_conv_taps(c, axis, i);
        if (!t.taps || !t.outputs)
            continue;
        int64_t first = t.from, last = t.from + (int64_t)(t.taps - 1) * t.from_step;
        int64_t least = first < last ? first : last, most = first < last ? last : first;
        *low = least < *low ? least : *low;
        *high = most + (int64_t)t.outputs > *high ? most + (int64_t)t.outputs : *high;
    }
    if (*high < *low) /* nothing is read */
        *low = *high = 0;
}

static void place_input(struct ocl_conv_sum *s)
{
    const struct ocl_conv *c = &s->c;
    int64_t high_h, high_w;
    s->rows = c->h;
    s->row_step = s->phases = 1;
    s->columns = c->w;
    if (c->transposed) {
        range_of(c, 0, &s->low_h, &high_h);
        range_of(c, 1, &s->low_w, &high_w);
        s->copy = s->low_h < 0 || s->low_w < 0 || high_h > (int64_t)c->h || high_w > (int64_t)c->w;
        if (s->copy) {
            s->rows = (uint64_t)(high_h - s->low_h);
            s->columns = (uint64_t)(high_w - s->low_w);
        } else {
            s->low_h = s->low_w = 0;
        }
        return;
    }
    bool inside = c->pad_top == 0 && c->pad_left == 0 && c->seen_h <= c->h && c->seen_w <= c->w;
    s->low_h = -c->pad_top;
    s->low_w = -c->pad_left;
    s->copy = !inside || c->stride_w > 1;
    if (s->copy) {
        s->row_step = c->kh == 1 ? c->stride_h : 1;
        s->rows = c->kh == 1 ? c->oh : c->seen_h;
        s->phases = c->kw == 1 ? 1 : c->stride_w;
        s->columns = ocl_ceil_div(c->seen_w, c->stride_w);
    }
}

struct ocl_conv_sum ocl_conv_sum_of(const struct ocl_device *d, const struct ocl_conv *c, uint64_t block)
{
    struct ocl_conv_sum s = {
        .c = *c, .tile = ocl_cpu_tile(d), .block = block, .group_ic = c->ic / c->group, .group_oc = c->oc / c->group};
    s.group_maps = ocl_ceil_div(s.group_ic, block);
    s.maps = c->group * s.group_maps;
    s.group_vectors = ocl_ceil_div(s.group_oc, OCL_BLOCK);
    s.group_tiles = ocl_ceil_div(s.group_vectors, s.tile.vectors);
    place_input(&s);
    s.classes = ocl_conv_classes(c, 0) * ocl_conv_classes(c, 1);
    for (uint64_t i = 0; i < s.classes; i++)
        s.units += class_of(&s, i).units;
    s.y_step = 1;
    s.y_line = c->ow;
    s.y_block = c->oh * c->ow;
    s.y_group = s.group_vectors * s.y_block;
    s.y_image = c->group * s.y_group;
    s.bias_group = s.group_oc;
    return s;
}

uint64_t ocl_conv_sum_copied(const struct ocl_conv_sum *s)
{
    return s->copy ? s->c.n * s->maps * s->rows * s->phases * s->columns * s->block : 0;
}

uint64_t ocl_conv_sum_weights(const struct ocl_conv_sum *s)
{
    return s->c.group * s->group_vectors * s->group_maps * s->c.kh * s->c.kw * s->block * OCL_BLOCK;
}

/* ---- build ---- */

static void panels_of(const struct ocl_conv_sum *s, const struct ocl_conv_weights *w, struct ocl_pack *panels)
{
    uint64_t to = 0, kw = s->c.kw;
    for (uint64_t i = 0; i < s->classes; i++) {
        struct class k = class_of(s, i);
        panels[i] = (struct ocl_pack){.groups = s->c.group,
                                      .group_vectors = s->group_vectors,
                                      .group_oc = s->group_oc,
                                      .group_ic = s->group_ic,
                                      .tile_vectors = s->tile.vectors,
                                      .maps = s->group_maps,
                                      .block = s->block,
                                      .taps_h = k.h.taps,
                                      .taps_w = k.w.taps,
                                      .group_step = w->group_step,
                                      .oc_step = w->oc_step,
                                      .ic_step = w->ic_step,
                                      .tap = k.h.tap * (int64_t)kw + k.w.tap,
                                      .tap_h = k.h.tap_step * (int64_t)kw,
                                      .tap_w = k.w.tap_step,
                                      .to = to};
        if (k.taps == 0)
            panels[i].tap = 0;
        to += ocl_pack_floats(&panels[i]);
    }
}

static int32_t pack_weights(struct cvk_exec *e, struct ocl_conv_sum_state *state, const struct ocl_conv_sum *s,
                            const struct ocl_conv_weights *weights)
{
    struct ocl_pack panels[OCL_CONV_CLASSES];
    panels_of(s, weights, panels);
    if (weights->from)
        return ocl_pack_host(e, panels, s->classes, weights->from, weights->scale, &state->weights);
    return ocl_packer_init(e, &state->packer, panels, s->classes, weights->scale);
}

/* Units of pixels whose input stays in a core's cache while all output channels are made from it. */
static uint64_t chunk_of(const struct ocl_conv_sum *s, const struct class *k)
{
    uint64_t line = s->phases * s->columns * (s->copy || s->c.transposed ? 1 : s->c.stride_h);
    uint64_t line_bytes = s->maps * (k->lines == 1 ? k->px : line) * s->block * sizeof(float);
    uint64_t units = line_bytes ? OCL_CPU_CACHE_BYTES * k->line_units / line_bytes : 1;
    return units < 1 ? 1 : units;
}

#define COLUMNS 24

/* One class as the enumeration of kernels/conv_cpu.cl has it; the steps' offsets follow. */
static int32_t *write_class(const struct ocl_conv_sum *s, const struct class *k, uint64_t weights, int32_t *next)
{
    const struct ocl_conv *c = &s->c;
    uint64_t row = s->phases * s->columns, map = s->rows * row, channels = s->group_ic % s->block;
    uint64_t part = channels ? k->taps : 0;
    uint64_t line = c->transposed || (c->kh == 1 && s->copy) ? row : c->stride_h * row;
    const uint64_t head[COLUMNS] = {COLUMNS + k->steps,
                                    k->units,
                                    k->lines * k->line_units,
                                    k->line_units,
                                    k->px,
                                    chunk_of(s, k),
                                    s->group_tiles,
                                    c->group * s->group_tiles,
                                    s->group_vectors,
                                    s->group_oc,
                                    s->bias_group,
                                    k->steps,
                                    k->steps - part,
                                    ocl_round_up(channels, 2),
                                    s->maps * map * s->block,
                                    s->group_maps * map * s->block,
                                    line * s->block,
                                    weights / OCL_BLOCK,
                                    k->h.first * s->y_line + k->w.first * s->y_step,
                                    k->w.step * s->y_step,
                                    k->h.step * s->y_line,
                                    s->y_block,
                                    s->y_group,
                                    s->y_image};
    for (uint32_t i = 0; i < COLUMNS; i++)
        *next++ = (int32_t)head[i];
    for (uint64_t b = 0; b < s->group_maps; b++)
        for (uint64_t i = 0; i < k->h.taps; i++)
            for (uint64_t j = 0; j < k->w.taps; j++) {
                uint64_t down = (uint64_t)(k->h.from + (int64_t)i * k->h.from_step - s->low_h);
                uint64_t column = (uint64_t)(k->w.from + (int64_t)j * k->w.from_step - s->low_w);
                uint64_t at = b * map + down * row + column % s->phases * s->columns + column / s->phases;
                *next++ = (int32_t)(at * s->block);
            }
    return next;
}

static int32_t upload_table(struct cvk_exec *e, struct ocl_conv_sum_state *state, const struct ocl_conv_sum *s)
{
    uint64_t count = 1 + s->classes * COLUMNS + s->group_maps * s->c.kh * s->c.kw, weights = 0;
    int32_t *table = e->host->alloc(e->host, count * sizeof *table, 0), *next = table;
    if (!table)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for a table of %llu offsets", (unsigned long long)count);
    *next++ = (int32_t)s->classes;
    for (uint64_t i = 0; i < s->classes; i++) {
        struct class k = class_of(s, i);
        next = write_class(s, &k, weights, next);
        weights += s->c.group * s->group_vectors * k.steps * s->block * OCL_BLOCK;
    }
    int32_t status = ocl_memory(ocl_device_of(e), (uint64_t)(next - table) * sizeof *table, table, &state->table);
    e->host->free(e->host, table);
    return status;
}

static int32_t init_copy(struct cvk_exec *e, struct ocl_conv_sum_state *state, const struct ocl_conv_sum *s,
                         const char *options)
{
    struct ocl_device *d = ocl_device_of(e);
    uint64_t rows = s->c.n * s->maps * s->rows;
    const int32_t table[] = {(int32_t)s->rows,
                             (int32_t)rows,
                             (int32_t)s->phases,
                             (int32_t)s->columns,
                             (int32_t)(s->c.transposed ? 1 : s->c.stride_w),
                             (int32_t)s->row_step,
                             (int32_t)-s->low_h,
                             (int32_t)-s->low_w,
                             (int32_t)s->c.h,
                             (int32_t)s->c.w};
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
    OCL_TRY(pack_weights(e, state, s, weights));
    OCL_TRY(upload_table(e, state, s));
    if (s->copy)
        OCL_TRY(init_copy(e, state, s, options));
    double inputs = (double)(s->c.n * s->maps * s->rows * s->phases * s->columns * s->block);
    double flops = 2.0 * (double)(s->c.n * s->c.oh * s->c.ow) * (double)ocl_conv_sum_weights(s) / (double)s->classes;
    struct ocl_cpu_work work = {.a = s->units / s->classes ? s->units / s->classes : 1,
                                .b = s->c.group * s->group_tiles,
                                .a_bytes = inputs * sizeof(float),
                                .b_bytes = (double)ocl_conv_sum_weights(s) * sizeof(float),
                                .ns = ocl_conv_cost(flops, 0.9, 0, 0)};
    ocl_cpu_split(d, &work, groups);
    ocl_cpu_size(&state->sum, groups[0], groups[1]);
    if (state->weights)
        OCL_TRY(ocl_bind_memory(d, &state->sum, 2, state->weights));
    OCL_TRY(ocl_bind_memory(d, &state->sum, 4, state->table));
    return ocl_cpu_epilogue_args(d, &state->sum, 8, e->node);
}

void ocl_conv_sum_release(struct ocl_conv_sum_state *state)
{
    ocl_call_finish(&state->copy);
    ocl_call_finish(&state->sum);
    ocl_packer_release(&state->packer);
    ocl_memory_free(state->weights);
    ocl_memory_free(state->table);
    ocl_memory_free(state->copy_table);
}

int32_t ocl_conv_sum_run(struct cvk_exec *e, struct ocl_conv_sum_state *state, const struct ocl_conv_sum_operands *o)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_binding *x = &o->x;
    if (state->packer.call.kernel) {
        OCL_TRY(ocl_packer_run(d, &state->packer, &o->weights, &o->packed));
        OCL_TRY(ocl_bind(d, &state->sum, 2, &o->packed));
    }
    if (state->copy.kernel) {
        OCL_TRY(ocl_bind(d, &state->copy, 0, x));
        OCL_TRY(ocl_bind(d, &state->copy, 2, &o->copy));
        OCL_TRY(ocl_enqueue(d, &state->copy));
        x = &o->copy;
    }
    OCL_TRY(ocl_bind(d, &state->sum, 0, x));
    OCL_TRY(ocl_bind(d, &state->sum, 6, &o->y));
    OCL_TRY(ocl_epilogue_bind(d, &state->sum, 8, e));
    if (o->bias)
        OCL_TRY(ocl_bind(d, &state->sum, 8, o->bias));
    return ocl_enqueue(d, &state->sum);
}
