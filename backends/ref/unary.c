/* SPDX-License-Identifier: MIT
 * unary on the reference: in doubles, or in 64-bit whole numbers for the integer types. */
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

const struct cvk_kernel ref_unary_rows[] = {
    {REF_ROW(UNARY, "plain"), .flags = CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_IN_PLACE, .dtypes = REF_ALL, .plan = plan, .run = run},
};
const uint32_t ref_unary_row_count = REF_COUNT(ref_unary_rows);
