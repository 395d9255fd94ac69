/* SPDX-License-Identifier: MIT
 * reduce: neighbouring axes that are all folded or all kept are merged; then either rows are folded, one result after the
 * other, or columns of neighbouring results. The spatial axes of a blocked tensor are columns as wide as a block. Long rows,
 * and blocked tensors of which channels alone are left, are folded in pieces of a fixed size, and these in their order. */
#include "flat.h"
#include "isa/rows.h"

/* A walk over axes that do not lie together: sizes and strides in floats, outermost first. */
struct walk {
    uint32_t count;
    uint64_t size[CVK_MAX_RANK], stride[CVK_MAX_RANK];
};

#define PIECE 65536u /* floats of a long row that are folded by themselves */

struct job {
    const struct simd_rows_fns *fns;
    uint32_t kind;
    const float *x;
    float *y;
    uint64_t n;               /* elements of one result */
    uint64_t inner, row;      /* neighbouring results; neighbouring elements of one. One of the two is 1 */
    uint64_t steps;           /* places of the walk over what is folded, without `row` */
    uint64_t down, down_step; /* rows of a column that are evenly spaced: the innermost axis of `folded`, taken out of it */
    uint64_t tiles;           /* of `inner` */
    uint64_t items, per_unit; /* tiles of results; so many in one unit of parallel work */
    struct walk kept, folded;
    uint64_t pieces; /* of a long row; 0: rows are not long */
    double *parts;   /* their results */
};

/* The kind that joins partial results. */
static uint32_t joins_as(uint32_t kind)
{
    return kind == CVK_REDUCE_MAX || kind == CVK_REDUCE_MIN || kind == CVK_REDUCE_PROD ? kind : CVK_REDUCE_SUM;
}

static double join(uint32_t kind, double a, double b)
{
    switch (joins_as(kind)) {
    case CVK_REDUCE_MAX: return a != a || a > b ? a : b;
    case CVK_REDUCE_MIN: return a != a || a < b ? a : b;
    case CVK_REDUCE_PROD: return a * b;
    default: return a + b;
    }
}

static uint64_t offset_of(const struct walk *w, uint64_t index)
{
    uint64_t offset = 0;
    for (uint32_t i = w->count; i-- > 0; index /= w->size[i])
        offset += index % w->size[i] * w->stride[i];
    return offset;
}

static float fold_row(const struct job *j, uint32_t kind, const float *x, float top)
{
    double sum = (double)j->fns->start(kind);
    for (uint64_t s = 0; s < j->steps; s++)
        sum = join(kind, sum, j->fns->fold(kind, x + offset_of(&j->folded, s), j->row, top));
    return (float)sum;
}

static void fold_columns(const struct job *j, uint32_t kind, const float *x, const float *top, float *sums, uint32_t count)
{
    for (uint32_t i = 0; i < j->fns->lanes; i++)
        sums[i] = j->fns->start(kind);
    for (uint64_t s = 0; s < j->steps; s++)
        j->fns->fold_columns(kind, x + offset_of(&j->folded, s), j->down, j->down_step, top, sums, count);
}

/* Folds `count` neighbouring results that begin at x. */
static void fold_item(const struct job *j, const float *x, float *y, uint32_t count)
{
    float top[SIMD_ROWS_MAX_LANES] = {0}, sums[SIMD_ROWS_MAX_LANES];
    bool wants_top = j->kind == CVK_REDUCE_LOG_SUM_EXP;
    if (j->inner == 1) {
        if (wants_top)
            top[0] = fold_row(j, CVK_REDUCE_MAX, x, 0);
        sums[0] = fold_row(j, j->kind, x, top[0]);
    } else {
        if (wants_top)
            fold_columns(j, CVK_REDUCE_MAX, x, top, top, count);
        fold_columns(j, j->kind, x, top, sums, count);
    }
    j->fns->finish(j->kind, j->n, top, sums, y, count);
}

static void run_units(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t last = end * j->per_unit < j->items ? end * j->per_unit : j->items;
    (void)worker;
    for (uint64_t item = begin * j->per_unit; item < last; item++) {
        uint64_t outer = item / j->tiles, column = item % j->tiles * j->fns->lanes, left = j->inner - column;
        fold_item(j, j->x + offset_of(&j->kept, outer) + column, j->y + outer * j->inner + column,
                  left < j->fns->lanes ? (uint32_t)left : j->fns->lanes);
    }
}

static void cut(struct job *j)
{
    uint64_t lanes = j->inner < j->fns->lanes ? j->inner : j->fns->lanes, floats = lanes * j->n;
    j->per_unit = simd_ceil_div(SIMD_HEAVY_UNIT, floats ? floats : 1);
}

/* Merges the axes and shares the groups out: the last becomes `inner` or `row`, the others go to the walks. */
static void set_axes(struct job *j, const struct cvk_tensor_desc *x, const struct cvk_reduce_params *p)
{
    uint64_t stride = 1;
    bool last_folded = false;
    j->n = j->inner = j->row = 1;
    for (uint32_t axis = x->rank, next = p->axis_count; axis-- > 0;) {
        uint64_t size = (uint64_t)x->dims[axis];
        bool fold = next > 0 && p->axes[next - 1] == (int32_t)axis, innermost = axis + 1 == x->rank;
        struct walk *w = fold ? &j->folded : &j->kept;
        next -= fold;
        j->n *= fold ? size : 1;
        if (innermost || (fold == last_folded && j->kept.count + j->folded.count == 0)) {
            *(fold ? &j->row : &j->inner) *= size;
        } else if (fold == last_folded) {
            w->size[w->count - 1] *= size;
        } else {
            w->size[w->count] = size;
            w->stride[w->count++] = stride;
        }
        last_folded = fold;
        stride *= size;
    }
    for (uint32_t k = 0; k < 2; k++) { /* they were found innermost first */
        struct walk *w = k ? &j->folded : &j->kept, turned = {.count = w->count};
        for (uint32_t i = 0; i < w->count; i++) {
            turned.size[i] = w->size[w->count - 1 - i];
            turned.stride[i] = w->stride[w->count - 1 - i];
        }
        *w = turned;
    }
}

static struct job job_of(const struct cvk_exec *e)
{
    const struct cvk_reduce_params *p = e->node->params;
    return (struct job){
        .fns = simd_device_of(e)->isa->rows, .kind = p->kind, .x = cvk_cpu_input(e, 0), .y = cvk_cpu_output(e, 0)};
}

/* ---- long rows ---------------------------------------------------------------------------------------------------- */

/* Few rows, each so long that threads should share it. */
static void find_pieces(struct job *j)
{
    bool few = j->kept.count == 0 || (j->kept.count == 1 && j->kept.size[0] < 16);
    if (j->inner == 1 && few && j->folded.count == 0 && j->row >= 4 * (uint64_t)PIECE && j->kind != CVK_REDUCE_LOG_SUM_EXP)
        j->pieces = simd_ceil_div(j->row, PIECE);
}

static void run_pieces(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t at = i % j->pieces * PIECE, left = j->row - at;
        const float *x = j->x + offset_of(&j->kept, i / j->pieces) + at;
        j->parts[i] = j->fns->fold(j->kind, x, left < PIECE ? left : PIECE, 0);
    }
}

static void run_long(struct cvk_exec *e, struct job *j)
{
    j->parts = cvk_cpu_pointer(e->workspace);
    simd_parallel(e, j->items * j->pieces, run_pieces, j);
    for (uint64_t item = 0; item < j->items; item++) {
        double sum = (double)j->fns->start(j->kind);
        for (uint64_t i = 0; i < j->pieces; i++)
            sum = join(j->kind, sum, j->parts[item * j->pieces + i]);
        const float top = 0, result = (float)sum;
        j->fns->finish(j->kind, j->n, &top, &result, j->y + item, 1);
    }
}

static void run_plain(struct cvk_exec *e)
{
    struct job j = job_of(e);
    set_axes(&j, e->node->inputs[0], e->node->params);
    find_pieces(&j);
    j.down = 1;
    if (j.inner > 1 && j.folded.count > 0) {
        j.folded.count--;
        j.down = j.folded.size[j.folded.count];
        j.down_step = j.folded.stride[j.folded.count];
    }
    j.steps = j.row > 0 && j.down > 0 ? 1 : 0;
    for (uint32_t i = 0; i < j.folded.count; i++)
        j.steps *= j.folded.size[i];
    j.tiles = simd_ceil_div(j.inner, j.fns->lanes);
    j.items = j.tiles;
    for (uint32_t i = 0; i < j.kept.count; i++)
        j.items *= j.kept.size[i];
    if (j.pieces) {
        run_long(e, &j);
        return;
    }
    cut(&j);
    simd_parallel(e, simd_ceil_div(j.items, j.per_unit), run_units, &j);
}

/* ---- the pixels of a blocked tensor ------------------------------------------------------------------------------- */

struct pixels_job {
    struct job j;
    uint64_t channels, block, blocks;
    uint64_t image; /* floats of y in an image */
    float *images;  /* where the images are folded too: the results of each, all blocks of one behind the other */
};

/* One item is a block of channels of an image. */
static void run_blocks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct pixels_job *p = arg;
    const struct job *j = &p->j;
    uint64_t last = end * j->per_unit < j->items ? end * j->per_unit : j->items;
    (void)worker;
    for (uint64_t item = begin * j->per_unit; item < last; item++) {
        uint64_t n = item / p->blocks, channel = item % p->blocks * p->block, left = p->channels - channel;
        float *y = j->y + n * p->image + channel, whole[SIMD_ROWS_MAX_LANES] = {0};
        uint32_t real = left < p->block ? (uint32_t)left : (uint32_t)p->block;
        fold_item(j, j->x + item * j->n * p->block, whole, (uint32_t)p->block);
        memset(whole + real, 0, sizeof whole - real * sizeof *whole);
        memcpy(y, whole, (p->image > p->channels ? p->block : real) * sizeof *y); /* with padding, if y has any */
    }
}

/* One item is a block of channels, of all images. */
static void run_images(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct pixels_job *p = arg;
    uint64_t images = p->j.items / p->blocks;
    (void)worker;
    for (uint64_t b = begin; b < end; b++) {
        float sums[SIMD_ROWS_MAX_LANES], top[SIMD_ROWS_MAX_LANES] = {0}, whole[SIMD_ROWS_MAX_LANES];
        uint64_t channel = b * p->block, left = p->channels - channel;
        for (uint32_t i = 0; i < p->j.fns->lanes; i++)
            sums[i] = p->j.fns->start(p->j.kind);
        p->j.fns->fold_columns(joins_as(p->j.kind), p->images + channel, images, p->blocks * p->block, top, sums,
                               (uint32_t)p->block);
        p->j.fns->finish(p->j.kind, p->j.n * images, top, sums, whole, (uint32_t)p->block);
        memcpy(p->j.y + channel, whole, (left < p->block ? left : p->block) * sizeof *whole);
    }
}

/* One item is a block of channels of an image. */
static void fold_images(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct pixels_job *p = arg;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        float sums[SIMD_ROWS_MAX_LANES], top[SIMD_ROWS_MAX_LANES] = {0};
        fold_columns(&p->j, p->j.kind, p->j.x + item * p->j.n * p->block, top, sums, (uint32_t)p->block);
        memcpy(p->images + item * p->block, sums, p->block * sizeof *sums);
    }
}

static void run_pixels(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0];
    const struct cvk_reduce_params *params = e->node->params;
    struct pixels_job p = {.j = job_of(e), .channels = (uint64_t)x->dims[1], .block = simd_device_of(e)->isa->block};
    p.blocks = simd_ceil_div(p.channels, p.block);
    p.image = e->node->outputs[0]->layout == CVK_LAYOUT_PLAIN ? p.channels : p.blocks * p.block;
    p.j.n = 1;
    for (uint32_t i = 2; i < x->rank; i++)
        p.j.n *= (uint64_t)x->dims[i];
    p.j.down = p.j.n;
    p.j.down_step = p.j.inner = p.block;
    p.j.steps = 1;
    p.j.items = (uint64_t)x->dims[0] * p.blocks;
    if (params->axis_count > 0 && params->axes[0] == 0) {
        p.images = cvk_cpu_pointer(e->workspace);
        simd_parallel(e, p.j.items, fold_images, &p);
        simd_parallel(e, p.blocks, run_images, &p);
        return;
    }
    cut(&p.j);
    simd_parallel(e, simd_ceil_div(p.j.items, p.j.per_unit), run_blocks, &p);
}

static int32_t run(struct cvk_exec *e)
{
    if (e->node->inputs[0]->layout == CVK_LAYOUT_PLAIN)
        run_plain(e);
    else
        run_pixels(e);
    return CVK_OK;
}

/* ---- rows --------------------------------------------------------------------------------------------------------- */

static int32_t plan_pixels(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_reduce_params *p = q->node->params;
    const struct cvk_tensor_desc *x = q->node->inputs[0];
    (void)plan;
    SIMD_TRY(simd_blocked(q, q->layout_x));
    if (p->axis_count + 2 != x->rank || (p->axis_count > 0 && p->axes[0] != 2))
        return cvk_refuse(q, "in blocks only the spatial axes are folded, all together");
    return CVK_OK;
}

/* All axes but the channels'. */
static int32_t plan_channels(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_reduce_params *p = q->node->params;
    const struct cvk_tensor_desc *x = q->node->inputs[0];
    uint64_t block = simd_asked(q)->isa->block;
    SIMD_TRY(simd_blocked(q, q->layout_x));
    if (p->axis_count + 1 != x->rank || p->axes[1] != 2 || p->kind == CVK_REDUCE_LOG_SUM_EXP)
        return cvk_refuse(q, "in blocks all axes but the channels' are folded, and not to log_sum_exp");
    cvk_book(plan, (uint64_t)x->dims[0] * simd_round_up((uint64_t)x->dims[1], block) * sizeof(float));
    return CVK_OK;
}

static int32_t plan_any(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_reduce_params *p = q->node->params;
    struct job j = {.kind = p->kind};
    if (q->layout_x != CVK_LAYOUT_PLAIN)
        return p->axis_count > 0 && p->axes[0] == 0 ? plan_channels(q, plan) : plan_pixels(q, plan);
    set_axes(&j, q->node->inputs[0], p);
    find_pieces(&j);
    if (j.pieces)
        cvk_book(plan, j.pieces * (j.kept.count ? j.kept.size[0] : 1) * sizeof(double));
    return CVK_OK;
}

/* The first row keeps what it gets in blocks in blocks (if the folded axes stay, with size 1). The second takes anything as it
 * comes and gives it plain. */
const struct cvk_kernel simd_reduce_rows[] = {
    {SIMD_ROW(REDUCE, "blocked"), .flags = CVK_KERNEL_ANY_LAYOUT | CVK_KERNEL_CONCURRENT, .plan = plan_pixels, .run = run},
    {SIMD_ROW(REDUCE, "rows"), .flags = CVK_KERNEL_CONCURRENT, .layouts_x = SIMD_PLAIN | SIMD_BLOCKED, .plan = plan_any,
     .run = run},
};
const uint32_t simd_reduce_row_count = SIMD_COUNT(simd_reduce_rows);
