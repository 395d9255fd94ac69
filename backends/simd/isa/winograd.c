/* SPDX-License-Identifier: MIT
 * winograd.h over the vectors of vec.h. A transform in two dimensions is one over columns, then one over rows. A tile does not
 * fit the registers, and stores are dearer than loads, so that it is loaded again for every few rows instead of being kept in
 * memory. */
#include "vec.h"

#include "convoke/op/unary.h"
#include "winograd.h"

#define SQRT2 1.41421356237309504880
#define AHEAD 3 /* tiles that the input is prefetched ahead: many short rows are too much for a processor to foresee */
#define MAX_A (SIMD_WINOGRAD_MAX_M + 2)

/* Rows of the transformed tile that are made at a time: so that they and what they are made from fit the registers. */
#if V_REGISTERS >= 32
#define INPUT_ROWS(m) ((m) == 2 ? 4 : (m) == 4 ? 3 : 2)
#define OUTPUT_ROWS(m) ((m) == 2 ? 2 : (m) == 4 ? 4 : 3)
#else
#define INPUT_ROWS(m) 2
#define OUTPUT_ROWS(m) 2
#endif

/* All sums are written with explicit fused operations, so that each inlined copy gives the same bits. */

SIMD_INLINE void input_2(const V *x, V *t)
{
    t[0] = v_sub(x[2], x[0]);
    t[1] = v_add(x[2], x[1]);
    t[2] = v_sub(x[2], x[1]);
    t[3] = v_sub(x[3], x[1]);
}

SIMD_INLINE void input_4(const V *x, V *t)
{
    const V root = v_set1((float)(SQRT2 / 2)), root2 = v_set1((float)SQRT2), two = v_set1(2.0f), half = v_set1(0.5f);
    const V five_halves = v_set1(2.5f);
    const V even = v_fnma(two, x[2], x[4]), odd = v_fnma(two, x[1], x[3]);
    const V even2 = v_fnma(half, x[2], x[4]), odd2 = v_fnma(half, x[1], x[3]);
    t[0] = v_fnma(five_halves, x[2], v_add(x[0], x[4]));
    t[1] = v_fma(root, odd, even);
    t[2] = v_fnma(root, odd, even);
    t[3] = v_fma(root2, odd2, even2);
    t[4] = v_fnma(root2, odd2, even2);
    t[5] = v_fnma(five_halves, x[3], v_add(x[1], x[5]));
}

SIMD_INLINE void input_6(const V *x, V *t)
{
    const V quarter = v_set1(0.25f), half = v_set1(0.5f), two = v_set1(2.0f), four = v_set1(4.0f), five = v_set1(5.0f);
    const V five_quarters = v_set1(1.25f), c425 = v_set1(4.25f), c525 = v_set1(5.25f);
    t[0] = v_fma(c525, v_sub(x[2], x[4]), v_sub(x[6], x[0]));
    t[7] = v_fma(c525, v_sub(x[3], x[5]), v_sub(x[7], x[1]));
    const V even_1 = v_fnma(c425, x[4], v_add(x[2], x[6])), odd_1 = v_fnma(c425, x[3], v_add(x[1], x[5]));
    t[1] = v_add(even_1, odd_1);
    t[2] = v_sub(even_1, odd_1);
    const V even_2 = v_fnma(five_quarters, x[4], v_fma(quarter, x[2], x[6]));
    const V odd_2 = v_fnma(five_quarters, x[3], v_fma(quarter, x[1], x[5]));
    t[3] = v_fma(two, odd_2, even_2);
    t[4] = v_fnma(two, odd_2, even_2);
    const V even_half = v_fnma(five, x[4], v_fma(four, x[2], x[6])), odd_half = v_fnma(five, x[3], v_fma(four, x[1], x[5]));
    t[5] = v_fma(half, odd_half, even_half);
    t[6] = v_fnma(half, odd_half, even_half);
}

SIMD_INLINE void output_2(const V *x, V *t)
{
    t[0] = v_add(x[0], v_add(x[1], x[2]));
    t[1] = v_add(x[3], v_sub(x[1], x[2]));
}

SIMD_INLINE void output_4(const V *x, V *t)
{
    const V root = v_set1((float)(SQRT2 / 2)), two = v_set1(2.0f), half = v_set1(0.5f);
    const V even = v_add(x[1], x[2]), odd = v_sub(x[1], x[2]), even2 = v_add(x[3], x[4]), odd2 = v_sub(x[3], x[4]);
    t[0] = v_add(x[0], v_add(even, even2));
    t[1] = v_mul(root, v_fma(two, odd2, odd));
    t[2] = v_fma(two, even2, v_mul(half, even));
    t[3] = v_fma(root, v_fma(half, odd, v_mul(v_set1(4.0f), odd2)), x[5]);
}

SIMD_INLINE void output_6(const V *x, V *t)
{
    const V even = v_add(x[1], x[2]), odd = v_sub(x[1], x[2]), even2 = v_add(x[3], x[4]), odd2 = v_sub(x[3], x[4]);
    const V even3 = v_add(x[5], x[6]), odd3 = v_sub(x[5], x[6]);
    t[0] = v_add(v_add(x[0], even), v_add(even2, even3));
    t[1] = v_fma(v_set1(0.5f), odd3, v_fma(v_set1(2.0f), odd2, odd));
    t[2] = v_fma(v_set1(0.25f), even3, v_fma(v_set1(4.0f), even2, even));
    t[3] = v_fma(v_set1(0.125f), odd3, v_fma(v_set1(8.0f), odd2, odd));
    t[4] = v_fma(v_set1(0.0625f), even3, v_fma(v_set1(16.0f), even2, even));
    t[5] = v_fma(v_set1(0.03125f), odd3, v_fma(v_set1(32.0f), odd2, v_add(odd, x[7])));
}

SIMD_INLINE void input_line(const int m, const V *x, V *t)
{
    m == 2 ? input_2(x, t) : m == 4 ? input_4(x, t) : input_6(x, t);
}

SIMD_INLINE void output_line(const int m, const V *x, V *t)
{
    m == 2 ? output_2(x, t) : m == 4 ? output_4(x, t) : output_6(x, t);
}

/* Rows first..first + rows - 1 of one transformed tile. */
SIMD_INLINE void input_rows(const float *x, const int64_t row_step, float *v, const int64_t xi_step, const int m, const int first)
{
    const int rows = m + 2 - first < INPUT_ROWS(m) ? m + 2 - first : INPUT_ROWS(m);
    V half[MAX_A][MAX_A];
#pragma GCC unroll 8
    for (int j = 0; j < m + 2; j++) {
        V column[MAX_A], t[MAX_A];
#pragma GCC unroll 8
        for (int i = 0; i < m + 2; i++)
            column[i] = v_load(x + i * row_step + j * V_LEN);
        input_line(m, column, t);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
            half[i][j] = t[first + i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        V t[MAX_A];
        input_line(m, half[i], t);
#pragma GCC unroll 8
        for (int j = 0; j < m + 2; j++)
            v_store(v + ((first + i) * (m + 2) + j) * xi_step, t[j]);
    }
}

SIMD_INLINE void input(const struct simd_winograd_input *in, const int m)
{
    const float *x = in->x;
    float *v = in->v;
    const int64_t row_step = in->row_step, xi_step = in->xi_step;
    for (uint64_t t = 0; t < in->tiles; t++, x += m * V_LEN, v += V_LEN) {
        input_rows(x, row_step, v, xi_step, m, 0);
        if (INPUT_ROWS(m) < m + 2)
            input_rows(x, row_step, v, xi_step, m, INPUT_ROWS(m));
        if (2 * INPUT_ROWS(m) < m + 2)
            input_rows(x, row_step, v, xi_step, m, 2 * INPUT_ROWS(m));
        if (3 * INPUT_ROWS(m) < m + 2)
            input_rows(x, row_step, v, xi_step, m, 3 * INPUT_ROWS(m));
        for (int i = 0; i < m + 2; i++)
#pragma GCC unroll 6
            for (int j = 0; j < m; j++)
                __builtin_prefetch(x + i * row_step + (AHEAD * m + j) * V_LEN);
    }
}

/* Rows top..bottom - 1 and columns left..right - 1 of a patch of a x a pixels; x is the first of them. */
static void patch(const struct simd_winograd_patch *p)
{
    const float *x = p->x;
    float *to = p->to;
    for (uint32_t i = 0; i < p->a; i++) {
        const int inside = i >= p->top && i < p->bottom;
        for (uint32_t j = 0; j < p->a; j++, to += V_LEN)
            v_store(to, inside && j >= p->left && j < p->right ? v_load(x + (j - p->left) * V_LEN) : v_zero());
        if (inside)
            x += p->row_step;
    }
}

SIMD_INLINE V epilogue(const struct simd_winograd_output *out, V y, const int64_t offset)
{
    if (out->bias)
        y = v_add(y, v_load(out->bias));
    if (out->scale)
        y = v_fma(y, v_load(out->scale), v_load(out->shift));
    if (out->residual)
        y = v_add(y, v_load(out->residual + offset));
    if (out->activation == CVK_RELU)
        y = v_relu(y);
    else if (out->activation == CVK_CLIP)
        y = v_min(v_set1(out->b), v_max(v_set1(out->a), y));
    return y;
}

/* Output rows first..first + rows - 1 of tile t; `whole`: all of them and all columns lie inside the output. */
SIMD_INLINE void output_rows(const struct simd_winograd_output *out, const uint64_t t, const int m, const int first,
                             const int whole)
{
    const int rows = m - first < OUTPUT_ROWS(m) ? m - first : OUTPUT_ROWS(m);
    const float *from = out->m + t * V_LEN;
    const int64_t tile = (int64_t)t * m * V_LEN;
    V half[SIMD_WINOGRAD_MAX_M][MAX_A];
#pragma GCC unroll 8
    for (int j = 0; j < m + 2; j++) {
        V column[MAX_A], line[SIMD_WINOGRAD_MAX_M];
#pragma GCC unroll 8
        for (int i = 0; i < m + 2; i++)
            column[i] = v_load(from + (i * (m + 2) + j) * out->xi_step);
        output_line(m, column, line);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
            half[i][j] = line[first + i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        V line[SIMD_WINOGRAD_MAX_M];
        output_line(m, half[i], line);
        const int64_t row = tile + (first + i) * out->row_step;
#pragma GCC unroll 8
        for (int j = 0; j < m; j++)
            if (whole || (first + i < (int)out->rows && j < (int)out->columns))
                v_store(out->y + row + j * V_LEN, epilogue(out, line[j], row + j * V_LEN));
    }
}

SIMD_INLINE void output_tile(const struct simd_winograd_output *out, const uint64_t t, const int m, const int whole)
{
    output_rows(out, t, m, 0, whole);
    if (OUTPUT_ROWS(m) < m)
        output_rows(out, t, m, OUTPUT_ROWS(m), whole);
    if (2 * OUTPUT_ROWS(m) < m)
        output_rows(out, t, m, 2 * OUTPUT_ROWS(m), whole);
}

SIMD_INLINE void output(const struct simd_winograd_output *out, const int m)
{
    const uint64_t whole = out->rows < (uint32_t)m ? 0 : out->columns < (uint32_t)m ? out->tiles - 1 : out->tiles;
    for (uint64_t t = 0; t < whole; t++)
        output_tile(out, t, m, 1);
    for (uint64_t t = whole; t < out->tiles; t++) {
        struct simd_winograd_output cut = *out;
        cut.columns = t + 1 < out->tiles ? (uint32_t)m : out->columns;
        output_tile(&cut, t, m, 0);
    }
}

/* g[0..2] to u[0..m + 1]: polynomials of degree 2 at the points, divided by what the input's transform leaves out. */
SIMD_INLINE void weights_line(const int m, const double g0, const double g1, const double g2, double *u)
{
    if (m == 2) {
        u[0] = -g0;
        u[1] = (g0 + g1 + g2) * 0.5;
        u[2] = (g0 - g1 + g2) * 0.5;
        u[3] = g2;
    } else if (m == 4) {
        const double even = (g0 + 0.5 * g2) * (-2.0 / 3), odd = SQRT2 / 2 * g1 * (-2.0 / 3);
        const double even2 = (g0 + 2 * g2) * (1.0 / 6), odd2 = SQRT2 * g1 * (1.0 / 6);
        u[0] = g0;
        u[1] = even + odd;
        u[2] = even - odd;
        u[3] = even2 + odd2;
        u[4] = even2 - odd2;
        u[5] = g2;
    } else {
        const double even_1 = (g0 + g2) * (-2.0 / 9), odd_1 = g1 * (-2.0 / 9);
        const double even_2 = (g0 + 4 * g2) * (1.0 / 90), odd_2 = g1 * (2.0 / 90);
        const double even_half = (g0 + 0.25 * g2) * (32.0 / 45), odd_half = g1 * (16.0 / 45);
        u[0] = -g0;
        u[1] = even_1 + odd_1;
        u[2] = even_1 - odd_1;
        u[3] = even_2 + odd_2;
        u[4] = even_2 - odd_2;
        u[5] = even_half + odd_half;
        u[6] = even_half - odd_half;
        u[7] = g2;
    }
}

/* The windows of V_LEN output channels: number i of each is g[i]. */
SIMD_INLINE void load_windows(const struct simd_winograd_weights *s, const float *w, const uint64_t channels, float g[9][V_LEN])
{
    for (int first = 0; first < 9; first += V_LEN) {
        const int count = 9 - first < V_LEN ? 9 - first : V_LEN;
        V r[V_LEN];
        if (count == 1) {
            for (uint64_t l = 0; l < V_LEN; l++)
                g[first][l] = l < channels ? w[(int64_t)l * s->oc_step + first] : 0;
            continue;
        }
#pragma GCC unroll 16
        for (int l = 0; l < V_LEN; l++)
            r[l] = (uint64_t)l < channels ? v_load_n(w + l * s->oc_step + first, (uint32_t)count) : v_zero();
        v_transpose(r);
#pragma GCC unroll 16
        for (int i = 0; i < V_LEN; i++)
            if (i < count)
                v_store(g[first + i], r[i]);
    }
}

/* In double, rounded once; the loops over lanes become vectors. */
SIMD_INLINE void weights(const struct simd_winograd_weights *s, const int m)
{
    const int a = m + 2;
    for (uint64_t ic = 0; ic < V_LEN; ic++)
        for (uint64_t oc = 0; oc < s->width; oc += V_LEN) {
            const uint64_t channels = ic >= s->ic || oc >= s->oc ? 0 : s->oc - oc < V_LEN ? s->oc - oc : V_LEN;
            float g[9][V_LEN], *u = s->u + ic * s->width + oc;
            double line[3][MAX_A][V_LEN];
            load_windows(s, s->w + (int64_t)ic * s->ic_step + (int64_t)oc * s->oc_step, channels, g);
            const int top = s->turned ? 8 : 0, step = s->turned ? -1 : 1;
            for (int j = 0; j < 3; j++)
                for (int l = 0; l < V_LEN; l++) {
                    double t[MAX_A];
                    weights_line(m, g[top + step * j][l], g[top + step * (3 + j)][l], g[top + step * (6 + j)][l], t);
#pragma GCC unroll 8
                    for (int i = 0; i < a; i++)
                        line[j][i][l] = t[i];
                }
            for (int i = 0; i < a; i++) {
                float row[MAX_A][V_LEN];
                for (int l = 0; l < V_LEN; l++) {
                    double t[MAX_A];
                    weights_line(m, line[0][i][l], line[1][i][l], line[2][i][l], t);
#pragma GCC unroll 8
                    for (int j = 0; j < a; j++)
                        row[j][l] = (float)t[j];
                }
                for (int j = 0; j < a; j++)
                    v_store(u + (i * a + j) * s->xi_step, v_load(row[j]));
            }
        }
}

#define DEFINE(m)                                                    \
    static void input_of_##m(const struct simd_winograd_input *in)   \
    {                                                                \
        input(in, m);                                                \
    }                                                                \
    static void output_of_##m(const struct simd_winograd_output *out) \
    {                                                                \
        output(out, m);                                              \
    }                                                                \
    static void weights_of_##m(const struct simd_winograd_weights *s) \
    {                                                                \
        weights(s, m);                                               \
    }
DEFINE(2)
DEFINE(4)
DEFINE(6)

const struct simd_winograd_fns SIMD_FN(simd_winograd_fns) = {
    .patch = patch,
    .input = {input_of_2, input_of_4, input_of_6},
    .output = {output_of_2, output_of_4, output_of_6},
    .weights = {weights_of_2, weights_of_4, weights_of_6},
};
