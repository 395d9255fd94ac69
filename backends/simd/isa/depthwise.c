/* SPDX-License-Identifier: MIT
 * depthwise.h over the vectors of vec.h: tiles of neighbouring outputs in registers, so that each input of a row is loaded once
 * for all the outputs that it belongs to. */
#include "tile_store.h"

#include "depthwise.h"

#define SIX_PX(X, k, s) X(k, s, 1) X(k, s, 2) X(k, s, 3) X(k, s, 4) X(k, s, 5) X(k, s, 6)
#define ALL_PX(X, k, s) SIX_PX(X, k, s) X(k, s, 7)
/* px accumulators, the weights of one row of the window and one input must fit the registers. */
#if V_REGISTERS >= 32
#define MAX_PX 14
#define TILES(X, k, s) ALL_PX(X, k, s) X(k, s, 8) X(k, s, 9) X(k, s, 10) X(k, s, 11) X(k, s, 12) X(k, s, 13) X(k, s, 14)
#define SPREAD_PX 14 /* of the gradient; even */
#define SPREAD_TILES(X, k, s) TILES(X, k, s)
#else
#define MAX_PX 7
#define TILES(X, k, s) ALL_PX(X, k, s)
#define SPREAD_PX 6
#define SPREAD_TILES(X, k, s) SIX_PX(X, k, s)
#endif
#define MAX_KW 7

/* One row of outputs while it is computed. */
struct row {
    const struct simd_depthwise *d;
    const float *x;     /* the first row of the map that the window meets */
    int64_t x_row;      /* floats between the rows that it meets */
    const float *w;     /* weights of the first of them */
    int64_t w_row;      /* the gradient: floats between the weights of the rows that it meets */
    int64_t rows;       /* how many it meets */
    struct simd_tile t; /* moves along the row */
    float *y;           /* the row */
    const float *residual;
};

SIMD_INLINE int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

SIMD_INLINE int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

SIMD_INLINE void move_to(struct row *row, int64_t o)
{
    row->t.y = row->y + o * V_LEN;
    row->t.residual = row->residual ? row->residual + o * V_LEN : NULL;
}

/* Neighbouring outputs; the window of the first one begins at column `base` of the map, which may lie before it. Each window
 * meets the map, so only the first and the last kw - 1 columns of the tile can lie outside: those are asked for, with branches
 * that are nearly always predicted. */
SIMD_INLINE void tile(const struct row *row, int64_t base, const int kw, const int s, const int px)
{
    const int64_t first = -base, end = row->d->width - base; /* of the tile's columns, those inside the map */
    /* As a number: it may lie before the tensor, and one register for all columns is wanted. */
    uintptr_t x = (uintptr_t)row->x + (uintptr_t)(base * (int64_t)(V_LEN * sizeof(float)));
    const float *w = row->w;
    V acc[MAX_PX];
    tile_begin(&row->t, acc, px, 1);
    for (int64_t r = 0; r < row->rows; r++, x += (uintptr_t)row->x_row * sizeof(float), w += kw * V_LEN) {
        V weights[MAX_KW];
#pragma GCC unroll 7
        for (int k = 0; k < kw; k++)
            weights[k] = v_load(w + k * V_LEN);
#pragma GCC unroll 40
        for (int c = 0; c < (px - 1) * s + kw; c++) {
            if ((c < kw - 1 && c < first) || (c > (px - 1) * s && c >= end))
                continue;
            const V input = v_hold(v_load((const float *)x + c * V_LEN));
#pragma GCC unroll 7
            for (int k = 0; k < kw; k++)
                if (c >= k && (c - k) % s == 0 && (c - k) / s < px)
                    acc[(c - k) / s] = v_fma(input, weights[k], acc[(c - k) / s]);
        }
    }
    tile_store(&row->t, acc, px, 1);
}

typedef void (*tile_fn)(const struct row *row, int64_t base);

#define DEFINE(k, s, px)                                                                                                         \
    static void tile_##k##_##s##_##px(const struct row *row, int64_t base)                                                       \
    {                                                                                                                            \
        tile(row, base, k, s, px);                                                                                               \
    }
#define ENTRY(k, s, px) [px - 1] = tile_##k##_##s##_##px,
TILES(DEFINE, 3, 1)
TILES(DEFINE, 3, 2)
TILES(DEFINE, 5, 1)
TILES(DEFINE, 5, 2)
TILES(DEFINE, 7, 1)
TILES(DEFINE, 7, 2)
static const tile_fn tiles[3][2][MAX_PX] = {{{TILES(ENTRY, 3, 1)}, {TILES(ENTRY, 3, 2)}},
                                            {{TILES(ENTRY, 5, 1)}, {TILES(ENTRY, 5, 2)}},
                                            {{TILES(ENTRY, 7, 1)}, {TILES(ENTRY, 7, 2)}}};

/* px outputs of any window, its columns k from `first` to `end` - 1 only. */
SIMD_INLINE void any_tile(const struct row *row, int64_t base, int64_t first, int64_t end, const int px)
{
    const struct simd_depthwise *d = row->d;
    V acc[MAX_PX];
    tile_begin(&row->t, acc, px, 1);
    for (int64_t r = 0; r < row->rows; r++)
        for (int64_t k = first; k < end; k++) {
            const float *x = row->x + r * row->x_row + (base + k * d->dilation_w) * V_LEN;
            const V weights = v_load(row->w + (r * d->kw + k) * V_LEN);
#pragma GCC unroll 8
            for (int p = 0; p < px; p++)
                acc[p] = v_fma(v_load(x + p * d->stride_w * V_LEN), weights, acc[p]);
        }
    tile_store(&row->t, acc, px, 1);
}

/* Outputs from..to-1 of any window: one by one, or six at once where no column is outside. */
static void any_outputs(struct row *row, int64_t from, int64_t to)
{
    const struct simd_depthwise *d = row->d;
    const int64_t window = (d->kw - 1) * d->dilation_w + 1;
    for (int64_t o = from; o < to;) {
        const int64_t base = o * d->stride_w - d->pad_left;
        move_to(row, o);
        if (base >= 0 && o + 6 <= to && base + 5 * d->stride_w + window <= d->width) {
            any_tile(row, base, 0, d->kw, 6);
            o += 6;
            continue;
        }
        int64_t first = base < 0 ? (-base + d->dilation_w - 1) / d->dilation_w : 0;
        int64_t end = at_most(d->kw, at_least(0, (d->width - base + d->dilation_w - 1) / d->dilation_w));
        any_tile(row, base, first, end, 1);
        o++;
    }
}

/* Points `row` at row i of the output. */
SIMD_INLINE void begin_row(struct row *row, int64_t i)
{
    const struct simd_depthwise *d = row->d;
    const int64_t top = i * d->stride_h - d->pad_top, dilation = d->dilation_h;
    int64_t first = 0, end = d->kh;
    if (top < 0)
        first = at_most(end, (-top + dilation - 1) / dilation);
    if (top + (d->kh - 1) * dilation >= d->h)
        end = at_least(first, (d->h - top + dilation - 1) / dilation);
    row->rows = end - first;
    row->x = row->rows ? d->x + (top + first * dilation) * d->width * V_LEN : d->x;
    row->w = d->w + first * d->kw * V_LEN;
    row->y = d->out.y + i * d->ow * V_LEN;
    row->residual = d->out.residual ? d->out.residual + i * d->ow * V_LEN : NULL;
}

static void rows(const struct simd_depthwise *d, int64_t begin, int64_t end)
{
    const int64_t kw = d->kw, s = d->stride_w;
    struct row row = {.d = d, .x_row = d->dilation_h * d->width * V_LEN, .t = d->out};
    /* Outputs from first to last - 1 go to tiles of nearly equal width. */
    int64_t first = d->ow, last = d->ow, count = 0, each = 0, more = 0;
    const tile_fn *fns = NULL;
    if (d->dilation_w == 1 && s <= 2 && (kw == 3 || kw == 5 || kw == 7)) {
        fns = tiles[(kw - 3) / 2][s - 1];
        first = at_most(d->ow, d->pad_left < kw ? 0 : (d->pad_left - kw + s) / s); /* whose window meets the map */
        last = at_least(first, at_most(d->ow, (d->width - 1 + d->pad_left + s) / s)); /* none in a map without columns */
        count = (last - first + MAX_PX - 1) / MAX_PX;
        each = count ? (last - first) / count : 0;
        more = count ? (last - first) % count : 0;
    }
    for (int64_t i = begin; i < end; i++) {
        begin_row(&row, i);
        if (first > 0)
            any_outputs(&row, 0, first);
        for (int64_t tile = 0, o = first; tile < count; tile++) {
            const int64_t px = each + (tile < more);
            move_to(&row, o);
            fns[px - 1](&row, o * s - d->pad_left);
            o += px;
        }
        if (last < d->ow)
            any_outputs(&row, last, d->ow);
    }
}

/* ---- the gradient -------------------------------------------------------------------------------------------------------- */

/* Neighbouring results, the first of which lies under the first tap of column `base` of the map: each column is loaded once for
 * all results that it belongs to. Columns before the map count as zeros, none lies behind it. */
SIMD_INLINE void spread_tile(const struct row *row, int64_t base, const int kw, const int s, const int px)
{
    const int before = (kw - 1) / s, columns = before + (px - 1) / s + 1; /* before: those in front of `base` */
    uintptr_t x = (uintptr_t)row->x + (uintptr_t)((base - before) * (int64_t)(V_LEN * sizeof(float)));
    const float *w = row->w;
    V acc[MAX_PX];
    tile_begin(&row->t, acc, px, 1);
    for (int64_t r = 0; r < row->rows; r++, x += (uintptr_t)row->x_row * sizeof(float), w += row->w_row) {
        V weights[MAX_KW];
#pragma GCC unroll 7
        for (int k = 0; k < kw; k++)
            weights[k] = v_load(w + k * V_LEN);
#pragma GCC unroll 20
        for (int i = 0; i < columns; i++) {
            const int c = i - before;
            if (c < 0 && c + base < 0)
                continue;
            const V input = v_hold(v_load((const float *)x + i * V_LEN));
#pragma GCC unroll 7
            for (int k = 0; k < kw; k++)
                if (c * s + k >= 0 && c * s + k < px)
                    acc[c * s + k] = v_fma(input, weights[k], acc[c * s + k]);
        }
    }
    tile_store(&row->t, acc, px, 1);
}

#define DEFINE_SPREAD(k, s, px)                                                                                                  \
    static void spread_##k##_##s##_##px(const struct row *row, int64_t base)                                                     \
    {                                                                                                                            \
        spread_tile(row, base, k, s, px);                                                                                        \
    }
#define ENTRY_SPREAD(k, s, px) [px - 1] = spread_##k##_##s##_##px,
SPREAD_TILES(DEFINE_SPREAD, 3, 2)
SPREAD_TILES(DEFINE_SPREAD, 5, 2)
SPREAD_TILES(DEFINE_SPREAD, 7, 2)
static const tile_fn spread_tiles[3][SPREAD_PX] = {
    {SPREAD_TILES(ENTRY_SPREAD, 3, 2)}, {SPREAD_TILES(ENTRY_SPREAD, 5, 2)}, {SPREAD_TILES(ENTRY_SPREAD, 7, 2)}};

/* Results from..to-1, one by one. */
static void any_spread(struct row *row, int64_t from, int64_t to)
{
    const struct simd_depthwise *d = row->d;
    for (int64_t o = from; o < to; o++) {
        V acc[1];
        move_to(row, o);
        tile_begin(&row->t, acc, 1, 1);
        for (int64_t r = 0; r < row->rows; r++)
            for (int64_t k = d->kw - 1; k >= 0; k--) {
                const int64_t place = o + d->pad_left - k * d->dilation_w, column = place / d->stride_w;
                if (place < 0 || place % d->stride_w || column >= d->width)
                    continue;
                const V input = v_load(row->x + r * row->x_row + column * V_LEN);
                acc[0] = v_fma(input, v_load(row->w + r * row->w_row + k * V_LEN), acc[0]);
            }
        tile_store(&row->t, acc, 1, 1);
    }
}

/* Points `row` at row i of the result: the rows of the map and of the window that meet there are evenly spaced. */
SIMD_INLINE void begin_spread(struct row *row, int64_t i)
{
    const struct simd_depthwise *d = row->d;
    int64_t first = 0, second = 0;
    row->rows = 0;
    for (int64_t r = 0; r < d->kh; r++) {
        const int64_t place = i + d->pad_top - r * d->dilation_h;
        if (place < 0 || place % d->stride_h || place / d->stride_h >= d->h)
            continue;
        if (row->rows == 0)
            first = r;
        if (row->rows == 1)
            second = r;
        row->rows++;
    }
    row->x = row->rows ? d->x + (i + d->pad_top - first * d->dilation_h) / d->stride_h * d->width * V_LEN : d->x;
    row->x_row = (first - second) * d->dilation_h / d->stride_h * d->width * V_LEN;
    row->w = d->w + first * d->kw * V_LEN;
    row->w_row = (second - first) * d->kw * V_LEN;
    row->y = d->out.y + i * d->ow * V_LEN;
    row->residual = d->out.residual ? d->out.residual + i * d->ow * V_LEN : NULL;
}

static void spread(const struct simd_depthwise *d, int64_t begin, int64_t end)
{
    const int64_t kw = d->kw, s = d->stride_w;
    struct row row = {.d = d, .t = d->out};
    /* Results from first to last - 1 go to tiles of nearly equal width, which begin under a first tap. */
    int64_t first = d->ow, last = d->ow, tiles_of_row = 0, each = 0;
    const tile_fn *fns = NULL;
    if (d->dilation_w == 1 && s == 2 && (kw == 3 || kw == 5 || kw == 7)) {
        fns = spread_tiles[(kw - 3) / 2];
        first = at_most(d->ow, d->pad_left < 0 ? -d->pad_left : d->pad_left % 2);
        last = at_least(first, at_most(d->ow, d->width * 2 - d->pad_left));
        tiles_of_row = (last - first + SPREAD_PX - 1) / SPREAD_PX;
        each = tiles_of_row ? ((last - first + tiles_of_row - 1) / tiles_of_row + 1) / 2 * 2 : 0;
    }
    for (int64_t i = begin; i < end; i++) {
        begin_spread(&row, i);
        if (first > 0)
            any_spread(&row, 0, first);
        for (int64_t o = first; o < last; o += each) {
            move_to(&row, o);
            fns[at_most(each, last - o) - 1](&row, (o + d->pad_left) / 2);
        }
        if (last < d->ow)
            any_spread(&row, last, d->ow);
    }
}

const struct simd_depthwise_fns SIMD_FN(simd_depthwise_fns) = {.rows = rows, .spread = spread};
