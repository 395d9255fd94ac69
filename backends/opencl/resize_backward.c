/* SPDX-License-Identifier: MIT
 * The gradients of resize and pad, one axis after the other: tables made at build tell who has read each index. */
#include "resize.h"

#define ITEM_FLOATS 8192 /* of an item on CPU devices, at least */

/* As in kernels/resize_backward.cl. */
struct pass {
    cl_int rows, in, out, inner, items;
};

/* Passes write the rooms of the workspace in turn, the last one dx. */
struct state {
    uint32_t count;
    struct {
        struct ocl_call call;
        cl_mem links, weights;
    } passes[CVK_MAX_RANK];
};

/* A single number has one axis of size 1. */
static int64_t size_on(const struct cvk_tensor_desc *d, uint32_t axis)
{
    return axis < d->rank ? d->dims[axis] : 1;
}

static struct ocl_taps taps_of(const struct cvk_node *node, uint32_t axis, int64_t i)
{
    const struct cvk_tensor_desc *dy = node->inputs[0], *dx = node->outputs[0];
    if (dx->rank == 0)
        return (struct ocl_taps){.count = 1, .weight = {1}};
    if (node->op == CVK_OP_PAD)
        return ocl_pad_taps(node->params, axis, i, dx->dims[axis]);
    return ocl_resize_taps(node->params, axis, i, dx->dims[axis], dy->dims[axis]);
}

static uint32_t wide_type(uint32_t dtype)
{
    return dtype == CVK_F64 ? CVK_F64 : CVK_F32;
}

/* The axes that change something, in their order; at least one. */
static uint32_t active_axes(const struct cvk_node *node, uint32_t *axes)
{
    const struct cvk_tensor_desc *dy = node->inputs[0], *dx = node->outputs[0];
    uint32_t count = 0;
    for (uint32_t k = 0; k < dx->rank; k++) {
        bool keeps = dx->dims[k] == dy->dims[k];
        for (int64_t i = 0; i < dy->dims[k] && keeps; i++) {
            struct ocl_taps t = taps_of(node, k, i);
            keeps = t.count == 1 && t.at[0] == i && t.weight[0] == 1;
        }
        if (!keeps)
            axes[count++] = k;
    }
    if (count == 0)
        axes[count++] = 0;
    return count;
}

/* Elements after passes 0 .. last over those axes, as they lie in memory. */
static uint64_t elements_after(const struct cvk_node *node, uint32_t layout, const uint32_t *axes, uint32_t last)
{
    const struct cvk_tensor_desc *dy = node->inputs[0], *dx = node->outputs[0];
    uint64_t count = 1;
    for (uint32_t k = 0; k < dx->rank; k++) {
        uint64_t size = (uint64_t)(k <= axes[last] ? dx->dims[k] : dy->dims[k]);
        count *= k == 1 && layout == CVK_LAYOUT_NC16 ? ocl_round_up(size, 16) : size;
    }
    return count;
}

/* ---- build ------------------------------------------------------------------------------------------------------- */

/* Links sorted by the index of x, then by that of y. */
static int32_t upload(struct cvk_exec *e, uint32_t axis, cl_mem *links_out, cl_mem *weights_out)
{
    int64_t in = size_on(e->node->outputs[0], axis), out = size_on(e->node->inputs[0], axis);
    bool doubles = e->node->inputs[0]->dtype == CVK_F64;
    uint64_t most = 4 * (uint64_t)out, ints = (uint64_t)in + 1 + most, each = doubles ? sizeof(double) : sizeof(float);
    char *room = e->host->alloc(e->host, ints * sizeof(cl_int) + (most + 1) * each + 8, 0);
    if (!room)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for the table of a gradient (%llu entries)", (unsigned long long)most);
    char *weights = room + ocl_round_up(ints * sizeof(cl_int), 8);
    cl_int *begin = (cl_int *)room, *to = begin + in + 1;
    memset(room, 0, ints * sizeof(cl_int));
    for (int64_t o = 0; o < out; o++) {
        struct ocl_taps t = taps_of(e->node, axis, o);
        for (int k = 0; k < t.count; k++)
            begin[t.at[k] + 1]++;
    }
    for (int64_t i = 0; i < in; i++)
        begin[i + 1] += begin[i];
    for (int64_t o = out; o-- > 0;) { /* from behind: begin[i + 1] moves down to where the links of i begin */
        struct ocl_taps t = taps_of(e->node, axis, o);
        for (int k = t.count; k-- > 0;) {
            cl_int at = --begin[t.at[k] + 1];
            to[at] = (cl_int)o;
            if (doubles)
                ((double *)weights)[at] = t.weight[k];
            else
                ((float *)weights)[at] = (float)t.weight[k];
        }
    }
    cl_int total = 0;
    for (int64_t o = 0; o < out; o++)
        total += taps_of(e->node, axis, o).count;
    for (int64_t i = 0; i < in; i++) /* begin[i + 1] is now where i begins */
        begin[i] = begin[i + 1];
    begin[in] = total;
    int32_t status = ocl_memory(ocl_device_of(e), ints * sizeof(cl_int), room, links_out);
    if (status == CVK_OK)
        status = ocl_memory(ocl_device_of(e), (most + 1) * each, weights, weights_out);
    e->host->free(e->host, room);
    return status;
}

static int32_t build_pass(struct cvk_exec *e, struct state *state, const uint32_t *axes, uint32_t count)
{
    const struct cvk_tensor_desc *dy = e->node->inputs[0], *dx = e->node->outputs[0];
    struct ocl_device *d = ocl_device_of(e);
    uint32_t i = state->count, axis = axes[i];
    uint64_t all = elements_after(e->node, dx->layout, axes, i),
             inner = ocl_product(dy, axis + 1, dy->rank) * (dx->layout == CVK_LAYOUT_NC16 ? 16 : 1);
    bool wide = d->cpu_form && dx->dtype == CVK_F32 && inner % 16 == 0;
    struct pass s = {.rows = (cl_int)(inner ? all / inner : 0),
                     .in = (cl_int)size_on(dx, axis),
                     .out = (cl_int)size_on(dy, axis),
                     .inner = (cl_int)inner,
                     .items = (cl_int)ocl_ceil_div(ITEM_FLOATS, inner ? inner : 1)};
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_type(options, sizeof options, "DX", i == 0 ? dy->dtype : wide_type(dy->dtype));
    ocl_option_type(options, sizeof options, "DY", i + 1 == count ? dx->dtype : wide_type(dx->dtype));
    ocl_option(options, sizeof options, wide ? "-DWIDE" : dx->dtype == CVK_F64 ? "-DR=double" : "");
    state->count++;
    OCL_TRY(ocl_call_init(d, &state->passes[i].call, &ocl_source_resize_backward, "resize_backward", options));
    OCL_TRY(upload(e, axis, &state->passes[i].links, &state->passes[i].weights));
    OCL_TRY(ocl_bind_memory(d, &state->passes[i].call, 4, state->passes[i].links));
    OCL_TRY(ocl_bind_memory(d, &state->passes[i].call, 6, state->passes[i].weights));
    if (wide)
        ocl_call_items(&state->passes[i].call, ocl_ceil_div((uint64_t)s.rows, (uint64_t)s.items), 1);
    else
        ocl_call_items(&state->passes[i].call, all, 64);
    return ocl_arg(d, &state->passes[i].call, 8, &s, sizeof s);
}

static void release(struct cvk_exec *e)
{
    struct state *state = e->state;
    for (uint32_t i = 0; i < state->count; i++) {
        ocl_call_finish(&state->passes[i].call);
        ocl_memory_free(state->passes[i].links);
        ocl_memory_free(state->passes[i].weights);
    }
    ocl_state_free(e);
}

static int32_t build(struct cvk_exec *e)
{
    uint32_t axes[CVK_MAX_RANK], count = active_axes(e->node, axes);
    struct state *state = ocl_state(e, sizeof *state);
    int32_t status = state ? CVK_OK : CVK_E_MEMORY;
    for (uint32_t i = 0; i < count && status == CVK_OK; i++)
        status = build_pass(e, state, axes, count);
    if (status != CVK_OK && state)
        release(e);
    return status;
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *state = e->state;
    struct cvk_binding from = e->inputs[0];
    for (uint32_t i = 0; i < state->count; i++) {
        bool last = i + 1 == state->count;
        struct cvk_binding to = last           ? e->outputs[0]
                                : e->workspace ? *e->workspace
                                               : (struct cvk_binding){NULL, 0, 0}; /* batch 0 */
        if (!last)
            to.offset += e->plan->user[i % 2];
        OCL_TRY(ocl_bind(d, &state->passes[i].call, 0, &from));
        OCL_TRY(ocl_bind(d, &state->passes[i].call, 2, &to));
        OCL_TRY(ocl_enqueue(d, &state->passes[i].call));
        from = to;
    }
    return CVK_OK;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    uint32_t axes[CVK_MAX_RANK], count;
    uint64_t rooms[2] = {0, 0};
    OCL_TRY(ocl_fits(q));
    if (q->layout_x != CVK_LAYOUT_PLAIN)
        OCL_TRY(ocl_blocked(q));
    count = active_axes(q->node, axes);
    if (q->layout_x != CVK_LAYOUT_PLAIN && axes[0] < 2)
        return cvk_refuse(q, "in blocks only the maps change their size");
    for (uint32_t i = 0; i + 1 < count; i++) {
        uint64_t elements = elements_after(q->node, q->layout_x, axes, i);
        if (elements > INT32_MAX)
            return cvk_refuse(q, "more than 2^31-1 elements on the way");
        rooms[i % 2] = elements > rooms[i % 2] ? elements : rooms[i % 2];
    }
    for (uint32_t i = 0; i < 2; i++)
        plan->user[i] = cvk_book(plan, rooms[i] * sizeof(cl_double));
    return CVK_OK;
}

#define REST                                                                                                                   \
    .pass = CVK_PASS_BACKWARD_DATA, .dtypes = OCL_FLOATS, .layouts_x = OCL_PLAIN | OCL_NC16,                                   \
    .layouts_y = OCL_PLAIN | OCL_NC16, .plan = plan, .build = build, .run = run, .finish = release
const struct cvk_kernel ocl_resize_backward_rows[] = {
    {OCL_ROW(RESIZE, "axes"), REST},
    {OCL_ROW(PAD, "axes"), REST},
};
const uint32_t ocl_resize_backward_row_count = OCL_COUNT(ocl_resize_backward_rows);
