/* SPDX-License-Identifier: MIT
 * The gradient of lrn: what each element gives to itself and to its neighbours, then the sums of that. */
#include "arith.h"

/* As in kernels/lrn_backward.cl. */
struct lrn {
    cl_int count, window, before, after;
};

enum { NOTE_DIRECT, NOTE_TERMS };

struct state {
    struct ocl_call terms, gather;
};

static int32_t build_call(struct cvk_exec *e, struct ocl_call *call, const char *name, const char *options)
{
    const struct cvk_lrn_params *p = e->node->params;
    const struct cvk_tensor_desc *dx = e->node->outputs[0];
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_channels c = ocl_channels_of(dx);
    uint64_t before = (p->window - 1) / 2, after = p->window - 1 - before, most = (uint64_t)c.count;
    struct lrn s = {(cl_int)ocl_flat_count(dx), (cl_int)p->window, (cl_int)(before < most ? before : most),
                    (cl_int)(after < most ? after : most)};
    OCL_TRY(ocl_call_init(d, call, &ocl_source_lrn_backward, name, options));
    ocl_call_items(call, ocl_flat_count(dx), 64);
    OCL_TRY(ocl_arg(d, call, 8, &s, sizeof s));
    OCL_TRY(ocl_arg(d, call, 9, &c, sizeof c));
    OCL_TRY(ocl_arg_float(d, call, 10, p->k));
    OCL_TRY(ocl_arg_float(d, call, 11, p->alpha));
    return ocl_arg_float(d, call, 12, p->beta);
}

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_call_finish(&state->terms);
    ocl_call_finish(&state->gather);
    ocl_state_free(e);
}

static int32_t build(struct cvk_exec *e)
{
    uint32_t dtype = e->node->outputs[0]->dtype;
    struct state *state = ocl_state(e, sizeof *state);
    char options[OCL_OPTION_BYTES] = "";
    if (!state)
        return CVK_E_MEMORY;
    ocl_option_type(options, sizeof options, "DX", dtype);
    if (dtype == CVK_F64)
        ocl_option(options, sizeof options, "-DR=double");
    int32_t status = build_call(e, &state->terms, "lrn_terms", options);
    if (status == CVK_OK)
        status = build_call(e, &state->gather, "lrn_gather", options);
    if (status != CVK_OK)
        finish(e);
    return status;
}

/* Inputs dy, x. */
static int32_t run(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *state = e->state;
    struct cvk_binding direct = e->workspace ? *e->workspace : (struct cvk_binding){NULL, 0, 0}, terms = direct; /* batch 0 */
    direct.offset += e->plan->user[NOTE_DIRECT];
    terms.offset += e->plan->user[NOTE_TERMS];
    const struct cvk_binding *const first[4] = {&e->inputs[0], &e->inputs[1], &direct, &terms};
    const struct cvk_binding *const then[4] = {&e->inputs[1], &e->outputs[0], &direct, &terms};
    for (uint32_t i = 0; i < 4; i++) {
        OCL_TRY(ocl_bind(d, &state->terms, 2 * i, first[i]));
        OCL_TRY(ocl_bind(d, &state->gather, 2 * i, then[i]));
    }
    OCL_TRY(ocl_enqueue(d, &state->terms));
    return ocl_enqueue(d, &state->gather);
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_tensor_desc *dx = q->node->outputs[0];
    uint64_t room = ocl_flat_count(dx) * (dx->dtype == CVK_F64 ? sizeof(cl_double) : sizeof(cl_float));
    OCL_TRY(ocl_fits(q));
    plan->user[NOTE_DIRECT] = cvk_book(plan, room);
    plan->user[NOTE_TERMS] = cvk_book(plan, room);
    return CVK_OK;
}

const struct cvk_kernel ocl_lrn_backward_rows[] = {
    {OCL_ROW(LRN, "channels"), .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_ALL_INPUTS, .dtypes = OCL_FLOATS,
     .layouts_x = OCL_PLAIN | OCL_NC16, .layouts_y = OCL_PLAIN | OCL_NC16, .plan = plan, .build = build, .run = run,
     .finish = finish},
};
const uint32_t ocl_lrn_backward_row_count = OCL_COUNT(ocl_lrn_backward_rows);
