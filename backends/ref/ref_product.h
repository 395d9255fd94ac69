/* SPDX-License-Identifier: MIT
 * One block of a matrix product with any strides, for gemm and matmul. */
#ifndef REF_PRODUCT_H
#define REF_PRODUCT_H

#include "ref_sum.h"

/* Steps are in elements: a(i, k) is at a_first + i * a_row + k * a_depth, b(k, j) at b_first + k * b_depth + j * b_column. */
struct ref_product {
    const void *a, *b;
    uint32_t dtype;
    uint64_t rows, columns, depth;
    int64_t a_first, a_row, a_depth;
    int64_t b_first, b_depth, b_column;
};

/* Work items of one product: blocks of rows times blocks of columns. */
static inline uint64_t ref_product_items(const struct ref_product *p)
{
    return ref_blocks(p->rows, REF_LINES) * ref_blocks(p->columns, REF_COLUMNS);
}

/* Where an item's block begins and how large it is. */
struct ref_product_part {
    uint64_t row, rows, column, columns;
};

static inline struct ref_product_part ref_product_part(const struct ref_product *p, uint64_t item)
{
    uint64_t across = ref_blocks(p->columns, REF_COLUMNS);
    struct ref_product_part part = {.row = item / across * REF_LINES, .column = item % across * REF_COLUMNS};
    part.rows = ref_min(p->rows - part.row, REF_LINES);
    part.columns = ref_min(p->columns - part.column, REF_COLUMNS);
    return part;
}

/* Leaves the part's sums in t->sum. */
static inline void ref_product_sum(const struct ref_product *p, const struct ref_product_part *part, struct ref_block *t)
{
    memset(t, 0, sizeof *t);
    for (uint64_t from = 0; from < p->depth; from += REF_DEPTH) {
        uint64_t depth = ref_min(p->depth - from, REF_DEPTH);
        int64_t a = p->a_first + (int64_t)part->row * p->a_row + (int64_t)from * p->a_depth;
        int64_t b = p->b_first + (int64_t)part->column * p->b_column + (int64_t)from * p->b_depth;
        for (uint64_t m = 0; m < part->rows; m++)
            ref_load_strided(t->a[m], 1, p->a, p->dtype, a + (int64_t)m * p->a_row, p->a_depth, depth);
        if (p->b_column == 1) /* along the rows of b in memory, whichever way they run */
            for (uint64_t k = 0; k < depth; k++)
                ref_load_strided(t->b[k], 1, p->b, p->dtype, b + (int64_t)k * p->b_depth, 1, part->columns);
        else
            for (uint64_t j = 0; j < part->columns; j++)
                ref_load_strided(&t->b[0][j], REF_COLUMNS, p->b, p->dtype, b + (int64_t)j * p->b_column, p->b_depth, depth);
        ref_block_add(t, part->rows, depth, part->columns);
    }
}

#endif
