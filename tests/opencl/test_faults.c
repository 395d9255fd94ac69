/* SPDX-License-Identifier: MIT
 * Every call of OpenCL that can fail fails once, each in its turn (of the many that set arguments, every seventh): the failure is a status
 * with the driver's word in the sentence, the session goes on or is closed, and nothing of the driver's stays behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "convoke/convoke.h"
#include "fault_layer.h"

/* One net with ops of several kinds, one whose transfers are too large for a single command. */
#define SMALL_NET "3x12x12: 8c3p1-relu-mp2-16c3p1-relu-gap-5n-softmax"
#define WIDE_NET "3x330x330: 4c1-relu"

static const char *device, *net = SMALL_NET;
static bool cold; /* every session with an empty cache of its own */
static char *caches; /* folder for those */
static float *wanted, *got;
static uint64_t output_count;

static void quiet(void *arg, uint32_t level, const char *category, const char *text)
{
    (void)arg, (void)level, (void)category, (void)text;
}

static struct cvk_context *new_context(void)
{
    struct cvk_context *ctx = NULL;
    if (cvk_context_create(&(struct cvk_context_params){.threads = 2, .log = quiet}, &ctx) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return ctx;
}

static struct cvk_graph *new_net(void)
{
    struct cvk_graph *g = NULL;
    if (cvk_graph_from_text(net, 1, &g) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    return g;
}

/* Writes, runs, reads; the first failure's status. */
static int32_t go(struct cvk_session *s, float *out)
{
    struct cvk_tensor *x = NULL, *y = NULL;
    const struct cvk_tensor_desc *xd = cvk_session_input_desc(s, 0), *yd = cvk_session_output_desc(s, 0);
    assert_int_equal(cvk_tensor_create(CVK_F32, xd->rank, xd->dims, &x), CVK_OK);
    assert_int_equal(cvk_tensor_create(CVK_F32, yd->rank, yd->dims, &y), CVK_OK);
    for (uint64_t i = 0; i < cvk_tensor_count(x); i++)
        ((float *)cvk_tensor_data(x))[i] = (float)((int32_t)(i * 29 % 31) - 15) / 8;
    int32_t status = cvk_session_write(s, 0, x);
    if (status == CVK_OK)
        status = cvk_session_run(s);
    if (status == CVK_OK)
        status = cvk_session_read(s, 0, y);
    if (status == CVK_OK)
        memcpy(out, cvk_tensor_data(y), output_count * sizeof *out);
    cvk_tensor_destroy(x);
    cvk_tensor_destroy(y);
    return status;
}

static void check_right(const char *when)
{
    for (uint64_t i = 0; i < output_count; i++)
        if (!(got[i] - wanted[i] < 1e-5f && wanted[i] - got[i] < 1e-5f))
            fail_msg("%s: output %llu is %g, not %g", when, (unsigned long long)i, (double)got[i], (double)wanted[i]);
}

/* A failure is a known status with a sentence that has the driver's word in it. */
static void check_failure(int32_t status, const char *when)
{
    if (status != CVK_E_MEMORY && status != CVK_E_DEVICE && status != CVK_E_UNSUPPORTED && status != CVK_E_NOT_FOUND)
        fail_msg("%s: status %d, %s", when, status, cvk_error_text());
    if (!strstr(cvk_error_text(), "CL_"))
        fail_msg("%s: no code of OpenCL's in '%s'", when, cvk_error_text());
}

/* A folder for the next session's cache, beside the ones before. */
static void empty_cache(void)
{
    static uint32_t number;
    char path[4096];
    snprintf(path, sizeof path, "%s/%u", caches, number++);
    assert_int_equal(setenv("CONVOKE_CACHE_DIR", path, 1), 0);
}

/* One session from its creation on, with a fault somewhere; true if the fault came. */
static bool one(struct cvk_context *ctx, const struct cvk_graph *g, enum fault_kind kind, uint64_t n, uint64_t after, uint32_t flags)
{
    struct cvk_session *s = NULL;
    char when[128];
    snprintf(when, sizeof when, "%s number %llu", fault_name(kind), (unsigned long long)n);
    if (cold)
        empty_cache();
    fault_set(kind, n, after);
    int32_t status = cvk_session_create(ctx, g, &(struct cvk_session_params){.device = device, .flags = flags}, &s);
    if (status == CVK_OK) {
        for (uint32_t run = 0; run < 2 && status == CVK_OK; run++)
            if ((status = go(s, got)) == CVK_OK)
                check_right(when);
    } else {
        assert_null(s);
    }
    if (status != CVK_OK)
        check_failure(status, when);
    /* Programs are asked about when they are stored, which is at the session's end. */
    bool at_end = kind == FAULT_INFO;
    bool before = !at_end && fault_clear();
    if (!before && status != CVK_OK)
        fail_msg("%s: no fault, and yet '%s'", when, cvk_error_text());
    /* For memory, programs and maps there is another way; these leave results that nobody may trust. */
    bool told = kind == FAULT_ARG || kind == FAULT_ENQUEUE || kind == FAULT_WRITE || kind == FAULT_READ || kind == FAULT_FINISH;
    if (before && told && status == CVK_OK)
        fail_msg("%s: it was not told", when);
    /* The session that saw the fault is still good for a run. */
    if (s && go(s, got) != CVK_OK)
        fail_msg("%s: the run after it: %s", when, cvk_error_text());
    else if (s) {
        snprintf(when, sizeof when, "%s number %llu, the run after it", fault_name(kind), (unsigned long long)n);
        check_right(when);
    }
    cvk_session_destroy(s);
    bool came = fault_clear();
    struct fault_counts left = fault_alive();
    if (left.contexts || left.queues || left.buffers || left.programs || left.kernels || left.events || left.maps)
        fail_msg("%s: left behind: %lld contexts, %lld queues, %lld buffers, %lld programs, %lld kernels, %lld events, %lld maps", when,
                 (long long)left.contexts, (long long)left.queues, (long long)left.buffers, (long long)left.programs,
                 (long long)left.kernels, (long long)left.events, (long long)left.maps);
    return came;
}

static void each_call_fails(enum fault_kind first, enum fault_kind last, uint64_t after, uint32_t flags)
{
    struct cvk_context *ctx = new_context();
    struct cvk_graph *g = new_net();
    uint64_t all = 0;
    for (enum fault_kind kind = first; kind <= last; kind++) {
        /* Arguments are many and alike. */
        uint64_t n = 1, step = kind == FAULT_ARG ? 7 : 1, count = 0;
        for (; one(ctx, g, kind, n, after, flags); n += step)
            count++;
        print_message("%s: %llu calls failed\n", fault_name(kind), (unsigned long long)count);
        all += count;
    }
    /* Which of map, read, write and info there are depends on the device; all of them together there must be. */
    assert_true(all > (uint64_t)(last - first));
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
}

static void test_one_failure(void **state)
{
    (void)state;
    each_call_fails(FAULT_OPEN, FAULT_KINDS - 1, 0, 0);
}

/* From the n-th call on all fail, as on a device that is lost. */
static void test_lost(void **state)
{
    (void)state;
    each_call_fails(FAULT_ENQUEUE, FAULT_FINISH, UINT64_MAX - 1, 0);
}

static void test_with_times(void **state)
{
    (void)state;
    each_call_fails(FAULT_FINISH, FAULT_INFO, 0, CVK_SESSION_PROFILE);
}

/* Programs come from the compiler and go into the cache. */
static void test_cold(void **state)
{
    (void)state;
    cold = true;
    each_call_fails(FAULT_PROGRAM, FAULT_BUILD, 0, 0);
    each_call_fails(FAULT_INFO, FAULT_INFO, 0, 0);
    cold = false;
}

/* What the reference says, and that the net runs at all. */
static int before(void **state)
{
    (void)state;
    struct cvk_context *ctx = new_context();
    struct cvk_graph *g = new_net();
    struct cvk_session *s = NULL;
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = "ref"}, &s) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    output_count = cvk_tensor_desc_count(cvk_session_output_desc(s, 0));
    wanted = malloc(output_count * sizeof *wanted);
    got = malloc(output_count * sizeof *got);
    if (!wanted || !got || go(s, wanted) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    cvk_session_destroy(s);
    if (cvk_session_create(ctx, g, &(struct cvk_session_params){.device = device}, &s) != CVK_OK || go(s, got) != CVK_OK)
        fail_msg("%s", cvk_error_text());
    check_right("without a fault");
    cvk_session_destroy(s);
    cvk_graph_destroy(g);
    cvk_context_destroy(ctx);
    return 0;
}

static int after(void **state)
{
    (void)state;
    free(wanted);
    free(got);
    return 0;
}

/* test_faults DEVICE [separate|shared], CONVOKE_CACHE_DIR naming a folder for many caches. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_failure),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_with_times),
        cmocka_unit_test(test_cold),
    };
    device = argc > 1 ? argv[1] : "opencl";
    if (argc > 2 && strcmp(argv[2], "separate") == 0) {
        fault_separate_memory();
        net = WIDE_NET;
    }
    /* Only the reference has a row of that name, so the other device waits for a mark in the queue. */
    if (argc > 2 && strcmp(argv[2], "shared") == 0)
        setenv("CONVOKE_KERNEL", "gemm:fwd=plain", 1);
    if (!getenv("CONVOKE_CACHE_DIR") || !(caches = strdup(getenv("CONVOKE_CACHE_DIR"))))
        return fprintf(stderr, "CONVOKE_CACHE_DIR must name a folder that may be filled\n"), 2;
    int failed = cmocka_run_group_tests(tests, before, after);
    free(caches);
    return failed;
}
