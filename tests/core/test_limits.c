/* SPDX-License-Identifier: MIT
 * Nets as an attacker would write them: planning takes time that grows with the net and not with its square, folding obeys the
 * limits of the session, and numbers end instead of wrapping. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "blocks_backend.h"
#include "convoke/convoke.h"

#include <cmocka.h> /* last: it makes `fail`, a member of struct cvk_host, a macro */

#define NODES 100000
/* Processor time for one session; a planner with a loop over all nodes for each node needs ten times that. */
#define SECONDS (CVK_SANITIZER_HERE == CVK_SANITIZER_NONE ? 2.0 : 20.0)

static struct cvk_context *ctx;

static void drop_log(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg, (void)level, (void)category, (void)text;
}

static int set_up(void **state)
{
    (void)state;
    const struct cvk_context_params p = {.memory_limit_bytes = (uint64_t)1 << 32, .log = drop_log};
    if (cvk_context_create(&p, &ctx) != CVK_OK || cvk_plugin_register(ctx, blocks_query, "blocks") != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cvk_context_destroy(ctx);
    return 0;
}

static struct cvk_graph *graph(void)
{
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("large", &g), CVK_OK);
    return g;
}

/* Makes a session and destroys the net. */
static void plan_in_time(struct cvk_graph *g, const char *device, const char *what)
{
    struct cvk_session *s = NULL;
    if (cvk_graph_status(g) != CVK_OK)
        fail_msg("%s: %s", what, cvk_graph_error(g));
    clock_t begin = clock();
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = device}, &s) != CVK_OK)
        fail_msg("%s: %s", what, cvk_error_text());
    cvk_session_destroy(s);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    if (seconds > SECONDS)
        fail_msg("%s: %.1f seconds", what, seconds);
    cvk_graph_destroy(g);
}

static void test_long_chain(void **state)
{
    (void)state;
    struct cvk_graph *g = graph();
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 1, 2, 2}), y = x;
    for (uint32_t i = 0; i < NODES / 2; i++)
        y = cvk_add(g, cvk_relu(g, y), x);
    cvk_output(g, y, "y");
    plan_in_time(g, "ref", "a chain of 100000 nodes");
}

/* Each with a norm to fold and a function to fuse; for the blocks, reorders as well, and biases that become additions of their
 * own. */
static void test_many_convs(void **state)
{
    (void)state;
    static const char *const devices[] = {"ref", "blocks:0+ref"};
    const float w[4] = {1, 0.5f, 0.25f, 1};
    for (uint32_t d = 0; d < 2; d++) {
        struct cvk_graph *g = graph();
        cvk_value y = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 2, 2, 2});
        cvk_value wv = cvk_constant(g, NULL, CVK_F32, 4, (int64_t[]){2, 2, 1, 1}, w),
                  b = cvk_constant(g, NULL, CVK_F32, 1, (int64_t[]){2}, w);
        for (uint32_t i = 0; i < NODES / 5; i++) {
            y = cvk_conv(g, y, wv, i % 2 ? b : 0, NULL);
            y = i % 3 ? y : cvk_batch_norm(g, y, b, b, b, b, &(struct cvk_batch_norm_params){.epsilon = 1});
            y = cvk_unary(g, y, &(struct cvk_unary_params){.kind = i % 2 ? CVK_SIGMOID : CVK_RELU});
        }
        cvk_output(g, y, "y");
        plan_in_time(g, devices[d], "20000 convs");
    }
}

/* A bias that the device takes in no form: every conv gets a node more. */
static void test_many_biases(void **state)
{
    (void)state;
    const float w[4] = {1, 0.5f, 0.25f, 1};
    struct cvk_graph *g = graph();
    cvk_value y = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 2, 2, 2});
    cvk_value wv = cvk_constant(g, NULL, CVK_F32, 4, (int64_t[]){2, 2, 1, 1}, w),
              b = cvk_constant(g, NULL, CVK_F32, 1, (int64_t[]){2}, w);
    for (uint32_t i = 0; i < NODES / 2; i++)
        y = cvk_conv(g, y, wv, b, NULL);
    cvk_output(g, y, "y");
    plan_in_time(g, "blocks:0(bias=none)+ref", "50000 convs with split biases");
}

static void test_wide_concat_and_split(void **state)
{
    (void)state;
    static cvk_value part[NODES];
    struct cvk_graph *g = graph();
    cvk_value x = cvk_input(g, "x", CVK_F32, 1, (int64_t[]){16});
    for (uint32_t i = 0; i < NODES; i++)
        part[i] = cvk_relu(g, x);
    cvk_output(g, cvk_concat(g, part, NODES, NULL), "y");
    plan_in_time(g, "ref", "a concat of 100000");
    g = graph();
    x = cvk_relu(g, cvk_input(g, "x", CVK_F32, 1, (int64_t[]){16 * NODES}));
    cvk_split(g, x, 0, NULL, NODES, part);
    for (uint32_t i = 0; i < NODES; i++)
        part[i] = cvk_relu(g, part[i]);
    cvk_output(g, cvk_concat(g, part, NODES, NULL), "y");
    plan_in_time(g, "ref", "a split in 100000");
}

static void test_nested_concats(void **state)
{
    (void)state;
    struct cvk_graph *g = graph();
    cvk_value x = cvk_input(g, "x", CVK_F32, 1, (int64_t[]){16}), y = cvk_relu(g, x);
    for (uint32_t i = 0; i < NODES / 2; i++)
        y = cvk_concat(g, (cvk_value[]){y, cvk_relu(g, x)}, 2, NULL);
    cvk_output(g, y, "y");
    plan_in_time(g, "ref", "50000 nested concats");
}

/* Sixty nodes, each reading the one before twice, decide a shape: two to the power of sixty paths lead to the input. */
static void test_paths_to_a_shape(void **state)
{
    (void)state;
    struct cvk_graph *g = graph();
    cvk_value x = cvk_input(g, "x", CVK_F32, 2, (int64_t[]){4, 6}), to = cvk_input(g, "to", CVK_I64, 1, (int64_t[]){2}), y = 0;
    for (uint32_t i = 0; i < 60; i++)
        to = cvk_binary(g, CVK_MAX, to, to);
    cvk_graph_add(g, CVK_OP_RESHAPE, NULL, (cvk_value[]){x, to}, 2, &y, 1);
    cvk_output(g, y, "y");
    struct cvk_session *s = NULL;
    const int64_t sizes[2] = {8, 3};
    const struct cvk_session_input in = {.name = "to", .content = sizes};
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref", .input_count = 1, .inputs = &in}, &s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    assert_int_equal(cvk_session_output_desc(s, 0)->dims[0], 8);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
}

/* Each constant is within the limit, all of them are not. */
static void test_folding_obeys_the_memory_limit(void **state)
{
    (void)state;
    struct cvk_graph *g = graph();
    cvk_value one = cvk_constant(g, NULL, CVK_F32, 1, (int64_t[]){1}, (float[]){1}), y = 0;
    cvk_value to = cvk_constant(g, NULL, CVK_I64, 1, (int64_t[]){1}, (int64_t[]){1 << 20});
    for (uint32_t i = 0; i < 1000; i++) {
        cvk_graph_add(g, CVK_OP_EXPAND, NULL, (cvk_value[]){one, to}, 2, &y, 1);
        one = cvk_reduce(g, y, &(struct cvk_reduce_params){.kind = CVK_REDUCE_MAX, .keep_dims = 1});
    }
    cvk_output(g, y, "y");
    struct cvk_session *s = NULL;
    struct cvk_context *small = NULL;
    assert_int_equal(
        cvk_context_create(&(struct cvk_context_params){.memory_limit_bytes = (uint64_t)30 << 20, .log = drop_log}, &small),
        CVK_OK);
    assert_int_equal(cvk_session_create(small, g, &(struct cvk_session_params){.device = "ref"}, &s), CVK_E_LIMIT);
    assert_non_null(strstr(cvk_error_text(), "the memory limit is 31457280"));
    cvk_context_destroy(small);
    cvk_graph_destroy(g);
}

static void test_folding_obeys_the_limit_of_macs(void **state)
{
    (void)state;
    static float data[64 * 64];
    struct cvk_graph *g = graph();
    cvk_value x = cvk_constant(g, NULL, CVK_F32, 2, (int64_t[]){64, 64}, data), y = x;
    for (uint32_t i = 0; i < 10; i++)
        y = cvk_gemm(g, y, x, 0, NULL);
    cvk_output(g, y, "y");
    struct cvk_session *s = NULL;
    const uint64_t all = 10ull * 64 * 64 * 64;
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref", .macs_limit = all - 1}, &s),
                     CVK_E_LIMIT);
    assert_non_null(strstr(cvk_error_text(), "folding"));
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref", .macs_limit = all}, &s), CVK_OK);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
}

/* Values of 2^62 bytes: what they need together passes 64 bits and must not come out small. */
static void test_sums_of_sizes_do_not_wrap(void **state)
{
    (void)state;
    struct cvk_graph *g = graph();
    cvk_value part[6];
    char name[8];
    for (uint32_t i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "x%u", i);
        part[i] = cvk_input(g, name, CVK_U8, 2, (int64_t[]){(int64_t)1 << 31, (int64_t)1 << 31});
        cvk_output(g, part[i], name);
    }
    struct cvk_session *s = NULL;
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref"}, &s), CVK_E_LIMIT);
    assert_null(s);
    cvk_graph_destroy(g);
}

/* Strides that multiply to 2^100. */
static void test_receptive_fields_end(void **state)
{
    (void)state;
    struct cvk_graph *g = graph();
    const float w[9] = {1};
    cvk_value y = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 1, 1, 1}),
              wv = cvk_constant(g, NULL, CVK_F32, 4, (int64_t[]){1, 1, 3, 3}, w);
    for (uint32_t i = 0; i < 2000; i++)
        y = cvk_conv(g, y, wv, 0, &(struct cvk_conv_params){.stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}});
    cvk_output(g, y, "y");
    struct cvk_session *s = NULL;
    struct cvk_node_report r;
    assert_int_equal(
        cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref", .flags = CVK_SESSION_PLAN_ONLY}, &s), CVK_OK);
    for (uint32_t i = 0; i < cvk_session_node_count(s); i++) {
        assert_int_equal(cvk_session_node(s, i, &r), CVK_OK);
        assert_true(r.field[0] >= 3 && isfinite(r.jump[0]) && isfinite(r.offset[0]));
        if (i == 9)
            assert_int_equal(r.field[0], 2 * 1023 + 1);
    }
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
}

/* A short text must not ask for gigabytes of statistics. */
static void test_text_books_norms(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_from_text("999999999x1x1: bn", 1, &g), CVK_E_LIMIT);
    assert_null(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_chain),
        cmocka_unit_test(test_many_convs),
        cmocka_unit_test(test_many_biases),
        cmocka_unit_test(test_wide_concat_and_split),
        cmocka_unit_test(test_nested_concats),
        cmocka_unit_test(test_paths_to_a_shape),
        cmocka_unit_test(test_folding_obeys_the_memory_limit),
        cmocka_unit_test(test_folding_obeys_the_limit_of_macs),
        cmocka_unit_test(test_sums_of_sizes_do_not_wrap),
        cmocka_unit_test(test_receptive_fields_end),
        cmocka_unit_test(test_text_books_norms),
    };
    return cmocka_run_group_tests_name("limits", tests, set_up, tear_down);
}
