/* SPDX-License-Identifier: MIT
 * The gradient of pool: over maps in blocks on CPU devices; elsewhere each pixel gathers from the windows that it is in. */
#include "pool.h"

enum { DY, X };

/* find: empty for means. */
struct state {
    struct ocl_call find, share;
};

/* ---- maps in blocks ---------------------------------------------------------------------------------------------- */

static int32_t plan_blocked(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_pool_params *p = q->node->params;
    (void)plan;
    OCL_TRY(ocl_fits(q));
    OCL_TRY(ocl_blocked(q));
    if (p->kind == CVK_POOL_LP)
        return cvk_refuse(q, "only maxima and means");
    if (q->node->outputs[0]->rank > 4)
        return cvk_refuse(q, "only maps of one or two dimensions, not %u", q->node->outputs[0]->rank - 2);
    return CVK_OK;
}

static int32_t build_blocked(struct cvk_exec *e)
{
    const struct cvk_pool_params *p = e->node->params;
    const struct cvk_tensor_desc *dx = e->node->outputs[0];
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_pool_blocked s = ocl_pool_blocked_of(p, dx, e->node->inputs[DY]);
    uint64_t maps = (uint64_t)dx->dims[0] * ocl_ceil_div((uint64_t)dx->dims[1], 16);
    struct ocl_call *call;
    char options[OCL_OPTION_BYTES] = "";
    ocl_option(options, sizeof options, "-DWIDE -DKIND=%u", p->kind);
    OCL_TRY(ocl_build_call(e, &ocl_source_pool_backward, "pool_blocked_backward", options, &call));
    int32_t status = ocl_arg(d, call, 6, &s, sizeof s);
    if (status == CVK_OK)
        status = ocl_arg_int(d, call, 7, (int64_t)maps);
    ocl_call_items(call, maps, 1);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

static int32_t run_blocked(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    OCL_TRY(ocl_bind(d, e->state, 0, &e->inputs[DY]));
    OCL_TRY(ocl_bind(d, e->state, 2, e->node->input_count > X ? &e->inputs[X] : NULL));
    OCL_TRY(ocl_bind(d, e->state, 4, &e->outputs[0]));
    return ocl_enqueue(d, e->state);
}

/* ---- plain maps -------------------------------------------------------------------------------------------------- */

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_call_finish(&state->find);
    ocl_call_finish(&state->share);
    ocl_state_free(e);
}

static int32_t build_calls(struct cvk_exec *e, struct state *state)
{
    const struct cvk_pool_params *p = e->node->params;
    const struct cvk_tensor_desc *dx = e->node->outputs[0];
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_pool_window s = ocl_pool_window_of(p, dx, e->node->inputs[DY]);
    uint64_t windows = ocl_flat_count(e->node->inputs[DY]);
    char options[OCL_OPTION_BYTES] = "";
    s.count = (cl_int)ocl_flat_count(dx);
    ocl_option_type(options, sizeof options, "DX", dx->dtype);
    ocl_option(options, sizeof options, dx->dtype == CVK_F64 ? "-DKIND=%u -DR=double" : "-DKIND=%u", p->kind);
    OCL_TRY(ocl_call_init(d, &state->share, &ocl_source_pool_backward, "pool_share", options));
    OCL_TRY(ocl_arg(d, &state->share, 8, &s, sizeof s));
    ocl_call_items(&state->share, (uint64_t)s.count, 64);
    if (p->kind == CVK_POOL_AVG)
        return CVK_OK;
    OCL_TRY(ocl_call_init(d, &state->find, &ocl_source_pool_backward, "pool_find", options));
    OCL_TRY(ocl_arg(d, &state->find, 4, &s, sizeof s));
    ocl_call_items(&state->find, windows, 64);
    return ocl_arg_int(d, &state->find, 5, (int64_t)windows);
}

static int32_t build_plain(struct cvk_exec *e)
{
    struct state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    int32_t status = build_calls(e, state);
    if (status != CVK_OK)
        finish(e);
    return status;
}

static int32_t run_plain(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *state = e->state;
    const struct cvk_binding *x = e->node->input_count > X ? &e->inputs[X] : NULL;
    if (state->find.kernel) {
        OCL_TRY(ocl_bind(d, &state->find, 0, x));
        OCL_TRY(ocl_bind(d, &state->find, 2, e->workspace));
        OCL_TRY(ocl_enqueue(d, &state->find));
    }
    OCL_TRY(ocl_bind(d, &state->share, 0, &e->inputs[DY]));
    OCL_TRY(ocl_bind(d, &state->share, 2, x));
    OCL_TRY(ocl_bind(d, &state->share, 4, e->workspace));
    OCL_TRY(ocl_bind(d, &state->share, 6, &e->outputs[0]));
    return ocl_enqueue(d, &state->share);
}

/* A place, or a norm, for each window. */
static int32_t plan_plain(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_pool_params *p = q->node->params;
    const struct cvk_tensor_desc *dy = q->node->inputs[DY];
    OCL_TRY(ocl_fits(q));
    if (p->kind != CVK_POOL_AVG)
        cvk_book(plan, ocl_flat_count(dy) * (dy->dtype == CVK_F64 ? sizeof(cl_double) : sizeof(cl_float)));
    return CVK_OK;
}

const struct cvk_kernel ocl_pool_backward_rows[] = {
    {OCL_ROW(POOL, "blocked"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_ALL_INPUTS, .layouts_x = OCL_NC16,
     .layouts_y = OCL_NC16, .plan = plan_blocked, .build = build_blocked, .run = run_blocked, .finish = ocl_finish_call},
    {OCL_ROW(POOL, "plain"), .pass = CVK_PASS_BACKWARD_DATA, .dtypes = OCL_FLOATS, .plan = plan_plain, .build = build_plain,
     .run = run_plain, .finish = finish},
};
const uint32_t ocl_pool_backward_row_count = OCL_COUNT(ocl_pool_backward_rows);
