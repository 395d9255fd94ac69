/* SPDX-License-Identifier: MIT
 * A stranger's day: the template is copied, built with one cc line against the headers alone, put on the path, and works; what it
 * cannot do runs on the reference, and the plan names who does what. */
#include "convoke/session.h"
#include "plugin_test.h"

static char folder[64], plugin_file[96];

static int shell(const char *format, ...)
{
    char command[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    return system(command);
}

static int build(void **state)
{
    (void)state;
    test_folder(folder);
    snprintf(plugin_file, sizeof plugin_file, "%s/mine.so", folder);
    assert_int_equal(shell("mkdir %s/include && cp -R " SOURCE_DIR "/include/convoke %s/include/ && cp " SOURCE_DIR
                           "/plugins/template/mine.c %s",
                           folder, folder, folder),
                     0);
    /* The line of plugins/template/README.md. */
    assert_int_equal(shell("cd %s && cc -std=c11 -O2 -Wall -Wextra -Wpedantic -Werror -shared -fPIC -fvisibility=hidden "
                           "-Iinclude -o mine.so mine.c",
                           folder),
                     0);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    return shell("rm -r %s", folder);
}

/* One line of C++ as well: the header is for both. */
static void test_cxx(void **state)
{
    (void)state;
    if (shell("command -v c++ >/dev/null") != 0)
        skip();
    assert_int_equal(shell("cd %s && printf '#include <convoke/plugin_cpu.h>\\nint main() { return 0; }\\n' > a.cc && "
                           "c++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -fsyntax-only -Iinclude a.cc",
                           folder),
                     0);
}

static void test_listed(void **state)
{
    (void)state;
    setenv("CONVOKE_PLUGIN_PATH", plugin_file, 1);
    struct cvk_context *ctx = NULL;
    assert_int_equal(cvk_context_create(NULL, &ctx), CVK_OK);
    unsetenv("CONVOKE_PLUGIN_PATH");
    struct cvk_plugin_entry e;
    assert_int_equal(cvk_plugin_get(ctx, 0, &e), CVK_OK);
    assert_int_equal(e.status, CVK_OK);
    assert_string_equal(e.name, "mine");
    assert_string_equal(e.path, plugin_file);
    char *text = NULL;
    assert_int_equal(cvk_device_explain(ctx, "mine", &text), CVK_OK);
    test_words(text, "mine -> yes: mine:0");
    cvk_text_free(text);
    cvk_context_destroy(ctx);
}

/* conv - relu - sigmoid */
static struct cvk_graph *net(void)
{
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("net", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 2, 5, 5});
    cvk_value y = cvk_sigmoid(g, cvk_relu(g, cvk_layer_conv(g, x, 3, 3)));
    cvk_output(g, y, "y");
    if (cvk_graph_status(g) != CVK_OK)
        fail_msg("%s", cvk_graph_error(g));
    return g;
}

static struct cvk_session *session(struct cvk_context *ctx, const struct cvk_graph *g, const char *device)
{
    struct cvk_session *s = NULL;
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = device, .flags = CVK_SESSION_NO_FUSE}, &s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return s;
}

static void run(struct cvk_session *s, const struct cvk_tensor *x, struct cvk_tensor *y)
{
    if (cvk_session_write(s, 0, x) != CVK_OK || cvk_session_run(s) != CVK_OK || cvk_session_read(s, 0, y) != CVK_OK)
        fail_msg("%s", cvk_error_text());
}

static void test_works(void **state)
{
    (void)state;
    struct cvk_context *ctx = test_context(plugin_file);
    struct cvk_graph *g = net();
    struct cvk_session *shared = session(ctx, g, "mine+ref"), *truth = session(ctx, g, "ref");
    struct cvk_tensor *x = NULL, *a = NULL, *b = NULL;
    assert_int_equal(cvk_tensor_create(CVK_F32, 4, (int64_t[]){1, 2, 5, 5}, &x), CVK_OK);
    assert_int_equal(cvk_tensor_create(CVK_F32, 4, (int64_t[]){1, 3, 3, 3}, &a), CVK_OK);
    assert_int_equal(cvk_tensor_create(CVK_F32, 4, (int64_t[]){1, 3, 3, 3}, &b), CVK_OK);
    for (uint64_t i = 0; i < cvk_tensor_count(x); i++)
        ((float *)cvk_tensor_data(x))[i] = (float)((int)(i * 7 % 11) - 5);
    run(shared, x, a);
    run(truth, x, b);
    assert_memory_equal(cvk_tensor_data(a), cvk_tensor_data(b), cvk_tensor_bytes(a));

    uint32_t ours = 0, theirs = 0;
    for (uint32_t i = 0; i < cvk_session_node_count(shared); i++) {
        struct cvk_node_report r;
        assert_int_equal(cvk_session_node(shared, i, &r), CVK_OK);
        if (strcmp(r.kind, "relu") == 0) {
            assert_string_equal(r.device, "mine:0");
            assert_string_equal(r.kernel, "relu");
            ours++;
        } else if (strcmp(r.op, "conv") == 0 || strcmp(r.kind, "sigmoid") == 0) {
            assert_string_equal(r.device, "ref:0");
            test_words(r.note,
                       strcmp(r.op, "conv") == 0 ? "mine" : "mine|only relu"); /* why the first of the list did not take it */
            theirs++;
        }
    }
    assert_int_equal(ours, 1);
    assert_int_equal(theirs, 2);
    struct cvk_session_report report;
    assert_int_equal(cvk_session_get_report(shared, &report), CVK_OK);
    assert_string_equal(report.device, "mine+ref");

    /* Alone it cannot run the net, and the refusal names the ops and the reasons. */
    struct cvk_session *alone = NULL;
    assert_int_equal(
        cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "mine", .flags = CVK_SESSION_NO_FUSE}, &alone),
        CVK_E_UNSUPPORTED);
    test_words(cvk_error_text(), "conv|mine");
    cvk_tensor_destroy(x);
    cvk_tensor_destroy(a);
    cvk_tensor_destroy(b);
    cvk_session_destroy(shared);
    cvk_session_destroy(truth);
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

int main(void)
{
    if (shell("command -v cc >/dev/null") != 0)
        return 77; /* meson: skipped */
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cxx), cmocka_unit_test(test_listed), cmocka_unit_test(test_works)};
    return cmocka_run_group_tests(tests, build, clean);
}
