/* SPDX-License-Identifier: MIT
 * matmul on the reference backend: products over the broadcast leading axes. Whole numbers have a row of their own, which
 * computes modulo two to the number of bits. */
#include "ref_product.h"

struct job {
    struct ref_product product; /* of the first pair of matrices */
    struct ref_walk matrices;   /* goes over the pairs; operand 0 is a, operand 1 is b */
    struct ref_epilogue epilogue;
    void *y;
};

static void do_items(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    struct ref_product p = job->product;
    struct ref_walk at = job->matrices;
    struct ref_block block;
    uint64_t each = ref_product_items(&p);
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        uint64_t matrix = item / each;
        ref_walk_seek(&at, matrix);
        p.a_first = at.offset[0];
        p.b_first = at.offset[1];
        struct ref_product_part part = ref_product_part(&p, item % each);
        ref_product_sum(&p, &part, &block);
        for (uint64_t m = 0; m < part.rows; m++) {
            uint64_t first = (matrix * p.rows + part.row + m) * p.columns + part.column;
            ref_epilogue_row(&job->epilogue, block.sum[m], first, part.columns, part.column, 1);
            ref_store_row(job->y, p.dtype, first, block.sum[m], part.columns);
        }
    }
}

/* One item is one row of one matrix of y. */
static void do_whole_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *job = arg;
    const struct ref_product *p = &job->product;
    struct ref_walk at = job->matrices;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        ref_walk_seek(&at, item / p->rows);
        int64_t a = at.offset[0] + (int64_t)(item % p->rows) * p->a_row;
        for (uint64_t j = 0; j < p->columns; j++) {
            uint64_t sum = 0;
            for (uint64_t k = 0; k < p->depth; k++)
                sum += (uint64_t)ref_load_int(p->a, p->dtype, (uint64_t)(a + (int64_t)k * p->a_depth)) *
                       (uint64_t)ref_load_int(p->b, p->dtype,
                                              (uint64_t)(at.offset[1] + (int64_t)k * p->b_depth + (int64_t)j * p->b_column));
            ref_store_int(job->y, p->dtype, item * p->columns + j, (int64_t)sum);
        }
    }
}

/* Adds an operand whose last `own` axes are the matrix; the axes before them broadcast. */
static void add_matrices(struct ref_walk *w, const struct cvk_tensor_desc *d, uint32_t own)
{
    int64_t all[CVK_MAX_RANK] = {0}, strides[CVK_MAX_RANK] = {0};
    uint32_t leading = d->rank - own;
    ref_strides(d->rank, d->dims, all);
    for (uint32_t i = 0; i < leading; i++)
        strides[w->rank - leading + i] = d->dims[i] == 1 ? 0 : all[i];
    ref_walk_add_strides(w, strides);
}

static struct job job_of(const struct cvk_exec *e)
{
    const struct cvk_tensor_desc *a = e->node->inputs[0], *b = e->node->inputs[1], *y = e->node->outputs[0];
    uint32_t a_own = a->rank > 1 ? 2 : 1, b_own = b->rank > 1 ? 2 : 1;
    struct job job = {.epilogue = ref_epilogue_of(e), .y = cvk_cpu_output(e, 0)};
    struct ref_product *p = &job.product;
    p->a = cvk_cpu_input(e, 0);
    p->b = cvk_cpu_input(e, 1);
    p->dtype = a->dtype;
    p->depth = (uint64_t)a->dims[a->rank - 1];
    p->rows = a_own == 2 ? (uint64_t)a->dims[a->rank - 2] : 1;
    p->columns = b_own == 2 ? (uint64_t)b->dims[b->rank - 1] : 1;
    p->a_row = (int64_t)p->depth;
    p->a_depth = 1;
    p->b_depth = (int64_t)p->columns;
    p->b_column = 1;
    ref_walk_init(&job.matrices, y->rank - (a_own - 1) - (b_own - 1), y->dims);
    add_matrices(&job.matrices, a, a_own);
    add_matrices(&job.matrices, b, b_own);
    return job;
}

static uint64_t matrix_count(const struct ref_walk *w)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i < w->rank; i++)
        count *= (uint64_t)w->dims[i];
    return count;
}

static int32_t run(struct cvk_exec *e)
{
    struct job job = job_of(e);
    ref_parallel(e, matrix_count(&job.matrices) * ref_product_items(&job.product), do_items, &job);
    return CVK_OK;
}

static int32_t run_whole(struct cvk_exec *e)
{
    struct job job = job_of(e);
    ref_parallel(e, matrix_count(&job.matrices) * job.product.rows, do_whole_rows, &job);
    return CVK_OK;
}

/* The epilogue runs along the last axis of y; where b is a vector that axis is not the product's columns. */
static int32_t plan(const struct cvk_query *q, struct cvk_plan *out)
{
    (void)out;
    if (q->node->epilogue && q->node->epilogue->parts & (CVK_EPI_BIAS | CVK_EPI_SCALE) && q->node->inputs[1]->rank == 1)
        return cvk_refuse(q, "no bias or scale behind a product with a vector");
    return CVK_OK;
}

const struct cvk_kernel ref_matmul_rows[] = {
    {REF_ROW(MATMUL, "plain"), .dtypes = REF_FLOATS, .epilogues = REF_EPILOGUE_ALL, .activations = REF_ACTIVATIONS, .plan = plan,
     .run = run},
    {REF_ROW(MATMUL, "whole"), .dtypes = REF_INTS, .run = run_whole},
};
const uint32_t ref_matmul_row_count = REF_COUNT(ref_matmul_rows);
