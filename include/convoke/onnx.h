/* SPDX-License-Identifier: MIT
 * ONNX models (opsets up to 17; those below 7 as far as their ops have today's forms) and tensors in protobuf form.
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
 *     if (argc > 1 && cvk_onnx_load(argv[1], NULL, &g) != CVK_OK)
 *         fprintf(stderr, "%s\n", cvk_error_text());
 *     else if (g)
 *         printf("%s: %u inputs\n", cvk_graph_name(g), (unsigned)cvk_graph_input_count(g));
 *     cvk_graph_destroy(g);
 *     return 0;
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

#ifdef __cplusplus
}
#endif
#endif
