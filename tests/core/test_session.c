/* SPDX-License-Identifier: MIT
 * Sessions on the reference backend: passes leave the numbers as they are, memory is shared safely, batches are independent, shape
 * content is fixed, and wrong use is told. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convoke/convoke.h"
#include "convoke/rng.h"

static struct cvk_context *ctx;

static int set_up(void **state)
{
    (void)state;
    setenv("CONVOKE_DEVICE", "ref", 1);
    return cvk_context_create(NULL, &ctx);
}

static int tear_down(void **state)
{
    (void)state;
    cvk_context_destroy(ctx);
    return 0;
}

static struct cvk_tensor *random_tensor(uint32_t rank, const int64_t *dims, uint64_t seed)
{
    struct cvk_tensor *t = NULL;
    assert_int_equal(cvk_tensor_create(CVK_F32, rank, dims, &t), CVK_OK);
    float *x = cvk_tensor_data(t);
    for (uint64_t i = 0; i < cvk_tensor_count(t); i++)
        x[i] = cvk_rng_normal(seed, 0, i);
    return t;
}

static cvk_value norm(struct cvk_graph *g, cvk_value x, int64_t channels, uint64_t seed)
{
    float p[4][64];
    cvk_value v[4];
    assert_true(channels <= 64);
    for (uint32_t k = 0; k < 4; k++) {
        for (int64_t c = 0; c < channels; c++)
            p[k][c] = k == 3 ? 0.5f + cvk_rng_uniform(seed, k, (uint64_t)c) : cvk_rng_normal(seed, k, (uint64_t)c);
        v[k] = cvk_constant(g, NULL, CVK_F32, 1, &channels, p[k]);
    }
    return cvk_batch_norm(g, x, v[0], v[1], v[2], v[3], &(struct cvk_batch_norm_params){.epsilon = 1e-5f});
}

/* Residual block, concat, pool, dense: every pass has something to do. */
static struct cvk_graph *branchy_net(void)
{
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("branchy", &g), CVK_OK);
    const struct cvk_conv_params pad = {.kernel = {3, 3}, .pad_begin = {1, 1}, .pad_end = {1, 1}};
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){CVK_BATCH, 3, 16, 16});
    cvk_value a = cvk_relu(g, norm(g, cvk_layer_conv_with(g, x, 16, &pad), 16, 1));
    cvk_value b = norm(g, cvk_layer_conv_with(g, a, 16, &pad), 16, 2);
    cvk_value c = cvk_relu(g, cvk_add(g, b, a));
    cvk_value left = cvk_layer_conv(g, c, 16, 1), right = cvk_relu(g, cvk_layer_conv_with(g, c, 32, &pad));
    cvk_value both = cvk_concat(g, (cvk_value[]){left, right}, 2, &(struct cvk_concat_params){.axis = 1});
    both = cvk_dropout(g, both, &(struct cvk_dropout_params){.drop = 0.5f}, NULL);
    both = cvk_tanh(g, both);
    both = cvk_pool(g, both, &(struct cvk_pool_params){.kernel = {2, 2}, .stride = {2, 2}}, NULL);
    cvk_value y = cvk_layer_dense(g, cvk_flatten(g, both), 10);
    cvk_output(g, cvk_softmax(g, y, &(struct cvk_softmax_params){.axis = 1}), "prob");
    cvk_output(g, c, "middle");
    if (cvk_graph_status(g) != CVK_OK)
        fail_msg("%s", cvk_graph_error(g));
    return g;
}

static struct cvk_tensor *run_once(struct cvk_graph *g, const struct cvk_session_params *p, const struct cvk_tensor *x, uint32_t output,
                                   struct cvk_session_report *report)
{
    struct cvk_session *s = NULL;
    if (cvk_session_create(ctx, g, p, &s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    assert_int_equal(cvk_session_write(s, 0, x), CVK_OK);
    if (cvk_session_run(s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    const struct cvk_tensor_desc *d = cvk_session_output_desc(s, output);
    struct cvk_tensor *y = NULL;
    assert_int_equal(cvk_tensor_create(d->dtype, d->rank, d->dims, &y), CVK_OK);
    assert_int_equal(cvk_session_read(s, output, y), CVK_OK);
    if (report)
        assert_int_equal(cvk_session_get_report(s, report), CVK_OK);
    cvk_session_destroy(s);
    return y;
}

static double worst_difference(const struct cvk_tensor *a, const struct cvk_tensor *b)
{
    double worst = 0;
    assert_int_equal(cvk_tensor_count(a), cvk_tensor_count(b));
    for (uint64_t i = 0; i < cvk_tensor_count(a); i++) {
        double d = fabs(cvk_tensor_at(a, i) - cvk_tensor_at(b, i));
        worst = d > worst || isnan(d) ? d : worst;
    }
    return worst;
}

static void test_passes_keep_the_numbers(void **state)
{
    (void)state;
    struct cvk_graph *g = branchy_net();
    struct cvk_tensor *x = random_tensor(4, (int64_t[]){2, 3, 16, 16}, 7);
    for (uint32_t output = 0; output < 2; output++) {
        struct cvk_session_report fused, plain;
        struct cvk_tensor *a = run_once(g, &(struct cvk_session_params){.batch = 2}, x, output, &fused);
        struct cvk_tensor *b =
            run_once(g, &(struct cvk_session_params){.batch = 2, .flags = CVK_SESSION_NO_FUSE | CVK_SESSION_KEEP_VALUES}, x, output, &plain);
        assert_true(worst_difference(a, b) < 1e-5);
        assert_true(fused.arena_bytes < plain.arena_bytes / 2);
        assert_true(fused.params < plain.params); /* the norms went into the weights */
        cvk_tensor_destroy(a);
        cvk_tensor_destroy(b);
    }
    cvk_tensor_destroy(x);
    cvk_graph_destroy(g);
}

static void test_sharing_memory_keeps_the_bits(void **state)
{
    (void)state;
    struct cvk_graph *g = branchy_net();
    struct cvk_tensor *x = random_tensor(4, (int64_t[]){1, 3, 16, 16}, 8);
    struct cvk_tensor *a = run_once(g, NULL, x, 0, NULL);
    struct cvk_tensor *b = run_once(g, &(struct cvk_session_params){.flags = CVK_SESSION_KEEP_VALUES}, x, 0, NULL);
    assert_memory_equal(cvk_tensor_data(a), cvk_tensor_data(b), cvk_tensor_bytes(a));
    cvk_tensor_destroy(a);
    cvk_tensor_destroy(b);
    cvk_tensor_destroy(x);
    cvk_graph_destroy(g);
}

static void test_batch_items_are_independent(void **state)
{
    (void)state;
    struct cvk_graph *g = branchy_net();
    struct cvk_tensor *x = random_tensor(4, (int64_t[]){3, 3, 16, 16}, 9);
    struct cvk_tensor *all = run_once(g, &(struct cvk_session_params){.batch = 3}, x, 0, NULL);
    for (uint64_t n = 0; n < 3; n++) {
        struct cvk_tensor *one = NULL;
        uint64_t bytes = 3 * 16 * 16 * sizeof(float);
        assert_int_equal(cvk_tensor_wrap(CVK_F32, 4, (int64_t[]){1, 3, 16, 16}, (char *)cvk_tensor_data(x) + n * bytes, bytes, &one), CVK_OK);
        struct cvk_tensor *y = run_once(g, NULL, one, 0, NULL);
        assert_memory_equal(cvk_tensor_data(y), (char *)cvk_tensor_data(all) + n * 40, 40);
        cvk_tensor_destroy(y);
        cvk_tensor_destroy(one);
    }
    cvk_tensor_destroy(all);
    cvk_tensor_destroy(x);
    cvk_graph_destroy(g);
}

/* A sum that two nodes read must not vanish into one of them, nor be overwritten by the first. */
static void test_a_value_with_two_readers_survives(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("readers", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 2, 6, 6});
    cvk_value y = cvk_layer_conv(g, x, 4, 3);
    cvk_value a = cvk_tanh(g, y), b = cvk_sigmoid(g, y);
    cvk_output(g, cvk_add(g, cvk_relu(g, a), cvk_mul(g, b, a)), "sum");
    struct cvk_tensor *in = random_tensor(4, (int64_t[]){1, 2, 6, 6}, 4);
    struct cvk_tensor *fused = run_once(g, NULL, in, 0, NULL);
    struct cvk_tensor *plain =
        run_once(g, &(struct cvk_session_params){.flags = CVK_SESSION_NO_FUSE | CVK_SESSION_KEEP_VALUES}, in, 0, NULL);
    assert_true(worst_difference(fused, plain) < 1e-6);
    cvk_tensor_destroy(fused);
    cvk_tensor_destroy(plain);
    cvk_tensor_destroy(in);
    cvk_graph_destroy(g);
}

/* The kernel of the first node of this op, "" if there is none. */
static const char *kernel_of(const struct cvk_session *s, const char *op)
{
    struct cvk_node_report r;
    for (uint32_t i = 0; i < cvk_session_node_count(s); i++) {
        assert_int_equal(cvk_session_node(s, i, &r), CVK_OK);
        if (!strcmp(r.op, op))
            return r.kernel;
    }
    return "";
}

static void test_concat_and_split_move_nothing_where_they_can(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("split", &g), CVK_OK);
    cvk_value x = cvk_relu(g, cvk_input(g, "x", CVK_F32, 4, (int64_t[]){CVK_BATCH, 8, 4, 4})), part[2];
    cvk_split(g, x, 0, &(struct cvk_split_params){.axis = 1}, 2, part);
    cvk_value both = cvk_concat(g, (cvk_value[]){cvk_tanh(g, part[1]), cvk_sigmoid(g, part[0])}, 2, &(struct cvk_concat_params){.axis = 1});
    cvk_output(g, cvk_relu(g, both), "y");
    for (int64_t batch = 1; batch <= 2; batch++) {
        struct cvk_session *s = NULL;
        if (cvk_session_create(ctx, g, &(struct cvk_session_params){.batch = batch, .flags = CVK_SESSION_NO_SEGMENTS}, &s) != CVK_OK)
            fail_msg("%s", cvk_error_text());
        assert_string_equal(kernel_of(s, "split"), batch == 1 ? "view" : "plain");
        assert_string_equal(kernel_of(s, "concat"), batch == 1 ? "view" : "plain");
        cvk_session_destroy(s);
        struct cvk_tensor *in = random_tensor(4, (int64_t[]){batch, 8, 4, 4}, 3);
        struct cvk_tensor *a = run_once(g, &(struct cvk_session_params){.batch = batch}, in, 0, NULL);
        struct cvk_tensor *b = run_once(g, &(struct cvk_session_params){.batch = batch, .flags = CVK_SESSION_KEEP_VALUES}, in, 0, NULL);
        assert_memory_equal(cvk_tensor_data(a), cvk_tensor_data(b), cvk_tensor_bytes(a));
        double want = fmax(0, tanh(fmax(0, cvk_tensor_at(in, 64))));
        assert_true(fabs(cvk_tensor_at(a, 0) - want) < 1e-6);
        cvk_tensor_destroy(a);
        cvk_tensor_destroy(b);
        cvk_tensor_destroy(in);
    }
    cvk_graph_destroy(g);
}

/* gemm's C as a column has as many numbers as there are channels, but is no bias. */
static void test_a_column_is_no_bias(void **state)
{
    (void)state;
    float w[20];
    for (uint64_t i = 0; i < 20; i++)
        w[i] = cvk_rng_normal(6, 0, i);
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("column", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 2, (int64_t[]){4, 4});
    cvk_value b = cvk_constant(g, NULL, CVK_F32, 2, (int64_t[]){4, 4}, w), c = cvk_constant(g, NULL, CVK_F32, 2, (int64_t[]){4, 1}, w + 16);
    cvk_output(g, norm(g, cvk_gemm(g, x, b, c, NULL), 4, 12), "y");
    struct cvk_tensor *in = random_tensor(2, (int64_t[]){4, 4}, 4);
    struct cvk_tensor *fused = run_once(g, NULL, in, 0, NULL);
    struct cvk_tensor *plain = run_once(g, &(struct cvk_session_params){.flags = CVK_SESSION_NO_FUSE}, in, 0, NULL);
    assert_true(worst_difference(fused, plain) < 1e-5);
    cvk_tensor_destroy(fused);
    cvk_tensor_destroy(plain);
    cvk_tensor_destroy(in);
    cvk_graph_destroy(g);
}

/* A norm behind every kind of sum whose weights it can go into. */
/* A constant added behind a sum, one number per channel in whatever sizes it is written, is its bias; one per column is not. */
static void test_an_added_channel_vector_is_a_bias(void **state)
{
    (void)state;
    static const struct {
        uint32_t rank;
        int64_t dims[4];
        uint32_t nodes;
    } rows[] = {{3, {5, 1, 1}, 1}, {4, {1, 5, 1, 1}, 1}, {1, {5}, 3}, {3, {5, 1, 5}, 3}, {2, {1, 1}, 3}};
    float b[25];
    for (uint64_t i = 0; i < 25; i++)
        b[i] = cvk_rng_normal(9, 0, i);
    struct cvk_tensor *in = random_tensor(4, (int64_t[]){2, 3, 7, 7}, 3);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct cvk_graph *g = NULL;
        assert_int_equal(cvk_graph_create("bias", &g), CVK_OK);
        cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){2, 3, 7, 7});
        float w[5 * 3 * 9];
        for (uint64_t k = 0; k < sizeof w / sizeof *w; k++)
            w[k] = cvk_rng_normal(8, 0, k);
        cvk_value y = cvk_conv(g, x, cvk_constant(g, NULL, CVK_F32, 4, (int64_t[]){5, 3, 3, 3}, w), 0, NULL);
        cvk_output(g, cvk_relu(g, cvk_add(g, cvk_constant(g, NULL, CVK_F32, rows[i].rank, rows[i].dims, b), y)), "y");
        struct cvk_session *s = NULL;
        assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.flags = CVK_SESSION_PLAN_ONLY}, &s), CVK_OK);
        assert_int_equal(cvk_session_node_count(s), rows[i].nodes);
        cvk_session_destroy(s);
        struct cvk_tensor *fused = run_once(g, NULL, in, 0, NULL);
        struct cvk_tensor *plain = run_once(g, &(struct cvk_session_params){.flags = CVK_SESSION_NO_FUSE}, in, 0, NULL);
        assert_true(worst_difference(fused, plain) < 1e-5);
        cvk_tensor_destroy(fused);
        cvk_tensor_destroy(plain);
        cvk_graph_destroy(g);
    }
    cvk_tensor_destroy(in);
}

static void test_norms_fold_into_every_sum(void **state)
{
    (void)state;
    float w[4 * 4 * 9];
    for (uint64_t i = 0; i < sizeof w / sizeof *w; i++)
        w[i] = cvk_rng_normal(5, 0, i);
    for (uint32_t kind = 0; kind < 4; kind++) {
        struct cvk_graph *g = NULL;
        assert_int_equal(cvk_graph_create("fold", &g), CVK_OK);
        bool dense = kind >= 2;
        cvk_value x = cvk_input(g, "x", CVK_F32, dense ? 2 : 4, dense ? (int64_t[]){3, 4} : (int64_t[]){2, 4, 5, 5}), y = 0;
        cvk_value b = cvk_constant(g, NULL, CVK_F32, 1, (int64_t[]){4}, w + 50);
        if (kind == 0)
            y = cvk_conv(g, x, cvk_constant(g, NULL, CVK_F32, 4, (int64_t[]){4, 2, 3, 3}, w), b, &(struct cvk_conv_params){.group = 2});
        if (kind == 1)
            y = cvk_conv_transpose(g, x, cvk_constant(g, NULL, CVK_F32, 4, (int64_t[]){4, 2, 3, 3}, w), b,
                                   &(struct cvk_conv_transpose_params){.group = 2, .stride = {2, 2}});
        if (dense)
            y = cvk_gemm(g, x, cvk_constant(g, NULL, CVK_F32, 2, (int64_t[]){4, 4}, w), b,
                         &(struct cvk_gemm_params){.trans_b = kind == 3, .scaled = 1, .alpha = 0.5f, .beta = 2});
        cvk_output(g, norm(g, y, 4, 11), "y");
        struct cvk_tensor *in = random_tensor(dense ? 2 : 4, dense ? (int64_t[]){3, 4} : (int64_t[]){2, 4, 5, 5}, 3);
        struct cvk_session *s = NULL;
        if (cvk_session_create(ctx, g, NULL, &s) != CVK_OK)
            fail_msg("kind %u: %s", kind, cvk_error_text());
        assert_string_equal(kernel_of(s, "batch_norm"), "");
        cvk_session_destroy(s);
        struct cvk_tensor *a = run_once(g, NULL, in, 0, NULL);
        struct cvk_tensor *c = run_once(g, &(struct cvk_session_params){.flags = CVK_SESSION_NO_FUSE}, in, 0, NULL);
        assert_true(worst_difference(a, c) < 2e-5);
        cvk_tensor_destroy(a);
        cvk_tensor_destroy(c);
        cvk_tensor_destroy(in);
        cvk_graph_destroy(g);
    }
}

static int32_t plan_only(const char *text, struct cvk_session **s)
{
    struct cvk_graph *g = NULL;
    int32_t status = cvk_graph_from_text(text, 1, &g);
    if (status == CVK_OK)
        status = cvk_session_create(ctx, g, &(struct cvk_session_params){.flags = CVK_SESSION_NO_FUSE | CVK_SESSION_PLAN_ONLY}, s);
    cvk_graph_destroy(g);
    return status;
}

/* The last node of the net, as planned. */
static struct cvk_node_report last_node(struct cvk_session *s)
{
    struct cvk_node_report r;
    assert_int_equal(cvk_session_node(s, cvk_session_node_count(s) - 1, &r), CVK_OK);
    return r;
}

static void test_reports_count_right(void **state)
{
    (void)state;
    static const struct {
        const char *net;
        uint64_t params, macs;
        int64_t dims[4];
        uint32_t rank;
    } cases[] = {
        {"3x32x32: 6c5", 456, 28 * 28 * 6 * 75, {1, 6, 28, 28}, 4},
        {"3x56x56: 32c3p1", 896, 56 * 56 * 32 * 27, {1, 32, 56, 56}, 4},
        {"6x9x9: 7c3", 385, 7 * 7 * 7 * 54, {1, 7, 7, 7}, 4},
        {"64x3x3: flat-1000n", 577000, 576000, {1, 1000}, 2},
        {"1000: 10n", 10010, 10000, {1, 10}, 2},
        {"64x3x3: 64c3g64", 640, 576, {1, 64, 1, 1}, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cvk_session *s = NULL;
        if (plan_only(cases[i].net, &s) != CVK_OK)
            fail_msg("%s: %s", cases[i].net, cvk_error_text());
        struct cvk_node_report r = last_node(s);
        assert_int_equal(r.params, cases[i].params);
        assert_int_equal(r.macs, cases[i].macs);
        assert_int_equal(r.outputs[0]->rank, cases[i].rank);
        assert_memory_equal(r.outputs[0]->dims, cases[i].dims, cases[i].rank * sizeof(int64_t));
        cvk_session_destroy(s);
    }
    struct cvk_session *s = NULL;
    assert_int_equal(plan_only("3x32x32: 6c5", &s), CVK_OK);
    assert_int_equal(last_node(s).dense_weights, 14450688);
    cvk_session_destroy(s);
}

static void test_receptive_fields(void **state)
{
    (void)state;
    static const struct {
        const char *net;
        int64_t field;
        double jump, offset;
    } cases[] = {
        {"1x12x12: 10c3p1-mp3-1c2", 8, 3, 2.5},
        {"1x12x12: 10c3p1-1c2", 4, 1, 0.5},
        {"1x32x32: 4c3-4c3-4c3", 7, 1, 3},
        {"1x32x32: 4c3d2", 5, 1, 2},
        {"1x12x12: 10c3p1-gap", 14, 12, 5.5},
        {"1x12x12: 2c3-flat-5n", 12, 10, 5.5},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cvk_session *s = NULL;
        if (plan_only(cases[i].net, &s) != CVK_OK)
            fail_msg("%s: %s", cases[i].net, cvk_error_text());
        struct cvk_node_report r = last_node(s);
        if (r.field[0] != cases[i].field || r.jump[0] != cases[i].jump || r.offset[0] != cases[i].offset)
            fail_msg("%s: field %lld jump %g offset %g", cases[i].net, (long long)r.field[0], r.jump[0], r.offset[0]);
        cvk_session_destroy(s);
    }
}

static void test_paths_that_do_not_align(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("paths", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 1, 9, 9});
    cvk_value a = cvk_layer_conv(g, x, 1, 1); /* 9x9, field 1 */
    cvk_value b = cvk_layer_conv_with(g, x, 1, &(struct cvk_conv_params){.kernel = {5, 5}, .pad_begin = {4, 4}, .pad_end = {0, 0}});
    cvk_value c = cvk_layer_conv_with(g, x, 1, &(struct cvk_conv_params){.kernel = {5, 5}, .pad_begin = {2, 2}, .pad_end = {2, 2}});
    cvk_output(g, cvk_add(g, a, b), "shifted");
    cvk_output(g, cvk_add(g, a, c), "centred");
    struct cvk_session *s = NULL;
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.flags = CVK_SESSION_NO_FUSE | CVK_SESSION_PLAN_ONLY}, &s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    uint32_t adds = 0;
    for (uint32_t i = 0; i < cvk_session_node_count(s); i++) {
        struct cvk_node_report r;
        assert_int_equal(cvk_session_node(s, i, &r), CVK_OK);
        if (strcmp(r.op, "binary"))
            continue;
        assert_int_equal(r.field[0], 5); /* the union holds the pixel under the 1x1 kernel */
        assert_int_equal(r.field_aligned, adds == 1);
        adds++;
    }
    assert_int_equal(adds, 2);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
}

static void test_shape_content_is_fixed(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("reshape", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 2, (int64_t[]){4, 6});
    cvk_value to = cvk_input(g, "to", CVK_I64, 1, (int64_t[]){2});
    cvk_value y = 0;
    cvk_graph_add(g, CVK_OP_RESHAPE, NULL, (cvk_value[]){x, to}, 2, &y, 1);
    cvk_output(g, y, "y");
    struct cvk_session *s = NULL;
    assert_int_equal(cvk_session_create(ctx, g, NULL, &s), CVK_E_SHAPE);
    assert_non_null(strstr(cvk_error_text(), "'to'"));
    int64_t sizes[2] = {8, 3}, other[2] = {3, 8};
    const struct cvk_session_input in = {.name = "to", .content = sizes};
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.input_count = 1, .inputs = &in}, &s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    assert_int_equal(cvk_session_output_desc(s, 0)->dims[0], 8);
    struct cvk_tensor *t = NULL;
    assert_int_equal(cvk_tensor_wrap(CVK_I64, 1, (int64_t[]){2}, other, sizeof other, &t), CVK_OK);
    assert_int_equal(cvk_session_write(s, 1, t), CVK_E_ARG);
    assert_non_null(strstr(cvk_error_text(), "fixed"));
    memcpy(other, sizes, sizeof other);
    assert_int_equal(cvk_session_write(s, 1, t), CVK_OK);
    cvk_tensor_destroy(t);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
}

/* 64-bit sizes must not pass through double or wrap: 2^64 - 1 is no -1. */
static void test_huge_unsigned_sizes_are_refused(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("u64", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 2, (int64_t[]){4, 6}), y = 0;
    cvk_value to = cvk_constant(g, "to", CVK_U64, 1, (int64_t[]){1}, (uint64_t[]){UINT64_MAX});
    assert_int_equal(cvk_graph_add(g, CVK_OP_RESHAPE, NULL, (cvk_value[]){x, to}, 2, &y, 1), CVK_E_SHAPE);
    assert_non_null(strstr(cvk_graph_error(g), "18446744073709551615"));
    cvk_graph_destroy(g);
}

static void test_wrong_use_is_told(void **state)
{
    (void)state;
    struct cvk_graph *g = branchy_net();
    struct cvk_session *s = NULL;
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.memory_limit_bytes = 1000}, &s), CVK_E_LIMIT);
    assert_non_null(strstr(cvk_error_text(), "the limit is 1000"));
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.macs_limit = 1000}, &s), CVK_E_LIMIT);
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.batch = -2}, &s), CVK_E_ARG);
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "nosuch"}, &s), CVK_E_NOT_FOUND);
    assert_non_null(strstr(cvk_error_text(), "nosuch"));
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.kernels = "conv:fwd=nosuch"}, &s), CVK_E_UNSUPPORTED);
    assert_non_null(strstr(cvk_error_text(), "not among the kernels chosen by name"));
    assert_non_null(strstr(cvk_error_text(), "CONVOKE_KERNEL"));
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.kernels = "conv=x"}, &s), CVK_E_ARG);
    setenv("CONVOKE_CHECK", "nam", 1);
    assert_int_equal(cvk_session_create(ctx, g, NULL, &s), CVK_E_ARG);
    assert_non_null(strstr(cvk_error_text(), "'nam'"));
    unsetenv("CONVOKE_CHECK");
    const struct cvk_session_input in = {.name = "y", .rank = 4, .dims = (int64_t[]){1, 3, 16, 16}};
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.input_count = 1, .inputs = &in}, &s), CVK_E_NOT_FOUND);
    const struct cvk_session_input wide = {.name = "x", .rank = 4, .dims = (int64_t[]){1, 4, 16, 16}};
    assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.input_count = 1, .inputs = &wide}, &s), CVK_E_SHAPE);
    assert_null(s);
    assert_int_equal(cvk_session_create(ctx, g, NULL, &s), CVK_OK);
    assert_int_equal(cvk_session_run(s), CVK_E_ARG);
    assert_non_null(strstr(cvk_error_text(), "'x' was not written"));
    struct cvk_tensor *x = random_tensor(4, (int64_t[]){1, 3, 16, 15}, 1);
    assert_int_equal(cvk_session_write(s, 0, x), CVK_E_SHAPE);
    assert_non_null(strstr(cvk_error_text(), "1x3x16x15"));
    cvk_tensor_destroy(x);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
}

static void test_graph_remembers_its_first_failure(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("bad", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){1, 3, 8, 8});
    float w[4 * 2 * 9] = {0};
    cvk_value weights = cvk_constant(g, "w", CVK_F32, 4, (int64_t[]){4, 2, 3, 3}, w);
    cvk_value y = cvk_conv(g, x, weights, 0, NULL);
    assert_int_equal(y, 0);
    assert_int_equal(cvk_graph_status(g), CVK_E_SHAPE);
    char first[300];
    snprintf(first, sizeof first, "%s", cvk_graph_error(g));
    assert_int_equal(cvk_relu(g, y), 0);
    assert_int_equal(cvk_output(g, y, "y"), CVK_E_SHAPE);
    assert_string_equal(cvk_graph_error(g), first);
    struct cvk_session *s = NULL;
    assert_int_equal(cvk_session_create(ctx, g, NULL, &s), CVK_E_SHAPE);
    cvk_graph_destroy(g);
    assert_int_equal(cvk_graph_create("names", &g), CVK_OK);
    cvk_input(g, "x", CVK_F32, 1, (int64_t[]){1});
    assert_int_equal(cvk_input(g, "x", CVK_F32, 1, (int64_t[]){1}), 0);
    assert_non_null(strstr(cvk_graph_error(g), "'x'"));
    cvk_graph_destroy(g);
}

static void test_nan_is_found_at_its_origin(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("nan", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 1, (int64_t[]){4});
    cvk_value y = cvk_name(g, cvk_unary(g, x, &(struct cvk_unary_params){.kind = CVK_LOG}), "the_log");
    cvk_output(g, cvk_relu(g, cvk_mul(g, y, y)), "y");
    struct cvk_tensor *t = random_tensor(1, (int64_t[]){4}, 1);
    for (uint64_t i = 0; i < 4; i++)
        ((float *)cvk_tensor_data(t))[i] = i == 2 ? -1.0f : 1.0f + (float)i;
    setenv("CONVOKE_CHECK", "nan", 1);
    struct cvk_session *s = NULL;
    assert_int_equal(cvk_session_create(ctx, g, NULL, &s), CVK_OK);
    unsetenv("CONVOKE_CHECK");
    assert_int_equal(cvk_session_write(s, 0, t), CVK_OK);
    assert_int_equal(cvk_session_run(s), CVK_E_DEVICE);
    assert_non_null(strstr(cvk_error_text(), "the_log"));
    assert_non_null(strstr(cvk_error_text(), "element 2"));
    cvk_session_destroy(s);
    cvk_tensor_destroy(t);
    cvk_graph_destroy(g);
}

/* A name may hold what a terminal obeys; messages show it as text. */
static void test_names_are_shown_escaped(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("escape", &g), CVK_OK);
    cvk_value x = cvk_input(g, "in\033[2J", CVK_F32, 4, (int64_t[]){1, 1, 8, 8});
    cvk_output(g, cvk_name(g, cvk_layer_conv(g, x, 2, 3), "layer\033]0;title\a\n"), "y");
    assert_int_equal(cvk_graph_status(g), CVK_OK);
    struct cvk_session *s = NULL;
    const char *kernels[] = {"conv:fwd=nosuch", NULL};
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_not_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.kernels = kernels[i], .macs_limit = 1}, &s), CVK_OK);
        assert_non_null(strstr(cvk_error_text(), "layer\\x1b]0;title\\x07\\x0a"));
        assert_null(strchr(cvk_error_text(), '\033'));
    }
    assert_int_equal(cvk_session_create(ctx, g, NULL, &s), CVK_OK);
    assert_int_equal(cvk_session_run(s), CVK_E_ARG);
    assert_non_null(strstr(cvk_error_text(), "in\\x1b[2J"));
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_passes_keep_the_numbers),
        cmocka_unit_test(test_sharing_memory_keeps_the_bits),
        cmocka_unit_test(test_batch_items_are_independent),
        cmocka_unit_test(test_a_value_with_two_readers_survives),
        cmocka_unit_test(test_concat_and_split_move_nothing_where_they_can),
        cmocka_unit_test(test_norms_fold_into_every_sum),
        cmocka_unit_test(test_a_column_is_no_bias),
        cmocka_unit_test(test_an_added_channel_vector_is_a_bias),
        cmocka_unit_test(test_reports_count_right),
        cmocka_unit_test(test_receptive_fields),
        cmocka_unit_test(test_paths_that_do_not_align),
        cmocka_unit_test(test_shape_content_is_fixed),
        cmocka_unit_test(test_huge_unsigned_sizes_are_refused),
        cmocka_unit_test(test_wrong_use_is_told),
        cmocka_unit_test(test_graph_remembers_its_first_failure),
        cmocka_unit_test(test_nan_is_found_at_its_origin),
        cmocka_unit_test(test_names_are_shown_escaped),
    };
    return cmocka_run_group_tests_name("session", tests, set_up, tear_down);
}
