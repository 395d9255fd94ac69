/* SPDX-License-Identifier: MIT
 * Training on one device alone (the first word, "opencl"): nothing falls to another one, the losses are those of the reference, and the same steps give the same bits
 * again. */
#include "../train/rig.h"

static const char net[] = "3x12x12: 16c3p1-bn-relu-mp2-res(16c3p1-bn-relu-16c3p1-bn)-relu-32c3p1s2-bn-relu-drop0.2-dw3p1-relu-flat-"
                          "24n-relu-5n-softmax";
static const struct cvk_trainer_params how = {
    .batch = 8, .learning_rate = 0.01f, .optimizer = {.kind = CVK_ADAM, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f}, .clip_norm = 5};

static void take_steps(const char *device, double loss[4], uint64_t *fingerprint)
{
    struct rig r;
    struct cvk_trainer_params p = how;
    p.device = device;
    rig_make_text(&r, net, &p);
    for (uint32_t i = 0; i < 4; i++) {
        rig_draw(&r, i);
        loss[i] = rig_step(&r);
    }
    *fingerprint = rig_fingerprint(&r);
    rig_free(&r);
}

static void check_device(const char *name)
{
    double wanted[4], got[4], again[4];
    uint64_t a, b, c;
    take_steps("ref", wanted, &a);
    take_steps(name, got, &b);
    take_steps(name, again, &c);
    for (int i = 0; i < 4; i++) {
        if (fabs(got[i] - wanted[i]) > 2e-3 * wanted[i])
            print_error("step %d: %g on the reference, %g on %s\n", i, wanted[i], got[i], name);
        assert_true(fabs(got[i] - wanted[i]) <= 2e-3 * wanted[i]);
        assert_true(got[i] == again[i]);
    }
    assert_true(b == c);
}

static const char *device;

static void learns_as_the_reference(void **state)
{
    (void)state;
    check_device(device);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(learns_as_the_reference)};
    device = argc > 1 ? argv[1] : "opencl";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
