/* SPDX-License-Identifier: MIT
 * loss and its gradient. Work is cut into chunks of a size of their own, whose partial sums are added in their order. A
 * position of softmax cross-entropy is a row of scores; where the classes do not lie together (maps), a few positions at a time
 * are turned into rows. */
#include <math.h>

#include "convoke/op/reduce.h"
#include "isa/loss.h"
#include "isa/move.h"
#include "isa/rows.h"
#include "simd.h"

#define POSITIONS 16u  /* in a chunk */
#define ELEMENTS 4096u /* the same of the losses that go by elements */

enum { NOTE_SUMS, NOTE_ROWS }; /* places in the workspace */

/* What a chunk adds up to. */
struct part {
    double loss, weight;
    uint64_t bad; /* a position whose class is none; UINT64_MAX: there is none */
};

struct job {
    const struct simd_isa *isa;
    const struct cvk_loss_params *p;
    const float *x, *q, *w, *dy; /* q: labels, NULL: class numbers; w NULL: all 1; dy: backward */
    const void *classes_at;      /* class numbers */
    bool wide;                   /* they are i64 */
    float *out;                  /* losses or dx; NULL in a forward pass that reduces */
    uint64_t images, positions;  /* an image's positions lie together */
    uint64_t classes, pixels;    /* sizes of axis 1 and of those behind it */
    uint64_t chunks;             /* of an image's positions */
    uint64_t elements;
    double divisor, weights; /* of the sum; sum of w, or the number of classes */
    struct part *parts;
    float *rows; /* 3 * POSITIONS * classes for each worker */
};

/* ---- softmax cross-entropy ---------------------------------------------------------------------------------------- */

static int64_t class_of(const struct job *j, uint64_t position)
{
    return j->wide ? ((const int64_t *)j->classes_at)[position] : ((const int32_t *)j->classes_at)[position];
}

static bool ignored(const struct job *j, uint64_t position)
{
    return !j->q && j->p->ignores && class_of(j, position) == j->p->ignore_index;
}

/* A chunk of positions: the first, how many, and where their rows are. */
struct chunk {
    uint64_t first, count, step; /* step: floats between rows */
    const float *x, *q;
    float *dx;
};

static struct chunk chunk_of(const struct job *j, uint64_t i, uint32_t worker)
{
    uint64_t image = i / j->chunks, at = i % j->chunks * POSITIONS, left = j->positions - at;
    struct chunk c = {.first = image * j->positions + at, .count = left < POSITIONS ? left : POSITIONS, .step = j->classes};
    uint64_t place = j->pixels == 1 ? c.first * j->classes : image * j->classes * j->pixels + at;
    c.x = j->x + place;
    c.q = j->q ? j->q + place : NULL;
    c.dx = j->out && j->dy ? j->out + place : NULL;
    if (j->pixels > 1) {
        uint64_t floats = POSITIONS * j->classes;
        float *rows = j->rows + worker * 3 * floats;
        j->isa->move->transpose(c.x, j->pixels, j->classes, c.count, rows, j->classes);
        c.x = rows;
        if (c.q)
            j->isa->move->transpose(c.q, j->pixels, j->classes, c.count, rows + floats, j->classes);
        c.q = c.q ? rows + floats : NULL;
        c.dx = rows + 2 * floats;
    }
    return c;
}

/* Row k of a chunk, its softmax worked out but for the last step. */
static struct simd_loss_row row_of(const struct job *j, const struct chunk *c, uint64_t k)
{
    const struct simd_rows_fns *rows = j->isa->rows;
    struct simd_loss_row r = {.x = c->x + k * c->step,
                              .q = c->q ? c->q + k * c->step : NULL,
                              .w = j->w,
                              .n = j->classes,
                              .keep = 1 - j->p->smoothing,
                              .floor = j->p->smoothing / (float)j->classes};
    r.top = (float)rows->fold(CVK_REDUCE_MAX, r.x, r.n, 0);
    double sum = rows->fold(CVK_REDUCE_LOG_SUM_EXP, r.x, r.n, r.top);
    r.log_sum = (float)log(sum);
    r.inverse = (float)(1 / sum);
    return r;
}

static double loss_of(const struct job *j, const struct simd_loss_row *r, uint64_t position)
{
    if (j->q)
        return -j->isa->loss->log_likelihood(r);
    int64_t t = class_of(j, position);
    double own = (double)r->x[t] - (double)r->top - (double)r->log_sum;
    double loss = -(double)r->keep * (j->w ? (double)j->w[t] : 1) * own;
    return j->p->smoothing > 0 ? loss - j->isa->loss->log_likelihood(r) : loss; /* what smoothing gives to all classes */
}

static void run_softmax(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    for (uint64_t i = begin; i < end; i++) {
        struct chunk c = chunk_of(j, i, worker);
        double sum = 0;
        for (uint64_t k = 0; k < c.count; k++) {
            double loss = 0;
            if (!ignored(j, c.first + k)) {
                struct simd_loss_row r = row_of(j, &c, k);
                loss = loss_of(j, &r, c.first + k);
            }
            sum += loss;
            if (j->out)
                j->out[c.first + k] = (float)loss;
        }
        j->parts[i].loss = sum;
    }
}

/* With f = w * label: dx = factor * (p * sum(f) - f). Class numbers have labels of their own at one place. */
static void softmax_backward(const struct job *j, const struct simd_loss_row *r, uint64_t position, float factor, float *dx)
{
    const struct simd_loss_fns *fns = j->isa->loss;
    if (j->q) {
        fns->softmax_backward(r, (float)fns->labels(r), factor, dx);
        return;
    }
    int64_t t = class_of(j, position);
    double w = j->w ? (double)j->w[t] : 1, total = (double)r->keep * w + (double)r->floor * j->weights;
    fns->softmax_backward(r, (float)total, factor, dx);
    dx[t] -= factor * r->keep * (float)w;
}

static void run_softmax_backward(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    for (uint64_t i = begin; i < end; i++) {
        struct chunk c = chunk_of(j, i, worker);
        for (uint64_t k = 0; k < c.count; k++) {
            float *dx = c.dx + k * c.step;
            double dy = (double)j->dy[j->p->reduction == CVK_LOSS_NONE ? c.first + k : 0];
            if (ignored(j, c.first + k)) {
                memset(dx, 0, j->classes * sizeof *dx);
                continue;
            }
            struct simd_loss_row r = row_of(j, &c, k);
            softmax_backward(j, &r, c.first + k, (float)(dy / j->divisor), dx);
        }
        if (j->pixels > 1) {
            float *to = j->out + i / j->chunks * j->classes * j->pixels + i % j->chunks * POSITIONS;
            j->isa->move->transpose(c.dx, j->classes, c.count, j->classes, to, j->pixels);
        }
    }
}

/* The weights of the classes that are met, and a class that is none. */
static void read_classes(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        struct part part = {.bad = UINT64_MAX};
        uint64_t first = i / j->chunks * j->positions + i % j->chunks * POSITIONS,
                 left = j->positions - i % j->chunks * POSITIONS;
        for (uint64_t k = 0; k < left && k < POSITIONS; k++) {
            int64_t t = class_of(j, first + k);
            if (ignored(j, first + k))
                continue;
            if (t >= 0 && t < (int64_t)j->classes)
                part.weight += j->w ? (double)j->w[t] : 1;
            else if (part.bad == UINT64_MAX)
                part.bad = first + k;
        }
        j->parts[i] = part;
    }
}

/* Checks the class numbers and finds what the mean divides by. */
static int32_t prepare_softmax(struct cvk_exec *e, struct job *j)
{
    double sum = 0;
    j->weights = (double)j->classes;
    j->divisor = j->p->reduction != CVK_LOSS_MEAN ? 1 : (double)(j->images * j->positions);
    if (j->q)
        return CVK_OK;
    simd_parallel(e, j->images * j->chunks, read_classes, j);
    for (uint64_t i = 0; i < j->images * j->chunks; i++) {
        uint64_t bad = j->parts[i].bad;
        if (bad != UINT64_MAX)
            return cvk_fail(e->host, CVK_E_ARG, "loss '%s': class %lld at position %llu of the target is outside 0..%lld",
                            e->node->name ? e->node->name : "", (long long)class_of(j, bad), (unsigned long long)bad,
                            (long long)j->classes - 1);
        sum += j->parts[i].weight;
    }
    if (j->p->reduction == CVK_LOSS_MEAN)
        j->divisor = sum;
    if (j->w) {
        j->weights = 0;
        for (uint64_t c = 0; c < j->classes; c++)
            j->weights += (double)j->w[c];
    }
    return CVK_OK;
}

/* ---- elements ----------------------------------------------------------------------------------------------------- */

/* Elements first..last-1 whose weights lie together or are one. */
static uint64_t run_end(const struct job *j, uint64_t first, uint64_t last)
{
    uint64_t together = j->w ? (j->pixels == 1 ? j->classes : j->pixels) : last, end = (first / together + 1) * together;
    return end < last ? end : last;
}

static void run_elements(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    static const float one = 1;
    const struct job *j = arg;
    bool each = j->p->reduction == CVK_LOSS_NONE;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t last = (i + 1) * ELEMENTS < j->elements ? (i + 1) * ELEMENTS : j->elements;
        double sum = 0;
        for (uint64_t at = i * ELEMENTS, next; at < last; at = next) {
            next = run_end(j, at, last);
            struct simd_loss_elements el = {.kind = j->p->kind,
                                            .w_step = j->w && j->pixels == 1,
                                            .dy_step = each,
                                            .x = j->x + at,
                                            .q = j->q + at,
                                            .w = j->w ? j->w + at / j->pixels % j->classes : &one,
                                            .dy = each && j->dy ? j->dy + at : j->dy,
                                            .n = next - at,
                                            .keep = 1 - j->p->smoothing,
                                            .floor = j->p->smoothing / 2,
                                            .delta = j->p->delta,
                                            .factor = (float)(1 / j->divisor)};
            if (j->dy)
                j->isa->loss->elements_backward(&el, j->out + at);
            else
                sum += j->isa->loss->elements(&el, j->out ? j->out + at : NULL);
        }
        if (!j->dy)
            j->parts[i].loss = sum;
    }
}

/* ---- runs --------------------------------------------------------------------------------------------------------- */

/* x: the input that it is, behind which target and weights stand. */
static struct job job_of(const struct cvk_node *node, uint32_t x)
{
    const struct cvk_tensor_desc *d = node->inputs[x];
    struct job j = {.p = node->params, .classes = (uint64_t)d->dims[1], .pixels = 1, .elements = cvk_cpu_count(d)};
    for (uint32_t i = 2; i < d->rank; i++)
        j.pixels *= (uint64_t)d->dims[i];
    j.images = j.pixels == 1 ? 1 : (uint64_t)d->dims[0];
    j.positions = j.pixels == 1 ? (uint64_t)d->dims[0] : j.pixels;
    j.chunks = simd_ceil_div(j.positions, POSITIONS);
    return j;
}

static bool by_rows(const struct job *j)
{
    return j->p->kind == CVK_LOSS_SOFTMAX_CROSS_ENTROPY;
}

static uint64_t chunks_of(const struct job *j)
{
    return by_rows(j) ? j->images * j->chunks : simd_ceil_div(j->elements, ELEMENTS);
}

static struct job bound_job(struct cvk_exec *e, uint32_t x)
{
    const struct cvk_tensor_desc *target = e->node->inputs[x + 1];
    char *workspace = cvk_cpu_pointer(e->workspace);
    struct job j = job_of(e->node, x);
    j.isa = simd_device_of(e)->isa;
    j.x = cvk_cpu_input(e, x);
    j.w = cvk_cpu_input(e, x + 2);
    j.wide = target->dtype == CVK_I64;
    if (target->dtype == CVK_F32)
        j.q = cvk_cpu_input(e, x + 1);
    else
        j.classes_at = cvk_cpu_input(e, x + 1);
    j.parts = workspace ? (struct part *)(workspace + e->plan->user[NOTE_SUMS]) : NULL;
    j.rows = workspace ? (float *)(workspace + e->plan->user[NOTE_ROWS]) : NULL;
    j.divisor = j.p->reduction == CVK_LOSS_MEAN ? (double)j.elements : 1;
    return j;
}

static int32_t run(struct cvk_exec *e)
{
    struct job j = bound_job(e, 0);
    float *y = cvk_cpu_output(e, 0);
    double sum = 0;
    if (by_rows(&j))
        SIMD_TRY(prepare_softmax(e, &j));
    j.out = j.p->reduction == CVK_LOSS_NONE ? y : NULL;
    simd_parallel(e, chunks_of(&j), by_rows(&j) ? run_softmax : run_elements, &j);
    for (uint64_t i = 0; !j.out && i < chunks_of(&j); i++)
        sum += j.parts[i].loss;
    if (!j.out)
        *y = (float)(sum / j.divisor);
    return CVK_OK;
}

static int32_t run_backward(struct cvk_exec *e)
{
    struct job j = bound_job(e, 1);
    j.dy = cvk_cpu_input(e, 0);
    j.out = cvk_cpu_output(e, 0);
    if (by_rows(&j))
        SIMD_TRY(prepare_softmax(e, &j));
    simd_parallel(e, chunks_of(&j), by_rows(&j) ? run_softmax_backward : run_elements, &j);
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_loss_params *p = q->node->params;
    struct job j = job_of(q->node, q->node->pass == CVK_PASS_FORWARD ? 0 : 1);
    if (p->kind >= CVK_LOSS_KINDS)
        return cvk_refuse(q, "loss %u is newer than this backend", p->kind);
    if (j.classes == 0)
        return cvk_refuse(q, "no classes");
    plan->user[NOTE_SUMS] = cvk_book(plan, chunks_of(&j) * sizeof(struct part));
    plan->user[NOTE_ROWS] = plan->workspace_bytes;
    if (by_rows(&j) && j.pixels > 1)
        cvk_book(plan, 3 * POSITIONS * j.classes * simd_asked(q)->threads * sizeof(float));
    return CVK_OK;
}

const struct cvk_kernel simd_loss_rows[] = {
    {SIMD_ROW(LOSS, "chunks"), .plan = plan, .run = run},
    {SIMD_ROW(LOSS, "chunks"), .pass = CVK_PASS_BACKWARD_DATA, .plan = plan, .run = run_backward},
};
const uint32_t simd_loss_row_count = SIMD_COUNT(simd_loss_rows);
