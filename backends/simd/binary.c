/* SPDX-License-Identifier: MIT
 * binary: equal sizes in any layout; one operand stretched over a blocked one; any stretching in the plain layout.
 *
 * All is one walk: the result is cut into rows in which each operand either runs along or stays, in one of the forms of
 * isa/binary.h. */
#include "isa/binary.h"
#include "flat.h"

/* One axis of the walk: its size in rows, and how far the operands move, in floats. */
struct axis {
    uint64_t size, a, b;
};

struct job {
    const struct simd_binary_fns *fns;
    const float *a, *b;
    float *y;
    uint64_t count; /* floats of y */
    uint64_t unit;  /* of these in one unit of parallel work */
    uint64_t row;   /* floats of y in a row */
    uint64_t step;  /* of the forms PIXEL, in floats */
    uint64_t block; /* floats of y for which such a form moves by a step */
    uint32_t kind, form, axis_count;
    struct axis axes[CVK_MAX_RANK]; /* outermost first; the rows themselves are not among them */
    struct simd_padding padding;
};

/* Where row number `row` begins in the operands. */
static void seek(const struct job *j, uint64_t row, const float **a, const float **b)
{
    *a = j->a;
    *b = j->b;
    for (uint32_t i = j->axis_count; i-- > 0;) {
        uint64_t index = row % j->axes[i].size;
        row /= j->axes[i].size;
        *a += index * j->axes[i].a;
        *b += index * j->axes[i].b;
    }
}

/* How far an operand has come `at` floats into a row. */
static uint64_t along(const struct job *j, int is_b, uint64_t at)
{
    if (j->form == SIMD_BOTH || (j->form >= SIMD_A_ONE) == is_b)
        return at;
    return j->form == (is_b ? SIMD_B_PIXEL : SIMD_A_PIXEL) ? at / j->block * j->step : 0;
}

static void run_units(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    uint64_t first = begin * j->unit, last = end * j->unit < j->count ? end * j->unit : j->count;
    (void)worker;
    for (uint64_t i = first; i < last;) {
        const float *a, *b;
        uint64_t at = i % j->row, left = j->row - at, n = left < last - i ? left : last - i;
        seek(j, i / j->row, &a, &b);
        j->fns->apply(j->kind, j->form, a + along(j, 0, at), b + along(j, 1, at), j->y + i, n, j->step);
        i += n;
    }
    simd_clear_padding(&j->padding, j->y, first, last);
}

/* True if f(0, 0) is 0; the other kinds also happen to be the slow ones, but for div. */
static bool gives_zero(uint32_t kind)
{
    return kind != CVK_DIV && kind != CVK_POW && kind != CVK_MOD && kind != CVK_FMOD;
}

static struct job job_of(const struct cvk_exec *e)
{
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    uint32_t kind = ((const struct cvk_binary_params *)e->node->params)->kind;
    return (struct job){.fns = simd_device_of(e)->isa->binary,
                        .a = cvk_cpu_input(e, 0),
                        .b = cvk_cpu_input(e, 1),
                        .y = cvk_cpu_output(e, 0),
                        .count = y->bytes / sizeof(float),
                        .unit = gives_zero(kind) || kind == CVK_DIV ? SIMD_FLAT_UNIT : SIMD_HEAVY_UNIT,
                        .kind = kind,
                        .padding = simd_padding_of(y)};
}

static int32_t run_job(struct cvk_exec *e, struct job *j)
{
    simd_parallel(e, simd_ceil_div(j->count, j->unit), run_units, j);
    return CVK_OK;
}

static int32_t plan_kind(const struct cvk_query *q)
{
    const struct cvk_binary_params *p = q->node->params;
    if (p->kind >= CVK_EQUAL)
        return cvk_refuse(q, "kind %u does not give floats", p->kind);
    return q->node->inputs[1]->dtype == CVK_F32 ? CVK_OK : cvk_refuse(q, "the second input is not f32");
}

static bool same_sizes(const struct cvk_tensor_desc *a, const struct cvk_tensor_desc *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0;
}

/* ---- equal sizes -------------------------------------------------------------------------------------------------- */

static int32_t plan_flat(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    if (!same_sizes(q->node->inputs[0], q->node->inputs[1]))
        return cvk_refuse(q, "the inputs have different sizes");
    return plan_kind(q);
}

static int32_t run_flat(struct cvk_exec *e)
{
    struct job j = job_of(e);
    j.row = j.count;
    j.form = SIMD_BOTH;
    if (gives_zero(j.kind))
        j.padding.block = 1;
    return run_job(e, &j);
}

/* ---- one operand stretched over a blocked one --------------------------------------------------------------------- */

/* How a small operand is stretched over a blocked y: strides in floats, 0 where it stays. */
struct stretch {
    bool fits;
    uint64_t image, channels; /* from image to image, from block to block of channels */
    uint64_t pixel;
};

/* `small`, in blocks or plain, over y. What fits: per image or not; then channels or pixels or neither, but not both, and not
 * some of the spatial axes alone. In blocks it must have y's rank, since its channels would be another axis. */
static struct stretch stretch_of(const struct cvk_tensor_desc *small, const struct cvk_tensor_desc *y, uint64_t block)
{
    bool blocked = small->layout != CVK_LAYOUT_PLAIN;
    struct stretch s = {.fits = y->rank >= 3 && small->rank <= y->rank && (!blocked || small->rank == y->rank)};
    uint32_t skipped = y->rank - small->rank, same = 0;
    int64_t channels = 1, images = 1, pixels = 1;
    for (uint32_t i = 0; s.fits && i < y->rank; i++) {
        int64_t size = i < skipped ? 1 : small->dims[i - skipped];
        if (i == 0)
            images = size;
        else if (i == 1)
            channels = size;
        else
            pixels *= size;
        same += i >= 2 && size == y->dims[i];
    }
    s.fits = s.fits && (pixels == 1 || (same == y->rank - 2 && channels == 1));
    s.pixel = pixels == 1 ? 0 : blocked ? block : 1;
    s.channels = channels == 1 ? 0 : block;
    s.image = images == 1 ? 0 : (blocked ? simd_round_up((uint64_t)channels, block) : (uint64_t)channels) * (uint64_t)pixels;
    return s;
}

/* Which input is stretched over the other, which has y's sizes; 2 if neither is such. */
static uint32_t small_input(const struct cvk_node *node)
{
    const struct cvk_tensor_desc *y = node->outputs[0];
    return same_sizes(node->inputs[0], y) ? 1 : same_sizes(node->inputs[1], y) ? 0 : 2;
}

static int32_t plan_blocked(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    uint32_t small = small_input(node);
    (void)plan;
    SIMD_TRY(simd_blocked(q, q->layout_x));
    if (small > 1 || (small == 0 && node->inputs[1]->layout != q->layout_y))
        return cvk_refuse(q, "neither input has the result's sizes and layout");
    if (!stretch_of(node->inputs[small], node->outputs[0], simd_asked(q)->isa->block).fits)
        return cvk_refuse(q, "the smaller input is not one number for each channel or each pixel");
    return plan_kind(q);
}

static int32_t run_blocked(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    struct job j = job_of(e);
    bool b_small = small_input(e->node) == 1;
    uint64_t block = simd_device_of(e)->isa->block, blocks = simd_ceil_div((uint64_t)y->dims[1], block);
    struct stretch s = stretch_of(e->node->inputs[b_small], y, block);
    j.row = block;
    for (uint32_t i = 2; i < y->rank; i++)
        j.row *= (uint64_t)y->dims[i];
    j.form = s.pixel ? SIMD_B_PIXEL : s.channels ? SIMD_B_VECTOR : SIMD_B_ONE;
    j.form += b_small ? 0 : SIMD_A_ONE - SIMD_B_ONE;
    j.block = block;
    j.step = s.pixel;
    j.axis_count = 2;
    j.axes[0] = (struct axis){(uint64_t)y->dims[0], blocks * j.row, s.image};
    j.axes[1] = (struct axis){blocks, j.row, s.channels};
    for (uint32_t i = 0; i < 2 && !b_small; i++)
        j.axes[i] = (struct axis){j.axes[i].size, j.axes[i].b, j.axes[i].a};
    return run_job(e, &j);
}

/* ---- any stretching of plain tensors, and a plain operand over a blocked one -------------------------------------- */

static int32_t plan_broadcast(const struct cvk_query *q, struct cvk_plan *plan)
{
    return q->layout_x == CVK_LAYOUT_PLAIN ? plan_kind(q) : plan_blocked(q, plan);
}

/* Floats from one index of y's axis to the next, 0 where the operand is stretched. */
static uint64_t stride_on(const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *y, uint32_t axis)
{
    uint32_t skipped = y->rank - x->rank;
    uint64_t stride = 1;
    if (axis < skipped || x->dims[axis - skipped] == 1)
        return 0;
    for (uint32_t i = axis - skipped + 1; i < x->rank; i++)
        stride *= (uint64_t)x->dims[i];
    return stride;
}

static int32_t run_broadcast(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *y = e->node->outputs[0], *const *in = e->node->inputs;
    struct job j = job_of(e);
    uint32_t count = 0;
    if (y->layout != CVK_LAYOUT_PLAIN)
        return run_blocked(e);
    if (j.count == 0)
        return CVK_OK;
    for (uint32_t i = 0; i < y->rank; i++) {
        struct axis axis = {(uint64_t)y->dims[i], stride_on(in[0], y, i), stride_on(in[1], y, i)};
        struct axis *outer = count ? &j.axes[count - 1] : NULL;
        if (axis.size == 1)
            continue;
        if (outer && outer->a == axis.size * axis.a && outer->b == axis.size * axis.b)
            *outer = (struct axis){outer->size * axis.size, axis.a, axis.b};
        else
            j.axes[count++] = axis;
    }
    const struct axis one = {1, 1, 1}, *inner = count ? &j.axes[count - 1] : &one;
    j.row = inner->size;
    j.form = inner->a && inner->b ? SIMD_BOTH : inner->a ? SIMD_B_ONE : SIMD_A_ONE;
    j.axis_count = count ? count - 1 : 0;
    return run_job(e, &j);
}

/* A row with ANY_LAYOUT has both inputs in one layout: that is what layers have computed. A constant of lower rank cannot be
 * brought into blocks: the last row takes it plain, whichever layout the first input has now. */
#define FLAGS (CVK_KERNEL_IN_PLACE | CVK_KERNEL_CONCURRENT)
const struct cvk_kernel simd_binary_rows[] = {
    {SIMD_ROW(BINARY, "flat"), .flags = FLAGS | CVK_KERNEL_ANY_LAYOUT, .plan = plan_flat, .run = run_flat},
    {SIMD_ROW(BINARY, "blocked"), .flags = FLAGS | CVK_KERNEL_ANY_LAYOUT, .plan = plan_blocked, .run = run_blocked},
    {SIMD_ROW(BINARY, "broadcast"), .flags = FLAGS, .layouts_x = SIMD_PLAIN | SIMD_BLOCKED,
     .layouts_y = SIMD_PLAIN | SIMD_BLOCKED, .plan = plan_broadcast, .run = run_broadcast},
};
const uint32_t simd_binary_row_count = SIMD_COUNT(simd_binary_rows);
