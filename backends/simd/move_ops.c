/* SPDX-License-Identifier: MIT
 * transpose, slice, split, expand, tile, depth_space: each is a copy between two strided views (strided.h). slice and split
 * also take blocks where no block of channels is cut. */
#include "strided.h"

static struct simd_strided begin_copy(const struct cvk_exec *e)
{
    return (struct simd_strided){
        .x = cvk_cpu_input(e, 0), .y = cvk_cpu_output(e, 0), .bytes = simd_dtype_bytes(e->node->inputs[0]->dtype)};
}

static const void *forward(const void *memory, int64_t elements, uint32_t bytes)
{
    return (const char *)memory + elements * bytes;
}

static int32_t run_transpose(struct cvk_exec *e)
{
    const struct cvk_transpose_params *p = e->node->params;
    uint64_t dims[SIMD_MAX_AXES];
    int64_t x_strides[SIMD_MAX_AXES], y_strides[SIMD_MAX_AXES];
    struct simd_strided s = begin_copy(e);
    simd_memory_axes(e->node->inputs[0], dims, x_strides);
    uint32_t rank = simd_memory_axes(e->node->outputs[0], dims, y_strides);
    for (uint32_t i = 0; i < rank; i++)
        simd_strided_add(&s, dims[i], x_strides[p->perm[i]], y_strides[i]);
    simd_strided_copy(e, s);
    return CVK_OK;
}

static int32_t run_slice(struct cvk_exec *e)
{
    const struct cvk_slice_params *p = e->node->params;
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    uint64_t dims[SIMD_MAX_AXES];
    int64_t x_strides[SIMD_MAX_AXES], y_strides[SIMD_MAX_AXES], first = 0;
    struct simd_strided s = begin_copy(e);
    if (y->bytes == 0)
        return CVK_OK;
    simd_memory_axes(x, dims, x_strides);
    uint32_t rank = simd_memory_axes(y, dims, y_strides);
    for (uint32_t i = 0; i < x->rank; i++) {
        int64_t start = p->start[i];
        if (i == 1 && y->layout != CVK_LAYOUT_PLAIN)
            start /= (int64_t)dims[rank - 1];
        first += start * x_strides[i];
        x_strides[i] *= p->step[i];
    }
    s.x = forward(s.x, first, s.bytes);
    for (uint32_t i = 0; i < rank; i++)
        simd_strided_add(&s, dims[i], x_strides[i], y_strides[i]);
    simd_strided_copy(e, s);
    return CVK_OK;
}

/* In blocks only if `part` channels from `start` on are whole blocks, or the rest of the channels. */
static int32_t ask_blocks(const struct cvk_query *q, int64_t start, int64_t part)
{
    if (q->layout_x == CVK_LAYOUT_PLAIN)
        return CVK_OK;
    SIMD_TRY(simd_blocked(q, q->layout_x));
    int64_t block = simd_asked(q)->isa->block, channels = q->node->inputs[0]->dims[1];
    return start % block == 0 && (part % block == 0 || start + part == channels)
               ? CVK_OK
               : cvk_refuse(q, "channels %lld to %lld cut a block of %lld", (long long)start, (long long)(start + part - 1),
                            (long long)block);
}

static int32_t plan_slice(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_slice_params *p = q->node->params;
    (void)plan;
    if (q->layout_x != CVK_LAYOUT_PLAIN && p->step[1] != 1)
        return cvk_refuse(q, "channels with a step of %lld", (long long)p->step[1]);
    return ask_blocks(q, p->start[1], q->node->outputs[0]->dims[1]);
}

static int32_t run_split(struct cvk_exec *e)
{
    const struct cvk_split_params *p = e->node->params;
    uint64_t dims[SIMD_MAX_AXES], place = 0;
    int64_t x_strides[SIMD_MAX_AXES], y_strides[SIMD_MAX_AXES];
    simd_memory_axes(e->node->inputs[0], dims, x_strides);
    for (uint32_t i = 0; i < e->node->output_count; i++) {
        struct simd_strided s = begin_copy(e);
        uint32_t rank = simd_memory_axes(e->node->outputs[i], dims, y_strides);
        s.x = forward(s.x, (int64_t)place * x_strides[p->axis], s.bytes);
        s.y = cvk_cpu_output(e, i);
        for (uint32_t a = 0; a < rank; a++)
            simd_strided_add(&s, dims[a], x_strides[a], y_strides[a]);
        simd_strided_copy(e, s);
        place += dims[p->axis];
    }
    return CVK_OK;
}

static int32_t plan_split(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_split_params *p = q->node->params;
    int64_t place = 0;
    (void)plan;
    for (uint32_t i = 0; i < q->node->output_count; i++) {
        int64_t part = q->node->outputs[i]->dims[1];
        SIMD_TRY(ask_blocks(q, p->axis == 1 ? place : 0, part));
        place += part;
    }
    return CVK_OK;
}

static int32_t run_expand(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    uint64_t dims[SIMD_MAX_AXES];
    int64_t x_strides[SIMD_MAX_AXES], y_strides[SIMD_MAX_AXES];
    struct simd_strided s = begin_copy(e);
    simd_memory_axes(x, dims, x_strides);
    uint32_t rank = simd_memory_axes(y, dims, y_strides), missing = rank - x->rank; /* axes that x lacks in front */
    for (uint32_t i = 0; i < rank; i++)
        simd_strided_add(&s, dims[i], i < missing || x->dims[i - missing] == 1 ? 0 : x_strides[i - missing], y_strides[i]);
    simd_strided_copy(e, s);
    return CVK_OK;
}

static int32_t run_tile(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[0], *y = e->node->outputs[0];
    uint64_t dims[SIMD_MAX_AXES];
    int64_t x_strides[SIMD_MAX_AXES], y_strides[SIMD_MAX_AXES];
    struct simd_strided s = begin_copy(e);
    if (y->bytes == 0)
        return CVK_OK;
    simd_memory_axes(y, dims, y_strides);
    uint32_t rank = simd_memory_axes(x, dims, x_strides);
    for (uint32_t i = 0; i < rank; i++) {
        simd_strided_add(&s, (uint64_t)y->dims[i] / dims[i], 0, y_strides[i] * (int64_t)dims[i]);
        simd_strided_add(&s, dims[i], x_strides[i], y_strides[i]);
    }
    simd_strided_copy(e, s);
    return CVK_OK;
}

/* Both kinds go over [n, c, h, by, w, bx], the order of the fine map; the deep one has other strides there. */
static int32_t run_depth_space(struct cvk_exec *e)
{
    const struct cvk_depth_space_params *p = e->node->params;
    bool to_space = p->kind == CVK_DEPTH_TO_SPACE;
    const struct cvk_tensor_desc *fine = to_space ? e->node->outputs[0] : e->node->inputs[0];
    const struct cvk_tensor_desc *deep = to_space ? e->node->inputs[0] : e->node->outputs[0];
    int64_t b = p->block, c = fine->dims[1], h = deep->dims[2], w = deep->dims[3], plane = h * w;
    bool dcr = p->mode == CVK_MODE_DCR;
    const struct {
        int64_t dim, fine, deep;
    } axes[] = {
        {fine->dims[0], c * h * b * w * b, c * b * b * plane},
        {c, h * b * w * b, (dcr ? 1 : b * b) * plane},
        {h, b * w * b, w},
        {b, w * b, (dcr ? b * c : b) * plane},
        {w, b, 1},
        {b, 1, (dcr ? c : 1) * plane},
    };
    static const uint8_t deep_dcr[] = {0, 3, 5, 1, 2, 4}, deep_crd[] = {0, 1, 3, 5, 2, 4}, in_fine[] = {0, 1, 2, 3, 4, 5};
    const uint8_t *order = to_space ? in_fine : dcr ? deep_dcr : deep_crd; /* the order of y's axes in memory */
    struct simd_strided s = begin_copy(e);
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t a = order[i];
        simd_strided_add(&s, (uint64_t)axes[a].dim, to_space ? axes[a].deep : axes[a].fine,
                         to_space ? axes[a].fine : axes[a].deep);
    }
    simd_strided_copy(e, s);
    return CVK_OK;
}

#define EITHER SIMD_PLAIN | SIMD_BLOCKED

const struct cvk_kernel simd_move_ops_rows[] = {
    {SIMD_ROW(TRANSPOSE, "strided"), .flags = CVK_KERNEL_CONCURRENT, .dtypes = SIMD_ALL_TYPES, .run = run_transpose},
    {SIMD_ROW(SLICE, "strided"), .flags = CVK_KERNEL_CONCURRENT, .dtypes = SIMD_ALL_TYPES, .layouts_x = EITHER,
     .layouts_y = EITHER, .plan = plan_slice, .run = run_slice},
    {SIMD_ROW(SPLIT, "strided"), .flags = CVK_KERNEL_CONCURRENT, .dtypes = SIMD_ALL_TYPES, .layouts_x = EITHER,
     .layouts_y = EITHER, .plan = plan_split, .run = run_split},
    {SIMD_ROW(EXPAND, "strided"), .flags = CVK_KERNEL_CONCURRENT, .dtypes = SIMD_ALL_TYPES, .run = run_expand},
    {SIMD_ROW(TILE, "strided"), .flags = CVK_KERNEL_CONCURRENT, .dtypes = SIMD_ALL_TYPES, .run = run_tile},
    {SIMD_ROW(DEPTH_SPACE, "strided"), .flags = CVK_KERNEL_CONCURRENT, .dtypes = SIMD_ALL_TYPES, .run = run_depth_space},
};
const uint32_t simd_move_ops_row_count = SIMD_COUNT(simd_move_ops_rows);
