/* SPDX-License-Identifier: MIT
 * The importer against damaged and evil files: the wire format, the limits, and the structure of graphs. */
#include "base/base.h"
#include "expect.h"

/* Conv and Relu on an open batch. */
static struct pb good_graph(void)
{
    static const float w[18] = {1};
    static const float b[2] = {0.5f, -0.5f};
    struct pb g = {0}, conv = pb_node("Conv", "conv1", "x w b", "h");
    pb_attr_ints(&conv, "pads", 4, (const int64_t[]){1, 1, 1, 1});
    pb_text(&g, GRAPH_NAME, "good");
    pb_child(&g, GRAPH_TENSOR, pb_tensor("w", DT_FLOAT, 4, (const int64_t[]){2, 1, 3, 3}, w, sizeof w));
    pb_child(&g, GRAPH_TENSOR, pb_tensor("b", DT_FLOAT, 1, (const int64_t[]){2}, b, sizeof b));
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 4, (const int64_t[]){-1, 1, 6, 5}));
    pb_child(&g, GRAPH_NODE, conv);
    pb_child(&g, GRAPH_NODE, pb_node("Relu", NULL, "h", "y"));
    pb_child(&g, GRAPH_OUTPUT, pb_value("y", DT_FLOAT, 4, (const int64_t[]){-1, 2, 6, 5}));
    return g;
}

static struct pb one_node(struct pb node)
{
    return pb_model(pb_graph_of(node), 13);
}

static void test_good(void **state)
{
    (void)state;
    struct cvk_graph *g = expect_model(pb_model(good_graph(), 13));
    assert_string_equal(cvk_graph_name(g), "good");
    assert_int_equal(cvk_graph_input_count(g), 1);
    assert_int_equal(cvk_graph_output_count(g), 1);
    assert_string_equal(cvk_graph_value_name(g, cvk_graph_input(g, 0)), "x");
    assert_string_equal(cvk_graph_value_name(g, cvk_graph_output(g, 0)), "y");
    const struct cvk_tensor_desc *y = cvk_graph_desc(g, cvk_graph_output(g, 0));
    const struct cvk_tensor_desc *w = cvk_graph_desc(g, cvk_graph_find(g, "w"));
    assert_non_null(w);
    assert_int_equal(w->rank, 4);
    assert_int_equal(y->rank, 4);
    assert_int_equal(y->dims[1], 2);
    assert_int_equal(y->dims[2], 6);
    assert_int_equal(y->dims[3], 5);
    assert_true(cvk_graph_find(g, "h") > 0);
    cvk_graph_destroy(g);
}

static void test_cut_files(void **state)
{
    (void)state;
    struct pb m = pb_model(good_graph(), 13);
    for (size_t bytes = 0; bytes < m.bytes; bytes++) {
        struct cvk_graph *g = NULL;
        unsigned char *copy = malloc(bytes ? bytes : 1); /* so that a sanitizer sees a read past the end */
        assert_non_null(copy);
        memcpy(copy, m.data, bytes);
        int32_t status = cvk_onnx_load_memory(copy, bytes, NULL, &g);
        free(copy);
        if (status != CVK_E_FORMAT)
            fail_msg("%zu of %zu bytes give %s", bytes, m.bytes, cvk_status_name(status));
        assert_null(g);
    }
    pb_free(&m);
    expect_failure((struct pb){0}, NULL, CVK_E_FORMAT, "empty", NULL);
    assert_int_equal(cvk_onnx_load_memory(NULL, 5, NULL, &(struct cvk_graph *){NULL}), CVK_E_ARG);
    assert_int_equal(cvk_onnx_load_memory("x", 1, NULL, NULL), CVK_E_ARG);
}

/* No damage to a single byte may do more than give an error or another model. */
static void test_damaged_bytes(void **state)
{
    (void)state;
    static const unsigned char values[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    struct pb m = pb_model(good_graph(), 13);
    unsigned failures = 0;
    for (size_t i = 0; i < m.bytes; i++)
        for (size_t k = 0; k < sizeof values; k++) {
            unsigned char old = m.data[i];
            struct cvk_graph *g = NULL;
            m.data[i] = values[k];
            failures += cvk_onnx_load_memory(m.data, m.bytes, NULL, &g) != CVK_OK;
            cvk_graph_destroy(g);
            m.data[i] = old;
        }
    assert_true(failures > m.bytes);
    pb_free(&m);
}

static struct pb with_bytes(const void *data, size_t bytes)
{
    struct pb b = {0};
    pb_raw(&b, data, bytes);
    return b;
}
#define BYTES(...) with_bytes((const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__}))

static void test_wire(void **state)
{
    (void)state;
    expect_failure(BYTES(0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01), NULL, CVK_E_FORMAT, "10 bytes",
                   "ir_version");
    expect_failure(BYTES(0x08, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02), NULL, CVK_E_FORMAT, "64 bits",
                   "byte 1");
    expect_failure(BYTES(0x08), NULL, CVK_E_FORMAT, "ends inside a number", "byte 1");
    expect_failure(BYTES(0x3A, 0x05, 0x00), NULL, CVK_E_FORMAT, "length of 5 bytes where 1 are left", "graph");
    expect_failure(BYTES(0x3A, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01), NULL, CVK_E_FORMAT,
                   "9223372036854775808 bytes where 0 are left", "graph");
    expect_failure(BYTES(0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01), NULL, CVK_E_FORMAT,
                   "18446744073709551615 bytes where 0 are left", "graph");
    expect_failure(BYTES(0x3B, 0x3C), NULL, CVK_E_FORMAT, "groups", "field 7");
    expect_failure(BYTES(0x3E), NULL, CVK_E_FORMAT, "wire type 6", NULL);
    expect_failure(BYTES(0x00, 0x00), NULL, CVK_E_FORMAT, "field number 0", "byte 0");
    expect_failure(BYTES(0xF8, 0xFF, 0xFF, 0xFF, 0xFF, 0x01), NULL, CVK_E_FORMAT, "5 bytes", NULL);
    expect_failure(BYTES(0x3D, 0, 0, 0, 0), NULL, CVK_E_FORMAT, "wire type 5 where 2 belongs", "graph");
    expect_failure(BYTES(0x0A, 0x01, 0x01), NULL, CVK_E_FORMAT, "a list where one number belongs", "ir_version");
    expect_failure(BYTES(0x3A, 0x00, 0x3A, 0x00), NULL, CVK_E_FORMAT, "given twice", "graph");
    /* Field 5 of a node's attribute, a tensor, whose data_type (varint) comes as four bytes. */
    expect_failure(BYTES(0x3A, 0x0D, 0x0A, 0x0B, 0x2A, 0x02, 0x08, 0x00, 0x2A, 0x05, 0x15, 1, 2, 3, 4), NULL, CVK_E_FORMAT,
                   "graph.node[0].attribute[0]", "wire type 0 where 2 belongs");
    expect_failure(BYTES(0x3A, 0x0B, 0x0A, 0x09, 0x2A, 0x07, 0x2A, 0x05, 0x15, 1, 2, 3, 4), NULL, CVK_E_FORMAT,
                   "graph.node[0].attribute[0].t.data_type", "byte 9");
}

/* What newer writers add is skipped, as the format says. */
static void test_unknown_fields(void **state)
{
    (void)state;
    struct pb m = pb_model(good_graph(), 13);
    pb_int(&m, 1000, -1);
    pb_float(&m, 1001, 1.0f);
    pb_tag(&m, 1002, 1);
    pb_raw(&m, "12345678", 8);
    pb_block(&m, 1003, "\0\xff\0", 3);
    cvk_graph_destroy(expect_model(m));
    struct pb many = {0}; /* each would cost memory when unpacked */
    for (int i = 0; i < 11000000; i++)
        pb_raw(&many, "\x78\x01", 2);
    expect_failure(many, NULL, CVK_E_LIMIT, "bytes of memory", NULL);
}

/* Lists of numbers come packed or one by one. */
static void test_packed(void **state)
{
    (void)state;
    struct pb t = {0}, packed = {0}, node = pb_node("Constant", "c", "", "y");
    pb_varint(&packed, 2);
    pb_varint(&packed, 3);
    pb_block(&t, 1, packed.data, packed.bytes); /* dims packed, although onnx.proto does not ask for it */
    pb_free(&packed);
    pb_int(&t, 2, DT_INT32);
    for (int i = 0; i < 6; i++)
        pb_int(&t, 5, i - 3); /* int32_data not packed, although onnx.proto asks for it */
    pb_attr_tensor(&node, "value", t);
    struct cvk_graph *g = expect_model(one_node(node));
    const struct cvk_tensor_desc *d = cvk_graph_desc(g, cvk_graph_output(g, 0));
    assert_int_equal(d->rank, 2);
    assert_int_equal(d->dims[0], 2);
    assert_int_equal(d->dims[1], 3);
    assert_int_equal(d->dtype, CVK_I32);
    cvk_graph_destroy(g);
}

/* sequence_type.elem_type inside itself, written from the inside out. */
static void test_nesting(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    size_t room = (size_t)DEPTH * 2 * 6, at = room;
    unsigned char *data = malloc(room);
    assert_non_null(data);
    for (int i = 0; i < DEPTH; i++) {
        static const unsigned char tags[2] = {1 << 3 | 2, 4 << 3 | 2}; /* elem_type, sequence_type */
        for (int k = 0; k < 2; k++) {
            struct pb head = {0};
            pb_raw(&head, &tags[k], 1);
            pb_varint(&head, room - at);
            at -= head.bytes;
            memcpy(data + at, head.data, head.bytes);
            pb_free(&head);
        }
    }
    struct pb value = {0}, g = {0};
    pb_text(&value, 1, "x");
    pb_block(&value, 2, data + at, room - at);
    free(data);
    pb_child(&g, GRAPH_INPUT, value);
    expect_failure(pb_model(g, 13), NULL, CVK_E_LIMIT, "nested more than 64 deep", "elem_type.sequence_type");
    expect_failure(pb_model(good_graph(), 13), &(struct cvk_onnx_limits){.nesting = 3}, CVK_E_LIMIT, "more than 3 deep", "graph");
    expect_failure(pb_model(good_graph(), 13), &(struct cvk_onnx_limits){.nesting = 100000}, CVK_E_ARG, "100000", "1000");
}

static void test_limits(void **state)
{
    (void)state;
    expect_failure(pb_model(good_graph(), 13), &(struct cvk_onnx_limits){.nodes = 1}, CVK_E_LIMIT, "more than 1 nodes",
                   "graph.node[1]");
    expect_failure(pb_model(good_graph(), 13), &(struct cvk_onnx_limits){.tensors = 1}, CVK_E_LIMIT, "more than 1 tensors",
                   "graph.initializer[1]");
    expect_failure(pb_model(good_graph(), 13), &(struct cvk_onnx_limits){.name_bytes = 4}, CVK_E_LIMIT, "a name of 5 bytes",
                   "graph.node[0].name");
    expect_failure(pb_model(good_graph(), 13), &(struct cvk_onnx_limits){.tensor_bytes = 71}, CVK_E_LIMIT,
                   "18 elements of 4 bytes", "graph.initializer[0].dims");
    expect_failure(pb_model(good_graph(), 13), &(struct cvk_onnx_limits){.file_bytes = 100}, CVK_E_LIMIT, "the limit is 100",
                   NULL);
    struct pb node = pb_node("Relu", "r", "x", "y");
    for (int i = 0; i < 65; i++) {
        char name[8];
        snprintf(name, sizeof name, "a%d", i);
        pb_attr_int(&node, name, i);
    }
    expect_failure(one_node(node), NULL, CVK_E_LIMIT, "more than 64 attributes", "graph.node[0].attribute");
}

/* Every allocation fails once: an error each time, and nothing is lost (a sanitizer counts). */
static void test_memory(void **state)
{
    (void)state;
    struct pb m = pb_model(good_graph(), 13);
    int32_t status = CVK_E_MEMORY;
    int n = 0;
    for (; status != CVK_OK; n++) {
        struct cvk_graph *g = NULL;
        cvk__alloc_fail_after(n);
        status = cvk_onnx_load_memory(m.data, m.bytes, NULL, &g);
        cvk__alloc_fail_never();
        if (status != CVK_OK && (status != CVK_E_MEMORY || g))
            fail_msg("allocation %d: %s: %s", n, cvk_status_name(status), cvk_error_text());
        cvk_graph_destroy(g);
    }
    assert_true(n > 40);
    pb_free(&m);
}

static void test_head(void **state)
{
    (void)state;
    struct pb m = {0}, id = {0};
    expect_failure(pb_model(good_graph(), 18), NULL, CVK_E_UNSUPPORTED, "opset 18", "opsets up to 17");
    expect_failure(pb_model(good_graph(), 0), NULL, CVK_E_FORMAT, "version 0", NULL);
    expect_failure(pb_model(good_graph(), -1), NULL, CVK_E_FORMAT, "version -1", NULL);
    pb_int(&m, 1, 8);
    pb_child(&m, 7, good_graph());
    expect_failure(m, NULL, CVK_E_FORMAT, "opset_import is missing", NULL);
    m = (struct pb){0};
    pb_int(&id, 2, 13);
    pb_child(&m, 8, id);
    pb_child(&m, 7, good_graph());
    expect_failure(m, NULL, CVK_E_FORMAT, "ir_version", NULL);
    m = pb_model(good_graph(), 13);
    id = (struct pb){0};
    pb_int(&id, 2, 12);
    pb_child(&m, 8, id);
    expect_failure(m, NULL, CVK_E_FORMAT, "13 and 12", NULL);
    struct pb g = good_graph(), sparse = {0};
    pb_child(&sparse, 1, pb_tensor("sp", DT_FLOAT, 1, (const int64_t[]){1}, "1234", 4));
    pb_child(&g, 15, sparse);
    expect_failure(pb_model(g, 13), NULL, CVK_E_UNSUPPORTED, "sparse initialiser 'sp'", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),    cmocka_unit_test(test_cut_files),      cmocka_unit_test(test_damaged_bytes),
        cmocka_unit_test(test_wire),    cmocka_unit_test(test_unknown_fields), cmocka_unit_test(test_packed),
        cmocka_unit_test(test_nesting), cmocka_unit_test(test_limits),         cmocka_unit_test(test_memory),
        cmocka_unit_test(test_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
