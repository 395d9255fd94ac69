/* SPDX-License-Identifier: MIT
 * winograd.h over the vectors of vec.h. A transform in two dimensions is one over columns, then one over rows. A tile does not
 * fit the registers, and stores are dearer than loads, so that it is loaded again for every few rows instead of being kept in
 * memory. */
#include "vec.h"

#include "convoke/op/unary.h"
#include "winograd.h"

#define SQRT2 1.41421356237309504880
#define AHEAD 3 /* tiles that the input is prefetched ahead: many short rows are too much for a processor to foresee */
#define MAX_A 8
#define MAX_TAPS 5

/* Rows of the transformed tile that are made at a time: so that they and what they are made from fit the registers. */
#if V_REGISTERS >= 32
#define INPUT_ROWS(a_w) ((a_w) == 4 ? 4 : (a_w) == 6 ? 3 : 2)
#define OUTPUT_ROWS(m_h) ((m_h) == 6 ? 3 : (m_h))
#else
#define INPUT_ROWS(a_w) 2
#define OUTPUT_ROWS(m_h) 2
#endif

/* All sums are written with explicit fused operations, so that each inlined copy gives the same bits. */

SIMD_INLINE void input_of_4(const V *x, V *t)
{
    t[0] = v_sub(x[2], x[0]);
    t[1] = v_add(x[2], x[1]);
    t[2] = v_sub(x[2], x[1]);
    t[3] = v_sub(x[3], x[1]);
}

SIMD_INLINE void input_of_6(const V *x, V *t)
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

SIMD_INLINE void input_of_8(const V *x, V *t)
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

SIMD_INLINE void output_2_of_4(const V *x, V *t)
{
    t[0] = v_add(x[0], v_add(x[1], x[2]));
    t[1] = v_add(x[3], v_sub(x[1], x[2]));
}

SIMD_INLINE void output_4_of_6(const V *x, V *t)
{
    const V root = v_set1((float)(SQRT2 / 2)), two = v_set1(2.0f), half = v_set1(0.5f);
    const V even = v_add(x[1], x[2]), odd = v_sub(x[1], x[2]), even2 = v_add(x[3], x[4]), odd2 = v_sub(x[3], x[4]);
    t[0] = v_add(x[0], v_add(even, even2));
    t[1] = v_mul(root, v_fma(two, odd2, odd));
    t[2] = v_fma(two, even2, v_mul(half, even));
    t[3] = v_fma(root, v_fma(half, odd, v_mul(v_set1(4.0f), odd2)), x[5]);
}

SIMD_INLINE void output_6_of_8(const V *x, V *t)
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

/* Windows of 5. */
SIMD_INLINE void output_2_of_6(const V *x, V *t)
{
    const V even = v_add(x[1], x[2]), odd = v_sub(x[1], x[2]), even2 = v_add(x[3], x[4]), odd2 = v_sub(x[3], x[4]);
    t[0] = v_add(x[0], v_add(even, even2));
    t[1] = v_fma(v_set1((float)(SQRT2 / 2)), v_fma(v_set1(2.0f), odd2, odd), x[5]);
}

SIMD_INLINE void output_4_of_8(const V *x, V *t)
{
    const V even = v_add(x[1], x[2]), odd = v_sub(x[1], x[2]), even2 = v_add(x[3], x[4]), odd2 = v_sub(x[3], x[4]);
    const V even3 = v_add(x[5], x[6]), odd3 = v_sub(x[5], x[6]);
    t[0] = v_add(v_add(x[0], even), v_add(even2, even3));
    t[1] = v_fma(v_set1(0.5f), odd3, v_fma(v_set1(2.0f), odd2, odd));
    t[2] = v_fma(v_set1(0.25f), even3, v_fma(v_set1(4.0f), even2, even));
    t[3] = v_fma(v_set1(0.125f), odd3, v_fma(v_set1(8.0f), odd2, v_add(odd, x[7])));
}

SIMD_INLINE void input_line(const int a, const V *x, V *t)
{
    a == 4 ? input_of_4(x, t) : a == 6 ? input_of_6(x, t) : input_of_8(x, t);
}

SIMD_INLINE void output_line(const int m, const int a, const V *x, V *t)
{
    if (m == 2)
        a == 4 ? output_2_of_4(x, t) : output_2_of_6(x, t);
    else if (m == 4)
        a == 6 ? output_4_of_6(x, t) : output_4_of_8(x, t);
    else
        output_6_of_8(x, t);
}

/* Rows first..first + rows - 1 of one transformed tile. */
SIMD_INLINE void input_rows(const float *x, const int64_t row_step, float *v, const int64_t xi_step, const int a_h,
                            const int a_w, const int first)
{
    const int rows = a_h - first < INPUT_ROWS(a_w) ? a_h - first : INPUT_ROWS(a_w);
    V half[MAX_A][MAX_A];
    const float *row[MAX_A]; /* and a pointer that moves: a distance for each number would fill the registers */
    float *to = v + first * a_w * xi_step;
#pragma GCC unroll 8
    for (int i = 0; i < a_h; i++, x += row_step)
        row[i] = x;
#pragma GCC unroll 8
    for (int j = 0; j < a_w; j++) {
        V column[MAX_A], t[MAX_A];
#pragma GCC unroll 8
        for (int i = 0; i < a_h; i++)
            column[i] = v_load(row[i] + j * V_LEN);
        input_line(a_h, column, t);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
            half[i][j] = t[first + i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        V t[MAX_A];
        input_line(a_w, half[i], t);
#pragma GCC unroll 8
        for (int j = 0; j < a_w; j++, to += xi_step)
            v_store(to, t[j]);
    }
}

/* m: outputs of a tile's row. */
SIMD_INLINE void input(const struct simd_winograd_input *in, const int a_h, const int a_w, const int m)
{
    const float *x = in->x;
    float *v = in->v;
    const int64_t row_step = in->row_step, xi_step = in->xi_step;
    for (uint64_t t = 0; t < in->tiles; t++, x += m * V_LEN, v += V_LEN) {
        input_rows(x, row_step, v, xi_step, a_h, a_w, 0);
        if (INPUT_ROWS(a_w) < a_h)
            input_rows(x, row_step, v, xi_step, a_h, a_w, INPUT_ROWS(a_w));
        if (2 * INPUT_ROWS(a_w) < a_h)
            input_rows(x, row_step, v, xi_step, a_h, a_w, 2 * INPUT_ROWS(a_w));
        if (3 * INPUT_ROWS(a_w) < a_h)
            input_rows(x, row_step, v, xi_step, a_h, a_w, 3 * INPUT_ROWS(a_w));
        for (int i = 0; i < a_h; i++)
#pragma GCC unroll 6
            for (int j = 0; j < m; j++)
                __builtin_prefetch(x + i * row_step + (AHEAD * m + j) * V_LEN);
    }
}

/* Rows top..bottom - 1 and columns left..right - 1 of a patch of a_h x a_w pixels; x is the first of them. */
static void patch(const struct simd_winograd_patch *p)
{
    const float *x = p->x;
    float *to = p->to;
    for (uint32_t i = 0; i < p->a_h; i++) {
        const int inside = i >= p->top && i < p->bottom;
        for (uint32_t j = 0; j < p->a_w; j++, to += V_LEN)
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
SIMD_INLINE void output_rows(const struct simd_winograd_output *out, const uint64_t t, const int m_h, const int m_w,
                             const int taps, const int first, const int whole)
{
    const int a_h = m_h + taps - 1, a_w = m_w + taps - 1;
    const int rows = m_h - first < OUTPUT_ROWS(m_h) ? m_h - first : OUTPUT_ROWS(m_h);
    const float *from = out->m + t * V_LEN;
    const int64_t tile = (int64_t)t * m_w * V_LEN;
    V half[SIMD_WINOGRAD_MAX_M][MAX_A];
#pragma GCC unroll 8
    for (int j = 0; j < a_w; j++) {
        V column[MAX_A], line[SIMD_WINOGRAD_MAX_M];
#pragma GCC unroll 8
        for (int i = 0; i < a_h; i++)
            column[i] = v_load(from + (i * a_w + j) * out->xi_step);
        output_line(m_h, a_h, column, line);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
            half[i][j] = line[first + i];
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
        V line[SIMD_WINOGRAD_MAX_M];
        output_line(m_w, a_w, half[i], line);
        const int64_t row = tile + (first + i) * out->row_step;
#pragma GCC unroll 8
        for (int j = 0; j < m_w; j++)
            if (whole || (first + i < (int)out->rows && j < (int)out->columns))
                v_store(out->y + row + j * V_LEN, epilogue(out, line[j], row + j * V_LEN));
    }
}

SIMD_INLINE void output_tile(const struct simd_winograd_output *out, const uint64_t t, const int m_h, const int m_w,
                             const int taps, const int whole)
{
    output_rows(out, t, m_h, m_w, taps, 0, whole);
    if (OUTPUT_ROWS(m_h) < m_h)
        output_rows(out, t, m_h, m_w, taps, OUTPUT_ROWS(m_h), whole);
    if (2 * OUTPUT_ROWS(m_h) < m_h)
        output_rows(out, t, m_h, m_w, taps, 2 * OUTPUT_ROWS(m_h), whole);
}

SIMD_INLINE void output(const struct simd_winograd_output *out, const int m_h, const int m_w, const int taps)
{
    const uint64_t whole = out->rows < (uint32_t)m_h ? 0 : out->columns < (uint32_t)m_w ? out->tiles - 1 : out->tiles;
    for (uint64_t t = 0; t < whole; t++)
        output_tile(out, t, m_h, m_w, taps, 1);
    for (uint64_t t = whole; t < out->tiles; t++) {
        struct simd_winograd_output cut = *out;
        cut.columns = t + 1 < out->tiles ? (uint32_t)m_w : out->columns;
        output_tile(&cut, t, m_h, m_w, taps, 0);
    }
}

/* Even and odd terms at the points +-sqrt(p2) of the polynomial with coefficients g, the odd ones without that root. */
SIMD_INLINE double even_terms(const int taps, const double *g, const double p2)
{
    return taps == 5 ? g[0] + p2 * (g[2] + p2 * g[4]) : g[0] + p2 * g[2];
}

SIMD_INLINE double odd_terms(const int taps, const double *g, const double p2)
{
    return taps == 5 ? g[1] + p2 * g[3] : g[1];
}

/* g[0..taps - 1] to u[0..a - 1]: polynomials at the points, divided by what the input's transform leaves out. */
SIMD_INLINE void weights_line(const int a, const int taps, const double *g, double *u)
{
    u[0] = a == 6 ? g[0] : -g[0];
    u[a - 1] = g[taps - 1];
    if (a == 4) {
        const double even = even_terms(taps, g, 1) * 0.5, odd = odd_terms(taps, g, 1) * 0.5;
        u[1] = even + odd;
        u[2] = even - odd;
    } else if (a == 6) {
        const double even = even_terms(taps, g, 0.5) * (-2.0 / 3), odd = odd_terms(taps, g, 0.5) * (-SQRT2 / 3);
        const double even2 = even_terms(taps, g, 2) * (1.0 / 6), odd2 = odd_terms(taps, g, 2) * (SQRT2 / 6);
        u[1] = even + odd;
        u[2] = even - odd;
        u[3] = even2 + odd2;
        u[4] = even2 - odd2;
    } else {
        const double even_1 = even_terms(taps, g, 1) * (-2.0 / 9), odd_1 = odd_terms(taps, g, 1) * (-2.0 / 9);
        const double even_2 = even_terms(taps, g, 4) * (1.0 / 90), odd_2 = odd_terms(taps, g, 4) * (2.0 / 90);
        const double even_half = even_terms(taps, g, 0.25) * (32.0 / 45), odd_half = odd_terms(taps, g, 0.25) * (16.0 / 45);
        u[1] = even_1 + odd_1;
        u[2] = even_1 - odd_1;
        u[3] = even_2 + odd_2;
        u[4] = even_2 - odd_2;
        u[5] = even_half + odd_half;
        u[6] = even_half - odd_half;
    }
}

/* The windows of `numbers` weights of V_LEN output channels: number i of each is g[i]. */
SIMD_INLINE void load_windows(const struct simd_winograd_weights *s, const float *w, const uint64_t channels, const int numbers,
                              float g[MAX_TAPS * MAX_TAPS][V_LEN])
{
    for (int first = 0; first < numbers; first += V_LEN) {
        const int count = numbers - first < V_LEN ? numbers - first : V_LEN;
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
SIMD_INLINE void weights(const struct simd_winograd_weights *s, const int a_h, const int a_w, const int taps)
{
    const int last = taps * taps - 1;
    for (uint64_t ic = 0; ic < V_LEN; ic++)
        for (uint64_t oc = 0; oc < s->width; oc += V_LEN) {
            const uint64_t channels = ic >= s->ic || oc >= s->oc ? 0 : s->oc - oc < V_LEN ? s->oc - oc : V_LEN;
            float g[MAX_TAPS * MAX_TAPS][V_LEN], *u = s->u + ic * s->width + oc;
            double line[MAX_A][MAX_TAPS][V_LEN];
            load_windows(s, s->w + (int64_t)ic * s->ic_step + (int64_t)oc * s->oc_step, channels, taps * taps, g);
            const int top = s->turned ? last : 0, step = s->turned ? -1 : 1;
            for (int j = 0; j < taps; j++)
                for (int l = 0; l < V_LEN; l++) {
                    double column[MAX_TAPS], t[MAX_A];
#pragma GCC unroll 5
                    for (int i = 0; i < taps; i++)
                        column[i] = g[top + step * (taps * i + j)][l];
                    weights_line(a_h, taps, column, t);
#pragma GCC unroll 8
                    for (int i = 0; i < a_h; i++)
                        line[i][j][l] = t[i];
                }
            for (int i = 0; i < a_h; i++) {
                float row[MAX_A][V_LEN];
                for (int l = 0; l < V_LEN; l++) {
                    double column[MAX_TAPS], t[MAX_A];
#pragma GCC unroll 5
                    for (int j = 0; j < taps; j++)
                        column[j] = line[i][j][l];
                    weights_line(a_w, taps, column, t);
#pragma GCC unroll 8
                    for (int j = 0; j < a_w; j++)
                        row[j][l] = (float)t[j];
                }
                for (int j = 0; j < a_w; j++)
                    v_store(u + (i * a_w + j) * s->xi_step, v_load(row[j]));
            }
        }
}

#define DEFINE(m_h, m_w, taps)                                                    \
    static void input_##m_h##_##m_w##_##taps(const struct simd_winograd_input *in)    \
    {                                                                             \
        input(in, m_h + taps - 1, m_w + taps - 1, m_w);                            \
    }                                                                             \
    static void output_##m_h##_##m_w##_##taps(const struct simd_winograd_output *out) \
    {                                                                             \
        output(out, m_h, m_w, taps);                                              \
    }                                                                             \
    static void weights_##m_h##_##m_w##_##taps(const struct simd_winograd_weights *s) \
    {                                                                             \
        weights(s, m_h + taps - 1, m_w + taps - 1, taps);                          \
    }
DEFINE(2, 2, 3)
DEFINE(4, 4, 3)
DEFINE(6, 6, 3)
DEFINE(4, 2, 5)
DEFINE(4, 4, 5)

#define ENTRIES(of) {of##_2_2_3, of##_4_4_3, of##_6_6_3, of##_4_2_5, of##_4_4_5}
const struct simd_winograd_fns SIMD_FN(simd_winograd_fns) = {
    .patch = patch, .input = ENTRIES(input), .output = ENTRIES(output), .weights = ENTRIES(weights)};
