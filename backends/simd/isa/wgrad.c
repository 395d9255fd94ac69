/* SPDX-License-Identifier: MIT
 * wgrad.h over the vectors of vec.h: one text, a function for each size of tile, all sums in registers. */
#include "vec.h"

#include "wgrad.h"

#include <stdbool.h>

/* rows * v sums, v vectors of y and one number of x must fit the registers; rows: no more than a block has. */
#define UP_TO_4(X, s, v) X(s, v, 1) X(s, v, 2) X(s, v, 3) X(s, v, 4)
#define UP_TO_8(X, s, v) UP_TO_4(X, s, v) X(s, v, 5) X(s, v, 6) X(s, v, 7) X(s, v, 8)
#if V_LEN == 16
#define FAR(X) UP_TO_8(X, far, 1) UP_TO_8(X, far, 2) UP_TO_8(X, far, 3)
#define NEAR(X)                                                                                                                \
    UP_TO_8(X, near, 1) UP_TO_8(X, near, 2) UP_TO_8(X, near, 3) X(near, 1, 9) X(near, 1, 10) X(near, 1, 11) X(near, 1, 12)     \
    X(near, 1, 13) X(near, 1, 14) X(near, 1, 15) X(near, 1, 16)
#define MAX_V 3
#define MAX_ROWS {16, 8, 8}
#define MAX_FAR {8, 8, 8}
#elif V_LEN == 8
#define FAR(X) UP_TO_8(X, far, 1) UP_TO_4(X, far, 2) UP_TO_4(X, far, 3)
#define NEAR(X) UP_TO_8(X, near, 1) UP_TO_4(X, near, 2) UP_TO_4(X, near, 3)
#define MAX_V 3
#define MAX_ROWS {8, 4, 4}
#define MAX_FAR MAX_ROWS
#elif V_REGISTERS >= 32
#define FAR(X) UP_TO_4(X, far, 1) UP_TO_4(X, far, 2) UP_TO_4(X, far, 3) UP_TO_4(X, far, 4)
#define NEAR(X) UP_TO_4(X, near, 1) UP_TO_4(X, near, 2) UP_TO_4(X, near, 3) UP_TO_4(X, near, 4)
#define MAX_V 4
#define MAX_ROWS {4, 4, 4, 4}
#define MAX_FAR MAX_ROWS
#else /* a product takes a register where there is no fused multiply-add */
#define FAR(X) UP_TO_4(X, far, 1) UP_TO_4(X, far, 2)
#define NEAR(X) UP_TO_4(X, near, 1) UP_TO_4(X, near, 2)
#define MAX_V 2
#define MAX_ROWS {4, 4}
#define MAX_FAR MAX_ROWS
#endif
#define MAX_SUMS 24

SIMD_INLINE void outer(const struct simd_wgrad *t, const int v, const int rows, const bool far)
{
    V acc[MAX_SUMS];
#pragma GCC unroll 32
    for (int i = 0; i < rows * v; i++)
        acc[i] = v_zero();
    int64_t off[SIMD_WGRAD_MAX_ROWS];
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
        off[i] = far ? t->x_off[i] : i;
    const int64_t x_step = t->x_step, y_vector = t->y_vector, x_ahead = t->x_ahead;
    for (uint64_t image = 0; image < t->images; image++)
        for (uint64_t line = 0; line < t->lines; line++) {
            const float *x = t->x + (int64_t)image * t->x_image + (int64_t)line * t->x_line;
            const float *y = t->y + (int64_t)image * t->y_image + (int64_t)line * t->y_line;
            for (uint64_t p = 0; p < t->px; p++, x += x_step, y += V_LEN) {
                V vectors[SIMD_WGRAD_MAX_V];
                if (!far)
                    __builtin_prefetch(x + x_ahead);
#pragma GCC unroll 4
                for (int j = 0; j < v; j++)
                    vectors[j] = v_load(y + j * y_vector);
#pragma GCC unroll 16
                for (int i = 0; i < rows; i++) {
                    const V input = v_set1(x[off[i]]);
#pragma GCC unroll 4
                    for (int j = 0; j < v; j++)
                        acc[i * v + j] = v_fma(input, vectors[j], acc[i * v + j]);
                }
            }
        }
#pragma GCC unroll 32
    for (int i = 0; i < rows * v; i++)
        v_store(t->sum + i * V_LEN, t->add ? v_add(v_load(t->sum + i * V_LEN), acc[i]) : acc[i]);
}

#define IS_far true
#define IS_near false
#define DEFINE(s, v, rows)                                                                                                     \
    static void outer_##s##_##v##_##rows(const struct simd_wgrad *t)                                                           \
    {                                                                                                                          \
        outer(t, v, rows, IS_##s);                                                                                             \
    }
NEAR(DEFINE)
FAR(DEFINE)

static void store(const struct simd_wgrad_store *s)
{
    uint64_t row = 0, tap = 0; /* of the next number */
    for (uint64_t r = 0; r < s->count; r += V_LEN) {
        const uint32_t n = s->count - r < V_LEN ? (uint32_t)(s->count - r) : V_LEN;
        V lines[V_LEN];
        for (uint32_t i = 0; i < V_LEN; i++)
            lines[i] = v_zero();
        for (uint32_t i = 0; i < n; i++) {
            const float *from = s->sum + row * s->row_step + tap * s->tap_step;
            V sum = v_load(from);
            for (uint64_t k = 1; k < s->parts; k++)
                sum = v_add(sum, v_load(from + k * s->part_step));
            lines[i] = sum;
            if (++tap == s->taps) {
                tap = 0;
                row++;
            }
        }
        v_transpose(lines);
        for (uint32_t c = 0; c < s->channels; c++)
            v_store_n(s->to + c * s->to_step + r, lines[s->channel + c], n);
    }
}

static void pixels(const float *y, uint64_t px, float *sum)
{
    V acc[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
    uint64_t p = 0;
    for (; p + 4 <= px; p += 4, y += 4 * V_LEN)
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++)
            acc[i] = v_add(acc[i], v_load(y + i * V_LEN));
    for (; p < px; p++, y += V_LEN)
        acc[0] = v_add(acc[0], v_load(y));
    v_store(sum, v_add(v_load(sum), v_add(v_add(acc[0], acc[1]), v_add(acc[2], acc[3]))));
}

#define ENTRY(s, v, rows) [v - 1][rows - 1] = outer_##s##_##v##_##rows,
const struct simd_wgrad_fns SIMD_FN(simd_wgrad_fns) = {.max_v = MAX_V,
                                                       .max_rows = MAX_ROWS,
                                                       .max_far = MAX_FAR,
                                                       .near = {NEAR(ENTRY)},
                                                       .far = {FAR(ENTRY)},
                                                       .store = store,
                                                       .pixels = pixels};
