/* SPDX-License-Identifier: MIT
 * Fuzz target: any bytes as an ONNX model. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    const struct cvk_onnx_limits limits = {.tensor_bytes = 1 << 20, .nodes = 1000, .tensors = 1000};
    struct cvk_graph *g = NULL;
    int32_t status = cvk_onnx_load_memory(data, bytes, &limits, &g);
    fuzz_check((status == CVK_OK) == (g != NULL), "a graph exactly when the status is CVK_OK");
    fuzz_check(status == CVK_OK || cvk_error_text()[0], "every failure has a sentence");
    cvk_graph_destroy(g);
    return 0;
}
