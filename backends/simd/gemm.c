/* SPDX-License-Identifier: MIT
 * gemm: one product of two matrices, either of which may be transposed. */
#include "product.h"

static struct simd_product product_of(const struct cvk_node *node)
{
    const struct cvk_gemm_params *g = node->params;
    const int64_t *a = node->inputs[0]->dims, *b = node->inputs[1]->dims, *y = node->outputs[0]->dims;
    struct simd_product p = {.rows = (uint64_t)y[0],
                             .columns = (uint64_t)y[1],
                             .depth = (uint64_t)a[g->trans_a ? 0 : 1],
                             .a_row = g->trans_a ? 1 : (uint64_t)a[1],
                             .a_depth = g->trans_a ? (uint64_t)a[1] : 1,
                             .b_depth = g->trans_b ? 1 : (uint64_t)b[1],
                             .b_column = g->trans_b ? (uint64_t)b[1] : 1,
                             .b_input = 1,
                             .count = 1,
                             .a_count = 1,
                             .b_count = 1,
                             .alpha = g->alpha,
                             .beta = g->beta};
    if (node->input_count > 2 && node->inputs[2]) {
        const struct cvk_tensor_desc *c = node->inputs[2];
        p.c_column = c->rank >= 1 && c->dims[c->rank - 1] > 1;
        p.c_row = c->rank == 2 && c->dims[0] > 1 ? (uint64_t)c->dims[1] : 0;
    }
    return p;
}

static int32_t plan_rows(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct simd_product p = product_of(q->node);
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
    simd_product_plan_tiles(q, &p, plan);
    return CVK_OK;
}

static int32_t plan_packed(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    if (!node->constants[1] || node->constants[0] || (node->input_count > 2 && node->constants[2]))
        return cvk_refuse(q, "only for constant weights, and nothing else constant");
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

const struct cvk_kernel simd_gemm_rows[] = {
    {SIMD_ROW(GEMM, "few_rows"), .flags = CVK_KERNEL_CONCURRENT, .epilogues = SIMD_EPILOGUES, .plan = plan_rows,
     .run = run_rows},
    {SIMD_ROW(GEMM, "packed"), .flags = CVK_KERNEL_CONCURRENT | CVK_KERNEL_KEEPS_CONSTANTS, .epilogues = SIMD_EPILOGUES,
     .plan = plan_packed, .build = build_tiles, .run = run_tiles},
    {SIMD_ROW(GEMM, "tiles"), .flags = CVK_KERNEL_CONCURRENT, .epilogues = SIMD_EPILOGUES, .plan = plan_tiles,
     .build = build_tiles, .run = run_tiles},
};
const uint32_t simd_gemm_row_count = SIMD_COUNT(simd_gemm_rows);
