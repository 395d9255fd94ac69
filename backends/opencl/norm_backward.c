/* SPDX-License-Identifier: MIT
 * Gradients of layer_norm and instance_norm. Those of scale and bias: the normalised x goes to the workspace, then they are sums
 * over what broadcasting has stretched. */
#include "norm.h"
#include "shrink.h"

/* Places in the workspace. */
enum { NOTE_NORMALISED, NOTE_ROOM };

/* The gradients of scale and bias. */
struct state {
    struct ocl_call normalise;
    struct ocl_shrink of[2];
};

/* Builds kernels/norm_backward.cl for x, scale (NULL: x is normalised) and what it writes. */
static int32_t init(struct cvk_exec *e, struct ocl_call *call, const struct cvk_tensor_desc *x,
                    const struct cvk_tensor_desc *scale, uint32_t dtype)
{
    struct ocl_device *d = ocl_device_of(e);
    struct ocl_norm w = ocl_norm_of(e->node, x, scale, NULL);
    bool wide = d->cpu_form && w.has_periods && x->dtype == CVK_F32 && (!scale || scale->dtype == CVK_F32);
    char options[OCL_OPTION_BYTES] = "";
    ocl_option_type(options, sizeof options, "DX", x->dtype);
    ocl_option_type(options, sizeof options, "DS", scale ? scale->dtype : x->dtype);
    ocl_option_type(options, sizeof options, "DN", dtype);
    if (wide)
        ocl_option(options, sizeof options, "-DWIDE");
    else if (strstr(options, "-DWITH_F64"))
        ocl_option(options, sizeof options, "-DR=double");
    if (!scale)
        ocl_option(options, sizeof options, "-DNORMALISES");
    OCL_TRY(ocl_call_init(d, call, &ocl_source_norm_backward, "norm_backward", options));
    return ocl_norm_args(d, call, 8, &w, wide);
}

/* ---- dx: inputs dy, x, scale ------------------------------------------------------------------------------------------- */

static int32_t build_data(struct cvk_exec *e)
{
    const struct cvk_tensor_desc *x = e->node->inputs[1];
    struct ocl_call *call = ocl_state(e, sizeof *call);
    if (!call)
        return CVK_E_MEMORY;
    int32_t status = init(e, call, x, e->node->inputs[2], x->dtype);
    return status == CVK_OK ? CVK_OK : ocl_drop_call(e, status);
}

/* ---- dscale and dbias: inputs dy, x ------------------------------------------------------------------------------------ */

/* What scale and bias are to x: of instance_norm they begin at the channels. */
static struct cvk_tensor_desc beside_x(const struct cvk_node *node, const struct cvk_tensor_desc *d)
{
    struct cvk_tensor_desc beside = *d;
    if (node->op == CVK_OP_INSTANCE_NORM)
        for (beside.rank = 1; beside.rank + 1 < node->inputs[1]->rank;)
            beside.dims[beside.rank++] = 1;
    return beside;
}

static uint32_t normalised_type(const struct cvk_node *node)
{
    return node->inputs[1]->dtype == CVK_F64 ? CVK_F64 : CVK_F32;
}

/* dscale is that of a product with the normalised x, dbias that of a sum. */
static struct ocl_shrink_of shrink_of(const struct cvk_node *node, uint32_t output, const struct cvk_tensor_desc *normalised,
                                      const struct cvk_tensor_desc *out)
{
    return (struct ocl_shrink_of){.operands = {node->inputs[0], normalised, normalised},
                                  .out = out,
                                  .kind = output == 0 ? CVK_MUL : CVK_ADD,
                                  .second = output == 0};
}

static void release(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_call_finish(&state->normalise);
    for (uint32_t i = 0; i < 2; i++)
        ocl_shrink_finish(&state->of[i]);
    ocl_state_free(e);
}

static int32_t build_weights(struct cvk_exec *e)
{
    const struct cvk_node *node = e->node;
    struct cvk_tensor_desc normalised = *node->inputs[1];
    struct state *state = ocl_state(e, sizeof *state);
    if (!state)
        return CVK_E_MEMORY;
    int32_t status = init(e, &state->normalise, node->inputs[1], NULL, normalised_type(node));
    normalised.dtype = normalised_type(node);
    for (uint32_t i = 0; i < node->output_count && status == CVK_OK; i++) {
        if (!node->outputs[i])
            continue;
        struct cvk_tensor_desc out = beside_x(node, node->outputs[i]);
        struct ocl_shrink_of of = shrink_of(node, i, &normalised, &out);
        status = ocl_shrink_build(ocl_device_of(e), &state->of[i], &of);
    }
    if (status != CVK_OK)
        release(e);
    return status;
}

static int32_t run_weights(struct cvk_exec *e)
{
    struct ocl_device *d = ocl_device_of(e);
    struct state *state = e->state;
    struct cvk_binding normalised = e->workspace ? *e->workspace : (struct cvk_binding){NULL, 0, 0},
                       room = normalised; /* batch 0 */
    normalised.offset += e->plan->user[NOTE_NORMALISED];
    room.offset += e->plan->user[NOTE_ROOM];
    OCL_TRY(ocl_bind(d, &state->normalise, 0, NULL));
    OCL_TRY(ocl_bind(d, &state->normalise, 2, &e->inputs[1]));
    OCL_TRY(ocl_bind(d, &state->normalise, 4, NULL));
    OCL_TRY(ocl_bind(d, &state->normalise, 6, &normalised));
    OCL_TRY(ocl_enqueue(d, &state->normalise));
    const struct cvk_binding *const operands[3] = {&e->inputs[0], &normalised, &normalised};
    for (uint32_t i = 0; i < e->node->output_count; i++)
        if (e->node->outputs[i])
            OCL_TRY(ocl_shrink_run(d, &state->of[i], operands, &e->outputs[i], &room));
    return CVK_OK;
}

static int32_t plan_weights(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_tensor_desc *x = q->node->inputs[1];
    struct cvk_tensor_desc normalised = *x;
    uint64_t room = 0;
    OCL_TRY(ocl_fits(q));
    normalised.dtype = normalised_type(q->node);
    for (uint32_t i = 0; i < q->node->output_count; i++) {
        if (!q->node->outputs[i])
            continue;
        struct cvk_tensor_desc out = beside_x(q->node, q->node->outputs[i]);
        struct ocl_shrink_of of = shrink_of(q->node, i, &normalised, &out);
        uint64_t own = ocl_shrink_room(ocl_asked(q), &of);
        room = own > room ? own : room;
    }
    plan->user[NOTE_NORMALISED] = cvk_book(plan, ocl_product(x, 0, x->rank) * ocl_dtype_bytes(normalised.dtype));
    plan->user[NOTE_ROOM] = cvk_book(plan, room);
    return CVK_OK;
}

#define DATA                                                                                                                     \
    .pass = CVK_PASS_BACKWARD_DATA, .flags = CVK_KERNEL_IN_PLACE, .dtypes = OCL_FLOATS, .plan = ocl_plan_any,                    \
    .build = build_data, .run = ocl_run_call, .finish = ocl_finish_call
#define WEIGHTS                                                                                                                  \
    .pass = CVK_PASS_BACKWARD_WEIGHTS, .dtypes = OCL_FLOATS, .plan = plan_weights, .build = build_weights, .run = run_weights,   \
    .finish = release
const struct cvk_kernel ocl_norm_backward_rows[] = {
    {OCL_ROW(LAYER_NORM, "rows"), DATA},
    {OCL_ROW(LAYER_NORM, "rows"), WEIGHTS},
    {OCL_ROW(INSTANCE_NORM, "rows"), DATA},
    {OCL_ROW(INSTANCE_NORM, "rows"), WEIGHTS},
};
const uint32_t ocl_norm_backward_row_count = OCL_COUNT(ocl_norm_backward_rows);
