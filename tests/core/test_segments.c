/* SPDX-License-Identifier: MIT
 * Segments: nets run in pieces of the batch on several threads give the same bits as with the whole batch; what they tell of
 * themselves is right; and what goes wrong in one of them is told. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
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

#define FIRST_SEED 1
#define MAX_OUTPUTS 128
#define BLOCKS "blocks:0(queue=none)+ref"

/* ---- a backend of one function: it fails where it is told to ---- */

static atomic_int runs_until_failure = -1;
static atomic_uint largest_part, nested_parts;

static void count_part(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    (void)arg, (void)begin;
    atomic_fetch_add(&nested_parts, 1);
    if (worker == 0 && end > atomic_load(&largest_part))
        atomic_store(&largest_part, (unsigned)end);
}

#define PLACES 8

static _Atomic(uintptr_t) workspaces[PLACES]; /* those that were seen */

static void note_workspace(uintptr_t place)
{
    for (uint32_t i = 0; i < PLACES; i++) {
        uintptr_t none = 0;
        if (atomic_compare_exchange_strong(&workspaces[i], &none, place) || none == place)
            return;
    }
}

static uint32_t take_workspaces(void)
{
    uint32_t seen = 0;
    for (uint32_t i = 0; i < PLACES; i++)
        seen += atomic_exchange(&workspaces[i], 0) != 0;
    return seen;
}

static int32_t plan_fragile(const struct cvk_query *q, struct cvk_plan *plan)
{
    (void)q;
    plan->workspace_bytes = 100;
    return CVK_OK;
}

static int32_t run_fragile(struct cvk_exec *e)
{
    note_workspace((uintptr_t)e->workspace->buffer + e->workspace->offset);
    const float *x = (const float *)((const char *)e->inputs[0].buffer + e->inputs[0].offset);
    float *y = (float *)((char *)e->outputs[0].buffer + e->outputs[0].offset);
    if (atomic_load(&runs_until_failure) >= 0 && atomic_fetch_sub(&runs_until_failure, 1) == 0)
        return cvk_fail(e->host, CVK_E_DEVICE, "the fragile kernel broke");
    e->host->parallel(e->host, 0, 100, count_part, NULL);
    for (uint64_t i = 0; i < e->outputs[0].bytes / sizeof *y; i++)
        y[i] = -x[i];
    return CVK_OK;
}

static int32_t fragile_query(const struct cvk_host *host, struct cvk_plugin *out)
{
    static const struct cvk_kernel rows[] = {
        {.size = sizeof rows[0], .op = CVK_OP_UNARY, .flags = CVK_KERNEL_CONCURRENT, .name = "shared", .plan = plan_fragile,
         .run = run_fragile},
        {.size = sizeof rows[0], .op = CVK_OP_UNARY, .name = "alone", .plan = plan_fragile, .run = run_fragile},
    };
    static const struct cvk_plugin plugin = {CVK_PLUGIN_HEAD,
                                             .rank = -70,
                                             .name = "fragile",
                                             .version = "1.0",
                                             .license = "MIT",
                                             .kernels = rows,
                                             .kernel_count = sizeof rows / sizeof rows[0],
                                             .kernel_stride = sizeof rows[0]};
    return cvk_plugin_answer(host, out, &plugin);
}

/* ---- contexts and sessions ---- */

static void drop_log(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg, (void)level, (void)category, (void)text;
}

static struct cvk_context *context(uint32_t threads)
{
    struct cvk_context *ctx = NULL;
    if (cvk_context_create(&(struct cvk_context_params){.threads = threads, .log = drop_log}, &ctx) != CVK_OK ||
        cvk_plugin_register(ctx, blocks_query, "blocks") != CVK_OK || cvk_plugin_register(ctx, fragile_query, "fragile") != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return ctx;
}

/* "1": pieces of one image; NULL: as the session likes. */
static void set_pieces(const char *text)
{
    if (text)
        setenv("CONVOKE_SEGMENTS", text, 1);
    else
        unsetenv("CONVOKE_SEGMENTS");
}

static struct cvk_session *session(struct cvk_context *ctx, const struct cvk_graph *g, const char *device, int64_t batch,
                                   uint32_t flags, const char *pieces)
{
    struct cvk_session *s = NULL;
    set_pieces(pieces);
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = device, .batch = batch, .flags = flags}, &s) != CVK_OK)
        fail_msg("batch %lld on %s: %s", (long long)batch, device, cvk_error_text());
    set_pieces(NULL);
    return s;
}

static struct cvk_session_report report_of(const struct cvk_session *s)
{
    struct cvk_session_report r;
    assert_int_equal(cvk_session_get_report(s, &r), CVK_OK);
    return r;
}

/* Writes the inputs, runs, and gives all outputs, one behind the other. */
static unsigned char *results(struct cvk_session *s, uint64_t seed, uint64_t *bytes)
{
    for (uint32_t i = 0; i < cvk_session_input_count(s); i++) {
        const struct cvk_tensor_desc *d = cvk_session_input_desc(s, i);
        struct cvk_tensor *t = NULL;
        assert_int_equal(cvk_tensor_create(d->dtype, d->rank, d->dims, &t), CVK_OK);
        for (uint64_t k = 0; k < cvk_tensor_count(t); k++)
            ((float *)cvk_tensor_data(t))[k] = cvk_rng_normal(seed, 1000 + i, k);
        assert_int_equal(cvk_session_write(s, i, t), CVK_OK);
        cvk_tensor_destroy(t);
    }
    if (cvk_session_run(s) != CVK_OK)
        fail_msg("seed %llu: %s", (unsigned long long)seed, cvk_error_text());
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
    return all;
}

/* ---- the same bits ---- */

struct tally {
    uint32_t sessions, cut, views, in_middle;
};

static void count(const struct cvk_session *s, struct tally *t)
{
    struct cvk_node_report r;
    struct cvk_session_report all = report_of(s);
    t->sessions++;
    t->cut += all.segments > 0;
    t->in_middle += all.segments > 1;
    for (uint32_t i = 0; i < cvk_session_node_count(s); i++) {
        assert_int_equal(cvk_session_node(s, i, &r), CVK_OK);
        assert_int_equal(r.segment > 0, r.micro_batch > 0);
        t->views += r.segment && !strcmp(r.kernel, "view") && (!strcmp(r.op, "concat") || !strcmp(r.op, "split"));
    }
}

/* One net with the whole batch and in pieces; twice, so that nothing may be left over from the first run. */
static void check_net(struct cvk_context *ctx, const struct cvk_graph *g, const char *device, int64_t batch, const char *pieces,
                      uint64_t seed, struct tally *tally)
{
    uint64_t bytes[2];
    struct cvk_session *whole = session(ctx, g, device, batch, CVK_SESSION_NO_SEGMENTS, NULL);
    struct cvk_session *cut = session(ctx, g, device, batch, 0, pieces);
    assert_int_equal(report_of(whole).segments, 0);
    unsigned char *a = results(whole, seed, &bytes[0]);
    for (uint32_t times = 0; times < 2; times++) {
        unsigned char *b = results(cut, seed, &bytes[1]);
        assert_int_equal(bytes[0], bytes[1]);
        if (memcmp(a, b, bytes[0]) != 0)
            fail_msg("seed %llu, batch %lld on %s, pieces %s: other bits", (unsigned long long)seed, (long long)batch, device,
                     pieces ? pieces : "by estimate");
        free(b);
    }
    count(cut, tally);
    free(a);
    cvk_session_destroy(whole);
    cvk_session_destroy(cut);
}

static struct tally check_nets(const char *device, uint32_t threads, uint32_t nets)
{
    static const struct {
        int64_t batch;
        const char *pieces;
    } ways[] = {{4, "1"}, {4, "2"}, {4, "4"}, {7, "1"}, {7, "3"}, {6, "3"}, {16, NULL}};
    struct tally tally = {0};
    struct cvk_context *ctx = context(threads);
    for (uint64_t seed = FIRST_SEED; seed < FIRST_SEED + nets; seed++) {
        struct cvk_graph *g = random_net(seed + threads * 1000);
        assert_non_null(g);
        for (uint32_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
            check_net(ctx, g, device, ways[i].batch, ways[i].pieces, seed + threads * 1000, &tally);
        cvk_graph_destroy(g);
    }
    cvk_context_destroy(ctx);
    return tally;
}

#define NETS (CVK_SANITIZER_HERE == CVK_SANITIZER_NONE ? 40u : 20u) /* sanitizers take ten times as long */

static void test_same_bits(void **state)
{
    (void)state;
    static const uint32_t threads[] = {1, 2, 3, 8};
    for (uint32_t i = 0; i < 4; i++) {
        struct tally ref = check_nets("ref", threads[i], NETS), blocks = check_nets(BLOCKS, threads[i], NETS);
        assert_in_range(ref.cut, ref.sessions / 2, ref.sessions);
        assert_in_range(blocks.cut, blocks.sessions / 2, blocks.sessions);
        assert_true(ref.views > 0 && blocks.views > 0);
        assert_true(ref.in_middle > 0 && blocks.in_middle > 0);
    }
}

/* Devices with a queue or with memory of their own are left alone, beside others that are not. */
static void test_beside_queues(void **state)
{
    (void)state;
    struct tally tally = check_nets("blocks:0+ref", 2, NETS / 2), far = check_nets("blocks:1+ref", 2, NETS / 2);
    assert_true(tally.cut > 0 && far.cut > 0);
}

/* ---- nets by hand ---- */

static cvk_value conv(struct cvk_graph *g, cvk_value x, int64_t filters, int64_t channels)
{
    float w[16 * 16 * 9];
    for (uint32_t i = 0; i < sizeof w / sizeof *w; i++)
        w[i] = 0.1f * cvk_rng_normal(5, 1, i);
    return cvk_conv(g, x, cvk_constant(g, NULL, CVK_F32, 4, (int64_t[]){filters, channels, 3, 3}, w), 0,
                    &(struct cvk_conv_params){.pad_begin = {1, 1}, .pad_end = {1, 1}});
}

/* A mean over the batch stands in the middle: what is before and behind it is cut, and meets it whole. The input is read again
 * at the end, and values from the middle of both segments leave the net. */
static struct cvk_graph *mixed_net(void)
{
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("mixed", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){CVK_BATCH, 3, 5, 5});
    cvk_value a = conv(g, x, 8, 3), b = cvk_tanh(g, a), c = conv(g, b, 8, 8);
    cvk_value mean = cvk_reduce(
        g, c, &(struct cvk_reduce_params){.kind = CVK_REDUCE_MEAN, .keep_dims = 1, .axis_count = 1, .axes = {0}});
    cvk_value d = cvk_binary(g, CVK_SUB, c, mean), e = conv(g, cvk_sigmoid(g, d), 3, 8);
    cvk_value f = cvk_add(g, e, x);
    cvk_output(g, a, "early");
    cvk_output(g, cvk_softmax(g, cvk_flatten(g, f), &(struct cvk_softmax_params){.axis = 1}), "late");
    cvk_output(g, d, "middle");
    return g;
}

static void test_batch_is_mixed_in_the_middle(void **state)
{
    (void)state;
    struct cvk_graph *g = mixed_net();
    for (uint32_t threads = 1; threads <= 3; threads++) {
        struct cvk_context *ctx = context(threads);
        struct tally tally = {0};
        check_net(ctx, g, "ref", 6, "1", 1, &tally);
        check_net(ctx, g, "ref", 6, "2", 1, &tally);
        check_net(ctx, g, BLOCKS, 6, "3", 1, &tally);
        assert_int_equal(tally.in_middle, 3);
        cvk_context_destroy(ctx);
    }
    cvk_graph_destroy(g);
}

/* The second factor is needed whole, and is made from the same images as the first: it must be there before. */
static void test_whole_operand_made_from_images(void **state)
{
    (void)state;
    struct cvk_graph *g = NULL;
    struct tally tally = {0};
    struct cvk_context *ctx = context(2);
    assert_int_equal(cvk_graph_create("square", &g), CVK_OK);
    cvk_value x = cvk_input(g, "x", CVK_F32, 2, (int64_t[]){16, 16});
    cvk_value a = cvk_tanh(g, x), b = cvk_relu(g, cvk_sigmoid(g, x));
    cvk_output(g, cvk_tanh(g, cvk_matmul(g, b, a)), "y");
    check_net(ctx, g, "ref", 16, "1", 1, &tally);
    check_net(ctx, g, "ref", 16, NULL, 1, &tally);
    assert_true(tally.in_middle > 0);
    cvk_context_destroy(ctx);
    cvk_graph_destroy(g);
}

/* ---- what a session tells ---- */

#define WIDE 64 /* so that a piece begins at an aligned place */

static struct cvk_graph *chain(uint32_t length)
{
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("chain", &g), CVK_OK);
    cvk_value v = cvk_input(g, "x", CVK_F32, 4, (int64_t[]){CVK_BATCH, 16, WIDE, WIDE});
    for (uint32_t i = 0; i < length; i++)
        v = i % 2 ? cvk_tanh(g, v) : conv(g, v, 16, 16);
    cvk_output(g, v, "y");
    return g;
}

/* The whole input and output, and in each lane two images: what a conv reads and what it writes. */
static void test_planned_memory(void **state)
{
    (void)state;
    uint64_t image = 16 * WIDE * WIDE * 4;
    struct cvk_graph *g = chain(6);
    struct cvk_context *ctx = context(3);
    struct cvk_session *s = session(ctx, g, "ref", 12, CVK_SESSION_NO_FUSE | CVK_SESSION_PLAN_ONLY, "1");
    struct cvk_session *whole = session(ctx, g, "ref", 12, CVK_SESSION_NO_FUSE | CVK_SESSION_NO_SEGMENTS, NULL);
    struct cvk_node_report r;
    assert_int_equal(report_of(s).segments, 1);
    assert_int_equal(report_of(s).arena_bytes, 2 * 12 * image + 3 * 2 * image);
    assert_int_equal(report_of(s).arena_naive_bytes, report_of(whole).arena_naive_bytes);
    for (uint32_t i = 0; i < cvk_session_node_count(s); i++) {
        assert_int_equal(cvk_session_node(s, i, &r), CVK_OK);
        assert_int_equal(r.segment, 1);
        assert_int_equal(r.micro_batch, 1);
        assert_int_equal(r.segment_threads, 3);
        assert_int_equal(r.outputs[0]->dims[0], 12);
    }
    cvk_session_destroy(s);
    cvk_session_destroy(whole);
    cvk_context_destroy(ctx);
    cvk_graph_destroy(g);
}

/* Where the pieces that are wished do not fit the smallest are taken, and where those do not, none: the whole tensors, two at a
 * time and the second in the place of the first, take least here. */
static void test_memory_limit(void **state)
{
    (void)state;
    uint64_t image = 16 * WIDE * WIDE * 4;
    struct cvk_graph *g = chain(6);
    struct cvk_context *ctx = context(4);
    const struct {
        uint64_t images; /* that the limit lets live at once */
        int64_t micro_batch;
    } cases[] = {{24 + 4 * 2 * 3, 3}, {24 + 4 * 2 * 3 - 1, 1}, {24 + 4 * 2 - 1, 0}};
    for (uint32_t i = 0; i < 3; i++) {
        struct cvk_session *s = NULL;
        struct cvk_node_report r;
        /* The weights, three times 9 KiB, and the workspace are less than half an image. */
        const struct cvk_session_params p = {.device = "ref",
                                             .batch = 12,
                                             .flags = CVK_SESSION_NO_FUSE,
                                             .memory_limit_bytes = cases[i].images * image + image / 2};
        set_pieces("3");
        int32_t status = cvk_session_create(ctx, g, &p, &s);
        set_pieces(NULL);
        assert_int_equal(status, CVK_OK);
        assert_int_equal(cvk_session_node(s, 0, &r), CVK_OK);
        assert_int_equal(r.micro_batch, cases[i].micro_batch);
        assert_true(report_of(s).peak_bytes <= p.memory_limit_bytes);
        cvk_session_destroy(s);
    }
    cvk_context_destroy(ctx);
    cvk_graph_destroy(g);
}

/* Times of nodes are those of a thread, so their sum is no more than the run took. */
static void test_profile(void **state)
{
    (void)state;
    struct cvk_graph *g = chain(4);
    struct cvk_context *ctx = context(2);
    struct cvk_session *s = session(ctx, g, "ref", 8, CVK_SESSION_PROFILE, "1");
    struct cvk_node_report r;
    uint64_t bytes;
    assert_int_equal(report_of(s).segments, 1);
    double start = cvk__now_ns(), sum = 0;
    free(results(s, 1, &bytes));
    double whole = cvk__now_ns() - start;
    for (uint32_t i = 0; i < cvk_session_node_count(s); i++) {
        assert_int_equal(cvk_session_node(s, i, &r), CVK_OK);
        assert_true(r.time_ns > 0);
        sum += r.time_ns;
    }
    assert_true(sum <= whole);
    cvk_session_destroy(s);
    cvk_context_destroy(ctx);
    cvk_graph_destroy(g);
}

/* ---- switches ---- */

static void test_switches(void **state)
{
    (void)state;
    struct cvk_graph *g = chain(4);
    struct cvk_context *ctx = context(2);
    const struct {
        const char *device, *pieces;
        uint32_t flags, segments;
    } cases[] = {{"ref", "1", 0, 1},
                 {"ref", "1000", 0, 0}, /* one piece: the whole batch */
                 {"ref", "off", 0, 0},
                 {"ref", "auto", CVK_SESSION_NO_SEGMENTS, 0},
                 {"ref", "1", CVK_SESSION_KEEP_VALUES, 0},
                 {"ref(threads=1)", "2", 0, 1}};
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cvk_node_report r;
        struct cvk_session *s = session(ctx, g, cases[i].device, 8, cases[i].flags, cases[i].pieces);
        assert_int_equal(report_of(s).segments, cases[i].segments);
        assert_int_equal(cvk_session_node(s, 0, &r), CVK_OK);
        assert_int_equal(r.segment_threads, !cases[i].segments ? 0 : strchr(cases[i].device, '(') ? 1 : 2);
        cvk_session_destroy(s);
    }
    static const char *const wrong[] = {"0", "-1", "on", "2x", "99999999999"};
    for (uint32_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct cvk_session *s = NULL;
        set_pieces(wrong[i]);
        assert_int_equal(cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref"}, &s), CVK_E_ARG);
        assert_non_null(strstr(cvk_error_text(), "CONVOKE_SEGMENTS"));
    }
    set_pieces(NULL);
    cvk_context_destroy(ctx);
    cvk_graph_destroy(g);
}

/* ---- kernels ---- */

static struct cvk_graph *functions(uint32_t length)
{
    struct cvk_graph *g = NULL;
    assert_int_equal(cvk_graph_create("functions", &g), CVK_OK);
    cvk_value v = cvk_input(g, "x", CVK_F32, 2, (int64_t[]){CVK_BATCH, 5});
    for (uint32_t i = 0; i < length; i++)
        v = cvk_tanh(g, v);
    cvk_output(g, v, "y");
    return g;
}

/* A row that does not say that it may run several times at once is not cut; one that says so finds the pool as one worker, and a
 * workspace for each thread. */
static void test_only_rows_that_say_so(void **state)
{
    (void)state;
    struct cvk_graph *g = functions(3);
    struct cvk_context *ctx = context(2);
    for (uint32_t alone = 0; alone < 2; alone++) {
        struct cvk_session *s = NULL;
        uint64_t bytes;
        const struct cvk_session_params p = {
            .device = "fragile", .batch = 4, .kernels = alone ? "unary:fwd=alone" : "unary:fwd=shared"};
        set_pieces("1");
        assert_int_equal(cvk_session_create(ctx, g, &p, &s), CVK_OK);
        set_pieces(NULL);
        assert_int_equal(report_of(s).segments, !alone);
        atomic_store(&nested_parts, 0);
        atomic_store(&largest_part, 0);
        take_workspaces();
        free(results(s, 1, &bytes));
        assert_int_equal(take_workspaces(), alone ? 1 : 2);
        assert_int_equal(report_of(s).workspace_bytes, alone ? 100 : 2 * 128);
        assert_int_equal(atomic_load(&nested_parts), alone ? 3 * 2 : 3 * 4);
        assert_int_equal(atomic_load(&largest_part), alone ? 50 : 100);
        cvk_session_destroy(s);
    }
    cvk_context_destroy(ctx);
    cvk_graph_destroy(g);
}

/* A kernel that fails on any thread at any piece: its sentence arrives, and the next run is right. */
static void test_failures_are_told(void **state)
{
    (void)state;
    struct cvk_graph *g = functions(3);
    struct cvk_context *ctx = context(2);
    struct cvk_session *s = session(ctx, g, "fragile", 6, 0, "1");
    uint64_t bytes, again;
    unsigned char *good = results(s, 1, &bytes);
    for (int32_t n = 0; n < 18; n += 5) {
        atomic_store(&runs_until_failure, n);
        assert_int_equal(cvk_session_run(s), CVK_E_DEVICE);
        atomic_store(&runs_until_failure, -1);
        assert_non_null(strstr(cvk_error_text(), "the fragile kernel broke"));
        assert_non_null(strstr(cvk_error_text(), "shared on fragile"));
        unsigned char *other = results(s, 1, &again);
        assert_memory_equal(good, other, bytes);
        free(other);
    }
    free(good);
    cvk_session_destroy(s);
    cvk_context_destroy(ctx);
    cvk_graph_destroy(g);
}

/* Wherever memory ends while a session with segments is made. */
static void test_memory_may_end_anywhere(void **state)
{
    (void)state;
    struct cvk_context *ctx = context(2);
    set_pieces("1");
    for (uint64_t seed = FIRST_SEED; seed < FIRST_SEED + NETS / 2; seed++) {
        struct cvk_graph *g = random_net(seed);
        struct cvk_session *s = NULL;
        const struct cvk_session_params p = {.device = seed % 2 ? "ref" : BLOCKS, .batch = 4};
        assert_int_equal(cvk_session_create(ctx, g, &p, &s), CVK_OK); /* the first session looks for devices */
        cvk_session_destroy(s);
        uint64_t before = cvk__alloc_calls();
        assert_int_equal(cvk_session_create(ctx, g, &p, &s), CVK_OK);
        uint64_t calls = cvk__alloc_calls() - before;
        cvk_session_destroy(s);
        for (uint64_t k = 0; k < 40; k++) {
            cvk__alloc_fail_after((int64_t)(calls * k / 40));
            int32_t status = cvk_session_create(ctx, g, &p, &s);
            cvk__alloc_fail_never();
            if (status != CVK_E_MEMORY || s)
                fail_msg("seed %llu, at %llu of 40: status %d, %s", (unsigned long long)seed, (unsigned long long)k, status,
                         cvk_error_text());
        }
        cvk_graph_destroy(g);
    }
    set_pieces(NULL);
    cvk_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_beside_queues),
        cmocka_unit_test(test_batch_is_mixed_in_the_middle),
        cmocka_unit_test(test_whole_operand_made_from_images),
        cmocka_unit_test(test_planned_memory),
        cmocka_unit_test(test_memory_limit),
        cmocka_unit_test(test_profile),
        cmocka_unit_test(test_switches),
        cmocka_unit_test(test_only_rows_that_say_so),
        cmocka_unit_test(test_failures_are_told),
        cmocka_unit_test(test_memory_may_end_anywhere),
    };
    return cmocka_run_group_tests_name("segments", tests, NULL, NULL);
}
