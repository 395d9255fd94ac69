/* SPDX-License-Identifier: MIT
 * What a written model looks like: names, open sizes, folded norms; what is refused and how; files. */
#include <sys/stat.h>

#include "temp_file.h"
#include "written.h"

static struct cvk_context *ctx;

static struct cvk_graph *from_text(const char *text)
{
    struct cvk_graph *g = NULL;
    if (cvk_graph_from_text(text, 5, &g) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return g;
}

static const char *const nets[] = {
    "1x28x28: 8c5-relu-mp2-16c5-relu-mp2-flat-120n-relu-10n-softmax",
    "3x16x16: 8c3p1-bn-relu-dw3p1-bn-hard_swish-16c1-bn-gap-drop0.3-10n-softmax",
    "3x17: 4c3-bn-tanh-ap2-flat-5n-bn",
    "2x6x8x8: 4c3p1-silu-mp2-lrn-gmp-3n-gelu",
};

/* The same bits, the same names, and the batch still open. */
static void test_nets(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < sizeof nets / sizeof nets[0]; i++)
        for (uint32_t opset = 13; opset <= 17; opset += 4) {
            struct cvk_graph *g = from_text(nets[i]), *again = written(g, opset, 0);
            assert_string_equal(cvk_graph_name(again), "net");
            assert_true(cvk_graph_find(again, "conv1.w") != 0 && cvk_graph_find(again, "conv1.b") != 0);
            assert_string_equal(cvk_graph_value_name(again, cvk_graph_input(again, 0)), "input");
            assert_string_equal(cvk_graph_value_name(again, cvk_graph_output(again, 0)), "output");
            assert_string_equal(again->nodes[0].name, "conv1");
            assert_int_equal(again->values[again->inputs[0] - 1].open_dims, 1);
            expect_same(ctx, g, again, 4, 2e-6);
            cvk_graph_destroy(again);
            cvk_graph_destroy(g);
        }
}

static uint32_t count_ops(const struct cvk_graph *g, uint32_t op)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->node_count; i++)
        count += g->nodes[i].op == op;
    return count;
}

static void test_fold_norms(void **state)
{
    (void)state;
    struct cvk_graph *g = from_text(nets[1]), *again = written(g, 17, 1);
    assert_int_equal(count_ops(g, CVK_OP_BATCH_NORM), 3);
    assert_int_equal(count_ops(again, CVK_OP_BATCH_NORM), 0);
    expect_same(ctx, g, again, 4, 1e-5);
    cvk_graph_destroy(again);
    again = written(g, 17, 0);
    assert_int_equal(count_ops(again, CVK_OP_BATCH_NORM), 3); /* the graph itself has not changed */
    cvk_graph_destroy(again);
    cvk_graph_destroy(g);
}

/* A graph may use a name twice, an input as an output, a value as two outputs, and bytes that are no UTF-8; a model may not. */
static void test_names(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    const int64_t dims[2] = {CVK_BATCH, 3};
    static const float numbers[3] = {1, 2, 3};
    assert_int_equal(cvk_graph_create("", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 2, dims), c = cvk_constant(g, NULL, CVK_F32, 1, (const int64_t[]){3}, numbers);
    cvk_value a = cvk_name(g, cvk_relu(g, x), "same"), b = cvk_name(g, cvk_add(g, a, c), "same");
    cvk_name(g, cvk_relu(g, x), "nobody reads it");
    cvk_output(g, b, "b");
    cvk_output(g, x, "input too");
    cvk_output(g, b, "b again");
    cvk_output(g, a, "bad \xff byte");
    cvk_output(g, cvk_tanh(g, b), "x"); /* as the input is called */
    cvk_output(g, c, "constant");
    struct cvk_graph *again = written(g, 17, 0);
    assert_string_equal(cvk_graph_value_name(again, cvk_graph_input(again, 0)), "x");
    assert_true(cvk_graph_find(again, "b") != 0 && cvk_graph_find(again, "input too") != 0 &&
                cvk_graph_find(again, "b again") != 0);
    assert_string_equal(again->nodes[0].name, "same");
    assert_string_equal(again->nodes[1].name, "same_2"); /* "x_1" came before it */
    assert_true(cvk_graph_find(again, "x_1") != 0);
    assert_int_equal(again->node_count, 3 + 3); /* three stand for names alone */
    assert_true(cvk_graph_find(again, "same.input1") != 0);
    expect_same(ctx, g, again, 2, 0);
    cvk_graph_destroy(again);
    cvk_graph_destroy(g);
}

/* Expects that a net with y as its output cannot be written in this opset, and frees it. */
static void expect_refusal(struct cvk_graph *g, cvk_value y, uint32_t opset, int32_t status, const char *a, const char *b)
{
    struct cvk_tensor *bytes = NULL;
    cvk_output(g, y, "y");
    if (cvk_graph_status(g) != CVK_OK)
        fail_msg("%s", cvk_graph_error(g));
    assert_int_equal(cvk_onnx_save_memory(g, &(struct cvk_onnx_save_params){.opset = opset}, &bytes), status);
    assert_null(bytes);
    expect_text(a);
    expect_text(b);
    cvk_graph_destroy(g);
}

static struct cvk_graph *new_graph(uint32_t dtype, cvk_value *x)
{
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("refused", &g), CVK_OK);
    *x = cvk_input(g, "x", dtype, 4, (const int64_t[]){CVK_BATCH, 4, 6, 6});
    return g;
}

static void test_refusals(void **state)
{
    (void)state;
    cvk_value x, y[5], far;
    struct cvk_graph *g = new_graph(CVK_F32, &x);
    far = cvk_name(g, cvk_pad(g, x, &(struct cvk_pad_params){.mode = CVK_PAD_WRAP, .end = {0, 0, 1}}), "round");
    expect_refusal(g, far, 17, CVK_E_UNSUPPORTED, "node 'round' (pad)", "wrap");
    g = new_graph(CVK_F32, &x);
    x = cvk_pool(g, x, &(struct cvk_pool_params){.kind = CVK_POOL_AVG, .kernel = {2, 2}, .dilation = {2, 1}}, NULL);
    expect_refusal(g, x, 17, CVK_E_UNSUPPORTED, "(pool)", "AveragePool of opset 17 has no dilation");
    g = new_graph(CVK_I8, &x);
    expect_refusal(g, cvk_add(g, x, x), 13, CVK_E_UNSUPPORTED, "(binary)", "Add of opset 13 takes no i8");
    g = new_graph(CVK_F32, &x);
    cvk_value q = cvk_input(g, "q", CVK_F32, 4, (const int64_t[]){CVK_BATCH, 4, 6, 6});
    expect_refusal(g, cvk_loss(g, x, q, 0, &(struct cvk_loss_params){.kind = CVK_LOSS_HUBER}), 17, CVK_E_UNSUPPORTED, "(loss)",
                   "no such loss");
    g = new_graph(CVK_F32, &x);
    cvk_value four = cvk_constant(g, "four", CVK_F32, 1, (const int64_t[]){4}, (const float[]){1, 2, 3, 4});
    cvk_batch_norm_train(g, x, four, four, four, four, &(struct cvk_batch_norm_params){.epsilon = 1}, y);
    expect_refusal(g, y[3], 17, CVK_E_UNSUPPORTED, "(batch_norm)", "statistics");
    g = new_graph(CVK_F32, &x);
    cvk_split(g, x, 0, &(struct cvk_split_params){.ragged = 1}, 1, y);
    expect_refusal(g, y[0], 17, CVK_E_UNSUPPORTED, "(split)", "open size");
    /* Behind sizes that only a session knows nothing has been checked yet. */
    g = new_graph(CVK_F32, &x);
    cvk_value sizes = cvk_input(g, "sizes", CVK_I64, 1, (const int64_t[]){2});
    cvk_graph_add(g, CVK_OP_RESHAPE, NULL, (const cvk_value[]){x, sizes}, 2, &far, 1);
    expect_refusal(g, cvk_unary(g, far, &(struct cvk_unary_params){.kind = 99}), 17, CVK_E_ARG, "(unary)",
                   "99 is no known kind");
    g = new_graph(CVK_F32, &x);
    sizes = cvk_input(g, "sizes", CVK_I64, 1, (const int64_t[]){2});
    cvk_graph_add(g, CVK_OP_RESHAPE, NULL, (const cvk_value[]){x, sizes}, 2, &far, 1);
    expect_refusal(g, cvk_transpose(g, far, &(struct cvk_transpose_params){.count = 1000}), 17, CVK_E_ARG, "(transpose)",
                   "1000 axes");
}

static void test_arguments(void **state)
{
    (void)state;
    struct cvk_tensor *bytes = NULL;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("", &g), CVK_OK);
    assert_int_equal(cvk_onnx_save_memory(g, NULL, &bytes), CVK_E_ARG);
    expect_text("no outputs");
    assert_int_equal(cvk_onnx_save_memory(g, &(struct cvk_onnx_save_params){.opset = 12}, &bytes), CVK_E_ARG);
    expect_text("opset is 12");
    assert_int_equal(cvk_onnx_save_memory(g, &(struct cvk_onnx_save_params){.fold_norms = 2}, &bytes), CVK_E_ARG);
    assert_int_equal(cvk_onnx_save_memory(NULL, NULL, &bytes), CVK_E_ARG);
    assert_int_equal(cvk_onnx_save(g, NULL, NULL), CVK_E_ARG);
    cvk_relu(g, 77);
    assert_int_equal(cvk_onnx_save_memory(g, NULL, &bytes), CVK_E_ARG);
    expect_text("no value of this graph");
    cvk_graph_destroy(g);
}

/* A tensor of 2 GiB does not fit a file of protobuf. Its memory is never touched. */
static void test_too_large(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    struct cvk_tensor_desc desc;
    struct cvk_tensor *bytes = NULL;
    assert_int_equal(cvk_graph_create("", &g), CVK_OK);
    assert_int_equal(cvk_tensor_desc_init(&desc, CVK_U8, CVK_LAYOUT_PLAIN, 1, (const int64_t[]){1ll << 31}), CVK_OK);
    void *memory = cvk__alloc_buffer(CVK__TAG_GRAPH, desc.bytes);
    assert_non_null(memory);
    cvk_output(g, cvk__graph_new_constant(g, "large", &desc, memory), "y");
    assert_int_equal(cvk_onnx_save_memory(g, NULL, &bytes), CVK_E_LIMIT);
    assert_int_equal(cvk_onnx_save(g, path, NULL), CVK_E_LIMIT);
    expect_text("2147483647");
    assert_int_equal(access(path, F_OK), -1);
    cvk_graph_destroy(g);
}

/* The n-th allocation fails, for every n: an error, and nothing is lost. */
static void test_memory(void **state)
{
    (void)state;
    struct cvk_graph *g = from_text("2x6x6: 4c3-bn-gelu-mp2-flat-3n-softmax");
    uint64_t held = cvk__alloc_held();
    for (int64_t n = 0;; n++) {
        assert_true(n < 100000);
        cvk__alloc_fail_after(n);
        int32_t status = cvk_onnx_save(g, path, &(struct cvk_onnx_save_params){.fold_norms = n & 1});
        cvk__alloc_fail_never();
        assert_int_equal(cvk__alloc_held(), held);
        if (status == CVK_OK)
            break;
        assert_int_equal(status, CVK_E_MEMORY);
        assert_int_equal(access(path, F_OK), -1);
    }
    cvk_graph_destroy(g);
}

/* What was there stays until the new file is complete; a link stays a link. */
static void test_files(void **state)
{
    (void)state;
    char link_path[440], missing[440];
    struct stat st;
    struct cvk_graph *g = from_text(nets[0]), *again = NULL;
    snprintf(link_path, sizeof link_path, "%s.link", path);
    snprintf(missing, sizeof missing, "%s/none/t", folder);
    write_file("old", 3);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(symlink(path, link_path), 0);
    assert_int_equal(cvk_onnx_save(g, link_path, NULL), CVK_OK);
    assert_int_equal(lstat(link_path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(cvk_onnx_load(path, NULL, &again), CVK_OK);
    expect_same(ctx, g, again, 1, 0);
    cvk_graph_destroy(again);
    assert_int_equal(cvk_onnx_save(g, missing, NULL), CVK_E_IO);
    expect_text("none/t");
    assert_int_equal(cvk_onnx_save(g, folder, NULL), CVK_E_IO);
    assert_int_equal(cvk_onnx_save(g, "/dev/full", NULL), CVK_E_IO);
    assert_int_equal(cvk_onnx_save(g, path, &(struct cvk_onnx_save_params){.opset = 3}), CVK_E_ARG);
    assert_int_equal(stat(path, &st), 0);
    assert_true(st.st_size > 1000); /* the last good one */
    unlink(link_path);
    cvk_graph_destroy(g);
}

static int set_up_all(void **state)
{
    if (cvk_context_create(&(struct cvk_context_params){.threads = 1}, &ctx) != CVK_OK)
        return -1;
    return set_up(state);
}

/* The folder must be empty but for the file: nothing that was half written may stay. */
static int tear_down_all(void **state)
{
    cvk_context_destroy(ctx);
    return tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nets),     cmocka_unit_test(test_fold_norms), cmocka_unit_test(test_names),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_arguments),  cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_memory),   cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
