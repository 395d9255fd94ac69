/* SPDX-License-Identifier: MIT
 * The trainer: what a step changes and what it leaves, by numbers worked out here; states, freezing, clipping, dropout. */
#include "rig.h"

#include "base/base.h"
#include "convoke/plugin.h"

static const struct cvk_trainer_params plain = {.device = "ref", .batch = 8, .learning_rate = 0.1f};

/* One dense layer, mean square error: dw = 2/(N*U) * (x w' - y)' x, worked out in double. */
static void one_step_of_a_dense_layer(void **state)
{
    (void)state;
    struct rig r;
    struct cvk_trainer_params p = plain;
    p.loss.kind = CVK_LOSS_MSE;
    rig_make_text(&r, "5: 3n", &p);
    struct cvk_tensor *w = rig_read(&r, "dense1.w"), *b = rig_read(&r, "dense1.b");
    const float *x = cvk_tensor_data(r.x), *y = cvk_tensor_data(r.target), *w0 = cvk_tensor_data(w), *b0 = cvk_tensor_data(b);
    double error[8][3], loss = 0;
    for (int n = 0; n < 8; n++)
        for (int u = 0; u < 3; u++) {
            error[n][u] = (double)b0[u] - (double)y[n * 3 + u];
            for (int k = 0; k < 5; k++)
                error[n][u] += (double)x[n * 5 + k] * (double)w0[u * 5 + k];
            loss += error[n][u] * error[n][u] / 24;
        }
    double got = rig_step(&r);
    assert_true(fabs(got - loss) < 1e-5 * loss);
    struct cvk_tensor *w1 = rig_read(&r, "dense1.w"), *b1 = rig_read(&r, "dense1.b");
    for (int u = 0; u < 3; u++) {
        double db = 0;
        for (int n = 0; n < 8; n++)
            db += 2 * error[n][u] / 24;
        assert_true(fabs(cvk_tensor_at(b1, (uint64_t)u) - ((double)b0[u] - 0.1 * db)) < 1e-6);
        for (int k = 0; k < 5; k++) {
            double dw = 0;
            for (int n = 0; n < 8; n++)
                dw += 2 * error[n][u] / 24 * (double)x[n * 5 + k];
            assert_true(fabs(cvk_tensor_at(w1, (uint64_t)(u * 5 + k)) - ((double)w0[u * 5 + k] - 0.1 * dw)) < 1e-6);
        }
    }
    cvk_tensor_destroy(w), cvk_tensor_destroy(b), cvk_tensor_destroy(w1), cvk_tensor_destroy(b1);
    rig_free(&r);
}

static void every_optimiser_learns(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < CVK_OPTIMIZER_KINDS; kind++) {
        struct rig r;
        struct cvk_trainer_params p = plain;
        p.optimizer = cvk_optimizer_defaults(kind);
        p.learning_rate = kind == CVK_SGD ? 0.05f : kind == CVK_ADAGRAD ? 0.05f : 0.01f;
        rig_make_text(&r, "2x8x8: 8c3p1-bn-relu-mp2-res(8c3p1-relu)-gap-4n-softmax", &p);
        double first = rig_step(&r), last = first;
        for (int i = 0; i < 40; i++)
            last = rig_step(&r);
        if (!(last < 0.4 * first))
            print_error("%s: loss %g, after 40 steps %g\n", cvk_optimizer_name(kind), first, last);
        assert_true(last < 0.4 * first);
        rig_free(&r);
    }
}

static void every_loss_learns(void **state)
{
    (void)state;
    for (uint32_t kind = 0; kind < CVK_LOSS_KINDS; kind++) {
        struct rig r;
        struct cvk_trainer_params p = plain;
        p.loss.kind = kind;
        p.optimizer = cvk_optimizer_defaults(CVK_ADAM);
        p.learning_rate = 0.02f;
        rig_make_text(&r, kind == CVK_LOSS_SIGMOID_CROSS_ENTROPY ? "6: 16n-tanh-3n-sigmoid" : "6: 16n-tanh-3n", &p);
        for (uint64_t i = 0; kind == CVK_LOSS_SIGMOID_CROSS_ENTROPY && i < cvk_tensor_count(r.target); i++)
            ((float *)cvk_tensor_data(r.target))[i] = i % 3 == 0;
        double first = rig_step(&r), last = first;
        for (int i = 0; i < 100; i++)
            last = rig_step(&r);
        if (!(last < 0.3 * first))
            print_error("%s: loss %g, after 100 steps %g\n", cvk_loss_name(kind), first, last);
        assert_true(last < 0.3 * first);
        rig_free(&r);
    }
}

/* Class numbers and the same as one-hot labels: the same losses (O2). */
static void one_hot_labels_are_class_numbers(void **state)
{
    (void)state;
    struct rig a, b;
    struct cvk_trainer_params p = plain;
    p.loss.smoothing = 0.1f;
    rig_make_text(&a, "6: 16n-relu-4n-softmax", &p);
    p.target_dtype = CVK_F32;
    rig_make_text(&b, "6: 16n-relu-4n-softmax", &p);
    for (uint64_t i = 0; i < 32; i++)
        ((float *)cvk_tensor_data(b.target))[i] = i % 4 == i / 4 % 4;
    for (int i = 0; i < 5; i++) {
        double x = rig_step(&a), y = rig_step(&b);
        assert_true(fabs(x - y) < 1e-5);
    }
    rig_free(&a);
    rig_free(&b);
}

static bool same(struct cvk_tensor *a, struct cvk_tensor *b)
{
    bool equal =
        cvk_tensor_bytes(a) == cvk_tensor_bytes(b) && !memcmp(cvk_tensor_data(a), cvk_tensor_data(b), cvk_tensor_bytes(a));
    cvk_tensor_destroy(a);
    cvk_tensor_destroy(b);
    return equal;
}

/* What is frozen stays bit for bit, and a frozen norm keeps its statistics. */
static void frozen_weights_stay(void **state)
{
    (void)state;
    struct rig r;
    struct cvk_trainer_params p = plain;
    struct cvk_graph *after = NULL;
    p.freeze = "conv1.*,bn1.*";
    rig_make_text(&r, "2x6x6: 4c3-bn-relu-4c3-bn-relu-gap-3n", &p);
    for (uint32_t i = 0; i < cvk_trainer_state_count(r.t); i++)
        assert_true(strncmp(cvk_trainer_state_name(r.t, i), "conv1.", 6) && strncmp(cvk_trainer_state_name(r.t, i), "bn1.", 4));
    struct cvk_tensor *w = rig_read(&r, "conv2.w"), *mean = rig_read(&r, "bn2.mean");
    rig_step(&r);
    assert_false(same(w, rig_read(&r, "conv2.w")));
    assert_false(same(mean, rig_read(&r, "bn2.mean")));
    check_ok(cvk_trainer_graph(r.t, &after), "graph");
    cvk_graph_destroy(after);
    p.freeze = "*";
    struct cvk_trainer *none = NULL;
    assert_int_equal(cvk_trainer_create(r.ctx, r.net, &p, &none), CVK_E_ARG);
    assert_non_null(strstr(cvk_error_text(), "frozen"));
    p.freeze = "conv1.*,konv2.*"; /* would be trained unnoticed */
    assert_int_equal(cvk_trainer_create(r.ctx, r.net, &p, &none), CVK_E_NOT_FOUND);
    assert_non_null(strstr(cvk_error_text(), "'konv2.*'"));
    rig_free(&r);
}

/* A dropped unit's weights get exactly no update; at the next step others are dropped (A3). drop0.4 and keep0.6 are the same
 * (A4). */
static void dropped_units_get_no_update(void **state)
{
    (void)state;
    struct rig r, keep;
    struct cvk_trainer_params p = plain;
    uint32_t dropped[2] = {0, 0};
    p.batch = 1;
    p.seed = 3;
    rig_make_text(&r, "6: 64n-tanh-drop0.4-3n-softmax", &p);
    rig_make_text(&keep, "6: 64n-tanh-keep0.6-3n-softmax", &p);
    bool differ = false, was[64] = {0};
    for (int step = 0; step < 2; step++) {
        struct cvk_tensor *w1 = rig_read(&r, "dense1.w"), *w2 = rig_read(&r, "dense2.w");
        rig_step(&r);
        rig_step(&keep);
        struct cvk_tensor *n1 = rig_read(&r, "dense1.w"), *n2 = rig_read(&r, "dense2.w");
        for (uint64_t u = 0; u < 64; u++) {
            uint32_t changed = 0;
            for (uint64_t k = 0; k < 6; k++)
                changed += cvk_tensor_at(w1, u * 6 + k) != cvk_tensor_at(n1, u * 6 + k);
            for (uint64_t k = 0; k < 3; k++)
                changed += cvk_tensor_at(w2, k * 64 + u) != cvk_tensor_at(n2, k * 64 + u);
            assert_true(changed == 0 || changed == 9);
            dropped[step] += changed == 0;
            differ |= step && was[u] != (changed == 0);
            was[u] = changed == 0;
        }
        cvk_tensor_destroy(w1), cvk_tensor_destroy(w2), cvk_tensor_destroy(n1), cvk_tensor_destroy(n2);
    }
    assert_in_range(dropped[0], 12, 40);
    assert_in_range(dropped[1], 12, 40);
    assert_true(differ);
    assert_true(rig_fingerprint(&r) == rig_fingerprint(&keep));
    rig_free(&r);
    rig_free(&keep);
}

/* Corrected for its beginning, Adam's first step is the rate, whatever the gradient; uncorrected it is 0.1 / sqrt(0.001) of it. The
 * second one, with the same gradient, too. */
static void adam_begins_at_one(void **state)
{
    (void)state;
    for (uint32_t kind = CVK_ADAM; kind <= CVK_ADAMW; kind++) {
        struct rig r;
        struct cvk_trainer_params p = plain;
        p.optimizer = cvk_optimizer_defaults(kind);
        p.optimizer.decay = 0;
        p.loss.kind = CVK_LOSS_L1; /* its gradient does not depend on how far away the target is */
        p.learning_rate = 0.01f;
        rig_make_text(&r, "4: 2n", &p);
        for (uint64_t i = 0; i < 16; i++)
            ((float *)cvk_tensor_data(r.target))[i] = 100;
        struct cvk_tensor *before = rig_read(&r, "dense1.b");
        for (int step = 1; step <= 2; step++) {
            rig_step(&r);
            struct cvk_tensor *after = rig_read(&r, "dense1.b");
            for (uint64_t i = 0; i < 2; i++)
                assert_true(fabs(cvk_tensor_at(after, i) - cvk_tensor_at(before, i) - 0.01 * step) < 1e-5);
            cvk_tensor_destroy(after);
        }
        cvk_tensor_destroy(before);
        rig_free(&r);
    }
}

/* With plain SGD the weights move by rate * min(norm, clip) altogether. */
static void clipping_shortens_the_step(void **state)
{
    (void)state;
    for (int clipped = 0; clipped < 2; clipped++) {
        struct rig r;
        struct cvk_trainer_params p = plain;
        struct cvk_step_result result = {.size = sizeof result};
        float norms[6];
        p.flags = CVK_TRAIN_NORMS;
        p.clip_norm = clipped ? 0.01f : 1e6f;
        rig_make_text(&r, "2x6x6: 4c3-relu-4c3-relu-gap-3n", &p);
        struct cvk_tensor *before[6];
        for (uint32_t i = 0; i < 6; i++)
            before[i] = rig_read(&r, cvk_trainer_weight_name(r.t, i));
        check_ok(cvk_trainer_step(r.t, r.x, r.target, &result), "step");
        check_ok(cvk_trainer_read_norms(r.t, norms, 6), "norms");
        assert_int_equal(cvk_trainer_read_norms(r.t, NULL, 6), CVK_E_ARG);
        double moved = 0, sum = 0;
        for (uint32_t i = 0; i < 6; i++) {
            struct cvk_tensor *after = rig_read(&r, cvk_trainer_weight_name(r.t, i));
            for (uint64_t k = 0; k < cvk_tensor_count(after); k++)
                moved += pow(cvk_tensor_at(after, k) - cvk_tensor_at(before[i], k), 2);
            sum += (double)norms[i] * (double)norms[i];
            cvk_tensor_destroy(after);
            cvk_tensor_destroy(before[i]);
        }
        assert_true(result.gradient_norm > 0.02);
        assert_true(fabs(sqrt(sum) - result.gradient_norm) < 1e-4 * result.gradient_norm);
        double expected = 0.1 * (clipped ? 0.01 : result.gradient_norm);
        assert_true(fabs(sqrt(moved) - expected) < 2e-3 * expected);
        rig_free(&r);
    }
}

/* L2 shrinks weights, L1 moves them toward 0 by a constant; biases only if wished. The targets are met, so there is no other
 * gradient. */
static void regularisation_shrinks(void **state)
{
    (void)state;
    for (int mode = 0; mode < 4; mode++) {
        struct rig r;
        struct cvk_trainer_params p = plain;
        p.loss.kind = CVK_LOSS_MSE;
        p.decay_biases = mode == 2;
        *(mode == 1 ? &p.optimizer.l1 : mode == 3 ? &p.optimizer.decay : &p.optimizer.l2) = 0.5f;
        if (mode == 3)
            p.optimizer.kind = CVK_ADAMW, p.optimizer.beta1 = 0.9f, p.optimizer.beta2 = 0.99f, p.optimizer.epsilon = 1e-8f;
        rig_make_text(&r, "4: 2n", &p);
        struct cvk_tensor *w = rig_read(&r, "dense1.w"), *b = rig_read(&r, "dense1.b");
        ((float *)cvk_tensor_data(b))[0] = 0.25f;
        check_ok(cvk_trainer_state_write(r.t, rig_state(&r, "dense1.b"), b), "bias");
        memset(cvk_tensor_data(r.x), 0, cvk_tensor_bytes(r.x));
        for (uint64_t i = 0; i < 16; i++)
            ((float *)cvk_tensor_data(r.target))[i] = i % 2 ? 0 : 0.25f;
        rig_step(&r);
        struct cvk_tensor *w1 = rig_read(&r, "dense1.w"), *b1 = rig_read(&r, "dense1.b");
        for (uint64_t i = 0; i < 8; i++) {
            double old = cvk_tensor_at(w, i), wanted = mode == 1 ? old - copysign(0.05, old) : old * 0.95;
            assert_true(fabs(cvk_tensor_at(w1, i) - wanted) < 1e-6);
        }
        assert_true(fabs(cvk_tensor_at(b1, 0) - (mode == 2 ? 0.25 * 0.95 : 0.25)) < 1e-6);
        cvk_tensor_destroy(w), cvk_tensor_destroy(b), cvk_tensor_destroy(w1), cvk_tensor_destroy(b1);
        rig_free(&r);
    }
}

/* Taken out, put into a fresh trainer and gone on with: the same bits as without a break. */
static void states_are_everything(void **state)
{
    (void)state;
    static const char net[] = "2x8x8: 4c3p1-bn-relu-mp2-drop0.3-8c3-bn-relu-gap-3n-softmax";
    struct rig a, b;
    struct cvk_trainer_params p = plain;
    p.optimizer = cvk_optimizer_defaults(CVK_ADAM);
    rig_make_text(&a, net, &p);
    rig_make_text(&b, net, &p);
    for (int i = 0; i < 3; i++)
        rig_step(&a);
    for (uint32_t i = 0; i < cvk_trainer_state_count(a.t); i++) {
        struct cvk_tensor *s = rig_read(&a, cvk_trainer_state_name(a.t, i));
        assert_string_equal(cvk_trainer_state_name(a.t, i), cvk_trainer_state_name(b.t, i));
        check_ok(cvk_trainer_state_write(b.t, i, s), "state");
        cvk_tensor_destroy(s);
    }
    cvk_trainer_set_steps(b.t, cvk_trainer_steps(a.t));
    for (int i = 0; i < 3; i++)
        assert_true(rig_step(&a) == rig_step(&b));
    assert_true(rig_fingerprint(&a) == rig_fingerprint(&b));
    rig_free(&a);
    rig_free(&b);
}

/* The graph that a trainer gives back predicts with the weights and the running statistics of now. */
static void the_trained_graph_is_what_was_learned(void **state)
{
    (void)state;
    struct rig r;
    struct cvk_trainer_params p = plain;
    struct cvk_graph *g = NULL;
    struct cvk_session *s = NULL;
    rig_make_text(&r, "2x6x6: 4c3-bn-relu-gap-4n-softmax", &p);
    for (int i = 0; i < 200; i++) /* the running statistics come to those of the one batch */
        rig_step(&r);
    check_ok(cvk_trainer_graph(r.t, &g), "graph");
    check_ok(cvk_evaluation_create(r.ctx, g, &p, &s), "evaluation");
    check_ok(cvk_session_write(s, 0, r.x), "x");
    check_ok(cvk_session_write(s, 1, r.target), "target");
    check_ok(cvk_session_run(s), "run");
    struct cvk_tensor *loss = NULL;
    const struct cvk_tensor_desc *d = cvk_session_output_desc(s, 0);
    check_ok(cvk_tensor_create(d->dtype, d->rank, d->dims, &loss), "loss");
    check_ok(cvk_session_read(s, 0, loss), "loss");
    double mean = 0;
    for (uint64_t i = 0; i < 8; i++)
        mean += cvk_tensor_at(loss, i) / 8;
    double next = rig_step(&r);
    assert_true(next < 0.5);
    assert_true(fabs(mean - next) < 0.02 * next + 1e-3);
    cvk_tensor_destroy(loss);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
    rig_free(&r);
}

/* A dense layer and a convolution with a kernel of the map's size: the same numbers, the same steps (D8). */
static void a_dense_layer_is_a_convolution(void **state)
{
    (void)state;
    struct rig a, b;
    rig_make_text(&a, "3x4x4: 5n-relu-3n-softmax", &plain);
    rig_make_text(&b, "3x4x4: 5c4-relu-flat-3n-softmax", &plain);
    struct cvk_tensor *w = rig_read(&a, "dense1.w"), *v = NULL, *last = rig_read(&a, "dense2.w");
    check_ok(cvk_tensor_wrap(CVK_F32, 4, (int64_t[]){5, 3, 4, 4}, cvk_tensor_data(w), cvk_tensor_bytes(w), &v), "weights");
    check_ok(cvk_trainer_state_write(b.t, rig_state(&b, "conv1.w"), v), "conv1.w");
    check_ok(cvk_trainer_state_write(b.t, rig_state(&b, "dense1.w"), last), "dense1.w");
    for (int i = 0; i < 4; i++) {
        double x = rig_step(&a), y = rig_step(&b);
        assert_true(fabs(x - y) < 1e-5);
    }
    struct cvk_tensor *wa = rig_read(&a, "dense1.w"), *wb = rig_read(&b, "conv1.w");
    for (uint64_t i = 0; i < cvk_tensor_count(wa); i++)
        assert_true(fabs(cvk_tensor_at(wa, i) - cvk_tensor_at(wb, i)) < 1e-5);
    cvk_tensor_destroy(w), cvk_tensor_destroy(v), cvk_tensor_destroy(last), cvk_tensor_destroy(wa), cvk_tensor_destroy(wb);
    rig_free(&a);
    rig_free(&b);
}

/* A gradient that needs an output which the net left out (the places of the greatest): the step makes it. */
static void outputs_that_were_left_out(void **state)
{
    (void)state;
    struct rig r;
    struct cvk_graph *g = NULL;
    cvk_value y;
    check_ok(cvk_graph_create("greatest", &g), "graph");
    cvk_value x = cvk_layer_dense(g, cvk_input(g, "x", CVK_F32, 2, (int64_t[]){CVK_BATCH, 6}), 12);
    check_ok(cvk_graph_add(g, CVK_OP_TOPK, &(struct cvk_topk_params){.k = 4, .axis = 1}, &x, 1, &y, 1), "topk");
    cvk_output(g, cvk_layer_dense(g, y, 3), "scores");
    rig_make(&r, g, &plain);
    struct cvk_tensor *before = rig_read(&r, "dense1.w");
    double first = rig_step(&r), last = first;
    for (int i = 0; i < 20; i++)
        last = rig_step(&r);
    assert_true(last < first);
    struct cvk_tensor *after = rig_read(&r, "dense1.w");
    assert_true(memcmp(cvk_tensor_data(before), cvk_tensor_data(after), cvk_tensor_bytes(before)) != 0);
    cvk_tensor_destroy(before);
    cvk_tensor_destroy(after);
    rig_free(&r);
}

/* As documented: it shows in the loss, and the steps go on. */
static void nan_shows_in_the_loss(void **state)
{
    (void)state;
    struct rig r;
    rig_make_text(&r, "6: 8n-relu-3n-softmax", &plain);
    ((float *)cvk_tensor_data(r.x))[3] = NAN;
    assert_true(isnan(rig_step(&r)));
    ((float *)cvk_tensor_data(r.x))[3] = INFINITY;
    rig_step(&r);
    rig_free(&r);
}

/* What cannot be trained is told at once, and by name. */
static void errors_name_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *net, *words;
        struct cvk_trainer_params p;
    } cases[] = {
        {"3x8x8: relu-gap", "no weights", {.device = "ref"}},
        {"3x8x8: 4c3-gap-4n", "no output 'nothing'", {.device = "ref", .prediction = "nothing"}},
        {"3x8x8: 4c3-gap-4n", "learning rate", {.device = "ref", .learning_rate = -1}},
        {"3x8x8: 4c3-gap-4n", "one number", {.device = "ref", .loss = {.reduction = CVK_LOSS_NONE}}},
        {"3x8x8: 4c3-gap-4n", "smoothing", {.device = "ref", .loss = {.smoothing = 2}}},
        {"3x8x8: 4c3-gap-4n", "momentum", {.device = "ref", .optimizer = {.momentum = 2}}},
    };
    struct cvk_context *ctx = NULL;
    check_ok(cvk_context_create(NULL, &ctx), "context");
    for (uint32_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct cvk_graph *g = NULL;
        struct cvk_trainer *t = NULL;
        check_ok(cvk_graph_from_text(cases[i].net, 1, &g), cases[i].net);
        assert_int_not_equal(cvk_trainer_create(ctx, g, &cases[i].p, &t), CVK_OK);
        assert_null(t);
        if (!strstr(cvk_error_text(), cases[i].words))
            print_error("'%s' is not in: %s\n", cases[i].words, cvk_error_text());
        assert_non_null(strstr(cvk_error_text(), cases[i].words));
        cvk_graph_destroy(g);
    }
    cvk_context_destroy(ctx);
}

/* Memory that runs out while a trainer is made or takes a step is a failure with a sentence, and nothing is lost. */
static void memory_runs_out(void **state)
{
    (void)state;
    struct rig r;
    struct cvk_trainer_params p = plain;
    p.clip_norm = 1;
    p.optimizer = cvk_optimizer_defaults(CVK_ADAM);
    rig_make_text(&r, "1x6x6: 2c3-bn-relu-drop0.5-gap-2n", &p);
    rig_step(&r);
    uint64_t held = cvk__alloc_held();
    for (int64_t n = 0;; n++) {
        struct cvk_trainer *t = NULL;
        cvk__alloc_fail_after(n);
        int32_t status = cvk_trainer_create(r.ctx, r.net, &p, &t);
        if (status == CVK_OK)
            status = cvk_trainer_step(t, r.x, r.target, NULL);
        cvk__alloc_fail_never();
        cvk_trainer_destroy(t);
        assert_true(status == CVK_OK || cvk_error_text()[0]);
        assert_int_equal(cvk__alloc_held(), held);
        if (status == CVK_OK) {
            assert_true(n > 100);
            break;
        }
    }
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_step_of_a_dense_layer),
        cmocka_unit_test(every_optimiser_learns),
        cmocka_unit_test(every_loss_learns),
        cmocka_unit_test(one_hot_labels_are_class_numbers),
        cmocka_unit_test(frozen_weights_stay),
        cmocka_unit_test(dropped_units_get_no_update),
        cmocka_unit_test(adam_begins_at_one),
        cmocka_unit_test(clipping_shortens_the_step),
        cmocka_unit_test(regularisation_shrinks),
        cmocka_unit_test(states_are_everything),
        cmocka_unit_test(the_trained_graph_is_what_was_learned),
        cmocka_unit_test(a_dense_layer_is_a_convolution),
        cmocka_unit_test(outputs_that_were_left_out),
        cmocka_unit_test(nan_shows_in_the_loss),
        cmocka_unit_test(errors_name_what_is_wrong),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
