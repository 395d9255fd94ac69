/* SPDX-License-Identifier: MIT
 * The one inner loop of all sums (conv, conv_transpose, gemm, matmul): a block of a product of two matrices, in double.
 *
 * sum[m][j] += a[m][k] * b[k][j], k rising: one fixed order for each result. The kernels differ in how they fill a and b. */
#ifndef REF_SUM_H
#define REF_SUM_H

#include "ref.h"

/* Blocks that fit the first-level cache together; REF_COLUMNS is a multiple of REF_SPAN. */
#define REF_LINES 16
#define REF_DEPTH 32
#define REF_COLUMNS 64
#define REF_SPAN 8

struct ref_block {
    double a[REF_LINES][REF_DEPTH];
    double b[REF_DEPTH][REF_COLUMNS];
    double sum[REF_LINES][REF_COLUMNS];
};

/* Adds `depth` products to `lines` times `columns` sums. Columns are done in whole chunks, whose sums stay in registers;
 * what stands in b behind the last column must be finite or unused: it only reaches sums that nobody reads. */
static inline void ref_block_add(struct ref_block *t, uint64_t lines, uint64_t depth, uint64_t columns)
{
    for (uint64_t m = 0; m < lines; m++) {
        for (uint64_t first = 0; first < columns; first += REF_SPAN) {
            double s[REF_SPAN];
            memcpy(s, &t->sum[m][first], sizeof s);
            for (uint64_t k = 0; k < depth; k++) {
                double w = t->a[m][k];
                for (uint32_t j = 0; j < REF_SPAN; j++)
                    s[j] += w * t->b[k][first + j];
            }
            memcpy(&t->sum[m][first], s, sizeof s);
        }
    }
}

/* Elements first, first + step, ... as doubles, `gap` doubles apart. */
static inline void ref_load_strided(double *out, uint64_t gap, const void *data, uint32_t dtype, int64_t first, int64_t step,
                                    uint64_t count)
{
    if (dtype == CVK_F32) {
        const float *x = (const float *)data + first;
        for (uint64_t i = 0; i < count; i++)
            out[i * gap] = x[(int64_t)i * step];
        return;
    }
    for (uint64_t i = 0; i < count; i++)
        out[i * gap] = ref_load(data, dtype, (uint64_t)(first + (int64_t)i * step));
}

static inline uint64_t ref_min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t ref_blocks(uint64_t count, uint64_t each)
{
    return (count + each - 1) / each;
}

#endif
