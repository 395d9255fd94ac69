/* SPDX-License-Identifier: MIT
 * The operators of the training domain, where the official tests do not look: gradients of nets, second derivatives, refusals.
 */
#include "expect.h"

static struct cvk_context *ctx;

static void pb_attr_texts(struct pb *node, const char *name, const char *texts)
{
    struct pb v = {0};
    pb_names(&v, 9, texts);
    pb_attr(node, name, 8, v);
}

static struct pb gradient(const char *inputs, const char *outputs, const char *xs, const char *zs, const char *y)
{
    struct pb node = pb_node("Gradient", "grad", inputs, outputs);
    pb_text(&node, 7, "ai.onnx.preview.training");
    pb_attr_texts(&node, "xs", xs);
    if (zs)
        pb_attr_texts(&node, "zs", zs);
    pb_attr_text(&node, "y", y);
    return node;
}

/* x is 2x3 (or Nx3), w 3x2, u 2; h = Relu(x w); s = the sum of h; then the node, and its outputs. */
static struct pb net(struct pb node, int64_t batch, const char *output)
{
    static const float w[6] = {1, -2, 0.5f, 3, -1, 2}, u[2] = {1, 2};
    struct pb g = {0}, sum = pb_node("ReduceSum", "sum", "h", "s");
    pb_attr_int(&sum, "keepdims", 0);
    pb_child(&g, GRAPH_TENSOR, pb_tensor("w", DT_FLOAT, 2, (const int64_t[]){3, 2}, w, sizeof w));
    pb_child(&g, GRAPH_TENSOR, pb_tensor("u", DT_FLOAT, 1, (const int64_t[]){2}, u, sizeof u));
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 2, (const int64_t[]){batch, 3}));
    pb_child(&g, GRAPH_NODE, pb_node("MatMul", "product", "x w", "p"));
    pb_child(&g, GRAPH_NODE, pb_node("Relu", "relu", "p", "h"));
    pb_child(&g, GRAPH_NODE, sum);
    pb_child(&g, GRAPH_NODE, node);
    pb_child(&g, GRAPH_OUTPUT, pb_value(output, DT_FLOAT, -1, NULL));
    return pb_model(g, 13);
}

/* Runs the model's only output on ref. */
static void expect_numbers(struct pb model, const float *x, const int64_t *dims, uint32_t rank, const float *wanted,
                           uint64_t count)
{
    struct cvk_graph *g = expect_model(model);
    struct cvk_session *s = NULL;
    struct cvk_tensor *in = NULL, *out = NULL;
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref"}, &s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    const struct cvk_tensor_desc *d = cvk_session_output_desc(s, 0);
    assert_int_equal(cvk_tensor_wrap(CVK_F32, rank, dims, (void *)(uintptr_t)x,
                                     cvk_tensor_desc_count(cvk_session_input_desc(s, 0)) * 4, &in),
                     CVK_OK);
    assert_int_equal(cvk_tensor_create(d->dtype, d->rank, d->dims, &out), CVK_OK);
    assert_int_equal(cvk_session_write(s, 0, in), CVK_OK);
    assert_int_equal(cvk_session_run(s), CVK_OK);
    assert_int_equal(cvk_session_read(s, 0, out), CVK_OK);
    assert_int_equal(cvk_tensor_count(out), count);
    assert_memory_equal(cvk_tensor_data(out), wanted, count * sizeof *wanted);
    cvk_tensor_destroy(in);
    cvk_tensor_destroy(out);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
}

/* s is no output of the graph and no input of the node: only its attribute names it. */
static void test_gradients(void **state)
{
    (void)state;
    static const float x[6] = {1, 2, 3, -1, 0, 0.5f}; /* x w = [-1 10; -1.5 3] */
    static const int64_t dims[2] = {2, 3};
    static const float dx[6] = {-2, 3, 2, -2, 3, 2}, dw[6] = {0, 0, 0, 2, 0, 3.5f}, zeros[2] = {0, 0}, ones[4] = {0, 1, 0, 1};
    expect_numbers(net(gradient("x w", "dx", "x", "w", "s"), 2, "dx"), x, dims, 2, dx, 6);
    expect_numbers(net(gradient("x w", "- dw", "x w", NULL, "s"), 2, "dw"), x, dims, 2, dw, 6);
    expect_numbers(net(gradient("u", "du", "u", NULL, "s"), 2, "du"), x, dims, 2, zeros, 2);
    expect_numbers(net(gradient("p", "dp", "p", NULL, "s"), 2, "dp"), x, dims, 2, ones, 4); /* of a value in the middle */
}

/* x^3, by hand from 3 x^2 to 6 x. */
static void test_second(void **state)
{
    (void)state;
    static const float x[2] = {2, -3}, wanted[2] = {12, -18};
    struct pb g = {0};
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 1, (const int64_t[]){2}));
    pb_child(&g, GRAPH_NODE, pb_node("Mul", "square", "x x", "x2"));
    pb_child(&g, GRAPH_NODE, pb_node("Mul", "cube", "x2 x", "x3"));
    pb_child(&g, GRAPH_NODE, gradient("x", "first", "x", NULL, "x3"));
    pb_child(&g, GRAPH_NODE, gradient("x", "second", "x", NULL, "first"));
    pb_child(&g, GRAPH_OUTPUT, pb_value("second", DT_FLOAT, -1, NULL));
    expect_numbers(pb_model(g, 17), x, (const int64_t[]){2}, 1, wanted, 2);
}

/* Each gradient of a gradient has more nodes than the last. */
static void test_many(void **state)
{
    (void)state;
    static const float one = 1;
    struct pb g = {0};
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 1, (const int64_t[]){2}));
    pb_child(&g, GRAPH_TENSOR, pb_tensor("c", DT_FLOAT, 0, NULL, &one, sizeof one));
    pb_child(&g, GRAPH_NODE, pb_node("Div", "first", "c x", "d0"));
    for (int i = 0; i < 60; i++) {
        char from[8], to[8];
        snprintf(from, sizeof from, "d%d", i);
        snprintf(to, sizeof to, "d%d", i + 1);
        pb_child(&g, GRAPH_NODE, gradient("x", to, "x", NULL, from));
    }
    pb_child(&g, GRAPH_OUTPUT, pb_value("d60", DT_FLOAT, -1, NULL));
    struct pb model = pb_model(g, 17);
    struct cvk_graph *graph = NULL;
    assert_int_equal(cvk_onnx_load_memory(model.data, model.bytes, NULL, &graph), CVK_E_LIMIT);
    expect_text("(Gradient)");
    expect_text("the limit is 100000");
    pb_free(&model);
}

static void test_refused_gradients(void **state)
{
    (void)state;
    expect_failure(net(gradient("x w", "dx", "x", "w", "s"), -1, "dx"), NULL, CVK_E_UNSUPPORTED, "node 'grad' (Gradient)",
                   "'x' are open");
    expect_failure(net(gradient("w x", "dx", "x", "w", "s"), 2, "dx"), NULL, CVK_E_UNSUPPORTED, "'xs'", "entry 0");
    expect_failure(net(gradient("x w", "dx", "x", NULL, "s"), 2, "dx"), NULL, CVK_E_FORMAT, "'xs'",
                   "1 names in xs and zs for 2 inputs");
    expect_failure(net(gradient("x", "dx", "x w", NULL, "s"), 2, "dx"), NULL, CVK_E_UNSUPPORTED, "'xs'", "entry 1");
    expect_failure(net(gradient("x", "dx", "x", NULL, "none"), 2, "dx"), NULL, CVK_E_FORMAT, "'y'", NULL);
    expect_failure(net(gradient("x", "dx", "x", NULL, "dx"), 2, "dx"), NULL, CVK_E_FORMAT, "'y'", NULL);
    expect_failure(net(gradient("x", "dx", "x", NULL, ""), 2, "dx"), NULL, CVK_E_FORMAT, "'y'", NULL);
    expect_failure(net(gradient("x w", "dx", "", NULL, "s"), 2, "dx"), NULL, CVK_E_FORMAT, "'xs'", NULL);
}

/* One tensor of two numbers; the optimiser's R and T are inputs of the graph. */
static struct pb optimizer(const char *op, const char *inputs, const char *outputs, float alpha, float beta, const char *mode)
{
    struct pb g = {0}, node = pb_node(op, "step", inputs, outputs);
    pb_text(&node, 7, "ai.onnx.preview.training");
    pb_attr_float(&node, "alpha", alpha);
    pb_attr_float(&node, "beta", beta);
    if (mode)
        pb_attr_float(&node, "norm_coefficient", 0);
    if (mode && mode[0])
        pb_attr_text(&node, "mode", mode);
    pb_child(&g, GRAPH_INPUT, pb_value("r", DT_FLOAT, 0, NULL));
    pb_child(&g, GRAPH_INPUT, pb_value("t", DT_INT64, 0, NULL));
    for (int i = 0; i < 4; i++)
        pb_child(&g, GRAPH_INPUT, pb_value((const char *const[]){"w", "g", "v", "h"}[i], DT_FLOAT, 1, (const int64_t[]){2}));
    pb_child(&g, GRAPH_NODE, node);
    pb_child(&g, GRAPH_OUTPUT, pb_value("w1", DT_FLOAT, -1, NULL));
    return pb_model(g, 13);
}

static void test_optimizers(void **state)
{
    (void)state;
    struct cvk_graph *g =
        expect_model(optimizer("Adam", "r t w g v h", "w1 v1", 0.5f, 0.5f, NULL)); /* one state is not wanted */
    assert_int_equal(cvk_graph_output_count(g), 1);
    cvk_graph_destroy(g);
    expect_failure(optimizer("Adam", "r t w g v h w", "w1 v1 h1", 0.5f, 0.5f, NULL), NULL, CVK_E_FORMAT, "node 'step' (Adam)",
                   "5 inputs behind");
    expect_failure(optimizer("Adam", "r t w g v h", "w1 v1 h1 x", 0.5f, 0.5f, NULL), NULL, CVK_E_FORMAT, "4 outputs for 1",
                   NULL);
    expect_failure(optimizer("Adam", "r t w - v h", "w1 v1 h1", 0.5f, 0.5f, NULL), NULL, CVK_E_FORMAT, "input 3 is missing",
                   NULL);
    expect_failure(optimizer("Adam", "r t w g v h", "w1 v1 h1", 1, 0.5f, NULL), NULL, CVK_E_ARG, "beta1 1", NULL);
    expect_failure(optimizer("Adam", "w t w g v h", "w1 v1 h1", 0.5f, 0.5f, NULL), NULL, CVK_E_SHAPE, "node 'step'", NULL);
    expect_failure(optimizer("Momentum", "r t w g v", "w1 v1", 0.5f, 0.5f, "other"), NULL, CVK_E_UNSUPPORTED, "'mode'",
                   "'other'");
    expect_failure(optimizer("Momentum", "r t w g v", "w1 v1", 0.5f, 0.5f, ""), NULL, CVK_E_FORMAT, "'mode'", "missing");
    expect_failure(optimizer("Momentum", "r t w g v", "w1 v1", 0, 0.5f, "standard"), NULL, CVK_E_UNSUPPORTED, "'alpha'",
                   "0 is not");
    expect_failure(optimizer("Other", "r t w g v", "w1 v1", 0, 0.5f, NULL), NULL, CVK_E_UNSUPPORTED, "(Other): this op", NULL);
}

static int set_up(void **state)
{
    (void)state;
    return cvk_context_create(&(struct cvk_context_params){.threads = 1}, &ctx) == CVK_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    cvk_context_destroy(ctx);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients),
        cmocka_unit_test(test_second),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_refused_gradients),
        cmocka_unit_test(test_optimizers),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
