/* SPDX-License-Identifier: MIT
 * ONNX models and tensors in protobuf form: reading (opsets up to 17; those below 7 as far as their ops have today's forms) and
 * writing (opsets 13 and 17).
 *
 * Nesting, counts and sizes are checked before anything is unpacked; an error names the node, the attribute and the reason.
 * Data outside the model file is off by default. If the library was built without protobuf-c, every call here returns
 * CVK_E_UNSUPPORTED and says so.
 *
 * Threads: any, each call for itself.
 *
 * Example:
 * @code
 * #include <convoke/convoke.h>
 * #include <stdio.h>
 * int main(int argc, char **argv)
 * {
 *     struct cvk_graph *g = NULL;
 *     const struct cvk_onnx_save_params smaller = {.opset = 13, .fold_norms = 1};
 *     int32_t status = argc == 3 ? cvk_onnx_load(argv[1], NULL, &g) : CVK_E_ARG;
 *     if (status == CVK_OK)
 *         status = cvk_onnx_save(g, argv[2], &smaller);
 *     if (status != CVK_OK)
 *         fprintf(stderr, "%s\n", cvk_error_text());
 *     cvk_graph_destroy(g);
 *     return status == CVK_OK ? 0 : 1;
 * }
 * @endcode
 */
#ifndef CONVOKE_ONNX_H
#define CONVOKE_ONNX_H

#include "graph.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Zero in a field is its default. Fixed limits besides: 64 attributes of a node, 4,096 inputs and as many outputs, and
 * 256 MiB + 2 * (file size less the contents of tensors) for the unpacked messages. */
struct cvk_onnx_limits {
    uint64_t file_bytes;      /* 2 GiB, which is also protobuf's own limit; external tensors together may take as much again */
    uint64_t tensor_bytes;    /* of one tensor; 2 GiB */
    uint64_t nodes;           /* 100,000 */
    uint64_t tensors;         /* initialisers; 200,000 */
    uint64_t name_bytes;      /* of one name; 4,096 */
    uint32_t nesting;         /* 64; 1,000 at most */
    uint32_t external_data;   /* 1: files beside the model may be read; 0: refused */
};

/* Reads a model file. The contents of tensors go from the file to their place in one step, so that loading takes their size in
 * memory and little more; a file that changes meanwhile gives an error or a mixture of both. The sizes named by a parameter in
 * the model (the batch) become CVK_BATCH. limits NULL: all defaults.
 * Owns: the caller, who calls cvk_graph_destroy. */
CVK_API int32_t cvk_onnx_load(const char *path, const struct cvk_onnx_limits *limits, struct cvk_graph **out);
/* The same from memory, which is not kept. External data cannot be used. */
CVK_API int32_t cvk_onnx_load_memory(const void *data, uint64_t bytes, const struct cvk_onnx_limits *limits,
                                     struct cvk_graph **out);
/* A TensorProto file (.pb), as in the test data of models. name: NULL or receives the tensor's name, freed with cvk_text_free. */
CVK_API int32_t cvk_onnx_read_tensor(const char *path, const struct cvk_onnx_limits *limits, struct cvk_tensor **out, char **name);

/* Zero in a field is its default. */
struct cvk_onnx_save_params {
    uint32_t opset;      /* 13 or 17; 0: 17 */
    uint32_t fold_norms; /* 1: batch norms go into the weights of the convolutions and dense layers before them */
    const char *name;    /* of the model; NULL: the graph's */
};

/* Writes the net as a model: what its outputs need, with the names of inputs, outputs, nodes and weights, which are made
 * unique where they are not. Sizes that are CVK_BATCH are called "N". Batch norms and dropout are written in their inference
 * forms. What ONNX has no operator for is put together from others (gelu, silu and mish; layer norm in opset 13; the softmax
 * over rows), and what cannot be said is CVK_E_UNSUPPORTED, naming the node. Models of 2 GiB and more are CVK_E_LIMIT. The
 * file is written beside the path and put in its place when it is complete. params NULL: all defaults. */
CVK_API int32_t cvk_onnx_save(const struct cvk_graph *g, const char *path, const struct cvk_onnx_save_params *params);
/* The same to memory: a tensor of bytes (u8). Owns: the caller, who calls cvk_tensor_destroy. */
CVK_API int32_t cvk_onnx_save_memory(const struct cvk_graph *g, const struct cvk_onnx_save_params *params,
                                     struct cvk_tensor **out);

#ifdef __cplusplus
}
#endif
#endif
