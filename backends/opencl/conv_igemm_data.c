/* SPDX-License-Identifier: MIT
 * dx of conv, and conv_transpose, as products (implicit GEMM): a convolution of dy with the weights turned around, which a
 * small kernel does first. At a stride the outputs fall into classes that meet the same taps; each is a product whose results
 * lie apart. */
#include "conv.h"
#include "kernel_sources.h"
#include "product_tiles.h"

#define FLOATS32 (OCL_FLOATS & ~CVK_DTYPE_BIT(CVK_F64))
#define MOST_CLASSES 16

/* The struct of kernels/conv_turn.cl. */
struct turn_sizes {
    int32_t count, oc, ic, taps_h, taps_w;
    int32_t group_step, oc_step, ic_step, tap, tap_h, tap_w;
};

struct class
{
    struct ocl_tiles tiles;
    struct turn_sizes turn;
};

static uint64_t classes_of(const struct ocl_conv *c)
{
    return ocl_conv_classes(c, 0) * ocl_conv_classes(c, 1);
}

static struct turn_sizes turn_of(const struct ocl_conv *c, const struct ocl_conv_taps *h, const struct ocl_conv_taps *w)
{
    uint64_t oc = c->oc / c->group, ic = c->ic / c->group, taps = c->kh * c->kw, here = h->taps * w->taps;
    int64_t kw = (int64_t)c->kw;
    return (struct turn_sizes){.count = (int32_t)(c->group * oc * ic * here),
                               .oc = (int32_t)oc,
                               .ic = (int32_t)ic,
                               .taps_h = (int32_t)h->taps,
                               .taps_w = (int32_t)w->taps,
                               .group_step = (int32_t)(ic * oc * taps),
                               .oc_step = (int32_t)taps,
                               .ic_step = (int32_t)(oc * taps),
                               .tap = (int32_t)(h->tap * kw + w->tap),
                               .tap_h = (int32_t)(h->tap_step * kw),
                               .tap_w = (int32_t)w->tap_step};
}

static struct class class_of(const struct cvk_node *node, const struct ocl_conv *c, uint64_t which)
{
    uint64_t across = ocl_conv_classes(c, 1);
    struct ocl_conv_taps h = ocl_conv_taps(c, 0, which / across), w = ocl_conv_taps(c, 1, which % across);
    struct class k = {.turn = turn_of(c, &h, &w)};
    int32_t m = k.turn.oc, depth = (int32_t)(h.taps * w.taps) * k.turn.ic, map = (int32_t)(c->h * c->w);
    int32_t pixels = (int32_t)(h.outputs * w.outputs), out = (int32_t)(c->oh * c->ow);
    k.tiles = (struct ocl_tiles){.batch = (int64_t)c->group,
                                 .a_steps = true,
                                 .b = depth ? OCL_B_WINDOWS : OCL_B_LINES,
                                 .dtype = node->inputs[0]->dtype,
                                 .kernel = {1, (int64_t)h.taps, (int64_t)w.taps},
                                 .dilation = {1, h.from_step, w.from_step},
                                 .map = map,
                                 .spread = c->transposed,
                                 .alpha = 1,
                                 .beta = 1};
    k.tiles.s = (struct ocl_tiles_sizes){.m = m,
                                         .n = (int32_t)c->n * pixels,
                                         .k = depth,
                                         .y_count = (int32_t)ocl_flat_count(node->outputs[0]),
                                         .a_step = depth,
                                         .b_step = map,
                                         .a_batch = m * depth,
                                         .b_batch = k.turn.ic * map,
                                         .c_batch = m,
                                         .y_batch = m * out,
                                         .pixels = pixels,
                                         .b_image = (int32_t)c->ic * map,
                                         .y_image = (int32_t)c->oc * out,
                                         .y_row = out,
                                         .c_row = 1,
                                         .d = 1,
                                         .h = (int32_t)c->h,
                                         .w = (int32_t)c->w,
                                         .h_out = (int32_t)h.outputs,
                                         .w_out = (int32_t)w.outputs,
                                         .stride_d = 1,
                                         .stride_h = 1,
                                         .stride_w = 1,
                                         .pad_h = (int32_t)-h.from,
                                         .pad_w = (int32_t)-w.from,
                                         .y_first = (int32_t)(h.first * c->ow + w.first),
                                         .y_line = (int32_t)(h.step * c->ow),
                                         .y_pixel = (int32_t)w.step};
    return k;
}

enum { NOTE_SHAPE, NOTE_SPLITS, NOTE_SUMS, NOTE_WEIGHTS };

static int32_t check(const struct cvk_query *q)
{
    const struct cvk_node *node = q->node;
    OCL_TRY(ocl_fits(q));
    if (ocl_asked(q)->cpu_form)
        return cvk_refuse(q, "made for GPUs");
    if (node->inputs[0]->rank > 4)
        return cvk_refuse(q, "three dimensions");
    if (!ocl_flat_count(node->outputs[0]) || !ocl_flat_count(node->inputs[0]) || !ocl_flat_count(node->inputs[1]))
        return cvk_refuse(q, "an empty sum or result");
    return ocl_conv_tiles_fit(q);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct ocl_device *d = ocl_asked(q);
    struct ocl_tiles_choice choice = {0};
    OCL_TRY(check(q));
    struct ocl_conv c = ocl_conv_of(q->node);
    if (c.ic == c.group && c.oc == c.group)
        return cvk_refuse(q, "one channel to one: products would be of one number");
    if (c.transposed && c.stride_h * c.stride_w > MOST_CLASSES)
        return cvk_refuse(q, "strides of %llu x %llu make too many classes of outputs", (unsigned long long)c.stride_h,
                          (unsigned long long)c.stride_w);
    if (c.group > UINT16_MAX)
        return cvk_refuse(q, "%llu products; 65535 go into one call", (unsigned long long)c.group);
    uint32_t wanted = cvk_choose(q, plan, 1 + ocl_tiles_shapes);
    double cost = ocl_model_operands(q->node) / ocl_model_bytes(d);
    for (uint64_t i = 0; i < classes_of(&c); i++) {
        struct class k = class_of(q->node, &c, i);
        /* The shape that is best for the first class serves all. */
        if (!ocl_tiles_choose(d, &k.tiles, i ? choice.shape + 1 : wanted, &choice))
            return cvk_refuse(q, "its tiles take more than the local memory or items a group that the device has");
        cost = i ? cost + choice.cost_ns : cost > choice.cost_ns ? cost : choice.cost_ns;
    }
    struct class first = class_of(q->node, &c, 0);
    plan->cost_ns = cost + OCL_MODEL_LAUNCH_NS;
    plan->user[NOTE_SHAPE] = choice.shape;
    plan->user[NOTE_SPLITS] = choice.splits;
    plan->user[NOTE_SUMS] = cvk_book(plan, ocl_tiles_bytes(&first.tiles, &choice));
    plan->user[NOTE_WEIGHTS] = cvk_book(plan, q->node->inputs[1]->bytes + classes_of(&c) * CVK_ALIGN_BYTES);
    return CVK_OK;
}

struct state {
    uint64_t classes;
    struct ocl_call turns[MOST_CLASSES]; /* empty where a class meets no tap */
    struct ocl_tiles_calls products[MOST_CLASSES];
    uint64_t weights[MOST_CLASSES]; /* where each class's begin, in bytes */
};

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    for (uint64_t i = 0; i < state->classes; i++) {
        ocl_call_finish(&state->turns[i]);
        ocl_tiles_finish(&state->products[i]);
    }
    ocl_state_free(e);
}

static int32_t init(struct cvk_exec *e, struct state *state)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_conv c = ocl_conv_of(e->node);
    struct ocl_tiles_choice choice = {.shape = (uint32_t)e->plan->user[NOTE_SHAPE],
                                      .splits = (uint32_t)e->plan->user[NOTE_SPLITS]};
    char options[OCL_OPTION_BYTES] = "";
    uint64_t place = 0;
    ocl_option_type(options, sizeof options, "DX",
                    ocl_dtype_bytes(e->node->inputs[0]->dtype) == 2 ? CVK_U16 : CVK_F32); /* moved alone */
    state->classes = classes_of(&c);
    for (uint64_t i = 0; i < state->classes; i++) {
        struct class k = class_of(e->node, &c, i);
        state->weights[i] = place;
        place += ocl_round_up((uint64_t)k.turn.count * ocl_dtype_bytes(e->node->inputs[0]->dtype), CVK_ALIGN_BYTES);
        OCL_TRY(ocl_tiles_build(e, &k.tiles, &choice, &state->products[i]));
        if (k.turn.count == 0)
            continue;
        OCL_TRY(ocl_call_init(d, &state->turns[i], &ocl_source_conv_turn, "conv_turn", options));
        ocl_call_items(&state->turns[i], (uint64_t)k.turn.count, 64);
        OCL_TRY(ocl_arg(d, &state->turns[i], 4, &k.turn, sizeof k.turn));
    }
    return CVK_OK;
}

static int32_t build(struct cvk_exec *e)
{
    struct state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    int32_t status = init(e, state);
    if (status != CVK_OK)
        finish(e);
    return status;
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *state = e->state;
    for (uint64_t i = 0; i < state->classes; i++) {
        struct cvk_binding weights = *e->workspace;
        weights.offset += e->plan->user[NOTE_WEIGHTS] + state->weights[i];
        if (state->turns[i].kernel) {
            OCL_TRY(ocl_bind(d, &state->turns[i], 0, &e->inputs[1]));
            OCL_TRY(ocl_bind(d, &state->turns[i], 2, &weights));
            OCL_TRY(ocl_enqueue(d, &state->turns[i]));
        }
        OCL_TRY(ocl_tiles_run(e, &state->products[i], &weights, &e->inputs[0], e->plan->user[NOTE_SUMS]));
    }
    return CVK_OK;
}

#define ROW(OP, PASS)                                                                                                          \
    {                                                                                                                          \
        OCL_ROW(OP, "igemm"), .pass = CVK_PASS_##PASS, .dtypes = FLOATS32, .epilogues = OCL_EPILOGUE_ALL,                      \
                              .activations = OCL_ACTIVATIONS, .plan = plan, .build = build, .run = run, .finish = finish       \
    }
const struct cvk_kernel ocl_conv_igemm_data_rows[] = {ROW(CONV, BACKWARD_DATA), ROW(CONV_TRANSPOSE, FORWARD)};
const uint32_t ocl_conv_igemm_data_row_count = OCL_COUNT(ocl_conv_igemm_data_rows);
