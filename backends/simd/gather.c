/* SPDX-License-Identifier: MIT
 * gather of whole slices along one axis: runs that lie one behind the other in x. */
#include "strided.h"

struct job {
    const char *x;
    char *y;
    const void *indices;
    bool wide;                     /* i64, else i32 */
    uint64_t places, count, bytes; /* on the axis; indices; of a slice */
};

static int64_t index_at(const struct job *j, uint64_t i)
{
    return j->wide ? ((const int64_t *)j->indices)[i] : ((const int32_t *)j->indices)[i];
}

static void copy_slices(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        int64_t index = index_at(j, i % j->count);
        uint64_t at = index < 0 ? j->places + (uint64_t)index : (uint64_t)index;
        memcpy(j->y + i * j->bytes, j->x + (i / j->count * j->places + at) * j->bytes, j->bytes);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_gather_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0], *indices = e->node->inputs[1];
    struct job j = {.x = cvk_cpu_input(e, 0),
                    .y = cvk_cpu_output(e, 0),
                    .indices = cvk_cpu_input(e, 1),
                    .wide = indices->dtype == CVK_I64,
                    .places = (uint64_t)x->dims[p->axis],
                    .count = cvk_cpu_count(indices),
                    .bytes = simd_dtype_bytes(x->dtype)};
    uint64_t outer = 1;
    for (int32_t i = 0; i < p->axis; i++)
        outer *= (uint64_t)x->dims[i];
    for (uint32_t i = (uint32_t)p->axis + 1; i < x->rank; i++)
        j.bytes *= (uint64_t)x->dims[i];
    for (uint64_t i = 0; i < j.count; i++) { /* before anything is read: a wrong one is an error of the run */
        int64_t index = index_at(&j, i), places = x->dims[p->axis];
        if (index < -places || index >= places)
            return cvk_fail(e->host, CVK_E_ARG,
                            "gather '%s': index %lld at place %llu of the indices; axis %d of the input has %lld places",
                            e->node->name, (long long)index, (unsigned long long)i, p->axis, (long long)places);
    }
    uint64_t bytes = e->node->outputs[0]->bytes;
    simd_parallel_bytes(e, 2 * bytes, bytes ? outer * j.count : 0, copy_slices, &j);
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_gather_params *p = q->node->params;
    uint32_t type = q->node->inputs[1]->dtype;
    (void)plan;
    if (p->kind != CVK_GATHER)
        return cvk_refuse(q, "only whole slices");
    return type == CVK_I64 || type == CVK_I32 ? CVK_OK : cvk_refuse(q, "indices only of i64 and i32");
}

const struct cvk_kernel simd_gather_rows[] = {
    {SIMD_ROW(GATHER, "slices"), .flags = CVK_KERNEL_CONCURRENT, .dtypes = SIMD_ALL_TYPES, .plan = plan, .run = run},
};
const uint32_t simd_gather_row_count = SIMD_COUNT(simd_gather_rows);
