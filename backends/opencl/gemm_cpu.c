/* SPDX-License-Identifier: MIT
 * gemm, row "dense" of CPU devices: constant weights, as a convolution of one pixel for each row of the input (conv_cpu_sum.h).
 * One row needs nothing but the sum, if its sizes are whole blocks; more rows are brought into blocks and back. */
#include "conv_cpu_sum.h"
#include "kernel_sources.h"

static struct ocl_conv_sum sum_of(const struct ocl_device *d, const struct cvk_node *node)
{
    const struct cvk_gemm_params *p = node->params;
    uint64_t rows = (uint64_t)node->outputs[0]->dims[0], columns = (uint64_t)node->outputs[0]->dims[1];
    uint64_t depth = (uint64_t)node->inputs[0]->dims[p->trans_a ? 0 : 1];
    struct ocl_conv c = {.n = 1, .ic = depth, .h = 1, .w = rows, .oc = columns, .oh = 1, .ow = rows, .group = 1, .kh = 1,
                         .kw = 1, .stride_h = 1, .stride_w = 1, .dilation_h = 1, .dilation_w = 1, .seen_h = 1, .seen_w = rows,
                         .ic_blocks = ocl_ceil_div(depth, OCL_BLOCK), .oc_blocks = ocl_ceil_div(columns, OCL_BLOCK)};
    return ocl_conv_sum_of(d, &c, OCL_BLOCK);
}

static bool whole(uint64_t rows, uint64_t columns)
{
    return rows == 1 && columns % OCL_BLOCK == 0;
}

/* Bytes of the input or the output in blocks, 0 if it is in blocks as it is. */
static uint64_t blocked_bytes(uint64_t rows, uint64_t columns)
{
    return whole(rows, columns) ? 0 : ocl_round_up(columns, OCL_BLOCK) * rows * sizeof(float);
}

enum { NOTE_X, NOTE_Y }; /* places in the workspace */

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    const struct cvk_gemm_params *p = node->params;
    const struct cvk_tensor_desc *c = node->input_count > 2 ? node->inputs[2] : NULL;
    OCL_TRY(ocl_fits(q));
    if (!ocl_asked(q)->cpu_form)
        return cvk_refuse(q, "only for CPU devices");
    if (!node->constants[1] || node->constants[0])
        return cvk_refuse(q, "only for constant weights");
    if (p->trans_a)
        return cvk_refuse(q, "the input is transposed");
    if (!node->inputs[0]->bytes || !node->outputs[0]->bytes)
        return cvk_refuse(q, "there is nothing to sum");
    bool line = c && (c->rank == 0 || c->rank == 1 || c->dims[0] == 1);
    if (c && (!node->constants[2] || !line || (node->epilogue && node->epilogue->parts & CVK_EPI_BIAS)))
        return cvk_refuse(q, "the third operand is not a constant line");
    struct ocl_conv_sum s = sum_of(ocl_asked(q), node);
    uint64_t x_bytes = blocked_bytes(s.c.w, s.c.ic), y_bytes = blocked_bytes(s.c.w, s.c.oc);
    if (ocl_conv_sum_weights(&s) > INT32_MAX || x_bytes > INT32_MAX || y_bytes > INT32_MAX)
        return cvk_refuse(q, "operands in blocks leave 32-bit indexes");
    plan->user[NOTE_X] = cvk_book(plan, x_bytes);
    plan->user[NOTE_Y] = cvk_book(plan, y_bytes);
    double weights = (double)ocl_conv_sum_weights(&s), operands = (double)(s.c.w * (s.c.ic + s.c.oc));
    plan->cost_ns = ocl_conv_cost(2 * (double)s.c.w * weights, 0.9, weights * sizeof(float), operands * sizeof(float));
    return CVK_OK;
}

struct state {
    struct ocl_conv_sum_state sum;
    struct ocl_call pack, unpack;
    cl_mem bias; /* the third operand; NULL: none */
};

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_conv_sum_release(&state->sum);
    ocl_call_finish(&state->pack);
    ocl_call_finish(&state->unpack);
    ocl_memory_free(state->bias);
    ocl_state_free(e);
}

static int32_t init_move(struct cvk_exec *e, struct ocl_call *call, const char *kernel, uint64_t rows, uint64_t columns)
{
    struct ocl_device *d = ocl_device_of(e);
    char options[OCL_OPTION_BYTES] = "";
    if (whole(rows, columns))
        return CVK_OK;
    ocl_cpu_options(d, e->node, options, sizeof options);
    OCL_TRY(ocl_call_init(d, call, &ocl_source_conv_cpu, kernel, options));
    ocl_cpu_size(call, rows == 1 ? 1 : ocl_cpu_groups(d, ocl_ceil_div(columns, OCL_BLOCK)), 1);
    OCL_TRY(ocl_arg_int(d, call, 4, (int64_t)rows));
    return ocl_arg_int(d, call, 5, (int64_t)columns);
}

static int32_t upload_bias(struct cvk_exec *e, struct state *state, uint64_t columns)
{
    const struct cvk_gemm_params *p = e->node->params;
    const struct cvk_tensor_desc *desc = e->node->inputs[2];
    const float *c = e->node->constants[2];
    bool single = desc->rank == 0 || desc->dims[desc->rank - 1] == 1;
    uint64_t bytes = ocl_round_up(columns, OCL_BLOCK) * sizeof(float);
    float *bias = e->host->alloc(e->host, bytes, 0);
    if (!bias)
        return cvk_fail(e->host, CVK_E_MEMORY, "no memory for a line of %llu numbers", (unsigned long long)columns);
    memset(bias, 0, bytes);
    for (uint64_t i = 0; i < columns; i++)
        bias[i] = p->beta * c[single ? 0 : i];
    int32_t status = ocl_memory(ocl_device_of(e), bytes, bias, &state->bias);
    e->host->free(e->host, bias);
    return status;
}

static int32_t init(struct cvk_exec *e, struct state *state)
{
    const struct cvk_gemm_params *p = e->node->params;
    struct ocl_conv_sum s = sum_of(ocl_device_of(e), e->node);
    struct ocl_conv_weights weights = {e->node->constants[1], p->trans_b ? s.c.ic : 1, p->trans_b ? 1 : s.c.oc, p->alpha};
    OCL_TRY(ocl_conv_sum_init(e, &state->sum, &s, &weights));
    OCL_TRY(init_move(e, &state->pack, "dense_pack", s.c.w, s.c.ic));
    OCL_TRY(init_move(e, &state->unpack, "dense_unpack", s.c.w, s.c.oc));
    return e->node->input_count > 2 && e->node->inputs[2] ? upload_bias(e, state, s.c.oc) : CVK_OK;
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
    struct ocl_call *sum = &state->sum.sum;
    const uint64_t *notes = e->plan->user;
    if (state->pack.kernel) {
        OCL_TRY(ocl_bind(d, &state->pack, 0, &e->inputs[0]));
        OCL_TRY(ocl_bind_at(d, &state->pack, 2, e->workspace, notes[NOTE_X]));
        OCL_TRY(ocl_enqueue(d, &state->pack));
        OCL_TRY(ocl_bind_at(d, sum, 0, e->workspace, notes[NOTE_X]));
    } else {
        OCL_TRY(ocl_bind(d, sum, 0, &e->inputs[0]));
    }
    OCL_TRY(ocl_epilogue_bind(d, sum, 8, e));
    if (state->bias)
        OCL_TRY(ocl_bind_memory(d, sum, 8, state->bias));
    if (!state->unpack.kernel) {
        OCL_TRY(ocl_bind(d, sum, 6, &e->outputs[0]));
        return ocl_enqueue(d, sum);
    }
    OCL_TRY(ocl_bind_at(d, sum, 6, e->workspace, notes[NOTE_Y]));
    OCL_TRY(ocl_enqueue(d, sum));
    OCL_TRY(ocl_bind_at(d, &state->unpack, 0, e->workspace, notes[NOTE_Y]));
    OCL_TRY(ocl_bind(d, &state->unpack, 2, &e->outputs[0]));
    return ocl_enqueue(d, &state->unpack);
}

const struct cvk_kernel ocl_gemm_cpu_rows[] = {
    {OCL_ROW(GEMM, "dense"), .flags = OCL_PACKS,
     .epilogues = CVK_EPI_BIAS | CVK_EPI_SCALE | CVK_EPI_ACTIVATION, .activations = OCL_ACTIVATIONS,
     .plan = plan, .build = build, .run = run, .finish = finish},
};
const uint32_t ocl_gemm_cpu_row_count = OCL_COUNT(ocl_gemm_cpu_rows);
