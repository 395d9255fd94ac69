/* SPDX-License-Identifier: MIT
 * Tuning: the fastest kernel that is right is found, kept, used by later sessions, and carried elsewhere; it can be stopped and
 * taken up again. */
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
#include "graph/tune.h"
#include "notes_backend.h"

#include <cmocka.h> /* last: it makes `fail`, a member of struct cvk_host, a macro */

static char told[8192]; /* lines about tuning */

static void note_log(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg, (void)level;
    if (!strcmp(category, "tune"))
        snprintf(told + strlen(told), sizeof told - strlen(told), "%s\n", text);
}

static struct cvk_context *context(void)
{
    struct cvk_context *ctx = NULL;
    told[0] = '\0';
    setenv("CONVOKE_LOG", "info", 1);
    if (cvk_context_create(&(struct cvk_context_params){.threads = 1, .log = note_log}, &ctx) != CVK_OK ||
        cvk_plugin_register(ctx, notes_query, "noted") != CVK_OK || cvk_plugin_register(ctx, blocks_query, "blocks") != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return ctx;
}

/* Negations of several sizes, the large one twice: as many kinds of nodes as there are sizes. */
static struct cvk_graph *net(uint32_t sizes)
{
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("net", &g), CVK_OK);
    for (uint32_t i = 0; i < sizes; i++) {
        char name[8];
        snprintf(name, sizeof name, "x%u", i);
        cvk_value x = cvk_input(g, name, CVK_F32, 2, (int64_t[]){1, 100 * (i + 1)});
        cvk_value y = cvk_unary(g, x, &(struct cvk_unary_params){.kind = CVK_NEG});
        if (i + 1 == sizes)
            y = cvk_unary(g, y, &(struct cvk_unary_params){.kind = CVK_NEG});
        name[0] = 'y';
        cvk_output(g, y, name);
    }
    return g;
}

static struct cvk_tune_result *tune(struct cvk_context *ctx, const struct cvk_graph *g, const struct cvk_tune_params *params)
{
    const struct cvk_session_params session = {.device = "noted"};
    struct cvk_tune_params p = *params;
    struct cvk_tune_result *r = NULL;
    p.session = p.session ? p.session : &session;
    if (cvk_tune(ctx, g, &p, &r) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return r;
}

static struct cvk_tune_node node_of(const struct cvk_tune_result *r, uint32_t i)
{
    struct cvk_tune_node n;
    assert_int_equal(cvk_tune_result_node(r, i, &n), CVK_OK);
    return n;
}

/* Runs the net; the kernel of its first node in `kernel`. */
static void run_net(struct cvk_context *ctx, const struct cvk_graph *g, const char *device, const char *kernels, char *kernel)
{
    struct cvk_session *s = NULL;
    struct cvk_node_report r;
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = device, .kernels = kernels}, &s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    assert_int_equal(cvk_session_node(s, 0, &r), CVK_OK);
    snprintf(kernel, 64, "%s", r.kernel);
    for (uint32_t i = 0; i < cvk_session_input_count(s); i++) {
        const struct cvk_tensor_desc *d = cvk_session_input_desc(s, i);
        struct cvk_tensor *x = NULL;
        assert_int_equal(cvk_tensor_create(d->dtype, d->rank, d->dims, &x), CVK_OK);
        assert_int_equal(cvk_session_write(s, i, x), CVK_OK);
        cvk_tensor_destroy(x);
    }
    if (cvk_session_run(s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    cvk_session_destroy(s);
}

static void test_variants(void **state)
{
    (void)state;
    char kernel[64];
    notes_reset();
    struct cvk_context *ctx = context();
    struct cvk_graph *g = net(1);
    run_net(ctx, g, "noted", NULL, kernel);
    assert_string_equal(kernel, "sets");
    assert_int_equal(notes_state.last_variant, 0);

    struct cvk_tune_result *r = tune(ctx, g, &(struct cvk_tune_params){.level = CVK_TUNE_FULL});
    assert_int_equal(cvk_tune_result_count(r), 1);
    assert_int_equal(cvk_tune_result_end(r), CVK_TUNE_DONE);
    struct cvk_tune_node n = node_of(r, 0);
    assert_string_equal(n.op, "unary");
    assert_string_equal(n.device, "noted:0");
    assert_int_equal(n.count, 2);
    assert_int_equal(n.ways, 4); /* three sets and "exact"; the refused set is none */
    assert_int_equal(n.tried, 4);
    assert_int_equal(n.wrong, 1); /* the fastest set */
    assert_int_equal(n.measured, 1);
    assert_int_equal(n.remembered, 0);
    assert_string_equal(n.untuned.kernel, "sets");
    assert_int_equal(n.untuned.variant, 0);
    assert_string_equal(n.chosen.kernel, "sets");
    assert_int_equal(n.chosen.variant, 1);
    assert_true(n.untuned.time_ns >= 300e3);
    assert_true(n.chosen.time_ns >= 60e3 && n.chosen.time_ns < n.untuned.time_ns);
    assert_int_equal(n.input->dims[1], 100);
    cvk_tune_result_destroy(r);
    run_net(ctx, g, "noted", NULL, kernel);
    assert_int_equal(notes_state.last_variant, 1);
    cvk_context_destroy(ctx);

    ctx = context(); /* another process, as it were */
    run_net(ctx, g, "noted", NULL, kernel);
    assert_int_equal(notes_state.last_variant, 1);
    run_net(ctx, g, "noted", "unary:fwd=exact", kernel); /* a name that the user gave comes first */
    assert_string_equal(kernel, "exact");
    r = tune(ctx, g, &(struct cvk_tune_params){.level = CVK_TUNE_FULL});
    n = node_of(r, 0);
    assert_int_equal(n.remembered, 1);
    assert_int_equal(n.tried, 0);
    assert_int_equal(n.chosen.variant, 1);
    assert_true(n.untuned.time_ns >= 300e3);
    cvk_tune_result_destroy(r);
    r = tune(ctx, g, &(struct cvk_tune_params){.level = CVK_TUNE_QUICK, .again = 1});
    n = node_of(r, 0);
    assert_int_equal(n.remembered, 0);
    assert_int_equal(n.ways, 3);            /* the wrong set says no now */
    assert_int_equal(n.untuned.variant, 0); /* not what was chosen before */
    assert_int_equal(n.tried, 3);
    cvk_tune_result_destroy(r);
    cvk_context_destroy(ctx);

    notes_state.driver = "1.1";
    ctx = context();
    run_net(ctx, g, "noted", NULL, kernel);
    assert_int_equal(notes_state.last_variant, 0);
    cvk_context_destroy(ctx);
    cvk_graph_destroy(g);
}

/* What quick has measured, full measures once more. */
static void test_levels(void **state)
{
    (void)state;
    notes_reset();
    struct cvk_context *ctx = context();
    struct cvk_graph *g = net(1);
    static const struct {
        uint32_t level, remembered;
    } steps[] = {{CVK_TUNE_QUICK, 0}, {CVK_TUNE_QUICK, 1}, {CVK_TUNE_FULL, 0}, {CVK_TUNE_FULL, 1}, {CVK_TUNE_QUICK, 1}};
    for (uint32_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct cvk_tune_result *r = tune(ctx, g, &(struct cvk_tune_params){.level = steps[i].level});
        assert_int_equal(node_of(r, 0).remembered, steps[i].remembered);
        assert_int_equal(node_of(r, 0).chosen.variant, 1);
        cvk_tune_result_destroy(r);
    }
    struct cvk_tune_result *r = NULL;
    assert_int_equal(cvk_tune(ctx, g, &(struct cvk_tune_params){.level = 3}, &r), CVK_E_ARG);
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

struct stop {
    uint32_t at_node; /* stops at its second way */
    uint32_t calls;
};

static int32_t stop_there(void *arg, const struct cvk_tune_progress *p)
{
    struct stop *stop = arg;
    stop->calls++;
    assert_true(p->node < p->node_count && p->tried < p->ways);
    assert_true(p->left_s < 0 && p->spent_s >= 0);
    assert_string_equal(p->op, "unary");
    assert_true((p->tried == 0) == (p->best[0] == '\0'));
    return p->node == stop->at_node && p->tried == 1 ? CVK_E_ARG : CVK_OK;
}

static void test_stop_and_resume(void **state)
{
    (void)state;
    notes_reset();
    struct cvk_context *ctx = context();
    struct cvk_graph *g = net(3);
    struct stop stop = {.at_node = 1};
    struct cvk_tune_params p = {.level = CVK_TUNE_FULL, .progress = stop_there, .progress_arg = &stop};
    struct cvk_tune_result *r = tune(ctx, g, &p);
    assert_int_equal(cvk_tune_result_end(r), CVK_TUNE_STOPPED);
    assert_int_equal(cvk_tune_result_count(r), 3);
    assert_int_equal(notes_count("tune|"), 1);
    /* The most work comes first, the results stand as in the net. */
    assert_int_equal(node_of(r, 2).measured, 1);
    assert_int_equal(node_of(r, 2).chosen.variant, 1);
    assert_int_equal(node_of(r, 1).measured, 0);
    assert_int_equal(node_of(r, 1).chosen.variant, 0);
    assert_int_equal(node_of(r, 0).measured, 0);
    assert_string_equal(node_of(r, 0).chosen.kernel, "sets");
    cvk_tune_result_destroy(r);
    stop.at_node = 100;
    r = tune(ctx, g, &p);
    assert_int_equal(cvk_tune_result_end(r), CVK_TUNE_DONE);
    assert_int_equal(node_of(r, 2).remembered, 1);
    assert_int_equal(node_of(r, 1).remembered, 0);
    assert_int_equal(node_of(r, 0).chosen.variant, 1);
    assert_int_equal(notes_count("tune|"), 3);
    cvk_tune_result_destroy(r);
    r = tune(ctx, g, &(struct cvk_tune_params){.level = CVK_TUNE_FULL, .again = 1, .budget_seconds = 1e-9});
    assert_int_equal(cvk_tune_result_end(r), CVK_TUNE_BUDGET);
    cvk_tune_result_destroy(r);
    assert_non_null(strstr(told, "the time was over"));
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

/* ---- carrying choices --------------------------------------------------------------------------------------------------- */

struct carried {
    uint32_t count, stop_at;
    char key[CVK_NOTE_KEY_BYTES], text[CVK_NOTE_TEXT_BYTES];
};

static int32_t carry(void *arg, const char *key, const char *text)
{
    struct carried *c = arg;
    c->count++;
    snprintf(c->key, sizeof c->key, "%s", key);
    snprintf(c->text, sizeof c->text, "%s", text);
    return c->count == c->stop_at ? CVK_E_LIMIT : CVK_OK;
}

static void test_export_and_import(void **state)
{
    (void)state;
    char kernel[64];
    static const char *const devices[] = {"noted", "noted(notes=none)"};
    for (uint32_t i = 0; i < 2; i++) {
        notes_reset();
        struct cvk_context *ctx = context();
        struct cvk_graph *g = net(1), *more = net(2);
        struct cvk_device_info info;
        const char *backend;
        uint32_t lasting;
        const struct cvk_session_params session = {.device = devices[i]};
        cvk_tune_result_destroy(tune(ctx, g, &(struct cvk_tune_params){.session = &session}));
        struct carried c = {0};
        assert_int_equal(cvk_tune_export(ctx, devices[i], carry, &c), CVK_OK);
        assert_int_equal(c.count, 1);
        assert_int_equal(cvk_tune_device(ctx, devices[i], &info, &backend, &lasting), CVK_OK);
        assert_string_equal(backend, "noted");
        assert_string_equal(info.driver, "1.0");
        assert_int_equal(lasting, i == 0);
        cvk_context_destroy(ctx);

        notes_state.driver = "another";
        ctx = context();
        run_net(ctx, g, devices[i], NULL, kernel);
        assert_int_equal(notes_state.last_variant, 0);
        assert_int_equal(cvk_tune_import(ctx, devices[i], c.key, c.text), CVK_OK);
        run_net(ctx, g, devices[i], NULL, kernel);
        assert_int_equal(notes_state.last_variant, 1);
        cvk_tune_result_destroy(tune(ctx, more, &(struct cvk_tune_params){.session = &session}));
        c = (struct carried){.stop_at = 2};
        assert_int_equal(cvk_tune_export(ctx, devices[i], carry, &c), CVK_E_LIMIT);
        assert_int_equal(c.count, 2);
        cvk_context_destroy(ctx);
        cvk_graph_destroy(g);
        cvk_graph_destroy(more);
    }
}

/* A device whose store takes nothing new: what this process has measured is told all the same, once. */
static void test_export_of_what_was_not_kept(void **state)
{
    (void)state;
    const struct cvk_session_params session = {.device = "noted"};
    notes_reset();
    struct cvk_context *ctx = context();
    struct cvk_graph *g = net(1), *more = net(2);
    cvk_tune_result_destroy(tune(ctx, g, &(struct cvk_tune_params){.session = &session}));
    notes_state.keep_status = CVK_E_DEVICE;
    cvk_tune_result_destroy(tune(ctx, more, &(struct cvk_tune_params){.session = &session}));
    assert_int_equal(notes_count("tune|"), 1);
    struct carried c = {0};
    assert_int_equal(cvk_tune_export(ctx, "noted", carry, &c), CVK_OK);
    assert_int_equal(c.count, 2);
    cvk_context_destroy(ctx);
    cvk_graph_destroy(g);
    cvk_graph_destroy(more);
    notes_reset();
}

static void test_bad_imports(void **state)
{
    (void)state;
    static const char *const bad[][2] = {{"selftest|x", "sets 1 NCHW NCHW 1 2 full"},
                                         {"tune|x", "sets one NCHW NCHW 1 2 full"},
                                         {"tune|x", "sets 1 NCHW NC5 1 2 full"},
                                         {"tune|x", "sets 1 NCHW NCHW 1 2 half"},
                                         {"tune|x", ""},
                                         {"tune|\n", "sets 1 NCHW NCHW 1 2 full"}};
    char kernel[64];
    notes_reset();
    struct cvk_context *ctx = context();
    struct cvk_graph *g = net(1);
    for (uint32_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cvk_tune_import(ctx, "noted", bad[i][0], bad[i][1]), CVK_E_FORMAT);
    assert_int_equal(notes_state.keeps, 0);
    /* A choice that this device cannot make is as none. */
    cvk_tune_result_destroy(tune(ctx, g, &(struct cvk_tune_params){0}));
    struct carried c = {0};
    assert_int_equal(cvk_tune_export(ctx, "noted", carry, &c), CVK_OK);
    static const char *const useless[] = {"sets 3 NCHW NCHW 1 2 full", "sets 9 NCHW NCHW 1 2 full", "sets 1 NC8 NC8 1 2 full",
                                          "gone 1 NCHW NCHW 1 2 full", "exact 1 NCHW NCHW 1 2 full"};
    for (uint32_t i = 0; i < sizeof useless / sizeof useless[0]; i++) {
        assert_int_equal(cvk_tune_import(ctx, "noted", c.key, useless[i]), CVK_OK);
        run_net(ctx, g, "noted", NULL, kernel);
        assert_string_equal(kernel, "sets");
        assert_int_equal(notes_state.last_variant, 0);
    }
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

/* What another layout costs: a time where the device has the reorder, and a mark where it has none. */
static void test_reorders(void **state)
{
    (void)state;
    struct cvk_context *ctx = context();
    struct cvk_graph *g = net(1);
    struct cvk_session *s = NULL;
    struct cvk_tensor_desc small, large;
    double plain, up, again, much, none;
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "blocks:1+ref"}, &s), CVK_OK);
    struct cvk__tune *t = cvk__tune_create(&(struct cvk_tune_params){0});
    assert_non_null(t);
    struct cvk__device *d = s->devices.devices[0];
    assert_int_equal(cvk_tensor_desc_init(&small, CVK_F32, CVK_LAYOUT_NC8, 4, (int64_t[]){1, 8, 4, 4}), CVK_OK);
    assert_int_equal(cvk_tensor_desc_init(&large, CVK_F32, CVK_LAYOUT_PLAIN, 4, (int64_t[]){4, 64, 64, 64}), CVK_OK);
    assert_int_equal(cvk__tune_reorder(t, s, d, &small, CVK_LAYOUT_NC8, CVK_LAYOUT_NC8, &plain), CVK_OK);
    assert_int_equal(cvk__tune_reorder(t, s, d, &small, CVK_LAYOUT_PLAIN, CVK_LAYOUT_NC8, &up), CVK_OK);
    assert_int_equal(cvk__tune_reorder(t, s, d, &small, CVK_LAYOUT_PLAIN, CVK_LAYOUT_NC8, &again), CVK_OK);
    assert_int_equal(cvk__tune_reorder(t, s, d, &large, CVK_LAYOUT_PLAIN, CVK_LAYOUT_NC8, &much), CVK_OK);
    assert_int_equal(cvk__tune_reorder(t, s, d, &small, CVK_LAYOUT_NC4, CVK_LAYOUT_NC8, &none), CVK_OK);
    assert_true(plain == 0);
    assert_true(up > 0 && up == again); /* measured once */
    assert_true(much > 10 * up);
    assert_true(none < 0);
    assert_int_equal(t->reorder_count, 3);
    cvk__tune_destroy(t);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

/* ---- the variable ------------------------------------------------------------------------------------------------------- */

static void test_variable(void **state)
{
    (void)state;
    char kernel[64];
    notes_reset();
    struct cvk_context *ctx = context();
    struct cvk_graph *g = net(1);
    setenv("CONVOKE_TUNE", "quick", 1);
    run_net(ctx, g, "noted", NULL, kernel);
    assert_int_equal(notes_state.last_variant, 1);
    assert_non_null(strstr(told, "1 of 1: unary '"));
    assert_non_null(strstr(told, "1 of 1 kinds of nodes are measured"));
    setenv("CONVOKE_TUNE", "a lot", 1);
    struct cvk_session *s = NULL;
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "noted"}, &s), CVK_E_ARG);
    assert_string_equal(cvk_error_text(), "CONVOKE_TUNE='a lot': there is off, quick and full");
    unsetenv("CONVOKE_TUNE");
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

/* The failed allocation is somewhere in tuning: it ends with a sentence or without that kernel, and nothing is lost. */
static void test_allocations(void **state)
{
    (void)state;
    struct cvk_graph *g = net(1);
    uint64_t held = cvk__alloc_held();
    const struct cvk_session_params session = {.device = "noted", .kernels = "unary:fwd=sets"};
    for (int64_t n = 0;; n++) {
        notes_reset();
        struct cvk_context *ctx = context();
        struct cvk_tune_result *r = NULL;
        uint64_t before = cvk__alloc_calls();
        cvk__alloc_fail_after(n);
        int32_t status = cvk_tune(ctx, g, &(struct cvk_tune_params){.session = &session}, &r);
        cvk__alloc_fail_never();
        if (status != CVK_OK && (status != CVK_E_MEMORY || r))
            fail_msg("allocation %lld: %s", (long long)n, cvk_error_text());
        cvk_tune_result_destroy(r);
        uint64_t calls = cvk__alloc_calls() - before;
        cvk_context_destroy(ctx);
        assert_int_equal(cvk__alloc_held(), held);
        if (status == CVK_OK && calls <= (uint64_t)n)
            break;
    }
    cvk_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_stop_and_resume),
        cmocka_unit_test(test_export_and_import),
        cmocka_unit_test(test_export_of_what_was_not_kept),
        cmocka_unit_test(test_bad_imports),
        cmocka_unit_test(test_variable),
        cmocka_unit_test(test_reorders),
        cmocka_unit_test(test_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
