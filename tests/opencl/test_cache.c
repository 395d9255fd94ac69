/* SPDX-License-Identifier: MIT
 * What the cache keeps and gives back: programs, notes, the limit of size, memory that cannot be had, threads. */
#include "cache_place.h"

#include <pthread.h>
#include <time.h>

static void test_cold_and_warm(void **state)
{
    (void)state;
    struct ocl_cache *c = cache_open();
    assert_false(cache_has(c, "one", 1, 1000));
    cache_put(c, "one", 1, 1000);
    cache_put(c, "two", 2, 300000);
    cache_put(c, "byte", 3, 1);
    ocl_cache_put_program(c, "nothing", "", 0);
    assert_true(cache_has(c, "one", 1, 1000));
    ocl_cache_close(c);
    c = cache_open();
    assert_true(cache_has(c, "one", 1, 1000));
    assert_true(cache_has(c, "two", 2, 300000));
    assert_true(cache_has(c, "byte", 3, 1));
    assert_false(cache_has(c, "nothing", 0, 0));
    assert_false(cache_has(c, "On", 1, 1000));
    cache_put(c, "one", 4, 2000); /* another binary under the same key */
    ocl_cache_drop_program(c, "two");
    ocl_cache_drop_program(c, "never there");
    ocl_cache_close(c);
    c = cache_open();
    assert_true(cache_has(c, "one", 4, 2000));
    assert_false(cache_has(c, "two", 2, 300000));
    ocl_cache_close(c);
    assert_int_equal(place.lines, 0);
    assert_int_equal(cache_sql("SELECT count(*) FROM programs"), 2);
}

static void test_none(void **state)
{
    (void)state;
    char text[4] = "abc";
    ocl_cache_close(NULL);
    cache_put(NULL, "one", 1, 10);
    assert_false(cache_has(NULL, "one", 1, 10));
    ocl_cache_drop_program(NULL, "one");
    ocl_cache_put_note(NULL, "scope", "key", "text");
    assert_false(ocl_cache_get_note(NULL, "scope", "key", text, sizeof text));
    assert_string_equal(text, "");
    assert_int_equal(ocl_cache_each_note(NULL, "scope", "", NULL, NULL), 0);
}

/* ---- notes ----------------------------------------------------------------------------------------------------------- */

struct heard {
    char text[2048];
    int32_t left; /* notes until it says stop */
};

static int32_t hear(void *arg, const char *key, const char *text)
{
    struct heard *h = arg;
    size_t used = strlen(h->text);
    snprintf(h->text + used, sizeof h->text - used, "%s=%s;", key, text);
    return --h->left == 0 ? 77 : 0;
}

static void check_each(struct ocl_cache *c, const char *scope, const char *prefix, const char *expected)
{
    struct heard h = {.left = -1};
    assert_int_equal(ocl_cache_each_note(c, scope, prefix, hear, &h), 0);
    assert_string_equal(h.text, expected);
}

static void test_notes(void **state)
{
    (void)state;
    char text[8];
    struct ocl_cache *c = cache_open();
    assert_false(ocl_cache_get_note(c, "device", "a", text, sizeof text));
    static const char *const notes[][3] = {
        {"device", "conv:b", "2"}, {"device", "conv:a", "1"},   {"device", "conv:c", "old"}, {"device", "conv:c", "3"},
        {"device", "con", "0"},    {"device", "conw", "4"},     {"device", "empty", ""},     {"device", "", "no key"},
        {"device", "50%", "p"},    {"device", "50_", "u"},      {"device", "50x", "x"},      {"device", "it's", "q'u\"o;"},
        {"other", "conv:a", "x"},  {"devic_", "conv:a", "y"},   {"DEVICE", "conv:a", "z"},   {"device", "\xc3\xa4\xff", "\xe2"}};
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
        ocl_cache_put_note(c, notes[i][0], notes[i][1], notes[i][2]);
    ocl_cache_close(c);
    c = cache_open();
    assert_true(ocl_cache_get_note(c, "device", "conv:c", text, sizeof text));
    assert_string_equal(text, "3");
    assert_true(ocl_cache_get_note(c, "device", "empty", text, 1));
    assert_string_equal(text, "");
    assert_true(ocl_cache_get_note(c, "device", "it's", text, sizeof text));
    assert_string_equal(text, "q'u\"o;");
    assert_true(ocl_cache_get_note(c, "device", "", text, 7));
    assert_string_equal(text, "no key");
    assert_false(ocl_cache_get_note(c, "device", "", text, 6)); /* not cut */
    assert_string_equal(text, "");
    assert_false(ocl_cache_get_note(c, "device", "", text, 0));
    check_each(c, "device", "conv:", "conv:a=1;conv:b=2;conv:c=3;");
    check_each(c, "device", "conv:a", "conv:a=1;");
    check_each(c, "device", "con", "con=0;conv:a=1;conv:b=2;conv:c=3;conw=4;");
    check_each(c, "device", "50%", "50%=p;");
    check_each(c, "device", "50_", "50_=u;");
    check_each(c, "device", "%", "");
    check_each(c, "device", "it's", "it's=q'u\"o;;");
    check_each(c, "device", "\xc3", "\xc3\xa4\xff=\xe2;");
    check_each(c, "devic_", "", "conv:a=y;");
    check_each(c, "%", "", "");
    check_each(c, "device", "",
               "=no key;50%=p;50_=u;50x=x;con=0;conv:a=1;conv:b=2;conv:c=3;conw=4;empty=;it's=q'u\"o;;\xc3\xa4\xff=\xe2;");
    struct heard h = {.left = 2};
    assert_int_equal(ocl_cache_each_note(c, "device", "conv:", hear, &h), 77);
    assert_string_equal(h.text, "conv:a=1;conv:b=2;");
    ocl_cache_close(c);
    assert_int_equal(place.lines, 0);
}

static int32_t count_note(void *arg, const char *key, const char *text)
{
    uint32_t *count = arg, number = (uint32_t)strtoul(key + strlen("tuned/"), NULL, 10);
    assert_int_equal(number, (*count)++);
    assert_int_equal(strlen(text), 100 + number);
    return 0;
}

static void test_many_notes(void **state)
{
    (void)state;
    struct ocl_cache *c = cache_open();
    char text[600];
    for (uint32_t i = 0; i < 300; i++) {
        char key[32];
        snprintf(key, sizeof key, "tuned/%05u", i);
        memset(text, 'x', sizeof text);
        text[100 + i] = 0;
        ocl_cache_put_note(c, "device", key, text);
    }
    uint32_t count = 0;
    assert_int_equal(ocl_cache_each_note(c, "device", "tuned/", count_note, &count), 0);
    assert_int_equal(count, 300);
    ocl_cache_close(c);
}

static void test_huge_keys(void **state)
{
    (void)state;
    size_t length = 1 << 20;
    char *key = malloc(length + 1), text[8];
    assert_non_null(key);
    memset(key, 'k', length);
    key[length] = 0;
    struct ocl_cache *c = cache_open();
    for (int32_t i = 0; i < 3; i++) { /* that differ in their last byte only */
        key[length - 1] = (char)('a' + i);
        cache_put(c, key, (uint32_t)i, 5000);
        ocl_cache_put_note(c, key, key, key + length - 1);
    }
    key[length - 1] = 'b';
    assert_true(cache_has(c, key, 1, 5000));
    assert_true(ocl_cache_get_note(c, key, key, text, sizeof text));
    assert_string_equal(text, "b");
    ocl_cache_drop_program(c, key);
    assert_false(cache_has(c, key, 1, 5000));
    key[length - 1] = 'c';
    assert_true(cache_has(c, key, 2, 5000));
    key[length - 1] = 'd';
    assert_false(cache_has(c, key, 3, 5000));
    ocl_cache_close(c);
    free(key);
    assert_int_equal(place.lines, 0);
}

/* ---- size and age ---------------------------------------------------------------------------------------------------- */

static void check_kept(struct ocl_cache *c, const char *expected)
{
    char kept[16] = "";
    for (char name[2] = "a"; name[0] <= 'h'; name[0]++)
        if (cache_has(c, name, (uint32_t)name[0], 9999))
            strcat(kept, name);
    assert_string_equal(kept, expected);
}

static void put_named(struct ocl_cache *c, const char *names)
{
    for (char name[2] = {*names, 0}; *names; name[0] = *++names)
        cache_put(c, name, (uint32_t)name[0], 9999);
}

static void test_limit(void **state)
{
    (void)state;
    setenv("CONVOKE_CACHE_SIZE", "50000", 1); /* five of them with keys of one byte */
    struct ocl_cache *c = cache_open();
    put_named(c, "abcde");
    check_kept(c, "abcde");
    put_named(c, "e"); /* in its own place */
    check_kept(c, "abcde");
    put_named(c, "f");
    check_kept(c, "bcdef");
    /* Used long ago, then again: b is the last to go, d the first. */
    cache_sql("UPDATE programs SET used = used - 10 * 86400; UPDATE programs SET used = used - 86400 WHERE key = 'd'");
    assert_true(cache_has(c, "b", 'b', 9999));
    put_named(c, "g");
    assert_int_equal(cache_sql("SELECT count(*) FROM programs WHERE key = 'd'"), 0);
    put_named(c, "h");
    assert_int_equal(cache_sql("SELECT count(*) FROM programs WHERE key = 'c'"), 0);
    check_kept(c, "befgh");
    /* One that needs the place of several, and one for which there is none. */
    cache_put(c, "large", 9, 30000);
    check_kept(c, "h");
    assert_int_equal(place.lines, 0);
    cache_put(c, "larger", 9, 49995);
    cache_put(c, "largest", 9, 1000000);
    assert_true(cache_said("a program of 49995 bytes is not kept"));
    assert_int_equal(place.lines, 1);
    assert_true(cache_has(c, "large", 9, 30000));
    assert_false(cache_has(c, "larger", 9, 49995));
    cache_put(c, "larg", 9, 49996); /* just fits */
    assert_true(cache_has(c, "larg", 9, 49996));
    assert_int_equal(cache_sql("SELECT count(*) FROM programs"), 1);
    ocl_cache_close(c);
}

static void test_less_room(void **state)
{
    (void)state;
    struct stat before, after;
    char text[8];
    struct ocl_cache *c = cache_open();
    cache_put(c, "first", 1, 2000000);
    cache_put(c, "second", 1, 2000000);
    cache_put(c, "third", 1, 300000);
    ocl_cache_put_note(c, "scope", "key", "text");
    ocl_cache_close(c);
    assert_int_equal(stat(place.file, &before), 0);
    setenv("CONVOKE_CACHE_SIZE", "1M", 1);
    c = cache_open();
    cache_put(c, "fourth", 1, 300000);
    assert_true(cache_has(c, "third", 1, 300000));
    assert_true(cache_has(c, "fourth", 1, 300000));
    assert_false(cache_has(c, "second", 1, 2000000));
    ocl_cache_close(c);
    assert_int_equal(stat(place.file, &after), 0);
    assert_true(before.st_size > 4300000 && after.st_size < 800000);
    setenv("CONVOKE_CACHE_SIZE", "0", 1); /* no programs, but notes */
    c = cache_open();
    assert_false(cache_has(c, "third", 1, 300000));
    cache_put(c, "fifth", 1, 1);
    assert_false(cache_has(c, "fifth", 1, 1));
    assert_true(ocl_cache_get_note(c, "scope", "key", text, sizeof text));
    ocl_cache_close(c);
    assert_int_equal(cache_sql("SELECT count(*) FROM programs"), 0);
    assert_int_equal(place.lines, 0);
}

static void test_size_texts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good, fits; /* three million bytes */
    } sizes[] = {{"2K", true, false}, {"3000", true, false}, {"3M", true, true}, {"1G", true, true}, {"", true, true},
                 {"9223372036854775807", true, true}, {"8589934591G", true, true}, {"8589934592G", false, true},
                 {"99999999999999999999999", false, true}, {"18446744073709551615", false, true}, {"-1", false, true},
                 {"1k", false, true}, {"1MB", false, true}, {"M", false, true}, {" 1M", false, true}, {"1.5M", false, true}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        setenv("CONVOKE_CACHE_SIZE", sizes[i].text, 1);
        cache_quiet();
        struct ocl_cache *c = cache_open();
        assert_int_equal(place.warnings, !sizes[i].good);
        assert_int_equal(cache_said("512M is taken"), !sizes[i].good);
        cache_put(c, sizes[i].text, 1, 3000000);
        assert_int_equal(cache_has(c, sizes[i].text, 1, 3000000), sizes[i].fits);
        ocl_cache_drop_program(c, sizes[i].text);
        ocl_cache_close(c);
    }
}

/* The counter of changes in the file's head. */
static uint32_t changes(void)
{
    size_t bytes;
    unsigned char *data = cache_read(place.file, &bytes);
    uint32_t count = (uint32_t)data[24] << 24 | (uint32_t)data[25] << 16 | (uint32_t)data[26] << 8 | data[27];
    free(data);
    return count;
}

static void test_warm_start_writes_nothing(void **state)
{
    (void)state;
    struct ocl_cache *c = cache_open();
    put_named(c, "abc");
    ocl_cache_close(c);
    cache_sql("UPDATE programs SET used = used - 80000");
    uint32_t before = changes();
    c = cache_open();
    check_kept(c, "abc");
    ocl_cache_close(c);
    assert_int_equal(changes(), before);
    cache_sql("UPDATE programs SET used = used - 10000 WHERE key = 'a'");   /* more than a day */
    cache_sql("UPDATE programs SET used = used + 900000 WHERE key = 'b'"); /* a clock that went wrong */
    c = cache_open();
    check_kept(c, "abc");
    ocl_cache_close(c);
    assert_int_equal(changes(), before + 4);
    assert_int_equal(cache_sql("SELECT count(*) FROM programs WHERE abs(used - %lld) < 1000", (long long)time(NULL)), 2);
}

/* ---- memory and threads ---------------------------------------------------------------------------------------------- */

/* Every allocation refused once: the answer is "not there", and nothing is lost or kept. */
static void test_no_memory(void **state)
{
    (void)state;
    struct ocl_cache *c = cache_open();
    cache_put(c, "one", 1, 1000);
    char text[900];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    ocl_cache_put_note(c, "scope", "a", text);
    ocl_cache_put_note(c, "scope", "b", text);
    ocl_cache_put_note(c, "scope", "c", text);
    ocl_cache_close(c);
    int32_t allocations = 0;
    for (bool through = false; !through; allocations++) {
        struct heard h = {.left = -1};
        cache_quiet();
        place.refused = allocations + 1;
        c = ocl_cache_open(&place.host);
        cache_put(c, "two", 2, 1000);
        bool has = cache_has(c, "one", 1, 1000);
        ocl_cache_each_note(c, "scope", "", hear, &h);
        ocl_cache_put_note(c, "scope", "a", text);
        through = place.refused > 0;
        place.refused = 0;
        assert_int_equal(c && has && h.text[0], through);
        assert_int_equal(place.lines, !through);
        assert_true(through || cache_said("no memory"));
        assert_true(!c || cache_has(c, "one", 1, 1000));
        ocl_cache_close(c);
        assert_int_equal(place.live, 0);
    }
    assert_true(allocations > 3);
}

static void *use(void *arg)
{
    struct ocl_cache *c = arg;
    static atomic_uint numbers;
    uint64_t random = atomic_fetch_add(&numbers, 1);
    uintptr_t bad = 0;
    for (uint32_t i = 0; i < 150; i++) {
        uint32_t which = cache_random(&random) % 20;
        char key[16], text[16];
        snprintf(key, sizeof key, "%u", which);
        switch (cache_random(&random) % 6) {
        case 0:
            cache_put(c, key, which, 3000 + which);
            /* Nobody drops those below 10; on a machine that stands still for seconds a put may be given up. */
            bad += !cache_has(c, key, which, 3000 + which) && which < 10 && !cache_said("in use");
            break;
        case 1:
            if (which >= 10)
                ocl_cache_drop_program(c, key);
            break;
        case 2:
            ocl_cache_put_note(c, "scope", key, key);
            break;
        case 3:
            bad += ocl_cache_get_note(c, "scope", key, text, sizeof text) && strcmp(text, key) != 0;
            break;
        default:
            cache_has(c, key, which, 3000 + which);
        }
    }
    return (void *)bad;
}

/* Half of them on one cache, the others each on one of their own. */
static void test_threads(void **state)
{
    (void)state;
    pthread_t threads[8];
    struct ocl_cache *caches[8], *shared = cache_open();
    for (int32_t i = 0; i < 8; i++) {
        caches[i] = i < 4 ? shared : cache_open();
        assert_int_equal(pthread_create(&threads[i], NULL, use, caches[i]), 0);
    }
    for (int32_t i = 0; i < 8; i++) {
        void *bad;
        assert_int_equal(pthread_join(threads[i], &bad), 0);
        assert_null(bad);
        if (i >= 4)
            ocl_cache_close(caches[i]);
    }
    ocl_cache_close(shared);
    assert_int_equal(place.warnings, 0);
    assert_int_equal(cache_sql("SELECT count(*) FROM programs WHERE length(binary) <> 3000 + key"), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, cache_set_up, cache_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_cold_and_warm), TEST(test_none),       TEST(test_notes),      TEST(test_many_notes),
        TEST(test_huge_keys),     TEST(test_limit),      TEST(test_less_room),  TEST(test_size_texts),
        TEST(test_warm_start_writes_nothing),            TEST(test_no_memory),  TEST(test_threads),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}
