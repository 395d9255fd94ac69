/* SPDX-License-Identifier: MIT
 * transpose, slice, split, concat, expand, tile, depth_space: each is one or several copies between strided views (move.h).
 * slice, split and concat also take blocks of 16 channels; where a block is cut, channels are copied one by one. */
#include "move.h"

#define MOVED_ROW(OP, build_fn) \
    OCL_ROW(OP, "strided"), .dtypes = OCL_ALL, .build = build_fn, .run = ocl_moves_run, .finish = ocl_moves_finish
#define EITHER .layouts_x = OCL_PLAIN | OCL_NC16, .layouts_y = OCL_PLAIN | OCL_NC16

/* Axes of a tensor in memory. */
struct view {
    uint32_t rank;
    int64_t dims[OCL_MAX_AXES], strides[OCL_MAX_AXES];
};

static struct view view_of(const struct cvk_tensor_desc *d)
{
    struct view v;
    v.rank = ocl_memory_axes(d, v.dims, v.strides);
    return v;
}

static struct ocl_strided copy_of(const struct cvk_exec *e)
{
    return (struct ocl_strided){.bytes = ocl_dtype_bytes(e->node->outputs[0]->dtype)};
}

/* The only copy of a node. */
static int32_t build_one(struct cvk_exec *e, const struct ocl_strided *s)
{
    if (!ocl_moves_init(e, 1))
        return CVK_E_MEMORY;
    int32_t status = ocl_moves_strided(e, 0, 0, s);
    return status == CVK_OK ? CVK_OK : ocl_moves_drop(e, status);
}

static int32_t plan_plain(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)plan;
    return ocl_fits_moved(q);
}

/* ---- transpose, expand, tile, depth_space -------------------------------------------------------------------------------- */

static int32_t build_transpose(struct cvk_exec *e)
{
    const struct cvk_transpose_params *p = e->node->params;
    struct view x = view_of(e->node->inputs[0]), y = view_of(e->node->outputs[0]);
    struct ocl_strided s = copy_of(e);
    for (uint32_t i = 0; i < y.rank; i++)
        ocl_strided_add(&s, y.dims[i], x.strides[p->perm[i]], y.strides[i]);
    return build_one(e, &s);
}

static int32_t build_expand(struct cvk_exec *e)
{
    struct view x = view_of(e->node->inputs[0]), y = view_of(e->node->outputs[0]);
    struct ocl_strided s = copy_of(e);
    uint32_t missing = y.rank - x.rank; /* axes that x lacks in front */
    for (uint32_t i = 0; i < y.rank; i++)
        ocl_strided_add(&s, y.dims[i], i < missing || x.dims[i - missing] == 1 ? 0 : x.strides[i - missing], y.strides[i]);
    return build_one(e, &s);
}

static int32_t build_tile(struct cvk_exec *e)
{
    struct view x = view_of(e->node->inputs[0]), y = view_of(e->node->outputs[0]);
    struct ocl_strided s = copy_of(e);
    for (uint32_t i = 0; i < x.rank; i++) {
        ocl_strided_add(&s, x.dims[i] ? y.dims[i] / x.dims[i] : 0, 0, y.strides[i] * x.dims[i]);
        ocl_strided_add(&s, x.dims[i], x.strides[i], y.strides[i]);
    }
    return build_one(e, &s);
}

/* Both kinds go over [n, c, h, by, w, bx] of the fine map and the strides that the deep map has there; axes in the order of y.
 * */
static int32_t build_depth_space(struct cvk_exec *e)
{
    const struct cvk_depth_space_params *p = e->node->params;
    bool to_space = p->kind == CVK_DEPTH_TO_SPACE, dcr = p->mode == CVK_MODE_DCR;
    const struct cvk_tensor_desc *fine = e->node->outputs[0], *deep = e->node->inputs[0];
    static const uint8_t fine_order[] = {0, 1, 2, 3, 4, 5}, dcr_order[] = {0, 3, 5, 1, 2, 4}, crd_order[] = {0, 1, 3, 5, 2, 4};
    const uint8_t *order = to_space ? fine_order : dcr ? dcr_order : crd_order;
    if (!to_space) {
        fine = e->node->inputs[0];
        deep = e->node->outputs[0];
    }
    int64_t b = p->block, c = fine->dims[1], h = deep->dims[2], w = deep->dims[3], plane = h * w;
    const int64_t dims[] = {fine->dims[0], c, h, b, w, b};
    const int64_t fine_strides[] = {c * h * b * w * b, h * b * w * b, b * w * b, w * b, b, 1};
    const int64_t deep_strides[] = {c * b * b * plane,           (dcr ? 1 : b * b) * plane, w,
                                    (dcr ? b * c : b) * plane, 1,                         (dcr ? c : 1) * plane};
    struct ocl_strided s = copy_of(e);
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t a = order[i];
        int64_t in_fine = fine_strides[a], in_deep = deep_strides[a];
        ocl_strided_add(&s, dims[a], to_space ? in_deep : in_fine, to_space ? in_fine : in_deep);
    }
    return build_one(e, &s);
}

/* ---- slice --------------------------------------------------------------------------------------------------------------- */

/* True if channels `start` to `start + part - 1` are whole blocks, or the rest of the channels. */
static bool whole_blocks(const struct cvk_tensor_desc *x, int64_t start, int64_t part)
{
    int64_t block = ocl_layout_block(x->layout);
    return start % block == 0 && (part % block == 0 || start + part == x->dims[1]);
}

/* Channels out of x, cutting blocks. */
static struct ocl_relayout cut_channels(const struct cvk_tensor_desc *x, const struct cvk_tensor_desc *y, int64_t start)
{
    return (struct ocl_relayout){.x = x, .y = y, .x_begin = start, .channels = y->dims[1],
                                 .y_end = (int64_t)ocl_round_up((uint64_t)y->dims[1], ocl_layout_block(y->layout))};
}

static int32_t build_slice(struct cvk_exec *e)
{
    const struct cvk_slice_params *p = e->node->params;
    const struct cvk_tensor_desc *dx = e->node->inputs[0], *dy = e->node->outputs[0];
    struct view x = view_of(dx), y = view_of(dy);
    struct ocl_strided s = copy_of(e);
    bool blocked = dy->layout != CVK_LAYOUT_PLAIN;
    if (blocked && !whole_blocks(dx, p->start[1], dy->dims[1])) {
        struct ocl_relayout c = cut_channels(dx, dy, p->start[1]);
        if (!ocl_moves_init(e, 1))
            return CVK_E_MEMORY;
        int32_t status = ocl_moves_relayout(e, 0, 0, &c);
        return status == CVK_OK ? CVK_OK : ocl_moves_drop(e, status);
    }
    for (uint32_t i = 0; i < y.rank; i++) {
        bool named = i < dx->rank; /* not the channels of a block */
        int64_t start = !named ? 0 : blocked && i == 1 ? p->start[i] / ocl_layout_block(dy->layout) : p->start[i];
        s.x_first += start * x.strides[i];
        ocl_strided_add(&s, y.dims[i], x.strides[i] * (named ? p->step[i] : 1), y.strides[i]);
    }
    return build_one(e, &s);
}

/* The gradient: zeros, then dy where it was read from. */
static int32_t build_slice_backward(struct cvk_exec *e)
{
    const struct cvk_slice_params *p = e->node->params;
    struct view y = view_of(e->node->inputs[0]), x = view_of(e->node->outputs[0]);
    struct ocl_strided s = copy_of(e);
    for (uint32_t i = 0; i < x.rank; i++) {
        s.y_first += p->start[i] * x.strides[i];
        ocl_strided_add(&s, y.dims[i], y.strides[i], x.strides[i] * p->step[i]);
    }
    return build_one(e, &s);
}

static int32_t run_slice_backward(struct cvk_exec *e)
{
    const cl_uchar zero = 0;
    struct ocl_device *d = ocl_device_of(e);
    const struct cvk_binding *dx = &e->outputs[0];
    uint64_t bytes = e->node->outputs[0]->bytes;
    if (bytes == 0)
        return CVK_OK;
    cl_int code = clEnqueueFillBuffer(d->queue, (cl_mem)dx->buffer, &zero, 1, dx->offset, bytes, 0, NULL, ocl_profile_slot(d));
    if (code != CL_SUCCESS)
        return ocl_fail(d->host, code, "filling %llu bytes", (unsigned long long)bytes);
    return ocl_moves_run(e);
}

static int32_t plan_slice(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_slice_params *p = q->node->params;
    const struct cvk_tensor_desc *x = q->node->inputs[0], *y = q->node->outputs[0];
    (void)plan;
    OCL_TRY(ocl_fits_moved(q));
    if (q->layout_x == CVK_LAYOUT_PLAIN)
        return CVK_OK;
    if (p->step[1] != 1)
        return cvk_refuse(q, "channels with a step of %lld in blocks", (long long)p->step[1]);
    struct cvk_tensor_desc blocked = *x;
    blocked.layout = q->layout_x;
    bool alone = true; /* only channels are cut */
    for (uint32_t i = 0; i < x->rank; i++)
        alone = alone && (i == 1 || (p->step[i] == 1 && x->dims[i] == y->dims[i]));
    return alone || whole_blocks(&blocked, p->start[1], y->dims[1])
               ? CVK_OK
               : cvk_refuse(q, "channels %lld to %lld cut a block, and other axes are cut as well", (long long)p->start[1],
                            (long long)(p->start[1] + y->dims[1] - 1));
}

/* ---- split and concat ---------------------------------------------------------------------------------------------------- */

/* Part `part` of the whole begins at `place` of axis `axis`; the whole is x if `out_of`, else y. */
static int32_t add_part(struct cvk_exec *e, uint32_t part, uint32_t axis, int64_t place, bool out_of)
{
    const struct cvk_tensor_desc *whole = out_of ? e->node->inputs[0] : e->node->outputs[0];
    const struct cvk_tensor_desc *piece = out_of ? e->node->outputs[part] : e->node->inputs[part];
    struct view all = view_of(whole), own = view_of(piece);
    struct ocl_strided s = copy_of(e);
    uint32_t input = out_of ? 0 : part, output = out_of ? part : 0;
    int64_t first = place * all.strides[axis];
    if (whole->layout != CVK_LAYOUT_PLAIN && axis == 1) {
        int64_t block = ocl_layout_block(whole->layout), end = place + piece->dims[1];
        if (!whole_blocks(whole, place, piece->dims[1])) {
            struct ocl_relayout c = {.x = piece, .y = whole, .y_begin = place, .channels = piece->dims[1], .y_end = end};
            if (end == whole->dims[1])
                c.y_end = (int64_t)ocl_round_up((uint64_t)end, (uint64_t)block);
            if (out_of)
                c = cut_channels(whole, piece, place);
            return ocl_moves_relayout(e, input, output, &c);
        }
        first = place / block * all.strides[1];
    }
    s.x_first = out_of ? first : 0;
    s.y_first = out_of ? 0 : first;
    for (uint32_t i = 0; i < own.rank; i++)
        ocl_strided_add(&s, own.dims[i], out_of ? all.strides[i] : own.strides[i], out_of ? own.strides[i] : all.strides[i]);
    return ocl_moves_strided(e, input, output, &s);
}

static int32_t build_parts(struct cvk_exec *e, uint32_t count, uint32_t axis, bool out_of)
{
    int32_t status = CVK_OK;
    int64_t place = 0;
    if (!ocl_moves_init(e, count))
        return CVK_E_MEMORY;
    for (uint32_t i = 0; i < count && status == CVK_OK; i++) {
        status = add_part(e, i, axis, place, out_of);
        place += (out_of ? e->node->outputs[i] : e->node->inputs[i])->dims[axis];
    }
    return status == CVK_OK ? CVK_OK : ocl_moves_drop(e, status);
}

static int32_t build_split(struct cvk_exec *e)
{
    const struct cvk_split_params *p = e->node->params;
    return build_parts(e, e->node->output_count, (uint32_t)p->axis, true);
}

static int32_t build_concat(struct cvk_exec *e)
{
    const struct cvk_concat_params *p = e->node->params;
    return build_parts(e, e->node->input_count, (uint32_t)p->axis, false);
}

const struct cvk_kernel ocl_move_ops_rows[] = {
    {MOVED_ROW(TRANSPOSE, build_transpose), .plan = plan_plain},
    {MOVED_ROW(EXPAND, build_expand), .plan = plan_plain},
    {MOVED_ROW(TILE, build_tile), .plan = plan_plain},
    {MOVED_ROW(DEPTH_SPACE, build_depth_space), .plan = plan_plain},
    {MOVED_ROW(SLICE, build_slice), EITHER, .plan = plan_slice},
    {OCL_ROW(SLICE, "strided"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = OCL_FLOATS, .plan = plan_plain,
     .build = build_slice_backward, .run = run_slice_backward, .finish = ocl_moves_finish},
    {MOVED_ROW(SPLIT, build_split), EITHER, .plan = plan_plain},
    {MOVED_ROW(CONCAT, build_concat), EITHER, .flags = CVK_KERNEL_ALL_INPUTS, .plan = plan_plain},
};
const uint32_t ocl_move_ops_row_count = OCL_COUNT(ocl_move_ops_rows);
