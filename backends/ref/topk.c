/* SPDX-License-Identifier: MIT
 * topk on the reference: a heap of the k best of a row, with the worst of them on top, sorted at the end. Backward dy goes to
 * the places that the indices tell, all others are 0. */
#include "ref_flat.h"
#include "ref_move.h"

struct entry {
    int64_t key; /* larger is better */
    int64_t place;
};

struct job {
    const struct cvk_topk_params *p;
    const char *x;
    char *y;
    int64_t *places;     /* NULL: not wanted */
    struct entry *heaps; /* k for each worker */
    uint32_t dtype, bytes;
    uint64_t n, inner; /* elements of a row, their distance */
};

/* Equal elements: the one further back is worse. */
static int is_worse(const struct entry *a, const struct entry *b)
{
    return a->key != b->key ? a->key < b->key : a->place > b->place;
}

static void sift_down(struct entry *heap, uint64_t count, uint64_t at)
{
    struct entry moving = heap[at];
    for (uint64_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_worse(&heap[child + 1], &heap[child]))
            child++;
        if (!is_worse(&heap[child], &moving))
            break;
        heap[at] = heap[child];
    }
    heap[at] = moving;
}

static void select_row(const struct job *j, uint64_t base, struct entry *heap)
{
    uint64_t k = (uint64_t)j->p->k;
    for (uint64_t i = 0; i < j->n; i++) {
        int64_t key = ref_order_key(j->x, j->dtype, base + i * j->inner);
        struct entry e = {j->p->smallest ? ~key : key, (int64_t)i};
        if (i < k) {
            heap[i] = e;
            for (uint64_t at = k / 2; i + 1 == k && at-- > 0;)
                sift_down(heap, k, at);
        } else if (is_worse(&heap[0], &e)) {
            heap[0] = e;
            sift_down(heap, k, 0);
        }
    }
    for (uint64_t last = k - 1; last > 0; last--) { /* the worst goes behind the rest */
        struct entry worst = heap[0];
        heap[0] = heap[last];
        heap[last] = worst;
        sift_down(heap, last, 0);
    }
}

static void run_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t k = (uint64_t)j->p->k;
    struct entry *heap = j->heaps + worker * k;
    for (uint64_t row = begin; row < end; row++) {
        uint64_t outer = row / j->inner, lane = row % j->inner;
        uint64_t from = outer * j->n * j->inner + lane, to = outer * k * j->inner + lane;
        select_row(j, from, heap);
        for (uint64_t i = 0; i < k; i++) {
            uint64_t at = to + i * j->inner;
            ref_copy(j->y, (int64_t)at, j->x, (int64_t)(from + (uint64_t)heap[i].place * j->inner), j->bytes);
            if (j->places)
                j->places[at] = heap[i].place;
        }
    }
}

static uint64_t row_count(const struct cvk_node *node)
{
    uint32_t axis = (uint32_t)((const struct cvk_topk_params *)node->params)->axis;
    const struct cvk_tensor_desc *x = node->inputs[0];
    return ref_product(x->dims, 0, axis) * ref_product(x->dims, axis + 1, x->rank);
}

/* Notes how many workers the workspace is made for. */
static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_topk_params *p = q->node->params;
    const struct ref_device *d = q->device;
    uint64_t rows = row_count(q->node), workers = q->host->workers(q->host);
    if (d->threads && d->threads < workers)
        workers = d->threads;
    if (rows < workers)
        workers = rows;
    cvk_book(plan, workers * (uint64_t)p->k * sizeof(struct entry));
    plan->user[0] = workers;
    return CVK_OK;
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    struct job j = {.p = e->node->params, .x = cvk_cpu_input(e, 0), .y = cvk_cpu_output(e, 0), .places = cvk_cpu_output(e, 1)};
    uint64_t rows = row_count(e->node);
    uint32_t axis = (uint32_t)j.p->axis;
    j.heaps = cvk_cpu_pointer(e->workspace);
    j.dtype = x->dtype;
    j.bytes = ref_dtype_bytes(x->dtype);
    j.n = (uint64_t)x->dims[axis];
    j.inner = ref_product(x->dims, axis + 1, x->rank);
    if (rows > 0)
        e->host->parallel(e->host, (uint32_t)e->plan->user[0], rows, run_rows, &j);
    return CVK_OK;
}

struct back_job {
    const char *dy;
    const int64_t *places;
    char *dx;
    uint32_t bytes;
    uint64_t k, n, inner; /* elements of a row of dy, of dx, their distance */
};

static void run_back_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct back_job *j = arg;
    static const char zero[8];
    (void)worker;
    for (uint64_t row = begin; row < end; row++) {
        uint64_t outer = row / j->inner, lane = row % j->inner;
        uint64_t to = outer * j->n * j->inner + lane, from = outer * j->k * j->inner + lane;
        for (uint64_t i = 0; i < j->n; i++)
            ref_copy(j->dx, (int64_t)(to + i * j->inner), zero, 0, j->bytes);
        for (uint64_t i = 0; i < j->k; i++) {
            uint64_t at = from + i * j->inner;
            ref_copy(j->dx, (int64_t)(to + (uint64_t)j->places[at] * j->inner), j->dy, (int64_t)at, j->bytes);
        }
    }
}

/* Inputs dy, the places. */
static int32_t run_backward(struct cvk_exec *e)
{
    const struct cvk_topk_params *p = e->node->params;
    const struct cvk_tensor_desc *dx = e->node->outputs[0];
    uint32_t axis = (uint32_t)p->axis;
    struct back_job j = {cvk_cpu_input(e, 0),          cvk_cpu_input(e, 1),
                         cvk_cpu_output(e, 0),         ref_dtype_bytes(dx->dtype),
                         (uint64_t)p->k,               (uint64_t)dx->dims[axis],
                         ref_product(dx->dims, axis + 1, dx->rank)};
    ref_parallel(e, ref_product(dx->dims, 0, axis) * j.inner, run_back_rows, &j);
    return CVK_OK;
}

const struct cvk_kernel ref_topk_rows[] = {
    {REF_ROW(TOPK, "plain"), .dtypes = REF_NUMBERS, .plan = plan, .run = run},
    {REF_ROW(TOPK, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .run = run_backward},
};
const uint32_t ref_topk_row_count = REF_COUNT(ref_topk_rows);
