/* SPDX-License-Identifier: MIT
 * cast: schema, shape rule and builder call. */
#include "../graph/autodiff.h"
#include "op_def.h"

static int32_t infer(struct cvk__infer *c)
{
    const struct cvk_cast_params *p = c->node->params;
    const struct cvk_tensor_desc *x = cvk__infer_in(c, 0);
    if (cvk_dtype_bytes(p->to) == 0)
        return cvk__infer_bad(c, "no element type %u to cast to; give one of enum cvk_dtype, 1 (f32) to 13 (bool)", p->to);
    return cvk__infer_out(c, 0, p->to, x->rank, x->dims);
}

static const char *kind_name(const void *params)
{
    return cvk_dtype_name(((const struct cvk_cast_params *)params)->to);
}

static const struct cvk__grad grads[] = {
    {CVK_PASS_BACKWARD_DATA, CVK__X(0), CVK__DY(0)},
};

/* elementwise: it takes the input's memory only where both types have the same bytes. */
static int32_t differentiate(struct cvk__diff *d)
{
    const struct cvk_cast_params back = {.size = sizeof back, .to = cvk__diff_desc(d, cvk__diff_node(d)->inputs[0])->dtype};
    const cvk_value dy = cvk__diff_dy(d, 0);
    return cvk__diff_give(d, 0, cvk__diff_op(d, CVK_OP_CAST, &back, &dy, 1));
}

const struct cvk__op_def cvk__op_cast = {
    .id = CVK_OP_CAST,
    .param_bytes = sizeof(struct cvk_cast_params),
    .name = "cast",
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .infer = infer,
    .kind = kind_name,
    .separable = cvk__cut_first,
    .grads = grads,
    .grad_count = sizeof grads / sizeof grads[0],
    .elementwise = true,
    .differentiate = differentiate,
};

cvk_value cvk_cast(struct cvk_graph *g, cvk_value x, const struct cvk_cast_params *p)
{
    return cvk__graph_add_one(g, CVK_OP_CAST, p, &x, 1);
}
