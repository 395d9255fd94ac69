/* SPDX-License-Identifier: MIT
 * Every op on its own, image by image: the cases of tests/ops run with pieces of one image and with the whole batch give the same
 * bits. A case is cut only if the op says that it can be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "convoke/convoke.h"
#include "harness/harness.h"
#include "ops/all.h"

#include <cmocka.h> /* last: it makes `fail`, a member of struct cvk_host, a macro */

#define MAX_OPS 64

static struct cvk_context *ctx;

static int set_up(void **state)
{
    (void)state;
    if (cvk_context_create(&(struct cvk_context_params){.threads = 2}, &ctx) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cvk_context_destroy(ctx);
    return 0;
}

/* A net of one node; NULL where the case is no net (an illegal one, or one that folds away). */
static struct cvk_graph *net_of(uint32_t op, const struct cvk_case *c, void **drawn)
{
    struct cvk_graph *g = NULL;
    cvk_value in[CVK_CASE_INPUTS] = {0}, out[CVK__TRIAL_OUTPUTS] = {0};
    uint32_t outputs = c->output_count ? c->output_count : 1;
    assert_int_equal(cvk_graph_create("one", &g), CVK_OK);
    for (uint32_t i = 0; i < c->input_count; i++) {
        const struct cvk_case_tensor *t = &c->inputs[i];
        uint32_t dtype = t->dtype ? t->dtype : CVK_F32;
        char name[16];
        snprintf(name, sizeof name, "x%u", i);
        if (t->absent)
            continue;
        assert_int_equal(cvk__draw(t, op, i, &drawn[i]), CVK_OK);
        in[i] = t->constant ? cvk_constant(g, name, dtype, t->rank, t->dims, drawn[i])
                            : cvk_input(g, name, dtype, t->rank, t->dims);
    }
    if (cvk_graph_add(g, op, c->params, in, c->input_count, out, outputs) != CVK_OK)
        fail_msg("%s: %s", c->name, cvk_graph_error(g));
    for (uint32_t i = 0; i < outputs; i++) {
        char name[16];
        snprintf(name, sizeof name, "y%u", i);
        if (out[i])
            cvk_output(g, out[i], name);
    }
    return g;
}

/* Runs the net; the outputs' bytes one behind the other. *segments: how many there were. */
static unsigned char *run(const struct cvk_graph *g, const struct cvk_case *c, void **drawn, uint32_t flags, uint64_t *bytes,
                          uint32_t *segments)
{
    struct cvk_session *s = NULL;
    struct cvk_session_report report;
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref", .flags = flags}, &s) != CVK_OK)
        fail_msg("%s: %s", c->name, cvk_error_text());
    for (uint32_t i = 0; i < cvk_session_input_count(s); i++) {
        const struct cvk_tensor_desc *d = cvk_session_input_desc(s, i);
        struct cvk_tensor *t = NULL;
        uint32_t number = (uint32_t)atoi(cvk_session_input_name(s, i) + 1);
        assert_int_equal(cvk_tensor_wrap(d->dtype, d->rank, d->dims, drawn[number], d->bytes, &t), CVK_OK);
        assert_int_equal(cvk_session_write(s, i, t), CVK_OK);
        cvk_tensor_destroy(t);
    }
    if (cvk_session_run(s) != CVK_OK)
        fail_msg("%s: %s", c->name, cvk_error_text());
    *bytes = 0;
    for (uint32_t i = 0; i < cvk_session_output_count(s); i++)
        *bytes += cvk_session_output_desc(s, i)->bytes;
    unsigned char *all = malloc(*bytes + 1);
    uint64_t at = 0;
    assert_non_null(all);
    for (uint32_t i = 0; i < cvk_session_output_count(s); i++) {
        const struct cvk_tensor_desc *d = cvk_session_output_desc(s, i);
        struct cvk_tensor *t = NULL;
        assert_int_equal(cvk_tensor_create(d->dtype, d->rank, d->dims, &t), CVK_OK);
        assert_int_equal(cvk_session_read(s, i, t), CVK_OK);
        memcpy(all + at, cvk_tensor_data(t), d->bytes);
        at += d->bytes;
        cvk_tensor_destroy(t);
    }
    cvk_session_get_report(s, &report);
    *segments = report.segments;
    cvk_session_destroy(s);
    return all;
}

/* True if the case ran in pieces. */
static bool check_case(uint32_t op, const struct cvk_case *c)
{
    void *drawn[CVK_CASE_INPUTS] = {0};
    uint64_t bytes[2];
    uint32_t whole, cut;
    struct cvk_graph *g = net_of(op, c, drawn);
    unsigned char *a = run(g, c, drawn, CVK_SESSION_NO_SEGMENTS, &bytes[0], &whole);
    unsigned char *b = run(g, c, drawn, 0, &bytes[1], &cut);
    assert_int_equal(whole, 0);
    if (bytes[0] != bytes[1] || memcmp(a, b, bytes[0]) != 0)
        fail_msg("%s: pieces of one image give other bits", c->name);
    for (uint32_t i = 0; i < CVK_CASE_INPUTS; i++)
        cvk__free(drawn[i]);
    free(a);
    free(b);
    cvk_graph_destroy(g);
    return cut > 0;
}

static void test_cases_of_all_ops(void **state)
{
    (void)state;
    uint32_t cut[MAX_OPS] = {0}, whole[MAX_OPS] = {0};
    setenv("CONVOKE_SEGMENTS", "1", 1);
    for (uint32_t t = 0; t < cvk_case_table_count; t++) {
        const struct cvk_case_table *table = cvk_case_tables[t];
        assert_true(table->op < MAX_OPS);
        for (uint32_t i = 0; i < table->count; i++) {
            const struct cvk_case *c = &table->cases[i];
            if (c->bench || c->fails || c->epilogue.parts)
                continue; /* epilogues come from fusion: the random nets have them */
            *(check_case(table->op, c) ? &cut[table->op] : &whole[table->op]) += 1;
        }
    }
    unsetenv("CONVOKE_SEGMENTS");
    static const uint32_t separable[] = {
        CVK_OP_CONV,   CVK_OP_CONV_TRANSPOSE, CVK_OP_POOL,    CVK_OP_GEMM,       CVK_OP_MATMUL,        CVK_OP_UNARY,
        CVK_OP_BINARY, CVK_OP_WHERE,          CVK_OP_REDUCE,  CVK_OP_SOFTMAX,    CVK_OP_BATCH_NORM,    CVK_OP_INSTANCE_NORM,
        CVK_OP_CONCAT, CVK_OP_LAYER_NORM,     CVK_OP_LRN,     CVK_OP_DROPOUT,    CVK_OP_SPLIT,         CVK_OP_SLICE,
        CVK_OP_PAD,    CVK_OP_TRANSPOSE,      CVK_OP_EXPAND,  CVK_OP_TILE,       CVK_OP_GATHER,        CVK_OP_CAST,
        CVK_OP_RESIZE, CVK_OP_DEPTH_SPACE,    CVK_OP_ARG,     CVK_OP_TOPK,       CVK_OP_ONE_HOT,       CVK_OP_RESHAPE,
    };
    for (uint32_t i = 0; i < sizeof separable / sizeof separable[0]; i++)
        if (!cut[separable[i]])
            fail_msg("no case of op %u ran in pieces (%u ran whole)", separable[i], whole[separable[i]]);
    assert_int_equal(cut[CVK_OP_FILL], 0);
    assert_int_equal(cut[CVK_OP_SHAPE], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases_of_all_ops)};
    return cmocka_run_group_tests_name("segment ops", tests, set_up, tear_down);
}
