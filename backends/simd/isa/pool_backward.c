/* SPDX-License-Identifier: MIT
 * pool_backward.h over the vectors of vec.h. */
#include "vec.h"

#include <math.h>

#include "pool_backward.h"

/* What a window has inside the map: `rows` by `columns` pixels, the first of them at float `at`. */
struct window {
    int64_t at, rows, columns;
    int64_t row_step, column_step; /* floats */
};

/* Pixels first..last-1 of `kernel`, `dilation` apart and beginning at `from`, lie inside 0..size-1. */
SIMD_INLINE void inside(int64_t kernel, int64_t dilation, int64_t from, int64_t size, int64_t *first, int64_t *last)
{
    *first = from < 0 ? (-from + dilation - 1) / dilation : 0;
    *last = from < size ? (size - from + dilation - 1) / dilation : 0;
    *last = *last < kernel ? *last : kernel;
    *first = *first < *last ? *first : *last;
}

/* Of the first `kernel` pixels, how many lie before `size`. */
SIMD_INLINE int64_t covered(int64_t kernel, int64_t dilation, int64_t from, int64_t size)
{
    const int64_t count = from < size ? (size - from + dilation - 1) / dilation : 0;
    return count < kernel ? count : kernel;
}

/* The lanes where something looks like a NaN: it was one, or infinities met. */
SIMD_INLINE uint32_t suspicious(V sum)
{
    return v_mask_bits(v_isnan(sum));
}

/* The number, as a float, of the pixel that wins in each lane; slow with care for NaN. */
SIMD_INLINE V find_careful(const float *x, const struct window *w)
{
    V most = v_load(x + w->at), winner = v_zero();
    float number = 0;
    for (int64_t r = 0; r < w->rows; r++)
        for (int64_t c = 0; c < w->columns; c++, number++) {
            const V v = v_load(x + w->at + r * w->row_step + c * w->column_step), here = v_set1(number);
            const V is_first_nan = v_select(v_isnan(v), v_select(v_isnan(most), v_zero(), v_set1(1.0f)), v_zero());
            const VM wins = v_lt(v_zero(), v_select(v_lt(most, v), v_set1(1.0f), is_first_nan));
            winner = v_select(wins, here, winner);
            most = v_select(wins, v, most);
        }
    return winner;
}

SIMD_INLINE V find(const float *x, const struct window *w, const int64_t rows, const int64_t columns)
{
    V most = v_load(x + w->at), winner = v_zero(), sum = v_zero();
    float number = 0;
    for (int64_t r = 0; r < rows; r++) {
        const float *row = x + w->at + r * w->row_step;
        for (int64_t c = 0; c < columns; c++, number++) {
            const V v = v_load(row + c * w->column_step);
            winner = v_select(v_lt(most, v), v_set1(number), winner);
            most = v_max(v, most);
            sum = v_add(sum, v);
        }
    }
    return suspicious(sum) ? find_careful(x, w) : winner;
}

SIMD_INLINE void give_winner(float *dx, const struct window *w, V winner, V dy, const int64_t rows, const int64_t columns)
{
    float number = 0;
    for (int64_t r = 0; r < rows; r++) {
        float *row = dx + w->at + r * w->row_step;
        for (int64_t c = 0; c < columns; c++, number++) {
            float *to = row + c * w->column_step;
            v_store(to, v_add(v_load(to), v_select(v_eq(winner, v_set1(number)), dy, v_zero())));
        }
    }
}

SIMD_INLINE void max_window(const struct simd_pool *p, const struct window *w, V dy)
{
    if (w->rows == 3 && w->columns == 3)
        give_winner(p->y, w, find(p->x, w, 3, 3), dy, 3, 3);
    else if (w->rows == 2 && w->columns == 2)
        give_winner(p->y, w, find(p->x, w, 2, 2), dy, 2, 2);
    else if (w->rows > 0 && w->columns > 0)
        give_winner(p->y, w, find(p->x, w, w->rows, w->columns), dy, w->rows, w->columns);
}

SIMD_INLINE void mean_window(const struct simd_pool *p, const struct window *w, V dy, int64_t count)
{
    const V share = v_div(dy, v_set1((float)count));
    for (int64_t r = 0; r < w->rows; r++) {
        float *to = p->y + w->at + r * w->row_step;
        for (int64_t c = 0; c < w->columns; c++, to += w->column_step)
            v_store(to, v_add(v_load(to), share));
    }
}

/* The pixels that the next row of windows meets first, in both maps: clearing and looking for winners are too long for the
 * processor to see them coming. */
SIMD_INLINE void fetch_next(const struct simd_pool *p, int64_t row, int64_t column)
{
    for (int64_t r = row; r < row + p->stride_h && r < p->h; r++)
        for (int64_t c = column; c < column + p->stride_w && c < p->width; c++) {
            __builtin_prefetch(p->x + (r * p->width + c) * V_LEN);
            __builtin_prefetch(p->y + (r * p->width + c) * V_LEN, 1);
        }
}

/* Rows begin..end-1 of the gradient become zero. */
SIMD_INLINE void clear_rows(const struct simd_pool *p, int64_t begin, int64_t end)
{
    if (begin < end)
        memset(p->y + begin * p->width * V_LEN, 0, (size_t)((end - begin) * p->width * V_LEN) * sizeof *p->y);
}

SIMD_INLINE void whole_map(const struct simd_pool *p, const float *dy, int64_t oh, const int mean)
{
    struct window w = {.row_step = p->dilation_h * p->width * V_LEN, .column_step = p->dilation_w * V_LEN};
    int64_t clear = 0; /* rows that are ready to be added to */
    for (int64_t i = 0; i < oh; i++) {
        int64_t first, last;
        const int64_t top = i * p->stride_h - p->pad_top;
        inside(p->kh, p->dilation_h, top, p->h, &first, &last);
        const int64_t row = top + first * p->dilation_h;
        const int64_t counted_h = p->counted_h ? covered(p->kh, p->dilation_h, top, p->counted_h) : last - first;
        w.rows = last - first;
        if (w.rows > 0) { /* just before they are needed: while they are in the first cache */
            const int64_t end = row + (w.rows - 1) * p->dilation_h + 1;
            clear_rows(p, clear, end);
            clear = clear < end ? end : clear;
        }
        for (int64_t o = 0; o < p->ow; o++, dy += V_LEN) {
            const int64_t left = o * p->stride_w - p->pad_left;
            inside(p->kw, p->dilation_w, left, p->width, &first, &last);
            w.columns = last - first;
            w.at = (row * p->width + left + first * p->dilation_w) * V_LEN;
            if (mean) {
                const int64_t counted_w = p->counted_w ? covered(p->kw, p->dilation_w, left, p->counted_w) : w.columns;
                mean_window(p, &w, v_load(dy), counted_h * counted_w);
            } else {
                fetch_next(p, clear, o * p->stride_w);
                max_window(p, &w, v_load(dy));
            }
        }
    }
    clear_rows(p, clear, p->h);
}

static void max(const struct simd_pool *p, const float *dy, int64_t oh)
{
    whole_map(p, dy, oh, 0);
}

static void mean(const struct simd_pool *p, const float *dy, int64_t oh)
{
    whole_map(p, dy, oh, 1);
}

const struct simd_pool_backward_fns SIMD_FN(simd_pool_backward_fns) = {.max = max, .mean = mean};
