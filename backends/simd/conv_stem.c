/* SPDX-License-Identifier: MIT
 * conv, row "stem": the first layer of a net, whose input has a few channels in the plain layout; results are blocked.
 *
 * Work is cut by rows of the output. A worker copies the input rows of a band of output rows into zero-padded scratch that stays in its
 * cache, then sums all taps of all channels in registers: one pass over the output, no edge cases. */
#include "epilogue.h"
#include "isa/move.h"
#include "isa/stem.h"

#define MAX_CHANNELS 4
#define MAX_BAND_BYTES (24u << 10) /* of scratch: leaves room for the weights in the first cache */

/* Sizes, fixed in plan; every number in floats or pixels. */
struct stem {
    uint64_t n, ic, h, w, oc, oh, ow, kh, kw, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
    uint64_t taps, vectors, band, rows, pitch, scratch; /* band: output rows; rows, pitch, scratch: of the copy, scratch for one worker */
    uint64_t packed_weights;                            /* floats */
};

static struct stem sizes_of(const struct cvk_node *node, uint32_t block)
{
    const struct cvk_conv_params *p = node->params;
    const int64_t *x = node->inputs[0]->dims, *w = node->inputs[1]->dims, *y = node->outputs[0]->dims;
    struct stem s = {.n = (uint64_t)x[0],
                     .ic = (uint64_t)x[1],
                     .h = (uint64_t)x[2],
                     .w = (uint64_t)x[3],
                     .oc = (uint64_t)y[1],
                     .oh = (uint64_t)y[2],
                     .ow = (uint64_t)y[3],
                     .kh = (uint64_t)w[2],
                     .kw = (uint64_t)w[3],
                     .stride_h = (uint64_t)p->stride[0],
                     .stride_w = (uint64_t)p->stride[1],
                     .dilation_h = (uint64_t)p->dilation[0],
                     .dilation_w = (uint64_t)p->dilation[1],
                     .pad_top = (uint64_t)p->pad_begin[0],
                     .pad_left = (uint64_t)p->pad_begin[1]};
    s.taps = s.ic * s.kh * s.kw;
    s.vectors = simd_ceil_div(s.oc, block);
    s.packed_weights = s.vectors * block * s.taps;
    if (s.oh && s.ow) {
        uint64_t window = (s.kh - 1) * s.dilation_h + 1;
        s.pitch = (s.ow - 1) * s.stride_w + (s.kw - 1) * s.dilation_w + 1;
        s.band = 1;
        while (s.band < s.oh && (s.band * s.stride_h + window) * s.pitch * s.ic * sizeof(float) <= MAX_BAND_BYTES)
            s.band++;
        s.rows = (s.band - 1) * s.stride_h + window;
        s.scratch = simd_round_up(s.rows * s.pitch * s.ic, CVK_ALIGN_BYTES / sizeof(float));
    }
    return s;
}

/* Places in the workspace, as plan books them; whether build packs the weights: run may not see that they are constant. */
enum { NOTE_WEIGHTS, NOTE_EPILOGUE, NOTE_SCRATCH, NOTE_PACKED };

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    const struct cvk_conv_params *p = node->params;
    const struct simd_device *d = simd_asked(q);
    SIMD_TRY(simd_blocked(q, q->layout_y));
    if (node->inputs[0]->rank != 4)
        return cvk_refuse(q, "only images of two dimensions, not %u", node->inputs[0]->rank - 2);
    if (p->group != 1 || node->inputs[0]->dims[1] > MAX_CHANNELS || node->inputs[0]->dims[1] < 1)
        return cvk_refuse(q, "only one group of 1 to %d input channels", MAX_CHANNELS);
    if (node->input_count > 2 && node->inputs[2])
        return cvk_refuse(q, "the bias belongs in the epilogue");
    struct stem s = sizes_of(node, d->isa->block);
    uint64_t vectors = s.packed_weights * sizeof(float);
    plan->packed_bytes = simd_round_up((s.taps + 1) * sizeof(int64_t), CVK_ALIGN_BYTES) + (node->constants[1] ? vectors : 0);
    plan->user[NOTE_PACKED] = node->constants[1] != NULL;
    plan->user[NOTE_WEIGHTS] = node->constants[1] ? 0 : cvk_book(plan, vectors);
    plan->user[NOTE_EPILOGUE] = cvk_book(plan, simd_epilogue_bytes(q, s.oc));
    plan->user[NOTE_SCRATCH] = cvk_book(plan, s.scratch * d->threads * sizeof(float));
    return CVK_OK;
}

static float *packed_weights(const struct cvk_exec *e, const struct stem *s)
{
    return (float *)((char *)e->packed + simd_round_up((s->taps + 1) * sizeof(int64_t), CVK_ALIGN_BYTES));
}

/* [pair of vectors][tap][vector][block], the last pair may be a single one. */
static void pack(const struct stem *s, const struct simd_isa *isa, const float *plain, float *packed)
{
    uint64_t block = isa->block;
    for (uint64_t v = 0; v < s->vectors; v++) {
        uint64_t width = (s->vectors - v / 2 * 2 < 2 ? 1 : 2) * block, oc = v * block;
        isa->move->interleave(plain + oc * s->taps, s->taps, s->oc - oc < block ? s->oc - oc : block, s->taps,
                              packed + v / 2 * 2 * block * s->taps + v % 2 * block, width);
    }
}

static int32_t build(struct cvk_exec *e)
{
    const struct simd_isa *isa = simd_device_of(e)->isa;
    struct stem s = sizes_of(e->node, isa->block);
    int64_t *offsets = e->packed;
    for (uint64_t c = 0, tap = 0; c < s.ic; c++)
        for (uint64_t kh = 0; kh < s.kh; kh++)
            for (uint64_t kw = 0; kw < s.kw; kw++, tap++)
                offsets[tap] = (int64_t)((c * s.rows + kh * s.dilation_h) * s.pitch + kw * s.dilation_w);
    offsets[s.taps] = 0;
    if (e->plan->user[NOTE_PACKED])
        pack(&s, isa, cvk_cpu_input(e, 1), packed_weights(e, &s));
    return CVK_OK;
}

struct job {
    struct stem s;
    const struct simd_stem_fns *fns;
    uint32_t block;
    const int64_t *offsets;
    const float *x, *w;
    float *y, *scratch;
    struct simd_epilogue epilogue;
};

/* The input rows of output rows oh.. into scratch, zeros where the image ends. */
static void copy_band(const struct job *j, uint64_t n, uint64_t oh, uint64_t band, float *to)
{
    const struct stem *s = &j->s;
    uint64_t rows = (band - 1) * s->stride_h + (s->kh - 1) * s->dilation_h + 1;
    uint64_t left = s->pad_left < s->pitch ? s->pad_left : s->pitch;
    uint64_t inside = s->pitch - left < s->w ? s->pitch - left : s->w, right = s->pitch - left - inside;
    for (uint64_t c = 0; c < s->ic; c++)
        for (uint64_t r = 0; r < rows; r++) {
            float *row = to + (c * s->rows + r) * s->pitch;
            uint64_t ih = oh * s->stride_h + r - s->pad_top; /* wraps where the row is above the image: then it is not below h */
            if (ih >= s->h) {
                memset(row, 0, s->pitch * sizeof *row);
                continue;
            }
            memset(row, 0, left * sizeof *row);
            memcpy(row + left, j->x + ((n * s->ic + c) * s->h + ih) * s->w, inside * sizeof *row);
            memset(row + left + inside, 0, right * sizeof *row);
        }
}

/* One row of the output from scratch; `row` is its place in the band. */
static void compute_row(const struct job *j, uint64_t n, uint64_t oh, const float *row)
{
    const struct stem *s = &j->s;
    uint32_t step = s->stride_w <= 2 ? (uint32_t)s->stride_w : 0;
    for (uint64_t first = 0; first < s->vectors; first += 2) {
        uint32_t v = s->vectors - first < 2 ? 1 : 2, max = j->fns->max_px[v - 1];
        uint64_t tiles = simd_ceil_div(s->ow, max), each = s->ow / tiles, more = s->ow % tiles;
        struct simd_tile t = {.x_off = j->offsets,
                              .x_step = (int64_t)s->stride_w,
                              .w = j->w + first * j->block * s->taps,
                              .n_red = (uint32_t)s->taps,
                              .y_step = j->block,
                              .y_block = (int64_t)(s->oh * s->ow * j->block)};
        for (uint64_t i = 0, ow = 0; i < tiles; i++) {
            uint64_t px = each + (i < more);
            uint64_t offset = (((n * s->vectors + first) * s->oh + oh) * s->ow + ow) * j->block;
            t.x = row + ow * s->stride_w;
            t.y = j->y + offset;
            simd_epilogue_set(&t, &j->epilogue, first * j->block, offset);
            j->fns->step[step][v - 1][px - 1](&t);
            ow += px;
        }
        for (uint64_t b = first; b < first + v && simd_epilogue_late(&j->epilogue); b++)
            simd_epilogue_finish(&j->epilogue, b * j->block, j->y + ((n * s->vectors + b) * s->oh + oh) * s->ow * j->block, s->ow);
    }
}

static void run_rows(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct stem *s = &j->s;
    float *scratch = j->scratch + worker * s->scratch;
    while (begin < end) {
        uint64_t n = begin / s->oh, oh = begin % s->oh, band = s->band;
        band = band < s->oh - oh ? band : s->oh - oh;
        band = band < end - begin ? band : end - begin;
        copy_band(j, n, oh, band, scratch);
        for (uint64_t r = 0; r < band; r++)
            compute_row(j, n, oh + r, scratch + r * s->stride_h * s->pitch);
        begin += band;
    }
}

static int32_t run(struct cvk_exec *e)
{
    const struct simd_device *d = simd_device_of(e);
    char *workspace = cvk_cpu_pointer(e->workspace);
    struct job j = {.s = sizes_of(e->node, d->isa->block),
                    .fns = d->isa->stem,
                    .block = d->isa->block,
                    .offsets = e->packed,
                    .x = cvk_cpu_input(e, 0),
                    .y = cvk_cpu_output(e, 0),
                    .scratch = (float *)(workspace + e->plan->user[NOTE_SCRATCH])};
    if (e->plan->user[NOTE_PACKED]) {
        j.w = packed_weights(e, &j.s);
    } else {
        float *w = (float *)(workspace + e->plan->user[NOTE_WEIGHTS]);
        pack(&j.s, d->isa, cvk_cpu_input(e, 1), w);
        j.w = w;
    }
    simd_epilogue_bind(&j.epilogue, e, j.s.oc, (float *)(workspace + e->plan->user[NOTE_EPILOGUE]));
    simd_parallel(e, j.s.n * j.s.oh * (j.s.ow > 0), run_rows, &j);
    return CVK_OK;
}

const struct cvk_kernel simd_conv_stem_rows[] = {
    {SIMD_ROW(CONV, "stem"), .layouts_x = SIMD_PLAIN, .layouts_y = SIMD_BLOCKED,
     .flags = CVK_KERNEL_KEEPS_CONSTANTS | CVK_KERNEL_CONCURRENT, .epilogues = SIMD_EPILOGUES,
     .plan = plan, .build = build, .run = run},
};
const uint32_t simd_conv_stem_row_count = SIMD_COUNT(simd_conv_stem_rows);
