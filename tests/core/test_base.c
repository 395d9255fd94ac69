/* SPDX-License-Identifier: MIT
 * The ground floor: failures, log, memory, text, environment, version. */
#include "base/base.h"
#include "base/cpus.h"
#include "convoke/convoke.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h> /* last: it defines a macro fail() */

static void status_names(void **state)
{
    (void)state;
    assert_string_equal(cvk_status_name(CVK_OK), "CVK_OK");
    assert_string_equal(cvk_status_name(CVK_E_SHAPE), "CVK_E_SHAPE");
    assert_string_equal(cvk_status_name(CVK_E_NOT_FOUND), "CVK_E_NOT_FOUND");
    assert_string_equal(cvk_status_name(CVK_E_NOT_FOUND - 1), "CVK_E_?");
    assert_string_equal(cvk_status_name(1), "CVK_E_?");
    assert_string_equal(cvk_status_name(INT32_MIN), "CVK_E_?");
}

static void *other_thread(void *arg)
{
    (void)arg;
    assert_string_equal(cvk_error_text(), "");
    cvk__fail(CVK_E_IO, "of the other thread");
    return NULL;
}

static void failure_sentences(void **state)
{
    (void)state;
    assert_int_equal(cvk__fail(CVK_E_ARG, "%d of %d", 3, 4), CVK_E_ARG);
    assert_string_equal(cvk_error_text(), "3 of 4");
    assert_int_equal(cvk__fail_in(CVK_E_SHAPE, "conv '%s': ", "c1"), CVK_E_SHAPE);
    cvk__fail_more("; %s", "sorry");
    assert_string_equal(cvk_error_text(), "conv 'c1': 3 of 4; sorry");
    /* The sentence itself may be an argument. */
    cvk__fail(CVK_E_IO, "[%s]", cvk_error_text());
    assert_string_equal(cvk_error_text(), "[conv 'c1': 3 of 4; sorry]");
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, other_thread, NULL), 0);
    pthread_join(thread, NULL);
    assert_string_equal(cvk_error_text(), "[conv 'c1': 3 of 4; sorry]");
}

/* A sentence that is too long ends in "..." and not inside a character, wherever the cut falls. */
static void failure_too_long(void **state)
{
    (void)state;
    char long_text[9001];
    for (size_t shift = 0; shift < 3; shift++) {
        for (size_t i = 0; i + 3 < sizeof long_text; i += 3)
            memcpy(long_text + i, "\xe2\x82\xac", 3); /* euro signs */
        long_text[sizeof long_text - 1] = 0;
        cvk__fail(CVK_E_ARG, "%.*s%s", (int)shift, "ab", long_text);
        size_t length = strlen(cvk_error_text());
        assert_in_range(length, 4000, 4095);
        assert_string_equal(cvk_error_text() + length - 3, "...");
        assert_int_equal((length - 3 - shift) % 3, 0);
    }
    cvk__fail(CVK_E_ARG, "short");
    cvk__fail_in(CVK_E_ARG, "%s", long_text);
    assert_string_equal(cvk_error_text() + strlen(cvk_error_text()) - 3, "...");
    cvk__fail(CVK_E_ARG, "short");
    for (int i = 0; i < 3; i++)
        cvk__fail_more("%s", long_text);
    assert_memory_equal(cvk_error_text(), "short\xe2", 6);
}

struct heard {
    int lines;
    uint32_t level;
    char category[32], text[4096];
};

static void hear(void *arg, uint32_t level, const char *category, const char *text)
{
    struct heard *h = arg;
    h->lines++;
    h->level = level;
    snprintf(h->category, sizeof h->category, "%s", category);
    snprintf(h->text, sizeof h->text, "%s", text);
}

static void log_spec(void **state)
{
    (void)state;
    struct cvk__log log;
    assert_int_equal(cvk__log_init(&log, NULL), CVK_OK);
    assert_int_equal(log.level, CVK_LOG_WARN);
    assert_int_equal(cvk__log_init(&log, ""), CVK_OK);
    assert_int_equal(log.categories, UINT32_MAX);
    assert_int_equal(cvk__log_init(&log, "trace"), CVK_OK);
    assert_int_equal(log.level, CVK_LOG_TRACE);
    assert_int_equal(cvk__log_init(&log, "load,mem"), CVK_OK);
    assert_int_equal(log.level, CVK_LOG_DEBUG);
    assert_int_equal(log.categories, 1u << 0 | 1u << 6);
    static const char *const bad[] = {"loud", "info,,load", "info,", "INFO", "info load", "info,\x1b[2J"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(cvk__log_init(&log, bad[i]), CVK_E_ARG);
    assert_non_null(strstr(cvk_error_text(), "'\\x1b[2J'"));
}

static void log_lines(void **state)
{
    (void)state;
    struct heard h = {0};
    struct cvk__log log;
    assert_int_equal(cvk__log_init(&log, "info,load,select"), CVK_OK);
    log.sink = hear;
    log.arg = &h;
    cvk__log(&log, CVK_LOG_INFO, "load", "taken: %s\n\x1b[31m%d", "ref", 7);
    assert_int_equal(h.lines, 1);
    assert_int_equal(h.level, CVK_LOG_INFO);
    assert_string_equal(h.category, "load");
    assert_string_equal(h.text, "taken: ref  [31m7");
    cvk__log(&log, CVK_LOG_DEBUG, "load", "too fine");
    cvk__log(&log, CVK_LOG_INFO, "exec", "other category");
    cvk__log(&log, CVK_LOG_INFO, "unheard_of", "other category");
    assert_int_equal(h.lines, 1);
    cvk__log(&log, CVK_LOG_WARN, "exec", "warnings pass");
    assert_int_equal(h.lines, 2);
}

static void memory(void **state)
{
    (void)state;
    uint64_t before = cvk__alloc_calls();
    unsigned char *dirty = cvk__alloc(CVK__TAG_MISC, 1000);
    assert_non_null(dirty);
    memset(dirty, 0xFF, 1000);
    cvk__free(dirty);
    unsigned char *zeroed = cvk__alloc(CVK__TAG_MISC, 1000); /* likely the same memory */
    assert_non_null(zeroed);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(zeroed[i], 0);
    cvk__free(zeroed);
    for (uint64_t bytes = 0; bytes < 300; bytes += 7) {
        volatile unsigned char *buffer = cvk__alloc_buffer(CVK__TAG_TENSOR, bytes);
        assert_non_null(buffer);
        assert_int_equal((uintptr_t)buffer % CVK_ALIGN_BYTES, 0);
        unsigned sum = 0;
        for (uint64_t i = bytes; i < bytes + CVK_TAIL_BYTES; i++)
            sum += buffer[i]; /* only to read it: a sanitizer would object */
        assert_true(sum <= 255 * CVK_TAIL_BYTES);
        cvk__free((void *)(uintptr_t)buffer);
    }
    assert_int_equal(cvk__alloc_calls() - before, 45);
    cvk__free(malloc(10)); /* memory that a caller handed over */
    cvk__free(NULL);
    char *copy = cvk__strdup(CVK__TAG_MISC, "copy");
    assert_string_equal(copy, "copy");
    char *longer = cvk__realloc(CVK__TAG_MISC, copy, 5000);
    assert_string_equal(longer, "copy");
    cvk__free(longer);
    assert_null(cvk__alloc_array(CVK__TAG_MISC, UINT64_MAX / 2, 3));
    assert_null(cvk__alloc_array(CVK__TAG_MISC, (uint64_t)1 << 32, (uint64_t)1 << 32));
    assert_null(cvk__alloc(CVK__TAG_MISC, UINT64_MAX));
    assert_null(cvk__alloc_buffer(CVK__TAG_MISC, UINT64_MAX - 10));
    assert_null(cvk__realloc(CVK__TAG_MISC, NULL, UINT64_MAX));
    assert_int_equal(cvk__fail_memory(77, "a test"), CVK_E_MEMORY);
    assert_non_null(strstr(cvk_error_text(), "77 bytes for a test"));
}

static void memory_fails_on_demand(void **state)
{
    (void)state;
    cvk__alloc_fail_after(2);
    void *a = cvk__alloc(CVK__TAG_MISC, 1), *b = cvk__alloc_buffer(CVK__TAG_MISC, 1);
    void *c = cvk__alloc(CVK__TAG_MISC, 1), *d = cvk__realloc(CVK__TAG_MISC, NULL, 1), *e = cvk__strdup(CVK__TAG_MISC, "e");
    cvk__alloc_fail_never();
    void *f = cvk__alloc(CVK__TAG_MISC, 1);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(c);
    assert_null(d);
    assert_null(e);
    assert_non_null(f);
    cvk__free(a);
    cvk__free(b);
    cvk__free(f);
}

static void text_grows(void **state)
{
    (void)state;
    struct cvk__text t = {0};
    for (int i = 0; i < 1000; i++)
        cvk__text_add(&t, "%d,", i % 10);
    assert_false(t.failed);
    assert_int_equal(t.bytes, 2000);
    assert_int_equal(strlen(t.data), 2000);
    assert_memory_equal(t.data, "0,1,2,", 6);
    cvk__alloc_fail_after(0);
    char *old = t.data;
    cvk__text_add(&t, "%3000d", 1);
    cvk__alloc_fail_never();
    assert_true(t.failed);
    assert_ptr_equal(t.data, old);
    assert_int_equal(strlen(t.data), 2000);
    cvk__text_finish(&t);
    assert_null(t.data);
    assert_false(t.failed);
}

static void escaped(const char *name, size_t capacity, const char *expected)
{
    char out[64];
    memset(out, '#', sizeof out);
    assert_ptr_equal(cvk__text_escape(name, out, capacity), out);
    assert_string_equal(out, expected);
    assert_int_equal(out[capacity], '#');
}

static void text_escapes(void **state)
{
    (void)state;
    escaped("conv1/w", 60, "conv1/w");
    escaped("", 60, "");
    escaped(NULL, 60, "");
    escaped("a'b\"c\\", 60, "a\\x27b\\x22c\\x5c");
    escaped("\x1b[2J\n", 60, "\\x1b[2J\\x0a");
    escaped("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x89", 60, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\x89");
    escaped("\xc3", 60, "\\xc3");                       /* cut short */
    escaped("\xc0\x80", 60, "\\xc0\\x80");              /* overlong */
    escaped("\xe0\x81\xa1", 60, "\\xe0\\x81\\xa1");     /* an overlong 'a' */
    escaped("\xed\xa0\x80", 60, "\\xed\\xa0\\x80");     /* surrogate */
    escaped("\xf4\x90\x80\x80", 60, "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
    escaped("\xff\x80", 60, "\\xff\\x80");
    escaped("\xc2\x9b", 60, "\\xc2\\x9b");              /* a control character of 8 bits */
    escaped("\xe2\x80\xae", 60, "\\xe2\\x80\\xae");     /* right-to-left override */
    escaped("abcdefgh", 9, "abcdefgh");
    escaped("abcdefghi", 9, "abcde...");
    escaped("abcd\xe2\x82\xac!!", 9, "abcd...");
    escaped("ab\x01\x02", 9, "ab...");
    escaped("abcdefghi", 3, "..");
    escaped("a", 1, "");
    assert_string_equal(cvk__text_escape("a", NULL, 0), "");
}

static void text_distances(void **state)
{
    (void)state;
    assert_int_equal(cvk__text_distance("", ""), 0);
    assert_int_equal(cvk__text_distance("simd", "simd"), 0);
    assert_int_equal(cvk__text_distance("smid", "simd"), 2);
    assert_int_equal(cvk__text_distance("kitten", "sitting"), 3);
    assert_int_equal(cvk__text_distance("", "abc"), 3);
    assert_int_equal(cvk__text_distance("opencl", "openc"), 1);
    char a[1000];
    memset(a, 'a', sizeof a);
    a[999] = 0;
    assert_int_equal(cvk__text_distance(a, "a"), 999);
}

static void numbers(void **state)
{
    (void)state;
    uint64_t n = 1;
    assert_true(cvk__parse_u64("0", &n));
    assert_int_equal(n, 0);
    assert_true(cvk__parse_u64("18446744073709551615", &n));
    assert_true(n == UINT64_MAX);
    assert_true(cvk__parse_u64("3K", &n));
    assert_int_equal(n, 3072);
    assert_true(cvk__parse_u64("2G", &n));
    assert_true(n == (uint64_t)2 << 30);
    static const char *const bad[] = {"", " 1", "1 ", "-1", "+1", "0x10", "1.5", "K", "1KB", "1T", "18446744073709551616",
                                      "18446744073709551615K", "99999999999999999999999"};
    n = 5;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(cvk__parse_u64(bad[i], &n));
    assert_false(cvk__parse_u64(NULL, &n));
    assert_int_equal(n, 5);
    assert_int_equal(cvk__floor_div(-7, 2), -4);
    assert_int_equal(cvk__floor_div(7, 2), 3);
    assert_int_equal(cvk__ceil_div(7, 2), 4);
    assert_int_equal(cvk__ceil_div(-7, 2), -3);
    assert_int_equal(cvk__round_up(65, 64), 128);
    int64_t product;
    assert_false(cvk__mul_i64(INT64_MAX, 2, &product));
    assert_true(cvk__add_i64(INT64_MAX, INT64_MIN, &product));
    assert_int_equal(product, -1);
    double t = cvk__now_ns();
    usleep(2000);
    double waited = cvk__now_ns() - t;
    assert_true(waited >= 2e6 && waited < 60e9);
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void make_folder(char *path, size_t capacity, const char *root, const char *name)
{
    snprintf(path, capacity, "%s/%s", root, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

/* Quotas of control groups, in a made-up tree of both versions. */
static void cpu_quotas(void **state)
{
    (void)state;
    char root[] = "/tmp/convoke-cgroup-XXXXXX", a[256], b[256], v1[256], job[256], command[300];
    assert_non_null(mkdtemp(root));
    make_folder(a, sizeof a, root, "a");
    make_folder(b, sizeof b, a, "b");
    make_folder(v1, sizeof v1, root, "cpu,cpuacct");
    make_folder(job, sizeof job, v1, "job");
    assert_int_equal(cvk__cgroup_cpus(root, "0::/a/b\n"), 0); /* no files */
    write_text(b, "cpu.max", "max 100000\n");
    assert_int_equal(cvk__cgroup_cpus(root, "0::/a/b\n"), 0);
    write_text(a, "cpu.max", "350000 100000\n");
    assert_int_equal(cvk__cgroup_cpus(root, "0::/a/b\n"), 4); /* of the group above, rounded up */
    write_text(b, "cpu.max", "150000 100000\n");
    assert_int_equal(cvk__cgroup_cpus(root, "0::/a/b\n"), 2);
    assert_int_equal(cvk__cgroup_cpus(root, "0::/a\n"), 4);
    assert_int_equal(cvk__cgroup_cpus(root, "0::/not/there\n"), 0);
    write_text(root, "cpu.max", "700000 100000\n"); /* as a container sees its own group */
    assert_int_equal(cvk__cgroup_cpus(root, "0::/\n"), 7);
    assert_int_equal(cvk__cgroup_cpus(root, "0::/../..\n"), 7);
    assert_int_equal(cvk__cgroup_cpus(root, "0::/not/there\n"), 7);
    assert_int_equal(cvk__cgroup_cpus(v1, "0::/..\n"), 0); /* never above the mount */
    assert_int_equal(cvk__cgroup_cpus(root, "0::/a/b"), 2);
    write_text(job, "cpu.cfs_quota_us", "-1\n");
    write_text(job, "cpu.cfs_period_us", "100000\n");
    assert_int_equal(cvk__cgroup_cpus(root, "7:memory:/x\n4:cpu,cpuacct:/job\n"), 0);
    write_text(job, "cpu.cfs_quota_us", "250000\n");
    assert_int_equal(cvk__cgroup_cpus(root, "7:memory:/x\n4:cpu,cpuacct:/job\n"), 3);
    assert_int_equal(cvk__cgroup_cpus(root, "9:cpuset:/a/b\n"), 0);
    assert_int_equal(cvk__cgroup_cpus(root, ""), 0);
    assert_int_equal(cvk__cgroup_cpus(root, "nonsense\n:::\n\n0:"), 0);
    assert_true(cvk__cpu_count() >= 1);
    snprintf(command, sizeof command, "rm -r %s", root);
    assert_int_equal(system(command), 0);
}

static void version(void **state)
{
    (void)state;
    unsigned major, minor, patch;
    assert_int_equal(sscanf(cvk_version(), "%u.%u.%u", &major, &minor, &patch), 3);
    assert_non_null(cvk_missing_features());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_names),   cmocka_unit_test(failure_sentences), cmocka_unit_test(failure_too_long),
        cmocka_unit_test(log_spec),       cmocka_unit_test(log_lines),         cmocka_unit_test(memory),
        cmocka_unit_test(memory_fails_on_demand), cmocka_unit_test(text_grows), cmocka_unit_test(text_escapes),
        cmocka_unit_test(text_distances), cmocka_unit_test(numbers),           cmocka_unit_test(cpu_quotas),
        cmocka_unit_test(version),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
