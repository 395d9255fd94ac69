/* SPDX-License-Identifier: MIT
 * unary on the reference: in doubles, or in 64-bit whole numbers for the integer types. Gradients are of floating point alone.
 */
#include "ref_flat.h"

struct job {
    const struct cvk_unary_params *p;
    const void *x;
    void *y;
    uint32_t dtype_x, dtype_y;
    uint64_t count;
};

/* Clip's bound as the nearest whole number inside: up for the lower, down for the upper. */
static int64_t clip_int(uint32_t dtype, int64_t x, double lo, double hi)
{
    lo = ceil(lo);
    hi = floor(hi);
    /* u64 comes as the bits of an i64, so its numbers are compared as such; a bound is turned into bits the same way. */
    if (dtype == CVK_U64) {
        uint64_t value = (uint64_t)x, bound;
        ref_store(&bound, CVK_U64, 0, lo);
        value = value < bound ? bound : value;
        ref_store(&bound, CVK_U64, 0, hi);
        return (int64_t)(value > bound ? bound : value);
    }
    int64_t low, high;
    ref_store(&low, CVK_I64, 0, lo);
    ref_store(&high, CVK_I64, 0, hi);
    x = x < low ? low : x;
    return x > high ? high : x;
}

static int64_t on_int(const struct job *j, int64_t x)
{
    int negative = x < 0 && j->dtype_x != CVK_U64;
    switch (j->p->kind) {
    case CVK_ABS:
        return negative ? (int64_t)(0 - (uint64_t)x) : x;
    case CVK_NEG:
        return (int64_t)(0 - (uint64_t)x);
    case CVK_SIGN:
        return negative ? -1 : x != 0;
    case CVK_NOT:
        return x == 0;
    case CVK_RELU:
        return negative ? 0 : x;
    default:
        return clip_int(j->dtype_x, x, (double)j->p->a, (double)j->p->b);
    }
}

static void run_chunks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t chunk = begin; chunk < end; chunk++) {
        uint64_t first = chunk * REF_CHUNK, last = first + REF_CHUNK < j->count ? first + REF_CHUNK : j->count;
        if (!ref_is_float(j->dtype_x)) {
            for (uint64_t i = first; i < last; i++)
                ref_store_int(j->y, j->dtype_y, i, on_int(j, ref_load_int(j->x, j->dtype_x, i)));
            continue;
        }
        double row[REF_CHUNK];
        ref_load_row(row, j->x, j->dtype_x, first, last - first);
        for (uint64_t i = 0; i < last - first; i++)
            row[i] = ref_unary(j->p->kind, (double)j->p->a, (double)j->p->b, row[i]);
        ref_store_row(j->y, j->dtype_y, first, row, last - first);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    struct job j = {e->node->params, cvk_cpu_input(e, 0), cvk_cpu_output(e, 0), x->dtype, y->dtype, ref_flat_count(y)};
    ref_parallel(e, ref_chunks(j.count), run_chunks, &j);
    ref_zero_tail(y, j.y);
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_unary_params *p = q->node->params;
    (void)plan;
    return p->kind < CVK_UNARY_KINDS ? CVK_OK : cvk_refuse(q, "unary kind %u is newer than this backend", p->kind);
}

/* ---- backward ------------------------------------------------------------------------------------------------- */

struct back_job {
    uint32_t kind, dtype, from_y;
    double a, b;
    const void *dy, *other; /* x or y */
    void *dx;
    uint64_t count;
};

/* Where the derivative is 0, dx is 0 whatever dy is: what was cut off has no part in anything. */
static void run_back_chunks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct back_job *j = arg;
    (void)worker;
    for (uint64_t chunk = begin; chunk < end; chunk++) {
        uint64_t first = chunk * REF_CHUNK, count = first + REF_CHUNK < j->count ? REF_CHUNK : j->count - first;
        double dy[REF_CHUNK], at[REF_CHUNK];
        ref_load_row(dy, j->dy, j->dtype, first, count);
        ref_load_row(at, j->other, j->dtype, first, count);
        for (uint64_t i = 0; i < count; i++) {
            double slope =
                j->from_y ? ref_unary_slope_y(j->kind, j->a, j->b, at[i]) : ref_unary_slope_x(j->kind, j->a, j->b, at[i]);
            dy[i] = slope == 0 ? 0 : dy[i] * slope;
        }
        ref_store_row(j->dx, j->dtype, first, dy, count);
    }
}

static int32_t run_backward(struct cvk_exec *e)
{
    const struct cvk_unary_params *p = e->node->params;
    const struct cvk_tensor_desc *dx = e->node->outputs[0];
    struct back_job j = {.kind = p->kind,
                         .dtype = dx->dtype,
                         .from_y = cvk_unary_gradient_from_y(p),
                         .a = (double)p->a,
                         .b = (double)p->b,
                         .dy = cvk_cpu_input(e, 0),
                         .other = cvk_cpu_input(e, 1),
                         .dx = cvk_cpu_output(e, 0),
                         .count = ref_flat_count(dx)};
    if (p->kind == CVK_CLIP) { /* y at a bound is the bound as y's type has it */
        double bounds[2];
        ref_store(&bounds[0], j.dtype, 0, j.a);
        ref_store(&bounds[1], j.dtype, 0, j.b);
        j.a = ref_load(&bounds[0], j.dtype, 0);
        j.b = ref_load(&bounds[1], j.dtype, 0);
    }
    ref_parallel(e, ref_chunks(j.count), run_back_chunks, &j);
    ref_zero_tail(dx, j.dx);
    return CVK_OK;
}

static int32_t plan_backward(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_unary_params *p = q->node->params;
    (void)plan;
    return p->kind < CVK_NOT ? CVK_OK : cvk_refuse(q, "unary kind %u has no gradient or is newer than this backend", p->kind);
}

const struct cvk_kernel ref_unary_rows[] = {
    {REF_ROW(UNARY, "plain"), .flags = CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_IN_PLACE, .dtypes = REF_ALL, .plan = plan, .run = run},
    {REF_ROW(UNARY, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_IN_PLACE,
     .dtypes = REF_FLOATS, .plan = plan_backward, .run = run_backward},
};
const uint32_t ref_unary_row_count = REF_COUNT(ref_unary_rows);
