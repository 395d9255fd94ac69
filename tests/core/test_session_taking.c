/* SPDX-License-Identifier: MIT
 * Sessions that take their graph: weights are not in memory twice, what is still wanted stays, and the graph ends whatever
 * happens. */
#include <math.h>
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

#include <cmocka.h> /* last: it makes `fail`, a member of struct cvk_host, a macro */

#define BLOCKS "blocks:0+ref"     /* on the host's memory */
#define OWN_BLOCKS "blocks:1+ref" /* on memory of their own */

static struct cvk_context *ctx;

static void drop_log(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg, (void)level, (void)category, (void)text;
}

static struct cvk_graph *graph(void)
{
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("taken", &g), CVK_OK);
    return g;
}

/* Random weights of a 3x3 convolution. */
static cvk_value weights(struct cvk_graph *g, int64_t to, int64_t from, uint64_t seed)
{
    size_t count = (size_t)(to * from * 9);
    float *w = malloc(count * sizeof *w);
    assert_non_null(w);
    for (size_t i = 0; i < count; i++)
        w[i] = 0.1f * cvk_rng_normal(seed, 0, i);
    cvk_value v = cvk_constant(g, NULL, CVK_F32, 4, (int64_t[]){to, from, 3, 3}, w);
    free(w);
    return v;
}

static cvk_value conv(struct cvk_graph *g, cvk_value x, cvk_value w)
{
    return cvk_conv(g, x, w, 0, &(struct cvk_conv_params){.kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}});
}

static struct cvk_session *session(struct cvk_graph *g, const char *device, bool takes)
{
    struct cvk_session *s = NULL;
    const struct cvk_session_params p = {.device = device};
    if (cvk_graph_status(g) != CVK_OK)
        fail_msg("%s", cvk_graph_error(g));
    if ((takes ? cvk_session_create_taking(ctx, g, &p, &s) : cvk_session_create(ctx, g, &p, &s)) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return s;
}

static uint32_t nodes_with(const struct cvk_session *s, const char *kernel)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < cvk_session_node_count(s); i++) {
        struct cvk_node_report r;
        assert_int_equal(cvk_session_node(s, i, &r), CVK_OK);
        count += strcmp(r.kernel, kernel) == 0;
    }
    return count;
}

static struct cvk_tensor *new_tensor(const struct cvk_tensor_desc *d)
{
    struct cvk_tensor *t = NULL;
    assert_int_equal(cvk_tensor_create(d->dtype, d->rank, d->dims, &t), CVK_OK);
    return t;
}

static void run(struct cvk_session *s)
{
    for (uint32_t i = 0; i < cvk_session_input_count(s); i++) {
        struct cvk_tensor *x = new_tensor(cvk_session_input_desc(s, i));
        for (uint64_t e = 0; e < cvk_tensor_count(x); e++)
            ((float *)cvk_tensor_data(x))[e] = cvk_rng_normal(5, i, e);
        assert_int_equal(cvk_session_write(s, i, x), CVK_OK);
        cvk_tensor_destroy(x);
    }
    if (cvk_session_run(s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
}

static struct cvk_graph *small_net(void)
{
    struct cvk_graph *g = graph();
    cvk_value y = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){CVK_BATCH, 8, 5, 5}), w = weights(g, 8, 8, 4);
    cvk_output(g, conv(g, cvk_relu(g, conv(g, y, w)), weights(g, 8, 8, 5)), "y");
    return g;
}

static int set_up(void **state)
{
    (void)state;
    if (cvk_context_create(&(struct cvk_context_params){.log = drop_log}, &ctx) != CVK_OK ||
        cvk_plugin_register(ctx, blocks_query, "blocks") != CVK_OK)
        fail_msg("%s", cvk_error_text());
    /* What a context keeps of its first session is not looked for. */
    struct cvk_session *s = session(small_net(), BLOCKS, true);
    run(s);
    cvk_session_destroy(s);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cvk_context_destroy(ctx);
    return 0;
}

/* Both have run. */
static void expect_same_outputs(const struct cvk_session *s, const struct cvk_session *want)
{
    for (uint32_t i = 0; i < cvk_session_output_count(want); i++) {
        struct cvk_tensor *a = new_tensor(cvk_session_output_desc(s, i)), *b = new_tensor(cvk_session_output_desc(want, i));
        assert_int_equal(cvk_session_read((struct cvk_session *)s, i, a), CVK_OK);
        assert_int_equal(cvk_session_read((struct cvk_session *)want, i, b), CVK_OK);
        assert_int_equal(cvk_tensor_count(a), cvk_tensor_count(b));
        for (uint64_t e = 0; e < cvk_tensor_count(a); e++)
            if (!(fabs(cvk_tensor_at(a, e) - cvk_tensor_at(b, e)) < 1e-4))
                fail_msg("output %u, element %llu: %g, not %g", i, (unsigned long long)e, cvk_tensor_at(a, e),
                         cvk_tensor_at(b, e));
        cvk_tensor_destroy(a);
        cvk_tensor_destroy(b);
    }
}

/* A session that takes the graph, with so many nodes that pack and that read at run, against one of the reference that does
 * not. */
static void expect_as_ref(struct cvk_graph *g, const char *device, uint32_t packing, uint32_t reading)
{
    struct cvk_session *want = session(g, "ref", false), *s = session(g, device, true);
    assert_int_equal(nodes_with(s, "eights"), packing);
    assert_int_equal(nodes_with(s, "fours"), reading);
    run(want);
    run(s);
    expect_same_outputs(s, want);
    cvk_session_destroy(s);
    cvk_session_destroy(want);
}

/* The most held while a session of many packed layers was made, as a multiple of the weights. */
static double peak(bool takes)
{
    enum { LAYERS = 20, CHANNELS = 64 };
    const double bytes = LAYERS * CHANNELS * CHANNELS * 9.0 * sizeof(float);
    uint64_t before = cvk__alloc_held();
    struct cvk_graph *g = graph();
    cvk_value y = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, CHANNELS, 4, 4});
    for (uint32_t i = 0; i < LAYERS; i++)
        y = cvk_relu(g, conv(g, y, weights(g, CHANNELS, CHANNELS, i)));
    cvk_output(g, y, "y");
    (void)cvk__alloc_held_most();
    struct cvk_session *s = session(g, BLOCKS, takes);
    uint64_t most = cvk__alloc_held_most() - before;
    assert_int_equal(nodes_with(s, "eights"), LAYERS);
    if (!takes)
        cvk_graph_destroy(g);
    uint64_t kept = cvk__alloc_held() - before;
    assert_true((double)kept >= bytes && (double)kept < 1.1 * bytes); /* the packed weights */
    cvk_session_destroy(s);
    assert_int_equal(cvk__alloc_held(), before);
    return (double)most / bytes;
}

static void test_weights_are_not_held_twice(void **state)
{
    (void)state;
    double taking = peak(true), keeping = peak(false);
    if (taking > 1.15) /* one layer more, and what a plan needs */
        fail_msg("%g times the weights", taking);
    if (keeping < 2 || keeping > 2.15)
        fail_msg("%g times the weights where the graph stays", keeping);
}

/* Two nodes that pack the weights and one that reads them at run: the first, the second, the last, or none. */
static void test_a_constant_stays_for_its_last_reader(void **state)
{
    (void)state;
    static const char *const devices[] = {BLOCKS, OWN_BLOCKS};
    for (uint32_t d = 0; d < 2; d++)
        for (uint32_t reading = 0; reading < 4; reading++) {
            struct cvk_graph *g = graph();
            cvk_value y = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 8, 5, 5}), w = weights(g, 8, 8, 1);
            for (uint32_t i = 0; i < (reading < 3 ? 3 : 2); i++)
                y = i == reading ? cvk_tanh(g, conv(g, y, w)) : cvk_relu(g, conv(g, y, w)); /* "eights" does no tanh */
            cvk_output(g, y, "y");
            expect_as_ref(g, devices[d], 2, reading < 3);
        }
}

/* Constants that are outputs, one as it is and one worked out, though a conv packs them. */
static void test_constant_outputs_stay(void **state)
{
    (void)state;
    static const char *const devices[] = {BLOCKS, OWN_BLOCKS};
    for (uint32_t d = 0; d < 2; d++) {
        struct cvk_graph *g = graph();
        cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 8, 5, 5}), w = weights(g, 8, 8, 2), folded = cvk_relu(g, w);
        cvk_output(g, conv(g, conv(g, x, w), folded), "y");
        cvk_output(g, w, "w");
        cvk_output(g, folded, "folded");
        expect_as_ref(g, devices[d], 2, 0);
    }
}

/* What another session of the same graph reads at run is not the taker's to drop. */
static void test_other_sessions_keep_their_weights(void **state)
{
    (void)state;
    struct cvk_graph *g = graph();
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 8, 5, 5});
    cvk_output(g, conv(g, x, weights(g, 8, 8, 3)), "y");
    struct cvk_session *before = session(g, "ref", false), *s = session(g, BLOCKS, true);
    run(s);
    run(before);
    expect_same_outputs(s, before);
    cvk_session_destroy(s);
    run(before);
    cvk_session_destroy(before);
}

/* A refusal at any time: nothing is left of the graph (the count, and a sanitizer). */
static void test_the_graph_ends_when_creation_fails(void **state)
{
    (void)state;
    const struct cvk_session_input unknown = {.name = "z"}, wide = {.rank = 4, .dims = (int64_t[]){1, 9, 5, 5}};
    const struct {
        struct cvk_session_params p;
        int32_t status;
    } cases[] = {
        {{.batch = -1}, CVK_E_ARG},
        {{.device = "nosuch"}, CVK_E_NOT_FOUND},
        {{.device = "ref", .kernels = "conv=x"}, CVK_E_ARG},
        {{.device = "ref", .input_count = 1, .inputs = &unknown}, CVK_E_NOT_FOUND},
        {{.device = "ref", .input_count = 1, .inputs = &wide}, CVK_E_SHAPE},
        {{.device = "ref", .macs_limit = 1}, CVK_E_LIMIT},
        {{.device = "ref", .memory_limit_bytes = 1}, CVK_E_LIMIT},
        {{.device = "ref", .kernels = "conv:fwd=nosuch"}, CVK_E_UNSUPPORTED},
    };
    uint64_t before = cvk__alloc_held();
    struct cvk_session *s = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(cvk_session_create_taking(ctx, small_net(), &cases[i].p, &s), cases[i].status);
        assert_null(s);
        assert_int_equal(cvk__alloc_held(), before);
    }
    assert_int_equal(cvk_session_create_taking(NULL, small_net(), NULL, &s), CVK_E_ARG);
    assert_int_equal(cvk_session_create_taking(ctx, small_net(), NULL, NULL), CVK_E_ARG);
    assert_int_equal(cvk_session_create_taking(ctx, graph(), NULL, &s), CVK_E_ARG); /* no output */
    assert_int_equal(cvk_session_create_taking(ctx, NULL, NULL, &s), CVK_E_ARG);
    struct cvk_graph *bad = graph();
    assert_int_equal(cvk_relu(bad, 7), 0);
    int32_t status = cvk_graph_status(bad);
    assert_int_not_equal(status, CVK_OK);
    assert_int_equal(cvk_session_create_taking(ctx, bad, NULL, &s), status);
    assert_int_equal(cvk__alloc_held(), before);
}

/* Every allocation fails once, those between two builds as well. */
static void test_the_graph_ends_when_memory_does(void **state)
{
    (void)state;
    static const char *const devices[] = {BLOCKS, OWN_BLOCKS};
    for (uint32_t d = 0; d < 2; d++) {
        const struct cvk_session_params p = {.device = devices[d]};
        struct cvk_session *s = NULL;
        int32_t status = CVK_E_MEMORY;
        uint64_t before = cvk__alloc_held();
        for (int64_t n = 0; status != CVK_OK; n++) {
            struct cvk_graph *g = small_net();
            cvk__alloc_fail_after(n);
            status = cvk_session_create_taking(ctx, g, &p, &s);
            cvk__alloc_fail_never();
            assert_true(status == CVK_OK ? n > 20 : s == NULL);
            if (status == CVK_OK)
                cvk_session_destroy(s);
            assert_int_equal(cvk__alloc_held(), before);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weights_are_not_held_twice),
        cmocka_unit_test(test_a_constant_stays_for_its_last_reader),
        cmocka_unit_test(test_constant_outputs_stay),
        cmocka_unit_test(test_other_sessions_keep_their_weights),
        cmocka_unit_test(test_the_graph_ends_when_creation_fails),
        cmocka_unit_test(test_the_graph_ends_when_memory_does),
    };
    return cmocka_run_group_tests_name("session_taking", tests, set_up, tear_down);
}
