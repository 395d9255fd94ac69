/* SPDX-License-Identifier: MIT
 * Gradient of the weights of conv and conv_transpose, row "depthwise": each channel is filtered alone; blocked in, plain out.
 * Work is cut by blocks of channels, and where these are few by images, whose sums are then added in order. */
#include "conv_weights.h"

struct depthwise {
    struct simd_conv_weights c;
    uint64_t parts; /* of the images */
    uint64_t slot;  /* floats of the sums of a block of channels: [tap][block], then of dy itself if the bias is wanted */
};

static struct depthwise depthwise_of(const struct simd_conv_weights *c)
{
    return (struct depthwise){
        .c = *c, .parts = simd_conv_weights_parts(c->row_blocks, c->n), .slot = (c->taps + c->bias) * c->block};
}

enum { NOTE_SUMS, NOTE_SPANS, NOTE_BIAS }; /* places in the workspace */

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct simd_conv_weights c;
    SIMD_TRY(simd_conv_weights_ask(q, &c));
    if (c.group != c.rows || c.group != c.lanes)
        return cvk_refuse(q, "%llu groups of %llu channels to %llu; only one channel to one", (unsigned long long)c.group,
                          (unsigned long long)q->node->inputs[1]->dims[1], (unsigned long long)q->node->inputs[0]->dims[1]);
    const struct depthwise s = depthwise_of(&c);
    plan->user[NOTE_SUMS] = cvk_book(plan, s.parts * c.row_blocks * s.slot * sizeof(float));
    plan->user[NOTE_SPANS] = cvk_book(plan, (c.kh + c.kw) * sizeof(struct simd_span));
    plan->user[NOTE_BIAS] = cvk_book(plan, simd_conv_weights_bias_bytes(q->node, &c));
    return CVK_OK;
}

struct job {
    struct depthwise s;
    const struct simd_isa *isa;
    struct simd_wgrad_depthwise map; /* x, y, sum: of the whole tensors */
    float *dw, *db;
};

/* Items are parts, then blocks. */
static void run_blocks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_conv_weights *c = &j->s.c;
    (void)worker;
    for (uint64_t item = begin; item < end; item++) {
        const uint64_t part = item / c->row_blocks, b = item % c->row_blocks, last = c->n * (part + 1) / j->s.parts;
        struct simd_wgrad_depthwise map = j->map;
        map.sum += item * j->s.slot;
        memset(map.sum, 0, j->s.slot * sizeof *map.sum);
        for (uint64_t n = c->n * part / j->s.parts; n < last; n++) {
            map.x = j->map.x + (n * c->row_blocks + b) * c->h * c->w * c->block;
            map.y = j->map.y + (n * c->row_blocks + b) * c->oh * c->ow * c->block;
            j->isa->wgrad_depthwise->map(&map);
            if (c->bias)
                j->isa->wgrad->pixels(map.y, c->oh * c->ow, map.sum + c->taps * c->block);
        }
    }
}

static void join_blocks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_conv_weights *c = &j->s.c;
    (void)worker;
    for (uint64_t b = begin; b < end; b++) {
        const uint64_t channels = c->lanes - b * c->block;
        const struct simd_wgrad_store s = {.sum = j->map.sum + b * j->s.slot,
                                           .parts = j->s.parts,
                                           .part_step = c->row_blocks * j->s.slot,
                                           .taps = c->taps,
                                           .tap_step = c->block,
                                           .count = c->taps,
                                           .channels = channels < c->block ? (uint32_t)channels : c->block,
                                           .to = j->dw + b * c->block * c->taps,
                                           .to_step = c->taps};
        j->isa->wgrad->store(&s);
        if (c->bias)
            simd_conv_weights_store_bias(c, j->isa->wgrad, s.sum + c->taps * c->block, s.parts, s.part_step, b, j->db);
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct simd_isa *isa = simd_device_of(e)->isa;
    const struct simd_conv_weights c = simd_conv_weights_of(e->node, isa->block);
    char *workspace = cvk_cpu_pointer(e->workspace);
    struct simd_span *lines = (struct simd_span *)(workspace + e->plan->user[NOTE_SPANS]), *pixels = lines + c.kh;
    simd_conv_weights_spans(lines, c.kh, c.oh, c.stride_h, c.dilation_h, c.pad_top, c.h);
    simd_conv_weights_spans(pixels, c.kw, c.ow, c.stride_w, c.dilation_w, c.pad_left, c.w);
    struct job j = {.s = depthwise_of(&c),
                    .isa = isa,
                    .map = {.x = cvk_cpu_input(e, c.rows_input),
                            .y = cvk_cpu_input(e, c.lanes_input),
                            .sum = (float *)(workspace + e->plan->user[NOTE_SUMS]),
                            .width = (int64_t)c.w,
                            .ow = (int64_t)c.ow,
                            .kh = (int64_t)c.kh,
                            .kw = (int64_t)c.kw,
                            .stride_h = c.stride_h,
                            .stride_w = c.stride_w,
                            .dilation_h = c.dilation_h,
                            .dilation_w = c.dilation_w,
                            .pad_top = c.pad_top,
                            .pad_left = c.pad_left,
                            .lines = lines,
                            .pixels = pixels},
                    .dw = cvk_cpu_output(e, 0),
                    .db = cvk_cpu_output(e, 1)};
    if (j.dw) {
        simd_parallel(e, j.s.parts * c.row_blocks, run_blocks, &j);
        simd_parallel(e, c.row_blocks, join_blocks, &j);
    }
    simd_conv_weights_bias(e, &c, (float *)(workspace + e->plan->user[NOTE_BIAS]));
    return CVK_OK;
}

#define DEPTHWISE                                                                                                              \
    .pass = CVK_PASS_BACKWARD_WEIGHTS, .flags = CVK_KERNEL_ALL_INPUTS, .layouts_x = SIMD_BLOCKED, .layouts_y = SIMD_PLAIN,     \
    .plan = plan, .run = run
const struct cvk_kernel simd_conv_weights_depthwise_rows[] = {
    {SIMD_ROW(CONV, "depthwise"), DEPTHWISE},
    {SIMD_ROW(CONV_TRANSPOSE, "depthwise"), DEPTHWISE},
};
const uint32_t simd_conv_weights_depthwise_row_count = SIMD_COUNT(simd_conv_weights_depthwise_rows);
