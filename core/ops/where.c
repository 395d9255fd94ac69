/* SPDX-License-Identifier: MIT
 * where: schema, shape rule with broadcasting of three inputs, and builder call. */
#include "op_def.h"

static int32_t infer(struct cvk__infer *c)
{
    const struct cvk_tensor_desc *condition = cvk__infer_in(c, 0), *a = cvk__infer_in(c, 1), *b = cvk__infer_in(c, 2);
    if (condition->dtype != CVK_BOOL)
        return cvk__infer_fail(c, "the condition is %s; it must be bool (cast it, or compare it with 0)",
                               cvk_dtype_name(condition->dtype));
    if (a->dtype != b->dtype)
        return cvk__infer_fail(c, "chooses between %s and %s elements; cast one of them so that both have one type",
                               cvk_dtype_name(a->dtype), cvk_dtype_name(b->dtype));
    int64_t dims[CVK_MAX_RANK];
    uint32_t rank = condition->rank;
    memcpy(dims, condition->dims, sizeof dims);
    CVK__TRY(cvk__infer_broadcast(c, &rank, dims, a));
    CVK__TRY(cvk__infer_broadcast(c, &rank, dims, b));
    return cvk__infer_out(c, 0, a->dtype, rank, dims);
}

static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(1) | CVK__X(2), CVK__DY(0) | CVK__X(0)},
};

const struct cvk__op_def cvk__op_where = {
    .id = CVK_OP_WHERE,
    .param_bytes = sizeof(struct cvk_where_params),
    .name = "where",
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .separable = cvk__cut_broadcast,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
};

cvk_value cvk_where(struct cvk_graph *g, cvk_value condition, cvk_value a, cvk_value b)
{
    return cvk__graph_add_one(g, CVK_OP_WHERE, NULL, (cvk_value[]){condition, a, b}, 3);
}
