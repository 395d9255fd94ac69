/* SPDX-License-Identifier: MIT
 * A tiny protobuf writer, and the ONNX messages that the tests are made of. It writes whatever it is told, right or wrong. */
#ifndef CVK_TEST_PBWRITE_H
#define CVK_TEST_PBWRITE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pb {
    unsigned char *data;
    size_t bytes, capacity;
};

static inline void pb_free(struct pb *b)
{
    free(b->data);
    memset(b, 0, sizeof *b);
}

static inline void pb_raw(struct pb *b, const void *data, size_t bytes)
{
    if (b->bytes + bytes > b->capacity) {
        b->capacity = (b->bytes + bytes) * 2;
        b->data = realloc(b->data, b->capacity);
        if (!b->data)
            abort();
    }
    if (bytes)
        memcpy(b->data + b->bytes, data, bytes);
    b->bytes += bytes;
}

static inline void pb_varint(struct pb *b, uint64_t value)
{
    do {
        unsigned char byte = (unsigned char)(value & 0x7F) | (value > 0x7F ? 0x80 : 0);
        pb_raw(b, &byte, 1);
        value >>= 7;
    } while (value);
}

static inline void pb_tag(struct pb *b, uint32_t field, uint32_t wire)
{
    pb_varint(b, (uint64_t)field << 3 | wire);
}

static inline void pb_int(struct pb *b, uint32_t field, int64_t value)
{
    pb_tag(b, field, 0);
    pb_varint(b, (uint64_t)value);
}

static inline void pb_float(struct pb *b, uint32_t field, float value)
{
    pb_tag(b, field, 5);
    pb_raw(b, &value, sizeof value);
}

static inline void pb_block(struct pb *b, uint32_t field, const void *data, size_t bytes)
{
    pb_tag(b, field, 2);
    pb_varint(b, bytes);
    pb_raw(b, data, bytes);
}

static inline void pb_text(struct pb *b, uint32_t field, const char *text)
{
    pb_block(b, field, text, strlen(text));
}

/* Writes a message and frees it. */
static inline void pb_child(struct pb *b, uint32_t field, struct pb child)
{
    pb_block(b, field, child.data, child.bytes);
    pb_free(&child);
}

/* ---- ONNX ---- */

enum { DT_FLOAT = 1, DT_UINT8 = 2, DT_INT32 = 6, DT_INT64 = 7, DT_STRING = 8, DT_BOOL = 9, DT_FLOAT16 = 10, DT_DOUBLE = 11 };

static inline struct pb pb_tensor_head(const char *name, int64_t dtype, int rank, const int64_t *dims)
{
    struct pb b = {0};
    for (int i = 0; i < rank; i++)
        pb_int(&b, 1, dims[i]);
    pb_int(&b, 2, dtype);
    if (name)
        pb_text(&b, 8, name);
    return b;
}

static inline struct pb pb_tensor(const char *name, int64_t dtype, int rank, const int64_t *dims, const void *raw, size_t bytes)
{
    struct pb b = pb_tensor_head(name, dtype, rank, dims);
    pb_block(&b, 9, raw, bytes);
    return b;
}

/* A tensor whose content is elsewhere. offset and length may be NULL. */
static inline struct pb pb_external(const char *name, int64_t count, const char *location, const char *offset, const char *length)
{
    struct pb b = pb_tensor_head(name, DT_FLOAT, 1, &count);
    const char *const keys[] = {"location", "offset", "length"}, *const values[] = {location, offset, length};
    for (int i = 0; i < 3; i++) {
        struct pb entry = {0};
        if (!values[i])
            continue;
        pb_text(&entry, 1, keys[i]);
        pb_text(&entry, 2, values[i]);
        pb_child(&b, 13, entry);
    }
    pb_int(&b, 14, 1);
    return b;
}

/* A size of -1 is the named size "N"; rank -1: no shape. */
static inline struct pb pb_value(const char *name, int64_t dtype, int rank, const int64_t *dims)
{
    struct pb b = {0}, type = {0}, tensor = {0}, shape = {0};
    for (int i = 0; i < rank; i++) {
        struct pb dim = {0};
        if (dims[i] == -1)
            pb_text(&dim, 2, "N");
        else
            pb_int(&dim, 1, dims[i]);
        pb_child(&shape, 1, dim);
    }
    pb_int(&tensor, 1, dtype);
    if (rank >= 0)
        pb_child(&tensor, 2, shape);
    pb_child(&type, 1, tensor);
    pb_text(&b, 1, name);
    pb_child(&b, 2, type);
    return b;
}

/* inputs and outputs: names with blanks between them; "-" is one that is left out. */
static inline void pb_names(struct pb *b, uint32_t field, const char *names)
{
    while (*names) {
        size_t n = strcspn(names, " ");
        int absent = n == 1 && names[0] == '-';
        pb_block(b, field, names, absent ? 0 : n);
        names += n + (names[n] == ' ');
    }
}

static inline struct pb pb_node(const char *op, const char *name, const char *inputs, const char *outputs)
{
    struct pb b = {0};
    pb_names(&b, 1, inputs);
    pb_names(&b, 2, outputs);
    if (name)
        pb_text(&b, 3, name);
    pb_text(&b, 4, op);
    return b;
}

static inline void pb_attr(struct pb *node, const char *name, int type, struct pb value)
{
    struct pb a = {0};
    pb_text(&a, 1, name);
    pb_raw(&a, value.data, value.bytes);
    pb_free(&value);
    pb_int(&a, 20, type);
    pb_child(node, 5, a);
}

static inline void pb_attr_int(struct pb *node, const char *name, int64_t number)
{
    struct pb v = {0};
    pb_int(&v, 3, number);
    pb_attr(node, name, 2, v);
}

static inline void pb_attr_float(struct pb *node, const char *name, float number)
{
    struct pb v = {0};
    pb_float(&v, 2, number);
    pb_attr(node, name, 1, v);
}

static inline void pb_attr_text(struct pb *node, const char *name, const char *text)
{
    struct pb v = {0};
    pb_text(&v, 4, text);
    pb_attr(node, name, 3, v);
}

static inline void pb_attr_tensor(struct pb *node, const char *name, struct pb tensor)
{
    struct pb v = {0};
    pb_child(&v, 5, tensor);
    pb_attr(node, name, 4, v);
}

static inline void pb_attr_ints(struct pb *node, const char *name, int count, const int64_t *numbers)
{
    struct pb v = {0};
    for (int i = 0; i < count; i++)
        pb_int(&v, 8, numbers[i]);
    pb_attr(node, name, 7, v);
}

/* Fields of GraphProto for pb_child(&graph, ...). */
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_TENSOR = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };

/* The graph comes last, so that no shorter piece of the file is a model. */
static inline struct pb pb_model(struct pb graph, int64_t opset)
{
    struct pb b = {0}, id = {0};
    pb_int(&b, 1, 8);
    pb_int(&id, 2, opset);
    pb_child(&b, 8, id);
    pb_child(&b, 7, graph);
    return b;
}

/* One node on inputs x (1x1x4x4), w (2x1x3x3) and s (two i64), all f32 but s; w and s are initialisers. The node gives y. */
static inline struct pb pb_graph_of(struct pb node)
{
    static const float w[18] = {0.5f, -1.0f, 0.25f};
    static const int64_t s[2] = {4, -1};
    struct pb g = {0};
    pb_text(&g, GRAPH_NAME, "one");
    pb_child(&g, GRAPH_TENSOR, pb_tensor("w", DT_FLOAT, 4, (const int64_t[]){2, 1, 3, 3}, w, sizeof w));
    pb_child(&g, GRAPH_TENSOR, pb_tensor("s", DT_INT64, 1, (const int64_t[]){2}, s, sizeof s));
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 4, (const int64_t[]){1, 1, 4, 4}));
    pb_child(&g, GRAPH_NODE, node);
    pb_child(&g, GRAPH_OUTPUT, pb_value("y", DT_FLOAT, -1, NULL));
    return g;
}

#endif
