/* SPDX-License-Identifier: MIT
 * conv, row "depthwise" of CPU devices: each channel filtered by itself (kernels/conv_cpu_depthwise.cl). */
#include "conv_cpu.h"
#include "kernel_sources.h"

#define WIDE 7 /* outputs of a tile */

/* Whether tiles serve this window; else pixels are summed one by one. */
static bool tiled(const struct ocl_conv *c)
{
    uint64_t right = c->seen_w > c->pad_left + c->w ? c->seen_w - c->pad_left - c->w : 0;
    return (c->kw == 3 || c->kw == 5 || c->kw == 7) && c->stride_w <= 2 && c->dilation_w == 1 && c->ow >= WIDE &&
           c->pad_left < c->kw && right < c->kw;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_ask(q, &c));
    if (c.group != c.ic || c.group != c.oc)
        return cvk_refuse(q, "%llu groups of %llu channels to %llu; only one channel to one", (unsigned long long)c.group,
                          (unsigned long long)c.ic, (unsigned long long)c.oc);
    double outputs = (double)(c.n * c.oc_blocks * c.oh * c.ow * OCL_BLOCK), taps = (double)(c.kh * c.kw);
    double inputs = (double)(c.n * c.ic_blocks * c.h * c.w * OCL_BLOCK);
    plan->cost_ns = ocl_conv_cost(2 * outputs * taps, tiled(&c) ? 0.5 : 0.1, 0, (inputs + outputs) * sizeof(float));
    return CVK_OK;
}

struct state {
    struct ocl_call call;
    cl_mem weights, table;
};

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_call_finish(&state->call);
    ocl_memory_free(state->weights);
    ocl_memory_free(state->table);
    ocl_state_free(e);
}

/* [block][kh][kw][16], zeros where there is no channel. */
static int32_t upload_weights(struct cvk_exec *e, struct state *state, const struct ocl_conv *c)
{
    const float *from = e->node->constants[1];
    uint64_t taps = c->kh * c->kw, bytes = c->oc_blocks * taps * OCL_BLOCK * sizeof(float);
    float *packed = e->host->alloc(e->host, bytes, 0);
    if (!packed)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for packed weights (%llu bytes)", (unsigned long long)bytes);
    for (uint64_t ch = 0; ch < c->oc_blocks * OCL_BLOCK; ch++)
        for (uint64_t t = 0; t < taps; t++)
            packed[(ch / OCL_BLOCK * taps + t) * OCL_BLOCK + ch % OCL_BLOCK] = ch < c->oc ? from[ch * taps + t] : 0;
    int32_t status = ocl_memory(ocl_device_of(e), bytes, packed, &state->weights);
    e->host->free(e->host, packed);
    return status;
}

static int32_t init(struct cvk_exec *e, struct state *state)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_conv c = ocl_conv_of(e->node);
    char options[OCL_OPTION_BYTES] = "";
    uint64_t rows = c.n * c.oc_blocks * c.oh;
    /* As the enumeration of kernels/conv_cpu_depthwise.cl has them. */
    const uint64_t sizes[] = {rows, c.oc_blocks, c.oc,         c.h,          c.w,          c.oh,         c.ow,      c.kh,
                              c.kw, c.stride_h,  c.stride_w,   c.dilation_h, c.dilation_w, c.pad_top, c.pad_left};
    int32_t table[OCL_COUNT(sizes)];
    for (uint32_t i = 0; i < OCL_COUNT(sizes); i++)
        table[i] = (int32_t)sizes[i];
    ocl_cpu_options(d, e->node, options, sizeof options);
    if (tiled(&c))
        ocl_option(options, sizeof options, "-DK=%u -DS=%u", (uint32_t)c.kw, (uint32_t)c.stride_w);
    OCL_TRY(ocl_call_init(d, &state->call, &ocl_source_conv_cpu_depthwise, "depthwise", options));
    OCL_TRY(upload_weights(e, state, &c));
    OCL_TRY(ocl_memory(d, sizeof table, table, &state->table));
    OCL_TRY(ocl_bind_memory(d, &state->call, 2, state->weights));
    OCL_TRY(ocl_bind_memory(d, &state->call, 4, state->table));
    ocl_cpu_size(&state->call, ocl_cpu_groups(d, rows), 1);
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
    OCL_TRY(ocl_bind(d, &state->call, 0, &e->inputs[0]));
    OCL_TRY(ocl_bind(d, &state->call, 6, &e->outputs[0]));
    OCL_TRY(ocl_epilogue_bind(d, &state->call, 8, e));
    return ocl_enqueue(d, &state->call);
}

const struct cvk_kernel ocl_conv_cpu_depthwise_rows[] = {
    {OCL_ROW(CONV, "depthwise"), .flags = OCL_PACKS, .layouts_x = OCL_NC16, .layouts_y = OCL_NC16,
     .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS, .plan = plan, .build = build, .run = run, .finish = finish},
};
const uint32_t ocl_conv_cpu_depthwise_row_count = OCL_COUNT(ocl_conv_cpu_depthwise_rows);
