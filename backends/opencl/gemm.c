/* SPDX-License-Identifier: MIT
 * gemm and matmul as products in tiles. */
#include "kernel_sources.h"
#include "product_tiles.h"

#define FLOATS32 (OCL_FLOATS & ~CVK_DTYPE_BIT(CVK_F64))

/* A product of y[m, n] with plain matrices: one image of n pixels. */
static struct ocl_tiles plain(const struct cvk_node *node, int64_t m, int64_t n, int64_t k)
{
    struct ocl_tiles t = {.batch = 1, .dtype = node->inputs[0]->dtype, .channel_is_column = true, .alpha = 1, .beta = 1};
    t.s = (struct ocl_tiles_sizes){.m = (int32_t)m,
                                   .n = (int32_t)n,
                                   .k = (int32_t)k,
                                   .y_count = (int32_t)ocl_flat_count(node->outputs[0]),
                                   .y_batch = (int32_t)(m * n),
                                   .pixels = (int32_t)n,
                                   .y_row = (int32_t)n};
    return t;
}

struct ocl_tiles ocl_gemm_tiles(const struct cvk_node *node)
{
    const struct cvk_gemm_params *p = node->params;
    const struct cvk_tensor_desc *a = node->inputs[0], *b = node->inputs[1], *y = node->outputs[0];
    struct ocl_tiles t = plain(node, y->dims[0], y->dims[1], a->dims[p->trans_a ? 0 : 1]);
    t.a_steps = !p->trans_a;
    t.b = p->trans_b ? OCL_B_COLUMNS : OCL_B_LINES;
    t.s.a_step = (int32_t)a->dims[1];
    t.s.b_step = (int32_t)b->dims[1];
    t.alpha = p->alpha;
    t.beta = p->beta;
    if (node->input_count > 2 && node->inputs[2]) {
        const struct cvk_tensor_desc *c = node->inputs[2];
        t.s.c_column = c->rank >= 1 && c->dims[c->rank - 1] > 1;
        t.s.c_row = c->rank == 2 && c->dims[0] > 1 ? (int32_t)c->dims[1] : 0;
    }
    return t;
}

static int32_t plan_gemm(const struct cvk_query *q, struct cvk_plan *plan)
{
    OCL_TRY(ocl_fits(q));
    if (ocl_asked(q)->cpu_form)
        return cvk_refuse(q, "made for GPUs");
    struct ocl_tiles t = ocl_gemm_tiles(q->node);
    return ocl_tiles_plan_row(q, plan, &t);
}

static int32_t build_gemm(struct cvk_exec *e)
{
    struct ocl_tiles t = ocl_gemm_tiles(e->node);
    return ocl_tiles_build_row(e, &t, 0);
}

/* ---- matmul
 * -------------------------------------------------------------------------------------------------------------------- */

static int64_t leading(const struct cvk_tensor_desc *t)
{
    int64_t count = 1;
    for (uint32_t i = 0; i + 2 < t->rank; i++)
        count *= t->dims[i];
    return count;
}

static bool same_leading(const struct cvk_tensor_desc *a, const struct cvk_tensor_desc *b)
{
    if (a->rank != b->rank)
        return false;
    for (uint32_t i = 0; i + 2 < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

/* One matrix on the right: all rows on the left are one matrix. Otherwise pairs, one after the other on both sides, or one on
 * the left. */
static bool matmul_tiles(const struct cvk_node *node, struct ocl_tiles *t)
{
    const struct cvk_tensor_desc *a = node->inputs[0], *b = node->inputs[1];
    if (a->rank < 2 || b->rank < 2)
        return false;
    int64_t m = a->dims[a->rank - 2], k = a->dims[a->rank - 1], n = b->dims[b->rank - 1];
    int64_t stack_a = leading(a), stack_b = leading(b);
    if (stack_b != 1 && stack_a != 1 && !same_leading(a, b))
        return false;
    *t = plain(node, stack_b == 1 ? stack_a * m : m, n, k);
    t->a_steps = true;
    t->b = OCL_B_LINES;
    t->s.a_step = (int32_t)k;
    t->s.b_step = (int32_t)n;
    if (stack_b != 1) {
        t->batch = stack_b;
        t->s.a_batch = stack_a == 1 ? 0 : (int32_t)(m * k);
        t->s.b_batch = (int32_t)(k * n);
    }
    return true;
}

static int32_t plan_matmul(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct ocl_tiles t;
    OCL_TRY(ocl_fits(q));
    if (ocl_asked(q)->cpu_form)
        return cvk_refuse(q, "made for GPUs");
    if (!matmul_tiles(q->node, &t))
        return cvk_refuse(q, "vectors, or stacks of matrices that are broadcast against each other");
    return ocl_tiles_plan_row(q, plan, &t);
}

static int32_t build_matmul(struct cvk_exec *e)
{
    struct ocl_tiles t = {0};
    matmul_tiles(e->node, &t);
    return ocl_tiles_build_row(e, &t, 0);
}

const struct cvk_kernel ocl_gemm_rows[] = {
    {OCL_ROW(GEMM, "tiles"), .dtypes = FLOATS32, .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS,
     .plan = plan_gemm, .build = build_gemm, .run = ocl_tiles_run_row, .finish = ocl_tiles_finish_row},
    {OCL_ROW(MATMUL, "tiles"), .dtypes = FLOATS32, .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS,
     .plan = plan_matmul, .build = build_matmul, .run = ocl_tiles_run_row, .finish = ocl_tiles_finish_row},
};
const uint32_t ocl_gemm_row_count = OCL_COUNT(ocl_gemm_rows);
