/* SPDX-License-Identifier: MIT
 * The importer against graphs that are well-formed bytes but wrong: names, order, tensors, attributes, what is not supported. */
#include "expect.h"

static struct pb one_node(struct pb node)
{
    return pb_model(pb_graph_of(node), 13);
}

/* x and y around up to three nodes. */
static struct pb nodes(struct pb a, struct pb b, struct pb c)
{
    struct pb g = {0}, *all[] = {&a, &b, &c};
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 2, (const int64_t[]){2, 3}));
    for (int i = 0; i < 3; i++)
        if (all[i]->bytes)
            pb_child(&g, GRAPH_NODE, *all[i]);
    pb_child(&g, GRAPH_OUTPUT, pb_value("y", DT_FLOAT, 2, (const int64_t[]){2, 3}));
    return pb_model(g, 13);
}
static const struct pb none;

static void test_names(void **state)
{
    (void)state;
    expect_failure(nodes(pb_node("Relu", "a", "x", "y"), pb_node("Abs", "b", "x", "y"), none), NULL, CVK_E_FORMAT,
                   "two values are called 'y'", "node 'a' (Relu) and node 'b' (Abs)");
    expect_failure(nodes(pb_node("Relu", "a", "x", "x"), none, none), NULL, CVK_E_FORMAT, "called 'x': an input and node 'a'",
                   NULL);
    expect_failure(nodes(pb_node("Relu", "a", "z", "y"), none, none), NULL, CVK_E_FORMAT, "node 'a' (Relu): input 0 is 'z'",
                   "nothing in the graph");
    expect_failure(nodes(pb_node("Relu", "a", "x", "z"), none, none), NULL, CVK_E_FORMAT, "output[0] is 'y'", NULL);
    struct pb g = {0};
    pb_child(&g, GRAPH_INPUT, pb_value("", DT_FLOAT, 1, (const int64_t[]){1}));
    expect_failure(pb_model(g, 13), NULL, CVK_E_FORMAT, "input[0] has no name", NULL);
    g = (struct pb){0};
    for (int i = 0; i < 2; i++)
        pb_child(&g, GRAPH_TENSOR, pb_tensor("t", DT_FLOAT, 1, (const int64_t[]){1}, "1234", 4));
    expect_failure(pb_model(g, 13), NULL, CVK_E_FORMAT, "two values are called 't'", "an initialiser and an initialiser");
    g = (struct pb){0};
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 1, (const int64_t[]){1}));
    expect_failure(pb_model(g, 13), NULL, CVK_E_FORMAT, "no outputs", NULL);
    expect_failure(nodes(pb_node("Relu", "a\x1b[31m", "z\"\x80", "y"), none, none), NULL, CVK_E_FORMAT, "a\\x1b[31m",
                   "z\\x22\\x80");
    g = (struct pb){0};
    struct pb node = {0};
    pb_block(&node, 3, "a\0b", 3);
    pb_child(&g, GRAPH_NODE, node);
    expect_failure(pb_model(g, 13), NULL, CVK_E_FORMAT, "NUL", "graph.node[0].name");
}

/* Names that cannot be shown safely are kept, but escaped. */
static void test_strange_names(void **state)
{
    (void)state;
    struct pb g = {0};
    pb_child(&g, GRAPH_INPUT, pb_value("\x1b]0;x\x07", DT_FLOAT, 1, (const int64_t[]){1}));
    pb_child(&g, GRAPH_NODE, pb_node("Relu", "<b>=1+1", "\x1b]0;x\x07", "\xc3\xa4\xff"));
    pb_child(&g, GRAPH_OUTPUT, pb_value("\xc3\xa4\xff", DT_FLOAT, 1, (const int64_t[]){1}));
    struct cvk_graph *m = expect_model(pb_model(g, 13));
    assert_string_equal(cvk_graph_value_name(m, cvk_graph_input(m, 0)), "\\x1b]0;x\\x07");
    assert_string_equal(cvk_graph_value_name(m, cvk_graph_output(m, 0)), "\xc3\xa4\\xff");
    cvk_graph_destroy(m);
}

static void test_order(void **state)
{
    (void)state;
    expect_failure(nodes(pb_node("Relu", "a", "h", "y"), pb_node("Abs", "b", "x", "h"), none), NULL, CVK_E_FORMAT,
                   "node 'a' (Relu) reads 'h', which is made by node 'b' (Abs) further down", NULL);
    expect_failure(nodes(pb_node("Add", "a", "x k", "h"), pb_node("Abs", "b", "h", "k"), pb_node("Relu", NULL, "k", "y")), NULL,
                   CVK_E_FORMAT, "a cycle: node 'a' (Add) reads 'k' of node 'b' (Abs)", NULL);
    expect_failure(nodes(pb_node("Add", "a", "x y", "y"), none, none), NULL, CVK_E_FORMAT,
                   "node 'a' (Add) reads its own output 'y'", NULL);
    expect_failure(nodes(pb_node("Relu", "a", "x", "y"), pb_node("Relu", "isle", "isle2", "isle2"), none), NULL, CVK_E_FORMAT,
                   "node 'isle'", "its own output");
    expect_failure(nodes(pb_node("Relu", "a", "x", "y"), pb_node("Relu", "isle", "nothing", "i"), none), NULL, CVK_E_FORMAT,
                   "node 'isle'", "'nothing'");
    /* What no output needs is left out, whatever it is. */
    struct cvk_graph *g = expect_model(nodes(pb_node("Strange", "d", "x", "unused"), pb_node("Relu", "a", "x", "y"), none));
    assert_int_equal(cvk_graph_find(g, "unused"), 0);
    cvk_graph_destroy(g);
}

static struct pb tensor_model(struct pb tensor)
{
    struct pb node = pb_node("Constant", "c", "", "y");
    pb_attr_tensor(&node, "value", tensor);
    return one_node(node);
}

static void expect_bad_tensor(int64_t dtype, int rank, const int64_t *dims, size_t raw_bytes, int32_t status, const char *words)
{
    static const unsigned char zeros[64];
    expect_failure(tensor_model(pb_tensor(NULL, dtype, rank, dims, zeros, raw_bytes)), NULL, status, words, "attribute");
}

static void test_tensors(void **state)
{
    (void)state;
    expect_bad_tensor(DT_FLOAT, 1, (const int64_t[]){-1}, 4, CVK_E_FORMAT, "dims[0] is negative (-1)");
    expect_bad_tensor(DT_FLOAT, 2, (const int64_t[]){1, INT64_MIN}, 4, CVK_E_FORMAT, "dims[1] is negative");
    expect_bad_tensor(DT_FLOAT, 3, (const int64_t[]){1ll << 31, 1ll << 31, 4}, 4, CVK_E_LIMIT, "64 bits");
    expect_bad_tensor(DT_FLOAT, 1, (const int64_t[]){1ll << 31}, 4, CVK_E_LIMIT, "2147483648 elements");
    expect_bad_tensor(DT_FLOAT, 9, (const int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1}, 4, CVK_E_LIMIT, "more than 8 dims");
    expect_bad_tensor(DT_FLOAT, 1, (const int64_t[]){3}, 11, CVK_E_FORMAT, "11 bytes, but 3 elements of 4 bytes need 12");
    expect_bad_tensor(DT_INT64, 1, (const int64_t[]){3}, 12, CVK_E_FORMAT, "need 24");
    expect_bad_tensor(99, 1, (const int64_t[]){1}, 4, CVK_E_FORMAT, "unknown data type 99");
    expect_bad_tensor(-1, 1, (const int64_t[]){1}, 4, CVK_E_FORMAT, "unknown data type -1");
    expect_bad_tensor(0, 1, (const int64_t[]){1}, 4, CVK_E_FORMAT, "unknown data type 0");
    expect_bad_tensor(1ll << 32 | 1, 1, (const int64_t[]){1}, 4, CVK_E_FORMAT, "does not fit 32 bits");
    expect_bad_tensor(DT_STRING, 1, (const int64_t[]){1}, 4, CVK_E_FORMAT, "strings cannot be raw");
    expect_bad_tensor(14, 1, (const int64_t[]){1}, 8, CVK_E_UNSUPPORTED, "COMPLEX64");

    struct pb t = pb_tensor_head(NULL, DT_FLOAT, 1, (const int64_t[]){2});
    pb_float(&t, 4, 1);
    expect_failure(tensor_model(t), NULL, CVK_E_FORMAT, "1 elements of data, but the dims give 2", "attribute[0].t");
    t = pb_tensor(NULL, DT_FLOAT, 1, (const int64_t[]){1}, "1234", 4);
    pb_float(&t, 4, 1);
    expect_failure(tensor_model(t), NULL, CVK_E_FORMAT, "raw_data and a typed list", NULL);
    t = pb_tensor_head(NULL, DT_INT64, 1, (const int64_t[]){1});
    pb_float(&t, 4, 1);
    expect_failure(tensor_model(t), NULL, CVK_E_FORMAT, "list that is not for its data type INT64", NULL);
    t = pb_tensor_head(NULL, DT_UINT8, 1, (const int64_t[]){1});
    pb_int(&t, 5, 256);
    expect_failure(tensor_model(t), NULL, CVK_E_FORMAT, "node 'c' (Constant): attribute 'value'", "256, which is no UINT8");
    t = pb_tensor(NULL, DT_FLOAT, 1, (const int64_t[]){1}, "1234", 4);
    pb_block(&t, 3, "", 0);
    expect_failure(tensor_model(t), NULL, CVK_E_UNSUPPORTED, "segment", NULL);
    struct cvk_graph *g = expect_model(tensor_model(pb_tensor(NULL, DT_FLOAT, 2, (const int64_t[]){0, 5}, "", 0)));
    assert_int_equal(cvk_graph_desc(g, cvk_graph_output(g, 0))->bytes, 0);
    cvk_graph_destroy(g);
}

static void test_inputs(void **state)
{
    (void)state;
    struct pb g = {0}, value = {0};
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, -1, NULL));
    pb_child(&g, GRAPH_OUTPUT, pb_value("x", DT_FLOAT, -1, NULL));
    expect_failure(pb_model(g, 13), NULL, CVK_E_UNSUPPORTED, "input 'x' has no shape", NULL);
    g = (struct pb){0};
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 2, (const int64_t[]){1, -2}));
    pb_child(&g, GRAPH_OUTPUT, pb_value("x", DT_FLOAT, -1, NULL));
    expect_failure(pb_model(g, 13), NULL, CVK_E_FORMAT, "input 'x': size 1 is negative (-2)", NULL);
    g = (struct pb){0};
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_STRING, 1, (const int64_t[]){1}));
    pb_child(&g, GRAPH_OUTPUT, pb_value("x", DT_FLOAT, -1, NULL));
    expect_failure(pb_model(g, 13), NULL, CVK_E_UNSUPPORTED, "input 'x': data type STRING", NULL);
    g = (struct pb){0};
    pb_text(&value, 1, "x");
    pb_block(&value, 2, "\x22\x00", 2); /* sequence_type */
    pb_child(&g, GRAPH_INPUT, value);
    pb_child(&g, GRAPH_OUTPUT, pb_value("x", DT_FLOAT, -1, NULL));
    expect_failure(pb_model(g, 13), NULL, CVK_E_UNSUPPORTED, "input 'x' is a sequence", NULL);
    g = (struct pb){0};
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 9, (const int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1}));
    pb_child(&g, GRAPH_OUTPUT, pb_value("x", DT_FLOAT, -1, NULL));
    expect_failure(pb_model(g, 13), NULL, CVK_E_LIMIT, "input 'x' has 9 axes", NULL);
}

static void test_unsupported(void **state)
{
    (void)state;
    expect_failure(one_node(pb_node("Foo", "f", "x", "y")), NULL, CVK_E_UNSUPPORTED, "node 'f' (Foo): this op is not supported",
                   NULL);
    expect_failure(one_node(pb_node("If", "f", "x", "y")), NULL, CVK_E_UNSUPPORTED, "node 'f' (If)", "control flow");
    struct pb node = pb_node("Relu", "f", "x", "y");
    pb_text(&node, 7, "com.example");
    expect_failure(one_node(node), NULL, CVK_E_UNSUPPORTED, "node 'f' (Relu): its domain 'com.example'", NULL);
    node = pb_node("Relu", "f", "x", "y");
    pb_text(&node, 7, "ai.onnx");
    cvk_graph_destroy(expect_model(one_node(node)));
    expect_failure(pb_model(pb_graph_of(pb_node("HardSwish", NULL, "x", "y")), 13), NULL, CVK_E_UNSUPPORTED,
                   "node 'HardSwish_0' (HardSwish): in opset 13", "14 to 17");
    expect_failure(one_node(pb_node("Conv", "f", "x", "y")), NULL, CVK_E_FORMAT, "node 'f' (Conv): input 1 is missing", NULL);
    expect_failure(one_node(pb_node("Conv", "f", "x -", "y")), NULL, CVK_E_FORMAT, "input 1 is missing", NULL);
    expect_failure(one_node(pb_node("Relu", "f", "x w", "y")), NULL, CVK_E_FORMAT, "2 inputs; at most 1", NULL);
    expect_failure(one_node(pb_node("Relu", "f", "x", "y z")), NULL, CVK_E_UNSUPPORTED, "2 outputs; at most 1", NULL);
}

/* A Conv or MaxPool with one attribute. */
static struct pb ints_node(const char *op, const char *name, int count, const int64_t *numbers)
{
    struct pb node = pb_node(op, "n", strcmp(op, "Conv") ? "x" : "x w", "y");
    if (strcmp(op, "Conv") && strcmp(name, "kernel_shape"))
        pb_attr_ints(&node, "kernel_shape", 2, (const int64_t[]){2, 2});
    pb_attr_ints(&node, name, count, numbers);
    return one_node(node);
}

static void test_windows(void **state)
{
    (void)state;
    static const char *const ops[] = {"Conv", "MaxPool"};
    static const char *const lists[] = {"kernel_shape", "strides", "dilations"};
    static const int64_t bad[] = {0, -1, INT64_MIN, 1ll << 40};
    for (int o = 0; o < 2; o++) {
        for (int l = 0; l < 3; l++)
            for (int b = 0; b < 4; b++)
                expect_failure(ints_node(ops[o], lists[l], 2, (const int64_t[]){1, bad[b]}), NULL, CVK_E_ARG, "node 'n' (",
                               lists[l]);
        expect_failure(ints_node(ops[o], "pads", 4, (const int64_t[]){1, 1, 1, -1}), NULL, CVK_E_ARG, "attribute 'pads': -1",
                       NULL);
        expect_failure(ints_node(ops[o], "pads", 4, (const int64_t[]){1, 1, 1, 1ll << 40}), NULL, CVK_E_ARG, "attribute 'pads'",
                       NULL);
        expect_failure(ints_node(ops[o], "pads", 3, (const int64_t[]){1, 1, 1}), NULL, CVK_E_ARG, "attribute 'pads': 3 numbers",
                       NULL);
        expect_failure(ints_node(ops[o], "strides", 1, (const int64_t[]){1}), NULL, CVK_E_ARG,
                       "attribute 'strides': 1 spatial axes", "2");
        expect_failure(ints_node(ops[o], "strides", 9, (const int64_t[9]){1}), NULL, CVK_E_ARG, "attribute 'strides': 9", "8");
    }
    /* A window that is larger than the padded map leaves no output. */
    expect_failure(ints_node("MaxPool", "kernel_shape", 2, (const int64_t[]){5, 5}), NULL, CVK_E_SHAPE, "node 'n' (MaxPool)",
                   NULL);
    struct pb node = pb_node("Conv", "n", "x w", "y");
    pb_attr_int(&node, "group", 0);
    expect_failure(one_node(node), NULL, CVK_E_ARG, "attribute 'group': 0", NULL);
    node = pb_node("Conv", "n", "x w", "y");
    pb_attr_int(&node, "group", 2);
    expect_failure(one_node(node), NULL, CVK_E_SHAPE, "node 'n' (Conv)", "group");
    expect_failure(one_node(pb_node("MaxPool", "n", "x", "y")), NULL, CVK_E_ARG, "attribute 'kernel_shape': is missing", NULL);
    node = pb_node("Conv", "n", "x w", "y");
    pb_attr_text(&node, "auto_pad", "SAME");
    expect_failure(one_node(node), NULL, CVK_E_UNSUPPORTED, "attribute 'auto_pad': 'SAME'", "SAME_UPPER");
    node = pb_node("Conv", "n", "x w", "y");
    pb_attr_text(&node, "auto_pad", "SAME_UPPER");
    pb_attr_ints(&node, "pads", 4, (const int64_t[]){0, 0, 0, 1});
    expect_failure(one_node(node), NULL, CVK_E_ARG, "attribute 'pads'", "auto_pad");
}

static void test_attributes(void **state)
{
    (void)state;
    struct pb node = pb_node("LeakyRelu", "n", "x", "y");
    pb_attr_int(&node, "alpha", 1);
    expect_failure(one_node(node), NULL, CVK_E_FORMAT, "attribute 'alpha': is INT, not FLOAT", "node 'n' (LeakyRelu)");
    node = pb_node("Relu", "n", "x", "y");
    pb_attr_float(&node, "alph\x07", 1);
    expect_failure(one_node(node), NULL, CVK_E_UNSUPPORTED, "attribute 'alph\\x07': not known", NULL);
    node = pb_node("LeakyRelu", "n", "x", "y");
    pb_attr_float(&node, "alpha", 1);
    pb_attr_float(&node, "alpha", 2);
    expect_failure(one_node(node), NULL, CVK_E_FORMAT, "attribute 'alpha': given twice", NULL);
    node = pb_node("LeakyRelu", "n", "x", "y");
    struct pb reference = {0};
    pb_text(&reference, 21, "outer");
    pb_attr(&node, "alpha", 1, reference);
    expect_failure(one_node(node), NULL, CVK_E_FORMAT, "attribute 'alpha': refers to a function", NULL);
    node = pb_node("Softmax", "n", "x", "y");
    pb_attr_int(&node, "axis", 9);
    expect_failure(one_node(node), NULL, CVK_E_ARG, "attribute 'axis': 9", NULL);
    node = pb_node("Softmax", "n", "x", "y");
    pb_attr_int(&node, "axis", 4);
    expect_failure(one_node(node), NULL, CVK_E_ARG, "node 'n' (Softmax)", "axis");
    node = pb_node("DepthToSpace", "n", "x", "y");
    pb_attr_int(&node, "blocksize", 0);
    expect_failure(one_node(node), NULL, CVK_E_ARG, "attribute 'blocksize': 0", NULL);
    node = pb_node("Concat", "n", "x x", "y");
    expect_failure(one_node(node), NULL, CVK_E_ARG, "attribute 'axis': is missing", NULL);
    node = pb_node("Cast", "n", "x", "y");
    pb_attr_int(&node, "to", DT_STRING);
    expect_failure(one_node(node), NULL, CVK_E_UNSUPPORTED, "attribute 'to': data type STRING", NULL);
    node = pb_node("Cast", "n", "x", "y");
    pb_attr_int(&node, "to", -1);
    expect_failure(one_node(node), NULL, CVK_E_UNSUPPORTED, "attribute 'to'", "(-1)");
    node = pb_node("Constant", "n", "", "y");
    expect_failure(one_node(node), NULL, CVK_E_FORMAT, "node 'n' (Constant): 0 attributes", NULL);
}

/* Shapes that do not fit are told with the node by the rule of the op. */
static void test_shapes(void **state)
{
    (void)state;
    struct pb g = {0}, node;
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 2, (const int64_t[]){2, 3}));
    pb_child(&g, GRAPH_TENSOR, pb_tensor("s", DT_INT64, 1, (const int64_t[]){2}, (const int64_t[]){-1, -1}, 16));
    pb_child(&g, GRAPH_NODE, pb_node("Reshape", "r", "x s", "y"));
    pb_child(&g, GRAPH_OUTPUT, pb_value("y", DT_FLOAT, -1, NULL));
    expect_failure(pb_model(g, 13), NULL, CVK_E_ARG, "node 'r' (Reshape)", "-1");
    expect_failure(one_node(pb_node("Add", "a", "x s", "y")), NULL, CVK_E_SHAPE, "node 'a' (Add)", NULL);
    node = pb_node("Split", "p", "x", "y z");
    pb_attr_int(&node, "axis", 0);
    expect_failure(one_node(node), NULL, CVK_E_SHAPE, "node 'p' (Split)", NULL);
    cvk_graph_destroy(expect_model(one_node(pb_node("Reshape", "r", "x s", "y"))));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),   cmocka_unit_test(test_strange_names), cmocka_unit_test(test_order),
        cmocka_unit_test(test_tensors), cmocka_unit_test(test_inputs),        cmocka_unit_test(test_unsupported),
        cmocka_unit_test(test_windows), cmocka_unit_test(test_attributes),    cmocka_unit_test(test_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
