/* SPDX-License-Identifier: MIT
 * Random nets: fusing nodes and sharing memory change no result, on the reference alone and behind devices with queues, memory of
 * their own and blocked layouts. A failure names the seed. */
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
#include "random_net.h"

#include <cmocka.h> /* last: it makes `fail`, a member of struct cvk_host, a macro */

#define NETS (CVK_SANITIZER_HERE == CVK_SANITIZER_NONE ? 300u : 150u) /* sanitizers take ten times as long */
#define FIRST_SEED 1
#define MAX_OUTPUTS 128

static struct cvk_context *ctx;

/* Every session would tell which nodes run behind the first device. */
static void drop_log(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg, (void)level, (void)category, (void)text;
}

static int set_up(void **state)
{
    (void)state;
    if (cvk_context_create(&(struct cvk_context_params){.threads = 1, .log = drop_log}, &ctx) != CVK_OK ||
        cvk_plugin_register(ctx, blocks_query, "blocks") != CVK_OK ||
        cvk_plugin_register(ctx, cvk_plugin_query, "async") != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cvk_context_destroy(ctx);
    return 0;
}

struct results {
    uint32_t count;
    struct cvk_tensor *y[MAX_OUTPUTS];
};

/* How a net is run; named in messages. */
struct way {
    const char *device;
    int64_t batch;
    uint32_t flags;
    uint64_t seed;
};

static void check(int32_t status, const struct way *way, const char *what)
{
    if (status != CVK_OK)
        fail_msg("seed %llu, batch %lld on %s with flags %u: %s: %s", (unsigned long long)way->seed, (long long)way->batch,
                 way->device, way->flags, what, cvk_error_text());
}

static struct cvk_tensor *tensor_for(const struct cvk_tensor_desc *d)
{
    struct cvk_tensor *t = NULL;
    assert_int_equal(cvk_tensor_create(d->dtype, d->rank, d->dims, &t), CVK_OK);
    return t;
}

static void write_inputs(struct cvk_session *s, const struct way *way)
{
    for (uint32_t i = 0; i < cvk_session_input_count(s); i++) {
        struct cvk_tensor *t = tensor_for(cvk_session_input_desc(s, i));
        float *x = cvk_tensor_data(t);
        for (uint64_t k = 0; k < cvk_tensor_count(t); k++)
            x[k] = cvk_rng_normal(way->seed, 1000 + i, k);
        check(cvk_session_write(s, i, t), way, "write");
        cvk_tensor_destroy(t);
    }
}

static void read_outputs(struct cvk_session *s, const struct way *way, struct results *r)
{
    r->count = cvk_session_output_count(s);
    assert_in_range(r->count, 1, MAX_OUTPUTS);
    for (uint32_t i = 0; i < r->count; i++) {
        r->y[i] = tensor_for(cvk_session_output_desc(s, i));
        check(cvk_session_read(s, i, r->y[i]), way, "read");
    }
}

static void forget(struct results *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        cvk_tensor_destroy(r->y[i]);
}

/* The largest difference, relative to the largest number; not a number on both sides is equal. */
static double difference(const struct cvk_tensor *a, const struct cvk_tensor *b)
{
    double worst = 0, size = 1;
    assert_int_equal(cvk_tensor_count(a), cvk_tensor_count(b));
    for (uint64_t i = 0; i < cvk_tensor_count(a); i++) {
        double p = cvk_tensor_at(a, i), q = cvk_tensor_at(b, i);
        if (isnan(p) != isnan(q))
            return HUGE_VAL;
        worst = fmax(worst, isnan(p) ? 0 : fabs(p - q));
        size = fmax(size, isnan(q) ? 0 : fabs(q));
    }
    return worst / size;
}

/* tolerance 0: bit for bit. */
static void compare(const struct results *a, const struct results *b, const struct way *way, double tolerance, const char *what)
{
    assert_int_equal(a->count, b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        bool same = cvk_tensor_bytes(a->y[i]) == cvk_tensor_bytes(b->y[i]) &&
                    !memcmp(cvk_tensor_data(a->y[i]), cvk_tensor_data(b->y[i]), cvk_tensor_bytes(a->y[i]));
        if (!same && !(difference(a->y[i], b->y[i]) <= tolerance && tolerance > 0))
            fail_msg("seed %llu, batch %lld on %s: output %u of %u differs by %g %s", (unsigned long long)way->seed,
                     (long long)way->batch, way->device, i, a->count, difference(a->y[i], b->y[i]), what);
    }
}

/* Runs twice and compares, so that nothing may be left over from the first run. */
static void run(const struct cvk_graph *g, const struct way *way, struct results *r)
{
    struct cvk_session *s = NULL;
    struct results first;
    check(cvk_session_create(ctx, g,
                             &(struct cvk_session_params){.device = way->device, .batch = way->batch, .flags = way->flags}, &s),
          way, "create");
    write_inputs(s, way);
    check(cvk_session_run(s), way, "run");
    read_outputs(s, way, &first);
    write_inputs(s, way);
    check(cvk_session_run(s), way, "run again");
    read_outputs(s, way, r);
    compare(&first, r, way, 0, "from one run to the next");
    forget(&first);
    cvk_session_destroy(s);
}

static void check_nets(const char *device, double tolerance, uint64_t nets)
{
    for (uint64_t seed = FIRST_SEED; seed < FIRST_SEED + nets; seed++) {
        struct cvk_graph *g = random_net(seed);
        assert_non_null(g);
        if (cvk_graph_status(g) != CVK_OK)
            fail_msg("seed %llu: %s", (unsigned long long)seed, cvk_graph_error(g));
        for (int64_t batch = 1; batch <= 3; batch += 2) {
            struct results planned, kept, plain;
            const struct way as_planned = {device, batch, 0, seed}, keeping = {device, batch, CVK_SESSION_KEEP_VALUES, seed};
            const struct way truth = {"ref", batch, CVK_SESSION_NO_FUSE | CVK_SESSION_KEEP_VALUES, seed};
            run(g, &as_planned, &planned);
            run(g, &keeping, &kept);
            run(g, &truth, &plain);
            compare(&planned, &kept, &as_planned, 0, "when memory is shared");
            compare(&planned, &plain, &as_planned, tolerance, "from the net as it is written");
            forget(&planned);
            forget(&kept);
            forget(&plain);
        }
        cvk_graph_destroy(g);
    }
}

static void check_net(const char *device, double tolerance)
{
    check_nets(device, tolerance, NETS);
}

static void test_reference(void **state)
{
    (void)state;
    check_net("ref", 1e-4);
}

/* A queue and memory of its own. */
static void test_shared_with_async(void **state)
{
    (void)state;
    check_net("async:0+ref", 1e-4);
}

/* Blocked layouts; a queue on the host's memory, shared with the reference. */
static void test_shared_with_blocks(void **state)
{
    (void)state;
    check_net("blocks:0+ref", 1e-4);
}

/* Copies into the host's memory, where another queue is at work. */
static void test_two_queues(void **state)
{
    (void)state;
    check_net("async:1+blocks:0+ref", 1e-4);
}

/* Three memories: values go from device to device through the host. */
static void test_three_memories(void **state)
{
    (void)state;
    check_net("blocks:1+async:2+ref", 1e-4);
}

static uint32_t convs_on(const char *device, const struct cvk_graph *g, const struct way *way)
{
    struct cvk_session *s = NULL;
    struct cvk_node_report r;
    uint32_t count = 0;
    check(cvk_session_create(ctx, g, &(struct cvk_session_params){.device = way->device, .flags = way->flags}, &s), way,
          "create");
    for (uint32_t i = 0; i < cvk_session_node_count(s); i++) {
        assert_int_equal(cvk_session_node(s, i, &r), CVK_OK);
        count += !strcmp(r.op, "conv") && !strcmp(r.device, device);
    }
    cvk_session_destroy(s);
    return count;
}

/* A conv whose activation its device does not know stays there, and the activation goes elsewhere. */
static void test_fusion_moves_no_conv(void **state)
{
    (void)state;
    uint32_t all = 0;
    for (uint64_t seed = FIRST_SEED; seed < FIRST_SEED + NETS; seed++) {
        struct cvk_graph *g = random_net(seed);
        assert_non_null(g);
        const struct way fused = {"blocks:0+ref", 1, 0, seed}, plain = {"blocks:0+ref", 1, CVK_SESSION_NO_FUSE, seed};
        uint32_t after = convs_on("ref:0", g, &fused), before = convs_on("ref:0", g, &plain);
        if (after > before)
            fail_msg("seed %llu: %u convs instead of %u on the reference", (unsigned long long)seed, after, before);
        all += convs_on("blocks:0", g, &fused);
        cvk_graph_destroy(g);
    }
    assert_true(all > NETS / 2);
}

/* Wherever memory ends while a session is made: a status, a sentence and (under a sanitizer) no leak. */
static void test_memory_may_end_anywhere(void **state)
{
    (void)state;
    for (uint64_t seed = FIRST_SEED; seed < FIRST_SEED + NETS; seed++) {
        const struct cvk_session_params p = {.device = seed % 2 ? "blocks:1+async:2+ref" : "blocks:0+ref", .batch = 1};
        struct cvk_graph *g = random_net(seed);
        struct cvk_session *s = NULL;
        assert_non_null(g);
        uint64_t before = cvk__alloc_calls();
        assert_int_equal(cvk_session_create(ctx, g, &p, &s), CVK_OK);
        uint64_t calls = cvk__alloc_calls() - before;
        cvk_session_destroy(s);
        for (uint32_t k = 0; k < 8; k++) {
            uint64_t n = cvk_rng_bits(seed, 2, k) % calls;
            cvk__alloc_fail_after((int64_t)n);
            int32_t status = cvk_session_create(ctx, g, &p, &s);
            cvk__alloc_fail_never();
            if (status != CVK_E_MEMORY || s || !strstr(cvk_error_text(), "memory"))
                fail_msg("seed %llu, call %llu of %llu: status %d, %s", (unsigned long long)seed, (unsigned long long)n,
                         (unsigned long long)calls, status, cvk_error_text());
        }
        cvk_graph_destroy(g);
    }
}

/* Kernels and layouts as they were measured to be the fastest, whatever the clock said. */
static void test_tuned(void **state)
{
    (void)state;
    setenv("CONVOKE_TUNE", "quick", 1);
    check_nets("blocks:0+ref", 1e-4, 25);
    check_nets("blocks:1+ref", 1e-4, 25);
    unsetenv("CONVOKE_TUNE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_shared_with_async),
        cmocka_unit_test(test_shared_with_blocks),
        cmocka_unit_test(test_two_queues),
        cmocka_unit_test(test_three_memories),
        cmocka_unit_test(test_fusion_moves_no_conv),
        cmocka_unit_test(test_memory_may_end_anywhere),
        cmocka_unit_test(test_tuned),
    };
    return cmocka_run_group_tests_name("random nets", tests, set_up, tear_down);
}
