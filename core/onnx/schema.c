/* SPDX-License-Identifier: MIT
 * Field tables of the messages in onnx.proto (IR version 8). */
#include "schema.h"

#include <stddef.h>

#define ONE(number, kind, name)                                                                                                  \
    {                                                                                                                            \
        number, CVK__WIRE_##kind, false, #name, NULL                                                                             \
    }
#define MANY(number, kind, name)                                                                                                 \
    {                                                                                                                            \
        number, CVK__WIRE_##kind, true, #name, NULL                                                                              \
    }
#define SUB(number, name, child)                                                                                                 \
    {                                                                                                                            \
        number, CVK__WIRE_MESSAGE, false, #name, &child                                                                          \
    }
#define SUBS(number, name, child)                                                                                                \
    {                                                                                                                            \
        number, CVK__WIRE_MESSAGE, true, #name, &child                                                                           \
    }
#define MESSAGE(name, role)                                                                                                      \
    static const struct cvk__wire_message name = {name##_fields, sizeof name##_fields / sizeof name##_fields[0], role};          \
    _Static_assert(sizeof name##_fields / sizeof name##_fields[0] <= CVK__WIRE_FIELDS, "more fields than the scan counts")

/* Messages that contain each other. */
static const struct cvk__wire_message graph, type;

static const struct cvk__wire_field entry_fields[] = {ONE(1, NAME, key), ONE(2, TEXT, value)};
MESSAGE(entry, CVK__ROLE_NONE);

static const struct cvk__wire_field segment_fields[] = {ONE(1, INT64, begin), ONE(2, INT64, end)};
MESSAGE(segment, CVK__ROLE_NONE);

/* The scan of a tensor (scan.c) knows these field numbers. */
static const struct cvk__wire_field tensor_fields[] = {
    MANY(1, INT64, dims),          ONE(2, INT32, data_type),    SUB(3, segment, segment),       MANY(4, FLOAT, float_data),
    MANY(5, INT32, int32_data),    MANY(6, BYTES, string_data), MANY(7, INT64, int64_data),     ONE(8, NAME, name),
    ONE(12, TEXT, doc_string),     ONE(9, BYTES, raw_data),     SUBS(13, external_data, entry), ONE(14, INT32, data_location),
    MANY(10, DOUBLE, double_data), MANY(11, INT64, uint64_data)};
const struct cvk__wire_message cvk__wire_tensor = {tensor_fields, sizeof tensor_fields / sizeof tensor_fields[0],
                                                   CVK__ROLE_TENSOR};

static const struct cvk__wire_field sparse_fields[] = {SUB(1, values, cvk__wire_tensor), SUB(2, indices, cvk__wire_tensor),
                                                       MANY(3, INT64, dims)};
MESSAGE(sparse, CVK__ROLE_NONE);

static const struct cvk__wire_field dim_fields[] = {ONE(1, INT64, dim_value), ONE(2, NAME, dim_param), ONE(3, NAME, denotation)};
MESSAGE(dim, CVK__ROLE_NONE);
static const struct cvk__wire_field shape_fields[] = {SUBS(1, dim, dim)};
MESSAGE(shape, CVK__ROLE_NONE);
static const struct cvk__wire_field tensor_type_fields[] = {ONE(1, INT32, elem_type), SUB(2, shape, shape)};
MESSAGE(tensor_type, CVK__ROLE_NONE);
static const struct cvk__wire_field wrapped_type_fields[] = {SUB(1, elem_type, type)};
MESSAGE(wrapped_type, CVK__ROLE_NONE);
static const struct cvk__wire_field map_type_fields[] = {ONE(1, INT32, key_type), SUB(2, value_type, type)};
MESSAGE(map_type, CVK__ROLE_NONE);
static const struct cvk__wire_field type_fields[] = {
    SUB(1, tensor_type, tensor_type),    SUB(4, sequence_type, wrapped_type),     SUB(5, map_type, map_type),
    SUB(9, optional_type, wrapped_type), SUB(8, sparse_tensor_type, tensor_type), ONE(6, NAME, denotation)};
MESSAGE(type, CVK__ROLE_NONE);

static const struct cvk__wire_field value_info_fields[] = {ONE(1, NAME, name), SUB(2, type, type), ONE(3, TEXT, doc_string)};
MESSAGE(value_info, CVK__ROLE_NONE);

static const struct cvk__wire_field attribute_fields[] = {ONE(1, NAME, name),
                                                          ONE(21, NAME, ref_attr_name),
                                                          ONE(13, TEXT, doc_string),
                                                          ONE(20, INT32, type),
                                                          ONE(2, FLOAT, f),
                                                          ONE(3, INT64, i),
                                                          ONE(4, BYTES, s),
                                                          SUB(5, t, cvk__wire_tensor),
                                                          SUB(6, g, graph),
                                                          SUB(22, sparse_tensor, sparse),
                                                          SUB(14, tp, type),
                                                          MANY(7, FLOAT, floats),
                                                          MANY(8, INT64, ints),
                                                          MANY(9, BYTES, strings),
                                                          SUBS(10, tensors, cvk__wire_tensor),
                                                          SUBS(11, graphs, graph),
                                                          SUBS(23, sparse_tensors, sparse),
                                                          SUBS(15, type_protos, type)};
MESSAGE(attribute, CVK__ROLE_NONE);

static const struct cvk__wire_field node_fields[] = {
    MANY(1, NAME, input), MANY(2, NAME, output),         ONE(3, NAME, name),      ONE(4, NAME, op_type),
    ONE(7, NAME, domain), SUBS(5, attribute, attribute), ONE(6, TEXT, doc_string)};
MESSAGE(node, CVK__ROLE_NODE);

static const struct cvk__wire_field annotation_fields[] = {ONE(1, NAME, tensor_name),
                                                           SUBS(2, quant_parameter_tensor_names, entry)};
MESSAGE(annotation, CVK__ROLE_NONE);

static const struct cvk__wire_field graph_fields[] = {SUBS(1, node, node),
                                                      ONE(2, NAME, name),
                                                      SUBS(5, initializer, cvk__wire_tensor),
                                                      SUBS(15, sparse_initializer, sparse),
                                                      ONE(10, TEXT, doc_string),
                                                      SUBS(11, input, value_info),
                                                      SUBS(12, output, value_info),
                                                      SUBS(13, value_info, value_info),
                                                      SUBS(14, quantization_annotation, annotation)};
MESSAGE(graph, CVK__ROLE_NONE);

static const struct cvk__wire_field opset_fields[] = {ONE(1, NAME, domain), ONE(2, INT64, version)};
MESSAGE(opset, CVK__ROLE_NONE);
static const struct cvk__wire_field training_fields[] = {SUB(1, initialization, graph), SUB(2, algorithm, graph),
                                                         SUBS(3, initialization_binding, entry), SUBS(4, update_binding, entry)};
MESSAGE(training, CVK__ROLE_NONE);
static const struct cvk__wire_field function_fields[] = {
    ONE(1, NAME, name),  MANY(4, NAME, input),     MANY(5, NAME, output),        MANY(6, NAME, attribute),
    SUBS(7, node, node), ONE(8, TEXT, doc_string), SUBS(9, opset_import, opset), ONE(10, NAME, domain)};
MESSAGE(function, CVK__ROLE_NONE);

static const struct cvk__wire_field model_fields[] = {
    ONE(1, INT64, ir_version),         SUBS(8, opset_import, opset), ONE(2, NAME, producer_name),
    ONE(3, NAME, producer_version),    ONE(4, NAME, domain),         ONE(5, INT64, model_version),
    ONE(6, TEXT, doc_string),          SUB(7, graph, graph),         SUBS(14, metadata_props, entry),
    SUBS(20, training_info, training), SUBS(25, functions, function)};
const struct cvk__wire_message cvk__wire_model = {model_fields, sizeof model_fields / sizeof model_fields[0], CVK__ROLE_NONE};
