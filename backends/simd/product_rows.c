/* SPDX-License-Identifier: MIT
 * product.h for few rows: nothing is packed, each weight is read once. */
#include "isa/move.h"
#include "product.h"
#include "strided.h"

#define PART_FLOATS 65536u      /* of B: they stay in the second cache while all rows use them */
#define LARGE_FLOATS (4u << 20) /* of a B that no cache holds */

struct job {
    const struct simd_product *p;
    const struct simd_isa *isa;
    const float *x, *w, *residual;
    float *y;
    uint64_t x_step, unit, units; /* columns of one item of work, items of one matrix */
    bool dots, ends;
    struct simd_dense_end end;
    uint32_t late;
};

/* A constant B is packed before the first run. To pack another costs as much as a few rows, and more where no cache holds it. */
static uint64_t rows_at_most(const struct simd_product *p, const struct cvk_node *node)
{
    if (node->constants[p->b_input])
        return SIMD_DENSE_ROWS;
    if (p->b_depth == 1)
        return p->depth <= 2048 || p->depth * p->columns <= 2 * PART_FLOATS ? 64 : 16;
    return p->depth * p->columns >= LARGE_FLOATS ? 20 : 10;
}

bool simd_product_few(struct simd_product *p, const struct cvk_node *node)
{
    bool columns_matter = node->epilogue && node->epilogue->parts & (CVK_EPI_BIAS | CVK_EPI_SCALE);
    if (p->rows > SIMD_DENSE_ROWS && p->columns == 1 && !columns_matter) {
        struct simd_product turned = *p;
        turned.rows = 1;
        turned.columns = p->rows;
        turned.a_row = p->b_column;
        turned.a_depth = p->b_depth;
        turned.b_depth = p->a_depth;
        turned.b_column = p->a_row;
        turned.a_input = p->b_input;
        turned.b_input = p->a_input;
        turned.a_count = p->b_count;
        turned.b_count = p->a_count;
        memcpy(turned.a_step, p->b_step, sizeof turned.a_step);
        memcpy(turned.b_step, p->a_step, sizeof turned.b_step);
        turned.c_row = p->c_column;
        turned.c_column = p->c_row;
        *p = turned;
    }
    return p->rows <= rows_at_most(p, node);
}

struct simd_dense_end simd_product_end(const struct cvk_exec *e, const struct simd_product *p, uint32_t *late)
{
    const struct cvk_epilogue *epilogue = e->node->epilogue;
    struct simd_dense_end f = {.alpha = p->alpha,
                               .beta = p->beta,
                               .c = cvk_cpu_input(e, 2),
                               .c_row = p->c_row,
                               .c_column = p->c_column,
                               .bias = cvk_cpu_pointer(e->bias),
                               .scale = cvk_cpu_pointer(e->scale),
                               .shift = cvk_cpu_pointer(e->shift),
                               .activation = SIMD_LINEAR};
    *late = SIMD_LINEAR;
    if (epilogue && epilogue->parts & CVK_EPI_ACTIVATION) {
        bool inside = epilogue->activation == CVK_RELU || epilogue->activation == CVK_CLIP;
        *(inside ? &f.activation : late) = epilogue->activation;
        f.a = epilogue->a;
        f.b = epilogue->b;
    }
    return f;
}

/* Columns all->begin to all->end - 1 of one matrix. More rows than the kernels take go in fours, over a part of B: over some of
 * its columns where these lie together, else over some of its rows. */
static void run_columns(const struct job *j, const struct simd_dense *all)
{
    const struct simd_product *p = j->p;
    struct simd_dense d = *all;
    uint64_t width = all->end - all->begin, height = p->depth;
    if (p->rows > SIMD_DENSE_ROWS && j->dots)
        width = simd_round_up(PART_FLOATS / (p->depth + 1) + 1, j->unit);
    else if (p->rows > SIMD_DENSE_ROWS)
        height = simd_round_up(PART_FLOATS / width + 1, SIMD_DENSE_DEPTH);
    for (; d.begin < all->end; d.begin += width) {
        uint64_t k = 0;
        d.end = all->end - d.begin < width ? all->end : d.begin + width;
        do {
            d.depth = p->depth - k < height ? p->depth - k : height;
            d.accumulate = k > 0;
            d.w = all->w + k * p->b_depth;
            for (uint64_t m = 0; m < p->rows; m += SIMD_DENSE_ROWS) {
                d.rows = p->rows - m < SIMD_DENSE_ROWS ? p->rows - m : SIMD_DENSE_ROWS;
                d.x = all->x + m * d.x_step + k;
                d.y = all->y + m * d.y_step;
                (j->dots ? j->isa->dense->dots : j->isa->dense->axpys)(&d);
            }
            k += d.depth;
        } while (k < p->depth);
    }
}

static void run_part(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_product *p = j->p;
    (void)worker;
    while (begin < end) {
        uint64_t matrix = begin / j->units, unit = begin % j->units, a, b;
        uint64_t count = j->units - unit < end - begin ? j->units - unit : end - begin;
        simd_product_pair(p, matrix, &a, &b);
        struct simd_dense d = {.x = j->x + a * p->rows * p->depth,
                               .w = j->w + b * p->depth * p->columns,
                               .y = j->y + matrix * p->rows * p->columns,
                               .x_step = j->x_step,
                               .w_step = j->dots ? p->b_column : p->b_depth,
                               .y_step = p->columns,
                               .rows = p->rows,
                               .depth = p->depth,
                               .begin = unit * j->unit,
                               .end = (unit + count) * j->unit < p->columns ? (unit + count) * j->unit : p->columns};
        run_columns(j, &d);
        for (uint64_t m = 0; m < p->rows; m++) {
            uint64_t first = (matrix * p->rows + m) * p->columns + d.begin;
            if (j->ends)
                j->isa->dense->end(&j->end, m, d.begin, d.end, j->y + first, j->residual ? j->residual + first : NULL);
            if (j->late != SIMD_LINEAR)
                j->isa->unary->apply(j->late, j->end.a, j->end.b, j->y + first, j->y + first, d.end - d.begin);
        }
        begin += count;
    }
}

void simd_product_plan_rows(const struct cvk_query *q, const struct simd_product *p, struct cvk_plan *plan)
{
    (void)q;
    if (p->a_depth != 1)
        cvk_book(plan, p->rows * p->depth * sizeof(float));
}

void simd_product_run_rows(struct cvk_exec *e, const struct simd_product *p)
{
    if (p->count == 0 || p->rows == 0 || p->columns == 0)
        return;
    struct job j = {.p = p,
                    .isa = simd_device_of(e)->isa,
                    .x = cvk_cpu_input(e, p->a_input),
                    .w = cvk_cpu_input(e, p->b_input),
                    .residual = cvk_cpu_pointer(e->residual),
                    .y = cvk_cpu_output(e, 0),
                    .x_step = p->a_row,
                    .dots = p->b_depth == 1};
    if (p->a_depth != 1) { /* gemm alone turns its first matrix, and has only one */
        float *rows = cvk_cpu_pointer(e->workspace);
        j.isa->move->transpose(j.x, p->a_depth, p->depth, p->rows, rows, p->depth);
        j.x = rows;
        j.x_step = p->depth;
    }
    j.end = simd_product_end(e, p, &j.late);
    j.ends = j.end.alpha != 1 || j.end.c || j.end.bias || j.end.scale || j.residual || j.end.activation != SIMD_LINEAR;
    j.unit = j.dots ? SIMD_DENSE_COLUMNS : 64;
    j.units = simd_ceil_div(p->columns, j.unit);
    uint64_t passes = simd_ceil_div(p->rows, SIMD_DENSE_ROWS);
    simd_parallel_bytes(e, p->count * p->columns * (p->depth + 1) * passes * sizeof(float), p->count * j.units, run_part, &j);
}
