/* SPDX-License-Identifier: MIT
 * matmul: schema, shape rule, cost, gradients and builder call. */
#include "../graph/autodiff.h"
#include "dtype_sets.h"

/* Sizes as a stack of matrices: a vector is a row on the left and a column on the right. */
static void as_matrices(const struct cvk_tensor_desc *d, bool left, uint32_t *rank, int64_t *dims)
{
    *rank = d->rank;
    memcpy(dims, d->dims, sizeof d->dims);
    if (d->rank > 1)
        return;
    *rank = 2;
    dims[0] = left ? 1 : d->dims[0];
    dims[1] = left ? d->dims[0] : 1;
}

static int32_t infer(struct cvk__infer *c)
{
    const struct cvk_tensor_desc *a = cvk__infer_in(c, 0), *b = cvk__infer_in(c, 1);
    char at[CVK_SHAPE_TEXT], bt[CVK_SHAPE_TEXT];
    cvk_shape_text(a->rank, a->dims, at);
    cvk_shape_text(b->rank, b->dims, bt);
    if (a->dtype != b->dtype || !cvk__dtype_in(a->dtype, CVK__NUMBERS))
        return cvk__infer_fail(c, "a is %s and b is %s; both must be the same type of number", cvk_dtype_name(a->dtype),
                               cvk_dtype_name(b->dtype));
    if (!a->rank || !b->rank)
        return cvk__infer_fail(c, "a is %s and b is %s; a single number has no axis to multiply along", at, bt);
    int64_t m[CVK_MAX_RANK], n[CVK_MAX_RANK], out[CVK_MAX_RANK];
    uint32_t m_rank, n_rank;
    as_matrices(a, true, &m_rank, m);
    as_matrices(b, false, &n_rank, n);
    if (m[m_rank - 1] != n[n_rank - 2])
        return cvk__infer_fail(c, "a (%s) has %lld columns but b (%s) has %lld rows; they must be the same", at,
                               (long long)m[m_rank - 1], bt, (long long)n[n_rank - 2]);
    /* The axes before the matrices broadcast. */
    struct cvk_tensor_desc leading = *b;
    leading.rank = n_rank - 2;
    memcpy(leading.dims, n, sizeof n);
    uint32_t rank = m_rank - 2;
    memcpy(out, m, sizeof m);
    if (cvk__infer_broadcast(c, &rank, out, &leading) != CVK_OK)
        return cvk__infer_fail(c, "the axes before the matrices do not broadcast: a is %s and b is %s", at, bt);
    if (a->rank > 1)
        out[rank++] = m[m_rank - 2];
    if (b->rank > 1)
        out[rank++] = n[n_rank - 1];
    return cvk__infer_out(c, 0, a->dtype, rank, out);
}

static void cost(const struct cvk_node *node, struct cvk__cost *cost)
{
    const struct cvk_tensor_desc *a = node->inputs[0];
    cost->macs = cvk__cost_mul(cvk_tensor_desc_count(node->outputs[0]), (uint64_t)a->dims[a->rank - 1]);
    cost->flops = cvk__cost_flops(cost->macs, 0);
}

/* spatial_rank 0: every output sees all of its row. */
static void window(const struct cvk_node *node, struct cvk__window *window)
{
    (void)node;
    window->spatial_rank = 0;
}

static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0) | CVK__X(1)},
    {CVK_PASS_BACKWARD_WEIGHTS, CVK__X(1), CVK__DY(0) | CVK__X(0)},
};

/* Axis 0 of the product is an axis of matrices or the rows of a; b has it only as an axis of matrices. */
static bool separable(const struct cvk_node *node, bool *cut)
{
    const struct cvk_tensor_desc *a = node->inputs[0], *b = node->inputs[1], *y = node->outputs[0];
    uint32_t rank = a->rank > b->rank ? a->rank : b->rank;
    if (a->rank < 2 || y->rank < 1)
        return false;
    cut[0] = a->rank == rank && a->dims[0] == y->dims[0];
    cut[1] = b->rank == rank && rank > 2 && b->dims[0] == y->dims[0];
    return cut[0] || cut[1];
}

/* The last two axes exchanged. */
static cvk_value swapped(struct cvk__diff *d, cvk_value v)
{
    const uint32_t rank = cvk__diff_desc(d, v)->rank;
    struct cvk_transpose_params p = {.size = sizeof p, .count = rank};
    for (uint32_t i = 0; i < rank; i++)
        p.perm[i] = (int32_t)i;
    p.perm[rank - 1] = (int32_t)rank - 2;
    p.perm[rank - 2] = (int32_t)rank - 1;
    return cvk__diff_op(d, CVK_OP_TRANSPOSE, &p, &v, 1);
}

/* Two matrices are gemm's, which needs no transposed copies; stacks are products of exchanged stacks. A vector goes by the
 * declared rows. */
static int32_t differentiate(struct cvk__diff *d)
{
    const struct cvk_matmul_params p = {.size = sizeof p};
    const struct cvk_gemm_params ta = {.size = sizeof ta, .trans_a = 1}, tb = {.size = sizeof tb, .trans_b = 1};
    const cvk_value dy = cvk__diff_dy(d, 0), a = cvk__diff_node(d)->inputs[0], b = cvk__diff_node(d)->inputs[1];
    const uint32_t ra = cvk__diff_desc(d, a)->rank, rb = cvk__diff_desc(d, b)->rank;
    if (ra < 2 || rb < 2)
        return CVK_E_NOT_FOUND;
    if (cvk__diff_wants(d, 0)) {
        cvk_value da = ra == 2 && rb == 2 ? cvk__diff_op(d, CVK_OP_GEMM, &tb, (cvk_value[]){dy, b}, 2)
                                          : cvk__diff_op(d, CVK_OP_MATMUL, &p, (cvk_value[]){dy, swapped(d, b)}, 2);
        CVK__TRY(cvk__diff_give(d, 0, cvk__diff_unbroadcast(d, da, cvk__diff_desc(d, a))));
    }
    if (cvk__diff_wants(d, 1)) {
        cvk_value db = ra == 2 && rb == 2 ? cvk__diff_op(d, CVK_OP_GEMM, &ta, (cvk_value[]){a, dy}, 2)
                                          : cvk__diff_op(d, CVK_OP_MATMUL, &p, (cvk_value[]){swapped(d, a), dy}, 2);
        CVK__TRY(cvk__diff_give(d, 1, cvk__diff_unbroadcast(d, db, cvk__diff_desc(d, b))));
    }
    return d->status;
}

const struct cvk__op_def cvk__op_matmul = {
    .id = CVK_OP_MATMUL,
    .param_bytes = sizeof(struct cvk_matmul_params),
    .name = "matmul",
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .cost = cost,
    .window = window,
    .separable = separable,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
    .weights = CVK__X(0) | CVK__X(1),
    .accepts_epilogue = true,
    .differentiate = differentiate,
};

cvk_value cvk_matmul(struct cvk_graph *g, cvk_value a, cvk_value b)
{
    return cvk__graph_add_one(g, CVK_OP_MATMUL, NULL, (cvk_value[]){a, b}, 2);
}
