/* SPDX-License-Identifier: MIT
 * Several threads, each with a session of its own from one context and one graph text: the same bits as alone. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "convoke/convoke.h"
#include "convoke/rng.h"

enum { THREADS = 4, RUNS = 8, OUTPUTS = 10 };
static const char net[] = "2x24x24: 8c5-relu-mp2-16c3-bn-tanh-gap-10n-softmax";

struct job {
    struct cvk_context *ctx;
    uint64_t input_seed;
    float result[OUTPUTS];
    int32_t status;
};

static int32_t run_session(struct job *j, struct cvk_session *s, struct cvk_tensor *x, struct cvk_tensor *y)
{
    float *data = cvk_tensor_data(x);
    for (uint64_t i = 0; i < cvk_tensor_count(x); i++)
        data[i] = cvk_rng_normal(j->input_seed, 0, i);
    int32_t status = CVK_OK;
    for (int k = 0; k < RUNS && status == CVK_OK; k++) {
        status = cvk_session_write(s, 0, x);
        if (status == CVK_OK)
            status = cvk_session_run(s);
    }
    if (status == CVK_OK)
        status = cvk_session_read(s, 0, y);
    if (status == CVK_OK)
        memcpy(j->result, cvk_tensor_data(y), sizeof j->result);
    return status;
}

static void *work(void *arg)
{
    struct job *j = arg;
    struct cvk_graph *g = NULL;
    struct cvk_session *s = NULL;
    struct cvk_tensor *x = NULL, *y = NULL;
    j->status = cvk_graph_from_text(net, 3, &g);
    if (j->status == CVK_OK)
        j->status = cvk_session_create(j->ctx, g, &(struct cvk_session_params){.device = "ref"}, &s);
    if (j->status == CVK_OK)
        j->status = cvk_tensor_create(CVK_F32, 4, (int64_t[]){1, 2, 24, 24}, &x);
    if (j->status == CVK_OK)
        j->status = cvk_tensor_create(CVK_F32, 2, (int64_t[]){1, OUTPUTS}, &y);
    if (j->status == CVK_OK)
        j->status = run_session(j, s, x, y);
    cvk_tensor_destroy(x);
    cvk_tensor_destroy(y);
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
    return NULL;
}

static void test_sessions_side_by_side(void **state)
{
    (void)state;
    struct cvk_context *ctx = NULL;
    assert_int_equal(cvk_context_create(&(struct cvk_context_params){.threads = 3}, &ctx), CVK_OK);
    struct job together[THREADS];
    pthread_t threads[THREADS];
    memset(together, 0, sizeof together);
    for (uint64_t i = 0; i < THREADS; i++) {
        together[i].ctx = ctx;
        together[i].input_seed = i / 2; /* pairs see the same picture */
        assert_int_equal(pthread_create(&threads[i], NULL, work, &together[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++) {
        struct job alone = {.ctx = ctx, .input_seed = together[i].input_seed};
        work(&alone);
        assert_int_equal(together[i].status, CVK_OK);
        assert_int_equal(alone.status, CVK_OK);
        assert_memory_equal(alone.result, together[i].result, sizeof alone.result);
    }
    assert_memory_equal(together[0].result, together[1].result, sizeof together[0].result);
    assert_memory_not_equal(together[0].result, together[2].result, sizeof together[0].result);
    cvk_context_destroy(ctx);
}

/* Each thread keeps its own sentence, however often another one fails in between. */
struct failing {
    const char *net, *word;
    uint32_t mixed;
};

static void *fail_by_name(void *arg)
{
    struct failing *f = arg;
    for (int i = 0; i < 2000; i++) {
        struct cvk_graph *g = NULL;
        cvk_graph_from_text(f->net, 1, &g);
        f->mixed += strstr(cvk_error_text(), f->word) == NULL;
        cvk_graph_destroy(g);
    }
    return NULL;
}

static void test_failures_do_not_mix(void **state)
{
    (void)state;
    struct failing jobs[2] = {{.net = "1x8x8: oops", .word = "oops"}, {.net = "1x8x8: 4c99", .word = "4c99"}};
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fail_by_name, &jobs[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(jobs[0].mixed, 0);
    assert_int_equal(jobs[1].mixed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions_side_by_side),
        cmocka_unit_test(test_failures_do_not_mix),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
