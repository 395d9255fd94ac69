/* SPDX-License-Identifier: MIT
 * Kernels that come through a driver are tested at first use: bad ones are not used, told once, remembered for that driver; good
 * ones raise no alarm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "blocks_backend.h"
#include "convoke/convoke.h"
#include "convoke/rng.h"
#include "device/backend.h"
#include "graph/problem.h"
#include "notes_backend.h"
#include "random_net.h"

#include <cmocka.h> /* last: it makes `fail`, a member of struct cvk_host, a macro */

#define NETS 60

static char told[4096]; /* warnings */
static uint32_t warnings;

static void note_log(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg, (void)category;
    if (level > CVK_LOG_WARN || strstr(text, "shared:"))
        return;
    warnings++;
    snprintf(told + strlen(told), sizeof told - strlen(told), "%s\n", text);
}

static struct cvk_context *context(void)
{
    struct cvk_context *ctx = NULL;
    told[0] = '\0';
    warnings = 0;
    if (cvk_context_create(&(struct cvk_context_params){.threads = 1, .log = note_log}, &ctx) != CVK_OK ||
        cvk_plugin_register(ctx, notes_query, "noted") != CVK_OK || cvk_plugin_register(ctx, blocks_query, "blocks") != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return ctx;
}

static struct cvk_graph *net(uint32_t kind)
{
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("net", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 2, (int64_t[]){1, 1000});
    cvk_output(g, cvk_unary(g, x, &(struct cvk_unary_params){.kind = kind}), "y");
    return g;
}

/* Runs the net once; the kernel's name, and the last result for an input of 2. */
static float run_net(struct cvk_context *ctx, uint32_t kind, const char *device, char *kernel)
{
    struct cvk_graph *g = net(kind);
    struct cvk_session *s = NULL;
    struct cvk_tensor *x = NULL, *y = NULL;
    struct cvk_node_report r;
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = device}, &s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    assert_int_equal(cvk_session_node(s, 0, &r), CVK_OK);
    snprintf(kernel, 64, "%s", r.kernel);
    assert_int_equal(cvk_tensor_create(CVK_F32, 2, (int64_t[]){1, 1000}, &x), CVK_OK);
    assert_int_equal(cvk_tensor_create(CVK_F32, 2, (int64_t[]){1, 1000}, &y), CVK_OK);
    ((float *)cvk_tensor_data(x))[999] = 2;
    assert_int_equal(cvk_session_write(s, 0, x), CVK_OK);
    if (cvk_session_run(s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    assert_int_equal(cvk_session_read(s, 0, y), CVK_OK);
    float last = ((float *)cvk_tensor_data(y))[999];
    cvk_tensor_destroy(x);
    cvk_tensor_destroy(y);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
    return last;
}

static void test_wrong_kernel(void **state)
{
    (void)state;
    char kernel[64];
    notes_reset();
    struct cvk_context *ctx = context();
    assert_true(run_net(ctx, CVK_RELU, "noted", kernel) == 2);
    assert_string_equal(kernel, "exact");
    assert_int_equal(notes_state.runs[NOTES_WRONG], 1);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(told,
                           "noted:0: kernel unary:fwd=wrong gave wrong results in the self-test on this driver (element 0,999: "
                           "got "));
    assert_non_null(strstr(told, "1 of 1000 compared are wrong"));
    uint32_t runs = notes_state.runs[NOTES_EXACT], recalls = notes_state.recalls;
    assert_true(run_net(ctx, CVK_RELU, "noted", kernel) == 2);
    assert_int_equal(notes_state.runs[NOTES_EXACT], runs + 1); /* the run itself, no test */
    assert_int_equal(notes_state.recalls, recalls);
    cvk_context_destroy(ctx);

    ctx = context(); /* another process, as it were */
    assert_true(run_net(ctx, CVK_RELU, "noted", kernel) == 2);
    assert_string_equal(kernel, "exact");
    assert_int_equal(notes_state.runs[NOTES_WRONG], 1);
    assert_int_equal(notes_state.runs[NOTES_EXACT], runs + 2);
    assert_int_equal(notes_state.recalls, recalls + 2); /* one for each kernel */
    assert_int_equal(warnings, 0);
    cvk_context_destroy(ctx);

    notes_state.driver = "1.1";
    ctx = context();
    assert_true(run_net(ctx, CVK_RELU, "noted", kernel) == 2);
    assert_int_equal(notes_state.runs[NOTES_WRONG], 2);
    assert_int_equal(warnings, 1);
    cvk_context_destroy(ctx);
}

static void test_broken_kernel(void **state)
{
    (void)state;
    char kernel[64];
    notes_reset();
    struct cvk_context *ctx = context();
    run_net(ctx, CVK_TANH, "noted(notes=none)", kernel);
    assert_string_equal(kernel, "exact");
    run_net(ctx, CVK_TANH, "noted(notes=none)", kernel);
    assert_int_equal(notes_state.runs[NOTES_BROKEN], 1); /* the context remembers */
    assert_int_equal(notes_state.keeps, 0);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(told, "failed in the self-test on this driver (noted:0(notes=none): the kernel of line 7 broke)"));
    cvk_context_destroy(ctx);
    ctx = context();
    run_net(ctx, CVK_TANH, "noted(notes=none)", kernel);
    assert_int_equal(notes_state.runs[NOTES_BROKEN], 2);
    /* With notes the failure is remembered like a wrong result. */
    run_net(ctx, CVK_TANH, "noted", kernel);
    assert_int_equal(notes_state.runs[NOTES_BROKEN], 3);
    cvk_context_destroy(ctx);
    ctx = context();
    run_net(ctx, CVK_TANH, "noted", kernel);
    assert_int_equal(notes_state.runs[NOTES_BROKEN], 3);
    cvk_context_destroy(ctx);
}

/* What a kernel leaves between the channels would go into the sums of the next one. */
static void test_dirty_kernel(void **state)
{
    (void)state;
    notes_reset();
    struct cvk_context *ctx = context();
    for (int64_t channels = 3; channels <= 8; channels += 5) {
        struct cvk_graph *g = NULL;
        struct cvk_session *s = NULL;
        struct cvk_node_report r;
        assert_int_equal(cvk_graph_create("net", &g), CVK_OK);
        cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, channels, 4, 4});
        cvk_output(g, cvk_unary(g, x, &(struct cvk_unary_params){.kind = CVK_ABS}), "y");
        if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "noted+ref"}, &s) != CVK_OK)
            fail_msg("%s", cvk_error_text());
        assert_int_equal(cvk_session_node(s, 0, &r), CVK_OK);
        assert_string_equal(r.kernel, "exact");
        cvk_session_destroy(s);
        cvk_graph_destroy(g);
    }
    assert_int_equal(notes_state.runs[NOTES_DIRTY], 2); /* with spare channels, and without: there it is a result that is wrong */
    assert_non_null(strstr(told,
                           "kernel unary:fwd=dirty gave wrong results in the self-test on this driver (the spare channels of its "
                           "last block are not zero)"));
    assert_int_equal(warnings, 1);
    cvk_context_destroy(ctx);
}

/* A device that is gone fails the session and condemns no kernel. */
static void test_dead_device(void **state)
{
    (void)state;
    notes_reset();
    struct cvk_context *ctx = context();
    struct cvk_graph *g = net(CVK_TANH);
    struct cvk_session *s = NULL;
    notes_state.dead = true;
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "noted"}, &s), CVK_E_DEVICE);
    assert_non_null(strstr(cvk_error_text(), "self-test of kernel broken"));
    assert_non_null(strstr(cvk_error_text(), "the device is gone"));
    assert_int_equal(notes_count("selftest|"), 0);
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

static void test_nothing_left(void **state)
{
    (void)state;
    notes_reset();
    struct cvk_context *ctx = context();
    struct cvk_graph *g = net(CVK_RELU);
    struct cvk_session *s = NULL;
    const struct cvk_session_params p = {.device = "noted", .kernels = "unary:fwd=wrong"};
    assert_int_equal(cvk_session_create(ctx, g, &p, &s), CVK_E_UNSUPPORTED);
    assert_non_null(strstr(cvk_error_text(), "wrong: gave wrong results in the self-test"));
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

static void test_variable(void **state)
{
    (void)state;
    char kernel[64];
    notes_reset();
    struct cvk_context *ctx = context();
    setenv("CONVOKE_SELFTEST", "off", 1);
    assert_true(run_net(ctx, CVK_RELU, "noted", kernel) == 3);
    assert_string_equal(kernel, "wrong");
    assert_int_equal(notes_state.recalls, 0);
    setenv("CONVOKE_SELFTEST", "on", 1);
    assert_true(run_net(ctx, CVK_RELU, "noted", kernel) == 2);
    uint32_t runs = notes_state.runs[NOTES_WRONG];
    setenv("CONVOKE_SELFTEST", "always", 1);
    assert_true(run_net(ctx, CVK_RELU, "noted", kernel) == 2);
    assert_int_equal(notes_state.runs[NOTES_WRONG], runs + 1);
    cvk_context_destroy(ctx);
    ctx = context();
    assert_true(run_net(ctx, CVK_RELU, "noted", kernel) == 2);
    assert_int_equal(notes_state.runs[NOTES_WRONG], runs + 2);
    setenv("CONVOKE_SELFTEST", "off", 1); /* the way to run a kernel that is known to be wrong */
    assert_true(run_net(ctx, CVK_RELU, "noted", kernel) == 3);
    setenv("CONVOKE_SELFTEST", "sometimes", 1);
    struct cvk_graph *g = net(CVK_RELU);
    struct cvk_session *s = NULL;
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "noted"}, &s), CVK_E_ARG);
    assert_string_equal(cvk_error_text(), "CONVOKE_SELFTEST='sometimes': there is on, off and always");
    unsetenv("CONVOKE_SELFTEST");
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

/* A plan that is only looked at runs nothing, but knows what is known. */
static void test_plan_only(void **state)
{
    (void)state;
    char kernel[64];
    notes_reset();
    struct cvk_context *ctx = context();
    struct cvk_graph *g = net(CVK_RELU);
    const struct cvk_session_params p = {.device = "noted", .flags = CVK_SESSION_PLAN_ONLY};
    const char *const expected[] = {"wrong", "exact"};
    for (uint32_t i = 0; i < 2; i++) {
        struct cvk_session *s = NULL;
        struct cvk_node_report r;
        assert_int_equal(cvk_session_create(ctx, g, &p, &s), CVK_OK);
        assert_int_equal(cvk_session_node(s, 0, &r), CVK_OK);
        assert_string_equal(r.kernel, expected[i]);
        cvk_session_destroy(s);
        if (i == 0) {
            assert_int_equal(notes_state.runs[NOTES_WRONG], 0);
            run_net(ctx, CVK_RELU, "noted", kernel);
        }
    }
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

/* A store that cannot be written to spoils nothing. */
static void test_keep_fails(void **state)
{
    (void)state;
    char kernel[64];
    notes_reset();
    notes_state.keep_status = CVK_E_IO;
    struct cvk_context *ctx = context();
    assert_true(run_net(ctx, CVK_RELU, "noted", kernel) == 2);
    assert_true(run_net(ctx, CVK_RELU, "noted", kernel) == 2);
    assert_int_equal(notes_state.runs[NOTES_WRONG], 1);
    cvk_context_destroy(ctx);
}

static void test_allocations(void **state)
{
    (void)state;
    uint64_t held = cvk__alloc_held();
    for (int64_t n = 0;; n++) {
        notes_reset();
        struct cvk_context *ctx = context();
        struct cvk_graph *g = net(CVK_RELU);
        struct cvk_session *s = NULL;
        uint64_t before = cvk__alloc_calls();
        cvk__alloc_fail_after(n);
        int32_t status = cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "noted"}, &s);
        cvk__alloc_fail_never();
        if (status != CVK_OK && (status != CVK_E_MEMORY || s))
            fail_msg("allocation %lld: %s", (long long)n, cvk_error_text());
        cvk_session_destroy(s);
        uint64_t calls = cvk__alloc_calls() - before;
        cvk_graph_destroy(g);
        cvk_context_destroy(ctx);
        if (status == CVK_OK && calls <= (uint64_t)n)
            break;
    }
    assert_int_equal(cvk__alloc_held(), held);
}

/* ---- no false alarms ---------------------------------------------------------------------------------------------------- */

/* All devices of a backend say that they want tests. */
static void want_tests(struct cvk_context *ctx, const char *name)
{
    cvk_device_count(ctx);
    for (uint32_t i = 0; i < ctx->plugin_count; i++) {
        struct cvk__backend *b = ctx->plugins[i].backend;
        for (uint32_t k = 0; b && !strcmp(b->plugin.name, name) && k < b->device_count; k++)
            b->infos[k].caps |= CVK_CAP_SELF_TEST;
    }
}

/* Blocked layouts, a queue, memory of its own, batches. */
static void test_random_nets(void **state)
{
    (void)state;
    static const char *const devices[] = {"blocks:0+ref", "blocks:1+ref"};
    notes_reset();
    struct cvk_context *ctx = context();
    want_tests(ctx, "blocks");
    for (uint64_t seed = 1; seed <= NETS; seed++) {
        struct cvk_graph *g = random_net(seed);
        struct cvk_session *s = NULL;
        const struct cvk_session_params p = {.device = devices[seed % 2], .batch = seed % 3 ? 1 : 5};
        if (cvk_session_create(ctx, g, &p, &s) != CVK_OK)
            fail_msg("seed %llu: %s", (unsigned long long)seed, cvk_error_text());
        if (warnings)
            fail_msg("seed %llu: %s", (unsigned long long)seed, told);
        cvk_session_destroy(s);
        cvk_graph_destroy(g);
    }
    cvk_context_destroy(ctx);
}

/* ---- the part that the reference works out ------------------------------------------------------------------------------ */

struct case_of_sums {
    int64_t batch, channels, size, maps, group;
    bool bias, residual, gemm;
};

static struct cvk_graph *sums(const struct case_of_sums *c)
{
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("sums", &g), CVK_OK);
    int64_t w_dims[] = {c->maps, c->channels / c->group, 3, 3}, matrix[] = {c->maps, c->channels};
    uint64_t count = (uint64_t)(c->gemm ? c->maps * c->channels : c->maps * (c->channels / c->group) * 9);
    float *w = malloc(count * sizeof *w), *b = malloc((size_t)c->maps * sizeof *b);
    assert_true(w && b);
    for (uint64_t i = 0; i < count; i++)
        w[i] = cvk_rng_normal(3, 1, i);
    for (int64_t i = 0; i < c->maps; i++)
        b[i] = (float)i;
    cvk_value wv = cvk_constant(g, "w", CVK_F32, c->gemm ? 2 : 4, c->gemm ? matrix : w_dims, w), y;
    cvk_value bv = c->bias ? cvk_constant(g, "b", CVK_F32, 1, &c->maps, b) : 0;
    if (c->gemm) {
        cvk_value x = cvk_input(g, "x", CVK_F32, 2, (int64_t[]){c->batch, c->channels});
        y = cvk_dense(g, x, wv, bv);
    } else {
        cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){c->batch, c->channels, c->size, c->size});
        y = cvk_conv(
            g, x, wv, bv,
            &(struct cvk_conv_params){.group = (uint32_t)c->group, .kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}});
        if (c->residual)
            y = cvk_add(g, y, cvk_input(g, "r", CVK_F32, 4, (int64_t[]){c->batch, c->maps, c->size, c->size}));
    }
    cvk_output(g, cvk_relu(g, y), "y");
    free(w);
    free(b);
    return g;
}

/* The reference on the whole agrees with the reference on the part; and a mistake at the far end is found and named. */
static void test_parts(void **state)
{
    (void)state;
    static const struct case_of_sums cases[] = {
        {.batch = 7, .channels = 64, .size = 12, .maps = 80, .group = 1, .bias = true, .residual = true},
        {.batch = 1, .channels = 128, .size = 14, .maps = 100, .group = 1},
        {.batch = 5, .channels = 64, .size = 8, .maps = 64, .group = 64, .bias = true},
        {.batch = 9, .channels = 3000, .maps = 500, .group = 1, .bias = true, .gemm = true},
        {.batch = 2, .channels = 3, .size = 5, .maps = 4, .group = 1},
    };
    struct cvk_context *ctx = context();
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cvk_graph *g = sums(&cases[i]);
        struct cvk_session *s = NULL;
        if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref"}, &s) != CVK_OK)
            fail_msg("%s", cvk_error_text());
        const struct cvk__step *step = &s->steps[0];
        struct cvk__device *d = s->devices.devices[step->device];
        struct cvk__check check;
        enum cvk__finding_kind found;
        char text[CVK__REASON_BYTES];
        const struct cvk__way way = {.row = step->row};
        assert_int_equal(step->kind, CVK__STEP_RUN);
        assert_int_equal(cvk__check_init(&check, s, &s->g->nodes[step->node]), CVK_OK);
        assert_int_equal(cvk__check_solve(&check, d), CVK_OK);
        assert_int_equal(check.sample.image_count, cases[i].batch > 3 ? 3 : 0);
        assert_int_equal(check.sample.channel_count, i == 4 || i == 2 ? 0 : 16);
        if (cvk__check_way(&check, d, &way, NULL, &found, text) != CVK_OK)
            fail_msg("%s", cvk_error_text());
        if (found != CVK__RIGHT)
            fail_msg("case %u: %s", i, text);
        struct cvk__operand *y = &check.part.operands[check.part.input_count];
        uint64_t last = cvk_tensor_desc_count(&y->desc) - 1;
        ((float *)y->data)[last] += 1000;
        assert_int_equal(cvk__check_way(&check, d, &way, NULL, &found, text), CVK_OK);
        assert_int_equal(found, CVK__WRONG_RESULT);
        char expected[64];
        snprintf(expected, sizeof expected,
                 cases[i].gemm ? "element %lld,%lld: " : "element %lld,%lld,%lld,%lld: ", (long long)cases[i].batch - 1,
                 (long long)cases[i].maps - 1, (long long)cases[i].size - 1, (long long)cases[i].size - 1);
        if (strncmp(text, expected, strlen(expected)) != 0)
            fail_msg("'%s' does not begin with '%s'", text, expected);
        cvk__check_finish(&check);
        cvk_session_destroy(s);
        cvk_graph_destroy(g);
    }
    cvk_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_kernel), cmocka_unit_test(test_broken_kernel), cmocka_unit_test(test_dirty_kernel),
        cmocka_unit_test(test_dead_device),  cmocka_unit_test(test_nothing_left),  cmocka_unit_test(test_variable),
        cmocka_unit_test(test_plan_only),    cmocka_unit_test(test_keep_fails),    cmocka_unit_test(test_allocations),
        cmocka_unit_test(test_random_nets),  cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
