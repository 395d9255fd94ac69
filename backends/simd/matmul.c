/* SPDX-License-Identifier: MIT
 * matmul: products over broadcast stacks of matrices. Where B is one matrix, a stack of A is one matrix with more rows. */
#include "product.h"

/* Steps along the stack's axes, in matrices, of an operand that has `leading` axes of its own. Returns how many matrices it
 * has. */
static uint64_t steps_of(const struct cvk_tensor_desc *d, uint32_t leading, uint32_t rank, uint64_t *steps)
{
    uint64_t count = 1;
    for (uint32_t i = leading; i-- > 0;) {
        steps[rank - leading + i] = d->dims[i] == 1 ? 0 : count;
        count *= (uint64_t)d->dims[i];
    }
    return count;
}

static struct simd_product product_of(const struct cvk_node *node)
{
    const struct cvk_tensor_desc *a = node->inputs[0], *b = node->inputs[1], *y = node->outputs[0];
    uint32_t a_own = a->rank > 1 ? 2 : 1, b_own = b->rank > 1 ? 2 : 1;
    struct simd_product p = {.rows = a_own == 2 ? (uint64_t)a->dims[a->rank - 2] : 1,
                             .columns = b_own == 2 ? (uint64_t)b->dims[b->rank - 1] : 1,
                             .depth = (uint64_t)a->dims[a->rank - 1],
                             .a_depth = 1,
                             .b_column = 1,
                             .b_input = 1,
                             .count = 1,
                             .alpha = 1,
                             .rank = y->rank - (a_own - 1) - (b_own - 1)};
    p.a_row = p.depth;
    p.b_depth = p.columns;
    for (uint32_t i = 0; i < p.rank; i++) {
        p.dims[i] = (uint64_t)y->dims[i];
        p.count *= p.dims[i];
    }
    p.a_count = steps_of(a, a->rank - a_own, p.rank, p.a_step);
    p.b_count = steps_of(b, b->rank - b_own, p.rank, p.b_step);
    if (p.b_count == 1) { /* then A has all of the stack */
        p.rows *= p.count;
        p.count = p.a_count = 1;
        p.rank = 0;
    }
    return p;
}

/* The epilogue's vectors run along the last axis of y, which is not the product's columns where b is a vector. */
static int32_t ask(const struct cvk_query *q)
{
    if (q->node->epilogue && q->node->epilogue->parts & (CVK_EPI_BIAS | CVK_EPI_SCALE) && q->node->inputs[1]->rank == 1)
        return cvk_refuse(q, "no bias or scale behind a product with a vector");
    return CVK_OK;
}

static int32_t plan_rows(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct simd_product p = product_of(q->node);
    SIMD_TRY(ask(q));
    if (!simd_product_few(&p, q->node))
        return cvk_refuse(q, "too many rows: packing pays");
    simd_product_plan_rows(q, &p, plan);
    return CVK_OK;
}

static int32_t run_rows(struct cvk_exec *e)
{
    struct simd_product p = product_of(e->node);
    simd_product_few(&p, e->node);
    simd_product_run_rows(e, &p);
    return CVK_OK;
}

static int32_t plan_tiles(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct simd_product p = product_of(q->node);
    SIMD_TRY(ask(q));
    simd_product_plan_tiles(q, &p, plan);
    return CVK_OK;
}

static int32_t plan_packed(const struct cvk_query *q, struct cvk_plan *plan)
{
    if (!q->node->constants[1] || q->node->constants[0])
        return cvk_refuse(q, "only for a constant right side, and nothing else constant");
    return plan_tiles(q, plan);
}

static int32_t build_tiles(struct cvk_exec *e)
{
    struct simd_product p = product_of(e->node);
    simd_product_build_tiles(e, &p);
    return CVK_OK;
}

static int32_t run_tiles(struct cvk_exec *e)
{
    struct simd_product p = product_of(e->node);
    simd_product_run_tiles(e, &p);
    return CVK_OK;
}

const struct cvk_kernel simd_matmul_rows[] = {
    {SIMD_ROW(MATMUL, "few_rows"), .flags = CVK_KERNEL_CONCURRENT, .epilogues = SIMD_EPILOGUES, .plan = plan_rows,
     .run = run_rows},
    {SIMD_ROW(MATMUL, "packed"), .flags = CVK_KERNEL_CONCURRENT | CVK_KERNEL_KEEPS_CONSTANTS, .epilogues = SIMD_EPILOGUES,
     .plan = plan_packed, .build = build_tiles, .run = run_tiles},
    {SIMD_ROW(MATMUL, "tiles"), .flags = CVK_KERNEL_CONCURRENT, .epilogues = SIMD_EPILOGUES, .plan = plan_tiles,
     .build = build_tiles, .run = run_tiles},
};
const uint32_t simd_matmul_row_count = SIMD_COUNT(simd_matmul_rows);
