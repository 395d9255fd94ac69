/* SPDX-License-Identifier: MIT
 * conv, row "depthwise": as many groups as channels, so that each channel is filtered alone; blocked in and out. Work is cut by
 * rows of the output. */
#include "epilogue.h"
#include "isa/depthwise.h"

/* Sizes; a map of one dimension has a height of 1. */
struct depthwise {
    uint64_t n, c, blocks, h, w, oh, ow, kh, kw;
    int64_t stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
};

static struct depthwise sizes_of(const struct cvk_node *node, uint32_t block)
{
    const struct cvk_conv_params *p = node->params;
    const struct cvk_tensor_desc *x = node->inputs[0], *w = node->inputs[1], *y = node->outputs[0];
    const bool flat = x->rank == 3;
    const uint32_t last = flat ? 0 : 1; /* spatial axis along the row */
    return (struct depthwise){.n = (uint64_t)x->dims[0],
                              .c = (uint64_t)x->dims[1],
                              .blocks = simd_ceil_div((uint64_t)x->dims[1], block),
                              .h = flat ? 1 : (uint64_t)x->dims[2],
                              .w = (uint64_t)x->dims[2 + last],
                              .oh = flat ? 1 : (uint64_t)y->dims[2],
                              .ow = (uint64_t)y->dims[2 + last],
                              .kh = flat ? 1 : (uint64_t)w->dims[2],
                              .kw = (uint64_t)w->dims[2 + last],
                              .stride_h = flat ? 1 : p->stride[0],
                              .stride_w = p->stride[last],
                              .dilation_h = flat ? 1 : p->dilation[0],
                              .dilation_w = p->dilation[last],
                              .pad_top = flat ? 0 : p->pad_begin[0],
                              .pad_left = p->pad_begin[last]};
}

enum { NOTE_WEIGHTS, NOTE_EPILOGUE }; /* places in the workspace */

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    const struct cvk_conv_params *p = node->params;
    const int64_t channels = node->inputs[0]->dims[1];
    if (node->inputs[0]->rank > 4)
        return cvk_refuse(q, "only maps of one or two dimensions, not %u", node->inputs[0]->rank - 2);
    if (p->group != channels || node->outputs[0]->dims[1] != channels || channels < 1)
        return cvk_refuse(q, "%u groups of %lld channels to %lld; only one channel to one", p->group, (long long)channels,
                          (long long)node->outputs[0]->dims[1]);
    if (node->input_count > 2 && node->inputs[2])
        return cvk_refuse(q, "the bias is an input; only one in the epilogue");
    SIMD_TRY(simd_blocked(q, q->layout_x));
    struct depthwise s = sizes_of(node, simd_asked(q)->isa->block);
    uint64_t bytes = s.blocks * simd_asked(q)->isa->block * s.kh * s.kw * sizeof(float);
    plan->packed_bytes = node->constants[1] ? bytes : 0;
    plan->user[NOTE_WEIGHTS] = node->constants[1] ? 0 : cvk_book(plan, bytes);
    plan->user[NOTE_EPILOGUE] = cvk_book(plan, simd_epilogue_bytes(q, s.c));
    return CVK_OK;
}

/* [block of channels][tap][channel of the block] */
static void pack(const struct depthwise *s, uint32_t block, const float *plain, float *packed)
{
    const uint64_t taps = s->kh * s->kw;
    for (uint64_t b = 0; b < s->blocks; b++)
        for (uint64_t tap = 0; tap < taps; tap++)
            for (uint64_t c = b * block; c < (b + 1) * block; c++)
                *packed++ = c < s->c ? plain[c * taps + tap] : 0;
}

static int32_t build(struct cvk_exec *e)
{
    uint32_t block = simd_device_of(e)->isa->block;
    struct depthwise s = sizes_of(e->node, block);
    if (e->plan->packed_bytes)
        pack(&s, block, cvk_cpu_input(e, 1), e->packed);
    return CVK_OK;
}

struct job {
    struct depthwise s;
    const struct simd_depthwise_fns *fns;
    uint64_t block;
    const float *x, *w;
    float *y;
    struct simd_epilogue epilogue;
};

static void run_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct depthwise *s = &j->s;
    (void)worker;
    struct simd_depthwise map = {.h = (int64_t)s->h,
                                 .width = (int64_t)s->w,
                                 .ow = (int64_t)s->ow,
                                 .kh = (int64_t)s->kh,
                                 .kw = (int64_t)s->kw,
                                 .stride_h = s->stride_h,
                                 .stride_w = s->stride_w,
                                 .dilation_h = s->dilation_h,
                                 .dilation_w = s->dilation_w,
                                 .pad_top = s->pad_top,
                                 .pad_left = s->pad_left,
                                 .out = {.y_step = (int64_t)j->block}};
    while (begin < end) {
        const uint64_t at = begin / s->oh, channel = at % s->blocks * j->block, offset = at * s->oh * s->ow * j->block;
        const uint64_t first = begin % s->oh, last = end - begin < s->oh - first ? first + (end - begin) : s->oh;
        map.x = j->x + at * s->h * s->w * j->block;
        map.w = j->w + channel * s->kh * s->kw;
        map.out.y = j->y + offset;
        simd_epilogue_set(&map.out, &j->epilogue, channel, offset);
        j->fns->rows(&map, (int64_t)first, (int64_t)last);
        if (simd_epilogue_late(&j->epilogue))
            simd_epilogue_finish(&j->epilogue, channel, map.out.y + first * s->ow * j->block, (last - first) * s->ow);
        begin += last - first;
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    char *workspace = cvk_cpu_pointer(e->workspace);
    struct job j = {.s = sizes_of(e->node, d->isa->block),
                    .fns = d->isa->depthwise,
                    .block = d->isa->block,
                    .x = cvk_cpu_input(e, 0),
                    .w = e->packed,
                    .y = cvk_cpu_output(e, 0)};
    if (!e->plan->packed_bytes) {
        float *w = (float *)(workspace + e->plan->user[NOTE_WEIGHTS]);
        pack(&j.s, d->isa->block, cvk_cpu_input(e, 1), w);
        j.w = w;
    }
    simd_epilogue_bind(&j.epilogue, e, j.s.c, (float *)(workspace + e->plan->user[NOTE_EPILOGUE]));
    simd_parallel(e, j.s.n * j.s.blocks * j.s.oh * (j.s.ow > 0), run_rows, &j);
    return CVK_OK;
}

const struct cvk_kernel simd_conv_depthwise_rows[] = {
    {SIMD_ROW(CONV, "depthwise"), .flags = CVK_KERNEL_KEEPS_CONSTANTS | CVK_KERNEL_CONCURRENT, .layouts_x = SIMD_BLOCKED,
     .layouts_y = SIMD_BLOCKED, .epilogues = SIMD_EPILOGUES, .plan = plan, .build = build, .run = run},
};
const uint32_t simd_conv_depthwise_row_count = SIMD_COUNT(simd_conv_depthwise_rows);
