/* SPDX-License-Identifier: MIT
 * binary: "flat" for equal sizes in any layout, "blocked" for one operand stretched over another in blocks, "broadcast" for all
 * else. For f32 on CPU devices rows are computed sixteen floats at a time, everything else one element at a time. */
#include "arith.h"

#define KINDS(a, b) (((2u << (b)) - 1) & ~((1u << (a)) - 1)) /* bits a to b */
/* f(0, 0) is not 0. */
#define BREAKS_ZERO                                                                                                              \
    (1u << CVK_DIV | 1u << CVK_POW | 1u << CVK_MOD | 1u << CVK_FMOD | 1u << CVK_EQUAL | 1u << CVK_LESS_EQUAL |                   \
     1u << CVK_GREATER_EQUAL)
/* Kinds that binary_wide has. */
#define WIDE_KINDS (KINDS(CVK_ADD, CVK_MAX) | 1u << CVK_PRELU)

/* As in kernels/binary.cl. */
struct wide {
    cl_int rank, row, pieces, piece, items, form_a, form_b;
    cl_int size[8], a[8], b[8];
};
struct strides {
    cl_int rank;
    cl_int size[8], a[8], b[8];
};
enum form { MOVES = 0, VECTOR = 1, NUMBER = 2, PIXEL = 3 };

/* An axis of y with the operands' strides. */
struct axis {
    uint64_t size, a, b;
};

static uint32_t kind_of(const struct cvk_node *node)
{
    return ((const struct cvk_binary_params *)node->params)->kind;
}

static bool is_wide(const struct ocl_device *d, const struct cvk_node *node)
{
    return d->cpu_form && node->inputs[0]->dtype == CVK_F32 && node->inputs[1]->dtype == CVK_F32 &&
           WIDE_KINDS >> kind_of(node) & 1;
}

/* y's axes in the plain layout, neighbours merged where both operands allow it; at least one. */
static uint32_t plain_axes(const struct cvk_node *node, struct axis *axes)
{
    const struct cvk_tensor_desc *y = node->outputs[0];
    uint32_t count = 0;
    for (uint32_t i = 0; i < y->rank; i++) {
        struct axis axis = {(uint64_t)y->dims[i], ocl_stride_on(node->inputs[0], y, i), ocl_stride_on(node->inputs[1], y, i)};
        struct axis *outer = count ? &axes[count - 1] : NULL;
        if (axis.size == 1)
            continue;
        if (outer && outer->a == axis.size * axis.a && outer->b == axis.size * axis.b)
            *outer = (struct axis){outer->size * axis.size, axis.a, axis.b};
        else
            axes[count++] = axis;
    }
    if (count == 0)
        axes[count++] = (struct axis){1, 1, 1};
    return count;
}

/* ---- one element at a time -------------------------------------------------------------------------------------------------
 */

static int32_t build_single(struct cvk_exec *e, const struct axis *axes, uint32_t axis_count)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_tensor_desc *a = e->node->inputs[0], *b = e->node->inputs[1], *y = e->node->outputs[0];
    struct ocl_channels channels = BREAKS_ZERO >> kind_of(e->node) & 1 ? ocl_channels_of(y) : OCL_NO_PADDING;
    struct strides s = {.rank = (cl_int)axis_count};
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    for (uint32_t i = 0; i < axis_count; i++) {
        s.size[i] = (cl_int)axes[i].size;
        s.a[i] = (cl_int)axes[i].a;
        s.b[i] = (cl_int)axes[i].b;
    }
    ocl_option_type(options, sizeof options, "DA", a->dtype);
    ocl_option_type(options, sizeof options, "DB", b->dtype);
    ocl_option_type(options, sizeof options, "DY", y->dtype);
    ocl_option(options, sizeof options, "-DKIND=%u", kind_of(e->node));
    if (ocl_is_float(a->dtype) || ocl_is_float(b->dtype)) {
        bool cut = !ocl_is_float(a->dtype);
        bool doubles = cut || a->dtype == CVK_F64 || b->dtype == CVK_F64;
        ocl_option(options, sizeof options, doubles ? "-DFLOATS -DR=double" : "-DFLOATS");
        if (doubles && !strstr(options, "-DWITH_F64"))
            ocl_option(options, sizeof options, "-DWITH_F64");
        if (cut)
            ocl_option_cut(options, sizeof options, a->dtype);
    }
    OCL_TRY(ocl_build_call(e, &ocl_source_binary, "binary", options, &call));
    uint32_t next = ocl_args_after(e);
    int32_t status = ocl_arg_int(d, call, next, (int64_t)ocl_flat_count(y));
    if (status == CVK_OK)
        status = ocl_arg(d, call, next + 1, &s, sizeof s);
    if (status == CVK_OK)
        status = ocl_arg(d, call, next + 2, &channels, sizeof channels);
    ocl_call_items(call, ocl_flat_count(y), 64);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

/* ---- rows of sixteen floats
 * -------------------------------------------------------------------------------------------------- */

/* The axes are those outside of the rows; row, rank and forms are set. */
static int32_t build_wide(struct cvk_exec *e, struct wide s, const struct axis *axes)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    struct ocl_channels channels = {1, 1, 1, 16}; /* nothing to clear */
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    uint64_t count = ocl_flat_count(y), rows = count ? count / (uint64_t)s.row : 0, piece = ocl_piece(d, count);
    for (int i = 0; i < s.rank; i++) {
        s.size[i] = (cl_int)axes[i].size;
        s.a[i] = (cl_int)axes[i].a;
        s.b[i] = (cl_int)axes[i].b;
    }
    if (y->layout == CVK_LAYOUT_NC16 && ocl_has_padding(y))
        channels = ocl_channels_of(y);
    s.piece = (cl_int)piece;
    s.pieces = (cl_int)(rows * ocl_ceil_div((uint64_t)s.row, piece));
    s.items = (cl_int)ocl_ceil_div(piece, (uint64_t)s.row);
    ocl_option(options, sizeof options, "-DWIDE -DKIND=%u", kind_of(e->node));
    OCL_TRY(ocl_build_call(e, &ocl_source_binary, "binary_wide", options, &call));
    uint32_t next = ocl_args_after(e);
    int32_t status = ocl_arg(d, call, next, &s, sizeof s);
    if (status == CVK_OK)
        status = ocl_arg(d, call, next + 1, &channels, sizeof channels);
    ocl_call_items(call, ocl_ceil_div((uint64_t)s.pieces, (uint64_t)s.items), 1);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t build_plain(struct cvk_exec *e)
{
    struct axis axes[CVK_MAX_RANK];
    uint32_t count = plain_axes(e->node, axes);
    if (!is_wide(ocl_device_of(e), e->node))
        return build_single(e, axes, count);
    const struct axis *inner = &axes[count - 1];
    struct wide s = {.rank = (cl_int)count - 1,
                     .row = (cl_int)(inner->size ? inner->size : 1),
                     .form_a = inner->a ? MOVES : NUMBER,
                     .form_b = inner->b ? MOVES : NUMBER};
    return build_wide(e, s, axes);
}

/* ---- equal sizes
 * --------------------------------------------------------------------------------------------------------------- */

static int32_t plan_kind(const struct cvk_query *q)
{
    const struct cvk_tensor_desc *a = q->node->inputs[0], *b = q->node->inputs[1];
    OCL_TRY(ocl_fits(q));
    if (kind_of(q->node) >= CVK_BINARY_KINDS)
        return cvk_refuse(q, "binary kind %u is newer than this backend", kind_of(q->node));
    if (!ocl_is_float(a->dtype) && ocl_is_float(b->dtype) && !ocl_asked(q)->fp64)
        return cvk_refuse(q, "powers of whole numbers with fractions need doubles, which this device lacks");
    return CVK_OK;
}

static int32_t plan_flat(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    if (!ocl_same_sizes(q->node->inputs[0], q->node->inputs[1]))
        return cvk_refuse(q, "the inputs have different sizes");
    return plan_kind(q);
}

/* The flat elements are one row; padding is cleared where the result of zeros is not zero. */
static int32_t build_flat(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    const struct axis whole = {ocl_flat_count(y), 1, 1};
    bool clears = ocl_has_padding(y) && BREAKS_ZERO >> kind_of(e->node) & 1;
    if (!is_wide(ocl_device_of(e), e->node) || (clears && y->layout != CVK_LAYOUT_NC16))
        return build_single(e, &whole, 1);
    /* A row to clear is a block of channels, all the same otherwise. */
    struct ocl_channels c = ocl_channels_of(y);
    struct wide s = {.rank = 1, .row = (cl_int)(clears ? (uint64_t)c.inner : whole.size ? whole.size : 1)};
    const struct axis rows = {whole.size / (uint64_t)s.row, (uint64_t)s.row, (uint64_t)s.row};
    return build_wide(e, s, &rows);
}

/* ---- one operand stretched over a blocked one -------------------------------------------------------------------------------
 */

/* How a small operand is stretched over a y in blocks: strides in floats, 0 where it stays. */
struct stretch {
    bool fits;
    uint64_t image, channels; /* from image to image, from block to block of channels */
    enum form form;
};

/* `small`, in blocks or plain, over y. What fits: per image or not; then channels or pixels or neither, but not both, and not
 * some of the spatial axes alone. In blocks it must have y's rank, since its channels would be another axis. */
static struct stretch stretch_of(const struct cvk_tensor_desc *small, const struct cvk_tensor_desc *y)
{
    bool blocked = small->layout != CVK_LAYOUT_PLAIN, all = true;
    struct stretch s = {.fits = false};
    uint32_t skipped = y->rank - small->rank;
    uint64_t sizes[3] = {1, 1, 1}; /* images, channels, pixels */
    if (y->rank < 3 || (blocked && skipped > 0))
        return s;
    for (uint32_t i = skipped; i < y->rank; i++) {
        sizes[i < 2 ? i : 2] *= (uint64_t)small->dims[i - skipped];
        all = all && (i < 2 || small->dims[i - skipped] == y->dims[i]);
    }
    all = all && skipped <= 2;
    s.fits = sizes[2] == 1 || (all && sizes[1] == 1 && !blocked);
    s.form = sizes[2] != 1 ? PIXEL : sizes[1] == 1 ? NUMBER : VECTOR;
    s.channels = sizes[1] == 1 ? 0 : 16;
    s.image = sizes[0] == 1 ? 0 : (blocked ? ocl_round_up(sizes[1], 16) : sizes[1]) * sizes[2];
    return s;
}

/* Which input is stretched over the other, which has y's sizes; 2 if neither is such. */
static uint32_t small_input(const struct cvk_node *node)
{
    const struct cvk_tensor_desc *y = node->outputs[0];
    return ocl_same_sizes(node->inputs[0], y) ? 1 : ocl_same_sizes(node->inputs[1], y) ? 0 : 2;
}

static int32_t plan_blocked(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    uint32_t small = small_input(node);
    (void)plan;
    OCL_TRY(ocl_blocked(q));
    if (q->layout_x != CVK_LAYOUT_NC16)
        return cvk_refuse(q, "blocks of sixteen channels only");
    if (small > 1 || (small == 0 && node->inputs[1]->layout != q->layout_y))
        return cvk_refuse(q, "neither input has the result's sizes and layout");
    if (!stretch_of(node->inputs[small], node->outputs[0]).fits)
        return cvk_refuse(q, "the smaller input is not one number for each channel or each pixel");
    if (!is_wide(ocl_asked(q), node))
        return cvk_refuse(q, "not for kind %u in blocks", kind_of(node));
    return plan_kind(q);
}

static int32_t build_blocked(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *y = e->node->outputs[0];
    uint32_t small = small_input(e->node);
    struct stretch s = stretch_of(e->node->inputs[small], y);
    struct ocl_channels c = ocl_channels_of(y);
    uint64_t row = (uint64_t)c.inner;
    struct axis axes[2] = {{(uint64_t)y->dims[0], (uint64_t)c.blocks * row, s.image}, {(uint64_t)c.blocks, row, s.channels}};
    for (uint32_t i = 0; i < 2 && small == 0; i++)
        axes[i] = (struct axis){axes[i].size, axes[i].b, axes[i].a};
    struct wide w = {.rank = 2, .row = c.inner, .form_a = MOVES, .form_b = MOVES};
    *(small == 0 ? &w.form_a : &w.form_b) = (cl_int)s.form;
    return build_wide(e, w, axes);
}

/* ---- any stretching of plain tensors, and a plain operand over a blocked one
 * --------------------------------------------------- */

static int32_t plan_broadcast(const struct cvk_query *q, struct cvk_plan *plan)
{
    return q->layout_x == CVK_LAYOUT_PLAIN ? plan_kind(q) : plan_blocked(q, plan);
}

static int32_t build_broadcast(struct cvk_exec *e)
{
    return e->node->outputs[0]->layout == CVK_LAYOUT_PLAIN ? build_plain(e) : build_blocked(e);
}

/* A row with ANY_LAYOUT has both inputs in one layout: that is what layers have computed. A constant of lower rank cannot be
 * brought into blocks: the last row takes it plain, whichever layout the first input has. */
#define REST .flags = CVK_KERNEL_IN_PLACE, .run = ocl_run_call, .finish = ocl_finish_call
#define REST_ANY .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_ANY_LAYOUT, .run = ocl_run_call, .finish = ocl_finish_call
const struct cvk_kernel ocl_binary_rows[] = {
    {OCL_ROW(BINARY, "flat"), .dtypes = OCL_ALL, .plan = plan_flat, .build = build_flat, REST_ANY},
    {OCL_ROW(BINARY, "blocked"), .plan = plan_blocked, .build = build_blocked, REST_ANY},
    {OCL_ROW(BINARY, "broadcast"), .dtypes = OCL_ALL, .layouts_x = OCL_PLAIN | OCL_NC16, .layouts_y = OCL_PLAIN | OCL_NC16,
     .plan = plan_broadcast, .build = build_broadcast, REST},
};
const uint32_t ocl_binary_row_count = OCL_COUNT(ocl_binary_rows);
