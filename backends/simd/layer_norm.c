/* SPDX-License-Identifier: MIT
 * layer_norm: one row after the other. scale and bias that are stretched along a row are written out in the workspace. */
#include "flat.h"
#include "isa/rows.h"

enum { SCALE = 1, BIAS = 2 }; /* inputs */

struct job {
    const struct simd_rows_fns *fns;
    struct simd_norm_row row; /* of row 0 */
    float *mean, *inv_std;    /* NULL: not wanted */
    uint64_t rows, per_unit;
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

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_layer_norm_params *p = e->node->params;
    float *memory = cvk_cpu_pointer(e->workspace);
    struct job j = {.fns = simd_device_of(e)->isa->rows, .mean = cvk_cpu_output(e, 1), .inv_std = cvk_cpu_output(e, 2)};
    j.row = (struct simd_norm_row){
        .x = cvk_cpu_input(e, 0), .y = cvk_cpu_output(e, 0), .n = row_length(e->node), .epsilon = p->epsilon};
    j.row.scale = operand_row(e, SCALE, &memory);
    j.row.bias = operand_row(e, BIAS, &memory);
    j.rows = 1;
    for (int32_t i = 0; i < p->axis; i++)
        j.rows *= (uint64_t)e->node->inputs[0]->dims[i];
    j.per_unit = simd_ceil_div(SIMD_HEAVY_UNIT, j.row.n ? j.row.n : 1);
    simd_parallel(e, simd_ceil_div(j.rows, j.per_unit), run_units, &j);
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    uint32_t row_rank = node->inputs[0]->rank - (uint32_t)((const struct cvk_layer_norm_params *)node->params)->axis;
    uint64_t written_out = 0;
    for (uint32_t input = SCALE; input <= BIAS; input++) {
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
};
const uint32_t simd_layer_norm_row_count = SIMD_COUNT(simd_layer_norm_rows);
