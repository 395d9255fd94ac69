/* SPDX-License-Identifier: MIT
 * Normalisations, softmax, dropout and losses, as ONNX. */
#include "export.h"

static int32_t batch_norm(struct cvk__export *e)
{
    const struct cvk_batch_norm_params *p = e->node->params;
    CVK__EMIT(e, "BatchNormalization", cvk__export_out(e, 0), cvk__export_in(e, 0), cvk__export_in(e, 1), cvk__export_in(e, 2),
              cvk__export_in(e, 3), cvk__export_in(e, 4));
    cvk__export_float(e, "epsilon", p->epsilon);
    return CVK_OK;
}

static int32_t instance_norm(struct cvk__export *e)
{
    const struct cvk_instance_norm_params *p = e->node->params;
    CVK__EMIT(e, "InstanceNormalization", cvk__export_out(e, 0), cvk__export_in(e, 0), cvk__export_in(e, 1),
              cvk__export_in(e, 2));
    cvk__export_float(e, "epsilon", p->epsilon);
    return CVK_OK;
}

/* Where there is no LayerNormalization: mean and variance over the axes, in the type that ONNX keeps them in. */
static int32_t layer_norm_parts(struct cvk__export *e)
{
    const struct cvk_layer_norm_params *p = e->node->params;
    const struct cvk_tensor_desc *x;
    int64_t axes[CVK_MAX_RANK];
    uint32_t count = 0;
    CVK__TRY(cvk__export_need(e, 0, &x));
    bool cast = x->dtype == CVK_F16 || x->dtype == CVK_BF16;
    uint32_t stash = x->dtype == CVK_F64 ? CVK_F64 : CVK_F32;
    for (int32_t i = p->axis < 0 ? p->axis + (int32_t)x->rank : p->axis; i < (int32_t)x->rank; i++)
        axes[count++] = i;
    const char *in = cvk__export_in(e, 0);
    if (cast) {
        in = CVK__EMIT(e, "Cast", NULL, in);
        cvk__export_int(e, "to", cvk__onnx_data_type(stash));
    }
    const char *mean = CVK__EMIT(e, "ReduceMean", cvk__export_wants(e, 1) ? cvk__export_out(e, 1) : NULL, in);
    cvk__export_ints(e, "axes", axes, count);
    const char *centred = CVK__EMIT(e, "Sub", NULL, in, mean);
    const char *squares = CVK__EMIT(e, "Mul", NULL, centred, centred);
    const char *var = CVK__EMIT(e, "ReduceMean", NULL, squares);
    cvk__export_ints(e, "axes", axes, count);
    const char *shifted = CVK__EMIT(e, "Add", NULL, var, cvk__export_number(e, "epsilon", stash, 0, (double)p->epsilon));
    const char *deviation = CVK__EMIT(e, "Sqrt", NULL, shifted);
    const char *inverse = CVK__EMIT(e, "Reciprocal", cvk__export_wants(e, 2) ? cvk__export_out(e, 2) : NULL, deviation);
    const char *y = CVK__EMIT(e, "Mul", NULL, centred, inverse);
    if (cast) {
        y = CVK__EMIT(e, "Cast", NULL, y);
        cvk__export_int(e, "to", cvk__onnx_data_type(x->dtype));
    }
    bool bias = cvk__export_has(e, 2);
    y = CVK__EMIT(e, "Mul", bias ? NULL : cvk__export_out(e, 0), y, cvk__export_in(e, 1));
    if (bias)
        CVK__EMIT(e, "Add", cvk__export_out(e, 0), y, cvk__export_in(e, 2));
    return CVK_OK;
}

/* Scale and bias of other sizes than the axes' broadcast here; readers of LayerNormalization want just those. */
static bool is_plain_layer_norm(const struct cvk__export *e)
{
    const struct cvk_layer_norm_params *p = e->node->params;
    const struct cvk_tensor_desc *x = cvk__export_desc(e, 0);
    if (e->opset < 17 || !x || x->dtype == CVK_F64)
        return false;
    uint32_t axis = (uint32_t)(p->axis < 0 ? p->axis + (int32_t)x->rank : p->axis);
    for (uint32_t i = 1; i < 3 && cvk__export_has(e, i); i++) {
        const struct cvk_tensor_desc *d = cvk__export_desc(e, i);
        if (!d || d->dtype != x->dtype || d->rank != x->rank - axis ||
            memcmp(d->dims, x->dims + axis, d->rank * sizeof d->dims[0]))
            return false;
    }
    return true;
}

static int32_t layer_norm(struct cvk__export *e)
{
    const struct cvk_layer_norm_params *p = e->node->params;
    if (!is_plain_layer_norm(e))
        return layer_norm_parts(e);
    const char *in[3] = {cvk__export_in(e, 0), cvk__export_in(e, 1), cvk__export_in(e, 2)};
    const char *out[3] = {cvk__export_out(e, 0), cvk__export_wants(e, 1) ? cvk__export_out(e, 1) : "",
                          cvk__export_wants(e, 2) ? cvk__export_out(e, 2) : ""};
    cvk__export_node(e, "LayerNormalization", 3, in, 3, out);
    cvk__export_int(e, "axis", p->axis);
    cvk__export_float(e, "epsilon", p->epsilon);
    return CVK_OK;
}

static int32_t lrn(struct cvk__export *e)
{
    const struct cvk_lrn_params *p = e->node->params;
    CVK__EMIT(e, "LRN", cvk__export_out(e, 0), cvk__export_in(e, 0));
    cvk__export_int(e, "size", p->window);
    cvk__export_float(e, "alpha", p->alpha);
    cvk__export_float(e, "beta", p->beta);
    cvk__export_float(e, "bias", p->k);
    return CVK_OK;
}

/* In its inference form; the ratio stays, so that the net can be trained again. */
static int32_t dropout(struct cvk__export *e)
{
    const struct cvk_dropout_params *p = e->node->params;
    const char *in[2] = {cvk__export_in(e, 0), cvk__export_number(e, "ratio", CVK_F32, 0, (double)p->drop)};
    const char *out[2] = {cvk__export_out(e, 0), cvk__export_wants(e, 1) ? cvk__export_out(e, 1) : ""};
    cvk__export_node(e, "Dropout", 2, in, 2, out);
    if (p->seed)
        cvk__export_int(e, "seed", (int64_t)p->seed);
    return CVK_OK;
}

/* Opset 13 knows the softmax along one axis alone; the older one runs over rows of a matrix. */
static int32_t softmax(struct cvk__export *e)
{
    static const char *const ops[] = {"Softmax", "LogSoftmax", "Hardmax"};
    const struct cvk_softmax_params *p = e->node->params;
    const struct cvk_tensor_desc *x = cvk__export_desc(e, 0);
    const char *op = cvk__export_pick(e, ops, 3, p->kind);
    bool rows = p->flatten != 0;
    if (rows && x) {
        uint32_t axis = (uint32_t)(p->axis < 0 ? p->axis + (int32_t)x->rank : p->axis), open = cvk__export_open(e, 0);
        rows = false;
        for (uint32_t i = axis + 1; i < x->rank; i++)
            rows |= x->dims[i] != 1 || (open >> i & 1);
    }
    const char *in = cvk__export_in(e, 0);
    if (!rows) {
        CVK__EMIT(e, op, cvk__export_out(e, 0), in);
        cvk__export_int(e, "axis", p->axis);
        return CVK_OK;
    }
    const char *shape = CVK__EMIT(e, "Shape", NULL, in);
    const char *matrix = CVK__EMIT(e, "Flatten", NULL, in);
    cvk__export_int(e, "axis", p->axis);
    const char *y = CVK__EMIT(e, op, NULL, matrix);
    cvk__export_int(e, "axis", 1);
    CVK__EMIT(e, "Reshape", cvk__export_out(e, 0), y, shape);
    return CVK_OK;
}

/* |x - q| or (x - q)^2, then the mean or the sum of all. */
static void simple_loss(struct cvk__export *e, const struct cvk_loss_params *p)
{
    const char *out = p->reduction == CVK_LOSS_NONE ? cvk__export_out(e, 0) : NULL;
    const char *each = CVK__EMIT(e, "Sub", NULL, cvk__export_in(e, 0), cvk__export_in(e, 1));
    each = p->kind == CVK_LOSS_L1 ? CVK__EMIT(e, "Abs", out, each) : CVK__EMIT(e, "Mul", out, each, each);
    if (out)
        return;
    CVK__EMIT(e, p->reduction == CVK_LOSS_MEAN ? "ReduceMean" : "ReduceSum", cvk__export_out(e, 0), each);
    cvk__export_int(e, "keepdims", 0);
}

static int32_t loss(struct cvk__export *e)
{
    static const char *const reductions[] = {"mean", "sum", "none"};
    const struct cvk_loss_params *p = e->node->params;
    uint32_t target = cvk__export_type(e, 1);
    if (!p->ignores && (p->kind == CVK_LOSS_MSE || p->kind == CVK_LOSS_L1)) {
        simple_loss(e, p);
        return CVK_OK;
    }
    if (p->kind != CVK_LOSS_SOFTMAX_CROSS_ENTROPY || (target != CVK_I32 && target != CVK_I64) || p->smoothing != 0)
        return cvk__export_fail(
            e, CVK_E_UNSUPPORTED,
            "ONNX has no such loss: only softmax cross-entropy of class numbers without smoothing, mse and l1 "
            "can be written");
    CVK__EMIT(e, "SoftmaxCrossEntropyLoss", cvk__export_out(e, 0), cvk__export_in(e, 0), cvk__export_in(e, 1),
              cvk__export_in(e, 2));
    cvk__export_word(e, "reduction", cvk__export_pick(e, reductions, 3, p->reduction));
    if (p->ignores)
        cvk__export_int(e, "ignore_index", p->ignore_index);
    return CVK_OK;
}

static const struct cvk__export_row rows[] = {
    {CVK_OP_BATCH_NORM, batch_norm},
    {CVK_OP_INSTANCE_NORM, instance_norm},
    {CVK_OP_LAYER_NORM, layer_norm},
    {CVK_OP_LRN, lrn},
    {CVK_OP_DROPOUT, dropout},
    {CVK_OP_SOFTMAX, softmax},
    {CVK_OP_LOSS, loss},
};
const struct cvk__export_table cvk__export_norms = {rows, sizeof rows / sizeof rows[0]};
