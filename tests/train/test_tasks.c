/* SPDX-License-Identifier: MIT
 * The kinds of tasks that networks are trained for, each learned from generated data: two classes with two nodes and with one,
 * three and ten classes, numbers, a class for each pixel. */
#include "rig.h"

struct task {
    const char *data, *net;
    uint32_t loss, steps;
    float rate;
    double wanted; /* accuracy, mean IoU, or the most that the error may be (numbers) */
};

/* Class numbers as the single node's target. */
static struct cvk_tensor *as_wanted(struct cvk_tensor *from, const struct cvk_tensor_desc *want)
{
    struct cvk_tensor *out = NULL;
    check_ok(cvk_tensor_create(want->dtype, want->rank, want->dims, &out), "target");
    for (uint64_t i = 0; i < cvk_tensor_count(out); i++) {
        if (want->dtype == CVK_I64)
            ((int64_t *)cvk_tensor_data(out))[i] = ((int64_t *)cvk_tensor_data(from))[i];
        else
            ((float *)cvk_tensor_data(out))[i] = (float)cvk_tensor_at(from, i);
    }
    return out;
}

struct score {
    double squares;
    uint64_t count, right, both[16], either[16];
    uint32_t classes;
};

static void add_score(struct score *s, const struct cvk_tensor *prediction, const struct cvk_tensor *target)
{
    const struct cvk_tensor_desc *p = cvk_tensor_get_desc(prediction);
    uint64_t outputs = (uint64_t)p->dims[1], positions = cvk_tensor_count(prediction) / (uint64_t)p->dims[0] / outputs;
    for (uint64_t i = 0; s->classes && i < cvk_tensor_count(target); i++) {
        uint64_t base = i / positions * outputs * positions + i % positions, best = 0;
        for (uint64_t c = 1; c < outputs; c++)
            if (cvk_tensor_at(prediction, base + c * positions) > cvk_tensor_at(prediction, base + best * positions))
                best = c;
        if (outputs == 1)
            best = cvk_tensor_at(prediction, base) > 0;
        uint64_t want = (uint64_t)cvk_tensor_at(target, i);
        s->right += best == want;
        s->both[want] += best == want;
        s->either[want]++;
        s->either[best] += best != want;
        s->count++;
    }
    for (uint64_t i = 0; !s->classes && i < cvk_tensor_count(target); i++) {
        s->squares += pow(cvk_tensor_at(prediction, i) - cvk_tensor_at(target, i), 2);
        s->count++;
    }
}

static double result_of(const struct score *s, bool pixels)
{
    double iou = 0;
    uint32_t seen = 0;
    if (!s->classes)
        return sqrt(s->squares / (double)s->count);
    if (!pixels)
        return (double)s->right / (double)s->count;
    for (uint32_t c = 0; c < s->classes; c++)
        if (s->either[c]) {
            iou += (double)s->both[c] / (double)s->either[c];
            seen++;
        }
    return iou / seen;
}

/* The test part with the weights as they are. */
static double test_on(struct cvk_context *ctx, struct cvk_trainer *t, const struct cvk_trainer_params *p, struct cvk_data *data)
{
    struct cvk_data_info info = {.size = sizeof info};
    struct cvk_graph *g = NULL;
    struct cvk_session *s = NULL;
    struct cvk_loader *loader = NULL;
    struct cvk_tensor *x, *target, *y = NULL;
    check_ok(cvk_data_get_info(data, &info), "info");
    struct score score = {.classes = info.class_count};
    check_ok(cvk_trainer_graph(t, &g), "graph");
    check_ok(cvk_evaluation_create(ctx, g, p, &s), "evaluation");
    check_ok(cvk_loader_create(data, &(struct cvk_loader_params){.batch = p->batch}, &loader), "loader");
    const struct cvk_tensor_desc *d = cvk_session_output_desc(s, 1);
    check_ok(cvk_tensor_create(d->dtype, d->rank, d->dims, &y), "prediction");
    for (uint64_t i = 0; i < cvk_loader_batches(loader); i++) {
        check_ok(cvk_loader_next(loader, &x, &target), "batch");
        struct cvk_tensor *given = as_wanted(target, cvk_session_input_desc(s, 1));
        check_ok(cvk_session_write(s, 0, x), "x");
        check_ok(cvk_session_write(s, 1, given), "target");
        check_ok(cvk_session_run(s), "run");
        check_ok(cvk_session_read(s, 1, y), "prediction");
        add_score(&score, y, target);
        cvk_tensor_destroy(given);
    }
    assert_true(score.count > 0);
    cvk_tensor_destroy(y);
    cvk_loader_destroy(loader);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
    return result_of(&score, info.target.rank == 2);
}

static void learn(const struct task *k)
{
    struct cvk_context *ctx = NULL;
    struct cvk_graph *net = NULL;
    struct cvk_data *train = NULL, *test = NULL;
    struct cvk_loader *loader = NULL;
    struct cvk_trainer *t = NULL;
    struct cvk_tensor *x, *target;
    const struct cvk_trainer_params p = {.device = "simd+ref",
                                         .batch = 32,
                                         .learning_rate = k->rate,
                                         .loss = {.kind = k->loss},
                                         .optimizer = cvk_optimizer_defaults(CVK_ADAM)};
    check_ok(cvk_context_create(NULL, &ctx), "context");
    check_ok(cvk_graph_from_text(k->net, 1, &net), k->net);
    check_ok(cvk_data_open(k->data, "train", &train), k->data);
    check_ok(cvk_data_open(k->data, "test", &test), k->data);
    check_ok(cvk_trainer_create(ctx, net, &p, &t), k->net);
    check_ok(cvk_loader_create(train, &(struct cvk_loader_params){.batch = 32, .shuffle = 1, .seed = 1}, &loader), "loader");
    double before = test_on(ctx, t, &p, test);
    for (uint32_t i = 0; i < k->steps; i++) {
        check_ok(cvk_loader_next(loader, &x, &target), "batch");
        struct cvk_tensor *given = as_wanted(target, cvk_trainer_target_desc(t));
        check_ok(cvk_trainer_step(t, x, given, NULL), "step");
        cvk_tensor_destroy(given);
    }
    double after = test_on(ctx, t, &p, test);
    bool numbers = k->loss >= CVK_LOSS_MSE;
    print_message("%s: %.3f, after %u steps %.3f (%s %.3f)\n", k->data, before, k->steps, after, numbers ? "at most" : "at least",
                  k->wanted);
    assert_true(numbers ? after <= k->wanted && before > k->wanted : after >= k->wanted && before < k->wanted);
    cvk_loader_destroy(loader);
    cvk_trainer_destroy(t);
    cvk_data_close(train);
    cvk_data_close(test);
    cvk_graph_destroy(net);
    cvk_context_destroy(ctx);
}

#define SMALL "1x20x20: 8c3p1-relu-mp2-16c3p1-relu-mp2-flat-32n-relu-"

static void two_classes_with_two_nodes(void **state)
{
    (void)state;
    learn(&(struct task){"shapes(count=1200,size=20,classes=2)", SMALL "2n-softmax", CVK_LOSS_SOFTMAX_CROSS_ENTROPY, 120, 0.003f,
                         0.95});
}

static void yes_or_no_with_one_node(void **state)
{
    (void)state;
    learn(&(struct task){"shapes(count=1200,size=20,classes=2)", SMALL "1n-sigmoid", CVK_LOSS_SIGMOID_CROSS_ENTROPY, 120, 0.003f,
                         0.95});
}

static void three_classes(void **state)
{
    (void)state;
    learn(&(struct task){"shapes(count=1500,size=20,classes=3)", SMALL "3n-softmax", CVK_LOSS_SOFTMAX_CROSS_ENTROPY, 250, 0.003f,
                         0.9});
}

static void ten_classes(void **state)
{
    (void)state;
    learn(&(struct task){"digits(count=2000)", "1x28x28: 8c5-relu-mp2-16c5-relu-mp2-64n-relu-10n-softmax",
                         CVK_LOSS_SOFTMAX_CROSS_ENTROPY, 200, 0.003f, 0.9});
}

static void numbers(void **state)
{
    (void)state;
    learn(&(struct task){"curve(count=1500)", "1x28x28: 8c3p1-relu-mp2-16c3p1-relu-mp2-flat-32n-relu-3n", CVK_LOSS_MSE, 250,
                         0.003f, 0.08});
}

static void a_class_for_each_pixel(void **state)
{
    (void)state;
    learn(&(struct task){"segments(count=1000,size=32)",
                         "1x32x32: 16c3p1-bn-relu-mp2-32c3p1-bn-relu-mp2-32c3p1-bn-relu-16t2-bn-relu-16t2-bn-relu-4c1",
                         CVK_LOSS_SOFTMAX_CROSS_ENTROPY, 250, 0.005f, 0.5});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_classes_with_two_nodes),
        cmocka_unit_test(yes_or_no_with_one_node),
        cmocka_unit_test(three_classes),
        cmocka_unit_test(ten_classes),
        cmocka_unit_test(numbers),
        cmocka_unit_test(a_class_for_each_pixel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
