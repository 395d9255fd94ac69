/* SPDX-License-Identifier: MIT
 * The thread pool: each item once, the same cut always, several users, children of fork, and threads that cannot be had. */
#include "base/base.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h> /* last: it defines a macro fail() */

#define ITEMS 1000

struct tally {
    unsigned char hits[ITEMS];
    uint64_t begin[64], end[64];
    atomic_uint parts, bad;
};

static void count_items(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    struct tally *t = arg;
    if (worker >= 64 || end > ITEMS) {
        atomic_fetch_add(&t->bad, 1);
        return;
    }
    t->begin[worker] = begin;
    t->end[worker] = end;
    for (uint64_t i = begin; i < end; i++)
        t->hits[i]++;
    atomic_fetch_add(&t->parts, 1);
}

/* Runs `count` items and asserts that the ranges are whole, in order and nearly equal. */
static void check_run(struct cvk__pool *pool, uint32_t max_workers, uint64_t count, uint32_t parts)
{
    struct tally t = {.parts = 0};
    cvk__pool_run(pool, max_workers, count, count_items, &t);
    assert_int_equal(t.bad, 0);
    assert_int_equal(t.parts, parts);
    uint64_t next = 0;
    for (uint32_t part = 0; part < parts; part++) {
        assert_int_equal(t.begin[part], next);
        next = t.end[part];
        uint64_t length = next - t.begin[part];
        assert_true(length == count / parts || length == count / parts + 1);
    }
    assert_int_equal(next, count);
    for (uint64_t i = 0; i < ITEMS; i++)
        assert_int_equal(t.hits[i], i < count);
}

static void cuts(void **state)
{
    (void)state;
    for (uint32_t workers = 1; workers <= 9; workers++) {
        struct cvk__pool *pool = NULL;
        assert_int_equal(cvk__pool_create(workers, &pool), CVK_OK);
        assert_int_equal(cvk__pool_workers(pool), workers);
        for (uint64_t count = 1; count <= 20; count++) {
            uint32_t parts = count < workers ? (uint32_t)count : workers;
            check_run(pool, 0, count, parts);
            check_run(pool, 3, count, parts < 3 ? parts : 3);
        }
        check_run(pool, 0, ITEMS, workers);
        check_run(pool, 1, ITEMS, 1);
        check_run(pool, 100, ITEMS, workers);
        struct tally nothing = {.parts = 0};
        cvk__pool_run(pool, 0, 0, count_items, &nothing);
        assert_int_equal(nothing.parts, 0);
        cvk__pool_destroy(pool);
    }
    cvk__pool_destroy(NULL);
}

/* Many short jobs one after the other, with pauses in which the workers fall asleep, and with changing numbers of parts. */
static void many_jobs(void **state)
{
    (void)state;
    struct cvk__pool *pool = NULL;
    assert_int_equal(cvk__pool_create(4, &pool), CVK_OK);
    for (uint32_t i = 0; i < 3000; i++) {
        check_run(pool, i % 4 + 1, 64, i % 4 + 1);
        if (i % 300 == 0)
            usleep(1000);
    }
    cvk__pool_destroy(pool);
}

static void bad_sizes(void **state)
{
    (void)state;
    struct cvk__pool *pool = (struct cvk__pool *)&state;
    assert_int_equal(cvk__pool_create(0, &pool), CVK_E_ARG);
    assert_null(pool);
    assert_int_equal(cvk__pool_create(UINT32_MAX, &pool), CVK_E_ARG);
    for (int64_t n = 0; n < 2; n++) {
        cvk__alloc_fail_after(n);
        int32_t status = cvk__pool_create(2, &pool);
        cvk__alloc_fail_never();
        assert_int_equal(status, CVK_E_MEMORY);
        assert_null(pool);
    }
}

/* Two program threads use one pool at once: one of them works alone, both are right. */
static void *second_user(void *arg)
{
    for (int i = 0; i < 300; i++)
        check_run(arg, 0, 100, 3);
    return NULL;
}

static void two_users(void **state)
{
    (void)state;
    struct cvk__pool *pool = NULL;
    assert_int_equal(cvk__pool_create(3, &pool), CVK_OK);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, second_user, pool), 0);
    for (int i = 0; i < 300; i++)
        check_run(pool, 0, 100, 3);
    pthread_join(thread, NULL);
    cvk__pool_destroy(pool);
}

/* A job inside a job is done by the one who asked. */
static void job_in_job(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    (void)begin;
    (void)end;
    (void)worker;
    struct tally *t = calloc(1, sizeof *t);
    cvk__pool_run(arg, 0, 10, count_items, t);
    for (int i = 0; i < 10; i++)
        assert_int_equal(t->hits[i], 1);
    assert_int_equal(t->parts, 1); /* as one range */
    free(t);
}

static void nested(void **state)
{
    (void)state;
    struct cvk__pool *pool = NULL;
    assert_int_equal(cvk__pool_create(2, &pool), CVK_OK);
    cvk__pool_run(pool, 0, 2, job_in_job, pool);
    check_run(pool, 0, 10, 2);
    cvk__pool_destroy(pool);
}

static void see_mask(void *arg, uint64_t begin, uint64_t end, uint32_t worker)
{
    (void)begin;
    (void)end;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    ((int *)arg)[worker] = sigismember(&mask, SIGINT);
}

static void signals(void **state)
{
    (void)state;
    struct cvk__pool *pool = NULL;
    int blocked[2] = {-1, -1};
    assert_int_equal(cvk__pool_create(2, &pool), CVK_OK);
    cvk__pool_run(pool, 0, 2, see_mask, blocked);
    assert_int_equal(blocked[0], 0);
    assert_int_equal(blocked[1], 1);
    cvk__pool_destroy(pool);
}

/* A child made by fork has no workers; it does everything itself, and may destroy its copy. */
static void child_of_fork(void **state)
{
    (void)state;
    struct cvk__pool *pool = NULL;
    assert_int_equal(cvk__pool_create(3, &pool), CVK_OK);
    check_run(pool, 0, 100, 3);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20); /* a child that hangs fails */
        struct tally t = {.parts = 0};
        cvk__pool_run(pool, 0, 100, count_items, &t);
        bool right = t.parts == 3 && t.bad == 0;
        for (int i = 0; i < 100; i++)
            right = right && t.hits[i] == 1;
        cvk__pool_destroy(pool);
        _exit(right ? 0 : 1);
    }
    int how = -1;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    check_run(pool, 0, 100, 3);
    cvk__pool_destroy(pool);
}

/* No thread for the second job although the first had one: the caller does the parts that are left, and a thread that comes
 * later does not take an old job for a new one. */
static int threads_allowed = 1 << 20;
static useconds_t threads_pause_us; /* lets a new thread look around before it gets its first job */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
    if (threads_allowed == 0)
        return 11; /* EAGAIN */
    threads_allowed--;
    int error = __real_pthread_create(thread, attr, start, arg);
    usleep(threads_pause_us);
    return error;
}

static void threads_refused(void **state)
{
    (void)state;
    struct cvk__pool *pool = NULL;
    assert_int_equal(cvk__pool_create(4, &pool), CVK_OK);
    threads_allowed = 0;
    check_run(pool, 0, 100, 4);
    threads_allowed = 1;
    check_run(pool, 0, 100, 4);
    check_run(pool, 0, 3, 3);
    threads_allowed = 1 << 20;
    threads_pause_us = 5000;
    for (int i = 0; i < 50; i++)
        check_run(pool, 0, 100, 4);
    threads_pause_us = 0;
    cvk__pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts),      cmocka_unit_test(many_jobs), cmocka_unit_test(bad_sizes),
        cmocka_unit_test(two_users), cmocka_unit_test(nested),    cmocka_unit_test(signals),
        cmocka_unit_test(child_of_fork), cmocka_unit_test(threads_refused),
    };
    return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
