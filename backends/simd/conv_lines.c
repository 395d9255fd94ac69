/* SPDX-License-Identifier: MIT
 * conv_lines.h */
#include "conv_lines.h"

/* The results of a line whose window meets the image at `column` of its input with padding, and those after it. */
static void columns_inside(const struct simd_conv *c, uint64_t px, int64_t column, uint64_t *first, uint64_t *end)
{
    int64_t before = c->pad_left - column, stride = (int64_t)c->stride_w, last = before + (int64_t)c->w;
    *first = before > 0 ? simd_ceil_div((uint64_t)before, (uint64_t)stride) : 0;
    *end = last > 0 ? simd_ceil_div((uint64_t)last, (uint64_t)stride) : 0;
    *end = *end < px ? *end : px;
    *first = *first < *end ? *first : *end;
}

/* Whether more than a quarter of the windows' columns lie beside the image. */
static bool narrow(const struct simd_conv *c, uint64_t px)
{
    uint64_t inside = 0, first, end;
    for (uint64_t tap = 0; tap < c->kw; tap++) {
        int64_t column;
        simd_conv_tap_w(c, 0, tap, &column);
        columns_inside(c, px, column, &first, &end);
        inside += end - first;
    }
    return 4 * inside < 3 * px * c->kw;
}

void simd_conv_lines_cut(struct simd_conv_lines *l, const struct simd_conv *c, bool one, uint32_t max_px)
{
    l->height = one ? 1 : c->oh;
    l->width = c->oh * c->ow / l->height;
    l->lines = simd_ceil_div(l->height, c->spread_h);
    l->px = simd_ceil_div(l->width, c->spread_w);
    l->line_tiles = simd_ceil_div(l->px, max_px);
    l->image_tiles = l->lines * l->line_tiles;
    l->narrow = !one && c->spread_h * c->spread_w == 1 && narrow(c, l->px);
}

static uint64_t class_count(const struct simd_conv *c, const struct simd_conv_lines *l)
{
    return l->narrow ? c->kw : c->spread_h * c->spread_w;
}

static uint64_t classes_bytes(const struct simd_conv *c, const struct simd_conv_lines *l)
{
    return simd_round_up(class_count(c, l) * sizeof(struct simd_conv_class), CVK_ALIGN_BYTES);
}

static uint64_t taps_bytes(const struct simd_conv *c)
{
    return simd_round_up(c->kh * c->kw * sizeof(struct simd_tap), CVK_ALIGN_BYTES);
}

uint64_t simd_conv_tables_bytes(const struct simd_conv *c, const struct simd_conv_lines *l)
{
    uint64_t offsets = (l->blocks * c->kh * c->kw + class_count(c, l)) * sizeof(int64_t);
    return classes_bytes(c, l) + taps_bytes(c) + simd_round_up(offsets, CVK_ALIGN_BYTES);
}

struct simd_conv_tables simd_conv_tables_at(const struct simd_conv *c, const struct simd_conv_lines *l, void *memory)
{
    char *classes = memory, *taps = classes + classes_bytes(c, l), *offsets = taps + taps_bytes(c);
    return (struct simd_conv_tables){(struct simd_conv_class *)classes, (struct simd_tap *)taps, (int64_t *)offsets};
}

/* The tap that stands at place i of a window in the order in which inputs lie. */
static uint64_t in_order(const struct simd_conv *c, uint64_t window, uint64_t i)
{
    return c->turned ? window - 1 - i : i;
}

/* All but the number of taps before it. */
static struct simd_conv_class class_of(const struct simd_conv *c, const struct simd_conv_lines *l, uint64_t index)
{
    struct simd_conv_class class = {.end = l->px, .step = 1};
    uint64_t columns = 0;
    int64_t at;
    if (l->narrow) {
        columns = 1;
        simd_conv_tap_w(c, 0, in_order(c, c->kw, index), &at);
        columns_inside(c, l->px, at, &class.first, &class.end);
    } else {
        class.row = index / c->spread_w;
        class.column = index % c->spread_w;
        class.end = class.column < l->width ? simd_ceil_div(l->width - class.column, c->spread_w) : 0;
        for (uint64_t tap = 0; tap < c->kw; tap++)
            columns += simd_conv_tap_w(c, class.column, tap, &at);
    }
    for (uint64_t i = 0; i < c->kh; i++) {
        if (!simd_conv_tap_h(c, class.row, in_order(c, c->kh, i), &at))
            continue;
        class.top = class.rows == 0 ? (uint64_t)at : class.top;
        class.step = class.rows == 1 ? (uint64_t)at - class.top : class.step;
        class.rows++;
    }
    class.taps = class.rows * columns;
    return class;
}

/* The places of a class's taps in the order in which their inputs lie, and where they find the inputs. */
static void fill_class(const struct simd_conv *c, const struct simd_conv_lines *l, uint64_t index,
                       const struct simd_conv_class *class, struct simd_tap *taps, int64_t *offsets)
{
    uint64_t place = 0, count = class->taps;
    for (uint64_t i = 0; i < c->kh; i++)
        for (uint64_t j = l->narrow ? index : 0; j < (l->narrow ? index + 1 : c->kw); j++) {
            uint64_t h = in_order(c, c->kh, i), w = in_order(c, c->kw, j);
            int64_t row, column;
            if (!simd_conv_tap_h(c, class->row, h, &row) || !simd_conv_tap_w(c, class->column, w, &column))
                continue;
            taps[h * c->kw + w] = (struct simd_tap){(uint32_t)class->before, (uint32_t)count, (uint32_t)place};
            offsets[place++] = row * (int64_t)l->x_row + column * c->block;
        }
    for (uint64_t i = count; i < l->blocks * count; i++)
        offsets[i] = offsets[i - count] + (int64_t)l->x_block;
    offsets[l->blocks * count] = 0; /* only prefetched */
}

void simd_conv_tables_fill(const struct simd_conv *c, const struct simd_conv_lines *l, const struct simd_conv_tables *t)
{
    uint64_t before = 0;
    for (uint64_t i = 0; i < class_count(c, l); i++) {
        t->classes[i] = class_of(c, l, i);
        t->classes[i].before = before;
        fill_class(c, l, i, &t->classes[i], t->taps, t->offsets + l->blocks * before + i);
        before += t->classes[i].taps;
    }
}

/* Which rows of a class's window lie inside the image, seen from a line: the others meet zeros alone. */
static void rows_inside(const struct simd_conv_strip *s, const struct simd_conv_class *class, uint64_t line, uint64_t *first,
                        uint64_t *end)
{
    const struct simd_conv *c = s->c;
    int64_t row = (int64_t)(line * c->stride_h + class->top) - c->pad_top, step = (int64_t)class->step, h = (int64_t)c->h;
    *first = 0;
    *end = class->rows;
    if (s->lines->height != c->oh) /* the line is the whole image */
        return;
    for (; *first < *end && row < 0; row += step)
        (*first)++;
    for (row += (int64_t)(*end - *first) * step; *first < *end && row - step >= h; row -= step)
        (*end)--;
}

/* Takes out of a tile what comes after the sums. */
static void without_epilogue(struct simd_tile *t)
{
    t->activation = SIMD_LINEAR;
    t->scale = t->shift = t->residual = NULL;
}

/* One tile of one class over rows first..end-1 of its window, fewer than there are: each block of input channels is a sum of
 * its own, added to what lies in y. whole: the tile over all rows. */
static void run_rows(const struct simd_conv_strip *s, const struct simd_tile *whole, const struct simd_conv_class *class,
                     uint64_t first, uint64_t end, simd_tile_fn fn)
{
    const uint64_t columns = class->taps / class->rows, vector = s->vectors * s->c->block * s->c->block;
    for (uint64_t b = 0; b < s->blocks; b++) {
        const uint64_t begin = b * class->taps + first * columns;
        struct simd_tile t = *whole;
        t.x_off += begin;
        t.w += begin * vector;
        t.n_red = (uint32_t)((end - first) * columns);
        t.part_red = b + 1 == s->blocks && s->last < s->c->block ? t.n_red : 0;
        t.accumulate |= b > 0;
        if (b + 1 < s->blocks)
            without_epilogue(&t);
        fn(&t);
    }
}

/* One tile: the results of all classes at `px` places from `pixel` of a line on. Narrow: what it holds is added to y. */
static void run_tile(const struct simd_conv_strip *s, struct simd_tile *t, uint64_t line, uint64_t pixel, uint64_t px)
{
    const struct simd_conv *c = s->c;
    const struct simd_conv_lines *l = s->lines;
    simd_tile_fn const *fns = s->fns->step[simd_tile_step(c->block, t->x_step)][s->vectors - 1];
    const float *x = t->x;
    for (uint64_t i = 0; i < class_count(c, l); i++) {
        const struct simd_conv_class *class = &s->tables->classes[i];
        uint64_t begin = pixel < class->first ? class->first : pixel, stop = pixel + px < class->end ? pixel + px : class->end;
        uint64_t row = line * c->spread_h + class->row, column = begin * c->spread_w + class->column, first, end;
        if (row >= l->height || begin >= stop)
            continue;
        t->x = x + (begin - pixel) * l->x_step;
        t->x_off = s->tables->offsets + l->blocks * class->before + i;
        t->w = s->w + s->blocks * class->before * s->vectors * c->block * c->block;
        t->n_red = (uint32_t)(s->blocks * class->taps);
        t->part_red = s->last < c->block ? (uint32_t)class->taps : 0;
        t->y = s->y + (row * l->width + column) * c->block;
        if (!t->accumulate)
            t->residual = s->epilogue->residual ? s->epilogue->residual + (t->y - s->y_begin) : NULL;
        rows_inside(s, class, line, &first, &end);
        if (end - first < class->rows && first < end)
            run_rows(s, t, class, first, end, fns[stop - begin - 1]);
        else
            fns[stop - begin - 1](t);
    }
}

/* The same where classes are columns: each adds its part between the bias and the rest of the epilogue. */
static void run_narrow(const struct simd_conv_strip *s, struct simd_tile *whole, uint64_t line, uint64_t pixel, uint64_t px)
{
    simd_tile_fn fn = s->fns->step[2][s->vectors - 1][px - 1];
    struct simd_tile t = *whole;
    t.y = whole->y = s->y + (line * s->lines->width + pixel) * s->c->block;
    without_epilogue(&t);
    fn(&t);
    t.accumulate = 1;
    run_tile(s, &t, line, pixel, px);
    if (s->epilogue->residual)
        whole->residual = s->epilogue->residual + (whole->y - s->y_begin);
    whole->accumulate = 1;
    fn(whole);
    whole->accumulate = 0;
}

/* What the tiles leave of the epilogue. */
static void finish_tile(const struct simd_conv_strip *s, uint64_t line, uint64_t pixel, uint64_t px)
{
    const struct simd_conv *c = s->c;
    uint64_t begin = pixel * c->spread_w, end = (pixel + px) * c->spread_w, width = s->lines->width;
    end = end < width ? end : width;
    for (uint64_t v = 0; v < s->vectors; v++)
        for (uint64_t row = line * c->spread_h; row < (line + 1) * c->spread_h && row < s->lines->height; row++) {
            float *y = s->y + ((v * s->lines->height + row) * width + begin) * c->block;
            simd_epilogue_finish(s->epilogue, s->channel + v * c->block, y, end - begin);
        }
}

void simd_conv_strip_run(const struct simd_conv_strip *s, uint64_t first, uint64_t count)
{
    const struct simd_conv_lines *l = s->lines;
    uint64_t line = first / l->line_tiles, place = first % l->line_tiles, pixel = simd_conv_pixel(l, place);
    uint64_t each = l->px / l->line_tiles, more = l->px % l->line_tiles;
    const float *x = s->x;
    struct simd_tile t = {.x_step = (int64_t)l->x_step,
                          .part_k = (uint32_t)(s->last % s->c->block),
                          .y_step = (int64_t)(s->c->spread_w * s->c->block),
                          .y_block = (int64_t)(l->height * l->width * s->c->block)};
    simd_epilogue_set(&t, s->epilogue, s->channel, 0);
    for (uint64_t i = 0, x_pixel = s->x_pixel; i < count; i++) {
        uint64_t px = each + (place < more);
        t.x = x + (pixel - x_pixel) * l->x_step;
        (l->narrow ? run_narrow : run_tile)(s, &t, line, pixel, px);
        if (simd_epilogue_late(s->epilogue))
            finish_tile(s, line, pixel, px);
        pixel += px;
        if (++place == l->line_tiles) {
            place = 0;
            pixel = 0;
            line++;
            x += l->x_line;
            x_pixel = 0;
        }
    }
}
