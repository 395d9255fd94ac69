/* SPDX-License-Identifier: MIT
 * gemm on the reference backend. */
#include "ref_product.h"

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

const struct cvk_kernel ref_gemm_rows[] = {
    {REF_ROW(GEMM, "plain"), .dtypes = REF_FLOATS, .epilogues = REF_EPILOGUE_ALL, .activations = REF_ACTIVATIONS, .run = run},
};
const uint32_t ref_gemm_row_count = REF_COUNT(ref_gemm_rows);
