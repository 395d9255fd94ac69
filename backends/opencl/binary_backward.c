/* SPDX-License-Identifier: MIT
 * The gradients of binary and where: each operand's is a sum over what broadcasting has stretched it to. */
#include "shrink.h"

struct state {
    struct ocl_shrink of[2];
};

static uint32_t kind_of(const struct cvk_node *node)
{
    return node->op == CVK_OP_WHERE ? OCL_SHRINK_CHOICE : ((const struct cvk_binary_params *)node->params)->kind;
}

/* Which input dy, a, b are; of where a is the condition, and nobody looks at b. */
static uint32_t input_of(const struct cvk_node *node, uint32_t i)
{
    return i < node->input_count ? i : 1;
}

static struct ocl_shrink_of shrink_of(const struct cvk_node *node, uint32_t output)
{
    struct ocl_shrink_of of = {
        .out = output < node->output_count ? node->outputs[output] : NULL, .kind = kind_of(node), .second = output == 1};
    for (uint32_t i = 0; i < 3; i++)
        of.operands[i] = node->inputs[input_of(node, i)];
    return of;
}

static void release(struct cvk_exec *e)
{
    struct state *state = e->state;
    for (uint32_t i = 0; i < 2; i++)
        ocl_shrink_finish(&state->of[i]);
    ocl_state_free(e);
}

static int32_t build(struct cvk_exec *e)
{
    struct state *state = ocl_state(e, sizeof *state);
    int32_t status = state ? CVK_OK : CVK_E_MEMORY;
    for (uint32_t i = 0; i < 2 && status == CVK_OK; i++) {
        struct ocl_shrink_of of = shrink_of(e->node, i);
        if (of.out)
            status = ocl_shrink_build(ocl_device_of(e), &state->of[i], &of);
    }
    if (status != CVK_OK && state)
        release(e);
    return status;
}

/* Inputs dy, a, b (where: dy, condition); outputs da, db. */
static int32_t run(struct cvk_exec *e)
{
    struct state *state = e->state;
    const struct cvk_binding *operands[3];
    for (uint32_t i = 0; i < 3; i++)
        operands[i] = &e->inputs[input_of(e->node, i)];
    for (uint32_t i = 0; i < e->node->output_count; i++)
        if (e->node->outputs[i])
            OCL_TRY(ocl_shrink_run(ocl_device_of(e), &state->of[i], operands, &e->outputs[i], e->workspace));
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    uint64_t room = 0;
    OCL_TRY(ocl_fits(q));
    for (uint32_t i = 0; i < 2; i++) {
        struct ocl_shrink_of of = shrink_of(q->node, i);
        uint64_t own = of.out ? ocl_shrink_room(ocl_asked(q), &of) : 0;
        room = own > room ? own : room;
    }
    cvk_book(plan, room);
    return CVK_OK;
}

static int32_t plan_binary(const struct cvk_query *q, struct cvk_plan *out)
{
    if (kind_of(q->node) >= CVK_EQUAL)
        return cvk_refuse(q, "binary kind %u has no gradient or is newer than this backend", kind_of(q->node));
    return plan(q, out);
}

#define REST .pass = CVK_PASS_BACKWARD_DATA, .dtypes = OCL_FLOATS, .build = build, .run = run, .finish = release
const struct cvk_kernel ocl_binary_backward_rows[] = {
    {OCL_ROW(BINARY, "plain"), .plan = plan_binary, REST},
    {OCL_ROW(WHERE, "plain"), .plan = plan, REST},
};
const uint32_t ocl_binary_backward_row_count = OCL_COUNT(ocl_binary_backward_rows);
