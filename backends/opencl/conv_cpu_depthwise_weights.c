/* SPDX-License-Identifier: MIT
 * dw of conv and conv_transpose, row "depthwise" of CPU devices (kernels/conv_cpu_depthwise_weights.cl). */
#include "conv_cpu_weights.h"
#include "kernel_sources.h"

enum { NOTE_PARTS, NOTE_BIAS }; /* places in the workspace */

static struct ocl_weights_sums sums_of(const struct ocl_conv *c)
{
    return (struct ocl_weights_sums){.parts = ocl_weights_parts(c->oc_blocks, c->n),
                                     .groups = 1,
                                     .group_vectors = c->oc_blocks,
                                     .group_oc = c->oc,
                                     .tile_vectors = 1,
                                     .ic_blocks = 1,
                                     .numbers = c->kh * c->kw,
                                     .filter = c->kh * c->kw};
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_weights_ask(q, &c));
    if (c.group != c.ic || c.group != c.oc)
        return cvk_refuse(q, "%llu groups of %llu channels to %llu; only one channel to one", (unsigned long long)c.group,
                          (unsigned long long)c.ic, (unsigned long long)c.oc);
    struct ocl_weights_sums sums = sums_of(&c);
    if (sums.parts * ocl_weights_part(&sums) > INT32_MAX)
        return cvk_refuse(q, "the sums of the parts leave 32-bit indexes");
    plan->user[NOTE_PARTS] = cvk_book(plan, sums.parts * ocl_weights_part(&sums) * sizeof(float));
    plan->user[NOTE_BIAS] = ocl_weights_book_bias(q->node, plan);
    double products = (double)(c.n * c.oc_blocks * OCL_BLOCK * c.oh * c.ow * c.kh * c.kw);
    plan->cost_ns = ocl_conv_cost(2 * products, 0.3, 0, (double)(q->node->inputs[0]->bytes + q->node->inputs[1]->bytes));
    return CVK_OK;
}

struct state {
    struct ocl_call call;
    struct ocl_weights_ends ends;
    cl_mem table;
};

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_call_finish(&state->call);
    ocl_weights_release(&state->ends);
    ocl_memory_free(state->table);
    ocl_state_free(e);
}

static int32_t init_ends(struct cvk_exec *e, struct state *state, struct ocl_weights_sums *sums)
{
    int32_t *places = e->host->alloc(e->host, sums->numbers * sizeof *places, 0);
    if (!places)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for a table of %llu places", (unsigned long long)sums->numbers);
    for (uint64_t i = 0; i < sums->numbers; i++)
        places[i] = (int32_t)i;
    sums->places = places;
    int32_t status = ocl_weights_init(e, &state->ends, sums);
    e->host->free(e->host, places);
    return status;
}

static int32_t init(struct cvk_exec *e, struct state *state)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_conv c = ocl_conv_weights_of(e->node);
    struct ocl_weights_sums sums = sums_of(&c);
    /* As the enumeration of kernels/conv_cpu_depthwise_weights.cl has them. */
    const int64_t sizes[] = {
        (int64_t)c.n,          (int64_t)c.oc_blocks,  (int64_t)c.h,  (int64_t)c.w,        (int64_t)c.oh,
        (int64_t)c.ow,         (int64_t)c.kh,         (int64_t)c.kw, (int64_t)c.stride_h, (int64_t)c.stride_w,
        (int64_t)c.dilation_h, (int64_t)c.dilation_w, c.pad_top,     c.pad_left};
    int32_t table[OCL_COUNT(sizes)];
    for (uint32_t i = 0; i < OCL_COUNT(sizes); i++)
        table[i] = (int32_t)sizes[i];
    OCL_TRY(ocl_call_init(d, &state->call, &ocl_source_conv_cpu_depthwise_weights, "depthwise_weights", "-cl-mad-enable"));
    OCL_TRY(ocl_memory(d, sizeof table, table, &state->table));
    OCL_TRY(ocl_bind_memory(d, &state->call, 6, state->table));
    ocl_cpu_size(&state->call, sums.parts, c.oc_blocks);
    return init_ends(e, state, &sums);
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
    const uint64_t *notes = e->plan->user;
    uint32_t x = ocl_conv_weights_x(e->node);
    OCL_TRY(ocl_bind(d, &state->call, 0, &e->inputs[x]));
    OCL_TRY(ocl_bind(d, &state->call, 2, &e->inputs[1 - x]));
    OCL_TRY(ocl_bind_at(d, &state->call, 4, e->workspace, notes[NOTE_PARTS]));
    OCL_TRY(ocl_enqueue(d, &state->call));
    return ocl_weights_run(e, &state->ends, notes[NOTE_PARTS], notes[NOTE_BIAS]);
}

#define ROW(OP)                                                                                                                \
    {                                                                                                                          \
        OCL_ROW(OP, "depthwise"), .pass = CVK_PASS_BACKWARD_WEIGHTS, .flags = CVK_KERNEL_ALL_INPUTS, .layouts_x = OCL_NC16,    \
                                  .layouts_y = OCL_PLAIN, .plan = plan, .build = build, .run = run, .finish = finish           \
    }
const struct cvk_kernel ocl_conv_cpu_depthwise_weights_rows[] = {ROW(CONV), ROW(CONV_TRANSPOSE)};
const uint32_t ocl_conv_cpu_depthwise_weights_row_count = OCL_COUNT(ocl_conv_cpu_depthwise_weights_rows);
