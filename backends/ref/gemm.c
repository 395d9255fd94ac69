/* SPDX-License-Identifier: MIT
 * gemm on the reference backend; the gradients of a and b are products with other steps. */
#include "ref_product.h"
#include "ref_shrink.h"

struct job {
    struct ref_product product;
    struct ref_epilogue epilogue;
    const void *c;           /* NULL: none */
    int64_t c_row, c_column; /* steps, 0 where c is broadcast */
    double alpha, beta;
    void *y;
};

static void do_items(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    const struct ref_product *p = &job->product;
    struct ref_block block;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        struct ref_product_part part = ref_product_part(p, item);
        ref_product_sum(p, &part, &block);
        for (uint64_t m = 0; m < part.rows; m++) {
            double *row = block.sum[m];
            int64_t c = (int64_t)(part.row + m) * job->c_row + (int64_t)part.column * job->c_column;
            for (uint64_t j = 0; j < part.columns; j++) {
                row[j] *= job->alpha;
                if (job->c)
                    row[j] += job->beta * ref_load(job->c, p->dtype, (uint64_t)(c + (int64_t)j * job->c_column));
            }
            uint64_t first = (part.row + m) * p->columns + part.column;
            ref_epilogue_row(&job->epilogue, row, first, part.columns, part.column, 1);
            ref_store_row(job->y, p->dtype, first, row, part.columns);
        }
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_gemm_params *p = e->node->params;
    const struct cvk_tensor_desc *a = e->node->inputs[0], *b = e->node->inputs[1], *y = e->node->outputs[0];
    struct job job = {.product = {.a = cvk_cpu_input(e, 0),
                                  .b = cvk_cpu_input(e, 1),
                                  .dtype = a->dtype,
                                  .rows = (uint64_t)y->dims[0],
                                  .columns = (uint64_t)y->dims[1],
                                  .depth = (uint64_t)a->dims[p->trans_a ? 0 : 1],
                                  .a_row = p->trans_a ? 1 : a->dims[1],
                                  .a_depth = p->trans_a ? a->dims[1] : 1,
                                  .b_depth = p->trans_b ? 1 : b->dims[1],
                                  .b_column = p->trans_b ? b->dims[1] : 1},
                      .epilogue = ref_epilogue_of(e),
                      .c = cvk_cpu_input(e, 2),
                      .alpha = (double)p->alpha,
                      .beta = (double)p->beta,
                      .y = cvk_cpu_output(e, 0)};
    if (job.c) {
        const struct cvk_tensor_desc *c = e->node->inputs[2];
        job.c_column = c->rank >= 1 && c->dims[c->rank - 1] > 1;
        job.c_row = c->rank == 2 && c->dims[0] > 1 ? c->dims[1] : 0;
    }
    ref_parallel(e, ref_product_items(&job.product), do_items, &job);
    return CVK_OK;
}

/* ---- backward ------------------------------------------------------------------------------------------------- */

/* A matrix with the steps of its rows and columns. */
struct matrix {
    const void *data;
    int64_t row, column;
};

static struct matrix matrix_of(const void *data, const struct cvk_tensor_desc *d, int transposed)
{
    return (struct matrix){data, transposed ? 1 : d->dims[1], transposed ? d->dims[1] : 1};
}

static struct matrix turned(struct matrix m)
{
    return (struct matrix){m.data, m.column, m.row};
}

/* Output 0 = alpha * left * right. */
static int32_t run_product(struct cvk_exec *e, struct matrix left, struct matrix right, int64_t depth)
{
    const struct cvk_gemm_params *p = e->node->params;
    const struct cvk_tensor_desc *out = e->node->outputs[0];
    struct job job = {.product = {.a = left.data,
                                  .b = right.data,
                                  .dtype = out->dtype,
                                  .rows = (uint64_t)out->dims[0],
                                  .columns = (uint64_t)out->dims[1],
                                  .depth = (uint64_t)depth,
                                  .a_row = left.row,
                                  .a_depth = left.column,
                                  .b_depth = right.row,
                                  .b_column = right.column},
                      .alpha = (double)p->alpha,
                      .y = cvk_cpu_output(e, 0)};
    ref_parallel(e, ref_product_items(&job.product), do_items, &job);
    return CVK_OK;
}

/* Inputs dy, b: the gradient of A' is dy * B' turned; of its transpose, B' * dy turned. */
static int32_t run_backward_data(struct cvk_exec *e)
{
    const struct cvk_gemm_params *p = e->node->params;
    const struct cvk_tensor_desc *dy = e->node->inputs[0];
    struct matrix d = matrix_of(cvk_cpu_input(e, 0), dy, 0),
                  b = matrix_of(cvk_cpu_input(e, 1), e->node->inputs[1], p->trans_b != 0);
    return p->trans_a ? run_product(e, b, turned(d), dy->dims[1]) : run_product(e, d, turned(b), dy->dims[1]);
}

struct bias_job {
    const void *dy;
    uint32_t dtype;
    double beta;
};

static double bias_term(const void *arg, const int64_t *at)
{
    const struct bias_job *j = arg;
    return j->beta * ref_load(j->dy, j->dtype, (uint64_t)at[0]);
}

/* Inputs dy, a: the gradient of B' is A' turned * dy; of its transpose, dy turned * A'. */
static int32_t run_backward_weights(struct cvk_exec *e)
{
    const struct cvk_gemm_params *p = e->node->params;
    const struct cvk_tensor_desc *dy = e->node->inputs[0];
    struct matrix d = matrix_of(cvk_cpu_input(e, 0), dy, 0),
                  a = matrix_of(cvk_cpu_input(e, 1), e->node->inputs[1], p->trans_a != 0);
    if (cvk_cpu_output(e, 1)) {
        struct bias_job j = {cvk_cpu_input(e, 0), dy->dtype, (double)p->beta};
        struct ref_shrink s = ref_shrink_of(dy->rank, dy->dims, e->node->outputs[1]);
        ref_shrink_add(&s, dy);
        ref_shrink_run(e, 1, &s, bias_term, &j);
    }
    if (!cvk_cpu_output(e, 0))
        return CVK_OK;
    return p->trans_b ? run_product(e, turned(d), a, dy->dims[0]) : run_product(e, turned(a), d, dy->dims[0]);
}

const struct cvk_kernel ref_gemm_rows[] = {
    {REF_ROW(GEMM, "plain"), .dtypes = REF_FLOATS, .epilogues = REF_EPILOGUE_ALL, .activations = REF_ACTIVATIONS, .run = run},
    {REF_ROW(GEMM, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .run = run_backward_data},
    {REF_ROW(GEMM, "plain"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .dtypes = REF_FLOATS, .run = run_backward_weights},
};
const uint32_t ref_gemm_row_count = REF_COUNT(ref_gemm_rows);
