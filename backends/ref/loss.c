/* SPDX-License-Identifier: MIT
 * loss on the reference: one item is a position (softmax cross-entropy) or an element (the others). Sums are made of chunks of
 * items, whose partial sums are added in their order. */
#include "ref_flat.h"

#define ITEMS 64 /* in a chunk */

struct job {
    const struct cvk_loss_params *p;
    const void *x, *target, *weights; /* weights NULL: all 1 */
    const void *dy;                   /* backward */
    void *out;                        /* the losses or dx; NULL in a forward pass that reduces */
    double *partial;                  /* sums of chunks, NULL: not wanted */
    uint32_t dtype, target_dtype;
    int indexed;                      /* the target holds class numbers */
    uint64_t classes, pixels, items;  /* sizes of axis 1 and of those behind it */
    double divisor;                   /* of the sum; 1 unless mean */
};

/* ---- one position of a softmax cross-entropy ----------------------------------------------------------------------- */

/* Class number of a position. */
static int64_t class_of(const struct job *j, uint64_t position)
{
    return ref_load_int(j->target, j->target_dtype, position);
}

static int ignored(const struct job *j, uint64_t position)
{
    return j->indexed && j->p->ignores && class_of(j, position) == j->p->ignore_index;
}

static double weight(const struct job *j, uint64_t c)
{
    return j->weights ? ref_load(j->weights, j->dtype, c) : 1;
}

/* Place in x of class c at a position. */
static uint64_t place(const struct job *j, uint64_t position, uint64_t c)
{
    return (position / j->pixels * j->classes + c) * j->pixels + position % j->pixels;
}

/* The label of class c after smoothing. */
static double label(const struct job *j, uint64_t position, uint64_t c)
{
    double s = (double)j->p->smoothing;
    double q = j->indexed ? class_of(j, position) == (int64_t)c : ref_load(j->target, j->target_dtype, place(j, position, c));
    return (1 - s) * q + s / (double)j->classes;
}

/* log(sum of exp(x)) over the classes. */
static double log_sum(const struct job *j, uint64_t position)
{
    double top = ref_load(j->x, j->dtype, place(j, position, 0)), sum = 0;
    for (uint64_t c = 1; c < j->classes; c++) {
        double x = ref_load(j->x, j->dtype, place(j, position, c));
        top = x > top ? x : top;
    }
    for (uint64_t c = 0; c < j->classes; c++)
        sum += exp(ref_load(j->x, j->dtype, place(j, position, c)) - top);
    return top + log(sum);
}

static double softmax_loss(const struct job *j, uint64_t position)
{
    if (j->classes == 0 || ignored(j, position))
        return 0;
    double all = log_sum(j, position), loss = 0;
    for (uint64_t c = 0; c < j->classes; c++) {
        double factor = weight(j, c) * label(j, position, c), log_p = ref_load(j->x, j->dtype, place(j, position, c)) - all;
        if (factor != 0 || log_p != -HUGE_VAL) /* an impossible class that nobody asks for costs nothing */
            loss -= factor * log_p;
    }
    return loss;
}

/* With f = weight * label: dx = p * sum(f) - f, times the factor from behind. */
static void softmax_back(const struct job *j, uint64_t position, double factor)
{
    int none = ignored(j, position);
    double all = none || j->classes == 0 ? 0 : log_sum(j, position), sum = 0;
    for (uint64_t c = 0; c < j->classes; c++)
        sum += weight(j, c) * label(j, position, c);
    for (uint64_t c = 0; c < j->classes; c++) {
        uint64_t at = place(j, position, c);
        double p = exp(ref_load(j->x, j->dtype, at) - all);
        ref_store(j->out, j->dtype, at, none ? 0 : factor * (p * sum - weight(j, c) * label(j, position, c)));
    }
}

/* ---- one element of the others ------------------------------------------------------------------------------------- */

/* The loss of element i, or its derivative in x. */
static double element(const struct job *j, uint64_t i, int derivative)
{
    double x = ref_load(j->x, j->dtype, i), q = ref_load(j->target, j->target_dtype, i), s = (double)j->p->smoothing;
    double off = x - q, size = fabs(off), delta = (double)j->p->delta;
    switch (j->p->kind) {
    case CVK_LOSS_SIGMOID_CROSS_ENTROPY:
        q = (1 - s) * q + s / 2;
        return weight(j, i / j->pixels % j->classes) * (derivative ? ref_sigmoid(x) - q : ref_softplus(x) - x * q);
    case CVK_LOSS_MSE:
        return derivative ? 2 * off : off * off;
    case CVK_LOSS_L1:
        return !derivative ? size : off > 0 ? 1 : off < 0 ? -1 : off;
    default: /* huber */
        if (derivative)
            return size > delta ? (off > 0 ? delta : -delta) : off;
        return size > delta ? delta * (size - delta / 2) : off * off / 2;
    }
}

/* ---- runs ------------------------------------------------------------------------------------------------------------ */

static double loss_of(const struct job *j, uint64_t item)
{
    return j->p->kind == CVK_LOSS_SOFTMAX_CROSS_ENTROPY ? softmax_loss(j, item) : element(j, item, 0);
}

static void do_chunks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t chunk = begin; chunk < end; chunk++) {
        double sum = 0;
        for (uint64_t i = chunk * ITEMS; i < (chunk + 1) * ITEMS && i < j->items; i++) {
            double loss = loss_of(j, i);
            sum += loss;
            if (!j->partial)
                ref_store(j->out, j->dtype, i, loss);
        }
        if (j->partial)
            j->partial[chunk] = sum;
    }
}

static void do_back_chunks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin * ITEMS; i < end * ITEMS && i < j->items; i++) {
        double factor = ref_load(j->dy, j->dtype, j->p->reduction == CVK_LOSS_NONE ? i : 0) / j->divisor;
        if (j->p->kind == CVK_LOSS_SOFTMAX_CROSS_ENTROPY)
            softmax_back(j, i, factor);
        else
            ref_store(j->out, j->dtype, i, factor * element(j, i, 1));
    }
}

/* Checks the class numbers and finds what the mean divides by. */
static int32_t read_target(struct cvk_exec *e, struct job *j)
{
    double sum = 0;
    for (uint64_t i = 0; j->indexed && i < j->items; i++) {
        int64_t t = class_of(j, i);
        if (ignored(j, i))
            continue;
        if (t < 0 || t >= (int64_t)j->classes)
            return cvk_fail(e->host, CVK_E_ARG, "loss '%s': class %lld at position %llu of the target is outside 0..%lld",
                            e->node->name ? e->node->name : "", (long long)t, (unsigned long long)i, (long long)j->classes - 1);
        sum += weight(j, (uint64_t)t);
    }
    j->divisor = j->p->reduction != CVK_LOSS_MEAN ? 1 : j->indexed ? sum : (double)j->items;
    return CVK_OK;
}

/* first: the index of input x, behind which target and weights stand. */
static struct job job_of(struct cvk_exec *e, uint32_t first)
{
    const struct cvk_tensor_desc *x = e->node->inputs[first], *target = e->node->inputs[first + 1];
    struct job j = {.p = e->node->params,
                    .x = cvk_cpu_input(e, first),
                    .target = cvk_cpu_input(e, first + 1),
                    .weights = cvk_cpu_input(e, first + 2),
                    .out = cvk_cpu_output(e, 0),
                    .dtype = x->dtype,
                    .target_dtype = target->dtype,
                    .indexed = !ref_is_float(target->dtype),
                    .classes = (uint64_t)x->dims[1],
                    .pixels = ref_product(x->dims, 2, x->rank)};
    j.items = (uint64_t)x->dims[0] * j.pixels * (j.p->kind == CVK_LOSS_SOFTMAX_CROSS_ENTROPY ? 1 : j.classes);
    return j;
}

static uint64_t chunks(uint64_t items)
{
    return (items + ITEMS - 1) / ITEMS;
}

static int32_t run(struct cvk_exec *e)
{
    struct job j = job_of(e, 0);
    int32_t status = read_target(e, &j);
    if (status != CVK_OK)
        return status;
    j.partial = j.p->reduction == CVK_LOSS_NONE ? NULL : cvk_cpu_pointer(e->workspace);
    ref_parallel(e, chunks(j.items), do_chunks, &j);
    if (j.p->reduction == CVK_LOSS_NONE)
        return CVK_OK;
    double sum = 0;
    for (uint64_t chunk = 0; chunk < chunks(j.items); chunk++)
        sum += j.partial[chunk];
    ref_store(j.out, j.dtype, 0, sum / j.divisor);
    return CVK_OK;
}

static int32_t run_backward(struct cvk_exec *e)
{
    struct job j = job_of(e, 1);
    int32_t status = read_target(e, &j);
    if (status != CVK_OK)
        return status;
    j.dy = cvk_cpu_input(e, 0);
    ref_parallel(e, chunks(j.items), do_back_chunks, &j);
    return CVK_OK;
}

/* One double for each chunk; there are no more items than elements of x. */
static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_loss_params *p = q->node->params;
    if (p->kind >= CVK_LOSS_KINDS)
        return cvk_refuse(q, "loss %u is newer than this backend", p->kind);
    if (q->node->pass == CVK_PASS_FORWARD && p->reduction != CVK_LOSS_NONE)
        cvk_book(plan, (chunks(cvk_cpu_count(q->node->inputs[0])) + 1) * sizeof(double));
    return CVK_OK;
}

const struct cvk_kernel ref_loss_rows[] = {
    {REF_ROW(LOSS, "plain"), .dtypes = REF_FLOATS, .plan = plan, .run = run},
    {REF_ROW(LOSS, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .plan = plan, .run = run_backward},
};
const uint32_t ref_loss_row_count = REF_COUNT(ref_loss_rows);
