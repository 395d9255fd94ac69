/* SPDX-License-Identifier: MIT
 * conv and its gradients, rows "winograd_f2", "winograd_f4", "winograd_f6": 3x3 windows at stride 1 by Winograd's transforms
 * (isa/winograd.h), with 2.25, 4 or 5.06 times fewer products than a direct sum. Rows "winograd_f4x2_5x5", "winograd_f4_5x5":
 * 5x5 windows with 4.17 or 6.25 times fewer.
 *
 * A block of tiles is carried through all three steps (input's transform, products, output's transform and epilogue) while it
 * is in a core's cache; nothing is staged for the whole image. Threads take tiles, or, where tiles are few and weights many,
 * transform the inputs together and then take output channels. A tile's arithmetic is the same whichever block it falls into.
 */
#include "epilogue.h"
#include "winograd.h"

/* Places in the workspace, as plan books them; whether build transforms the weights. */
enum { NOTE_WEIGHTS, NOTE_EPILOGUE, NOTE_V, NOTE_M, NOTE_PACKED };

static uint64_t offsets_bytes(const struct simd_winograd *s)
{
    return simd_round_up((s->icb + 1) * sizeof(int64_t), CVK_ALIGN_BYTES);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan, uint32_t m, uint32_t taps)
{
    const struct simd_device *d = simd_asked(q);
    struct simd_conv c;
    SIMD_TRY(simd_conv_ask(q, &c));
    if (d->accuracy == SIMD_STRICT)
        return cvk_refuse(q, "accuracy=strict means sums of products alone");
    if (m + taps > 8 && d->accuracy != SIMD_FAST)
        return cvk_refuse(q, "F(%ux%u, %ux%u) needs accuracy=fast", m, m, taps, taps);
    if (q->node->inputs[0]->rank != 4)
        return cvk_refuse(q, "only images of two dimensions, not %u", q->node->inputs[0]->rank - 2);
    bool dense = c.stride_h * c.stride_w * c.spread_h * c.spread_w * c.dilation_h * c.dilation_w * c.group == 1;
    if (c.kh != taps || c.kw != taps || !dense)
        return cvk_refuse(q, "only windows of %ux%u at stride 1, dilation 1, group 1", taps, taps);
    if (c.pad_top < 0 || c.pad_left < 0)
        return cvk_refuse(q, "the gradient leaves out pixels at the edges");
    if (!q->node->inputs[0]->bytes || !q->node->outputs[0]->bytes)
        return cvk_refuse(q, "there is nothing to sum");
    bool constant = q->node->constants[1] != NULL;
    struct simd_winograd s = simd_winograd_of(&c, d, m, !constant);
    uint64_t u = simd_winograd_u_tile(&s) * sizeof(float);
    plan->packed_bytes = offsets_bytes(&s) + (constant ? s.oc_tiles * u : 0);
    plan->cost_ns = simd_winograd_cost(&s, d, !constant);
    plan->user[NOTE_PACKED] = constant;
    plan->user[NOTE_WEIGHTS] = constant ? 0 : cvk_book(plan, (s.fresh ? d->threads : s.oc_tiles) * u);
    plan->user[NOTE_EPILOGUE] = cvk_book(plan, simd_epilogue_bytes(q, s.oc));
    plan->user[NOTE_V] = cvk_book(plan, simd_winograd_v_floats(&s) * sizeof(float) * (s.by_channels ? 1 : d->threads));
    plan->user[NOTE_M] = cvk_book(plan, simd_winograd_m_floats(&s) * sizeof(float) * d->threads);
    return CVK_OK;
}

static int32_t plan_f2(const struct cvk_query *q, struct cvk_plan *p)
{
    return plan(q, p, 2, 3);
}

static int32_t plan_f4(const struct cvk_query *q, struct cvk_plan *p)
{
    return plan(q, p, 4, 3);
}

static int32_t plan_f6(const struct cvk_query *q, struct cvk_plan *p)
{
    return plan(q, p, 6, 3);
}

static int32_t plan_f4x2_5x5(const struct cvk_query *q, struct cvk_plan *p)
{
    return plan(q, p, 2, 5);
}

static int32_t plan_f4_5x5(const struct cvk_query *q, struct cvk_plan *p)
{
    return plan(q, p, 4, 5);
}

/* ---- weights ---- */

struct pack_job {
    const struct simd_winograd *s;
    const struct simd_winograd_fns *fns;
    const float *w;
    float *u;
    bool turned;
};

/* Input block b of output tile t. */
static void pack_block(const struct pack_job *j, uint64_t t, uint64_t b, float *u)
{
    const struct simd_winograd *s = j->s;
    uint64_t first = t * s->v, vectors = s->ocb - first < s->v ? s->ocb - first : s->v;
    uint64_t oc = first * s->block, ic = b * s->block, window = simd_winograd_taps(s) * simd_winograd_taps(s);
    struct simd_winograd_weights weights = {.w = j->w + (j->turned ? ic * s->oc + oc : oc * s->ic + ic) * window,
                                            .oc = s->oc - oc,
                                            .ic = s->ic - ic < s->block ? s->ic - ic : s->block,
                                            .oc_step = (int64_t)(j->turned ? window : s->ic * window),
                                            .ic_step = (int64_t)(j->turned ? s->oc * window : window),
                                            .turned = j->turned,
                                            .width = vectors * s->block,
                                            .u = u,
                                            .xi_step = s->u_step};
    j->fns->weights[simd_winograd_form(s)](&weights);
}

/* Items: tiles of output channels, of one block of input channels after the other. */
static void pack_blocks(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct pack_job *j = arg;
    const struct simd_winograd *s = j->s;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        uint64_t t = i / s->icb, b = i % s->icb, vectors = s->ocb - t * s->v < s->v ? s->ocb - t * s->v : s->v;
        pack_block(j, t, b, j->u + t * simd_winograd_u_tile(s) + b * s->block * vectors * s->block);
    }
}

static struct pack_job packing(const struct cvk_exec *e, const struct simd_conv *c, const struct simd_winograd *s, float *u)
{
    return (struct pack_job){s, simd_device_of(e)->isa->winograd, cvk_cpu_input(e, 1), u, c->turned};
}

static float *packed_weights(const struct cvk_exec *e, const struct simd_winograd *s)
{
    return (float *)((char *)e->packed + offsets_bytes(s));
}

static int32_t build(struct cvk_exec *e, uint32_t m)
{
    const struct simd_device *d = simd_device_of(e);
    struct simd_conv c = simd_conv_of(e->node, d->isa->block);
    struct simd_winograd s = simd_winograd_of(&c, d, m, !e->plan->user[NOTE_PACKED]);
    int64_t *offsets = e->packed;
    for (uint64_t b = 0; b <= s.icb; b++)
        offsets[b] = (int64_t)((b < s.icb ? b : 0) * s.most * s.block);
    if (e->plan->user[NOTE_PACKED]) {
        struct pack_job j = packing(e, &c, &s, packed_weights(e, &s));
        simd_parallel(e, s.oc_tiles * s.icb, pack_blocks, &j);
    }
    return CVK_OK;
}

static int32_t build_f2(struct cvk_exec *e)
{
    return build(e, 2);
}

static int32_t build_f4(struct cvk_exec *e)
{
    return build(e, 4);
}

static int32_t build_f6(struct cvk_exec *e)
{
    return build(e, 6);
}

/* ---- run ---- */

struct job {
    struct simd_winograd s;
    const struct simd_winograd_fns *fns;
    const struct simd_tile_fns *tile;
    const int64_t *offsets; /* icb + 1: of input blocks in V */
    const float *u, *x;
    struct pack_job packing; /* fresh: u is each worker's own */
    float *y, *v, *m;
    uint64_t begin, count; /* the block of tiles, where threads take channels */
    struct simd_epilogue epilogue;
};

/* M of the output tile whose weights are u, from input blocks first..first + depth - 1 of V: for each number xi, part by part
 * of the tiles. What s->sum input blocks give is summed by itself, then added to the sums before. */
static void multiply(const struct job *j, const float *v, uint64_t count, const float *u, uint64_t first, uint64_t depth,
                     uint32_t vectors, float *m)
{
    const struct simd_winograd *s = &j->s;
    uint64_t max = j->tile->max_px[vectors - 1], parts = simd_ceil_div(count, max), each = count / parts, more = count % parts;
    struct simd_tile t = {.x_step = s->block,
                          .activation = SIMD_LINEAR,
                          .y_step = s->block,
                          .y_block = (int64_t)(s->part * s->block)};
    for (uint32_t xi = 0; xi < s->xis; xi++, v += s->v_step, m += s->m_step, u += s->u_step)
        for (uint64_t i = 0, tile = 0; i < parts; i++) {
            uint64_t px = each + (i < more);
            t.x = v + tile * s->block;
            t.y = m + tile * s->block;
            for (uint64_t b = first; b < first + depth; b += s->sum) {
                t.x_off = j->offsets + b;
                t.w = u + (b - first) * s->block * vectors * s->block;
                t.n_red = (uint32_t)(first + depth - b < s->sum ? first + depth - b : s->sum);
                t.accumulate = b % s->sum > 0;
                t.residual = b && !t.accumulate ? t.y : NULL;
                j->tile->step[0][vectors - 1][px - 1](&t);
            }
            tile += px;
        }
}

/* What the tiles leave of the epilogue, for the rows of outputs of `tiles` tiles side by side. */
static void finish_rows(const struct job *j, uint64_t channel, float *y, uint32_t rows, uint64_t columns)
{
    for (uint32_t r = 0; r < rows; r++)
        simd_epilogue_finish(&j->epilogue, channel, y + r * j->s.ow * j->s.block, columns);
}

/* Outputs of tiles begin..begin + count - 1, one output block; m: its first tile in M. */
static void output_tiles(const struct job *j, uint64_t channels, uint64_t begin, uint64_t count, const float *m)
{
    const struct simd_winograd *s = &j->s;
    const struct simd_epilogue *epi = &j->epilogue;
    uint64_t channel = channels * s->block;
    struct simd_winograd_output out = {.xi_step = s->m_step,
                                       .row_step = (int64_t)(s->ow * s->block),
                                       .activation = epi->activation,
                                       .bias = epi->bias ? epi->bias + channel : NULL,
                                       .scale = epi->scale ? epi->scale + channel : NULL,
                                       .shift = epi->shift ? epi->shift + channel : NULL,
                                       .a = epi->a,
                                       .b = epi->b};
    while (count) {
        struct simd_winograd_place p = simd_winograd_place(s, begin);
        uint64_t m_h = simd_winograd_m_h(s), h = p.row * m_h, w = p.column * s->m;
        uint64_t offset = (((p.n * s->ocb + channels) * s->oh + h) * s->ow + w) * s->block;
        out.tiles = s->columns - p.column < count ? s->columns - p.column : count;
        out.m = m;
        out.y = j->y + offset;
        out.residual = epi->residual ? epi->residual + offset : NULL;
        out.rows = (uint32_t)(s->oh - h < m_h ? s->oh - h : m_h);
        uint64_t columns = s->ow - w < out.tiles * s->m ? s->ow - w : out.tiles * s->m;
        out.columns = (uint32_t)(columns - (out.tiles - 1) * s->m);
        j->fns->output[simd_winograd_form(s)](&out);
        if (simd_epilogue_pending(epi, channel))
            finish_rows(j, channel, out.y, out.rows, columns);
        begin += out.tiles;
        count -= out.tiles;
        m += out.tiles * s->block;
    }
}

/* Products and outputs of a block of tiles for output tile o. own: the worker's place for fresh weights. */
static void finish_tile(const struct job *j, uint64_t begin, uint64_t count, const float *v, uint64_t o, float *own, float *m)
{
    const struct simd_winograd *s = &j->s;
    uint64_t parts = simd_ceil_div(count, s->part), each = count / parts, more = count % parts;
    uint32_t vectors = s->ocb - o * s->v < s->v ? (uint32_t)(s->ocb - o * s->v) : s->v;
    const float *u = s->fresh ? own : j->u + o * simd_winograd_u_tile(s);
    for (uint64_t b = 0; b < s->icb; b += s->depth) {
        uint64_t depth = s->icb - b < s->depth ? s->icb - b : s->depth;
        for (uint64_t i = 0; s->fresh && i < depth; i++)
            pack_block(&j->packing, o, b + i, own + i * s->block * vectors * s->block);
        for (uint64_t i = 0, tile = 0; i < parts; i++) {
            uint64_t tiles = each + (i < more);
            multiply(j, v + tile * s->block, tiles, u, b, depth, vectors, m);
            for (uint32_t k = 0; b + depth == s->icb && k < vectors; k++)
                output_tiles(j, o * s->v + k, begin + tile, tiles, m + k * s->part * s->block);
            tile += tiles;
        }
    }
}

/* Tiles begin..end - 1, in equal blocks that are no larger than planned. */
static void run_tiles(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_winograd *s = &j->s;
    float *v = j->v + worker * simd_winograd_v_floats(s), *m = j->m + worker * simd_winograd_m_floats(s);
    uint64_t blocks = simd_ceil_div(end - begin, s->most), each = (end - begin) / blocks, more = (end - begin) % blocks;
    for (uint64_t i = 0; i < blocks; i++) {
        uint64_t count = each + (i < more);
        for (uint64_t b = 0; b < s->icb; b++)
            simd_winograd_inputs(s, j->fns, j->x, b, begin, count, v + b * s->most * s->block);
        for (uint64_t o = 0; o < s->oc_tiles; o++)
            finish_tile(j, begin, count, v, o, NULL, m);
        begin += count;
    }
}

/* The shared V: items are tiles of the block, of one input block after the other. */
static void run_inputs(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_winograd *s = &j->s;
    (void)worker;
    while (begin < end) {
        uint64_t b = begin / j->count, tile = begin % j->count;
        uint64_t count = j->count - tile < end - begin ? j->count - tile : end - begin;
        simd_winograd_inputs(s, j->fns, j->x, b, j->begin + tile, count, j->v + (b * s->most + tile) * s->block);
        begin += count;
    }
}

static void run_channels(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct job *j = arg;
    const struct simd_winograd *s = &j->s;
    float *own = s->fresh ? j->packing.u + worker * simd_winograd_u_tile(s) : NULL;
    for (uint64_t o = begin; o < end; o++)
        finish_tile(j, j->begin, j->count, j->v, o, own, j->m + worker * simd_winograd_m_floats(s));
}

static int32_t run(struct cvk_exec *e, uint32_t m)
{
    const struct simd_device *d = simd_device_of(e);
    char *workspace = cvk_cpu_pointer(e->workspace);
    const uint64_t *notes = e->plan->user;
    struct simd_conv c = simd_conv_of(e->node, d->isa->block);
    bool live = !e->plan->user[NOTE_PACKED];
    struct job j = {.s = simd_winograd_of(&c, d, m, live),
                    .fns = d->isa->winograd,
                    .tile = d->isa->tile,
                    .offsets = e->packed,
                    .x = cvk_cpu_input(e, 0),
                    .y = cvk_cpu_output(e, 0),
                    .v = (float *)(workspace + notes[NOTE_V]),
                    .m = (float *)(workspace + notes[NOTE_M])};
    const struct simd_winograd *s = &j.s;
    j.packing = packing(e, &c, s, live ? (float *)(workspace + notes[NOTE_WEIGHTS]) : packed_weights(e, s));
    j.u = j.packing.u;
    if (live && !s->fresh)
        simd_parallel(e, s->oc_tiles * s->icb, pack_blocks, &j.packing);
    simd_epilogue_bind(&j.epilogue, e, s->oc, (float *)(workspace + notes[NOTE_EPILOGUE]));
    if (!s->by_channels) {
        simd_parallel(e, s->tiles, run_tiles, &j);
        return CVK_OK;
    }
    uint64_t blocks = simd_ceil_div(s->tiles, s->most), each = s->tiles / blocks, more = s->tiles % blocks;
    for (uint64_t i = 0; i < blocks; i++) {
        j.count = each + (i < more);
        simd_parallel(e, s->icb * j.count, run_inputs, &j);
        simd_parallel(e, s->oc_tiles, run_channels, &j);
        j.begin += j.count;
    }
    return CVK_OK;
}

static int32_t run_f2(struct cvk_exec *e)
{
    return run(e, 2);
}

static int32_t run_f4(struct cvk_exec *e)
{
    return run(e, 4);
}

static int32_t run_f6(struct cvk_exec *e)
{
    return run(e, 6);
}

const struct cvk_kernel simd_conv_winograd_rows[] = {
    SIMD_CONV_ROWS("winograd_f6", plan_f6, build_f6, run_f6), SIMD_CONV_ROWS("winograd_f4", plan_f4, build_f4, run_f4),
    SIMD_CONV_ROWS("winograd_f2", plan_f2, build_f2, run_f2),
    SIMD_CONV_ROWS("winograd_f4_5x5", plan_f4_5x5, build_f4, run_f4),
    SIMD_CONV_ROWS("winograd_f4x2_5x5", plan_f4x2_5x5, build_f2, run_f2)};
const uint32_t simd_conv_winograd_row_count = SIMD_COUNT(simd_conv_winograd_rows);
