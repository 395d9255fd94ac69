/* SPDX-License-Identifier: MIT
 * Sessions on several threads at once, each with a device of its own on the same driver: in one context and in one each, of both
 * forms, made, run and closed while others are, give what the reference does. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convoke/convoke.h"

#define THREADS 4
#define SESSIONS 3
#define RUNS 5
#define OUTPUTS 5

static const char net[] = "3x12x12: 8c3p1-relu-mp2-16c3p1-relu-gap-5n-softmax";
static const char *const devices[] = {"opencl+ref", "opencl(form=gpu)+ref"};

struct worker {
    pthread_t thread;
    uint32_t number;
    struct cvk_context *shared; /* NULL: one of its own */
    float wanted[RUNS][OUTPUTS];
    char failure[512];
};

/* Other numbers for each thread and run, so that results of another are noticed. */
static int32_t go(struct cvk_session *s, uint32_t seed, float *out)
{
    struct cvk_tensor *x = NULL, *y = NULL;
    const struct cvk_tensor_desc *xd = cvk_session_input_desc(s, 0), *yd = cvk_session_output_desc(s, 0);
    int32_t status = cvk_tensor_create(CVK_F32, xd->rank, xd->dims, &x);
    if (status == CVK_OK)
        status = cvk_tensor_create(CVK_F32, yd->rank, yd->dims, &y);
    for (uint64_t i = 0; status == CVK_OK && i < cvk_tensor_count(x); i++)
        ((float *)cvk_tensor_data(x))[i] = (float)((int32_t)(i * (29 + 2 * seed) % 61) - 30) / 8;
    if (status == CVK_OK)
        status = cvk_session_write(s, 0, x);
    if (status == CVK_OK)
        status = cvk_session_run(s);
    if (status == CVK_OK)
        status = cvk_session_read(s, 0, y);
    if (status == CVK_OK)
        memcpy(out, cvk_tensor_data(y), OUTPUTS * sizeof *out);
    cvk_tensor_destroy(x);
    cvk_tensor_destroy(y);
    return status;
}

static int32_t make(struct cvk_context *ctx, const char *device, uint32_t flags, struct cvk_session **s)
{
    struct cvk_graph *g = NULL;
    int32_t status = cvk_graph_from_text(net, 1, &g);
    if (status == CVK_OK)
        status = cvk_session_create(ctx, g, &(struct cvk_session_params){.device = device, .flags = flags}, s);
    cvk_graph_destroy(g);
    return status;
}

static int32_t compare(struct worker *w, struct cvk_session *s, const char *device)
{
    float got[OUTPUTS];
    for (uint32_t run = 0; run < RUNS; run++) {
        int32_t status = go(s, w->number * RUNS + run, got);
        if (status != CVK_OK)
            return status;
        for (uint32_t i = 0; i < OUTPUTS; i++)
            if (!(got[i] - w->wanted[run][i] < 1e-5f && w->wanted[run][i] - got[i] < 1e-5f))
                snprintf(w->failure, sizeof w->failure, "thread %u, %s, run %u: output %u is %g, not %g", w->number, device, run,
                         i, (double)got[i], (double)w->wanted[run][i]);
    }
    return CVK_OK;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct cvk_context *ctx = w->shared;
    int32_t status = ctx ? CVK_OK : cvk_context_create(&(struct cvk_context_params){.threads = 1}, &ctx);
    for (uint32_t i = 0; status == CVK_OK && i < SESSIONS; i++) {
        const char *device = devices[(w->number + i) % 2];
        struct cvk_session *s = NULL, *planned = NULL;
        status = make(ctx, device, 0, &s);
        if (status == CVK_OK)
            status = make(ctx, device, CVK_SESSION_PLAN_ONLY, &planned);
        if (status == CVK_OK)
            status = compare(w, s, device);
        if (status != CVK_OK)
            snprintf(w->failure, sizeof w->failure, "thread %u, %s: %s", w->number, device, cvk_error_text());
        cvk_session_destroy(s);
        cvk_session_destroy(planned);
    }
    if (!w->shared)
        cvk_context_destroy(ctx);
    return NULL;
}

/* A fresh cache, so that programs are compiled, tested and stored at the same time. */
static void run_threads(struct cvk_context *shared)
{
    static struct worker workers[THREADS];
    struct cvk_context *ctx = NULL;
    struct cvk_session *reference = NULL;
    memset(workers, 0, sizeof workers);
    if (cvk_context_create(&(struct cvk_context_params){.threads = 1}, &ctx) != CVK_OK || make(ctx, "ref", 0, &reference) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    for (uint32_t t = 0; t < THREADS; t++) {
        workers[t].number = t;
        workers[t].shared = shared;
        for (uint32_t run = 0; run < RUNS; run++)
            assert_int_equal(go(reference, t * RUNS + run, workers[t].wanted[run]), CVK_OK);
    }
    cvk_session_destroy(reference);
    cvk_context_destroy(ctx);
    for (uint32_t t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&workers[t].thread, NULL, work, &workers[t]), 0);
    for (uint32_t t = 0; t < THREADS; t++)
        pthread_join(workers[t].thread, NULL);
    for (uint32_t t = 0; t < THREADS; t++)
        if (workers[t].failure[0])
            fail_msg("%s", workers[t].failure);
}

static void test_own_contexts(void **state)
{
    (void)state;
    run_threads(NULL);
}

static void test_one_context(void **state)
{
    (void)state;
    struct cvk_context *ctx = NULL;
    assert_int_equal(cvk_context_create(&(struct cvk_context_params){.threads = 2}, &ctx), CVK_OK);
    run_threads(ctx);
    cvk_context_destroy(ctx);
}

static int each_with_its_own_cache(void **state)
{
    static uint32_t number;
    char path[4096];
    (void)state;
    snprintf(path, sizeof path, "%s/%u", getenv("CACHES"), number++);
    return setenv("CONVOKE_CACHE_DIR", path, 1);
}

/* CONVOKE_CACHE_DIR names a folder for several caches. */
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_own_contexts, each_with_its_own_cache),
        cmocka_unit_test_setup(test_one_context, each_with_its_own_cache),
    };
    const char *folder = getenv("CONVOKE_CACHE_DIR");
    if (!folder || setenv("CACHES", folder, 1) != 0)
        return fprintf(stderr, "CONVOKE_CACHE_DIR must name a folder that may be filled\n"), 2;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
