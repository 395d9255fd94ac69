/* SPDX-License-Identifier: MIT
 * What runs along rows of floats, or down columns of neighbouring ones: reductions, softmax, normalisation.
 *
 * The order of every sum depends on the sizes alone: four vectors of partial sums, joined in a tree, once for each
 * SIMD_ROWS_CHUNK floats of a row or SIMD_ROWS_RUN rows of columns, so that long sums lose little. */
#ifndef SIMD_ROWS_H
#define SIMD_ROWS_H

#include <stdint.h>

#define SIMD_ROWS_CHUNK 4096
#define SIMD_ROWS_RUN 64
#define SIMD_ROWS_MAX_LANES 64

/* One row to normalise: y = (x - mean) * inv_std * scale + bias over n floats. */
struct simd_norm_row {
    const float *x, *scale, *bias; /* bias may be NULL */
    float *y;                      /* may be x */
    uint64_t n;
    float epsilon;
    float mean, inv_std; /* results */
};

/* kind: enum cvk_reduce_kind or enum cvk_softmax_kind (hardmax excepted). */
struct simd_rows_fns {
    uint32_t lanes; /* columns that are best done together: SIMD_ROWS_MAX_LANES at most */
    /* The folded row, before finish. top: the largest element for log_sum_exp, which needs CVK_REDUCE_MAX before. */
    double (*fold)(uint32_t kind, const float *x, uint64_t n, float top);
    /* What nothing folds to. */
    float (*start)(uint32_t kind);
    /* sums[i] and n rows, `stride` floats apart, for i < count <= lanes; sums and top have room for `lanes`. */
    void (*fold_columns)(uint32_t kind, const float *x, uint64_t n, uint64_t stride, const float *top, float *sums,
                         uint32_t count);
    /* y[i] from the folded sums[i] of n elements each. */
    void (*finish)(uint32_t kind, uint64_t n, const float *top, const float *sums, float *y, uint32_t count);
    /* y may be x. */
    void (*softmax)(uint32_t kind, const float *x, float *y, uint64_t n);
    /* Down columns i < count <= lanes, of n elements `stride` floats apart. */
    void (*softmax_columns)(uint32_t kind, const float *x, float *y, uint64_t n, uint64_t stride, uint32_t count);
    /* mean and inv_std of a row; 0 if squares of what it holds do not fit a float. */
    int (*measure)(struct simd_norm_row *row);
    void (*normalise)(struct simd_norm_row *row);
};

#endif
