/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as an ONNX model, and what can be read is planned and, if small, run and trained on the reference backend. */
#include "fuzz.h"

static void use(struct cvk_context *ctx, const struct cvk_graph *g)
{
    const struct cvk_session_params params = {.device = "ref", .batch = 2, .memory_limit_bytes = 1 << 24, .macs_limit = 1000000};
    struct cvk_session *s = NULL;
    int32_t status = cvk_session_create(ctx, g, &params, &s);
    fuzz_check((status == CVK_OK) == (s != NULL), "a session exactly when the status is CVK_OK");
    fuzz_check(status == CVK_OK || cvk_error_text()[0], "every failure has a sentence");
    if (s) {
        struct cvk_node_report node;
        for (uint32_t i = 0; i < cvk_session_node_count(s); i++)
            fuzz_check(cvk_session_node(s, i, &node) == CVK_OK, "every node can be told");
        status = cvk_session_run(s);
        fuzz_check(status != CVK_E_UNSUPPORTED, "a session that was made can run");
    }
    cvk_session_destroy(s);
}

/* A step of training, and the net that comes out of it. */
static void train(struct cvk_context *ctx, const struct cvk_graph *g, uint32_t loss)
{
    const struct cvk_trainer_params params = {.device = "ref",
                                              .batch = loss == CVK_LOSS_MSE ? 2 : 0,
                                              .flags = CVK_TRAIN_NORMS,
                                              .loss = {.kind = loss},
                                              .optimizer = {.kind = CVK_ADAGRAD, .l2 = 0.1f},
                                              .memory_limit_bytes = 1 << 24,
                                              .macs_limit = 1000000};
    struct cvk_trainer *t = NULL;
    struct cvk_tensor *x = NULL, *target = NULL;
    struct cvk_graph *after = NULL;
    int32_t status = cvk_trainer_create(ctx, g, &params, &t);
    fuzz_check((status == CVK_OK) == (t != NULL), "a trainer exactly when the status is CVK_OK");
    fuzz_check(status == CVK_OK || cvk_error_text()[0], "every failure has a sentence");
    if (t) {
        const struct cvk_tensor_desc *dx = cvk_trainer_input_desc(t), *dt = cvk_trainer_target_desc(t);
        if (cvk_tensor_create(dx->dtype, dx->rank, dx->dims, &x) == CVK_OK && cvk_tensor_create(dt->dtype, dt->rank, dt->dims, &target) == CVK_OK) {
            memset(cvk_tensor_data(x), 0, cvk_tensor_bytes(x));
            memset(cvk_tensor_data(target), 0, cvk_tensor_bytes(target));
            status = cvk_trainer_step(t, x, target, NULL);
            fuzz_check(status == CVK_OK || cvk_error_text()[0], "every failure has a sentence");
        }
        status = cvk_trainer_graph(t, &after);
        fuzz_check(status == CVK_OK || cvk_error_text()[0], "every failure has a sentence");
    }
    cvk_graph_destroy(after);
    cvk_tensor_destroy(x);
    cvk_tensor_destroy(target);
    cvk_trainer_destroy(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct cvk_context *ctx;
    if (!ctx) {
        int32_t made = cvk_context_create(&(struct cvk_context_params){.threads = 1}, &ctx);
        fuzz_check(made == CVK_OK && cvk_device_count(ctx) > 0, "the reference backend is found");
    }
    const struct cvk_onnx_limits limits = {.tensor_bytes = 1 << 20, .nodes = 100, .tensors = 100};
    struct cvk_graph *g = NULL;
    if (cvk_onnx_load_memory(data, bytes, &limits, &g) == CVK_OK) {
        use(ctx, g);
        train(ctx, g, CVK_LOSS_MSE);
        train(ctx, g, CVK_LOSS_SOFTMAX_CROSS_ENTROPY);
    }
    cvk_graph_destroy(g);
    return 0;
}
