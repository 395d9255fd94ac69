/* SPDX-License-Identifier: MIT
 * conv and its gradients, row "depthwise": as many groups as channels, so that each channel is filtered alone; blocked in and
 * out. Work is cut by rows of the result. A gradient with stride 1 is a convolution with the window read backwards. */
#include "conv.h"
#include "epilogue.h"
#include "isa/depthwise.h"
#include "isa/move.h"

enum { NOTE_WEIGHTS, NOTE_EPILOGUE }; /* places in the workspace */

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct simd_conv c;
    SIMD_TRY(simd_conv_ask(q, &c));
    if (c.group != c.ic || c.oc != c.ic)
        return cvk_refuse(q, "%llu groups of %llu channels to %llu; only one channel to one", (unsigned long long)c.group,
                          (unsigned long long)c.ic, (unsigned long long)c.oc);
    uint64_t bytes = c.ic_blocks * c.block * c.kh * c.kw * sizeof(float);
    bool constant = q->node->constants[1] != NULL;
    plan->packed_bytes = constant ? bytes : 0;
    plan->user[NOTE_WEIGHTS] = constant ? 0 : cvk_book(plan, bytes);
    plan->user[NOTE_EPILOGUE] = cvk_book(plan, simd_epilogue_bytes(q, c.oc));
    return CVK_OK;
}

/* True if the window is read backwards. */
static bool reversed(const struct simd_conv *c)
{
    return c->turned && c->spread_h == 1 && c->spread_w == 1;
}

/* [block of channels][tap][channel of the block] */
static void pack(const struct simd_conv *c, const struct simd_move_fns *move, const float *plain, float *packed)
{
    const uint64_t taps = c->kh * c->kw, block = c->block;
    for (uint64_t first = 0; first < c->ic; first += block, packed += taps * block) {
        move->interleave(plain + first * taps, taps, c->ic - first < block ? c->ic - first : block, taps, packed, block);
        for (uint64_t tap = 0; reversed(c) && tap < taps / 2; tap++)
            for (uint64_t i = 0; i < block; i++) {
                float *one = packed + tap * block + i, *other = packed + (taps - 1 - tap) * block + i, kept = *one;
                *one = *other;
                *other = kept;
            }
    }
}

static int32_t build(struct cvk_exec *e)
{
    const struct simd_isa *isa = simd_device_of(e)->isa;
    struct simd_conv c = simd_conv_of(e->node, isa->block);
    if (e->plan->packed_bytes)
        pack(&c, isa->move, cvk_cpu_input(e, 1), e->packed);
    return CVK_OK;
}

struct job {
    struct simd_conv c;
    struct simd_depthwise map; /* without its places */
    void (*rows)(const struct simd_depthwise *d, int64_t begin, int64_t end);
    const float *x, *w;
    float *y;
    struct simd_epilogue epilogue;
};

static void run_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_conv *c = &j->c;
    (void)worker;
    struct simd_depthwise map = j->map;
    while (begin < end) {
        const uint64_t at = begin / c->oh, channel = at % c->oc_blocks * c->block, offset = at * c->oh * c->ow * c->block;
        const uint64_t first = begin % c->oh, last = end - begin < c->oh - first ? first + (end - begin) : c->oh;
        map.x = j->x + at * c->h * c->w * c->block;
        map.w = j->w + channel * c->kh * c->kw;
        map.out.y = j->y + offset;
        simd_epilogue_set(&map.out, &j->epilogue, channel, offset);
        j->rows(&map, (int64_t)first, (int64_t)last);
        if (simd_epilogue_late(&j->epilogue))
            simd_epilogue_finish(&j->epilogue, channel, map.out.y + first * c->ow * c->block, (last - first) * c->ow);
        begin += last - first;
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct simd_isa *isa = simd_device_of(e)->isa;
    char *workspace = cvk_cpu_pointer(e->workspace);
    struct job j = {
        .c = simd_conv_of(e->node, isa->block), .x = cvk_cpu_input(e, 0), .w = e->packed, .y = cvk_cpu_output(e, 0)};
    const struct simd_conv *c = &j.c;
    const bool spread = c->turned && !reversed(c);
    j.rows = spread ? isa->depthwise->spread : isa->depthwise->rows;
    j.map = (struct simd_depthwise){.h = (int64_t)c->h,
                                    .width = (int64_t)c->w,
                                    .ow = (int64_t)c->ow,
                                    .kh = (int64_t)c->kh,
                                    .kw = (int64_t)c->kw,
                                    .stride_h = (int64_t)(spread ? c->spread_h : c->stride_h),
                                    .stride_w = (int64_t)(spread ? c->spread_w : c->stride_w),
                                    .dilation_h = (int64_t)c->dilation_h,
                                    .dilation_w = (int64_t)c->dilation_w,
                                    .pad_top = spread ? c->begin_h : c->pad_top,
                                    .pad_left = spread ? c->begin_w : c->pad_left,
                                    .out = {.y_step = (int64_t)c->block}};
    if (!e->plan->packed_bytes) {
        float *w = (float *)(workspace + e->plan->user[NOTE_WEIGHTS]);
        pack(c, isa->move, cvk_cpu_input(e, 1), w);
        j.w = w;
    }
    simd_epilogue_bind(&j.epilogue, e, c->oc, (float *)(workspace + e->plan->user[NOTE_EPILOGUE]));
    simd_parallel(e, c->n * c->oc_blocks * c->oh * (c->ow > 0), run_rows, &j);
    return CVK_OK;
}

const struct cvk_kernel simd_conv_depthwise_rows[] = {SIMD_CONV_ROWS("depthwise", plan, build, run)};
const uint32_t simd_conv_depthwise_row_count = SIMD_COUNT(simd_conv_depthwise_rows);
