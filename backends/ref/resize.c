/* SPDX-License-Identifier: MIT
 * resize: along each axis an output index reads a few elements of x with weights; the table of these is made once a run, and
 * an element is the sum over all axes' products. */
#include "ref_adjoint.h"
#include "ref_move.h"

struct job {
    const struct cvk_resize_params *p;
    const struct cvk_tensor_desc *x, *y;
    const void *src;
    void *dst;
    const struct ref_taps *axis[CVK_MAX_RANK]; /* per output index; no taps: it lies outside x */
    int64_t strides[CVK_MAX_RANK];             /* of x */
};

/* The place in x of output index i. A scale that is the sizes' ratio up to the precision of float is meant to be that ratio, and
 * with whole numbers above and below the line places that are whole, or halves, come out exact: nearest decides by them. */
static double place_of(const struct cvk_resize_params *p, uint32_t axis, int64_t i, int64_t in, int64_t out)
{
    double scale = p->scale[axis], above = (double)in, below = (double)out, last = (double)(in - 1);
    int exact = (float)scale == (float)(below / above);
    if (!exact) {
        above = 1;
        below = scale;
    }
    double half = ((double)i + 0.5) * above / below, whole = (double)i * above / below, wide;
    if (!exact && p->mode == CVK_RESIZE_NEAREST) { /* 3 / 0.6 is 5, but not in double with 0.6 from a float */
        half = (double)(float)half;
        whole = (double)(float)whole;
    }
    switch (p->coord) {
    case CVK_COORD_ASYMMETRIC: return whole;
    case CVK_COORD_ALIGN_CORNERS:
        wide = exact ? (double)out : (double)in * scale;
        return out == 1 || wide == 1 ? 0 : (double)i * last / (wide - 1);
    case CVK_COORD_PYTORCH_HALF_PIXEL: return out == 1 ? 0 : half - 0.5;
    case CVK_COORD_TF_HALF_PIXEL_FOR_NN: return half;
    case CVK_COORD_TF_CROP_AND_RESIZE:
        if (out == 1)
            return 0.5 * (p->roi_begin[axis] + p->roi_end[axis]) * last;
        return p->roi_begin[axis] * last + (double)i * (p->roi_end[axis] - p->roi_begin[axis]) * last / (double)(out - 1);
    default: return half - 0.5;
    }
}

static double nearest(uint32_t mode, double place)
{
    switch (mode) {
    case CVK_NEAREST_ROUND_PREFER_CEIL: return floor(place + 0.5);
    case CVK_NEAREST_FLOOR: return floor(place);
    case CVK_NEAREST_CEIL: return ceil(place);
    default: return ceil(place - 0.5);
    }
}

/* Keys' cubic: the weights of the elements -1, 0, 1, 2 after floor(place), r behind it. */
static void cubic(double a, double r, double w[4])
{
    double s = 1 - r;
    w[0] = ((a * (r + 1) - 5 * a) * (r + 1) + 8 * a) * (r + 1) - 4 * a;
    w[1] = ((a + 2) * r - (a + 3)) * r * r + 1;
    w[2] = ((a + 2) * s - (a + 3)) * s * s + 1;
    w[3] = ((a * (s + 1) - 5 * a) * (s + 1) + 8 * a) * (s + 1) - 4 * a;
}

static int64_t clamp(double at, int64_t in)
{
    return at < 0 ? 0 : at > (double)(in - 1) ? in - 1 : (int64_t)at;
}

static struct ref_taps taps_of(const void *params, uint32_t axis, int64_t i, int64_t in, int64_t out)
{
    const struct cvk_resize_params *p = params;
    struct ref_taps t = {.count = 0};
    double place = place_of(p, axis, i, in, out), first = floor(place), r = place - first;
    if (p->coord == CVK_COORD_TF_CROP_AND_RESIZE && !(place >= 0 && place <= (double)(in - 1)))
        return t;
    if (p->mode == CVK_RESIZE_NEAREST)
        return (struct ref_taps){.count = 1, .at = {clamp(nearest(p->nearest, place), in)}, .weight = {1}};

    double w[4] = {0, 1 - r, r, 0}, sum = 0;
    if (p->mode == CVK_RESIZE_CUBIC)
        cubic((double)p->cubic_a, r, w);
    for (int k = 0; k < 4; k++) {
        double at = first + k - 1;
        if (p->exclude_outside && (at < 0 || at > (double)(in - 1)))
            continue;
        if (w[k] != 0) { /* what has no weight is not read: a whole place gives the element itself, beside a NaN too */
            t.at[t.count] = clamp(at, in);
            t.weight[t.count++] = w[k];
            sum += w[k];
        }
    }
    for (int k = 0; k < t.count && p->exclude_outside; k++)
        t.weight[k] /= sum;
    return t;
}

/* The sum over the axes from `axis` on, at element `offset` of the axes before. */
static double sample(const struct job *j, const struct ref_walk *w, uint32_t axis, int64_t offset)
{
    if (axis == w->rank)
        return ref_load(j->src, j->x->dtype, (uint64_t)offset);
    const struct ref_taps *t = &j->axis[axis][w->index[axis]];
    if (t->count == 1 && t->weight[0] == 1)
        return sample(j, w, axis + 1, offset + t->at[0] * j->strides[axis]);
    double sum = 0;
    for (int k = 0; k < t->count; k++)
        sum += t->weight[k] * sample(j, w, axis + 1, offset + t->at[k] * j->strides[axis]);
    return sum;
}

static void resize(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    struct ref_walk w;
    uint32_t bytes = ref_dtype_bytes(j->x->dtype);
    (void)worker;
    ref_walk_init(&w, j->y->rank, j->y->dims);
    ref_walk_seek(&w, begin);
    for (uint64_t i = begin; i < end; i++, ref_walk_next(&w)) {
        int outside = 0;
        int64_t from = 0;
        for (uint32_t k = 0; k < w.rank; k++) {
            const struct ref_taps *t = &j->axis[k][w.index[k]];
            outside = outside || t->count == 0;
            from += t->at[0] * j->strides[k];
        }
        if (outside)
            ref_store(j->dst, j->y->dtype, i, (double)j->p->extrapolation);
        else if (j->p->mode == CVK_RESIZE_NEAREST)
            ref_copy(j->dst, (int64_t)i, j->src, from, bytes);
        else
            ref_store(j->dst, j->y->dtype, i, sample(j, &w, 0, 0));
    }
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_tensor_desc *y = q->node->outputs[0];
    for (uint32_t i = 0; i < y->rank && y->bytes > 0; i++)
        cvk_book(plan, (uint64_t)y->dims[i] * sizeof(struct ref_taps));
    return CVK_OK;
}

static int32_t run(struct cvk_exec *e)
{
    struct job j = {.p = e->node->params,
                    .x = e->node->inputs[0],
                    .y = e->node->outputs[0],
                    .src = cvk_cpu_input(e, 0),
                    .dst = cvk_cpu_output(e, 0)};
    char *table = cvk_cpu_pointer(e->workspace);
    if (j.y->bytes == 0)
        return CVK_OK;
    ref_strides(j.x->rank, j.x->dims, j.strides);
    for (uint32_t axis = 0; axis < j.y->rank; axis++) {
        struct ref_taps *t = (struct ref_taps *)table;
        for (int64_t i = 0; i < j.y->dims[axis]; i++)
            t[i] = taps_of(j.p, axis, i, j.x->dims[axis], j.y->dims[axis]);
        j.axis[axis] = t;
        table += ((uint64_t)j.y->dims[axis] * sizeof *t + CVK_ALIGN_BYTES - 1) / CVK_ALIGN_BYTES * CVK_ALIGN_BYTES;
    }
    ref_parallel(e, cvk_cpu_count(j.y), resize, &j);
    return CVK_OK;
}

static int32_t run_backward(struct cvk_exec *e)
{
    return ref_adjoint_run(e, taps_of);
}

const struct cvk_kernel ref_resize_rows[] = {
    {REF_ROW(RESIZE, "plain"), .dtypes = REF_ALL, .plan = plan, .run = run},
    {REF_ROW(RESIZE, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .plan = ref_adjoint_plan,
     .run = run_backward},
};
const uint32_t ref_resize_row_count = REF_COUNT(ref_resize_rows);
