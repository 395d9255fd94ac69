/* SPDX-License-Identifier: MIT
 * External data: off by default, and when on never outside the model's folder, whatever the model says. */
#include "expect.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[300];

static const char *in_folder(const char *name)
{
    static char paths[4][400];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const void *data, size_t bytes)
{
    FILE *f = fopen(in_folder(name), "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, bytes, f), bytes);
    assert_int_equal(fclose(f), 0);
}

static int set_up(void **state)
{
    (void)state;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.200s/convoke-external-XXXXXX", base && base[0] == '/' ? base : "/tmp");
    if (!mkdtemp(folder))
        return -1;
    const float data[4] = {1, 2, 3, 4};
    mkdir(in_folder("model"), 0700);
    mkdir(in_folder("model/sub"), 0700);
    mkdir(in_folder("model/secret"), 0700);
    write_file("outside.bin", data, sizeof data);
    write_file("model/data.bin", data, sizeof data);
    write_file("model/sub/data.bin", data, sizeof data);
    write_file("model/many.bin", data, sizeof data);
    return symlink("../outside.bin", in_folder("model/link.bin")) || symlink("data.bin", in_folder("model/inner.bin")) ||
           symlink("..", in_folder("model/up")) || link(in_folder("model/many.bin"), in_folder("model/hard.bin")) ||
           mkfifo(in_folder("model/fifo"), 0600);
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const files[] = {"model/fifo",     "model/hard.bin", "model/up",           "model/inner.bin",
                                        "model/link.bin", "model/many.bin", "model/sub/data.bin", "model/data.bin",
                                        "outside.bin",    "model/m.onnx"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(in_folder(files[i]));
    rmdir(in_folder("model/secret"));
    rmdir(in_folder("model/sub"));
    rmdir(in_folder("model"));
    return rmdir(folder);
}

/* y = x + e, e external; as an initialiser, or as the attribute of a Constant. */
static struct pb model_of(struct pb tensor, int as_attribute)
{
    struct pb g = {0};
    pb_child(&g, GRAPH_INPUT, pb_value("x", DT_FLOAT, 1, (const int64_t[]){2}));
    if (as_attribute) {
        struct pb node = pb_node("Constant", "c", "", "e");
        pb_attr_tensor(&node, "value", tensor);
        pb_child(&g, GRAPH_NODE, node);
    } else {
        pb_child(&g, GRAPH_TENSOR, tensor);
    }
    pb_child(&g, GRAPH_NODE, pb_node("Add", "a", "x e", "y"));
    pb_child(&g, GRAPH_OUTPUT, pb_value("y", DT_FLOAT, 1, (const int64_t[]){2}));
    return pb_model(g, 13);
}

static int32_t load(struct pb tensor, int as_attribute, uint32_t external)
{
    struct pb m = model_of(tensor, as_attribute);
    write_file("model/m.onnx", m.data, m.bytes);
    pb_free(&m);
    struct cvk_graph *g = NULL;
    int32_t status = cvk_onnx_load(in_folder("model/m.onnx"), &(struct cvk_onnx_limits){.external_data = external}, &g);
    assert_int_equal(status == CVK_OK, g != NULL);
    cvk_graph_destroy(g);
    return status;
}

static void expect_refused(const char *location, const char *offset, const char *length, int32_t status, const char *words)
{
    for (int as_attribute = 0; as_attribute < 2; as_attribute++) {
        int32_t got = load(pb_external("e", 2, location, offset, length), as_attribute, 1);
        if (got != status)
            fail_msg("'%s': %s instead of %s: %s", location ? location : "", cvk_status_name(got), cvk_status_name(status),
                     cvk_error_text());
        expect_text(words);
        expect_text(as_attribute ? "node 'c' (Constant): attribute 'value'" : "initialiser 'e'");
    }
}

static void test_off(void **state)
{
    (void)state;
    for (int as_attribute = 0; as_attribute < 2; as_attribute++) {
        assert_int_equal(load(pb_external("e", 2, "data.bin", NULL, NULL), as_attribute, 0), CVK_E_UNSUPPORTED);
        expect_text("'data.bin'");
        expect_text("is off");
        expect_failure(model_of(pb_external("e", 2, "data.bin", NULL, NULL), as_attribute),
                       &(struct cvk_onnx_limits){.external_data = 1}, CVK_E_UNSUPPORTED, "has no folder", NULL);
    }
}

static void test_on(void **state)
{
    (void)state;
    assert_int_equal(load(pb_external("e", 2, "data.bin", NULL, NULL), 0, 1), CVK_OK);
    assert_int_equal(load(pb_external("e", 2, "sub/data.bin", "8", "8"), 1, 1), CVK_OK);
    assert_int_equal(load(pb_external("e", 2, "sub/../data.bin", "0", NULL), 0, 1), CVK_OK);
    struct pb t = pb_external("e", 2, "data.bin", "4", "8");
    write_file("model/m.onnx", t.data, t.bytes);
    pb_free(&t);
    struct cvk_tensor *read = NULL;
    char *name = NULL;
    assert_int_equal(cvk_onnx_read_tensor(in_folder("model/m.onnx"), &(struct cvk_onnx_limits){.external_data = 1}, &read, &name),
                     CVK_OK);
    assert_true(cvk_tensor_at(read, 0) == 2 && cvk_tensor_at(read, 1) == 3);
    assert_string_equal(name, "e");
    cvk_tensor_destroy(read);
    cvk_text_free(name);
    assert_int_equal(cvk_onnx_read_tensor(in_folder("model/m.onnx"), NULL, &read, NULL), CVK_E_UNSUPPORTED);
    assert_null(read);
}

static void test_refused(void **state)
{
    (void)state;
    char absolute[400];
    snprintf(absolute, sizeof absolute, "%s/outside.bin", folder);
    expect_refused("../outside.bin", NULL, NULL, CVK_E_FORMAT, "leaves the model's folder");
    expect_refused("sub/../../outside.bin", NULL, NULL, CVK_E_FORMAT, "leaves the model's folder");
    expect_refused(absolute, NULL, NULL, CVK_E_FORMAT, "absolute");
    expect_refused("link.bin", NULL, NULL, CVK_E_FORMAT, "symbolic link");
    expect_refused("inner.bin", NULL, NULL, CVK_E_FORMAT, "symbolic link");
    expect_refused("up/outside.bin", NULL, NULL, CVK_E_FORMAT, "symbolic link");
    expect_refused("hard.bin", NULL, NULL, CVK_E_FORMAT, "2 hard links");
    expect_refused("fifo", NULL, NULL, CVK_E_FORMAT, "not a regular file");
    expect_refused("secret", NULL, NULL, CVK_E_FORMAT, "not a regular file");
    expect_refused("absent.bin", NULL, NULL, CVK_E_IO, "No such file");
    expect_refused("\x1b[2J.bin", NULL, NULL, CVK_E_IO, "\\x1b[2J.bin");
    expect_refused("data.bin", "9", NULL, CVK_E_FORMAT, "8 bytes at offset 9, but the file has 16");
    expect_refused("data.bin", "18446744073709551615", NULL, CVK_E_FORMAT, "at offset 18446744073709551615");
    expect_refused("data.bin", "18446744073709551616", NULL, CVK_E_FORMAT, "offset '18446744073709551616' is no whole number");
    expect_refused("data.bin", "-1", NULL, CVK_E_FORMAT, "offset '-1'");
    expect_refused("data.bin", " 0", NULL, CVK_E_FORMAT, "offset ' 0'");
    expect_refused("data.bin", NULL, "16", CVK_E_FORMAT, "length 16, but the dims need 8");
    expect_refused(NULL, "0", NULL, CVK_E_FORMAT, "no location");
    expect_refused("", NULL, NULL, CVK_E_FORMAT, "no location");
}

/* Many tensors may name one file: their sum is limited before any is read. */
static void test_sum(void **state)
{
    (void)state;
    struct pb g = {0};
    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof name, "e%d", i);
        pb_child(&g, GRAPH_TENSOR, pb_external(name, 200000000, "data.bin", NULL, NULL));
    }
    expect_failure(pb_model(g, 13), NULL, CVK_E_LIMIT, "graph.initializer[2].dims", "2400000000 bytes");
    struct pb both = pb_external("e", 2, "data.bin", NULL, NULL);
    pb_block(&both, 9, "12345678", 8);
    assert_int_equal(load(both, 0, 1), CVK_E_FORMAT);
    expect_text("has data here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_off), cmocka_unit_test(test_on), cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_sum)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
