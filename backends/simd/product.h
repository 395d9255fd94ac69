/* SPDX-License-Identifier: MIT
 * Matrix products, for gemm and matmul: y = epilogue(alpha * A * B + beta * C), over a stack of matrices.
 *
 * Two ways. With few rows the larger matrix is read once, where it lies (product_rows.c): it is the memory that takes the time.
 * With more, both matrices are packed for the tiles of isa/tile.h (product_tiles.c), constant weights once. */
#ifndef SIMD_PRODUCT_H
#define SIMD_PRODUCT_H

#include "epilogue.h"
#include "isa/dense.h"
#include "isa/unary.h"

/* A is [rows][depth], B [depth][columns], with any strides of which one is 1; y is [rows][columns], whole rows. A stack's
 * matrices lie one behind the other. Filled by gemm.c and matmul.c; the same for the same node. */
struct simd_product {
    uint64_t rows, columns, depth;
    uint64_t a_row, a_depth, b_depth, b_column; /* floats between neighbours */
    uint32_t a_input, b_input;                  /* of the node */
    uint64_t count, a_count, b_count;           /* matrices in y, A, B */
    uint32_t rank;                              /* the stack's axes, and what a step along one means in A and B, in matrices */
    uint64_t dims[CVK_MAX_RANK], a_step[CVK_MAX_RANK], b_step[CVK_MAX_RANK];
    float alpha, beta;
    uint64_t c_row, c_column; /* of input 2, if the node has it; c_column is 0 or 1 */
};

/* Which matrices of A and B make matrix i of y. */
static inline void simd_product_pair(const struct simd_product *p, uint64_t i, uint64_t *a, uint64_t *b)
{
    *a = *b = 0;
    for (uint32_t k = p->rank; k-- > 0; i /= p->dims[k]) {
        *a += i % p->dims[k] * p->a_step[k];
        *b += i % p->dims[k] * p->b_step[k];
    }
}

/* True for products for product_rows.c. A column counts as a row: *p is turned then. */
bool simd_product_few(struct simd_product *p, const struct cvk_node *node);

/* Plan and run of the two ways; `build` packs. */
void simd_product_plan_rows(const struct cvk_query *q, const struct simd_product *p, struct cvk_plan *plan);
void simd_product_run_rows(struct cvk_exec *e, const struct simd_product *p);
void simd_product_plan_tiles(const struct cvk_query *q, const struct simd_product *p, struct cvk_plan *plan);
void simd_product_build_tiles(struct cvk_exec *e, const struct simd_product *p);
void simd_product_run_tiles(struct cvk_exec *e, const struct simd_product *p);

/* The end of a product, as isa/dense.h wants it; the activation that it cannot do itself goes to *late (else SIMD_LINEAR). */
struct simd_dense_end simd_product_end(const struct cvk_exec *e, const struct simd_product *p, uint32_t *late);

#endif
