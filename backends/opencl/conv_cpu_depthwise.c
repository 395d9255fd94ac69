/* SPDX-License-Identifier: MIT
 * conv, row "depthwise" of CPU devices: each channel filtered by itself (kernels/conv_cpu_depthwise.cl). */
#include "conv_cpu_pack.h"
#include "kernel_sources.h"

#define WIDE 7 /* outputs of a tile */
#define MOST_STRIDE 64

/* A transposed convolution at a stride looks its taps up as they are. */
static bool turned(const struct ocl_conv *c)
{
    return c->flipped && !c->transposed;
}

/* Whether tiles serve this window; else pixels are summed one by one. */
static bool tiled(const struct ocl_conv *c)
{
    int64_t kernel = (int64_t)c->kw, right = (int64_t)c->seen_w - c->pad_left - (int64_t)c->w;
    return (c->kw == 3 || c->kw == 5 || c->kw == 7) && c->stride_w <= 2 && c->dilation_w == 1 && c->ow >= WIDE &&
           c->pad_left < kernel && right < kernel && !c->transposed;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_ask(q, &c));
    if (c.group != c.ic || c.group != c.oc)
        return cvk_refuse(q, "%llu groups of %llu channels to %llu; only one channel to one", (unsigned long long)c.group,
                          (unsigned long long)c.ic, (unsigned long long)c.oc);
    if (c.transposed && (c.stride_h > MOST_STRIDE || c.stride_w > MOST_STRIDE))
        return cvk_refuse(q, "strides of %llu and %llu", (unsigned long long)c.stride_h, (unsigned long long)c.stride_w);
    uint64_t packed = c.oc_blocks * OCL_BLOCK * c.kh * c.kw;
    if (ocl_conv_packs_at_run(q->node))
        cvk_book(plan, packed * sizeof(float));
    double outputs = (double)(c.n * c.oc_blocks * c.oh * c.ow * OCL_BLOCK), taps = (double)(c.kh * c.kw);
    double inputs = (double)(c.n * c.ic_blocks * c.h * c.w * OCL_BLOCK);
    plan->cost_ns = ocl_conv_cost(2 * outputs * taps, tiled(&c) ? 0.5 : 0.1, 0, (inputs + outputs) * sizeof(float)) +
                    ocl_conv_pack_cost(q, packed);
    return CVK_OK;
}

struct state {
    struct ocl_call call;
    struct ocl_packer packer;
    cl_mem weights, table;
};

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_call_finish(&state->call);
    ocl_packer_release(&state->packer);
    ocl_memory_free(state->weights);
    ocl_memory_free(state->table);
    ocl_state_free(e);
}

/* [block][kh][kw][16], zeros where there is no channel. */
static int32_t pack_weights(struct cvk_exec *e, struct state *state, const struct ocl_conv *c)
{
    int64_t kw = (int64_t)c->kw, last = (int64_t)(c->kh * c->kw) - 1;
    struct ocl_pack panel = {.groups = 1,
                             .group_vectors = c->oc_blocks,
                             .group_oc = c->oc,
                             .group_ic = 1,
                             .tile_vectors = 1,
                             .maps = 1,
                             .block = 1,
                             .taps_h = c->kh,
                             .taps_w = c->kw,
                             .oc_step = c->kh * c->kw,
                             .tap = turned(c) ? last : 0,
                             .tap_h = turned(c) ? -kw : kw,
                             .tap_w = turned(c) ? -1 : 1};
    if (ocl_conv_packs_at_run(e->node))
        return ocl_packer_init(e, &state->packer, &panel, 1, 1);
    OCL_TRY(ocl_pack_host(e, &panel, 1, e->node->constants[1], 1, &state->weights));
    return ocl_bind_memory(ocl_device_of(e), &state->call, 2, state->weights);
}

/* As the enumeration of kernels/conv_cpu_depthwise.cl has them. */
#define COLUMNS (19 + 6 * MOST_STRIDE)

static uint64_t write_table(const struct ocl_conv *c, int32_t *table)
{
    const int64_t sizes[] = {(int64_t)(c->n * c->oc_blocks * c->oh),
                             (int64_t)c->oc_blocks,
                             (int64_t)c->oc,
                             (int64_t)c->h,
                             (int64_t)c->w,
                             (int64_t)c->oh,
                             (int64_t)c->ow,
                             (int64_t)c->kh,
                             (int64_t)c->kw,
                             (int64_t)c->stride_h,
                             (int64_t)c->stride_w,
                             (int64_t)c->dilation_h,
                             (int64_t)c->dilation_w,
                             c->pad_top,
                             c->pad_left};
    uint64_t count = 0;
    for (uint32_t i = 0; i < OCL_COUNT(sizes); i++)
        table[count++] = (int32_t)sizes[i];
    if (!c->transposed)
        return count;
    for (uint32_t axis = 0; axis < 2; axis++) {
        struct ocl_conv_taps t = ocl_conv_taps(c, axis, 0);
        table[count++] = (int32_t)t.tap_step;
        table[count++] = (int32_t)t.from_step;
    }
    for (uint32_t axis = 0; axis < 2; axis++)
        for (uint64_t i = 0; i < ocl_conv_classes(c, axis); i++) {
            struct ocl_conv_taps t = ocl_conv_taps(c, axis, i);
            table[count++] = (int32_t)t.taps;
            table[count++] = (int32_t)t.tap;
            table[count++] = (int32_t)t.from;
        }
    return count;
}

static int32_t init(struct cvk_exec *e, struct state *state)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_conv c = ocl_conv_of(e->node);
    char options[OCL_OPTION_BYTES] = "";
    int32_t table[COLUMNS];
    uint64_t columns = write_table(&c, table);
    ocl_cpu_options(d, e->node, options, sizeof options);
    if (c.transposed)
        ocl_option(options, sizeof options, "-DTRANSPOSED");
    if (tiled(&c))
        ocl_option(options, sizeof options, "-DK=%u -DS=%u", (uint32_t)c.kw, (uint32_t)c.stride_w);
    OCL_TRY(ocl_call_init(d, &state->call, &ocl_source_conv_cpu_depthwise, "depthwise", options));
    OCL_TRY(pack_weights(e, state, &c));
    OCL_TRY(ocl_memory(d, columns * sizeof *table, table, &state->table));
    OCL_TRY(ocl_bind_memory(d, &state->call, 4, state->table));
    ocl_cpu_size(&state->call, ocl_cpu_groups(d, c.n * c.oc_blocks * c.oh), 1);
    return ocl_cpu_epilogue_args(d, &state->call, 8, e->node);
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
    if (state->packer.call.kernel) {
        OCL_TRY(ocl_packer_run(d, &state->packer, &e->inputs[1], e->workspace));
        OCL_TRY(ocl_bind(d, &state->call, 2, e->workspace));
    }
    OCL_TRY(ocl_bind(d, &state->call, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind(d, &state->call, 6, &e->outputs[0]));
    OCL_TRY(ocl_epilogue_bind(d, &state->call, 8, e));
    if (ocl_conv_bias(e))
        OCL_TRY(ocl_bind(d, &state->call, 8, ocl_conv_bias(e)));
    return ocl_enqueue(d, &state->call);
}

#define ROW(OP, PASS, row_flags)                                                                                               \
    {                                                                                                                          \
        OCL_ROW(OP, "depthwise"), .pass = CVK_PASS_##PASS, .flags = row_flags, .layouts_x = OCL_NC16, .layouts_y = OCL_NC16,   \
                                  .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS, .plan = plan, .build = build, \
                                  .run = run, .finish = finish                                                                 \
    }
const struct cvk_kernel ocl_conv_cpu_depthwise_rows[] = {ROW(CONV, FORWARD, OCL_PACKS), ROW(CONV, BACKWARD_DATA, 0),
                                                         ROW(CONV_TRANSPOSE, FORWARD, OCL_PACKS),
                                                         ROW(CONV_TRANSPOSE, BACKWARD_DATA, 0)};
const uint32_t ocl_conv_cpu_depthwise_row_count = OCL_COUNT(ocl_conv_cpu_depthwise_rows);
