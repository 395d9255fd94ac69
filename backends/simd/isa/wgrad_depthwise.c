/* SPDX-License-Identifier: MIT
 * wgrad_depthwise.h over the vectors of vec.h: the sums of several rows of the window stay in registers while a result is
 * loaded once for all of them. */
#include "vec.h"

#include "wgrad_depthwise.h"

/* X(kw, rows): rows * kw sums, a result and a product must fit the registers. */
#if V_REGISTERS >= 32
#define TILES(X) X(3, 1) X(3, 2) X(3, 3) X(5, 1) X(5, 2) X(5, 3) X(5, 4) X(5, 5) X(7, 1) X(7, 2) X(7, 3) X(7, 4)
#define MAX_ROWS {3, 5, 4} /* for kw = 3, 5, 7 */
#else
#define TILES(X) X(3, 1) X(3, 2) X(3, 3) X(5, 1) X(5, 2) X(7, 1)
#define MAX_ROWS {3, 2, 1}
#endif
#define MOST_SUMS 28

/* Results from..to-1 of a line, whose windows reach out of the map on the left or on the right. */
SIMD_INLINE void edge(const struct simd_wgrad_depthwise *d, const float *x, int64_t x_row, const float *y, int64_t from,
                      int64_t to, V *acc, const int kw, const int rows)
{
    for (int64_t p = from; p < to; p++) {
        const V result = v_load(y + p * V_LEN);
        const int64_t column = p * d->stride_w - d->pad_left;
#pragma GCC unroll 8
        for (int k = 0; k < kw; k++) {
            if (column + k < 0 || column + k >= d->width)
                continue;
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++)
                acc[r * kw + k] = v_fma(result, v_load(x + r * x_row + (column + k) * V_LEN), acc[r * kw + k]);
        }
    }
}

/* Rows row, row + 1, ... of the window, over the lines from..to-1 of the results, where all of them are inside the map. */
SIMD_INLINE void tile(const struct simd_wgrad_depthwise *d, int64_t row, int64_t from, int64_t to, const int kw, const int rows)
{
    const int64_t x_row = d->dilation_h * d->width * V_LEN, step = d->stride_w * V_LEN;
    /* The results whose whole window is inside. */
    const int64_t begin = (int64_t)d->pixels[0].begin, last = (int64_t)d->pixels[kw - 1].end, end = begin < last ? last : begin;
    V acc[MOST_SUMS];
#pragma GCC unroll 32
    for (int i = 0; i < rows * kw; i++)
        acc[i] = v_zero();
    for (int64_t line = from; line < to; line++) {
        const float *y = d->y + line * d->ow * V_LEN;
        const float *x = d->x + (line * d->stride_h + row * d->dilation_h - d->pad_top) * d->width * V_LEN;
        edge(d, x, x_row, y, 0, begin, acc, kw, rows);
        const float *at = x + (begin * d->stride_w - d->pad_left) * V_LEN;
        for (int64_t p = begin; p < end; p++, at += step) {
            const V result = v_load(y + p * V_LEN);
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
                for (int k = 0; k < kw; k++)
                    acc[r * kw + k] = v_fma(result, v_load(at + r * x_row + k * V_LEN), acc[r * kw + k]);
        }
        edge(d, x, x_row, y, end, d->ow, acc, kw, rows);
    }
#pragma GCC unroll 32
    for (int i = 0; i < rows * kw; i++)
        v_store(d->sum + (row * kw + i) * V_LEN, v_add(v_load(d->sum + (row * kw + i) * V_LEN), acc[i]));
}

typedef void (*tile_fn)(const struct simd_wgrad_depthwise *d, int64_t row, int64_t from, int64_t to);

#define DEFINE(kw, rows)                                                                                                       \
    static void window_##kw##_##rows(const struct simd_wgrad_depthwise *d, int64_t row, int64_t from, int64_t to)              \
    {                                                                                                                          \
        tile(d, row, from, to, kw, rows);                                                                                      \
    }
TILES(DEFINE)
#define ENTRY(kw, rows) [(kw - 3) / 2][rows - 1] = window_##kw##_##rows,
static const tile_fn tiles[3][5] = {TILES(ENTRY)};
static const int64_t max_rows[3] = MAX_ROWS;

/* Windows whose columns lie side by side. */
static void map_by_rows(const struct simd_wgrad_depthwise *d)
{
    const tile_fn *fns = tiles[(d->kw - 3) / 2];
    const int64_t most = max_rows[(d->kw - 3) / 2];
    for (int64_t row = 0; row < d->kh; row += most) {
        const int64_t rows = d->kh - row < most ? d->kh - row : most;
        /* The lines that all these rows meet, then what single ones meet before and behind. */
        const int64_t begin = (int64_t)d->lines[row].begin, last = (int64_t)d->lines[row + rows - 1].end;
        const int64_t end = begin < last ? last : begin;
        if (begin < end)
            fns[rows - 1](d, row, begin, end);
        for (int64_t r = row; r < row + rows; r++) {
            const int64_t first = (int64_t)d->lines[r].begin, stop = (int64_t)d->lines[r].end;
            if (first < begin && first < stop)
                fns[0](d, r, first, begin < stop ? begin : stop);
            if (stop > end && first < stop)
                fns[0](d, r, end > first ? end : first, stop);
        }
    }
}

static void map_by_taps(const struct simd_wgrad_depthwise *d)
{
    for (int64_t kh = 0; kh < d->kh; kh++)
        for (int64_t kw = 0; kw < d->kw; kw++) {
            float *sum = d->sum + (kh * d->kw + kw) * V_LEN;
            const int64_t begin = (int64_t)d->pixels[kw].begin, end = (int64_t)d->pixels[kw].end, step = d->stride_w * V_LEN;
            V acc[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
            for (int64_t line = (int64_t)d->lines[kh].begin; line < (int64_t)d->lines[kh].end && begin < end; line++) {
                const float *y = d->y + line * d->ow * V_LEN;
                const int64_t row = line * d->stride_h + kh * d->dilation_h - d->pad_top,
                              column = kw * d->dilation_w - d->pad_left;
                const float *x = d->x + (row * d->width + column) * V_LEN;
                int64_t p = begin;
                for (; p + 4 <= end; p += 4)
#pragma GCC unroll 4
                    for (int i = 0; i < 4; i++)
                        acc[i] = v_fma(v_load(y + (p + i) * V_LEN), v_load(x + (p + i) * step), acc[i]);
                for (; p < end; p++)
                    acc[0] = v_fma(v_load(y + p * V_LEN), v_load(x + p * step), acc[0]);
            }
            v_store(sum, v_add(v_load(sum), v_add(v_add(acc[0], acc[1]), v_add(acc[2], acc[3]))));
        }
}

static void map(const struct simd_wgrad_depthwise *d)
{
    if (d->dilation_w == 1 && (d->kw == 3 || d->kw == 5 || d->kw == 7))
        map_by_rows(d);
    else
        map_by_taps(d);
}

const struct simd_wgrad_depthwise_fns SIMD_FN(simd_wgrad_depthwise_fns) = {.map = map};
