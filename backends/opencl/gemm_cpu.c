/* SPDX-License-Identifier: MIT
 * gemm and matmul, row "dense" of CPU devices: a convolution of one pixel for each row of the left operand (conv_cpu_sum.h),
 * where a stack of products is one with groups. The left operand is brought into blocks first; a result whose lines are whole
 * vectors is written as it shall be, others are brought out of blocks. */
#include "conv_cpu_sum.h"
#include "kernel_sources.h"

/* y[batch][rows][columns] of sums over `depth`; each operand with its steps. */
struct product {
    uint64_t batch, rows, columns, depth;
    uint64_t a_batch, a_row, a_depth;
    uint64_t b_batch, b_depth, b_column;
    float alpha, beta;
};

static struct product gemm_of(const struct cvk_node *node)
{
    const struct cvk_gemm_params *p = node->params;
    uint64_t a_width = (uint64_t)node->inputs[0]->dims[1], b_width = (uint64_t)node->inputs[1]->dims[1];
    return (struct product){.batch = 1,
                            .rows = (uint64_t)node->outputs[0]->dims[0],
                            .columns = (uint64_t)node->outputs[0]->dims[1],
                            .depth = (uint64_t)node->inputs[0]->dims[p->trans_a ? 0 : 1],
                            .a_row = p->trans_a ? 1 : a_width,
                            .a_depth = p->trans_a ? a_width : 1,
                            .b_depth = p->trans_b ? 1 : b_width,
                            .b_column = p->trans_b ? b_width : 1,
                            .alpha = p->alpha,
                            .beta = p->beta};
}

static uint64_t leading(const struct cvk_tensor_desc *t)
{
    uint64_t count = 1;
    for (uint32_t i = 0; i + 2 < t->rank; i++)
        count *= (uint64_t)t->dims[i];
    return count;
}

/* One matrix on the right: all rows on the left are one matrix. Otherwise pairs. */
static bool matmul_of(const struct cvk_node *node, struct product *p)
{
    const struct cvk_tensor_desc *a = node->inputs[0], *b = node->inputs[1];
    if (a->rank < 2 || b->rank < 2)
        return false;
    uint64_t stack = leading(b), rows = (uint64_t)a->dims[a->rank - 2], depth = (uint64_t)a->dims[a->rank - 1];
    bool same = a->rank == b->rank;
    for (uint32_t i = 0; same && i + 2 < a->rank; i++)
        same = a->dims[i] == b->dims[i];
    if (stack != 1 && !same)
        return false;
    *p = (struct product){.batch = stack,
                          .rows = stack == 1 ? leading(a) * rows : rows,
                          .columns = (uint64_t)b->dims[b->rank - 1],
                          .depth = depth,
                          .a_batch = rows * depth,
                          .a_row = depth,
                          .a_depth = 1,
                          .b_depth = (uint64_t)b->dims[b->rank - 1],
                          .b_column = 1,
                          .alpha = 1,
                          .beta = 1};
    p->b_batch = p->depth * p->columns;
    return true;
}

/* After plan has said yes. */
static struct product product_of(const struct cvk_node *node)
{
    struct product p = {0};
    if (node->op == CVK_OP_GEMM)
        p = gemm_of(node);
    else
        matmul_of(node, &p);
    return p;
}

/* One row whose blocks are whole is in blocks as it is. */
static bool moves_x(const struct product *p)
{
    return p->rows != 1 || p->batch != 1 || p->depth % OCL_BLOCK;
}

static bool moves_y(const struct product *p)
{
    return p->columns % OCL_BLOCK != 0;
}

static struct ocl_conv_sum sum_of(const struct ocl_device *d, const struct product *p)
{
    struct ocl_conv c = {.n = 1,
                         .ic = p->batch * p->depth,
                         .h = 1,
                         .w = p->rows,
                         .oc = p->batch * p->columns,
                         .oh = 1,
                         .ow = p->rows,
                         .group = p->batch,
                         .kh = 1,
                         .kw = 1,
                         .stride_h = 1,
                         .stride_w = 1,
                         .dilation_h = 1,
                         .dilation_w = 1,
                         .seen_h = 1,
                         .seen_w = p->rows};
    struct ocl_conv_sum s = ocl_conv_sum_of(d, &c, OCL_BLOCK);
    s.bias_group = 0;
    if (!moves_y(p)) {
        s.y_step = p->columns / OCL_BLOCK;
        s.y_block = 1;
        s.y_group = p->rows * s.y_step;
    }
    return s;
}

static uint64_t x_bytes(const struct product *p)
{
    return moves_x(p) ? p->batch * ocl_round_up(p->depth, OCL_BLOCK) * p->rows * sizeof(float) : 0;
}

static uint64_t y_bytes(const struct product *p)
{
    return moves_y(p) ? p->batch * ocl_round_up(p->columns, OCL_BLOCK) * p->rows * sizeof(float) : 0;
}

enum { NOTE_X, NOTE_Y, NOTE_PACKED, NOTE_BIAS }; /* places in the workspace */

static const struct cvk_tensor_desc *third(const struct cvk_node *node)
{
    return node->input_count > 2 ? node->inputs[2] : NULL;
}

static bool single(const struct cvk_tensor_desc *c)
{
    return c->rank == 0 || c->dims[c->rank - 1] == 1;
}

static int32_t check_third(const struct cvk_query *q)
{
    const struct cvk_tensor_desc *c = third(q->node);
    if (c && c->rank == 2 && c->dims[0] != 1)
        return cvk_refuse(q, "the third operand is not a line");
    if (c && q->node->epilogue && q->node->epilogue->parts & CVK_EPI_BIAS)
        return cvk_refuse(q, "a third operand beside the epilogue's bias");
    return CVK_OK;
}

static int32_t plan(const struct cvk_query *q, struct cvk_plan *plan)
{
    const struct cvk_node *node = q->node;
    OCL_TRY(ocl_fits(q));
    if (!ocl_asked(q)->cpu_form)
        return cvk_refuse(q, "only for CPU devices");
    if (node->constants[0])
        return cvk_refuse(q, "the left operand is constant");
    if (!node->inputs[0]->bytes || !node->inputs[1]->bytes || !node->outputs[0]->bytes)
        return cvk_refuse(q, "there is nothing to sum");
    OCL_TRY(check_third(q));
    struct product p;
    if (node->op == CVK_OP_MATMUL && !matmul_of(node, &p))
        return cvk_refuse(q, "vectors, or stacks of matrices that are broadcast against each other");
    p = product_of(node);
    struct ocl_conv_sum s = sum_of(ocl_asked(q), &p);
    uint64_t weights = ocl_conv_sum_weights(&s);
    if (weights > INT32_MAX || x_bytes(&p) > INT32_MAX || y_bytes(&p) > INT32_MAX)
        return cvk_refuse(q, "operands in blocks leave 32-bit indexes");
    if (moves_y(&p) && node->epilogue && node->epilogue->parts & CVK_EPI_RESIDUAL)
        return cvk_refuse(q, "a residual whose lines of %llu are not whole vectors", (unsigned long long)p.columns);
    plan->user[NOTE_X] = cvk_book(plan, x_bytes(&p));
    plan->user[NOTE_Y] = cvk_book(plan, y_bytes(&p));
    plan->user[NOTE_PACKED] = cvk_book(plan, node->constants[1] ? 0 : weights * sizeof(float));
    plan->user[NOTE_BIAS] =
        cvk_book(plan, third(node) && !node->constants[2] ? ocl_round_up(p.columns, OCL_BLOCK) * sizeof(float) : 0);
    double operands = (double)(p.batch * p.rows * (p.depth + p.columns)) * sizeof(float);
    plan->cost_ns = ocl_conv_cost(2 * (double)p.rows * (double)weights, 0.9, (double)weights * sizeof(float), operands) +
                    ocl_conv_pack_cost(q, weights) + (double)(x_bytes(&p) + y_bytes(&p)) / 8;
    return CVK_OK;
}

struct state {
    struct ocl_conv_sum_state sum;
    struct ocl_packer pack_x, pack_bias;
    struct ocl_call unpack;
    cl_mem bias; /* a constant third operand; NULL: none */
};

static void finish(struct cvk_exec *e)
{
    struct state *state = e->state;
    ocl_conv_sum_release(&state->sum);
    ocl_packer_release(&state->pack_x);
    ocl_packer_release(&state->pack_bias);
    ocl_call_finish(&state->unpack);
    ocl_memory_free(state->bias);
    ocl_state_free(e);
}

/* [batch][block][row][16]: the lanes of a vector are a block's steps of depth. */
static int32_t init_x(struct cvk_exec *e, struct state *state, const struct product *p)
{
    struct ocl_pack panel = {.groups = p->batch,
                             .group_vectors = ocl_ceil_div(p->depth, OCL_BLOCK),
                             .group_oc = p->depth,
                             .group_ic = p->rows,
                             .tile_vectors = 1,
                             .maps = 1,
                             .block = p->rows,
                             .taps_h = 1,
                             .taps_w = 1,
                             .group_step = p->a_batch,
                             .oc_step = p->a_depth,
                             .ic_step = p->a_row};
    return moves_x(p) ? ocl_packer_init(e, &state->pack_x, &panel, 1, 1) : CVK_OK;
}

static int32_t init_y(struct cvk_exec *e, struct state *state, const struct product *p)
{
    struct ocl_device *d = ocl_device_of(e);
    char options[OCL_OPTION_BYTES] = "";
    if (!moves_y(p))
        return CVK_OK;
    ocl_cpu_options(d, e->node, options, sizeof options);
    OCL_TRY(ocl_call_init(d, &state->unpack, &ocl_source_conv_cpu, "dense_unpack", options));
    ocl_cpu_size(&state->unpack, ocl_cpu_groups(d, p->batch * p->rows), 1);
    OCL_TRY(ocl_arg_int(d, &state->unpack, 4, (int64_t)p->batch));
    OCL_TRY(ocl_arg_int(d, &state->unpack, 5, (int64_t)p->rows));
    return ocl_arg_int(d, &state->unpack, 6, (int64_t)p->columns);
}

/* The third operand as a bias: a line times beta. */
static int32_t init_bias(struct cvk_exec *e, struct state *state, const struct product *p)
{
    if (!third(e->node))
        return CVK_OK;
    struct ocl_pack panel = {.groups = 1,
                             .group_vectors = ocl_ceil_div(p->columns, OCL_BLOCK),
                             .group_oc = p->columns,
                             .group_ic = 1,
                             .tile_vectors = 1,
                             .maps = 1,
                             .block = 1,
                             .taps_h = 1,
                             .taps_w = 1,
                             .oc_step = single(third(e->node)) ? 0 : 1};
    if (e->node->constants[2])
        return ocl_pack_host(e, &panel, 1, e->node->constants[2], p->beta, &state->bias);
    return ocl_packer_init(e, &state->pack_bias, &panel, 1, p->beta);
}

static int32_t init(struct cvk_exec *e, struct state *state)
{
    struct product p = product_of(e->node);
    struct ocl_conv_sum s = sum_of(ocl_device_of(e), &p);
    struct ocl_conv_weights weights = {e->node->constants[1], p.b_batch, p.b_column, p.b_depth, p.alpha};
    OCL_TRY(ocl_conv_sum_init(e, &state->sum, &s, &weights));
    OCL_TRY(init_x(e, state, &p));
    OCL_TRY(init_y(e, state, &p));
    return init_bias(e, state, &p);
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
    const struct cvk_binding none = {0}, *w = e->workspace ? e->workspace : &none;
    struct cvk_binding bias = {.buffer = state->bias};
    struct ocl_conv_sum_operands o = {
        .x = e->inputs[0], .y = e->outputs[0], .weights = e->inputs[1], .packed = ocl_part(w, notes[NOTE_PACKED])};
    if (state->pack_x.call.kernel) {
        o.x = ocl_part(w, notes[NOTE_X]);
        OCL_TRY(ocl_packer_run(d, &state->pack_x, &e->inputs[0], &o.x));
    }
    if (state->pack_bias.call.kernel) {
        bias = ocl_part(w, notes[NOTE_BIAS]);
        OCL_TRY(ocl_packer_run(d, &state->pack_bias, &e->inputs[2], &bias));
    }
    if (bias.buffer)
        o.bias = &bias;
    if (!state->unpack.kernel)
        return ocl_conv_sum_run(e, &state->sum, &o);
    o.y = ocl_part(w, notes[NOTE_Y]);
    OCL_TRY(ocl_conv_sum_run(e, &state->sum, &o));
    OCL_TRY(ocl_bind(d, &state->unpack, 0, &o.y));
    OCL_TRY(ocl_bind(d, &state->unpack, 2, &e->outputs[0]));
    return ocl_enqueue(d, &state->unpack);
}

#define ROW(OP)                                                                                                                \
    {                                                                                                                          \
        OCL_ROW(OP, "dense"), .flags = OCL_PACKS, .epilogues = OCL_EPILOGUE_ALL, .activations = OCL_ACTIVATIONS, .plan = plan, \
                              .build = build, .run = run, .finish = finish                                                     \
    }
const struct cvk_kernel ocl_gemm_cpu_rows[] = {ROW(GEMM), ROW(MATMUL)};
const uint32_t ocl_gemm_cpu_row_count = OCL_COUNT(ocl_gemm_cpu_rows);
