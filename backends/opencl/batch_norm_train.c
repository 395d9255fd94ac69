/* SPDX-License-Identifier: MIT
 * batch_norm in training, its gradient, and the gradient of scale and bias outside training. On CPU devices sixteen floats at a
 * time: of sixteen channels, or of one where a channel's elements lie together; elsewhere a work-group for each piece of a
 * channel. */
#include <math.h>

#include "arith.h"

#define PIECES 64           /* of a channel at most: a single item joins them */
#define PIECE_ROWS 512      /* vectors that are worth an item, on CPU devices */
#define PIECE_ELEMENTS 4096 /* that are worth a work-group */

/* As in kernels/batch_norm_train.cl. */
struct view {
    cl_int groups, pieces, images, rows, full, lanes, row_step, image_step, group_step, piece_images, parts, part_rows;
    cl_int channels, count, spread, blocked;
};

/* All of it group by group, or three calls one after the other. */
struct state {
    struct ocl_call calls[3];
    uint32_t count;
};

enum { NOTE_PARTS, NOTE_COEFFICIENTS };

/* Places of the operands in a gradient's node; -1: it has none. */
struct operands {
    int32_t dy, mean, inverse, x, scale, bias, dx, dscale, dbias;
};

static bool is_training(const struct cvk_node *node)
{
    return ((const struct cvk_batch_norm_params *)node->params)->training;
}

static struct operands operands_of(const struct cvk_node *node)
{
    if (is_training(node))
        return (struct operands){
            .dy = 0, .mean = 1, .inverse = 2, .x = 3, .scale = 4, .bias = 5, .dx = 0, .dscale = 1, .dbias = 2};
    return (struct operands){
        .dy = 0, .x = 1, .mean = 2, .inverse = 3, .scale = -1, .bias = -1, .dx = -1, .dscale = 0, .dbias = 1};
}

static bool is_wide(const struct ocl_device *d, const struct cvk_node *node)
{
    bool wide = d->cpu_form;
    for (uint32_t i = 0; i < node->input_count; i++)
        wide = wide && (!node->inputs[i] || node->inputs[i]->dtype == CVK_F32);
    return wide;
}

/* ---- how work is cut: by sizes alone, so that sums do not depend on the device's units --------------------------- */

static void cut_wide(struct view *s)
{
    uint64_t images = (uint64_t)s->images, rows = (uint64_t)s->rows;
    s->piece_images = (cl_int)(rows >= PIECE_ROWS ? 1 : ocl_ceil_div(PIECE_ROWS, rows));
    if ((uint64_t)s->piece_images * PIECES < images)
        s->piece_images = (cl_int)ocl_ceil_div(images, PIECES);
    uint64_t most = PIECES / ocl_ceil_div(images, (uint64_t)s->piece_images), parts = ocl_ceil_div(rows, PIECE_ROWS);
    parts = s->piece_images > 1 ? 1 : parts < most ? parts : most;
    s->part_rows = (cl_int)ocl_ceil_div(rows, parts);
    s->parts = (cl_int)ocl_ceil_div(rows, (uint64_t)s->part_rows);
    s->pieces = (cl_int)ocl_ceil_div(images, (uint64_t)s->piece_images) * s->parts;
}

static struct view view_of(const struct ocl_device *d, const struct cvk_node *node, uint32_t layout)
{
    const struct cvk_tensor_desc *x = node->inputs[0]; /* or dy, of its sizes */
    uint64_t images = (uint64_t)x->dims[0], channels = x->rank > 1 ? (uint64_t)x->dims[1] : 1,
             pixels = ocl_product(x, 2, x->rank);
    bool wide = is_wide(d, node), blocked = layout == CVK_LAYOUT_NC16, columns = pixels == 1 && !blocked;
    struct view s = {.channels = (cl_int)channels,
                     .count = (cl_int)(images * pixels),
                     .spread = !blocked && !columns,
                     .blocked = blocked,
                     .images = 1,
                     .lanes = 16};
    if (s.count == 0 || channels == 0)
        return s;
    if (!wide) {
        uint64_t pieces = ocl_ceil_div((uint64_t)s.count, PIECE_ELEMENTS);
        s.groups = s.channels;
        s.rows = (cl_int)pixels;
        s.part_rows = (cl_int)ocl_ceil_div((uint64_t)s.count, pieces < PIECES ? pieces : PIECES);
        s.pieces = (cl_int)ocl_ceil_div((uint64_t)s.count, (uint64_t)s.part_rows);
        return s;
    }
    uint64_t blocks = ocl_ceil_div(channels, 16);
    s.groups = (cl_int)(s.spread ? channels : blocks);
    s.images = columns ? 1 : (cl_int)images;
    s.rows = (cl_int)(columns ? images : blocked ? pixels : ocl_ceil_div(pixels, 16));
    s.row_step = columns ? (cl_int)channels : 16;
    s.group_step = (cl_int)(columns ? 16 : blocked ? pixels * 16 : pixels);
    s.image_step = (cl_int)(blocked ? blocks * pixels * 16 : channels * pixels);
    s.full = s.spread ? (cl_int)(pixels / 16) : s.rows;
    s.lanes = s.spread && pixels % 16 ? (cl_int)(pixels % 16) : 16;
    cut_wide(&s);
    return s;
}

/* ---- arguments --------------------------------------------------------------------------------------------------- */

static int32_t real_args(struct cvk_exec *e, struct ocl_call *call, uint32_t index, const double *numbers, uint32_t count)
{
    struct ocl_device *d = ocl_device_of(e);
    for (uint32_t i = 0; i < count; i++) {
        if (e->node->inputs[0]->dtype == CVK_F64)
            OCL_TRY(ocl_arg(d, call, index + i, &numbers[i], sizeof numbers[i]));
        else
            OCL_TRY(ocl_arg_float(d, call, index + i, (float)numbers[i]));
    }
    return CVK_OK;
}

/* What lies behind y: nothing, relu or clip. */
static void limits_of(const struct cvk_node *node, double *low, double *high)
{
    const struct cvk_epilogue *epilogue = node->epilogue;
    *low = -(double)INFINITY;
    *high = (double)INFINITY;
    if (epilogue && epilogue->parts & CVK_EPI_ACTIVATION) {
        *low = epilogue->activation == CVK_RELU ? 0 : (double)epilogue->a;
        *high = epilogue->activation == CVK_RELU ? *high : (double)epilogue->b;
    }
}

static const struct cvk_binding *output(const struct cvk_exec *e, int32_t i)
{
    return i >= 0 && (uint32_t)i < e->node->output_count && e->node->outputs[i] ? &e->outputs[i] : NULL;
}

static const struct cvk_binding *input(const struct cvk_exec *e, int32_t i)
{
    return i >= 0 ? &e->inputs[i] : NULL;
}

static void release(struct cvk_exec *e)
{
    struct state *state = e->state;
    for (uint32_t i = 0; i < state->count; i++)
        ocl_call_finish(&state->calls[i]);
    ocl_state_free(e);
}

/* Groups enough for all units. */
static bool by_groups(const struct ocl_device *d, const struct cvk_node *node, const struct view *s)
{
    uint32_t groups = (uint32_t)s->groups;
    return is_wide(d, node) && s->pieces > 0 && (groups % d->compute_units == 0 || groups >= 4 * d->compute_units);
}

/* All kernels take the same: `buffers` of them, sizes, numbers. */
static int32_t build_calls(struct cvk_exec *e, struct state *state, char *options, uint32_t bytes, uint32_t buffers)
{
    static const char *const names[] = {"norm_sums", "norm_finish", "norm_write"};
    const struct cvk_batch_norm_params *p = e->node->params;
    struct ocl_device *d = ocl_device_of(e);
    struct view s = view_of(d, e->node, e->node->inputs[0]->layout);
    bool wide = is_wide(d, e->node), grouped = by_groups(d, e->node, &s);
    double numbers[4] = {0, 0, (double)p->epsilon, (double)p->momentum};
    uint64_t local = wide ? 1 : 128, groups = (uint64_t)s.groups * (uint64_t)s.pieces;
    limits_of(e->node, &numbers[0], &numbers[1]);
    if (wide)
        ocl_option(options, bytes, grouped ? "-DWIDE -DONLY_norm_groups" : "-DWIDE");
    else if (strstr(options, "-DWITH_F64"))
        ocl_option(options, bytes, "-DR=double");
    for (uint32_t i = 0; i < (grouped ? 1 : 3); i++, state->count++) {
        struct ocl_call *call = &state->calls[i];
        OCL_TRY(ocl_call_init(d, call, &ocl_source_batch_norm_train, grouped ? "norm_groups" : names[i], options));
        OCL_TRY(ocl_arg(d, call, 2 * buffers, &s, sizeof s));
        OCL_TRY(real_args(e, call, 2 * buffers + 1, numbers, e->node->pass == CVK_PASS_FORWARD ? 4 : 3));
        if (grouped)
            ocl_call_items(call, (uint64_t)s.groups, 1);
        else if (i == 1)
            ocl_call_items(call, (uint64_t)s.channels, local);
        else if (i == 0 || wide)
            ocl_call_size(call, 1, &groups, &local);
        else
            ocl_call_items(call, (uint64_t)s.count * (uint64_t)s.channels, local);
    }
    return CVK_OK;
}

static int32_t build_with(struct cvk_exec *e, char *options, uint32_t bytes, uint32_t buffers)
{
    struct state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    int32_t status = build_calls(e, state, options, bytes, buffers);
    if (status != CVK_OK) {
        state->count = OCL_COUNT(state->calls); /* the one that failed may have a kernel */
        release(e);
    }
    return status;
}

static int32_t run_with(struct cvk_exec *e, const struct cvk_binding *const *operands, uint32_t count)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *state = e->state;
    struct cvk_binding parts = *e->workspace, coefficients = parts;
    parts.offset += e->plan->user[NOTE_PARTS];
    coefficients.offset += e->plan->user[NOTE_COEFFICIENTS];
    for (uint32_t i = 0; i < state->count; i++) {
        for (uint32_t k = 0; k < count; k++)
            OCL_TRY(ocl_bind(d, &state->calls[i], 2 * k, operands[k]));
        OCL_TRY(ocl_bind(d, &state->calls[i], 2 * count, &parts));
        OCL_TRY(ocl_bind(d, &state->calls[i], 2 * count + 2, &coefficients));
        OCL_TRY(ocl_enqueue(d, &state->calls[i]));
    }
    return CVK_OK;
}

/* ---- forward: inputs x, scale, bias, mean, variance -------------------------------------------------------------- */

#define FORWARD_OPERANDS 11
#define BACKWARD_OPERANDS 9

static int32_t build_forward(struct cvk_exec *e)
{
    static const char *const names[5] = {"DX", "DS", "DB", "DM", "DV"};
    char options[OCL_OPTION_BYTES] = "";
    for (uint32_t i = 0; i < 5; i++)
        ocl_option_type(options, sizeof options, names[i], e->node->inputs[i]->dtype);
    return build_with(e, options, sizeof options, FORWARD_OPERANDS + 2);
}

static int32_t run_forward(struct cvk_exec *e)
{
    const struct cvk_binding *operands[FORWARD_OPERANDS];
    for (int32_t i = 0; i < 5; i++) {
        operands[i] = input(e, i);
        operands[5 + i] = output(e, i);
    }
    operands[10] = e->residual;
    return run_with(e, operands, FORWARD_OPERANDS);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */

/* The type of an optional output is that of what it belongs to. */
static uint32_t type_of(const struct cvk_node *node, int32_t in, int32_t out)
{
    if (in >= 0)
        return node->inputs[in]->dtype;
    return (uint32_t)out < node->output_count && node->outputs[out] ? node->outputs[out]->dtype : node->inputs[0]->dtype;
}

static int32_t build_backward(struct cvk_exec *e)
{
    struct operands o = operands_of(e->node);
    char options[OCL_OPTION_BYTES] = "-DBACKWARD";
    ocl_option_type(options, sizeof options, "DX", type_of(e->node, o.dy, -1));
    ocl_option_type(options, sizeof options, "DM", type_of(e->node, o.mean, -1));
    ocl_option_type(options, sizeof options, "DV", type_of(e->node, o.inverse, -1));
    ocl_option_type(options, sizeof options, "DS", type_of(e->node, o.scale, o.dscale));
    ocl_option_type(options, sizeof options, "DB", type_of(e->node, o.bias, o.dbias));
    if (!is_training(e->node))
        ocl_option(options, sizeof options, "-DVARIANCE");
    return build_with(e, options, sizeof options, BACKWARD_OPERANDS + 2);
}

static int32_t run_backward(struct cvk_exec *e)
{
    struct operands o = operands_of(e->node);
    const struct cvk_binding *const operands[BACKWARD_OPERANDS] = {
        input(e, o.dy),   input(e, o.x),   input(e, o.mean),    input(e, o.inverse), input(e, o.scale),
        input(e, o.bias), output(e, o.dx), output(e, o.dscale), output(e, o.dbias)};
    return run_with(e, operands, BACKWARD_OPERANDS);
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static int32_t plan_any(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct ocl_device *d = ocl_asked(q);
    OCL_TRY(ocl_fits(q));
    if (q->layout_x != CVK_LAYOUT_PLAIN) {
        OCL_TRY(ocl_blocked(q));
        if (!is_wide(d, q->node))
            return cvk_refuse(q, "in blocks all inputs must be f32");
    }
    struct view s = view_of(d, q->node, q->layout_x);
    bool wide = is_wide(d, q->node);
    plan->user[NOTE_PARTS] =
        cvk_book(plan, (uint64_t)s.groups * (uint64_t)s.pieces * 3 * (wide ? 16 * sizeof(float) : sizeof(double)));
    plan->user[NOTE_COEFFICIENTS] = cvk_book(plan, (uint64_t)s.channels * 3 * sizeof(double));
    return CVK_OK;
}

static int32_t plan_training(const struct cvk_query *q, struct cvk_plan *plan)
{
    return is_training(q->node) ? plan_any(q, plan) : cvk_refuse(q, "inference is not this kernel's");
}

static int32_t plan_inference(const struct cvk_query *q, struct cvk_plan *plan)
{
    return is_training(q->node) ? cvk_refuse(q, "training is not this kernel's") : plan_any(q, plan);
}

#define LAYOUTS OCL_PLAIN | OCL_NC16
#define CORNERED (UINT64_C(1) << CVK_RELU | UINT64_C(1) << CVK_CLIP)
const struct cvk_kernel ocl_batch_norm_train_rows[] = {
    {OCL_ROW(BATCH_NORM, "training"), .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_FLOATS, .layouts_x = LAYOUTS,
     .layouts_y = LAYOUTS, .epilogues = CVK_EPI_RESIDUAL | CVK_EPI_ACTIVATION, .activations = CORNERED, .plan = plan_training,
     .build = build_forward, .run = run_forward, .finish = release},
    {OCL_ROW(BATCH_NORM, "training"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_IN_PLACE | CVK_KERNEL_ALL_INPUTS,
     .dtypes = OCL_FLOATS, .layouts_x = LAYOUTS, .layouts_y = LAYOUTS, .epilogues = CVK_EPI_ACTIVATION, .activations = CORNERED,
     .plan = plan_training, .build = build_backward, .run = run_backward, .finish = release},
    {OCL_ROW(BATCH_NORM, "inference"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .flags = CVK_KERNEL_ALL_INPUTS, .dtypes = OCL_FLOATS,
     .layouts_x = LAYOUTS, .plan = plan_inference, .build = build_backward, .run = run_backward, .finish = release},
};
const uint32_t ocl_batch_norm_train_row_count = OCL_COUNT(ocl_batch_norm_train_rows);
