/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as an ONNX model; what is read is written, and what is written can be read again. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const struct cvk_onnx_limits limits = {.tensor_bytes = 1 << 20, .nodes = 1000, .tensors = 1000};
    struct cvk_graph *g = NULL;
    int32_t status = cvk_onnx_load_memory(data, bytes, &limits, &g);
    fuzz_check((status == CVK_OK) == (g != NULL), "a graph exactly when the status is CVK_OK");
    fuzz_check(status == CVK_OK || cvk_error_text()[0], "every failure has a sentence");
    for (uint32_t opset = 13; g && opset <= 17; opset += 4) {
        struct cvk_tensor *written = NULL;
        struct cvk_graph *again = NULL;
        const struct cvk_onnx_save_params params = {.opset = opset, .fold_norms = opset == 13};
        status = cvk_onnx_save_memory(g, &params, &written);
        fuzz_check((status == CVK_OK) == (written != NULL), "bytes exactly when the status is CVK_OK");
        if (written)
            status = cvk_onnx_load_memory(cvk_tensor_data(written), cvk_tensor_bytes(written), NULL, &again);
        fuzz_check(status == CVK_OK || !written, "a model that was written can be read");
        cvk_graph_destroy(again);
        cvk_tensor_destroy(written);
    }
    cvk_graph_destroy(g);
    return 0;
}
