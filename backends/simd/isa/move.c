/* SPDX-License-Identifier: MIT
 * move.h over the vectors of vec.h: squares of V_LEN by V_LEN are transposed in registers. */
#include "vec.h"

#include "move.h"

/* A square with `rows` rows and `columns` columns of it there; each result has `width` lanes written. */
SIMD_INLINE void square(const float *x, uint64_t x_step, uint64_t rows, uint64_t columns, float *y, uint64_t y_step,
                        uint64_t width)
{
    V r[V_LEN];
    if (rows == V_LEN && columns == V_LEN) {
#pragma GCC unroll 16
        for (int i = 0; i < V_LEN; i++)
            r[i] = v_load(x + (uint64_t)i * x_step);
    } else {
#pragma GCC unroll 16
        for (int i = 0; i < V_LEN; i++)
            r[i] = (uint64_t)i < rows ? v_load_n(x + (uint64_t)i * x_step, (uint32_t)columns) : v_zero();
    }
    v_transpose(r);
    if (columns == V_LEN && width == V_LEN) {
#pragma GCC unroll 16
        for (int i = 0; i < V_LEN; i++)
            v_store(y + (uint64_t)i * y_step, r[i]);
    } else {
#pragma GCC unroll 16
        for (int i = 0; i < V_LEN; i++)
            if ((uint64_t)i < columns)
                v_store_n(y + (uint64_t)i * y_step, r[i], (uint32_t)width);
    }
}

static void transpose(const float *x, uint64_t x_step, uint64_t rows, uint64_t columns, float *y, uint64_t y_step)
{
    for (uint64_t r = 0; r < rows; r += V_LEN) {
        uint64_t height = rows - r < V_LEN ? rows - r : V_LEN;
        for (uint64_t c = 0; c < columns; c += V_LEN) {
            uint64_t width = columns - c < V_LEN ? columns - c : V_LEN;
            square(x + r * x_step + c, x_step, height, width, y + c * y_step + r, y_step, height);
        }
    }
}

static void interleave(const float *x, uint64_t x_step, uint64_t rows, uint64_t columns, float *y, uint64_t y_step)
{
    for (uint64_t c = 0; c < columns; c += V_LEN) {
        uint64_t width = columns - c < V_LEN ? columns - c : V_LEN;
        square(x + c, x_step, rows, width, y + c * y_step, y_step, V_LEN);
    }
}

static void lanes(const float *x, uint32_t from, float *y, uint32_t to, uint32_t count, uint64_t pixels)
{
    if (!x) {
        for (uint64_t p = 0; p < pixels; p++)
            v_store_n(y + p * V_LEN + to, v_zero(), count);
        return;
    }
    for (uint64_t p = 0; p < pixels; p++)
        v_store_n(y + p * V_LEN + to, v_load_n(x + p * V_LEN + from, count), count);
}

const struct simd_move_fns SIMD_FN(simd_move_fns) = {.transpose = transpose, .interleave = interleave, .lanes = lanes};
