/* SPDX-License-Identifier: MIT
 * matmul on the reference backend: products over the broadcast leading axes. Whole numbers have a row of their own, which
 * computes modulo two to the number of bits. */
#include "ref_product.h"
#include "ref_shrink.h"

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

/* ---- backward ------------------------------------------------------------------------------------------------- */

/* Element (i, j) of a gradient is the sum of left(i, d) * right(d, j) over d and over the matrices that it was stretched to. */
struct back_job {
    struct ref_shrink matrices; /* operand 0 is left, operand 1 is right */
    const void *left, *right;
    void *out;
    uint32_t dtype;
    uint64_t rows, columns, depth;
    int64_t left_row, left_depth, right_depth, right_column; /* steps */
};

static double back_element(const struct back_job *j, struct ref_shrink *at, uint64_t row, uint64_t column)
{
    double sum = 0;
    for (uint64_t s = 0; s < at->steps; s++, ref_walk_next(&at->folded)) {
        int64_t left = at->kept.offset[0] + at->folded.offset[0] + (int64_t)row * j->left_row;
        int64_t right = at->kept.offset[1] + at->folded.offset[1] + (int64_t)column * j->right_column;
        for (uint64_t d = 0; d < j->depth; d++, left += j->left_depth, right += j->right_depth)
            sum += ref_load(j->left, j->dtype, (uint64_t)left) * ref_load(j->right, j->dtype, (uint64_t)right);
    }
    return sum;
}

/* One item is one row of one matrix. */
static void do_back_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct back_job *j = arg;
    struct ref_shrink at = j->matrices;
    (void)worker;
    if (at.steps > 0)
        ref_walk_seek(&at.folded, 0);
    for (uint64_t item = begin; item < end; item++) {
        ref_walk_seek(&at.kept, item / j->rows);
        for (uint64_t column = 0; column < j->columns; column++)
            ref_store(j->out, j->dtype, item * j->columns + column, back_element(j, &at, item % j->rows, column));
    }
}

/* Inputs dy and the other factor. The vectors' missing axes have size and step 1 and 0. */
static int32_t run_backward(struct cvk_exec *e)
{
    int of_a = e->node->pass == CVK_PASS_BACKWARD_DATA;
    const struct cvk_tensor_desc *dy = e->node->inputs[0], *other = e->node->inputs[1], *out = e->node->outputs[0];
    const struct cvk_tensor_desc *a = of_a ? out : other, *b = of_a ? other : out;
    uint32_t a_own = a->rank > 1 ? 2 : 1, b_own = b->rank > 1 ? 2 : 1;
    int64_t m = a_own == 2 ? a->dims[a->rank - 2] : 1, k = a->dims[a->rank - 1], n = b_own == 2 ? b->dims[b->rank - 1] : 1;
    int64_t a_row = a_own == 2 ? k : 0, b_row = n, b_column = b_own == 2, y_column = b_own == 2, y_row = a_own == 2 ? n : 0;
    struct back_job j = {.left = cvk_cpu_input(e, of_a ? 0 : 1),
                         .right = cvk_cpu_input(e, of_a ? 1 : 0),
                         .out = cvk_cpu_output(e, 0),
                         .dtype = dy->dtype,
                         .rows = (uint64_t)(of_a ? m : k),
                         .columns = (uint64_t)(of_a ? k : n),
                         .depth = (uint64_t)(of_a ? n : m),
                         .left_row = of_a ? y_row : 1,
                         .left_depth = of_a ? y_column : a_row,
                         .right_depth = of_a ? b_column : y_row,
                         .right_column = of_a ? b_row : y_column};
    struct cvk_tensor_desc stretched = *out; /* its axes before the matrix */
    uint32_t leading = dy->rank - (a_own - 1) - (b_own - 1);
    stretched.rank -= of_a ? a_own : b_own;
    j.matrices = ref_shrink_of(leading, dy->dims, &stretched);
    add_matrices(&j.matrices.kept, of_a ? dy : a, of_a ? dy->rank - leading : a_own);
    add_matrices(&j.matrices.folded, of_a ? dy : a, of_a ? dy->rank - leading : a_own);
    add_matrices(&j.matrices.kept, of_a ? b : dy, of_a ? b_own : dy->rank - leading);
    add_matrices(&j.matrices.folded, of_a ? b : dy, of_a ? b_own : dy->rank - leading);
    ref_parallel(e, cvk_cpu_count(out) ? matrix_count(&j.matrices.kept) * j.rows : 0, do_back_rows, &j);
    return CVK_OK;
}

const struct cvk_kernel ref_matmul_rows[] = {
    {REF_ROW(MATMUL, "plain"), .dtypes = REF_FLOATS, .epilogues = REF_EPILOGUE_ALL, .activations = REF_ACTIVATIONS, .plan = plan,
     .run = run},
    {REF_ROW(MATMUL, "whole"), .dtypes = REF_INTS, .run = run_whole},
    {REF_ROW(MATMUL, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .run = run_backward},
    {REF_ROW(MATMUL, "plain"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .dtypes = REF_FLOATS, .run = run_backward},
};
const uint32_t ref_matmul_row_count = REF_COUNT(ref_matmul_rows);
