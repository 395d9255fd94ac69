/* SPDX-License-Identifier: MIT
 * The cache among processes: many at once, killed in the middle, stopped with the file locked, forked, and damage while all are at it. */
#include "cache_place.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define CHILDREN 4
#define KEYS 40
#define SEEDS 5 /* contents that a key may have */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Content number `seed` of a key tells its own number and is right in every byte. */
static uint64_t make(unsigned char *content, uint32_t key, uint32_t seed)
{
    uint64_t bytes = 8 + (key * 7919 + seed * 104729) % 60000;
    cache_fill(content, bytes, key * SEEDS + seed);
    content[0] = (unsigned char)seed;
    return bytes;
}

/* 1: there and right, 0: absent, -1: wrong. */
static int32_t look_up(struct ocl_cache *c, uint32_t number)
{
    static unsigned char expected[1 << 16];
    void *found;
    uint64_t size;
    char key[32];
    snprintf(key, sizeof key, "key %u", number);
    if (!ocl_cache_get_program(c, key, &found, &size))
        return 0;
    uint32_t seed = *(unsigned char *)found;
    bool right = seed < SEEDS && size == make(expected, number, seed) && memcmp(found, expected, size) == 0;
    place.host.free(&place.host, found);
    return right ? 1 : -1;
}

/* Puts, gets, drops, notes; opens anew now and then. Returns the exit status: 0 if all that was found was right. */
static int work(uint32_t self, uint32_t operations)
{
    static unsigned char content[1 << 16];
    uint64_t random = self * 7777 + 1;
    struct ocl_cache *c = ocl_cache_open(&place.host);
    for (uint32_t i = 0; i < operations; i++) {
        uint32_t number = cache_random(&random) % KEYS, what = cache_random(&random) % 16;
        char key[32], text[32];
        snprintf(key, sizeof key, "key %u", number);
        if (what < 4) {
            ocl_cache_put_program(c, key, content, make(content, number, cache_random(&random) % SEEDS));
        } else if (what < 6) {
            ocl_cache_put_note(c, "scope", key, key);
        } else if (what < 9) {
            if (ocl_cache_get_note(c, "scope", key, text, sizeof text) && strcmp(text, key) != 0)
                return 3;
        } else if (what == 9) {
            ocl_cache_drop_program(c, key);
        } else if (what == 10 && i % 4 == 0) {
            ocl_cache_close(c);
            c = ocl_cache_open(&place.host);
        } else if (look_up(c, number) < 0) {
            return 4;
        }
    }
    ocl_cache_close(c);
    return place.live ? 5 : 0;
}

static bool expected_warnings;

static pid_t start(uint32_t self, uint32_t operations)
{
    pid_t pid = fork();
    if (pid == 0) {
        int status = work(self, operations);
        if (place.warnings && !expected_warnings)
            fprintf(stderr, "process %u: %s\n", self, place.log);
        _exit(status ? status : place.warnings ? 6 : 0);
    }
    assert_true(pid > 0);
    return pid;
}

static int end(pid_t pid)
{
    int how;
    assert_int_equal(waitpid(pid, &how, 0), pid);
    return WIFEXITED(how) ? WEXITSTATUS(how) : 1000 + WTERMSIG(how);
}

static void check_sound(void)
{
    assert_int_equal(cache_sql("PRAGMA application_id"), 0x43564b43);
    /* "ok" is 0 as a number; a complaint would be several rows, or begin with stars */
    assert_int_equal(cache_sql("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
}

static void test_many(void **state)
{
    (void)state;
    pid_t pids[CHILDREN];
    setenv("CONVOKE_CACHE_SIZE", "600K", 1); /* about half of what they put */
    for (uint32_t i = 0; i < CHILDREN; i++) /* the file is made by all of them at once */
        pids[i] = start(i, 2000);
    for (uint32_t i = 0; i < CHILDREN; i++)
        assert_int_equal(end(pids[i]), 0);
    check_sound();
    assert_true(cache_sql("SELECT sum(bytes) FROM programs") <= 600 << 10);
    assert_true(cache_sql("SELECT count(*) FROM programs") > 5);
    assert_int_equal(cache_sql("SELECT count(*) FROM notes"), KEYS);
    struct ocl_cache *c = cache_open();
    int32_t found = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        int32_t one = look_up(c, i);
        assert_true(one >= 0);
        found += one;
    }
    assert_int_equal(found, cache_sql("SELECT count(*) FROM programs"));
    ocl_cache_close(c);
}

static void test_killed(void **state)
{
    (void)state;
    uint64_t random = 1;
    for (uint32_t round = 0; round < 40; round++) {
        pid_t writer = start(round, 1000000), other = start(round + 1000, 100);
        struct timespec pause = {.tv_nsec = 500000 + cache_random(&random) % 12000000};
        nanosleep(&pause, NULL);
        kill(writer, SIGKILL);
        assert_int_equal(end(writer), 1000 + SIGKILL);
        assert_int_equal(end(other), 0);
        struct ocl_cache *c = cache_open();
        for (uint32_t i = 0; i < KEYS; i++)
            assert_true(look_up(c, i) >= 0);
        cache_put(c, "afterwards", round, 3000);
        assert_true(cache_has(c, "afterwards", round, 3000));
        ocl_cache_close(c);
        assert_int_equal(place.warnings, 0);
    }
    check_sound();
}

/* The others' file is overwritten in places while they use it. Nobody gets anything wrong, nobody falls, and then it works again. */
static void test_damaged_in_use(void **state)
{
    (void)state;
    uint64_t random = 5;
    expected_warnings = true;
    for (uint32_t round = 0; round < 8; round++) {
        pid_t pids[CHILDREN];
        for (uint32_t i = 0; i < CHILDREN; i++)
            pids[i] = start(i + 10 * round, 300);
        struct ocl_cache *c = cache_open();
        for (uint32_t i = 0; i < 3; i++) {
            unsigned char dirt[3000];
            for (size_t k = 0; k < sizeof dirt; k++)
                dirt[k] = (unsigned char)cache_random(&random);
            struct timespec pause = {.tv_nsec = 15000000};
            nanosleep(&pause, NULL);
            struct stat st;
            assert_int_equal(stat(place.file, &st), 0);
            int32_t fd = c ? open(place.file, O_RDWR | O_CLOEXEC) : -1;
            off_t at = 100 + (round % 4 ? (off_t)(cache_random(&random) % (uint64_t)(st.st_size + 1)) : 0);
            if (round % 4 == 3)
                assert_int_equal(ftruncate(fd, at), 0);
            else
                assert_true(pwrite(fd, dirt, sizeof dirt, at) > 0);
            close(fd);
        }
        ocl_cache_close(c);
        for (uint32_t i = 0; i < CHILDREN; i++) {
            int status = end(pids[i]);
            assert_true(status == 0 || status == 6);
        }
        for (uint32_t again = 0;; again++) {
            cache_quiet();
            c = cache_open();
            for (uint32_t i = 0; i < KEYS; i++)
                assert_true(look_up(c, i) >= 0);
            cache_put(c, "afterwards", round, 200000);
            bool works = cache_has(c, "afterwards", round, 200000);
            ocl_cache_close(c);
            if (works && !place.lines)
                break;
            assert_true(again < 5);
        }
    }
    expected_warnings = false;
}

/* A process that was stopped in the middle of writing costs two seconds, once. */
static void test_locked(void **state)
{
    (void)state;
    char text[8];
    sqlite3 *db;
    struct ocl_cache *c = cache_open();
    cache_put(c, "one", 1, 1000);
    cache_sql("UPDATE programs SET used = 5");
    assert_int_equal(sqlite3_open(place.file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    double begin = now();
    assert_true(cache_has(c, "one", 1, 1000)); /* whose last use cannot be noted */
    assert_true(now() - begin < 1);
    assert_int_equal(place.lines, 0);
    assert_int_equal(sqlite3_exec(db, "COMMIT; BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    begin = now();
    assert_false(cache_has(c, "one", 1, 1000));
    double first = now() - begin;
    assert_true(first > 1.5 && first < 10);
    begin = now();
    for (uint32_t i = 0; i < 100; i++) {
        assert_false(cache_has(c, "one", 1, 1000));
        cache_put(c, "two", 2, 1000);
        ocl_cache_put_note(c, "scope", "key", "text");
        assert_false(ocl_cache_get_note(c, "scope", "key", text, sizeof text));
    }
    assert_true(now() - begin < 1.5);
    assert_int_equal(place.lines, 1);
    assert_int_equal(place.warnings, 0);
    assert_true(cache_said("in use by other processes"));
    /* One that reads for long lets others read, and begin to write. */
    assert_int_equal(sqlite3_exec(db, "ROLLBACK; BEGIN; SELECT count(*) FROM programs", NULL, NULL, NULL), SQLITE_OK);
    assert_true(cache_has(c, "one", 1, 1000));
    cache_put(c, "three", 3, 1000);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_false(cache_has(c, "three", 3, 1000));
    assert_true(cache_has(c, "one", 1, 1000));
    cache_put(c, "two", 2, 1000);
    assert_true(cache_has(c, "two", 2, 1000));
    ocl_cache_close(c);
    assert_int_equal(place.lines, 1);
}

static int forked(struct ocl_cache *c)
{
    char text[8];
    int live = place.live;
    bool bad = cache_has(c, "one", 1, 1000);
    cache_put(c, "one", 2, 2000);
    ocl_cache_put_note(c, "scope", "key", "changed");
    ocl_cache_drop_program(c, "one");
    bad |= ocl_cache_get_note(c, "scope", "key", text, sizeof text);
    bad |= place.lines != 0;
    bad |= ocl_cache_open(&place.host) != NULL || !cache_said("forked");
    ocl_cache_close(c);
    return bad || place.live != live - 1;
}

static void *use(void *arg)
{
    atomic_bool *stop = arg;
    struct ocl_cache *c = cache_open();
    for (uint32_t i = 0; !*stop; i++)
        cache_put(c, "busy", i, 1000 + i % 10);
    ocl_cache_close(c);
    return NULL;
}

static void test_fork(void **state)
{
    (void)state;
    atomic_bool stop = false;
    pthread_t thread;
    struct ocl_cache *c = cache_open();
    cache_put(c, "one", 1, 1000);
    ocl_cache_put_note(c, "scope", "key", "text");
    assert_int_equal(pthread_create(&thread, NULL, use, &stop), 0);
    for (uint32_t i = 0; i < 50; i++) { /* while a thread is in the middle of something */
        pid_t pid = fork();
        if (pid == 0)
            _exit(forked(c));
        assert_int_equal(end(pid), 0);
    }
    stop = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(cache_has(c, "one", 1, 1000));
    ocl_cache_close(c);
    pid_t pid = start(1, 50); /* with none open, a child has its own */
    assert_int_equal(end(pid), 0);
    assert_true(cache_sql("SELECT count(*) FROM programs") > 2);
    assert_int_equal(place.lines, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, cache_set_up, cache_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_many), TEST(test_killed), TEST(test_damaged_in_use), TEST(test_locked), TEST(test_fork),
    };
    return cmocka_run_group_tests_name("cache among processes", tests, NULL, NULL);
}
