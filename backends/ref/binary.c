/* SPDX-License-Identifier: MIT
 * binary on the reference: in doubles, or in 64-bit whole numbers for the integer types; one row for equal sizes in any
 * layout, one with broadcasting. Gradients are of floating point alone. */
#include "ref_shrink.h"

struct job {
    uint32_t kind, dtype_a, dtype_b, dtype_y;
    const void *a, *b;
    void *y;
    uint64_t count;
    struct ref_walk walk; /* a is operand 0, b is operand 1; unused by the flat row */
};

/* Python's %: the sign of the divisor. */
static double float_mod(double a, double b)
{
    double rest = fmod(a, b);
    if (rest == 0)
        return copysign(0, b);
    return (rest < 0) != (b < 0) ? rest + b : rest;
}

static double on_float(uint32_t kind, double a, double b)
{
    switch (kind) {
    case CVK_ADD:
        return a + b;
    case CVK_SUB:
        return a - b;
    case CVK_MUL:
        return a * b;
    case CVK_DIV:
        return a / b;
    case CVK_POW:
        return pow(a, b);
    case CVK_MIN:
        return a != a || a < b ? a : b;
    case CVK_MAX:
        return a != a || a > b ? a : b;
    case CVK_MOD:
        return float_mod(a, b);
    case CVK_FMOD:
        return fmod(a, b);
    case CVK_PRELU:
        return a < 0 ? a * b : a;
    case CVK_EQUAL:
        return a == b;
    case CVK_LESS:
        return a < b;
    case CVK_LESS_EQUAL:
        return a <= b;
    case CVK_GREATER:
        return a > b;
    default:
        return a >= b;
    }
}

/* Two's complement power by squaring; a negative exponent gives the reciprocal truncated toward zero. */
static int64_t int_pow(int64_t base, int64_t exponent, int exponent_signed)
{
    if (exponent < 0 && exponent_signed)
        return base == 1 ? 1 : base == -1 ? (exponent % 2 ? -1 : 1) : 0;
    uint64_t result = 1, square = (uint64_t)base;
    for (uint64_t left = (uint64_t)exponent; left; left >>= 1) {
        if (left & 1)
            result *= square;
        square *= square;
    }
    return (int64_t)result;
}

/* Quotient and rest of u64, which come as the bits of i64. */
static int64_t on_u64_division(uint32_t kind, uint64_t a, uint64_t b)
{
    return b == 0 ? 0 : (int64_t)(kind == CVK_DIV ? a / b : a % b);
}

static int64_t on_division(uint32_t kind, int64_t a, int64_t b)
{
    if (b == 0)
        return 0;
    if (b == -1) /* the smallest number has no opposite: it stays itself instead of trapping */
        return kind == CVK_DIV ? (int64_t)(0 - (uint64_t)a) : 0;
    if (kind == CVK_DIV)
        return a / b;
    int64_t rest = a % b;
    return kind == CVK_MOD && rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

static int64_t on_int(const struct job *j, int64_t a, int64_t b)
{
    /* Turning the top bit makes the order of u64 that of i64. */
    int64_t turn = j->dtype_a == CVK_U64 ? INT64_MIN : 0, left = a ^ turn, right = b ^ turn;
    switch (j->kind) {
    case CVK_ADD:
        return (int64_t)((uint64_t)a + (uint64_t)b);
    case CVK_SUB:
        return (int64_t)((uint64_t)a - (uint64_t)b);
    case CVK_MUL:
        return (int64_t)((uint64_t)a * (uint64_t)b);
    case CVK_DIV:
    case CVK_MOD:
    case CVK_FMOD:
        return turn ? on_u64_division(j->kind, (uint64_t)a, (uint64_t)b) : on_division(j->kind, a, b);
    case CVK_POW:
        return int_pow(a, b, j->dtype_b != CVK_U64);
    case CVK_MIN:
        return left < right ? a : b;
    case CVK_MAX:
        return left > right ? a : b;
    case CVK_PRELU:
        return a < 0 && !turn ? (int64_t)((uint64_t)a * (uint64_t)b) : a;
    case CVK_EQUAL:
        return a == b;
    case CVK_LESS:
        return left < right;
    case CVK_LESS_EQUAL:
        return left <= right;
    case CVK_GREATER:
        return left > right;
    case CVK_GREATER_EQUAL:
        return left >= right;
    case CVK_AND:
        return a && b;
    case CVK_OR:
        return a || b;
    default:
        return !a != !b; /* xor */
    }
}

/* y[i] from a[ia] and b[ib]. Only pow mixes types: an integer base with a floating-point exponent is worked out in double. */
static void one(const struct job *j, uint64_t i, uint64_t ia, uint64_t ib)
{
    if (ref_is_float(j->dtype_a) || ref_is_float(j->dtype_b))
        ref_store(j->y, j->dtype_y, i, on_float(j->kind, ref_load(j->a, j->dtype_a, ia), ref_load(j->b, j->dtype_b, ib)));
    else
        ref_store_int(j->y, j->dtype_y, i, on_int(j, ref_load_int(j->a, j->dtype_a, ia), ref_load_int(j->b, j->dtype_b, ib)));
}

static void flat_chunks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t last = end * REF_CHUNK < j->count ? end * REF_CHUNK : j->count;
    (void)worker;
    for (uint64_t i = begin * REF_CHUNK; i < last; i++)
        one(j, i, i, i);
}

static void broadcast_chunks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    struct ref_walk walk = j->walk;
    uint64_t last = end * REF_CHUNK < j->count ? end * REF_CHUNK : j->count;
    (void)worker;
    ref_walk_seek(&walk, begin * REF_CHUNK);
    for (uint64_t i = begin * REF_CHUNK; i < last; i++, ref_walk_next(&walk))
        one(j, i, (uint64_t)walk.offset[0], (uint64_t)walk.offset[1]);
}

static struct job job_of(struct cvk_exec *e)
{
    struct job j = {.kind = ((const struct cvk_binary_params *)e->node->params)->kind};
    j.dtype_a = e->node->inputs[0]->dtype;
    j.dtype_b = e->node->inputs[1]->dtype;
    j.dtype_y = e->node->outputs[0]->dtype;
    j.a = cvk_cpu_input(e, 0);
    j.b = cvk_cpu_input(e, 1);
    j.y = cvk_cpu_output(e, 0);
    j.count = ref_flat_count(e->node->outputs[0]);
    return j;
}

static int32_t run_flat(struct cvk_exec *e)
{
    struct job j = job_of(e);
    ref_parallel(e, ref_chunks(j.count), flat_chunks, &j);
    ref_zero_tail(e->node->outputs[0], j.y); /* 0 / 0 and 0 == 0 are not 0 */
    return CVK_OK;
}

static int32_t run_broadcast(struct cvk_exec *e)
{
    struct job j = job_of(e);
    ref_walk_init(&j.walk, e->node->outputs[0]->rank, e->node->outputs[0]->dims);
    ref_walk_add(&j.walk, e->node->inputs[0]);
    ref_walk_add(&j.walk, e->node->inputs[1]);
    ref_parallel(e, ref_chunks(j.count), broadcast_chunks, &j);
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_binary_params *p = q->node->params;
    (void)plan;
    return p->kind < CVK_BINARY_KINDS ? CVK_OK : cvk_refuse(q, "binary kind %u is newer than this backend", p->kind);
}

static int32_t plan_flat(const struct cvk_query *q, struct cvk_plan *out)
{
    const struct cvk_tensor_desc *a = q->node->inputs[0], *b = q->node->inputs[1];
    if (a->rank != b->rank || memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) != 0)
        return cvk_refuse(q, "the inputs have different sizes");
    return plan(q, out);
}

/* ---- backward ------------------------------------------------------------------------------------------------- */

struct back_job {
    uint32_t kind, dtype_dy, dtype_a, dtype_b, of; /* of: 0 the gradient of a, 1 that of b */
    const void *dy, *a, *b;
};

/* Two equal ones share evenly. */
static double share(double mine, double other)
{
    return mine > other ? 1 : mine == other ? 0.5 : 0;
}

static double pow_slope(double a, double b, int of_b)
{
    if (of_b) /* 0^b stays 0 for b > 0 */
        return a == 0 && b >= 0 ? 0 : pow(a, b) * log(a);
    return b == 0 ? 0 : b * pow(a, b - 1);
}

/* The derivative in a or b. */
static double slope(uint32_t kind, double a, double b, int of_b)
{
    switch (kind) {
    case CVK_ADD: return 1;
    case CVK_SUB: return of_b ? -1 : 1;
    case CVK_MUL: return of_b ? a : b;
    case CVK_DIV: return of_b ? -a / (b * b) : 1 / b;
    case CVK_POW: return pow_slope(a, b, of_b);
    case CVK_MIN: return of_b ? share(a, b) : share(b, a);
    case CVK_MAX: return of_b ? share(b, a) : share(a, b);
    case CVK_MOD: return of_b ? -floor(a / b) : 1;
    case CVK_FMOD: return of_b ? -trunc(a / b) : 1;
    default: return of_b ? (a < 0 ? a : 0) : a > 0 ? 1 : b; /* prelu */
    }
}

static double element(const void *arg, const int64_t *at)
{
    const struct back_job *j = arg;
    double a = ref_load(j->a, j->dtype_a, (uint64_t)at[1]), b = ref_load(j->b, j->dtype_b, (uint64_t)at[2]);
    double s = slope(j->kind, a, b, j->of == 1);
    return s == 0 ? 0 : s * ref_load(j->dy, j->dtype_dy, (uint64_t)at[0]);
}

/* Inputs dy, a, b; outputs da, db. */
static int32_t run_backward(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *const *in = e->node->inputs;
    for (uint32_t i = 0; i < 2; i++) {
        struct back_job j = {((const struct cvk_binary_params *)e->node->params)->kind,
                             in[0]->dtype,
                             in[1]->dtype,
                             in[2]->dtype,
                             i,
                             cvk_cpu_input(e, 0),
                             cvk_cpu_input(e, 1),
                             cvk_cpu_input(e, 2)};
        if (!cvk_cpu_output(e, i))
            continue;
        struct ref_shrink s = ref_shrink_of(in[0]->rank, in[0]->dims, e->node->outputs[i]);
        for (uint32_t k = 0; k < 3; k++)
            ref_shrink_add(&s, in[k]);
        ref_shrink_run(e, i, &s, element, &j);
    }
    return CVK_OK;
}

static int32_t plan_backward(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_binary_params *p = q->node->params;
    (void)plan;
    return p->kind < CVK_EQUAL ? CVK_OK
                               : cvk_refuse(q, "binary kind %u has no gradient or is newer than this backend", p->kind);
}

const struct cvk_kernel ref_binary_rows[] = {
    {REF_ROW(BINARY, "flat"), .flags = CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_IN_PLACE, .dtypes = REF_ALL, .plan = plan_flat,
     .run = run_flat},
    {REF_ROW(BINARY, "broadcast"), .dtypes = REF_ALL, .plan = plan, .run = run_broadcast},
    {REF_ROW(BINARY, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .plan = plan_backward,
     .run = run_backward},
};
const uint32_t ref_binary_row_count = REF_COUNT(ref_binary_rows);
