/* SPDX-License-Identifier: MIT
 * The ONNX calls of a build without protobuf-c: they say what is missing. */
#include "../base/base.h"
#include "convoke/onnx.h"

static int32_t missing(void)
{
    return cvk__fail(CVK_E_UNSUPPORTED, "this library was built without ONNX: protobuf-c, its compiler protoc-c or the file "
                                        "onnx/onnx.proto was missing, or the option -Donnx=disabled was given");
}

int32_t cvk_onnx_load(const char *path, const struct cvk_onnx_limits *limits, struct cvk_graph **out)
{
    (void)path;
    (void)limits;
    if (out)
        *out = NULL;
    return missing();
}

int32_t cvk_onnx_load_memory(const void *data, uint64_t bytes, const struct cvk_onnx_limits *limits, struct cvk_graph **out)
{
    (void)data;
    (void)bytes;
    (void)limits;
    if (out)
        *out = NULL;
    return missing();
}

int32_t cvk_onnx_read_tensor(const char *path, const struct cvk_onnx_limits *limits, struct cvk_tensor **out, char **name)
{
    (void)path;
    (void)limits;
    if (out)
        *out = NULL;
    if (name)
        *name = NULL;
    return missing();
}

int32_t cvk_onnx_save(const struct cvk_graph *g, const char *path, const struct cvk_onnx_save_params *params)
{
    (void)g;
    (void)path;
    (void)params;
    return missing();
}

int32_t cvk_onnx_save_memory(const struct cvk_graph *g, const struct cvk_onnx_save_params *params, struct cvk_tensor **out)
{
    (void)g;
    (void)params;
    if (out)
        *out = NULL;
    return missing();
}
