/* SPDX-License-Identifier: MIT
 * Another library reads what we write: OpenCV's DNN module loads a LeNet and a small residual net with batch norm, in both
 * opsets, and gets the same numbers. */
#include <opencv2/dnn.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "convoke/convoke.h"

#define CHECK(call)                                                                                                            \
    do {                                                                                                                       \
        if ((call) != CVK_OK) {                                                                                                \
            std::printf("%s: %s\n", #call, cvk_error_text());                                                                  \
            std::exit(1);                                                                                                      \
        }                                                                                                                      \
    } while (0)

/* Scale, bias, mean and variance that are not those of a fresh layer. */
static cvk_value norm(cvk_graph *g, cvk_value x, int64_t channels)
{
    cvk_value in[5] = {x};
    for (int k = 1; k < 5; k++) {
        std::vector<float> numbers((size_t)channels);
        for (int64_t c = 0; c < channels; c++)
            numbers[(size_t)c] = k < 4 ? 0.3f * (float)((c * 7 + k * 3) % 5) - 0.4f : 0.5f + 0.25f * (float)(c % 3);
        in[k] = cvk_constant(g, nullptr, CVK_F32, 1, &channels, numbers.data());
    }
    cvk_batch_norm_params p = {};
    p.epsilon = 1e-5f;
    return cvk_batch_norm(g, in[0], in[1], in[2], in[3], in[4], &p);
}

/* 3x16x16: a convolution, a block that is added to its input, one with a stride and a projection, ten classes. */
static cvk_graph *residual_net()
{
    cvk_graph *g = nullptr;
    CHECK(cvk_graph_create("residual", &g));
    const int64_t dims[4] = {CVK_BATCH, 3, 16, 16};
    cvk_conv_params same = {}, half = {}, project = {};
    for (int i = 0; i < 2; i++) {
        same.kernel[i] = half.kernel[i] = 3;
        same.pad_begin[i] = same.pad_end[i] = half.pad_begin[i] = half.pad_end[i] = 1;
        half.stride[i] = project.stride[i] = 2;
        project.kernel[i] = 1;
    }
    cvk_value x = cvk_input(g, "image", CVK_F32, 4, dims);
    x = cvk_relu(g, norm(g, cvk_layer_conv_with(g, x, 8, &same), 8));
    cvk_value y = cvk_relu(g, norm(g, cvk_layer_conv_with(g, x, 8, &same), 8));
    x = cvk_relu(g, cvk_add(g, norm(g, cvk_layer_conv_with(g, y, 8, &same), 8), x));
    y = cvk_relu(g, norm(g, cvk_layer_conv_with(g, x, 16, &half), 16));
    y = norm(g, cvk_layer_conv_with(g, y, 16, &same), 16);
    x = cvk_relu(g, cvk_add(g, y, norm(g, cvk_layer_conv_with(g, x, 16, &project), 16)));
    cvk_pool_params pool = {};
    pool.kind = CVK_POOL_AVG;
    pool.global = 1;
    x = cvk_layer_dense(g, cvk_flatten(g, cvk_pool(g, x, &pool, nullptr)), 10);
    cvk_softmax_params softmax = {};
    softmax.axis = 1;
    cvk_output(g, cvk_softmax(g, x, &softmax), "prob");
    CHECK(cvk_graph_status(g));
    return g;
}

static std::vector<float> run(cvk_context *ctx, const cvk_graph *g, cvk_tensor *x)
{
    cvk_session *s = nullptr;
    cvk_tensor *y = nullptr;
    cvk_session_params p = {};
    p.device = "ref";
    p.batch = cvk_tensor_get_desc(x)->dims[0];
    CHECK(cvk_session_create(ctx, g, &p, &s));
    CHECK(cvk_session_write(s, 0, x));
    CHECK(cvk_session_run(s));
    const cvk_tensor_desc *d = cvk_session_output_desc(s, 0);
    CHECK(cvk_tensor_create(d->dtype, d->rank, d->dims, &y));
    CHECK(cvk_session_read(s, 0, y));
    const float *data = (const float *)cvk_tensor_data(y);
    std::vector<float> out(data, data + cvk_tensor_count(y));
    cvk_tensor_destroy(y);
    cvk_session_destroy(s);
    return out;
}

static bool check(cvk_context *ctx, const cvk_graph *g, uint32_t opset, uint32_t fold_norms)
{
    const cvk_tensor_desc *d = cvk_graph_desc(g, cvk_graph_input(g, 0));
    const int64_t dims[4] = {1, d->dims[1], d->dims[2], d->dims[3]};
    cvk_tensor *x = nullptr, *bytes = nullptr;
    CHECK(cvk_tensor_create(CVK_F32, 4, dims, &x));
    float *data = (float *)cvk_tensor_data(x);
    for (uint64_t i = 0; i < cvk_tensor_count(x); i++)
        data[i] = std::sin(0.37f * (float)i) + 0.2f * std::cos(0.05f * (float)i);
    cvk_onnx_save_params p = {};
    p.opset = opset;
    p.fold_norms = fold_norms;
    CHECK(cvk_onnx_save_memory(g, &p, &bytes));
    const std::vector<float> wanted = run(ctx, g, x);
    cv::dnn::Net net = cv::dnn::readNetFromONNX((const char *)cvk_tensor_data(bytes), (size_t)cvk_tensor_bytes(bytes));
    const int sizes[4] = {1, (int)dims[1], (int)dims[2], (int)dims[3]};
    net.setInput(cv::Mat(4, sizes, CV_32F, data));
    const cv::Mat got = net.forward().reshape(1, 1);
    double worst = (size_t)got.total() == wanted.size() ? 0 : 1e9;
    for (size_t i = 0; i < wanted.size() && worst < 1e9; i++)
        worst = std::fmax(worst, std::fabs((double)got.at<float>((int)i) - (double)wanted[i]));
    std::printf("%s, opset %u, norms %s: %zu numbers, largest difference %.3g\n", cvk_graph_name(g), opset,
                fold_norms ? "folded" : "kept", wanted.size(), worst);
    cvk_tensor_destroy(x);
    cvk_tensor_destroy(bytes);
    return worst < 1e-5;
}

int main()
{
    cvk_context *ctx = nullptr;
    cvk_graph *lenet = nullptr, *residual = residual_net();
    CHECK(cvk_context_create(nullptr, &ctx));
    CHECK(cvk_graph_from_text("1x28x28: 6c5p2-relu-mp2-16c5-relu-mp2-flat-120n-relu-84n-relu-10n-softmax", 3, &lenet));
    bool good = true;
    for (uint32_t opset = 13; opset <= 17; opset += 4)
        for (uint32_t fold = 0; fold < 2; fold++) {
            try {
                good &= check(ctx, lenet, opset, fold);
                good &= check(ctx, residual, opset, fold);
            } catch (const cv::Exception &e) {
                std::printf("OpenCV: %s\n", e.what());
                good = false;
            }
        }
    cvk_graph_destroy(lenet);
    cvk_graph_destroy(residual);
    cvk_context_destroy(ctx);
    return good ? 0 : 1;
}
