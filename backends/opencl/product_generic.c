/* SPDX-License-Identifier: MIT
 * gemm and matmul in all their kinds, without a thought of speed: what the other rows refuse. */
#include "kernel_sources.h"
#include "product.h"

#define OCL_INTS (OCL_ALL & ~OCL_FLOATS & ~CVK_DTYPE_BIT(CVK_BOOL))
#define MAX_AXES (CVK_MAX_RANK - 2)

/* The struct of kernels/product_generic.cl. */
struct product_shape {
    int32_t rows, columns, depth, count;
    int32_t a_row, a_depth, b_depth, b_column;
    int32_t c_row, c_column;
    int32_t dims[MAX_AXES], a_step[MAX_AXES], b_step[MAX_AXES];
};

static int32_t build(struct cvk_exec *e, struct product_shape *s, float alpha, float beta)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    s->count = (int32_t)ocl_flat_count(e->node->outputs[0]);
    for (uint32_t i = 0; i < MAX_AXES && !s->dims[i]; i++)
        s->dims[i] = 1;
    if (ocl_product_options(e->node, options, sizeof options))
        ocl_option(options, sizeof options, "-DWITH_C");
    if (alpha != 1)
        ocl_option(options, sizeof options, "-DSCALED");
    if (!(OCL_FLOATS & CVK_DTYPE_BIT(e->node->inputs[0]->dtype)))
        ocl_option(options, sizeof options, "-DWHOLE");
    OCL_TRY(
        ocl_product_call(e, &ocl_source_product_generic, "product_generic", options, s, sizeof *s, (uint64_t)s->count, &call));
    int32_t status = ocl_arg_float(d, call, OCL_PRODUCT_SIZES + 1, alpha);
    if (status == CVK_OK)
        status = ocl_arg_float(d, call, OCL_PRODUCT_SIZES + 2, beta);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t build_gemm(struct cvk_exec *e)
{
    const struct cvk_gemm_params *p = e->node->params;
    const struct cvk_tensor_desc *a = e->node->inputs[0], *b = e->node->inputs[1], *y = e->node->outputs[0];
    int32_t a_columns = (int32_t)a->dims[1], b_columns = (int32_t)b->dims[1];
    struct product_shape s = {.rows = (int32_t)y->dims[0],
                              .columns = (int32_t)y->dims[1],
                              .depth = (int32_t)a->dims[p->trans_a ? 0 : 1],
                              .a_row = p->trans_a ? 1 : a_columns,
                              .a_depth = p->trans_a ? a_columns : 1,
                              .b_depth = p->trans_b ? 1 : b_columns,
                              .b_column = p->trans_b ? b_columns : 1};
    if (e->node->input_count > 2 && e->node->inputs[2]) {
        const struct cvk_tensor_desc *c = e->node->inputs[2];
        s.c_column = c->rank >= 1 && c->dims[c->rank - 1] > 1;
        s.c_row = c->rank == 2 && c->dims[0] > 1 ? (int32_t)c->dims[1] : 0;
    }
    return build(e, &s, p->alpha, p->beta);
}

/* Steps of the axes before an operand's matrix (its last `own` axes), which end where the others' end. */
static void set_steps(int32_t *steps, const struct cvk_tensor_desc *t, uint32_t own)
{
    int64_t step = 1;
    for (uint32_t i = t->rank; i-- > 0;) {
        if (i + own < t->rank)
            steps[MAX_AXES - (t->rank - own) + i] = t->dims[i] == 1 ? 0 : (int32_t)step;
        step *= t->dims[i];
    }
}

static int32_t build_matmul(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *a = e->node->inputs[0], *b = e->node->inputs[1], *y = e->node->outputs[0];
    uint32_t a_own = a->rank > 1 ? 2 : 1, b_own = b->rank > 1 ? 2 : 1;
    struct product_shape s = {.depth = (int32_t)a->dims[a->rank - 1], .a_depth = 1, .b_column = 1};
    s.rows = a_own == 2 ? (int32_t)a->dims[a->rank - 2] : 1;
    s.columns = b_own == 2 ? (int32_t)b->dims[b->rank - 1] : 1;
    s.a_row = s.depth;
    s.b_depth = s.columns;
    uint32_t before = y->rank - (a_own - 1) - (b_own - 1);
    for (uint32_t i = 0; i < before; i++)
        s.dims[MAX_AXES - before + i] = (int32_t)y->dims[i];
    set_steps(s.a_step, a, a_own);
    set_steps(s.b_step, b, b_own);
    return build(e, &s, 1, 0);
}

/* The epilogue runs along the last axis of y; where b is a vector that axis is not the product's columns. */
static int32_t plan_matmul(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    OCL_TRY(ocl_fits(q));
    if (q->node->epilogue && q->node->epilogue->parts & (CVK_EPI_BIAS | CVK_EPI_SCALE) && q->node->inputs[1]->rank == 1)
        return cvk_refuse(q, "no bias or scale behind a product with a vector");
    return CVK_OK;
}

const struct cvk_kernel ocl_product_generic_rows[] = {
    {OCL_ROW(GEMM, "generic"), .dtypes = OCL_FLOATS, .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS,
     .plan = ocl_plan_any, .build = build_gemm, .run = ocl_product_run, .finish = ocl_finish_call},
    {OCL_ROW(MATMUL, "generic"), .dtypes = OCL_FLOATS, .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS,
     .plan = plan_matmul, .build = build_matmul, .run = ocl_product_run, .finish = ocl_finish_call},
    {OCL_ROW(MATMUL, "whole"), .dtypes = OCL_INTS, .plan = ocl_plan_any, .build = build_matmul, .run = ocl_product_run,
     .finish = ocl_finish_call},
};
const uint32_t ocl_product_generic_row_count = OCL_COUNT(ocl_product_generic_rows);
