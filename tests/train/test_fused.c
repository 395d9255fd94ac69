/* SPDX-License-Identifier: MIT
 * Steps of training with fused nodes and with every node by itself give the same numbers, for random nets on each backend. */
#include "rig.h"

#include "graph/session_impl.h"
#include "random_text.h"
#include "train/net.h"

#define NETS 25
#define STEPS 2

static struct cvk_tensor *filled(const struct cvk_tensor_desc *d, uint64_t stream)
{
    struct cvk_tensor *t = NULL;
    check_ok(cvk_tensor_create(d->dtype, d->rank, d->dims, &t), "tensor");
    for (uint64_t i = 0; i < cvk_tensor_count(t); i++)
        if (d->dtype == CVK_I64)
            ((int64_t *)cvk_tensor_data(t))[i] = stream == 1 ? (int64_t)(i * 3 % 5) : 0;
        else
            ((float *)cvk_tensor_data(t))[i] = stream == 2 ? 0.1f : cvk_rng_normal(9, (uint32_t)stream, i); /* 2: rate and step */
    return t;
}

static struct cvk_session *begin(struct cvk_context *ctx, const struct cvk_graph *g, const char *device, uint32_t flags)
{
    struct cvk_session *s = NULL;
    check_ok(
        cvk_session_create(ctx, g, &(struct cvk_session_params){.device = device, .flags = CVK_SESSION_NO_SEGMENTS | flags}, &s),
        "session");
    for (int step = 0; step < STEPS; step++) {
        for (uint32_t i = 0; i < cvk_session_input_count(s); i++) {
            struct cvk_tensor *t = filled(cvk_session_input_desc(s, i), i);
            check_ok(cvk_session_write(s, i, t), "input");
            cvk_tensor_destroy(t);
        }
        check_ok(cvk_session_run(s), "run");
    }
    return s;
}

/* The largest difference, measured by the largest number. */
static double difference(const float *a, const float *b, uint64_t count)
{
    double most = 0, size = 1e-3;
    for (uint64_t i = 0; i < count; i++) {
        assert_true(isfinite(a[i]) && isfinite(b[i]));
        most = fmax(most, fabs((double)a[i] - (double)b[i]));
        size = fmax(size, fabs((double)a[i]));
    }
    return most / size;
}

static uint32_t fused_parts(const struct cvk_session *s, uint32_t pass)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->g->node_count; i++)
        count += !s->g->nodes[i].dead && s->g->nodes[i].pass == pass && s->g->nodes[i].epilogue.parts != 0;
    return count;
}

/* Weights, statistics and the optimiser's state after some steps. */
static void compare(const struct cvk__train_net *net, struct cvk_session *a, struct cvk_session *b, const char *text)
{
    for (uint32_t i = 0; i < net->state_count; i++) {
        const struct cvk_tensor_desc *d = &cvk__value_at(net->g, net->states[i].v)->desc;
        float *x = malloc(d->bytes), *y = malloc(d->bytes);
        assert_true(x && y);
        check_ok(cvk__session_state_read(a, net->states[i].v, x), "state");
        check_ok(cvk__session_state_read(b, net->states[i].v, y), "state");
        double far = difference(x, y, cvk_tensor_desc_count(d));
        if (!(far < 2e-3))
            fail_msg("%s: '%s' differs by %g", text, net->states[i].name, far);
        free(x);
        free(y);
    }
}

static void fused_is_unfused(const char *device)
{
    struct cvk_context *ctx = NULL;
    uint32_t forward = 0, backward = 0;
    check_ok(cvk_context_create(NULL, &ctx), "context");
    for (uint64_t seed = 1; seed <= NETS; seed++) {
        struct random_text r;
        struct cvk_graph *g = NULL;
        struct cvk__train_net net;
        const struct cvk_trainer_params p = {.batch = 3, .seed = seed, .optimizer = {.momentum = 0.5f}, .clip_norm = 1};
        check_ok(cvk_graph_from_text(random_text(&r, seed), seed, &g), r.text);
        check_ok(cvk__train_net_init(&net, ctx, g, &p), r.text);
        struct cvk_session *fused = begin(ctx, net.g, device, 0), *bare = begin(ctx, net.g, device, CVK_SESSION_NO_FUSE);
        compare(&net, fused, bare, r.text);
        forward += fused_parts(fused, CVK_PASS_FORWARD);
        backward += fused_parts(fused, CVK_PASS_BACKWARD_DATA);
        cvk_session_destroy(fused);
        cvk_session_destroy(bare);
        cvk__train_net_finish(&net);
        cvk_graph_destroy(g);
    }
    print_message("%s: %u forward nodes and %u gradients were fused\n", device, forward, backward);
    assert_true(forward > NETS && backward > NETS / 2);
    cvk_context_destroy(ctx);
}

static void on_the_reference(void **state)
{
    (void)state;
    fused_is_unfused("ref");
}

static void on_simd(void **state)
{
    (void)state;
    fused_is_unfused("simd+ref");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(on_the_reference), cmocka_unit_test(on_simd)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
