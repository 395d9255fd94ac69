/* SPDX-License-Identifier: MIT
 * layer_norm and its gradients: one row after the other, but for the gradients of scale and bias, which go down columns. scale
 * and bias that are stretched along a row are written out in the workspace. */
#include <math.h>

#include "flat.h"
#include "isa/rows.h"
#include "isa/rows_backward.h"

enum { SCALE = 1, BIAS = 2, BACKWARD_SCALE = 2 }; /* inputs; backward they are dy, x, scale */
#define COLUMNS 64u                               /* in one unit of work */

struct job {
    const struct simd_rows_fns *fns;
    const struct simd_rows_backward_fns *back;
    struct simd_norm_row row; /* of row 0 */
    const float *dy;          /* backward; y is dx then */
    float *mean, *inv_std;    /* NULL: not wanted */
    uint64_t rows, per_unit;
    const struct simd_norm_columns *columns;
};

static void run_units(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t last = end * j->per_unit < j->rows ? end * j->per_unit : j->rows;
    (void)worker;
    for (uint64_t i = begin * j->per_unit; i < last; i++) {
        struct simd_norm_row row = j->row;
        row.x += i * row.n;
        row.y += i * row.n;
        j->fns->normalise(&row);
        if (j->mean)
            j->mean[i] = row.mean;
        if (j->inv_std)
            j->inv_std[i] = row.inv_std;
    }
}

static uint64_t row_length(const struct cvk_node *node)
{
    const struct cvk_tensor_desc *x = node->inputs[0];
    uint64_t n = 1;
    for (uint32_t i = (uint32_t)((const struct cvk_layer_norm_params *)node->params)->axis; i < x->rank; i++)
        n *= (uint64_t)x->dims[i];
    return n;
}

static bool given(const struct cvk_node *node, uint32_t input)
{
    return input < node->input_count && node->inputs[input];
}

/* True if the operand has a number for each place in a row; else some are stretched. */
static bool whole_row(const struct cvk_node *node, uint32_t input)
{
    return cvk_cpu_count(node->inputs[input]) == row_length(node);
}

/* The operand as a row: itself, or written out into *memory. */
static const float *operand_row(const struct cvk_exec *e, uint32_t input, float **memory)
{
    if (!given(e->node, input))
        return NULL;
    const float *from = cvk_cpu_input(e, input);
    if (whole_row(e->node, input))
        return from;
    const struct cvk_tensor_desc *x = e->node->inputs[0], *d = e->node->inputs[input];
    uint64_t n = row_length(e->node);
    float *row = *memory;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t rest = i, at = 0, stride = 1;
        for (uint32_t k = 1; k <= d->rank; k++) { /* from the last axis */
            uint64_t size = (uint64_t)d->dims[d->rank - k], index = rest % (uint64_t)x->dims[x->rank - k];
            rest /= (uint64_t)x->dims[x->rank - k];
            at += size == 1 ? 0 : index * stride;
            stride *= size;
        }
        row[i] = from[at];
    }
    *memory += n;
    return row;
}

static struct job job_of(const struct cvk_exec *e, uint32_t x)
{
    const struct cvk_layer_norm_params *p = e->node->params;
    struct job j = {.fns = simd_device_of(e)->isa->rows, .back = simd_device_of(e)->isa->rows_backward, .rows = 1};
    j.row = (struct simd_norm_row){
        .x = cvk_cpu_input(e, x), .y = cvk_cpu_output(e, 0), .n = row_length(e->node), .epsilon = p->epsilon};
    for (int32_t i = 0; i < p->axis; i++)
        j.rows *= (uint64_t)e->node->inputs[0]->dims[i];
    j.per_unit = simd_ceil_div(SIMD_HEAVY_UNIT, j.row.n ? j.row.n : 1);
    return j;
}

static int32_t run(struct cvk_exec *e)
{
    float *memory = cvk_cpu_pointer(e->workspace);
    struct job j = job_of(e, 0);
    j.mean = cvk_cpu_output(e, 1);
    j.inv_std = cvk_cpu_output(e, 2);
    j.row.scale = operand_row(e, SCALE, &memory);
    j.row.bias = operand_row(e, BIAS, &memory);
    simd_parallel(e, simd_ceil_div(j.rows, j.per_unit), run_units, &j);
    return CVK_OK;
}

/* ---- backward ----------------------------------------------------------------------------------------------------- */

/* As isa/rows_backward.h has it, in double: for rows whose squares do not fit a float. */
static void norm_slowly(const struct simd_norm_slope *s, float epsilon)
{
    double n = (double)s->n, mean = 0, squares = 0, sum = 0, products = 0;
    for (uint64_t i = 0; i < s->n; i++)
        mean += (double)s->x[i] / n;
    for (uint64_t i = 0; i < s->n; i++)
        squares += ((double)s->x[i] - mean) * ((double)s->x[i] - mean);
    double inv_std = 1 / sqrt(squares / n + (double)epsilon);
    for (uint64_t i = 0; i < s->n; i++) {
        double g = (double)s->dy[i] * (double)s->scale[i];
        sum += g / n;
        products += g * ((double)s->x[i] - mean) * inv_std / n;
    }
    for (uint64_t i = 0; i < s->n; i++) {
        double g = (double)s->dy[i] * (double)s->scale[i], z = ((double)s->x[i] - mean) * inv_std;
        s->dx[i] = (float)(inv_std * (g - sum - z * products));
    }
}

static void run_rows_backward(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t last = end * j->per_unit < j->rows ? end * j->per_unit : j->rows;
    (void)worker;
    for (uint64_t i = begin * j->per_unit; i < last; i++) {
        struct simd_norm_row row = j->row;
        row.x += i * row.n;
        bool fits = j->fns->measure(&row);
        struct simd_norm_slope s = {.dy = j->dy + i * row.n,
                                    .x = row.x,
                                    .scale = row.scale,
                                    .dx = row.y + i * row.n,
                                    .n = row.n,
                                    .mean = row.mean,
                                    .inv_std = row.inv_std};
        if (fits)
            j->back->norm(&s);
        else
            norm_slowly(&s, row.epsilon);
    }
}

/* Inputs: dy, x, scale. */
static int32_t run_backward_data(struct cvk_exec *e)
{
    float *memory = cvk_cpu_pointer(e->workspace);
    struct job j = job_of(e, 1);
    j.dy = cvk_cpu_input(e, 0);
    j.row.scale = operand_row(e, BACKWARD_SCALE, &memory);
    simd_parallel(e, simd_ceil_div(j.rows, j.per_unit), run_rows_backward, &j);
    return CVK_OK;
}

static void measure_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t last = end * j->per_unit < j->rows ? end * j->per_unit : j->rows;
    (void)worker;
    for (uint64_t i = begin * j->per_unit; i < last; i++) {
        struct simd_norm_row row = j->row;
        row.x += i * row.n;
        j->fns->measure(&row);
        j->mean[i] = row.mean;
        j->inv_std[i] = row.inv_std;
    }
}

static void run_columns(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    struct simd_norm_columns c = *((const struct job *)arg)->columns;
    uint64_t first = begin * COLUMNS, last = end * COLUMNS < c.stride ? end * COLUMNS : c.stride;
    (void)worker;
    c.dy += first;
    c.x += first;
    c.dscale += c.dscale ? first : 0;
    c.dbias += c.dbias ? first : 0;
    c.count = last - first;
    ((const struct job *)arg)->back->norm_columns(&c);
}

/* Inputs: dy, x. */
static int32_t run_backward_weights(struct cvk_exec *e)
{
    struct job j = job_of(e, 1);
    if (j.row.n == 0)
        return CVK_OK;
    j.mean = cvk_cpu_pointer(e->workspace);
    j.inv_std = j.mean + j.rows;
    const struct simd_norm_columns columns = {.dy = cvk_cpu_input(e, 0),
                                              .x = j.row.x,
                                              .mean = j.mean,
                                              .inv_std = j.inv_std,
                                              .dscale = cvk_cpu_output(e, 0),
                                              .dbias = cvk_cpu_output(e, 1),
                                              .rows = j.rows,
                                              .stride = j.row.n};
    j.columns = &columns;
    simd_parallel(e, simd_ceil_div(j.rows, j.per_unit), measure_rows, &j);
    simd_parallel(e, simd_ceil_div(j.row.n, COLUMNS), run_columns, &j);
    return CVK_OK;
}

static int32_t plan_backward_weights(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    uint64_t n = row_length(node);
    for (uint32_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] && (node->outputs[i]->dtype != CVK_F32 || cvk_cpu_count(node->outputs[i]) != n))
            return cvk_refuse(q, "scale or bias is stretched, or not f32");
    cvk_book(plan, 2 * (n ? cvk_cpu_count(node->inputs[0]) / n : 0) * sizeof(float));
    return CVK_OK;
}

/* ---- rows --------------------------------------------------------------------------------------------------------- */

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    uint32_t row_rank = node->inputs[0]->rank - (uint32_t)((const struct cvk_layer_norm_params *)node->params)->axis;
    bool forward = node->pass == CVK_PASS_FORWARD;
    uint64_t written_out = 0;
    for (uint32_t input = forward ? SCALE : BACKWARD_SCALE; input <= (forward ? BIAS : BACKWARD_SCALE); input++) {
        if (!given(node, input))
            continue;
        const struct cvk_tensor_desc *d = node->inputs[input];
        if (d->dtype != CVK_F32)
            return cvk_refuse(q, "scale and bias must be f32");
        for (uint32_t i = 0; i + row_rank < d->rank; i++)
            if (d->dims[i] != 1)
                return cvk_refuse(q, "scale or bias differs from row to row");
        written_out += !whole_row(node, input);
    }
    if (written_out)
        cvk_book(plan, written_out * row_length(node) * sizeof(float));
    return CVK_OK;
}

const struct cvk_kernel simd_layer_norm_rows[] = {
    {SIMD_ROW(LAYER_NORM, "rows"), .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_CONCURRENT, .plan = plan, .run = run},
    {SIMD_ROW(LAYER_NORM, "rows"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_CONCURRENT,
     .plan = plan, .run = run_backward_data},
    {SIMD_ROW(LAYER_NORM, "columns"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .plan = plan_backward_weights,
     .run = run_backward_weights},
};
const uint32_t simd_layer_norm_row_count = SIMD_COUNT(simd_layer_norm_rows);
