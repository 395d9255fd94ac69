/* SPDX-License-Identifier: MIT
 * Reductions to one number, or to its place. */
#include "import.h"

static int32_t reduce(struct cvk__onnx *c)
{
    struct cvk_reduce_params p = {.kind = c->row->kind};
    CVK__TRY(cvk__onnx_attr_flag(c, "keepdims", 1, &p.keep_dims));
    if (c->row->max_inputs == 2)
        CVK__TRY(cvk__onnx_attr_flag(c, "noop_with_empty_axes", 0, &p.noop_empty));
    else
        CVK__TRY(cvk__onnx_attr_axes(c, "axes", p.axes, &p.axis_count));
    return cvk__onnx_add(c, CVK_OP_REDUCE, &p, c->row->max_inputs);
}

static int32_t arg(struct cvk__onnx *c)
{
    struct cvk_arg_params p = {.kind = c->row->kind};
    CVK__TRY(cvk__onnx_attr_axis(c, "axis", 0, &p.axis));
    CVK__TRY(cvk__onnx_attr_flag(c, "keepdims", 1, &p.keep_dims));
    if (c->opset >= 12)
        CVK__TRY(cvk__onnx_attr_flag(c, "select_last_index", 0, &p.select_last));
    return cvk__onnx_out(c, 0, cvk_arg(c->g, cvk__onnx_in(c, 0), &p));
}

#define REDUCE(op, kind)                                                                                                         \
    {                                                                                                                            \
        op, 1, CVK__ONNX_LAST, 1, 1, 1, reduce, kind                                                                             \
    }

static const struct cvk__onnx_row rows[] = {
    {"ReduceSum", 1, 12, 1, 1, 1, reduce, CVK_REDUCE_SUM},
    {"ReduceSum", 13, CVK__ONNX_LAST, 1, 2, 1, reduce, CVK_REDUCE_SUM},
    REDUCE("ReduceMean", CVK_REDUCE_MEAN),
    REDUCE("ReduceMax", CVK_REDUCE_MAX),
    REDUCE("ReduceMin", CVK_REDUCE_MIN),
    REDUCE("ReduceProd", CVK_REDUCE_PROD),
    REDUCE("ReduceL1", CVK_REDUCE_L1),
    REDUCE("ReduceL2", CVK_REDUCE_L2),
    REDUCE("ReduceLogSum", CVK_REDUCE_LOG_SUM),
    REDUCE("ReduceLogSumExp", CVK_REDUCE_LOG_SUM_EXP),
    REDUCE("ReduceSumSquare", CVK_REDUCE_SUM_SQUARE),
    {"ArgMax", 1, CVK__ONNX_LAST, 1, 1, 1, arg, CVK_ARG_MAX},
    {"ArgMin", 1, CVK__ONNX_LAST, 1, 1, 1, arg, CVK_ARG_MIN},
};
const struct cvk__onnx_table cvk__onnx_reduce = {rows, sizeof rows / sizeof rows[0]};
