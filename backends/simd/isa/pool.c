/* SPDX-License-Identifier: MIT
 * pool.h over the vectors of vec.h: small windows in registers, several results at once; any other by a row of columns in memory.
 */
#include "vec.h"

#include <math.h>

#include "pool.h"

#define ALL_PX(X, mean, k, s) X(mean, k, s, 1) X(mean, k, s, 2) X(mean, k, s, 3) X(mean, k, s, 4)
/* The columns of all windows of a tile must fit the registers. */
#if V_REGISTERS >= 32
#define MAX_PX 7
#define TILES(X, mean, k, s) ALL_PX(X, mean, k, s) X(mean, k, s, 5) X(mean, k, s, 6) X(mean, k, s, 7)
#else
#define MAX_PX 4
#define TILES(X, mean, k, s) ALL_PX(X, mean, k, s)
#endif
#define MAX_COLUMNS ((MAX_PX - 1) * 2 + 3)

/* One row of results while it is computed. */
struct row {
    const struct simd_pool *p;
    const float *x;  /* the first row of the map that the window meets */
    int64_t x_row;   /* floats between the rows that it meets */
    int64_t rows;    /* how many it meets */
    int64_t counted; /* how many the mean counts */
    float *y;
};

SIMD_INLINE int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

SIMD_INLINE int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* What nothing amounts to. */
SIMD_INLINE V nothing(const int mean)
{
    return mean ? v_zero() : v_set1(-INFINITY);
}

/* `so_far` and one more. */
SIMD_INLINE V join(V so_far, V next, const int mean)
{
    return mean ? v_add(so_far, next) : v_select(v_isnan(next), next, v_max(next, so_far));
}

/* Of `kernel` pixels `dilation` apart, the first at `from` (may be below 0), how many lie before `size`. */
SIMD_INLINE int64_t before(int64_t kernel, int64_t dilation, int64_t from, int64_t size)
{
    if (from + (kernel - 1) * dilation < size)
        return kernel;
    return from < size ? (size - from + dilation - 1) / dilation : 0;
}

/* Of the same, the first that is not below 0; `kernel` if there is none. */
SIMD_INLINE int64_t inside_from(int64_t kernel, int64_t dilation, int64_t from)
{
    return from >= 0 ? 0 : at_most(kernel, (-from + dilation - 1) / dilation);
}

/* The mean of a window that begins at column `from`; a window of padding alone gives 0. */
SIMD_INLINE V mean_of(const struct row *row, V sum, int64_t from)
{
    const struct simd_pool *p = row->p;
    const int64_t end = before(p->kw, p->dilation_w, from, p->counted_w ? p->counted_w : p->width);
    const int64_t columns = p->counted_w ? end : end - inside_from(p->kw, p->dilation_w, from);
    return columns > 0 && row->counted > 0 ? v_div(sum, v_set1((float)(columns * row->counted))) : v_zero();
}

/* Neighbouring results; the window of the first begins at column `base`, which may lie before the map. Each window meets the map,
 * so only the first and the last kw - 1 columns of the tile can lie outside. */
SIMD_INLINE void tile(const struct row *row, int64_t base, float *y, const int mean, const int kw, const int s, const int px)
{
    const int columns = (px - 1) * s + kw;
    const int64_t first = -base, end = row->p->width - base;
    /* As a number: it may lie before the tensor. */
    uintptr_t x = (uintptr_t)row->x + (uintptr_t)(base * (int64_t)(V_LEN * sizeof(float)));
    V column[MAX_COLUMNS];
#pragma GCC unroll 16
    for (int c = 0; c < columns; c++) {
        column[c] = nothing(mean);
        if ((c < kw - 1 && c < first) || (c > (px - 1) * s && c >= end) || row->rows == 0)
            continue;
        column[c] = v_load((const float *)x + c * V_LEN);
    }
    for (int64_t r = 1; r < row->rows; r++) {
        x += (uintptr_t)row->x_row * sizeof(float);
#pragma GCC unroll 16
        for (int c = 0; c < columns; c++) {
            if ((c < kw - 1 && c < first) || (c > (px - 1) * s && c >= end))
                continue;
            column[c] = join(column[c], v_load((const float *)x + c * V_LEN), mean);
        }
    }
    V result[MAX_PX];
#pragma GCC unroll 8
    for (int i = 0; i < px; i++) {
        result[i] = column[i * s];
#pragma GCC unroll 3
        for (int k = 1; k < kw; k++)
            result[i] = join(result[i], column[i * s + k], mean);
    }
    if (mean && first <= 0 && columns <= end) {
        const int64_t count = kw * row->counted;
        const V divisor = v_set1((float)count), factor = v_set1(1.0f / (float)count);
        if ((count & (count - 1)) == 0) { /* a power of two: the product has the same bits, and is quicker */
#pragma GCC unroll 8
            for (int i = 0; i < px; i++)
                result[i] = v_mul(result[i], factor);
        } else {
#pragma GCC unroll 8
            for (int i = 0; i < px; i++)
                result[i] = v_div(result[i], divisor);
        }
    } else if (mean) {
#pragma GCC unroll 8
        for (int i = 0; i < px; i++)
            result[i] = mean_of(row, result[i], base + i * s);
    }
#pragma GCC unroll 8
    for (int i = 0; i < px; i++)
        v_store(y + i * V_LEN, result[i]);
}

typedef void (*tile_fn)(const struct row *row, int64_t base, float *y);

#define DEFINE(mean, k, s, px)                                                                                                   \
    static void tile_##mean##_##k##_##s##_##px(const struct row *row, int64_t base, float *y)                                    \
    {                                                                                                                            \
        tile(row, base, y, mean, k, s, px);                                                                                      \
    }
#define ENTRY(mean, k, s, px) [px - 1] = tile_##mean##_##k##_##s##_##px,
TILES(DEFINE, 0, 2, 1)
TILES(DEFINE, 0, 2, 2)
TILES(DEFINE, 0, 3, 1)
TILES(DEFINE, 0, 3, 2)
TILES(DEFINE, 1, 2, 1)
TILES(DEFINE, 1, 2, 2)
TILES(DEFINE, 1, 3, 1)
TILES(DEFINE, 1, 3, 2)
static const tile_fn tiles[2][2][2][MAX_PX] = {
    {{{TILES(ENTRY, 0, 2, 1)}, {TILES(ENTRY, 0, 2, 2)}}, {{TILES(ENTRY, 0, 3, 1)}, {TILES(ENTRY, 0, 3, 2)}}},
    {{{TILES(ENTRY, 1, 2, 1)}, {TILES(ENTRY, 1, 2, 2)}}, {{TILES(ENTRY, 1, 3, 1)}, {TILES(ENTRY, 1, 3, 2)}}}};

/* Any window: each column of the map once, then px windows of them. */
SIMD_INLINE void join_columns(const struct row *row, const int mean)
{
    float *columns = row->p->columns;
    for (int64_t i = 0; i < row->p->width * V_LEN; i += V_LEN) {
        V column = row->rows ? v_load(row->x + i) : nothing(mean);
        for (int64_t r = 1; r < row->rows; r++)
            column = join(column, v_load(row->x + r * row->x_row + i), mean);
        v_store(columns + i, column);
    }
}

SIMD_INLINE void join_window(const struct row *row, int64_t o, const int mean, const int px)
{
    const struct simd_pool *p = row->p;
    const int64_t base = o * p->stride_w - p->pad_left;
    const int64_t first = inside_from(p->kw, p->dilation_w, base), end = before(p->kw, p->dilation_w, base, p->width);
    const float *columns = p->columns;
    V result[4];
#pragma GCC unroll 4
    for (int i = 0; i < px; i++)
        result[i] = first < end ? v_load(columns + (base + first * p->dilation_w + i * p->stride_w) * V_LEN) : nothing(mean);
    for (int64_t k = first + 1; k < end; k++)
#pragma GCC unroll 4
        for (int i = 0; i < px; i++)
            result[i] = join(result[i], v_load(columns + (base + k * p->dilation_w + i * p->stride_w) * V_LEN), mean);
#pragma GCC unroll 4
    for (int i = 0; i < px; i++)
        v_store(row->y + (o + i) * V_LEN, mean ? mean_of(row, result[i], base + i * p->stride_w) : result[i]);
}

SIMD_INLINE void any_row(const struct row *row, const int mean)
{
    const struct simd_pool *p = row->p;
    const int64_t window = (p->kw - 1) * p->dilation_w + 1;
    join_columns(row, mean);
    for (int64_t o = 0; o < p->ow;) {
        const int64_t base = o * p->stride_w - p->pad_left;
        if (base >= 0 && o + 4 <= p->ow && base + 3 * p->stride_w + window <= p->width) {
            join_window(row, o, mean, 4);
            o += 4;
        } else {
            join_window(row, o, mean, 1);
            o++;
        }
    }
}

SIMD_INLINE void rows(const struct simd_pool *p, int64_t begin, int64_t end, const int mean)
{
    const int direct = simd_pool_direct(p);
    const int64_t count = (p->ow + MAX_PX - 1) / MAX_PX, each = p->ow / count, more = p->ow % count;
    const tile_fn *fns = direct ? tiles[mean][p->kw - 2][p->stride_w - 1] : NULL;
    struct row row = {.p = p, .x_row = p->dilation_h * p->width * V_LEN};
    for (int64_t i = begin; i < end; i++) {
        const int64_t top = i * p->stride_h - p->pad_top;
        const int64_t first = inside_from(p->kh, p->dilation_h, top), last = before(p->kh, p->dilation_h, top, p->h);
        row.rows = at_least(0, last - first);
        row.x = row.rows ? p->x + (top + first * p->dilation_h) * p->width * V_LEN : p->x;
        row.counted = p->counted_h ? before(p->kh, p->dilation_h, top, p->counted_h) : row.rows;
        row.y = p->y + i * p->ow * V_LEN;
        if (!direct) {
            any_row(&row, mean);
            continue;
        }
        for (int64_t n = 0, o = 0; n < count; n++) {
            const int64_t px = each + (n < more);
            fns[px - 1](&row, o * p->stride_w - p->pad_left, row.y + o * V_LEN);
            o += px;
        }
    }
}

static void max_rows(const struct simd_pool *p, int64_t begin, int64_t end)
{
    rows(p, begin, end, 0);
}

static void mean_rows(const struct simd_pool *p, int64_t begin, int64_t end)
{
    rows(p, begin, end, 1);
}

/* Eight chains, joined in pairs: each pixel's chain depends on its place alone. */
SIMD_INLINE V join_all(const float *x, uint64_t pixels, const int mean)
{
    V chain[8];
    uint64_t i = 0;
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++)
        chain[c] = nothing(mean);
    for (; i + 8 <= pixels; i += 8)
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++)
            chain[c] = join(chain[c], v_load(x + (i + (uint64_t)c) * V_LEN), mean);
#pragma GCC unroll 8
    for (int c = 0; c < 7; c++)
        if (i + (uint64_t)c < pixels)
            chain[c] = join(chain[c], v_load(x + (i + (uint64_t)c) * V_LEN), mean);
#pragma GCC unroll 4
    for (int width = 1; width < 8; width *= 2)
#pragma GCC unroll 4
        for (int c = 0; c < 8; c += 2 * width)
            chain[c] = join(chain[c], chain[c + width], mean);
    return chain[0];
}

static void max_all(const float *x, uint64_t pixels, float *y)
{
    v_store(y, join_all(x, pixels, 0));
}

static void mean_all(const float *x, uint64_t pixels, float *y)
{
    v_store(y, v_div(join_all(x, pixels, 1), v_set1((float)pixels)));
}

const struct simd_pool_fns SIMD_FN(simd_pool_fns) = {
    .max_rows = max_rows, .mean_rows = mean_rows, .max_all = max_all, .mean_all = mean_all};
