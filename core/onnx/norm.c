/* SPDX-License-Identifier: MIT
 * Normalisations, softmax and dropout. */
#include "import.h"

static const float default_epsilon = 1e-5f;

/* All axes but 1, for statistics per channel. */
static cvk_value channel_mean(struct cvk__onnx *c, cvk_value x, uint32_t rank, uint32_t keep_dims)
{
    struct cvk_reduce_params p = {.kind = CVK_REDUCE_MEAN, .keep_dims = keep_dims};
    for (uint32_t i = 0; i < rank; i++)
        if (i != 1)
            p.axes[p.axis_count++] = (int32_t)i;
    return cvk_reduce(c->g, x, &p);
}

/* old * momentum + now * (1 - momentum) */
static cvk_value blend(struct cvk__onnx *c, cvk_value old, cvk_value now, uint32_t dtype, float momentum)
{
    return cvk_add(c->g, cvk_mul(c->g, old, cvk__onnx_number(c, dtype, momentum)),
                   cvk_mul(c->g, now, cvk__onnx_number(c, dtype, 1.0 - (double)momentum)));
}

/* The statistics of this very batch instead of the stored ones, and the stored ones moved toward them. */
static int32_t batch_norm_training(struct cvk__onnx *c, const struct cvk_batch_norm_params *p, float momentum)
{
    const struct cvk_tensor_desc *d;
    CVK__TRY(cvk__onnx_need_desc(c, 0, &d));
    uint32_t rank = d->rank;
    cvk_value x = cvk__onnx_in(c, 0);
    cvk_value mean = channel_mean(c, x, rank, 0);
    cvk_value centred = cvk_binary(c->g, CVK_SUB, x, channel_mean(c, x, rank, 1));
    cvk_value var = channel_mean(c, cvk_mul(c->g, centred, centred), rank, 0);
    CVK__TRY(cvk__onnx_out(c, 0, cvk_batch_norm(c->g, x, cvk__onnx_in(c, 1), cvk__onnx_in(c, 2), mean, var, p)));
    for (uint32_t i = 1; i < 3; i++) {
        uint32_t dtype;
        CVK__TRY(cvk__onnx_need_type(c, 2 + i, &dtype));
        if (cvk__onnx_wants(c, i))
            CVK__TRY(cvk__onnx_out(c, i, blend(c, cvk__onnx_in(c, 2 + i), i == 1 ? mean : var, dtype, momentum)));
    }
    return CVK_OK;
}

static int32_t batch_norm(struct cvk__onnx *c)
{
    struct cvk_batch_norm_params p = {0};
    uint32_t training = 0, spatial = 1;
    float momentum;
    CVK__TRY(cvk__onnx_attr_float(c, "epsilon", default_epsilon, &p.epsilon));
    CVK__TRY(cvk__onnx_attr_float(c, "momentum", 0.9f, &momentum));
    if (c->opset < 7)
        cvk__onnx_attr_ignore(c, "is_test"); /* one output alone means the test form */
    if (c->opset < 9)
        CVK__TRY(cvk__onnx_attr_flag(c, "spatial", 1, &spatial));
    if (!spatial)
        return cvk__onnx_fail_attr(c, CVK_E_UNSUPPORTED, "spatial", "0 (statistics for every pixel) is not supported");
    if (c->opset >= 14)
        CVK__TRY(cvk__onnx_attr_flag(c, "training_mode", 0, &training));
    if (training)
        return batch_norm_training(c, &p, momentum);
    for (uint32_t i = 1; i < 3; i++)
        if (cvk__onnx_wants(c, i))
            return cvk__onnx_fail(c, CVK_E_FORMAT, "output %u exists only with training_mode 1", i);
    return cvk__onnx_out(c, 0,
                         cvk_batch_norm(c->g, cvk__onnx_in(c, 0), cvk__onnx_in(c, 1), cvk__onnx_in(c, 2), cvk__onnx_in(c, 3),
                                        cvk__onnx_in(c, 4), &p));
}

static int32_t instance_norm(struct cvk__onnx *c)
{
    struct cvk_instance_norm_params p = {0};
    CVK__TRY(cvk__onnx_attr_float(c, "epsilon", default_epsilon, &p.epsilon));
    return cvk__onnx_out(c, 0, cvk_instance_norm(c->g, cvk__onnx_in(c, 0), cvk__onnx_in(c, 1), cvk__onnx_in(c, 2), &p));
}

static int32_t layer_norm(struct cvk__onnx *c)
{
    struct cvk_layer_norm_params p = {0};
    int64_t stash;
    CVK__TRY(cvk__onnx_attr_axis(c, "axis", -1, &p.axis));
    CVK__TRY(cvk__onnx_attr_float(c, "epsilon", default_epsilon, &p.epsilon));
    CVK__TRY(cvk__onnx_attr_int(c, "stash_type", 1, INT32_MIN, INT32_MAX, &stash));
    if (stash != ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        return cvk__onnx_fail_attr(c, CVK_E_UNSUPPORTED, "stash_type", "%lld; only 1 (FLOAT) is supported", (long long)stash);
    cvk_value mean = 0, inv_std = 0;
    cvk_value y = cvk_layer_norm(c->g, cvk__onnx_in(c, 0), cvk__onnx_in(c, 1), cvk__onnx_in(c, 2), &p,
                                 cvk__onnx_wants(c, 1) ? &mean : NULL, cvk__onnx_wants(c, 2) ? &inv_std : NULL);
    CVK__TRY(cvk__onnx_out(c, 0, y));
    if (cvk__onnx_wants(c, 1))
        CVK__TRY(cvk__onnx_out(c, 1, mean));
    return cvk__onnx_wants(c, 2) ? cvk__onnx_out(c, 2, inv_std) : CVK_OK;
}

static int32_t lrn(struct cvk__onnx *c)
{
    struct cvk_lrn_params p = {0};
    int64_t window;
    CVK__TRY(cvk__onnx_attr_int(c, "size", 0, 1, INT32_MAX, &window));
    if (!window)
        return cvk__onnx_fail_attr(c, CVK_E_ARG, "size", "is missing");
    p.window = (uint32_t)window;
    CVK__TRY(cvk__onnx_attr_float(c, "alpha", 1e-4f, &p.alpha));
    CVK__TRY(cvk__onnx_attr_float(c, "beta", 0.75f, &p.beta));
    CVK__TRY(cvk__onnx_attr_float(c, "bias", 1.0f, &p.k));
    return cvk__onnx_out(c, 0, cvk_lrn(c->g, cvk__onnx_in(c, 0), &p));
}

/* (x - mean) / (std + 1e-9) over the axes, which are batch and space by default. */
static int32_t mean_variance(struct cvk__onnx *c)
{
    struct cvk_reduce_params p = {.kind = CVK_REDUCE_MEAN, .keep_dims = 1};
    uint32_t dtype;
    CVK__TRY(cvk__onnx_attr_axes(c, "axes", p.axes, &p.axis_count));
    if (!p.axis_count) {
        p.axis_count = 3;
        p.axes[0] = 0;
        p.axes[1] = 2;
        p.axes[2] = 3;
    }
    CVK__TRY(cvk__onnx_need_type(c, 0, &dtype));
    cvk_value x = cvk__onnx_in(c, 0);
    cvk_value centred = cvk_binary(c->g, CVK_SUB, x, cvk_reduce(c->g, x, &p));
    cvk_value var = cvk_reduce(c->g, cvk_mul(c->g, centred, centred), &p);
    cvk_value std = cvk_unary(c->g, var, &(struct cvk_unary_params){.kind = CVK_SQRT});
    std = cvk_add(c->g, std, cvk__onnx_number(c, dtype, 1e-9));
    return cvk__onnx_out(c, 0, cvk_binary(c->g, CVK_DIV, centred, std));
}

static int32_t lp_norm(struct cvk__onnx *c)
{
    struct cvk_reduce_params p = {.keep_dims = 1, .axis_count = 1};
    int64_t order;
    CVK__TRY(cvk__onnx_attr_axis(c, "axis", -1, &p.axes[0]));
    CVK__TRY(cvk__onnx_attr_int(c, "p", 2, 1, 2, &order));
    p.kind = order == 1 ? CVK_REDUCE_L1 : CVK_REDUCE_L2;
    cvk_value x = cvk__onnx_in(c, 0);
    return cvk__onnx_out(c, 0, cvk_binary(c->g, CVK_DIV, x, cvk_reduce(c->g, x, &p)));
}

static int32_t softmax(struct cvk__onnx *c)
{
    struct cvk_softmax_params p = {.kind = c->row->kind, .flatten = c->opset < 13};
    CVK__TRY(cvk__onnx_attr_axis(c, "axis", p.flatten ? 1 : -1, &p.axis));
    return cvk__onnx_out(c, 0, cvk_softmax(c->g, cvk__onnx_in(c, 0), &p));
}

/* One constant number of input i; *value stays if the input is left out, or is no constant where that does not matter. */
static int32_t constant_number(struct cvk__onnx *c, uint32_t i, const char *what, bool needed, double *value)
{
    struct cvk_tensor *t;
    if (!cvk__onnx_in(c, i))
        return CVK_OK;
    CVK__TRY(cvk__onnx_content(c, i, &t));
    if (!t && !needed)
        return CVK_OK;
    if (!t)
        return cvk__onnx_fail(c, CVK_E_UNSUPPORTED, "%s (input %u) must be a constant", what, i);
    bool one = cvk_tensor_count(t) == 1;
    if (one)
        *value = cvk_tensor_at(t, 0);
    cvk_tensor_destroy(t);
    return one ? CVK_OK : cvk__onnx_fail(c, CVK_E_SHAPE, "%s (input %u) must be one number", what, i);
}

static int32_t dropout(struct cvk__onnx *c)
{
    struct cvk_dropout_params p = {0};
    double ratio = 0.5, training = 0;
    if (c->opset < 12) {
        float attribute;
        CVK__TRY(cvk__onnx_attr_float(c, "ratio", 0.5f, &attribute));
        ratio = attribute;
        if (c->opset < 7)
            cvk__onnx_attr_ignore(c, "is_test"); /* a model that is read is a model to run */
    } else {
        int64_t seed;
        CVK__TRY(cvk__onnx_attr_int(c, "seed", 0, INT64_MIN, INT64_MAX, &seed));
        p.seed = (uint64_t)seed;
        CVK__TRY(constant_number(c, 2, "training_mode", true, &training));
        CVK__TRY(constant_number(c, 1, "ratio", training != 0, &ratio));
    }
    if (!(ratio >= 0 && ratio < 1))
        return cvk__onnx_fail(c, CVK_E_ARG, "its ratio is %g; it must be at least 0 and below 1", ratio);
    p.training = training != 0;
    p.drop = (float)ratio;
    cvk_value mask = 0;
    cvk_value y = cvk_dropout(c->g, cvk__onnx_in(c, 0), &p, cvk__onnx_wants(c, 1) ? &mask : NULL);
    CVK__TRY(cvk__onnx_out(c, 0, y));
    if (!cvk__onnx_wants(c, 1))
        return CVK_OK;
    if (c->opset < 10) { /* the mask had the type of the data then */
        struct cvk_cast_params to = {0};
        CVK__TRY(cvk__onnx_need_type(c, 0, &to.to));
        mask = cvk_cast(c->g, mask, &to);
    }
    return cvk__onnx_out(c, 1, mask);
}

static const struct cvk__onnx_row rows[] = {
    {"BatchNormalization", 1, 13, 5, 5, 1, batch_norm, 0},
    {"BatchNormalization", 14, CVK__ONNX_LAST, 5, 5, 3, batch_norm, 0},
    {"InstanceNormalization", 1, CVK__ONNX_LAST, 3, 3, 1, instance_norm, 0},
    {"LayerNormalization", 1, CVK__ONNX_LAST, 2, 3, 3, layer_norm, 0}, /* of opset 17, but models carry it earlier */
    {"LRN", 1, CVK__ONNX_LAST, 1, 1, 1, lrn, 0},
    {"MeanVarianceNormalization", 9, CVK__ONNX_LAST, 1, 1, 1, mean_variance, 0},
    {"LpNormalization", 1, CVK__ONNX_LAST, 1, 1, 1, lp_norm, 0},
    {"Softmax", 1, CVK__ONNX_LAST, 1, 1, 1, softmax, CVK_SOFTMAX},
    {"LogSoftmax", 1, CVK__ONNX_LAST, 1, 1, 1, softmax, CVK_LOG_SOFTMAX},
    {"Hardmax", 1, CVK__ONNX_LAST, 1, 1, 1, softmax, CVK_HARDMAX},
    {"Dropout", 1, 11, 1, 1, 2, dropout, 0},
    {"Dropout", 12, CVK__ONNX_LAST, 1, 3, 2, dropout, 0},
};
const struct cvk__onnx_table cvk__onnx_norm = {rows, sizeof rows / sizeof rows[0]};
