/* SPDX-License-Identifier: MIT
 * conv and conv_transpose, rows "winograd_f4" and "winograd_f4x2_5x5" of CPU devices, forward and for dx: 3x3 windows at stride 1
 * with 4 times fewer products than a direct sum, 5x5 windows with 4.17 times fewer (kernels/conv_cpu_winograd.cl).
 *
 * Either a group carries blocks of tiles through all three steps (input's transform, products, output's transform and
 * epilogue) while they are in its core's cache, or, where tiles are few and weights many, the groups transform the inputs
 * together and then take output channels. */
#include "conv_cpu_winograd.h"
#include "kernel_sources.h"

enum { NOTE_SCRATCH, NOTE_U }; /* places in the workspace */

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan, uint64_t taps)
{
    const struct ocl_device *d = ocl_asked(q);
    struct ocl_conv c;
    OCL_TRY(ocl_conv_ask(q, &c));
    bool live = ocl_conv_packs_at_run(q->node);
    bool dense = c.stride_h == 1 && c.stride_w == 1 && c.dilation_h == 1 && c.dilation_w == 1 && c.group == 1;
    if (d->vector_floats < 4)
        return cvk_refuse(q, "the device takes vectors apart: its compiler would need minutes for the transforms");
    if (c.kh != taps || c.kw != taps || !dense)
        return cvk_refuse(q, "only windows of %llux%llu at stride 1, dilation 1, group 1", (unsigned long long)taps,
                          (unsigned long long)taps);
    struct ocl_winograd s = ocl_winograd_of(&c, d);
    uint64_t scratch = ocl_winograd_scratch_vectors(&s, d), u = ocl_winograd_u_floats(&s);
    if (scratch > INT32_MAX / OCL_BLOCK || u > INT32_MAX)
        return cvk_refuse(q, "the workspace or the weights leave 32-bit indexes");
    plan->user[NOTE_SCRATCH] = cvk_book(plan, scratch * OCL_BLOCK * sizeof(float));
    plan->user[NOTE_U] = cvk_book(plan, live ? u * sizeof(float) : 0);
    plan->cost_ns = ocl_winograd_cost(&s) + ocl_conv_pack_cost(q, u);
    return CVK_OK;
}

static int32_t plan_3x3(const struct cvk_query *q, struct cvk_plan *p)
{
    return plan(q, p, 3);
}

static int32_t plan_5x5(const struct cvk_query *q, struct cvk_plan *p)
{
    return plan(q, p, 5);
}

/* ---- weights ---- */

#define SQRT2 1.41421356237309504880
#define MAX_A (OCL_WINOGRAD_MAX_TAPS + 3)

/* Even and odd terms at the points +-sqrt(p2) of the polynomial with coefficients g, the odd ones without that root. */
static double even_terms(uint32_t taps, const double *g, double p2)
{
    return g[0] + p2 * (taps == 5 ? g[2] + p2 * g[4] : g[2]);
}

static double odd_terms(uint32_t taps, const double *g, double p2)
{
    return taps == 5 ? g[1] + p2 * g[3] : g[1];
}

/* g[0..taps - 1] to u[0..a - 1]: polynomials at the points, divided by what the input's transform leaves out. */
static void weights_line(uint32_t a, uint32_t taps, const double *g, double *u)
{
    /* p^2 of the points +-p, the factors of even and of odd terms. */
    static const double of_6[][3] = {{0.5, -2.0 / 3, -SQRT2 / 3}, {2, 1.0 / 6, SQRT2 / 6}};
    static const double of_8[][3] = {{1, -2.0 / 9, -2.0 / 9}, {4, 1.0 / 90, 2.0 / 90}, {0.25, 32.0 / 45, 16.0 / 45}};
    const double(*pairs)[3] = a == 6 ? of_6 : of_8;
    u[0] = a == 6 ? g[0] : -g[0];
    for (uint32_t i = 0; i < (a - 2) / 2; i++) {
        double even = even_terms(taps, g, pairs[i][0]) * pairs[i][1], odd = odd_terms(taps, g, pairs[i][0]) * pairs[i][2];
        u[2 * i + 1] = even + odd;
        u[2 * i + 2] = even - odd;
    }
    u[a - 1] = g[taps - 1];
}

struct pack_job {
    const struct ocl_winograd *s;
    const float *w;
    float *u;
    uint64_t oc_step, ic_step;
    int64_t first, step; /* of a window's weights */
};

static struct pack_job pack_job_of(const struct ocl_winograd *s)
{
    const struct ocl_conv *c = &s->c;
    uint64_t window = s->taps * s->taps;
    return (struct pack_job){.s = s,
                             .oc_step = c->flipped ? window : window * c->ic,
                             .ic_step = c->flipped ? window * c->oc : window,
                             .first = c->flipped ? (int64_t)window - 1 : 0,
                             .step = c->flipped ? -1 : 1};
}

/* One window, from its first weight on in steps of `step`; u_step: floats between numbers xi. */
static void pack_window(const struct pack_job *j, const float *g, float *u, uint64_t u_step)
{
    uint32_t taps = j->s->taps, a_h = j->s->a_h;
    double line[MAX_A][OCL_WINOGRAD_MAX_TAPS], column[OCL_WINOGRAD_MAX_TAPS], t[MAX_A];
    for (uint32_t k = 0; k < taps; k++) {
        for (uint32_t i = 0; i < taps; i++)
            column[i] = g[(int64_t)(i * taps + k) * j->step];
        weights_line(a_h, taps, column, t);
        for (uint32_t r = 0; r < a_h; r++)
            line[r][k] = t[r];
    }
    for (uint32_t r = 0; r < a_h; r++) {
        weights_line(OCL_WINOGRAD_A_W, taps, line[r], t);
        for (uint32_t k = 0; k < OCL_WINOGRAD_A_W; k++)
            u[(r * OCL_WINOGRAD_A_W + k) * u_step] = (float)t[k];
    }
}

/* In double, rounded once: u[part][xi][ic][vector][16], padded with zeros. Items are parts of the output channels. */
static void pack_parts(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    const struct pack_job *j = arg;
    const struct ocl_conv *c = &j->s->c;
    uint64_t step = j->s->u_step * OCL_BLOCK, depth = c->ic_blocks * OCL_BLOCK, xis = j->s->xis;
    (void)worker;
    memset(j->u + begin * xis * step, 0, (end - begin) * xis * step * sizeof *j->u);
    for (uint64_t part = begin; part < end; part++) {
        uint64_t block = part * j->s->tile.vectors, left = c->oc_blocks - block, first = block * OCL_BLOCK;
        uint64_t width = (left < j->s->tile.vectors ? left : j->s->tile.vectors) * OCL_BLOCK;
        for (uint64_t ic = 0; ic < depth && ic < c->ic; ic++)
            for (uint64_t i = 0; i < width && first + i < c->oc; i++)
                pack_window(j, j->w + (first + i) * j->oc_step + ic * j->ic_step + j->first,
                            j->u + part * xis * step + ic * width + i, step);
    }
}

/* ---- build and run ---- */

struct state {
    struct ocl_winograd s;
    struct ocl_call weights;     /* of weights known at run */
    struct ocl_call input, rest; /* `rest` is all three steps where each group has its own tiles */
    cl_mem u, table, weights_table;
};

enum { STEP_INPUT = 1, STEP_REST = 2 };
/* Arguments of the kernel. */
enum { ARG_X = 0, ARG_U = 2, ARG_TABLE = 4, ARG_Y = 6, ARG_EPILOGUE = 8, ARG_SCRATCH = 18, ARG_STEPS = 20, ARG_FROM, ARG_COUNT };

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
    uint64_t bytes = ocl_winograd_u_floats(&state->s) * sizeof(float);
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
    const struct ocl_winograd *s = &state->s;
    struct pack_job job = pack_job_of(s);
    const int32_t table[] = {(int32_t)s->c.ic,         (int32_t)s->c.oc,   (int32_t)s->c.ic_blocks, (int32_t)s->c.oc_blocks,
                             (int32_t)s->tile.vectors, (int32_t)s->u_step, (int32_t)job.oc_step,    (int32_t)job.ic_step,
                             (int32_t)job.first,       (int32_t)job.step};
    char options[OCL_OPTION_BYTES] = "";
    ocl_option(options, sizeof options, "-DTAPS=%u", s->taps);
    if (d->fp64)
        ocl_option(options, sizeof options, "-DWITH_F64");
    OCL_TRY(ocl_call_init(d, &state->weights, &ocl_source_conv_cpu_winograd_weights, "winograd_weights", options));
    OCL_TRY(ocl_memory(d, sizeof table, table, &state->weights_table));
    OCL_TRY(ocl_bind_memory(d, &state->weights, 4, state->weights_table));
    ocl_cpu_size(&state->weights, ocl_cpu_groups(d, s->c.oc_blocks * s->c.ic_blocks), 1);
    return CVK_OK;
}

/* As the enumeration of kernels/conv_cpu_winograd.cl has them; the offsets of input blocks in V follow. */
static int32_t upload_table(struct cvk_exec *e, struct state *state)
{
    const struct ocl_winograd *s = &state->s;
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
                             s->xis * s->v_step,
                             ocl_winograd_m_vectors(s),
                             ocl_winograd_v_vectors(s),
                             s->sum};
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
    ocl_option(options, sizeof options, "-DTAPS=%u", state->s.taps);
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
    ocl_winograd_input_groups(&state->s, ocl_device_of(e), &tiles, &blocks);
    ocl_cpu_size(&state->input, tiles, blocks);
    return CVK_OK;
}

static int32_t build(struct cvk_exec *e)
{
    struct ocl_conv c = ocl_conv_of(e->node);
    struct state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    state->s = ocl_winograd_of(&c, ocl_device_of(e));
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

#define ROW(OP, PASS, row_name, row_flags, window)                                                                               \
    {                                                                                                                            \
        OCL_ROW(OP, row_name), .pass = CVK_PASS_##PASS, .flags = row_flags, .layouts_x = OCL_NC16, .layouts_y = OCL_NC16,        \
                               .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS, .plan = plan_##window,             \
                               .build = build, .run = run, .finish = finish                                                      \
    }
#define ROWS(row_name, window)                                                                                                   \
    ROW(CONV, FORWARD, row_name, OCL_PACKS, window), ROW(CONV, BACKWARD_DATA, row_name, 0, window),                              \
        ROW(CONV_TRANSPOSE, FORWARD, row_name, OCL_PACKS, window), ROW(CONV_TRANSPOSE, BACKWARD_DATA, row_name, 0, window)
const struct cvk_kernel ocl_conv_cpu_winograd_rows[] = {ROWS("winograd_f4", 3x3), ROWS("winograd_f4x2_5x5", 5x5)};
const uint32_t ocl_conv_cpu_winograd_row_count = OCL_COUNT(ocl_conv_cpu_winograd_rows);
