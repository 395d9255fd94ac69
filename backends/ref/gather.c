/* SPDX-License-Identifier: MIT
 * gather on the reference: all indices are checked first, then slices or elements are copied; backward they are added up where
 * they came from, in the order of y. */
#include "ref_flat.h"
#include "ref_move.h"
#include "ref_scatter.h"

struct job {
    const char *x;
    const void *indices;
    char *y;
    uint32_t index_dtype, bytes; /* type of the indices, bytes of an element */
    const struct cvk_tensor_desc *x_desc;
    uint64_t slice;       /* elements that are copied at once */
    uint64_t per_row;     /* slices: indices; nd: tuples in one batch */
    uint64_t tuple;       /* nd: numbers in a tuple */
    uint32_t first;       /* the axis that index 0 addresses */
    struct ref_walk walk; /* elements: over the indices, operand 0 is x without the axis */
    int64_t axis_stride;
};

/* Index i of an axis of n places, already checked. */
static int64_t index_at(const struct job *j, uint64_t i, int64_t n)
{
    int64_t index = ref_load_int(j->indices, j->index_dtype, i);
    return index < 0 ? index + n : index;
}

/* One worker, so that the first wrong index is the one that is told. */
static int32_t check_indices(struct cvk_exec *e, const struct job *j)
{
    uint64_t count = cvk_cpu_count(e->node->inputs[1]); /* at the same place in both passes */
    for (uint64_t i = 0; i < count; i++) {
        uint32_t axis = j->first + (uint32_t)(i % j->tuple);
        int64_t n = j->x_desc->dims[axis], index = ref_load_int(j->indices, j->index_dtype, i);
        if (index < -n || index >= n)
            return cvk_fail(e->host, CVK_E_ARG,
                            "gather '%s': index %lld at place %llu of the indices; axis %u of the input has %lld places",
                            e->node->name, (long long)index, (unsigned long long)i, axis, (long long)n);
    }
    return CVK_OK;
}

static void copy_slice(const struct job *j, uint64_t to, uint64_t from)
{
    uint64_t bytes = j->slice * j->bytes;
    memcpy(j->y + to * bytes, j->x + from * bytes, bytes);
}

/* Which slice of x slice i of y is. */
static uint64_t slice_of(const struct job *j, uint64_t i)
{
    int64_t n = j->x_desc->dims[j->first];
    return i / j->per_row * (uint64_t)n + (uint64_t)index_at(j, i % j->per_row, n);
}

/* The same where a tuple tells. */
static uint64_t tuple_of(const struct job *j, uint64_t i)
{
    uint64_t from = i / j->per_row; /* the batch */
    for (uint32_t k = 0; k < j->tuple; k++) {
        int64_t n = j->x_desc->dims[j->first + k];
        from = from * (uint64_t)n + (uint64_t)index_at(j, i * j->tuple + k, n);
    }
    return from;
}

static void run_slices(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++)
        copy_slice(j, i, slice_of(j, i));
}

static void run_elements(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    struct ref_walk walk = j->walk;
    int64_t n = j->x_desc->dims[j->first];
    (void)worker;
    ref_walk_seek(&walk, begin);
    for (uint64_t i = begin; i < end; i++, ref_walk_next(&walk))
        ref_copy(j->y, (int64_t)i, j->x, walk.offset[0] + index_at(j, i, n) * j->axis_stride, j->bytes);
}

static void run_tuples(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++)
        copy_slice(j, i, tuple_of(j, i));
}

/* Fills what the kind needs; gives the task and how many items it has: slices of y. */
static cvk_task_fn prepare(struct job *j, const struct cvk_node *node, uint64_t *count)
{
    const struct cvk_gather_params *p = node->params;
    const struct cvk_tensor_desc *x = j->x_desc, *indices = node->inputs[1];
    uint32_t axis = (uint32_t)p->axis;
    int64_t strides[CVK_MAX_RANK];
    switch (p->kind) {
    case CVK_GATHER:
        j->first = axis;
        j->slice = ref_product(x->dims, axis + 1, x->rank);
        j->per_row = cvk_cpu_count(indices);
        *count = ref_product(x->dims, 0, axis) * j->per_row;
        return run_slices;
    case CVK_GATHER_ELEMENTS:
        ref_strides(x->rank, x->dims, strides);
        j->first = axis;
        j->slice = 1;
        j->axis_stride = strides[axis];
        strides[axis] = 0;
        ref_walk_init(&j->walk, indices->rank, indices->dims);
        ref_walk_add_strides(&j->walk, strides);
        *count = cvk_cpu_count(indices);
        return run_elements;
    default:
        j->first = p->batch_dims;
        j->tuple = (uint64_t)indices->dims[indices->rank - 1];
        j->slice = ref_product(x->dims, j->first + (uint32_t)j->tuple, x->rank);
        j->per_row = ref_product(indices->dims, p->batch_dims, indices->rank - 1);
        *count = ref_product(indices->dims, 0, indices->rank - 1);
        return run_tuples;
    }
}

static int32_t run(struct cvk_exec *e)
{
    struct job j = {.x = cvk_cpu_input(e, 0), .indices = cvk_cpu_input(e, 1), .y = cvk_cpu_output(e, 0), .tuple = 1};
    j.x_desc = e->node->inputs[0];
    j.index_dtype = e->node->inputs[1]->dtype;
    j.bytes = ref_dtype_bytes(j.x_desc->dtype);
    uint64_t count = 0;
    cvk_task_fn task = prepare(&j, e->node, &count);
    int32_t status = check_indices(e, &j);
    if (status == CVK_OK && cvk_cpu_count(e->node->outputs[0]) > 0)
        ref_parallel(e, count, task, &j);
    return status;
}

/* ---- backward ------------------------------------------------------------------------------------------------- */

struct back_job {
    struct job job;
    cvk_task_fn task; /* of the forward pass: tells the kind */
    const void *dy;
    void *dx;
    double *sums;
    uint64_t slices; /* of y */
};

/* One item is REF_LANES neighbouring places of all slices, so that one worker does all that meets in an element. */
static void add_lanes(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct back_job *b = arg;
    const struct job *j = &b->job;
    struct ref_walk walk = j->walk;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        uint64_t lane = item * REF_LANES, lanes = j->slice - lane < REF_LANES ? j->slice - lane : REF_LANES;
        if (b->task == run_elements)
            ref_walk_seek(&walk, 0);
        for (uint64_t i = 0; i < b->slices; i++) {
            uint64_t to;
            if (b->task == run_elements) {
                to = (uint64_t)(walk.offset[0] + index_at(j, i, j->x_desc->dims[j->first]) * j->axis_stride);
                ref_walk_next(&walk);
            } else {
                to = (b->task == run_tuples ? tuple_of(j, i) : slice_of(j, i)) * j->slice + lane;
            }
            for (uint64_t k = 0; k < lanes; k++)
                b->sums[to + k] += ref_load(b->dy, j->x_desc->dtype, i * j->slice + lane + k);
        }
    }
}

static void store_chunks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct back_job *b = arg;
    uint64_t count = cvk_cpu_count(b->job.x_desc), first = begin * REF_CHUNK, last = end * REF_CHUNK;
    (void)worker;
    ref_store_row(b->dx, b->job.x_desc->dtype, first, b->sums + first, (last < count ? last : count) - first);
}

static int32_t run_backward(struct cvk_exec *e)
{
    struct back_job b = {.job = {.indices = cvk_cpu_input(e, 1), .tuple = 1},
                         .dy = cvk_cpu_input(e, 0),
                         .dx = cvk_cpu_output(e, 0),
                         .sums = ref_scatter_room(e)};
    b.job.x_desc = e->node->outputs[0];
    b.job.index_dtype = e->node->inputs[1]->dtype;
    b.task = prepare(&b.job, e->node, &b.slices);
    int32_t status = check_indices(e, &b.job);
    uint64_t count = cvk_cpu_count(b.job.x_desc);
    if (status != CVK_OK || count == 0)
        return status;
    memset(b.sums, 0, count * sizeof *b.sums);
    if (b.slices > 0)
        ref_parallel(e, (b.job.slice + REF_LANES - 1) / REF_LANES, add_lanes, &b);
    ref_parallel(e, ref_chunks(count), store_chunks, &b);
    return CVK_OK;
}

static int32_t plan_backward(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_gather_params *p = q->node->params;
    if (p->kind > CVK_GATHER_ND)
        return cvk_refuse(q, "gather kind %u is newer than this backend", p->kind);
    return ref_scatter_plan(q, plan);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_gather_params *p = q->node->params;
    (void)plan;
    return p->kind <= CVK_GATHER_ND ? CVK_OK : cvk_refuse(q, "gather kind %u is newer than this backend", p->kind);
}

const struct cvk_kernel ref_gather_rows[] = {
    {REF_ROW(GATHER, "plain"), .dtypes = REF_ALL, .plan = plan, .run = run},
    {REF_ROW(GATHER, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .plan = plan_backward,
     .run = run_backward},
};
const uint32_t ref_gather_row_count = REF_COUNT(ref_gather_rows);
