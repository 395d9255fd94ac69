/* SPDX-License-Identifier: MIT
 * conv and conv_transpose, rows "stem", "pointwise", "grouped" and "direct" of CPU devices, forward and for dx
 * (conv_cpu_sum.h). */
#include "conv_cpu_sum.h"

#define MOST_STEM_CHANNELS 4

enum { NOTE_COPY, NOTE_PACKED }; /* places in the workspace */

static int32_t plan(const struct cvk_query *q, const struct ocl_conv *c, uint64_t block, struct cvk_plan *plan)
{
    if (c->transposed && c->stride_h * c->stride_w > OCL_CONV_CLASSES)
        return cvk_refuse(q, "strides of %llu x %llu make too many classes of outputs", (unsigned long long)c->stride_h,
                          (unsigned long long)c->stride_w);
    struct ocl_conv_sum s = ocl_conv_sum_of(ocl_asked(q), c, block);
    uint64_t copied = ocl_conv_sum_copied(&s), weights = ocl_conv_sum_weights(&s);
    if (copied > INT32_MAX || weights > INT32_MAX)
        return cvk_refuse(q, "the padded input or the weights leave 32-bit indexes");
    plan->user[NOTE_COPY] = cvk_book(plan, copied * sizeof(float));
    plan->user[NOTE_PACKED] = cvk_book(plan, ocl_conv_packs_at_run(q->node) ? weights * sizeof(float) : 0);
    double inputs = (double)(c->n * s.maps * block * c->h * c->w);
    double outputs = (double)(c->n * c->oc_blocks * OCL_BLOCK * c->oh * c->ow);
    double bytes = (inputs + outputs + 2 * (double)copied) * sizeof(float);
    double flops = 2.0 * (double)(c->n * c->oh * c->ow) * (double)weights / (double)s.classes;
    plan->cost_ns = ocl_conv_cost(flops, 0.9, (double)weights * sizeof(float), bytes) + ocl_conv_pack_cost(q, weights);
    return CVK_OK;
}

/* A net's first layer: few channels, read as they come. */
static int32_t plan_stem(const struct cvk_query *q, struct cvk_plan *p)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_ask(q, &c));
    if (c.group != 1 || c.ic > MOST_STEM_CHANNELS)
        return cvk_refuse(q, "only one group of 1 to %d input channels", MOST_STEM_CHANNELS);
    return plan(q, &c, 1, p);
}

static int32_t plan_pointwise(const struct cvk_query *q, struct cvk_plan *p)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_ask(q, &c));
    if (c.kh * c.kw != 1 || c.group != 1)
        return cvk_refuse(q, "only windows of one pixel in one group");
    return plan(q, &c, OCL_BLOCK, p);
}

static int32_t plan_direct(const struct cvk_query *q, struct cvk_plan *p)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_ask(q, &c));
    if (c.group != 1)
        return cvk_refuse(q, "%llu groups", (unsigned long long)c.group);
    return plan(q, &c, OCL_BLOCK, p);
}

static int32_t plan_grouped(const struct cvk_query *q, struct cvk_plan *p)
{
    struct ocl_conv c;
    OCL_TRY(ocl_conv_ask(q, &c));
    if (c.group == 1)
        return cvk_refuse(q, "one group");
    if (c.ic / c.group % OCL_BLOCK || c.oc / c.group % OCL_BLOCK)
        return cvk_refuse(q, "groups of %llu to %llu channels are not whole blocks of %d", (unsigned long long)(c.ic / c.group),
                          (unsigned long long)(c.oc / c.group), OCL_BLOCK);
    return plan(q, &c, OCL_BLOCK, p);
}

static void finish(struct cvk_exec *e)
{
    ocl_conv_sum_release(e->state);
    ocl_state_free(e);
}

static int32_t build(struct cvk_exec *e, uint64_t block)
{
    struct ocl_conv c = ocl_conv_of(e->node);
    struct ocl_conv_sum s = ocl_conv_sum_of(ocl_device_of(e), &c, block);
    uint64_t taps = c.kh * c.kw;
    struct ocl_conv_weights weights = {.oc_step = c.flipped ? taps : s.group_ic * taps,
                                       .ic_step = c.flipped ? s.group_oc * taps : taps,
                                       .group_step = s.group_oc * s.group_ic * taps,
                                       .scale = 1};
    struct ocl_conv_sum_state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    if (!ocl_conv_packs_at_run(e->node))
        weights.from = e->node->constants[1];
    int32_t status = ocl_conv_sum_init(e, state, &s, &weights);
    if (status != CVK_OK)
        finish(e);
    return status;
}

static int32_t build_blocks(struct cvk_exec *e)
{
    return build(e, OCL_BLOCK);
}

static int32_t build_stem(struct cvk_exec *e)
{
    return build(e, 1);
}

static int32_t run(struct cvk_exec *e)
{
    struct ocl_conv_sum_operands operands = {
        .x = e->inputs[0], .y = e->outputs[0], .weights = e->inputs[1], .bias = ocl_conv_bias(e)};
    if (e->workspace) {
        operands.copy = ocl_part(e->workspace, e->plan->user[NOTE_COPY]);
        operands.packed = ocl_part(e->workspace, e->plan->user[NOTE_PACKED]);
    }
    return ocl_conv_sum_run(e, e->state, &operands);
}

#define ROW(OP, PASS, row_name, row_flags, f, layout, kind)                                                                    \
    {                                                                                                                          \
        OCL_ROW(OP, row_name), .pass = CVK_PASS_##PASS, .flags = row_flags, .layouts_x = layout, .layouts_y = OCL_NC16,        \
                               .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS, .plan = plan_##f,                \
                               .build = build_##kind, .run = run, .finish = finish                                             \
    }
const struct cvk_kernel ocl_conv_cpu_direct_rows[] = {
    ROW(CONV, FORWARD, "stem", OCL_PACKS, stem, OCL_PLAIN, stem),
    ROW(CONV, FORWARD, "pointwise", OCL_PACKS, pointwise, OCL_NC16, blocks),
    ROW(CONV, FORWARD, "grouped", OCL_PACKS, grouped, OCL_NC16, blocks),
    ROW(CONV, FORWARD, "direct", OCL_PACKS, direct, OCL_NC16, blocks),
    ROW(CONV, BACKWARD_DATA, "grouped", 0, grouped, OCL_NC16, blocks),
    ROW(CONV, BACKWARD_DATA, "direct", 0, direct, OCL_NC16, blocks),
    ROW(CONV_TRANSPOSE, FORWARD, "grouped", OCL_PACKS, grouped, OCL_NC16, blocks),
    ROW(CONV_TRANSPOSE, FORWARD, "direct", OCL_PACKS, direct, OCL_NC16, blocks),
    ROW(CONV_TRANSPOSE, BACKWARD_DATA, "grouped", 0, grouped, OCL_NC16, blocks),
    ROW(CONV_TRANSPOSE, BACKWARD_DATA, "direct", 0, direct, OCL_NC16, blocks),
};
const uint32_t ocl_conv_cpu_direct_row_count = OCL_COUNT(ocl_conv_cpu_direct_rows);
