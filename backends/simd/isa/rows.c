/* SPDX-License-Identifier: MIT
 * rows.h over the vectors of vec.h. */
#include "math.h"

#include "convoke/op/reduce.h"
#include "convoke/op/softmax.h"
#include "rows.h"

#define WAYS 4 /* vectors of partial sums */

/* ---- one step of a reduction -------------------------------------------------------------------------------------- */

/* Kinds that fold alike. */
static uint32_t folds_as(uint32_t kind)
{
    if (kind == CVK_REDUCE_MEAN || kind == CVK_REDUCE_LOG_SUM)
        return CVK_REDUCE_SUM;
    return kind == CVK_REDUCE_L2 ? CVK_REDUCE_SUM_SQUARE : kind;
}

static float start(uint32_t kind)
{
    return kind == CVK_REDUCE_MAX ? -INFINITY : kind == CVK_REDUCE_MIN ? INFINITY : kind == CVK_REDUCE_PROD ? 1 : 0;
}

/* Joins two partial results. A NaN in either stays. */
SIMD_INLINE V join(const uint32_t kind, V a, V b)
{
    switch (kind) {
    case CVK_REDUCE_MAX: return v_select(v_isnan(a), a, v_max(a, b));
    case CVK_REDUCE_MIN: return v_select(v_isnan(a), a, v_min(a, b));
    case CVK_REDUCE_PROD: return v_mul(a, b);
    default: return v_add(a, b);
    }
}

SIMD_INLINE V fold_in(const uint32_t kind, V sum, V x, V top)
{
    switch (kind) {
    case CVK_REDUCE_L1: return v_add(sum, v_abs(x));
    case CVK_REDUCE_SUM_SQUARE: return v_fma(x, x, sum);
    case CVK_REDUCE_LOG_SUM_EXP: return v_add(sum, v_exp(v_sub(x, top)));
    default: return join(kind, sum, x);
    }
}

SIMD_INLINE double join_numbers(const uint32_t kind, double a, double b)
{
    switch (kind) {
    case CVK_REDUCE_MAX: return a != a || a > b ? a : b;
    case CVK_REDUCE_MIN: return a != a || a < b ? a : b;
    case CVK_REDUCE_PROD: return a * b;
    default: return a + b;
    }
}

/* The lanes of `sum` as one number, in a tree. */
SIMD_INLINE double join_lanes(const uint32_t kind, V sum)
{
    float lanes[V_LEN];
    double numbers[V_LEN];
    v_store(lanes, sum);
    for (uint32_t i = 0; i < V_LEN; i++)
        numbers[i] = (double)lanes[i];
#pragma GCC unroll 4
    for (uint32_t half = V_LEN / 2; half > 0; half /= 2)
        for (uint32_t i = 0; i < half; i++)
            numbers[i] = join_numbers(kind, numbers[i], numbers[i + half]);
    return numbers[0];
}

/* The first n lanes from memory, the others so that they change nothing. */
SIMD_INLINE V load_neutral(const uint32_t kind, const float *p, uint32_t n)
{
    float lanes[V_LEN];
    float neutral = kind == CVK_REDUCE_LOG_SUM_EXP ? -INFINITY : start(kind);
    for (uint32_t i = 0; i < V_LEN; i++)
        lanes[i] = i < n ? p[i] : neutral;
    return v_load(lanes);
}

SIMD_INLINE double fold_chunk(const uint32_t kind, const float *x, uint64_t n, V top)
{
    V sum[WAYS];
    uint64_t i = 0;
    for (uint32_t w = 0; w < WAYS; w++)
        sum[w] = v_set1(start(kind));
    for (; i + WAYS * V_LEN <= n; i += WAYS * V_LEN)
#pragma GCC unroll 4
        for (uint32_t w = 0; w < WAYS; w++)
            sum[w] = fold_in(kind, sum[w], v_load(x + i + w * V_LEN), top);
    for (; i + V_LEN <= n; i += V_LEN)
        sum[0] = fold_in(kind, sum[0], v_load(x + i), top);
    if (i < n)
        sum[1] = fold_in(kind, sum[1], load_neutral(kind, x + i, (uint32_t)(n - i)), top);
    return join_lanes(kind, join(kind, join(kind, sum[0], sum[1]), join(kind, sum[2], sum[3])));
}

SIMD_INLINE double fold_row(const uint32_t kind, const float *x, uint64_t n, float top)
{
    double total = (double)start(kind);
    for (uint64_t i = 0; i < n; i += SIMD_ROWS_CHUNK) {
        uint64_t length = n - i < SIMD_ROWS_CHUNK ? n - i : SIMD_ROWS_CHUNK;
        total = join_numbers(kind, total, fold_chunk(kind, x + i, length, v_set1(top)));
    }
    return total;
}

/* ---- columns ------------------------------------------------------------------------------------------------------ */

/* `ways` vectors of columns, of the last of which `last` lanes are real. */
SIMD_INLINE void fold_vectors(const uint32_t kind, const uint32_t ways, const float *x, uint64_t n, uint64_t stride,
                              const float *top, float *sums, uint32_t last)
{
    V total[WAYS], tops[WAYS];
    for (uint32_t w = 0; w < ways; w++) {
        total[w] = v_load(sums + w * V_LEN);
        tops[w] = kind == CVK_REDUCE_LOG_SUM_EXP ? v_load(top + w * V_LEN) : v_zero();
    }
    for (uint64_t done = 0; done < n; done += SIMD_ROWS_RUN) {
        uint64_t rows = n - done < SIMD_ROWS_RUN ? n - done : SIMD_ROWS_RUN;
        V sum[WAYS];
        uint64_t r = 0;
        for (uint32_t w = 0; w < WAYS; w++)
            sum[w] = v_set1(start(kind));
        if (ways == 1) { /* rows in turn, so that four sums are under way here too */
            for (; r + WAYS <= rows; r += WAYS, x += WAYS * stride)
#pragma GCC unroll 4
                for (uint32_t w = 0; w < WAYS; w++)
                    sum[w] = fold_in(kind, sum[w], v_load_lanes(x + w * stride, last), tops[0]);
            sum[0] = join(kind, join(kind, sum[0], sum[1]), join(kind, sum[2], sum[3]));
        }
        for (; r < rows; r++, x += stride)
#pragma GCC unroll 4
            for (uint32_t w = 0; w < ways; w++)
                sum[w] = fold_in(kind, sum[w], v_load_lanes(x + w * V_LEN, last), tops[w]);
        for (uint32_t w = 0; w < ways; w++)
            total[w] = join(kind, total[w], sum[w]);
    }
    for (uint32_t w = 0; w < ways; w++)
        v_store(sums + w * V_LEN, total[w]);
}

SIMD_INLINE void fold_columns_of(const uint32_t kind, const float *x, uint64_t n, uint64_t stride, const float *top,
                                 float *sums, uint32_t count)
{
    if (count == WAYS * V_LEN) {
        fold_vectors(kind, WAYS, x, n, stride, top, sums, V_LEN);
        return;
    }
    for (uint32_t i = 0; i < count; i += V_LEN) {
        if (count - i >= V_LEN)
            fold_vectors(kind, 1, x + i, n, stride, top + i, sums + i, V_LEN);
        else
            fold_vectors(kind, 1, x + i, n, stride, top + i, sums + i, count - i);
    }
}

/* ---- all kinds ---------------------------------------------------------------------------------------------------- */

#define KINDS(X) X(SUM) X(MAX) X(MIN) X(PROD) X(L1) X(SUM_SQUARE) X(LOG_SUM_EXP)

#define DEFINE(KIND)                                                                                                  \
    static double fold_##KIND(const float *x, uint64_t n, float top)                                                  \
    {                                                                                                                 \
        return fold_row(CVK_REDUCE_##KIND, x, n, top);                                                                \
    }                                                                                                                 \
    static void fold_columns_##KIND(const float *x, uint64_t n, uint64_t stride, const float *top, float *sums,       \
                                    uint32_t count)                                                                   \
    {                                                                                                                 \
        fold_columns_of(CVK_REDUCE_##KIND, x, n, stride, top, sums, count);                                           \
    }
KINDS(DEFINE)

static double fold(uint32_t kind, const float *x, uint64_t n, float top)
{
    static double (*const functions[CVK_REDUCE_KINDS])(const float *, uint64_t, float) = {
#define ENTRY(KIND) [CVK_REDUCE_##KIND] = fold_##KIND,
        KINDS(ENTRY)
#undef ENTRY
    };
    return functions[folds_as(kind)](x, n, top);
}

static void fold_columns(uint32_t kind, const float *x, uint64_t n, uint64_t stride, const float *top, float *sums,
                         uint32_t count)
{
    static void (*const functions[CVK_REDUCE_KINDS])(const float *, uint64_t, uint64_t, const float *, float *, uint32_t) = {
#define ENTRY(KIND) [CVK_REDUCE_##KIND] = fold_columns_##KIND,
        KINDS(ENTRY)
#undef ENTRY
    };
    functions[folds_as(kind)](x, n, stride, top, sums, count);
}

static void finish(uint32_t kind, uint64_t n, const float *top, const float *sums, float *y, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += V_LEN) {
        uint32_t lanes = count - i < V_LEN ? count - i : V_LEN;
        V sum = v_load_n(sums + i, lanes);
        if (kind == CVK_REDUCE_MEAN) {
            sum = v_div(sum, v_set1((float)n));
        } else if (kind == CVK_REDUCE_L2) {
            sum = v_sqrt(sum);
        } else if (kind == CVK_REDUCE_LOG_SUM) {
            sum = v_log(sum);
        } else if (kind == CVK_REDUCE_LOG_SUM_EXP) {
            /* An infinite maximum is the result; inf - inf within the sum was NaN. */
            V most = v_load_n(top + i, lanes);
            sum = v_select(v_eq(v_abs(most), v_set1(INFINITY)), most, v_add(most, v_log(sum)));
        }
        v_store_n(y + i, sum, lanes);
    }
}

/* ---- softmax ------------------------------------------------------------------------------------------------------ */

/* y = exp(x - top) where wanted; the sum of these. */
SIMD_INLINE double exp_row(const int store, const float *x, float *y, uint64_t n, float top)
{
    double total = 0;
    V tops = v_set1(top);
    for (uint64_t chunk = 0; chunk < n; chunk += SIMD_ROWS_CHUNK) {
        uint64_t i = chunk, end = n - chunk < SIMD_ROWS_CHUNK ? n : chunk + SIMD_ROWS_CHUNK;
        V sum[2] = {v_zero(), v_zero()};
        for (; i + 2 * V_LEN <= end; i += 2 * V_LEN)
#pragma GCC unroll 2
            for (uint32_t w = 0; w < 2; w++) {
                V e = v_exp(v_sub(v_load(x + i + w * V_LEN), tops));
                sum[w] = v_add(sum[w], e);
                if (store)
                    v_store(y + i + w * V_LEN, e);
            }
        for (; i < end; i += V_LEN) {
            uint32_t lanes = end - i < V_LEN ? (uint32_t)(end - i) : V_LEN;
            V e = v_exp(v_sub(load_neutral(CVK_REDUCE_MAX, x + i, lanes), tops));
            sum[0] = v_add(sum[0], e);
            if (store)
                v_store_n(y + i, e, lanes);
        }
        total += join_lanes(CVK_REDUCE_SUM, v_add(sum[0], sum[1]));
    }
    return total;
}

static void softmax(uint32_t kind, const float *x, float *y, uint64_t n)
{
    float top = (float)fold_MAX(x, n, 0);
    if (kind == CVK_LOG_SOFTMAX) {
        V tops = v_set1(top), log_sum = v_log(v_set1((float)exp_row(0, x, NULL, n, top)));
        for (uint64_t i = 0; i < n; i += V_LEN) {
            uint32_t lanes = n - i < V_LEN ? (uint32_t)(n - i) : V_LEN;
            v_store_lanes(y + i, v_sub(v_sub(v_load_lanes(x + i, lanes), tops), log_sum), lanes);
        }
        return;
    }
    V factor = v_set1((float)(1 / exp_row(1, x, y, n, top)));
    uint64_t i = 0;
    for (; i + V_LEN <= n; i += V_LEN)
        v_store(y + i, v_mul(v_load(y + i), factor));
    if (i < n)
        v_store_n(y + i, v_mul(v_load_n(y + i, (uint32_t)(n - i)), factor), (uint32_t)(n - i));
}

/* `ways` vectors of columns; if ways is 1, `last` of its lanes are real. */
SIMD_INLINE void softmax_vectors(const uint32_t kind, const uint32_t ways, const float *x, float *y, uint64_t n,
                                 uint64_t stride, uint32_t last)
{
    V top[WAYS], sum[WAYS];
    for (uint32_t w = 0; w < ways; w++) {
        top[w] = v_set1(-INFINITY);
        sum[w] = v_zero();
    }
    for (uint64_t r = 0; r < n; r++)
#pragma GCC unroll 4
        for (uint32_t w = 0; w < ways; w++) /* a NaN need not stay: the sum will have it */
            top[w] = v_max(v_load_lanes(x + r * stride + w * V_LEN, last), top[w]);
    for (uint64_t r = 0; r < n; r++)
#pragma GCC unroll 4
        for (uint32_t w = 0; w < ways; w++) {
            V e = v_exp(v_sub(v_load_lanes(x + r * stride + w * V_LEN, last), top[w]));
            sum[w] = v_add(sum[w], e);
            if (kind == CVK_SOFTMAX)
                v_store_lanes(y + r * stride + w * V_LEN, e, last);
        }
    for (uint32_t w = 0; w < ways; w++)
        sum[w] = kind == CVK_SOFTMAX ? v_div(v_set1(1.0f), sum[w]) : v_log(sum[w]);
    for (uint64_t r = 0; r < n; r++)
#pragma GCC unroll 4
        for (uint32_t w = 0; w < ways; w++) {
            float *to = y + r * stride + w * V_LEN;
            V result = kind == CVK_SOFTMAX ? v_mul(v_load_lanes(to, last), sum[w])
                                           : v_sub(v_sub(v_load_lanes(x + r * stride + w * V_LEN, last), top[w]), sum[w]);
            v_store_lanes(to, result, last);
        }
}

SIMD_INLINE void softmax_columns_of(const uint32_t kind, const float *x, float *y, uint64_t n, uint64_t stride, uint32_t count)
{
    if (count == WAYS * V_LEN) {
        softmax_vectors(kind, WAYS, x, y, n, stride, V_LEN);
        return;
    }
    for (uint32_t i = 0; i < count; i += V_LEN) {
        if (count - i >= V_LEN)
            softmax_vectors(kind, 1, x + i, y + i, n, stride, V_LEN);
        else
            softmax_vectors(kind, 1, x + i, y + i, n, stride, count - i);
    }
}

static void softmax_columns(uint32_t kind, const float *x, float *y, uint64_t n, uint64_t stride, uint32_t count)
{
    if (kind == CVK_SOFTMAX)
        softmax_columns_of(CVK_SOFTMAX, x, y, n, stride, count);
    else
        softmax_columns_of(CVK_LOG_SOFTMAX, x, y, n, stride, count);
}

/* ---- normalisation ------------------------------------------------------------------------------------------------ */

/* Sum of (x - mean)^2. */
static double squares_around(const float *x, uint64_t n, float mean)
{
    double total = 0;
    V means = v_set1(mean);
    for (uint64_t chunk = 0; chunk < n; chunk += SIMD_ROWS_CHUNK) {
        uint64_t i = chunk, end = n - chunk < SIMD_ROWS_CHUNK ? n : chunk + SIMD_ROWS_CHUNK;
        V sum[WAYS] = {v_zero(), v_zero(), v_zero(), v_zero()};
        for (; i + WAYS * V_LEN <= end; i += WAYS * V_LEN)
#pragma GCC unroll 4
            for (uint32_t w = 0; w < WAYS; w++) {
                V difference = v_sub(v_load(x + i + w * V_LEN), means);
                sum[w] = v_fma(difference, difference, sum[w]);
            }
        for (; i < end; i += V_LEN) {
            float lanes[V_LEN];
            for (uint32_t k = 0; k < V_LEN; k++)
                lanes[k] = i + k < end ? x[i + k] : mean;
            V difference = v_sub(v_load(lanes), means);
            sum[0] = v_fma(difference, difference, sum[0]);
        }
        total += join_lanes(CVK_REDUCE_SUM, v_add(v_add(sum[0], sum[1]), v_add(sum[2], sum[3])));
    }
    return total;
}

/* Where squares do not fit a float (or something is not finite): slowly, in double. */
static double variance_double(const float *x, uint64_t n, double *mean)
{
    double squares = 0;
    *mean = 0;
    for (uint64_t i = 0; i < n; i++)
        *mean += (double)x[i] / (double)n;
    for (uint64_t i = 0; i < n; i++)
        squares += ((double)x[i] - *mean) * ((double)x[i] - *mean);
    return squares / (double)n;
}

static int measure(struct simd_norm_row *row)
{
    double n = (double)row->n;
    row->mean = (float)(fold_SUM(row->x, row->n, 0) / n);
    double variance = squares_around(row->x, row->n, row->mean) / n, mean;
    int fits = variance < 1e30;
    if (!fits) {
        variance = variance_double(row->x, row->n, &mean);
        row->mean = (float)mean;
    }
    row->inv_std = (float)(1 / sqrt(variance + (double)row->epsilon));
    return fits;
}

static void normalise_double(struct simd_norm_row *row)
{
    double mean, inv_std = 1 / sqrt(variance_double(row->x, row->n, &mean) + (double)row->epsilon);
    for (uint64_t i = 0; i < row->n; i++)
        row->y[i] =
            (float)(((double)row->x[i] - mean) * inv_std * (double)row->scale[i] + (row->bias ? (double)row->bias[i] : 0));
}

static void normalise(struct simd_norm_row *row)
{
    if (!measure(row)) {
        normalise_double(row);
        return;
    }
    V mean = v_set1(row->mean), inv_std = v_set1(row->inv_std);
    for (uint64_t i = 0; i < row->n; i += V_LEN) {
        uint32_t lanes = row->n - i < V_LEN ? (uint32_t)(row->n - i) : V_LEN;
        V y = v_mul(v_mul(v_sub(v_load_lanes(row->x + i, lanes), mean), inv_std), v_load_lanes(row->scale + i, lanes));
        if (row->bias)
            y = v_add(y, v_load_lanes(row->bias + i, lanes));
        v_store_lanes(row->y + i, y, lanes);
    }
}

const struct simd_rows_fns SIMD_FN(simd_rows_fns) = {.lanes = WAYS * V_LEN,
                                                     .fold = fold,
                                                     .start = start,
                                                     .fold_columns = fold_columns,
                                                     .finish = finish,
                                                     .softmax = softmax,
                                                     .softmax_columns = softmax_columns,
                                                     .measure = measure,
                                                     .normalise = normalise};
