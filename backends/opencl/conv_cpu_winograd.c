/* SPDX-License-Identifier: MIT
 * conv, row "winograd_f4" of CPU devices: 3x3 windows at stride 1 with 4 times fewer products than a direct sum
 * (kernels/conv_cpu_winograd.cl).
 *
 * Either a group carries blocks of tiles through all three steps (input's transform, products, output's transform and
 * epilogue) while they are in its core's cache, or, where tiles are few and weights many, the groups transform the inputs
 * together and then take output channels. */
#include "conv_cpu.h"
#include "kernel_sources.h"

#define M 4
#define XIS 36        /* (4 + 2)^2 */
#define TILES 28      /* tiles of a block: weights that stay in a cache are read again soon enough, */
#define TILES_COLD 64 /* those from memory want more work for each byte */
#define LAST_CACHE_BYTES (32u << 20)
/* Cycles that the transforms take for one number xi of one vector: input, output. */
#define INPUT_CYCLES 8.0
#define OUTPUT_CYCLES 6.0
#define CYCLES 3.7 /* of a core in a nanosecond */
#define ENQUEUE_NS 4000.0

struct winograd {
    struct ocl_conv c;
    struct ocl_cpu_tile tile;      /* of sums */
    uint64_t parts;                /* of output channels: tiles of `vectors` blocks, the last one may be smaller */
    uint64_t rows, columns, tiles; /* of tiles in an image; tiles of all images */
    bool together;                 /* the groups share V and take output channels each; else they take tiles each */
    uint64_t most, groups;         /* tiles of a block; groups for tiles, or for channels */
    /* Vectors between numbers xi: odd, so that they do not fall into the same sets of a cache. */
    uint64_t v_step, m_step, u_step;
    double ns; /* estimated time on all cores */
};

static uint64_t u_floats(const struct winograd *s)
{
    return s->parts * XIS * s->u_step * OCL_BLOCK;
}

static bool cold(const struct winograd *s)
{
    return u_floats(s) * sizeof(float) > LAST_CACHE_BYTES / 4;
}

/* Cycles that the sums take for one input channel of `px` tiles and one part of the output channels. */
static double line_cycles(const struct winograd *s, uint64_t px)
{
    double cycles = (double)(px / 14) * 28;
    uint64_t left = px % 14;
    if (s->tile.px != 14)
        return (double)ocl_round_up(px, s->tile.px) * (double)s->tile.vectors;
    if (left >= 12)
        return cycles + 28;
    if (left >= 5) {
        cycles += 15;
        left = left > 7 ? left - 7 : 0;
    }
    return cycles + (left >= 3 ? 9 : left ? 5 : 0);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double sum_ns(const struct winograd *s, uint64_t px, uint64_t parts)
{
    return line_cycles(s, px) * XIS * (double)(s->c.ic_blocks * OCL_BLOCK * parts) / CYCLES;
}

static double transform_ns(const struct winograd *s, uint64_t tiles)
{
    return (double)(tiles * XIS) * ((double)s->c.ic_blocks * INPUT_CYCLES + (double)s->c.oc_blocks * OUTPUT_CYCLES) / CYCLES;
}

static double weights_ns(const struct winograd *s, const struct ocl_device *d)
{
    double rate = cold(s) ? 28.0 : 60.0; /* GB/s of all cores */
    return (double)u_floats(s) * sizeof(float) / rate * (d->compute_units > 1 ? 1 : 2);
}

/* Each of `groups` groups takes its tiles through all steps. */
static double apart_ns(const struct winograd *s, const struct ocl_device *d, uint64_t groups)
{
    uint64_t tiles = ocl_ceil_div(s->tiles, groups), blocks = tiles / s->most, rest = tiles % s->most;
    double rounds = (double)ocl_ceil_div(groups, d->compute_units) + 0.1, weights = weights_ns(s, d) * d->compute_units;
    double ns = (double)blocks * larger(sum_ns(s, s->most, s->parts), weights);
    if (rest)
        ns += larger(sum_ns(s, rest, s->parts), weights);
    return rounds * (ns + transform_ns(s, tiles)) + ENQUEUE_NS;
}

/* The groups share V and take their parts of the output channels. */
static double together_ns(const struct winograd *s, const struct ocl_device *d, uint64_t groups)
{
    uint64_t blocks = s->tiles / s->most, rest = s->tiles % s->most, parts = ocl_ceil_div(s->parts, groups);
    double rounds = (double)ocl_ceil_div(groups, d->compute_units) + 0.1;
    double ns = (double)blocks * larger(rounds * sum_ns(s, s->most, parts), weights_ns(s, d));
    if (rest)
        ns += larger(rounds * sum_ns(s, rest, parts), weights_ns(s, d));
    return ns + transform_ns(s, s->tiles) / d->compute_units + 2 * (double)(blocks + (rest > 0)) * ENQUEUE_NS;
}

static uint64_t odd(uint64_t vectors)
{
    return vectors | 1;
}

static uint64_t most_of(const struct winograd *s, uint64_t most, uint64_t bytes)
{
    uint64_t room = bytes / (XIS * s->c.ic_blocks * OCL_BLOCK * sizeof(float));
    most = room < most ? room : most;
    most = most < s->tile.px ? s->tile.px : most / s->tile.px * s->tile.px;
    return most < s->tiles ? most : s->tiles;
}

static void choose(struct winograd *s, const struct ocl_device *d)
{
    struct winograd apart = *s, together = *s;
    uint64_t max = 4u * d->compute_units;
    apart.most = cold(s) ? most_of(s, TILES_COLD, LAST_CACHE_BYTES / 4) : most_of(s, TILES, OCL_CPU_CACHE_BYTES);
    together.most = most_of(s, cold(s) ? 4 * TILES_COLD : TILES_COLD, LAST_CACHE_BYTES / 4);
    s->ns = 0;
    for (uint64_t groups = 1; groups <= max; groups++) {
        double ns = apart_ns(&apart, d, groups);
        if (groups <= s->tiles && (s->ns == 0 || ns < s->ns)) {
            s->ns = ns;
            s->together = false;
            s->groups = groups;
            s->most = apart.most;
        }
        ns = together_ns(&together, d, groups);
        if (groups <= s->parts && ns < s->ns) {
            s->ns = ns;
            s->together = true;
            s->groups = groups;
            s->most = together.most;
        }
    }
}

static struct winograd winograd_of(const struct ocl_conv *c, const struct ocl_device *d)
{
    struct winograd s = {.c = *c, .tile = ocl_cpu_tile(d), .rows = ocl_ceil_div(c->oh, M), .columns = ocl_ceil_div(c->ow, M)};
    s.parts = ocl_ceil_div(c->oc_blocks, s.tile.vectors);
    s.tiles = c->n * s.rows * s.columns;
    s.u_step = odd(c->ic_blocks * OCL_BLOCK * s.tile.vectors);
    choose(&s, d);
    s.v_step = odd(c->ic_blocks * s.most);
    s.m_step = odd(s.tile.vectors * s.most);
    return s;
}

static uint64_t m_slice(const struct winograd *s)
{
    return XIS * (s->m_step + 1); /* and a patch of one tile */
}

static uint64_t v_vectors(const struct winograd *s)
{
    return XIS * s->v_step * (s->together ? 1 : s->groups);
}

/* Groups of the shared transform of inputs. */
static void input_groups(const struct winograd *s, const struct ocl_device *d, uint64_t *tiles, uint64_t *blocks)
{
    uint64_t most = 4u * d->compute_units;
    *blocks = s->c.ic_blocks < most ? s->c.ic_blocks : most;
    *tiles = most / *blocks < s->tiles ? most / *blocks : 1;
}

static uint64_t scratch_vectors(const struct winograd *s, const struct ocl_device *d)
{
    uint64_t tiles, blocks;
    input_groups(s, d, &tiles, &blocks);
    uint64_t groups = s->together && tiles * blocks > s->groups ? tiles * blocks : s->groups;
    return v_vectors(s) + groups * m_slice(s);
}

static double cost_of(const struct winograd *s)
{
    const struct ocl_conv *c = &s->c;
    double flops = 2.0 * XIS * (double)(s->tiles * c->ic_blocks * c->oc_blocks * OCL_BLOCK * OCL_BLOCK) / 0.95;
    flops += 32 * (double)(s->tiles * XIS) * ((double)c->ic_blocks * INPUT_CYCLES + (double)c->oc_blocks * OUTPUT_CYCLES);
    double pixels = (double)(c->n * (c->ic_blocks * c->h * c->w + c->oc_blocks * c->oh * c->ow));
    double times = cold(s) ? (double)ocl_ceil_div(s->tiles, s->most) : 1;
    return ocl_conv_cost(flops, 1, (double)u_floats(s) * sizeof(float) * times, pixels * OCL_BLOCK * sizeof(float));
}

enum { NOTE_SCRATCH, NOTE_U }; /* places in the workspace */

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct ocl_device *d = ocl_asked(q);
    struct ocl_conv c;
    OCL_TRY(ocl_conv_ask(q, &c));
    bool live = ocl_conv_packs_at_run(q->node);
    bool dense = c.stride_h == 1 && c.stride_w == 1 && c.dilation_h == 1 && c.dilation_w == 1 && c.group == 1;
    if (d->vector_floats < 4)
        return cvk_refuse(q, "the device takes vectors apart: its compiler would need minutes for the transforms");
    if (c.kh != 3 || c.kw != 3 || !dense)
        return cvk_refuse(q, "only windows of 3x3 at stride 1, dilation 1, group 1");
    struct winograd s = winograd_of(&c, d);
    if (scratch_vectors(&s, d) > INT32_MAX / OCL_BLOCK || u_floats(&s) > INT32_MAX)
        return cvk_refuse(q, "the workspace or the weights leave 32-bit indexes");
    plan->user[NOTE_SCRATCH] = cvk_book(plan, scratch_vectors(&s, d) * OCL_BLOCK * sizeof(float));
    plan->user[NOTE_U] = cvk_book(plan, live ? u_floats(&s) * sizeof(float) : 0);
    plan->cost_ns = cost_of(&s) + ocl_conv_pack_cost(q, u_floats(&s));
    return CVK_OK;
}

/* ---- weights ---- */

/* g[0..2] to u[0..5]: polynomials of degree 2 at the points, divided by what the input's transform leaves out. */
static void weights_line(double g0, double g1, double g2, double *u)
{
    static const double sqrt2 = 1.41421356237309504880;
    double even = (g0 + 0.5 * g2) * (-2.0 / 3), odd1 = sqrt2 / 2 * g1 * (-2.0 / 3);
    double even2 = (g0 + 2 * g2) * (1.0 / 6), odd2 = sqrt2 * g1 * (1.0 / 6);
    u[0] = g0;
    u[1] = even + odd1;
    u[2] = even - odd1;
    u[3] = even2 + odd2;
    u[4] = even2 - odd2;
    u[5] = g2;
}

struct pack_job {
    const struct winograd *s;
    const float *w;
    float *u;
    uint64_t oc_step, ic_step;
    int64_t first, step; /* of a window's weights */
};

static struct pack_job pack_job_of(const struct winograd *s)
{
    const struct ocl_conv *c = &s->c;
    return (struct pack_job){.s = s,
                             .oc_step = c->flipped ? 9 : 9 * c->ic,
                             .ic_step = c->flipped ? 9 * c->oc : 9,
                             .first = c->flipped ? 8 : 0,
                             .step = c->flipped ? -1 : 1};
}

/* In double, rounded once: u[part][xi][ic][vector][16], padded with zeros. Items are parts of the output channels. */
static void pack_parts(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct pack_job *j = arg;
    const struct ocl_conv *c = &j->s->c;
    uint64_t step = j->s->u_step * OCL_BLOCK, depth = c->ic_blocks * OCL_BLOCK;
    (void)worker;
    memset(j->u + begin * XIS * step, 0, (end - begin) * XIS * step * sizeof *j->u);
    for (uint64_t part = begin; part < end; part++) {
        uint64_t block = part * j->s->tile.vectors, left = c->oc_blocks - block, first = block * OCL_BLOCK;
        uint64_t width = (left < j->s->tile.vectors ? left : j->s->tile.vectors) * OCL_BLOCK;
        for (uint64_t ic = 0; ic < depth && ic < c->ic; ic++)
            for (uint64_t i = 0; i < width && first + i < c->oc; i++) {
                const float *g = j->w + (first + i) * j->oc_step + ic * j->ic_step + j->first;
                float *u = j->u + part * XIS * step + ic * width + i;
                double line[3][6], t[6];
                for (uint32_t k = 0; k < 3; k++)
                    weights_line(g[(int64_t)k * j->step], g[(3 + (int64_t)k) * j->step], g[(6 + (int64_t)k) * j->step],
                                 line[k]);
                for (uint32_t r = 0; r < 6; r++) {
                    weights_line(line[0][r], line[1][r], line[2][r], t);
                    for (uint32_t k = 0; k < 6; k++)
                        u[(r * 6 + k) * step] = (float)t[k];
                }
            }
    }
}

/* ---- build and run ---- */

struct state {
    struct winograd s;
    struct ocl_call weights;     /* of weights known at run */
    struct ocl_call input, rest; /* `rest` is all three steps where each group has its own tiles */
    cl_mem u, table, weights_table;
};

enum { STEP_INPUT = 1, STEP_REST = 2 };
/* Arguments of the kernel. */
enum {
    ARG_X = 0,
    ARG_U = 2,
    ARG_TABLE = 4,
    ARG_Y = 6,
    ARG_EPILOGUE = 8,
    ARG_SCRATCH = 18,
    ARG_STEPS = 20,
    ARG_FROM,
    ARG_COUNT
};

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_call_finish(&state->weights);
    ocl_call_finish(&state->input);
    ocl_call_finish(&state->rest);
    ocl_memory_free(state->u);
    ocl_memory_free(state->table);
    ocl_memory_free(state->weights_table);
    ocl_state_free(e);
}

static int32_t upload_weights(struct cvk_exec *e, struct state *state)
{
    uint64_t bytes = u_floats(&state->s) * sizeof(float);
    struct pack_job job = pack_job_of(&state->s);
    job.w = e->node->constants[1];
    job.u = e->host->alloc(e->host, bytes, 0);
    if (!job.u)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for transformed weights (%llu bytes)", (unsigned long long)bytes);
    e->host->parallel(e->host, 0, state->s.parts, pack_parts, &job);
    int32_t status = ocl_memory(ocl_device_of(e), bytes, job.u, &state->u);
    e->host->free(e->host, job.u);
    return status;
}

/* The transform on the device; its table as the enumeration of kernels/conv_cpu_winograd_weights.cl has it. */
static int32_t init_weights(struct cvk_exec *e, struct state *state)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct winograd *s = &state->s;
    struct pack_job job = pack_job_of(s);
    const int32_t table[] = {(int32_t)s->c.ic,         (int32_t)s->c.oc,   (int32_t)s->c.ic_blocks, (int32_t)s->c.oc_blocks,
                             (int32_t)s->tile.vectors, (int32_t)s->u_step, (int32_t)job.oc_step,    (int32_t)job.ic_step,
                             (int32_t)job.first,       (int32_t)job.step};
    OCL_TRY(ocl_call_init(d, &state->weights, &ocl_source_conv_cpu_winograd_weights, "winograd_weights",
                          d->fp64 ? "-DWITH_F64" : ""));
    OCL_TRY(ocl_memory(d, sizeof table, table, &state->weights_table));
    OCL_TRY(ocl_bind_memory(d, &state->weights, 4, state->weights_table));
    ocl_cpu_size(&state->weights, ocl_cpu_groups(d, s->c.oc_blocks * s->c.ic_blocks), 1);
    return CVK_OK;
}

/* As the enumeration of kernels/conv_cpu_winograd.cl has them; the offsets of input blocks in V follow. */
static int32_t upload_table(struct cvk_exec *e, struct state *state)
{
    const struct winograd *s = &state->s;
    const struct ocl_conv *c = &s->c;
    const uint64_t head[] = {c->ic_blocks,
                             c->oc_blocks,
                             c->oc,
                             c->h,
                             c->w,
                             c->oh,
                             c->ow,
                             (uint64_t)c->pad_top,
                             (uint64_t)c->pad_left,
                             s->rows,
                             s->columns,
                             s->most,
                             s->v_step,
                             s->m_step,
                             s->u_step,
                             XIS * s->v_step,
                             m_slice(s),
                             v_vectors(s)};
    uint64_t count = OCL_COUNT(head) + c->ic_blocks;
    int32_t *table = e->host->alloc(e->host, count * sizeof *table, 0);
    if (!table)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for a table of %llu offsets", (unsigned long long)count);
    for (uint64_t i = 0; i < count; i++)
        table[i] = (int32_t)(i < OCL_COUNT(head) ? head[i] : (i - OCL_COUNT(head)) * s->most * OCL_BLOCK);
    int32_t status = ocl_memory(ocl_device_of(e), count * sizeof *table, table, &state->table);
    e->host->free(e->host, table);
    return status;
}

static int32_t init_call(struct cvk_exec *e, struct state *state, struct ocl_call *call, int32_t steps)
{
    struct ocl_device *d = ocl_device_of(e);
    char options[OCL_OPTION_BYTES] = "";
    ocl_cpu_options(d, e->node, options, sizeof options);
    OCL_TRY(ocl_call_init(d, call, &ocl_source_conv_cpu_winograd, "winograd", options));
    if (state->u)
        OCL_TRY(ocl_bind_memory(d, call, ARG_U, state->u));
    OCL_TRY(ocl_bind_memory(d, call, ARG_TABLE, state->table));
    OCL_TRY(ocl_cpu_epilogue_args(d, call, ARG_EPILOGUE, e->node));
    OCL_TRY(ocl_arg_int(d, call, ARG_STEPS, steps));
    OCL_TRY(ocl_arg_int(d, call, ARG_FROM, 0));
    return ocl_arg_int(d, call, ARG_COUNT, (int64_t)state->s.tiles);
}

static int32_t init(struct cvk_exec *e, struct state *state)
{
    uint64_t tiles, blocks;
    OCL_TRY(ocl_conv_packs_at_run(e->node) ? init_weights(e, state) : upload_weights(e, state));
    OCL_TRY(upload_table(e, state));
    if (!state->s.together) {
        OCL_TRY(init_call(e, state, &state->rest, STEP_INPUT | STEP_REST));
        ocl_cpu_size(&state->rest, state->s.groups, 1);
        return CVK_OK;
    }
    OCL_TRY(init_call(e, state, &state->rest, STEP_REST));
    ocl_cpu_size(&state->rest, 1, state->s.groups);
    OCL_TRY(init_call(e, state, &state->input, STEP_INPUT));
    input_groups(&state->s, ocl_device_of(e), &tiles, &blocks);
    ocl_cpu_size(&state->input, tiles, blocks);
    return CVK_OK;
}

static int32_t build(struct cvk_exec *e)
{
    struct ocl_conv c = ocl_conv_of(e->node);
    struct state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    state->s = winograd_of(&c, ocl_device_of(e));
    int32_t status = init(e, state);
    if (status != CVK_OK)
        finish(e);
    return status;
}

static int32_t bind(struct cvk_exec *e, struct ocl_call *call)
{
    struct ocl_device *d = ocl_device_of(e);
    const struct state *state = e->state;
    OCL_TRY(ocl_bind(d, call, ARG_X, &e->inputs[0]));
    OCL_TRY(ocl_bind(d, call, ARG_Y, &e->outputs[0]));
    OCL_TRY(ocl_bind_at(d, call, ARG_SCRATCH, e->workspace, e->plan->user[NOTE_SCRATCH]));
    if (state->weights.kernel)
        OCL_TRY(ocl_bind_at(d, call, ARG_U, e->workspace, e->plan->user[NOTE_U]));
    OCL_TRY(ocl_epilogue_bind(d, call, ARG_EPILOGUE, e));
    return ocl_conv_bias(e) ? ocl_bind(d, call, ARG_EPILOGUE, ocl_conv_bias(e)) : CVK_OK;
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *state = e->state;
    if (state->weights.kernel) {
        OCL_TRY(ocl_bind(d, &state->weights, 0, &e->inputs[1]));
        OCL_TRY(ocl_bind_at(d, &state->weights, 2, e->workspace, e->plan->user[NOTE_U]));
        OCL_TRY(ocl_enqueue(d, &state->weights));
    }
    OCL_TRY(bind(e, &state->rest));
    if (!state->s.together)
        return ocl_enqueue(d, &state->rest);
    OCL_TRY(bind(e, &state->input));
    struct ocl_call *const calls[] = {&state->input, &state->rest};
    for (uint64_t from = 0; from < state->s.tiles; from += state->s.most)
        for (uint32_t i = 0; i < 2; i++) {
            uint64_t left = state->s.tiles - from;
            OCL_TRY(ocl_arg_int(d, calls[i], ARG_FROM, (int64_t)from));
            OCL_TRY(ocl_arg_int(d, calls[i], ARG_COUNT, (int64_t)(left < state->s.most ? left : state->s.most)));
            OCL_TRY(ocl_enqueue(d, calls[i]));
        }
    return CVK_OK;
}

#define ROW(OP, PASS, row_flags)                                                                                               \
    {                                                                                                                          \
        OCL_ROW(OP, "winograd_f4"), .pass = CVK_PASS_##PASS, .flags = row_flags, .layouts_x = OCL_NC16, .layouts_y = OCL_NC16, \
                                    .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS, .plan = plan,               \
                                    .build = build, .run = run, .finish = finish                                               \
    }
const struct cvk_kernel ocl_conv_cpu_winograd_rows[] = {ROW(CONV, FORWARD, OCL_PACKS), ROW(CONV, BACKWARD_DATA, 0),
                                                        ROW(CONV_TRANSPOSE, FORWARD, OCL_PACKS),
                                                        ROW(CONV_TRANSPOSE, BACKWARD_DATA, 0)};
const uint32_t ocl_conv_cpu_winograd_row_count = OCL_COUNT(ocl_conv_cpu_winograd_rows);
