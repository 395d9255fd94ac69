/* SPDX-License-Identifier: MIT
 * The same seed gives the same bits, run after run and for any number of threads; and nets of 152 layers train. */
#include <stdio.h>

#include "rig.h"

static const char net[] =
    "3x12x12: 16c3p1-bn-relu-res(16c3p1-bn-relu-16c3p1-bn)-relu-drop0.3-res(32c3p1s2-bn-relu-32c3p1-bn)-relu-"
    "dw3p1-16t2-relu-mp2-flat-20n-relu-5n-softmax";

static uint64_t train(const char *device, uint64_t seed)
{
    struct rig r;
    const struct cvk_trainer_params p = {.device = device,
                                         .batch = 12,
                                         .learning_rate = 0.01f,
                                         .optimizer = cvk_optimizer_defaults(CVK_ADAM),
                                         .clip_norm = 2,
                                         .seed = seed,
                                         .flags = CVK_TRAIN_DETERMINISTIC};
    rig_make_text(&r, net, &p);
    for (uint64_t i = 0; i < 4; i++) {
        rig_draw(&r, i);
        assert_true(isfinite(rig_step(&r)));
    }
    uint64_t print = rig_fingerprint(&r);
    rig_free(&r);
    return print;
}

static void same_bits(const char *device)
{
    char text[32];
    snprintf(text, sizeof text, "%s(threads=1)", device);
    uint64_t one = train(text, 1);
    for (int threads = 1; threads <= 4; threads++) {
        snprintf(text, sizeof text, "%s(threads=%d)", device, threads);
        if (train(text, 1) != one)
            print_error("%s differs from one thread\n", text);
        assert_true(train(text, 1) == one);
    }
    assert_true(train(device, 2) != one); /* another seed drops other units */
}

static void reference_repeats(void **state)
{
    (void)state;
    same_bits("ref");
}

static void simd_repeats(void **state)
{
    (void)state;
    same_bits("simd");
}

/* Both backends from the same weights: losses stay together over some steps. */
static void backends_agree(void **state)
{
    (void)state;
    struct rig a, b;
    struct cvk_trainer_params p = {
        .device = "ref", .batch = 12, .learning_rate = 0.02f, .optimizer = cvk_optimizer_defaults(CVK_SGD)};
    rig_make_text(&a, net, &p);
    p.device = "simd";
    rig_make_text(&b, net, &p);
    for (uint64_t i = 0; i < 5; i++) {
        rig_draw(&a, i);
        rig_draw(&b, i);
        double x = rig_step(&a), y = rig_step(&b);
        if (fabs(x - y) > 2e-3 * x)
            print_error("step %d: %g on ref, %g on simd\n", (int)i, x, y);
        assert_true(fabs(x - y) <= 2e-3 * x);
    }
    rig_free(&a);
    rig_free(&b);
}

/* 50 blocks of three convolutions, one before and a dense layer behind: the plan of He et al. (arXiv 1512.03385), small. */
static void nets_of_152_layers_train(void **state)
{
    (void)state;
    static const char block[] = "-res(4c1-bn-relu-4c3p1-bn-relu-8c1-bn)-relu";
    char *text = malloc(64 + 50 * sizeof block);
    assert_non_null(text);
    strcpy(text, "3x8x8: 8c3p1-bn-relu");
    for (int i = 0; i < 50; i++)
        strcat(text, block);
    strcat(text, "-gap-4n-softmax");
    struct rig r;
    const struct cvk_trainer_params p = {.device = "simd+ref", .batch = 8, .learning_rate = 0.01f, .flags = CVK_TRAIN_NORMS};
    rig_make_text(&r, text, &p);
    free(text);
    uint32_t layers = 0;
    for (uint32_t i = 0; i < cvk_session_node_count(cvk_trainer_session(r.t)); i++) {
        struct cvk_node_report n;
        check_ok(cvk_session_node(cvk_trainer_session(r.t), i, &n), "node");
        layers += !strcmp(n.pass, "fwd") && (!strcmp(n.op, "conv") || (!strcmp(n.op, "gemm") && strstr(n.name, "grad") == NULL));
    }
    assert_int_equal(layers, 152);
    double first = rig_step(&r), last = first;
    for (int i = 0; i < 10; i++)
        last = rig_step(&r);
    assert_true(isfinite(first) && last < first);
    uint32_t count = cvk_trainer_weight_count(r.t);
    float *norms = calloc(count, sizeof *norms);
    assert_non_null(norms);
    check_ok(cvk_trainer_read_norms(r.t, norms, count), "norms");
    assert_true(norms[0] > 0); /* the gradient comes through to the first layer */
    free(norms);
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reference_repeats),
        cmocka_unit_test(simd_repeats),
        cmocka_unit_test(backends_agree),
        cmocka_unit_test(nets_of_152_layers_train),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
