/* SPDX-License-Identifier: MIT
 * one_hot on the reference: each index writes its column of y. */
#include "ref_flat.h"
#include "ref_move.h"

struct job {
    const void *indices;
    const char *values; /* elsewhere, at the hot place */
    char *y;
    uint32_t dtype, bytes; /* type of the indices, bytes of an element of y */
    int64_t depth, inner;
};

/* The hot place, -1 for none. Fractions are cut off. */
static int64_t place_of(const struct job *j, uint64_t i)
{
    int64_t index;
    if (ref_is_float(j->dtype)) {
        double value = trunc(ref_load(j->indices, j->dtype, i));
        if (!(value >= -(double)j->depth && value < (double)j->depth))
            return -1;
        index = (int64_t)value;
    } else {
        index = ref_load_int(j->indices, j->dtype, i);
        if (index < 0 && j->dtype == CVK_U64)
            return -1;
    }
    if (index < -j->depth || index >= j->depth)
        return -1;
    return index < 0 ? index + j->depth : index;
}

static void run_columns(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        int64_t outer = (int64_t)i / j->inner, lane = (int64_t)i % j->inner, hot = place_of(j, i);
        for (int64_t k = 0; k < j->depth; k++)
            ref_copy(j->y, (outer * j->depth + k) * j->inner + lane, j->values, k == hot, j->bytes);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_one_hot_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    struct job j = {.indices = cvk_cpu_input(e, 0), .values = cvk_cpu_input(e, 2), .y = cvk_cpu_output(e, 0)};
    j.dtype = x->dtype;
    j.bytes = ref_dtype_bytes(e->node->outputs[0]->dtype);
    j.depth = p->depth;
    j.inner = (int64_t)ref_product(x->dims, (uint32_t)p->axis, x->rank);
    ref_parallel(e, cvk_cpu_count(x), run_columns, &j);
    return CVK_OK;
}

const struct cvk_kernel ref_one_hot_rows[] = {{REF_ROW(ONE_HOT, "plain"), .dtypes = REF_NUMBERS, .run = run}};
const uint32_t ref_one_hot_row_count = REF_COUNT(ref_one_hot_rows);
