/* SPDX-License-Identifier: MIT
 * Rows whose whole work is one product in tiles. */
#include "product_tiles.h"

struct row {
    struct ocl_tiles_calls calls;
    uint32_t a, b; /* inputs */
};

int32_t ocl_tiles_plan_row(const struct cvk_query *q, struct cvk_plan *plan, const struct ocl_tiles *t)
{
    const struct ocl_device *d = ocl_asked(q);
    struct ocl_tiles_choice choice = {0};
    if (t->batch > UINT16_MAX)
        return cvk_refuse(q, "%lld products; 65535 go into one call", (long long)t->batch);
    if (!ocl_tiles_choose(d, t, cvk_choose(q, plan, 1 + ocl_tiles_shapes), &choice))
        return cvk_refuse(q,
                          "its tiles take more than the %llu bytes of local memory or %llu items a group that the device has",
                          (unsigned long long)d->local_bytes, (unsigned long long)d->max_group);
    double bytes = ocl_model_operands(q->node) / ocl_model_bytes(d);
    plan->cost_ns = choice.cost_ns > bytes ? choice.cost_ns : bytes;
    plan->user[0] = choice.shape;
    plan->user[1] = choice.splits;
    if (choice.splits > 1)
        plan->user[2] = cvk_book(plan, ocl_tiles_bytes(t, &choice));
    return CVK_OK;
}

int32_t ocl_tiles_build_row(struct cvk_exec *e, const struct ocl_tiles *t, uint32_t a)
{
    struct ocl_tiles_choice choice = {.shape = (uint32_t)e->plan->user[0], .splits = (uint32_t)e->plan->user[1]};
    struct row *row = ocl_state(e, sizeof *row);
    if (!row)
        return CVK_E_MEMORY;
    row->a = a;
    row->b = 1 - a;
    int32_t status = ocl_tiles_build(e, t, &choice, &row->calls);
    if (status != CVK_OK)
        ocl_state_free(e);
    return status;
}

static const struct cvk_binding *third(const struct cvk_exec *e)
{
    return e->node->input_count > 2 && e->node->inputs[2] ? &e->inputs[2] : NULL;
}

/* Binds nothing for the operands of an epilogue that is applied elsewhere. */
static int32_t bind_no_epilogue(struct ocl_device *d, struct ocl_call *call, uint32_t index)
{
    for (uint32_t i = 0; i < 8; i += 2)
        OCL_TRY(ocl_bind(d, call, index + i, NULL));
    return CVK_OK;
}

int32_t ocl_tiles_run_sum(struct cvk_exec *e, struct ocl_call *call, uint64_t workspace_offset)
{
    struct ocl_device *d = ocl_device_of(e);
    OCL_TRY(ocl_bind_at(d, call, 0, e->workspace, workspace_offset));
    OCL_TRY(ocl_bind(d, call, 2, third(e)));
    OCL_TRY(ocl_bind(d, call, 4, &e->outputs[0]));
    OCL_TRY(ocl_epilogue_bind(d, call, 6, e));
    return ocl_enqueue(d, call);
}

int32_t ocl_tiles_run(struct cvk_exec *e, struct ocl_tiles_calls *calls, const struct cvk_binding *a,
                      const struct cvk_binding *b, uint64_t sums)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_call *product = &calls->product, *sum = &calls->sum;
    OCL_TRY(ocl_bind(d, product, 0, a));
    OCL_TRY(ocl_bind(d, product, 2, b));
    OCL_TRY(ocl_bind(d, product, 4, third(e)));
    if (!sum->kernel) {
        OCL_TRY(ocl_bind(d, product, 6, &e->outputs[0]));
        OCL_TRY(ocl_epilogue_bind(d, product, 8, e));
        return ocl_enqueue(d, product);
    }
    OCL_TRY(ocl_bind_at(d, product, 6, e->workspace, sums));
    OCL_TRY(bind_no_epilogue(d, product, 8));
    OCL_TRY(ocl_enqueue(d, product));
    return ocl_tiles_run_sum(e, sum, sums);
}

int32_t ocl_tiles_run_row(struct cvk_exec *e)
{
    struct row *row = e->state;
    return ocl_tiles_run(e, &row->calls, &e->inputs[row->a], &e->inputs[row->b], e->plan->user[2]);
}

void ocl_tiles_finish_row(struct cvk_exec *e)
{
    struct row *row = e->state;
    ocl_tiles_finish(&row->calls);
    ocl_state_free(e);
}
