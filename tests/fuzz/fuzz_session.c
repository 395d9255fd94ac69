/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as an ONNX model, and what can be read is planned and, if small, run on the reference backend. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct cvk_context *ctx;
    if (!ctx) {
        int32_t made = cvk_context_create(&(struct cvk_context_params){.threads = 1}, &ctx);
        fuzz_check(made == CVK_OK && cvk_device_count(ctx) > 0, "the reference backend is found");
    }
    const struct cvk_onnx_limits limits = {.tensor_bytes = 1 << 20, .nodes = 100, .tensors = 100};
    struct cvk_graph *g = NULL;
    if (cvk_onnx_load_memory(data, bytes, &limits, &g) == CVK_OK)
        use(ctx, g);
    cvk_graph_destroy(g);
    return 0;
}
