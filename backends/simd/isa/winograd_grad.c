/* SPDX-License-Identifier: MIT
 * winograd_grad.h over the vectors of vec.h: each transform one over columns, then one over rows. */
#include "vec.h"

#include "winograd_grad.h"

#define SQRT2 1.41421356237309504880
#define A 6 /* numbers of a line */
#define M 4 /* gradients dy of a line */
/* Rows of a transformed tile that are made at a time, from dy loaded again: so that they fit the registers. */
#define ROWS (V_REGISTERS >= 32 ? 3 : 2)

SIMD_INLINE void dy_line(const V *y, V *t)
{
    const V root = v_set1((float)(SQRT2 / 2)), root2 = v_set1((float)SQRT2), two = v_set1(2.0f), half = v_set1(0.5f);
    const V even = v_fma(half, y[2], y[0]), odd = v_fma(half, y[3], y[1]);
    const V even2 = v_fma(two, y[2], y[0]), odd2 = v_fma(two, y[3], y[1]);
    t[0] = y[0];
    t[1] = v_fma(root, odd, even);
    t[2] = v_fnma(root, odd, even);
    t[3] = v_fma(root2, odd2, even2);
    t[4] = v_fnma(root2, odd2, even2);
    t[5] = y[3];
}

SIMD_INLINE void weights_line(const V *x, V *t)
{
    const V even = v_add(x[1], x[2]), odd = v_sub(x[1], x[2]), even2 = v_add(x[3], x[4]), odd2 = v_sub(x[3], x[4]);
    t[0] = v_fma(v_set1((float)(1.0 / 6)), even2, v_fnma(v_set1((float)(2.0 / 3)), even, x[0]));
    t[1] = v_fnma(v_set1((float)(SQRT2 / 3)), odd, v_mul(v_set1((float)(SQRT2 / 6)), odd2));
    t[2] = v_fma(v_set1((float)(1.0 / 3)), v_sub(even2, even), x[5]);
}

/* Rows first..first + ROWS - 1 of one tile; `whole`: all of dy lies inside the map. */
SIMD_INLINE void dy_rows(const struct simd_winograd_grad *g, const float *y, float *u, const uint32_t columns, const int first,
                         const int whole)
{
    V half[ROWS][M];
#pragma GCC unroll 4
    for (int j = 0; j < M; j++) {
        V column[M], t[A];
#pragma GCC unroll 4
        for (int i = 0; i < M; i++)
            column[i] = whole || (i < (int)g->rows && j < (int)columns) ? v_load(y + i * g->row_step + j * V_LEN) : v_zero();
        dy_line(column, t);
#pragma GCC unroll 3
        for (int i = 0; i < ROWS; i++)
            half[i][j] = t[first + i];
    }
#pragma GCC unroll 3
    for (int i = 0; i < ROWS; i++) {
        V t[A];
        dy_line(half[i], t);
#pragma GCC unroll 6
        for (int j = 0; j < A; j++)
            v_store(u + ((first + i) * A + j) * g->xi_step, t[j]);
    }
}

SIMD_INLINE void dy_tile(const struct simd_winograd_grad *g, const uint64_t tile, const uint32_t columns, const int whole)
{
    const float *y = g->y + tile * M * V_LEN;
    float *u = g->u + tile * V_LEN;
    dy_rows(g, y, u, columns, 0, whole);
    dy_rows(g, y, u, columns, ROWS, whole);
    if (2 * ROWS < A)
        dy_rows(g, y, u, columns, A - ROWS, whole);
}

static void dy(const struct simd_winograd_grad *g)
{
    const uint64_t whole = g->rows < M ? 0 : g->columns < M ? g->tiles - 1 : g->tiles;
    for (uint64_t t = 0; t < whole; t++)
        dy_tile(g, t, M, 1);
    for (uint64_t t = whole; t < g->tiles; t++)
        dy_tile(g, t, t + 1 < g->tiles ? M : g->columns, 0);
}

static void weights(const struct simd_winograd_sums *s)
{
    float *sum = s->sum;
    for (uint64_t k = 0; k < s->count; k++, sum += V_LEN) {
        V half[3][A];
#pragma GCC unroll 6
        for (int j = 0; j < A; j++) {
            V column[A], t[3];
#pragma GCC unroll 6
            for (int i = 0; i < A; i++)
                column[i] = v_load(sum + (i * A + j) * s->xi_step);
            weights_line(column, t);
#pragma GCC unroll 3
            for (int i = 0; i < 3; i++)
                half[i][j] = t[i];
        }
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++) {
            V t[3];
            weights_line(half[i], t);
#pragma GCC unroll 3
            for (int j = 0; j < 3; j++)
                v_store(sum + (i * 3 + j) * s->xi_step, t[j]);
        }
    }
}

const struct simd_winograd_grad_fns SIMD_FN(simd_winograd_grad_fns) = {.dy = dy, .weights = weights};
