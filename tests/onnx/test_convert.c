/* SPDX-License-Identifier: MIT
 * What the importer makes of nodes, where the official tests do not look: the ops chosen, names, old opsets, open sizes. */
#include "expect.h"
#include "graph/ir.h"

/* x is 2x3x4, c is 3 and f is one number; the node gives y. */
static struct cvk_graph *convert(struct pb node, int64_t opset)
{
    static const float three[3] = {1, 2, 3}, six = 6;
    struct pb g = {0};
    pb_child(&g, GRAPH_TENSOR, pb_tensor("c", DT_FLOAT, 1, (const int64_t[]){3}, three, sizeof three));
    pb_child(&g, GRAPH_TENSOR, pb_tensor("f", DT_FLOAT, 0, NULL, &six, sizeof six));
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 3, (const int64_t[]){2, 3, 4}));
    pb_child(&g, GRAPH_INPUT, pb_value("bound", DT_FLOAT, 0, NULL));
    pb_child(&g, GRAPH_NODE, node);
    pb_child(&g, GRAPH_OUTPUT, pb_value("y", DT_FLOAT, -1, NULL));
    return expect_model(pb_model(g, opset));
}

static void expect_shape(const struct cvk_graph *g, const char *shape)
{
    char text[CVK_SHAPE_TEXT];
    const struct cvk_tensor_desc *d = cvk_graph_desc(g, cvk_graph_output(g, 0));
    assert_non_null(d);
    assert_string_equal(cvk_shape_text(d->rank, d->dims, text), shape);
}

/* Constant bounds make one clip, which can follow a convolution; others a maximum and a minimum. */
static void test_clip(void **state)
{
    (void)state;
    struct cvk_graph *g = convert(pb_node("Clip", "k", "x - f", "y"), 11);
    assert_int_equal(g->node_count, 1);
    assert_int_equal(g->nodes[0].op, CVK_OP_UNARY);
    const struct cvk_unary_params *p = g->nodes[0].params;
    assert_int_equal(p->kind, CVK_CLIP);
    assert_true(p->b == 6.0f && p->a < -1e38f);
    assert_string_equal(g->nodes[0].name, "k");
    cvk_graph_destroy(g);
    g = convert(pb_node("Clip", "k", "x bound f", "y"), 13);
    assert_int_equal(g->node_count, 2);
    assert_int_equal(((const struct cvk_binary_params *)g->nodes[0].params)->kind, CVK_MAX);
    assert_int_equal(((const struct cvk_binary_params *)g->nodes[1].params)->kind, CVK_MIN);
    assert_string_equal(g->nodes[0].name, "k/binary");
    assert_string_equal(g->nodes[1].name, "k");
    cvk_graph_destroy(g);
    struct pb old = pb_node("Clip", NULL, "x", "y");
    pb_attr_float(&old, "min", -2);
    g = convert(old, 6);
    p = g->nodes[0].params;
    assert_true(p->a == -2.0f && p->b > 1e38f);
    assert_string_equal(g->nodes[0].name, "Clip_0");
    cvk_graph_destroy(g);
}

/* Below opset 7 `axis` says where the second input's axes begin. */
static void test_old_broadcast(void **state)
{
    (void)state;
    struct pb node = pb_node("Add", "a", "x c", "y");
    pb_attr_int(&node, "broadcast", 1);
    pb_attr_int(&node, "axis", 1);
    struct cvk_graph *g = convert(node, 6);
    expect_shape(g, "2x3x4");
    cvk_graph_destroy(g);
    node = pb_node("Add", "a", "x c", "y");
    pb_attr_int(&node, "broadcast", 1);
    pb_attr_int(&node, "axis", 3);
    struct pb graph = pb_graph_of(node);
    pb_child(&graph, GRAPH_TENSOR, pb_tensor("c", DT_FLOAT, 2, (const int64_t[]){1, 1}, "1234", 4));
    expect_failure(pb_model(graph, 6), NULL, CVK_E_ARG, "attribute 'axis': 3", "node 'a' (Add)");
    g = convert(pb_node("PRelu", "p", "x c", "y"), 6); /* one slope per channel */
    expect_shape(g, "2x3x4");
    cvk_graph_destroy(g);
    /* Later opsets have no such attributes. */
    node = pb_node("Add", "a", "x f", "y");
    pb_attr_int(&node, "broadcast", 1);
    expect_failure(pb_model(pb_graph_of(node), 7), NULL, CVK_E_FORMAT, "'f'", NULL);
    node = pb_node("Add", "a", "x x", "y");
    pb_attr_int(&node, "broadcast", 1);
    expect_failure(pb_model(pb_graph_of(node), 7), NULL, CVK_E_UNSUPPORTED, "attribute 'broadcast': not known", "opset 7");
}

static void test_inputs(void **state)
{
    (void)state;
    struct pb g = {0};
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 2, (const int64_t[]){-1, 4}));
    pb_child(&g, GRAPH_INPUT, pb_value("w", DT_FLOAT, 1, (const int64_t[]){1})); /* old files list the weights as inputs */
    pb_child(&g, GRAPH_INPUT, pb_value("unused", DT_FLOAT, 1, (const int64_t[]){1}));
    pb_child(&g, GRAPH_TENSOR, pb_tensor("w", DT_FLOAT, 1, (const int64_t[]){1}, "1234", 4));
    pb_child(&g, GRAPH_TENSOR, pb_tensor("idle", DT_FLOAT, 1, (const int64_t[]){1}, "1234", 4));
    pb_child(&g, GRAPH_NODE, pb_node("Mul", NULL, "x w", "y"));
    pb_child(&g, GRAPH_OUTPUT, pb_value("y", DT_FLOAT, -1, NULL));
    struct cvk_graph *m = expect_model(pb_model(g, 13));
    assert_int_equal(cvk_graph_input_count(m), 2);
    assert_string_equal(cvk_graph_value_name(m, cvk_graph_input(m, 0)), "x");
    assert_string_equal(cvk_graph_value_name(m, cvk_graph_input(m, 1)), "unused");
    assert_int_equal(cvk__value_at(m, cvk_graph_input(m, 0))->open_dims, 1);
    assert_int_equal(cvk__value_at(m, cvk_graph_input(m, 1))->open_dims, 0);
    assert_int_equal(cvk_graph_find(m, "idle"), 0);
    cvk_graph_destroy(m);
}

static void test_dropout(void **state)
{
    (void)state;
    struct pb node = pb_node("Dropout", "d", "x", "y mask");
    pb_attr_float(&node, "ratio", 0.25f);
    pb_attr_int(&node, "is_test", 0);
    struct cvk_graph *g = convert(node, 6);
    assert_int_equal(((const struct cvk_dropout_params *)g->nodes[0].params)->training, 0);
    assert_int_equal(cvk_graph_desc(g, cvk_graph_find(g, "mask"))->dtype, CVK_F32); /* a mask of the data's type, then */
    cvk_graph_destroy(g);
    g = convert(pb_node("Dropout", "d", "x", "y mask"), 13);
    assert_int_equal(cvk_graph_desc(g, cvk_graph_find(g, "mask"))->dtype, CVK_BOOL);
    cvk_graph_destroy(g);
    node = pb_node("Dropout", "d", "x", "y");
    pb_attr_float(&node, "ratio", 1.0f);
    expect_failure(pb_model(pb_graph_of(node), 11), NULL, CVK_E_ARG, "ratio is 1", "node 'd'");
}

/* Types are known even where sizes wait for the session. */
static void test_types(void **state)
{
    (void)state;
    struct pb g = {0};
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_DOUBLE, 2, (const int64_t[]){2, 2}));
    pb_child(&g, GRAPH_INPUT, pb_value("sizes", DT_INT64, 1, (const int64_t[]){1}));
    pb_child(&g, GRAPH_NODE, pb_node("Reshape", NULL, "x sizes", "a"));
    pb_child(&g, GRAPH_NODE, pb_node("Less", NULL, "a a", "b"));
    pb_child(&g, GRAPH_NODE, pb_node("CastLike", "like_a", "sizes a", "y"));
    pb_child(&g, GRAPH_NODE, pb_node("CastLike", "like_b", "sizes b", "z"));
    pb_child(&g, GRAPH_NODE, pb_node("Mean", NULL, "a a", "m"));
    pb_child(&g, GRAPH_OUTPUT, pb_value("y", DT_DOUBLE, -1, NULL));
    pb_child(&g, GRAPH_OUTPUT, pb_value("z", DT_BOOL, -1, NULL));
    pb_child(&g, GRAPH_OUTPUT, pb_value("m", DT_DOUBLE, -1, NULL));
    struct cvk_graph *m = expect_model(pb_model(g, 15));
    assert_null(cvk_graph_desc(m, cvk_graph_find(m, "a")));
    assert_int_equal(cvk_graph_desc(m, cvk_graph_output(m, 0))->dtype, CVK_F64);
    assert_int_equal(cvk_graph_desc(m, cvk_graph_output(m, 1))->dtype, CVK_BOOL);
    cvk_graph_destroy(m);
}

static void test_constants(void **state)
{
    (void)state;
    struct pb node = pb_node("Constant", "k", "", "y"), list = {0}, two = pb_node("Constant", "k", "", "y");
    for (int i = 0; i < 4; i++)
        pb_float(&list, 7, (float)i);
    pb_attr(&node, "value_floats", 6, list);
    struct cvk_graph *g = convert(node, 12);
    expect_shape(g, "4");
    cvk_graph_destroy(g);
    node = pb_node("Constant", "k", "", "y");
    pb_attr_int(&node, "value_int", -3);
    g = convert(node, 13);
    expect_shape(g, "scalar");
    const struct cvk__value *v = cvk__value_at(g, cvk_graph_output(g, 0));
    assert_true(v->blob && *(const int64_t *)v->blob->data == -3);
    cvk_graph_destroy(g);
    pb_attr_int(&two, "value_int", 1);
    pb_attr_float(&two, "value_float", 1);
    expect_failure(pb_model(pb_graph_of(two), 13), NULL, CVK_E_FORMAT, "2 attributes", "node 'k'");
    node = pb_node("Constant", "k", "", "y");
    pb_attr_text(&node, "value_string", "text");
    expect_failure(pb_model(pb_graph_of(node), 13), NULL, CVK_E_UNSUPPORTED, "attribute 'value_string'", "node 'k'");
    node = pb_node("Constant", "k", "", "y");
    pb_attr_int(&node, "value_int", 1);
    expect_failure(pb_model(pb_graph_of(node), 11), NULL, CVK_E_FORMAT, "attribute 'value': is missing", "node 'k'");
}

static void test_range(void **state)
{
    (void)state;
    static const struct {
        int64_t n[3];
        const char *words; /* NULL: good */
        const char *shape;
    } cases[] = {
        {{0, 10, 3}, NULL, "4"},
        {{10, 0, -3}, NULL, "4"},
        {{0, 10, -1}, NULL, "0"},
        {{0, 10, 0}, "delta (input 2) is 0", NULL},
        {{0, 1ll << 40, 1}, "1099511627776 elements", NULL},
        {{INT64_MIN, 1, 1}, "input 0 must be one finite number", NULL},
    };
    static const char *const names[] = {"a", "b", "d"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pb g = {0};
        for (int k = 0; k < 3; k++)
            pb_child(&g, GRAPH_TENSOR, pb_tensor(names[k], DT_INT64, 0, NULL, &cases[i].n[k], 8));
        pb_child(&g, GRAPH_NODE, pb_node("Range", "r", "a b d", "y"));
        pb_child(&g, GRAPH_OUTPUT, pb_value("y", DT_INT64, -1, NULL));
        if (cases[i].words) {
            expect_failure(pb_model(g, 13), NULL, i == 4 ? CVK_E_LIMIT : CVK_E_ARG, cases[i].words, "node 'r' (Range)");
            continue;
        }
        struct cvk_graph *m = expect_model(pb_model(g, 13));
        expect_shape(m, cases[i].shape);
        cvk_graph_destroy(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clip),    cmocka_unit_test(test_old_broadcast), cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_dropout), cmocka_unit_test(test_types),         cmocka_unit_test(test_constants),
        cmocka_unit_test(test_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
