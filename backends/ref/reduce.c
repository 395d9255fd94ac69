/* SPDX-License-Identifier: MIT
 * reduce on the reference: in doubles, or in 64-bit whole numbers where the result of an integer type is one.
 *
 * Neighbouring axes of one kind (kept or folded) are merged. If the last ones are kept, a worker makes up to REF_LANES
 * neighbouring results together, so that memory is read in rows; if they are folded, it reads one run for one result. Backward
 * a worker goes over everything that belongs to one result, twice: for what all of it must know, then to store. */
#include "ref_flat.h"

struct job {
    uint32_t kind, dtype;
    const void *x;
    void *y;
    uint64_t outer, inner;        /* results: outer * inner; inner ones are neighbours in x */
    uint64_t tiles;               /* of REF_LANES in inner */
    uint64_t steps, run;          /* elements of one result: steps * run; those of a run are neighbours in x */
    struct ref_walk kept, folded; /* over outer, over steps */
};

/* Folds elements first..first+count-1 into sums[i * lane_step]. */
typedef void (*fold_fn)(const struct job *j, void *sums, uint64_t lane_step, uint64_t first, uint64_t count);

/* Goes over everything that belongs to `lanes` neighbouring results, the first of which starts at element base. */
static void sweep(const struct job *j, uint64_t base, uint64_t lanes, fold_fn fold, void *sums)
{
    struct ref_walk walk = j->folded;
    if (j->steps == 0 || j->run == 0)
        return;
    ref_walk_seek(&walk, 0);
    for (uint64_t s = 0; s < j->steps; s++, ref_walk_next(&walk)) {
        uint64_t first = base + (uint64_t)walk.offset[0];
        if (j->run > 1)
            fold(j, sums, 0, first, j->run);
        else
            fold(j, sums, 1, first, lanes);
    }
}

/* ---- doubles -------------------------------------------------------------------------------------------------- */

struct float_sums {
    double sum[REF_LANES];
    double top[REF_LANES]; /* largest element, for log_sum_exp */
    uint32_t kind;         /* of this sweep */
};

static double fold_float(uint32_t kind, double sum, double top, double x)
{
    switch (kind) {
    case CVK_REDUCE_MAX:
        return sum != sum || sum > x ? sum : x;
    case CVK_REDUCE_MIN:
        return sum != sum || sum < x ? sum : x;
    case CVK_REDUCE_PROD:
        return sum * x;
    case CVK_REDUCE_L1:
        return sum + fabs(x);
    case CVK_REDUCE_L2:
    case CVK_REDUCE_SUM_SQUARE:
        return sum + x * x;
    case CVK_REDUCE_LOG_SUM_EXP:
        return sum + exp(x - top);
    default:
        return sum + x; /* sum, mean, log_sum */
    }
}

static void fold_floats(const struct job *j, void *sums, uint64_t lane_step, uint64_t first, uint64_t count)
{
    struct float_sums *s = sums;
    while (count > 0) {
        double row[256];
        uint64_t n = count < 256 ? count : 256;
        ref_load_row(row, j->x, j->dtype, first, n);
        for (uint64_t i = 0; i < n; i++)
            s->sum[i * lane_step] = fold_float(s->kind, s->sum[i * lane_step], s->top[i * lane_step], row[i]);
        first += n;
        count -= n;
    }
}

static void start_floats(struct float_sums *s, uint32_t kind)
{
    double start = kind == CVK_REDUCE_PROD ? 1 : kind == CVK_REDUCE_MAX ? -HUGE_VAL : kind == CVK_REDUCE_MIN ? HUGE_VAL : 0;
    s->kind = kind;
    for (uint32_t i = 0; i < REF_LANES; i++)
        s->sum[i] = start;
}

static double finish_float(const struct job *j, double sum, double top)
{
    switch (j->kind) {
    case CVK_REDUCE_MEAN:
        return sum / (double)(j->steps * j->run);
    case CVK_REDUCE_L2:
        return sqrt(sum);
    case CVK_REDUCE_LOG_SUM:
        return log(sum);
    case CVK_REDUCE_LOG_SUM_EXP:
        return isinf(top) ? top : top + log(sum); /* inf - inf would be NaN */
    default:
        return sum;
    }
}

static void reduce_floats(const struct job *j, uint64_t base, uint64_t lanes, uint64_t to)
{
    struct float_sums s;
    start_floats(&s, CVK_REDUCE_MAX);
    if (j->kind == CVK_REDUCE_LOG_SUM_EXP)
        sweep(j, base, lanes, fold_floats, &s);
    memcpy(s.top, s.sum, sizeof s.top);
    start_floats(&s, j->kind);
    sweep(j, base, lanes, fold_floats, &s);
    for (uint64_t i = 0; i < lanes; i++)
        ref_store(j->y, j->dtype, to + i, finish_float(j, s.sum[i], s.top[i]));
}

/* ---- whole numbers ---------------------------------------------------------------------------------------------- */

static int64_t fold_int(const struct job *j, int64_t sum, int64_t x)
{
    int64_t turn = j->dtype == CVK_U64 ? INT64_MIN : 0; /* makes the order of u64 that of i64 */
    switch (j->kind) {
    case CVK_REDUCE_MAX:
        return (sum ^ turn) > (x ^ turn) ? sum : x;
    case CVK_REDUCE_MIN:
        return (sum ^ turn) < (x ^ turn) ? sum : x;
    case CVK_REDUCE_PROD:
        return (int64_t)((uint64_t)sum * (uint64_t)x);
    case CVK_REDUCE_SUM_SQUARE:
        return (int64_t)((uint64_t)sum + (uint64_t)x * (uint64_t)x);
    case CVK_REDUCE_L1:
        return (int64_t)(x < 0 && !turn ? (uint64_t)sum - (uint64_t)x : (uint64_t)sum + (uint64_t)x);
    default:
        return (int64_t)((uint64_t)sum + (uint64_t)x); /* sum, mean */
    }
}

static void fold_ints(const struct job *j, void *sums, uint64_t lane_step, uint64_t first, uint64_t count)
{
    int64_t *sum = sums;
    for (uint64_t i = 0; i < count; i++)
        sum[i * lane_step] = fold_int(j, sum[i * lane_step], ref_load_int(j->x, j->dtype, first + i));
}

/* What nothing folds to: for max the smallest number of the type, for min the largest. */
static int64_t start_int(const struct job *j)
{
    uint32_t bits = j->dtype == CVK_BOOL ? 1 : 8 * ref_dtype_bytes(j->dtype);
    int has_sign = (REF_SIGNED >> j->dtype & 1) != 0;
    uint64_t largest = UINT64_MAX >> (64 - bits + (uint32_t)has_sign);
    switch (j->kind) {
    case CVK_REDUCE_MAX:
        return has_sign ? (int64_t)~largest : 0;
    case CVK_REDUCE_MIN:
        return (int64_t)largest;
    default:
        return j->kind == CVK_REDUCE_PROD;
    }
}

static void reduce_ints(const struct job *j, uint64_t base, uint64_t lanes, uint64_t to)
{
    int64_t sum[REF_LANES], start = start_int(j), count = (int64_t)(j->steps * j->run);
    for (uint32_t i = 0; i < REF_LANES; i++)
        sum[i] = start;
    sweep(j, base, lanes, fold_ints, sum);
    for (uint64_t i = 0; i < lanes; i++) {
        int64_t result = sum[i];
        if (j->kind == CVK_REDUCE_MEAN && count > 0)
            result = j->dtype == CVK_U64 ? (int64_t)((uint64_t)result / (uint64_t)count) : result / count;
        ref_store_int(j->y, j->dtype, to + i, result);
    }
}

/* ---- the kernel --------------------------------------------------------------------------------------------------- */

static int in_doubles(const struct job *j)
{
    return ref_is_float(j->dtype) || j->kind == CVK_REDUCE_L2 || j->kind == CVK_REDUCE_LOG_SUM ||
           j->kind == CVK_REDUCE_LOG_SUM_EXP;
}

static void run_items(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    struct ref_walk kept = j->kept;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        uint64_t outer = item / j->tiles, lane = item % j->tiles * REF_LANES;
        uint64_t lanes = j->inner - lane < REF_LANES ? j->inner - lane : REF_LANES;
        ref_walk_seek(&kept, outer);
        uint64_t base = (uint64_t)kept.offset[0] + lane;
        if (in_doubles(j))
            reduce_floats(j, base, lanes, outer * j->inner + lane);
        else
            reduce_ints(j, base, lanes, outer * j->inner + lane);
    }
}

/* Merges the axes of x into groups and shares them out: the last group becomes inner or run, the others go to the walks. */
static void set_axes(struct job *j, const struct cvk_tensor_desc *x, const struct cvk_reduce_params *p)
{
    int64_t sizes[CVK_MAX_RANK], strides[CVK_MAX_RANK], dims[2][CVK_MAX_RANK], steps[2][CVK_MAX_RANK];
    int folded[CVK_MAX_RANK];
    uint32_t groups = 0, ranks[2] = {0, 0};
    for (uint32_t axis = 0, next = 0; axis < x->rank; axis++) {
        int fold = next < p->axis_count && p->axes[next] == (int32_t)axis;
        next += (uint32_t)fold;
        if (groups == 0 || folded[groups - 1] != fold) {
            folded[groups] = fold;
            sizes[groups++] = 1;
        }
        sizes[groups - 1] *= x->dims[axis];
    }
    ref_strides(groups, sizes, strides);
    j->inner = j->run = 1;
    for (uint32_t i = 0; i < groups; i++) {
        int fold = folded[i];
        if (i + 1 == groups) {
            *(fold ? &j->run : &j->inner) = (uint64_t)sizes[i];
        } else {
            dims[fold][ranks[fold]] = sizes[i];
            steps[fold][ranks[fold]++] = strides[i];
        }
    }
    j->outer = ref_product(dims[0], 0, ranks[0]);
    j->steps = ref_product(dims[1], 0, ranks[1]);
    j->tiles = (j->inner + REF_LANES - 1) / REF_LANES;
    ref_walk_init(&j->kept, ranks[0], dims[0]);
    ref_walk_add_strides(&j->kept, steps[0]);
    ref_walk_init(&j->folded, ranks[1], dims[1]);
    ref_walk_add_strides(&j->folded, steps[1]);
}

static int32_t run(struct cvk_exec *e)
{
    const struct cvk_reduce_params *p = e->node->params;
    struct job j = {.kind = p->kind, .dtype = e->node->inputs[0]->dtype, .x = cvk_cpu_input(e, 0), .y = cvk_cpu_output(e, 0)};
    set_axes(&j, e->node->inputs[0], p);
    ref_parallel(e, j.outer * j.tiles, run_items, &j);
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_reduce_params *p = q->node->params;
    (void)plan;
    return p->kind < CVK_REDUCE_KINDS ? CVK_OK : cvk_refuse(q, "reduce kind %u is newer than this backend", p->kind);
}

/* ---- backward ------------------------------------------------------------------------------------------------- */

struct back_job {
    uint32_t kind, dtype;
    const void *dy, *y, *x;
    void *dx;
    uint64_t steps;               /* elements of one result */
    struct ref_walk kept, folded; /* over the results, over the elements of one */
};

/* What all elements of one result must know. */
struct result {
    double dy, y;
    uint64_t count, equals, zeros; /* elements, those equal to y, those equal to 0 */
    double product;                /* of those that are not 0 */
};

static int is_result(double x, double y)
{
    return x == y || (x != x && y != y);
}

/* The gradient of one element. */
static double share(uint32_t kind, const struct result *r, double x)
{
    switch (kind) {
    case CVK_REDUCE_MEAN: return r->dy / (double)r->count;
    case CVK_REDUCE_MAX:
    case CVK_REDUCE_MIN: return is_result(x, r->y) ? r->dy / (double)r->equals : 0;
    case CVK_REDUCE_PROD: return r->zeros > (x == 0) ? 0 : r->dy * (x == 0 ? r->product : r->product / x);
    case CVK_REDUCE_L1: return r->dy * (x > 0 ? 1 : x < 0 ? -1 : x);
    case CVK_REDUCE_L2: return r->y == 0 ? 0 : r->dy * x / r->y;
    case CVK_REDUCE_LOG_SUM: return r->dy * exp(-r->y);
    case CVK_REDUCE_LOG_SUM_EXP: return r->dy * exp(x - r->y);
    case CVK_REDUCE_SUM_SQUARE: return r->dy * 2 * x;
    default: return r->dy; /* sum */
    }
}

static void run_results(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct back_job *j = arg;
    struct ref_walk kept = j->kept, folded = j->folded;
    (void)worker;
    ref_walk_seek(&kept, begin);
    ref_walk_seek(&folded, 0); /* from where it comes back to the first element by itself */
    for (uint64_t i = begin; i < end; i++, ref_walk_next(&kept)) {
        struct result r = {
            .dy = ref_load(j->dy, j->dtype, i), .y = ref_load(j->y, j->dtype, i), .count = j->steps, .product = 1};
        for (uint64_t s = 0; s < j->steps; s++, ref_walk_next(&folded)) {
            double x = ref_load(j->x, j->dtype, (uint64_t)(kept.offset[0] + folded.offset[0]));
            r.equals += (uint64_t)is_result(x, r.y);
            r.zeros += x == 0;
            r.product *= x == 0 ? 1 : x;
        }
        for (uint64_t s = 0; s < j->steps; s++, ref_walk_next(&folded)) {
            uint64_t at = (uint64_t)(kept.offset[0] + folded.offset[0]);
            ref_store(j->dx, j->dtype, at, share(j->kind, &r, ref_load(j->x, j->dtype, at)));
        }
    }
}

/* Inputs dy, y, x. */
static int32_t run_backward(struct cvk_exec *e)
{
    const struct cvk_reduce_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[2];
    struct back_job j = {.kind = p->kind,
                         .dtype = x->dtype,
                         .dy = cvk_cpu_input(e, 0),
                         .y = cvk_cpu_input(e, 1),
                         .x = cvk_cpu_input(e, 2),
                         .dx = cvk_cpu_output(e, 0)};
    int64_t kept[CVK_MAX_RANK], folded[CVK_MAX_RANK], strides[CVK_MAX_RANK];
    if (cvk_cpu_count(x) == 0)
        return CVK_OK;
    for (uint32_t axis = 0, next = 0; axis < x->rank; axis++) {
        int fold = next < p->axis_count && p->axes[next] == (int32_t)axis;
        next += (uint32_t)fold;
        kept[axis] = fold ? 1 : x->dims[axis];
        folded[axis] = fold ? x->dims[axis] : 1;
    }
    ref_strides(x->rank, x->dims, strides);
    ref_walk_init(&j.kept, x->rank, kept);
    ref_walk_add_strides(&j.kept, strides);
    ref_walk_init(&j.folded, x->rank, folded);
    ref_walk_add_strides(&j.folded, strides);
    j.steps = ref_product(folded, 0, x->rank);
    ref_parallel(e, ref_product(kept, 0, x->rank), run_results, &j);
    return CVK_OK;
}

const struct cvk_kernel ref_reduce_rows[] = {
    {REF_ROW(REDUCE, "plain"), .dtypes = REF_ALL, .plan = plan, .run = run},
    {REF_ROW(REDUCE, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = REF_FLOATS, .plan = plan, .run = run_backward},
};
const uint32_t ref_reduce_row_count = REF_COUNT(ref_reduce_rows);
