/* SPDX-License-Identifier: MIT
 * Weights, norms and values that are used several times, and weights that the net works out: gradients against differences of the
 * loss, and what the trained net is like. */
#include "rig.h"

static const struct cvk_trainer_params params = {.device = "ref", .batch = 4, .loss = {.kind = CVK_LOSS_MSE}};

static cvk_value drawn(struct cvk_graph *g, const char *name, uint32_t rank, const int64_t *dims, uint64_t seed)
{
    float data[1024];
    uint64_t count = 1;
    for (uint32_t i = 0; i < rank; i++)
        count *= (uint64_t)dims[i];
    assert_true(count <= 1024);
    for (uint64_t i = 0; i < count; i++)
        data[i] = 0.4f * cvk_rng_normal(seed, 3, i);
    return cvk_constant(g, name, CVK_F32, rank, dims, data);
}

static cvk_value number(struct cvk_graph *g, const char *name, int64_t count, float value)
{
    float data[64];
    for (int64_t i = 0; i < count; i++)
        data[i] = value;
    return cvk_constant(g, name, CVK_F32, 1, &count, data);
}

static struct cvk_graph *begin(cvk_value *x)
{
    struct cvk_graph *g = NULL;
    check_ok(cvk_graph_create("net", &g), "graph");
    *x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){CVK_BATCH, 4, 5, 5});
    return g;
}

/* A few elements of every weight: what one step of plain SGD takes away against how the loss changes. */
static void check_gradients(struct rig *r)
{
    cvk_trainer_set_learning_rate(r->t, 0);
    for (uint32_t i = 0; i < cvk_trainer_weight_count(r->t); i++) {
        const char *name = cvk_trainer_weight_name(r->t, i);
        uint32_t state = rig_state(r, name);
        struct cvk_tensor *w = rig_read(r, name);
        float *data = cvk_tensor_data(w);
        uint64_t count = cvk_tensor_count(w);
        for (uint64_t k = 0; k < count; k += count / 5 + 1) {
            float old = data[k];
            const float h = 0.01f;
            data[k] = old + h;
            check_ok(cvk_trainer_state_write(r->t, state, w), name);
            double up = rig_step(r);
            data[k] = old - h;
            check_ok(cvk_trainer_state_write(r->t, state, w), name);
            double down = rig_step(r);
            data[k] = old;
            check_ok(cvk_trainer_state_write(r->t, state, w), name);
            cvk_trainer_set_learning_rate(r->t, 1);
            struct cvk_tensor *all[16]; /* a step changes every weight: they are put back */
            for (uint32_t j = 0; j < cvk_trainer_weight_count(r->t); j++)
                all[j] = rig_read(r, cvk_trainer_weight_name(r->t, j));
            rig_step(r);
            struct cvk_tensor *after = rig_read(r, name);
            double got = (double)old - cvk_tensor_at(after, k), wanted = (up - down) / (2 * (double)h);
            if (!(fabs(got - wanted) <= 0.02 * fabs(wanted) + 2e-4))
                fail_msg("'%s' at %llu: gradient %g, the loss changes by %g", name, (unsigned long long)k, got, wanted);
            for (uint32_t j = 0; j < cvk_trainer_weight_count(r->t); j++) {
                check_ok(cvk_trainer_state_write(r->t, rig_state(r, cvk_trainer_weight_name(r->t, j)), all[j]), name);
                cvk_tensor_destroy(all[j]);
            }
            cvk_trainer_set_learning_rate(r->t, 0);
            cvk_tensor_destroy(after);
        }
        cvk_tensor_destroy(w);
    }
}

/* The net that a trainer gives back: a new trainer's first loss is the next one of the old. */
static void check_graph(struct rig *r, const struct cvk_trainer_params *p)
{
    struct cvk_graph *g = NULL;
    struct rig again;
    check_ok(cvk_trainer_graph(r->t, &g), "the trained net");
    rig_make(&again, g, p);
    double a = rig_step(r), b = rig_step(&again);
    assert_true(fabs(a - b) <= 1e-6 * fabs(a));
    rig_free(&again);
}

/* One kernel in two convolutions, a value that is read four times, and a prediction that is read inside the net. */
static void values_used_several_times(void **state)
{
    (void)state;
    struct rig r;
    cvk_value x, w;
    struct cvk_graph *g = begin(&x);
    const struct cvk_conv_params same = {.pad_begin = {1, 1}, .pad_end = {1, 1}};
    w = drawn(g, "w", 4, (int64_t[]){4, 4, 3, 3}, 1);
    cvk_value a = cvk_tanh(g, cvk_conv(g, x, w, drawn(g, "b", 1, (int64_t[]){4}, 2), &same)), b = cvk_conv(g, a, w, 0, &same);
    cvk_value y = cvk_add(g, cvk_mul(g, a, a), cvk_mul(g, b, a));
    cvk_output(g, y, "y");
    cvk_output(g, cvk_relu(g, y), "z");
    rig_make(&r, g, &params);
    assert_int_equal(cvk_trainer_weight_count(r.t), 2);
    check_gradients(&r);
    check_graph(&r, &params);
    rig_free(&r);
}

/* alpha, beta and a transposed side; the bias is a row of numbers that is broadcast. */
static void scaled_products(void **state)
{
    (void)state;
    for (uint32_t mode = 0; mode < 4; mode++) {
        struct rig r;
        struct cvk_graph *g = NULL;
        check_ok(cvk_graph_create("net", &g), "graph");
        cvk_value x = cvk_input(g, "x", CVK_F32, 2, (int64_t[]){CVK_BATCH, 6});
        const struct cvk_gemm_params p = {.trans_b = mode & 1, .scaled = 1, .alpha = 0.5f, .beta = 2};
        cvk_value w = drawn(g, "w", 2, mode & 1 ? (int64_t[]){3, 6} : (int64_t[]){6, 3}, 1);
        cvk_value b = mode & 2 ? drawn(g, "b", 2, (int64_t[]){1, 3}, 2) : drawn(g, "b", 1, (int64_t[]){3}, 2);
        cvk_output(g, cvk_tanh(g, cvk_gemm(g, x, w, b, &p)), "y");
        rig_make(&r, g, &params);
        check_gradients(&r);
        rig_free(&r);
    }
}

/* A norm used twice as a whole: its running mean goes on from use to use, by what the batch says of the one and of the other. */
static void a_norm_used_twice(void **state)
{
    (void)state;
    struct rig r;
    cvk_value x;
    struct cvk_graph *g = begin(&x);
    const struct cvk_batch_norm_params p = {.epsilon = 0.1f, .momentum = 0.75f};
    cvk_value s = drawn(g, "scale", 1, (int64_t[]){4}, 1), b = drawn(g, "bias", 1, (int64_t[]){4}, 2);
    cvk_value m = number(g, "mean", 4, 1), v = number(g, "var", 4, 2), three = number(g, NULL, 1, 3);
    cvk_value first = cvk_batch_norm(g, x, s, b, m, v, &p), second = cvk_batch_norm(g, cvk_add(g, x, three), s, b, m, v, &p);
    /* What fuses behind the first comes after the second. */
    cvk_output(g, cvk_tanh(g, cvk_add(g, first, cvk_tanh(g, second))), "y");
    rig_make(&r, g, &params);
    assert_int_equal(cvk_trainer_state_count(r.t), 4);
    rig_step(&r);
    struct cvk_tensor *mean = rig_read(&r, "mean"), *var = rig_read(&r, "var");
    for (uint64_t c = 0; c < 4; c++) {
        double sum = 0, squares = 0;
        for (uint64_t i = 0; i < 100; i++) {
            double e = cvk_tensor_at(r.x, i / 25 * 100 + c * 25 + i % 25);
            sum += e / 100;
            squares += e * e / 100;
        }
        double one = 0.75 * 1 + 0.25 * sum, two = 0.75 * one + 0.25 * (sum + 3), spread = squares - sum * sum;
        assert_true(fabs(cvk_tensor_at(mean, c) - two) < 1e-5);
        assert_true(fabs(cvk_tensor_at(var, c) - (0.75 * (0.75 * 2 + 0.25 * spread) + 0.25 * spread)) < 1e-5);
    }
    cvk_tensor_destroy(mean), cvk_tensor_destroy(var);
    check_gradients(&r);
    check_graph(&r, &params);
    rig_free(&r);
}

/* Norms that an exporter gave one zero and one one: each trains with the batch and keeps its own statistics. */
static void norms_that_share_constants(void **state)
{
    (void)state;
    struct rig r;
    cvk_value x;
    struct cvk_graph *g = begin(&x), *after = NULL;
    const struct cvk_batch_norm_params p = {.epsilon = 0.1f};
    const struct cvk_conv_params same = {.pad_begin = {1, 1}, .pad_end = {1, 1}};
    cvk_value zero = number(g, "zero", 4, 0), one = number(g, "one", 4, 1);
    cvk_value a = cvk_batch_norm(g, x, one, zero, zero, one, &p);
    cvk_value b = cvk_conv(g, cvk_tanh(g, a), drawn(g, "w", 4, (int64_t[]){4, 4, 3, 3}, 1), 0, &same);
    cvk_output(g, cvk_batch_norm(g, b, one, drawn(g, "last", 1, (int64_t[]){4}, 5), zero, one, &p), "y");
    rig_make(&r, g, &params);
    assert_int_equal(cvk_trainer_weight_count(r.t), 4);
    assert_int_equal(cvk_trainer_state_count(r.t), 8);
    uint32_t moved = 0;
    for (int i = 0; i < 2; i++)
        rig_step(&r);
    for (uint32_t i = 0; i < 8; i++) {
        struct cvk_tensor *s = rig_read(&r, cvk_trainer_state_name(r.t, i));
        double first = cvk_tensor_at(s, 0);
        moved += first != 0 && first != 1;
        cvk_tensor_destroy(s);
    }
    assert_true(moved >= 4); /* all statistics; the rate is 0 */
    check_gradients(&r);
    check_ok(cvk_trainer_graph(r.t, &after), "graph");
    cvk_graph_destroy(after);
    check_graph(&r, &params);
    rig_free(&r);
}

/* Two kernels cut out of one constant: both are trained, or one of them stays. */
static void kernels_that_the_net_cuts_out(void **state)
{
    (void)state;
    for (int frozen = 0; frozen < 2; frozen++) {
        struct rig r;
        cvk_value x, parts[2];
        struct cvk_graph *g = begin(&x);
        struct cvk_trainer_params p = params;
        p.freeze = frozen ? "*1.weight" : NULL; /* a weight without a name has one of its node's */
        p.learning_rate = 0.1f;
        check_ok(
            cvk_split(g, drawn(g, "both", 4, (int64_t[]){8, 4, 3, 3}, 1), 0, &(struct cvk_split_params){.axis = 0}, 2, parts),
            "split");
        const struct cvk_conv_params wide = {.pad_begin = {1, 1}, .pad_end = {1, 1}};
        cvk_output(g, cvk_conv(g, cvk_tanh(g, cvk_conv(g, x, parts[0], 0, NULL)), parts[1], 0, &wide), "y");
        rig_make(&r, g, &p);
        assert_int_equal(cvk_trainer_weight_count(r.t), 2 - frozen);
        rig_step(&r);
        check_gradients(&r);
        check_graph(&r, &p);
        rig_free(&r);
    }
}

/* A frozen norm between layers that learn: the gradient goes through it, and its statistics stay. */
static void a_frozen_norm(void **state)
{
    (void)state;
    struct rig r;
    struct cvk_trainer_params p = params;
    p.freeze = "bn1.*";
    rig_make_text(&r, "4x5x5: 4c3-bn-tanh-4c3-bn-gap-3n", &p);
    check_gradients(&r);
    rig_free(&r);
}

/* A net made for one batch is not trained with another, which the caller would have to find out by the speed. */
static void a_fixed_batch_stays(void **state)
{
    (void)state;
    struct cvk_context *ctx = NULL;
    struct cvk_graph *g = NULL;
    struct cvk_trainer *t = NULL;
    check_ok(cvk_context_create(NULL, &ctx), "context");
    check_ok(cvk_graph_create("net", &g), "graph");
    cvk_value x = cvk_input(g, "x", CVK_F32, 2, (int64_t[]){2, 6});
    cvk_output(g, cvk_layer_dense(g, x, 3), "y");
    assert_int_equal(cvk_trainer_create(ctx, g, &params, &t), CVK_E_ARG);
    assert_non_null(strstr(cvk_error_text(), "batches of 2, not of 4"));
    struct cvk_trainer_params p = params;
    p.batch = 0; /* as the net has it */
    check_ok(cvk_trainer_create(ctx, g, &p, &t), "trainer");
    assert_int_equal(cvk_trainer_input_desc(t)->dims[0], 2);
    cvk_trainer_destroy(t);
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_used_several_times),
        cmocka_unit_test(scaled_products),
        cmocka_unit_test(a_norm_used_twice),
        cmocka_unit_test(norms_that_share_constants),
        cmocka_unit_test(kernels_that_the_net_cuts_out),
        cmocka_unit_test(a_frozen_norm),
        cmocka_unit_test(a_fixed_batch_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
