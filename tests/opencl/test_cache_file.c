/* SPDX-License-Identifier: MIT
 * The cache's file: where it is, who may own it, and what becomes of one that is damaged, foreign or can only be read. */
#include "cache_place.h"

#include <errno.h>
#include <sys/wait.h>

/* ---- where it is ----------------------------------------------------------------------------------------------------- */

static void check_refused(uint32_t warnings, const char *words)
{
    cache_quiet();
    struct ocl_cache *c = ocl_cache_open(&place.host);
    if (c || !cache_said(words))
        fail_msg("expected '%s', not '%s'", words, place.log);
    assert_int_equal(place.lines, 1);
    assert_int_equal(place.warnings, warnings);
}

/* That a cache can be had, in this file. */
static void check_at(const char *format, const char *name)
{
    char path[512];
    struct stat st;
    snprintf(path, sizeof path, format, name);
    assert_int_not_equal(stat(path, &st), 0);
    cache_quiet();
    struct ocl_cache *c = cache_open();
    cache_put(c, "one", 1, 1000);
    ocl_cache_close(c);
    assert_int_equal(place.lines, 0);
    if (stat(path, &st) != 0)
        fail_msg("no %s", path);
}

static void test_folder_rules(void **state)
{
    (void)state;
    char name[8192];
    setenv("CONVOKE_CACHE_DIR", "off", 1);
    check_refused(0, "CONVOKE_CACHE_DIR=off");
    setenv("CONVOKE_CACHE_DIR", "relative/folder", 1);
    check_refused(1, "no full path");
    setenv("CONVOKE_CACHE_DIR", "", 1); /* counts as unset */
    setenv("XDG_CACHE_HOME", "relative", 1);
    check_at("%s/.cache/convoke/opencl.db", place.folder);
    snprintf(name, sizeof name, "%s/xdg", place.folder);
    setenv("XDG_CACHE_HOME", name, 1);
    check_at("%s/convoke/opencl.db", name);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("CONVOKE_CACHE_DIR");
    unsetenv("HOME");
    check_refused(0, "HOME names no folder");
    setenv("HOME", "home", 1);
    check_refused(0, "HOME names no folder");
    snprintf(name, sizeof name, "%s/nobody", place.folder);
    setenv("HOME", name, 1); /* is not made */
    check_refused(0, "HOME names no folder");
    snprintf(name, sizeof name, "%s//a b/'%%s'/\xc3\xa4?x=1#y//", place.folder);
    setenv("CONVOKE_CACHE_DIR", name, 1);
    check_at("%s/opencl.db", name);
    snprintf(name, sizeof name, "/%08000d", 0);
    setenv("CONVOKE_CACHE_DIR", name, 1);
    check_refused(1, "has more than");
    snprintf(name, sizeof name, "%s/%0200d/%0200d/%0200d", place.folder, 0, 0, 0); /* more than SQLite takes */
    setenv("CONVOKE_CACHE_DIR", name, 1);
    check_refused(0, "unable to open");
    snprintf(name, sizeof name, "%s/%0300d", place.folder, 0);
    setenv("CONVOKE_CACHE_DIR", name, 1);
    check_refused(1, strerror(ENAMETOOLONG));
    snprintf(name, sizeof name, "%s/file", place.folder);
    cache_write(name, "x", 1);
    setenv("CONVOKE_CACHE_DIR", name, 1);
    check_refused(1, "is no folder");
    snprintf(name, sizeof name, "%s/file/below", place.folder);
    setenv("CONVOKE_CACHE_DIR", name, 1);
    check_refused(1, strerror(ENOTDIR));
}

static void test_private_modes(void **state)
{
    (void)state;
    char name[256];
    struct stat st;
    snprintf(name, sizeof name, "%s/a/b", place.folder);
    setenv("CONVOKE_CACHE_DIR", name, 1);
    mode_t mask = umask(0);
    check_at("%s/opencl.db", name);
    umask(mask);
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    snprintf(name, sizeof name, "%s/a", place.folder);
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    snprintf(name, sizeof name, "%s/a/b/opencl.db", place.folder);
    assert_int_equal(stat(name, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void make_cache(void)
{
    struct ocl_cache *c = cache_open();
    cache_put(c, "one", 1, 1000);
    ocl_cache_close(c);
}

static void test_strangers(void **state)
{
    (void)state;
    char name[256];
    make_cache();
    chmod(place.cache, 0770);
    check_refused(1, "its whole group (mode 0770): chmod go-w");
    chmod(place.cache, 01777);
    check_refused(1, "everyone");
    chmod(place.cache, 0755);
    chmod(place.file, 0602);
    check_refused(1, "opencl.db can be written by everyone");
    chmod(place.file, 0660);
    check_refused(1, "opencl.db can be written by its whole group");
    chmod(place.file, 0644);
    struct ocl_cache *c = cache_open();
    assert_true(cache_has(c, "one", 1, 1000));
    ocl_cache_close(c);
    /* The same folder as another user sees it; root's he may use. */
    bool root = geteuid() == 0;
    place.as_user = 12345;
    if (root && chown(place.cache, 23456, (gid_t)-1) != 0)
        fail();
    check_refused(1, "neither to root nor to you (user 12345)");
    place.as_user = 0;
    /* Root leaves a user's files alone, and makes no folder in his home. */
    place.as_root = true;
    check_refused(1, "neither to root nor to you (user 0)");
    snprintf(name, sizeof name, "%s/below", place.cache);
    setenv("CONVOKE_CACHE_DIR", name, 1);
    check_refused(1, "root makes no folder");
    place.as_root = false;
    if (root && chown(place.cache, 0, (gid_t)-1) != 0)
        fail();
    setenv("CONVOKE_CACHE_DIR", place.cache, 1);
    assert_int_equal(rename(place.file, name), 0);
    assert_int_equal(symlink(name, place.file), 0);
    check_refused(1, "is no plain file");
    unlink(place.file);
    assert_int_equal(mkfifo(place.file, 0600), 0);
    check_refused(1, "is no plain file");
    unlink(place.file);
    assert_int_equal(mkdir(place.file, 0700), 0);
    check_refused(1, "is no plain file");
    rmdir(place.file);
    /* A folder by another name is fine. */
    assert_int_equal(rename(name, place.file), 0);
    snprintf(name, sizeof name, "%s/link", place.folder);
    assert_int_equal(symlink(place.cache, name), 0);
    setenv("CONVOKE_CACHE_DIR", name, 1);
    c = cache_open();
    assert_true(cache_has(c, "one", 1, 1000));
    ocl_cache_close(c);
}

/* ---- only to be read ------------------------------------------------------------------------------------------------- */

/* In a process that has no rights beyond the modes; returns what it answers. */
static int as_nobody(int (*fn)(void))
{
    int how;
    bool root = geteuid() == 0;
    if (root && (chown(place.folder, 65534, 65534) != 0 || chown(place.cache, 65534, 65534) != 0 ||
                 (chown(place.file, 65534, 65534) != 0 && errno != ENOENT)))
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        if (root && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(99);
        _exit(fn());
    }
    return waitpid(pid, &how, 0) == pid && WIFEXITED(how) ? WEXITSTATUS(how) : -1;
}

static int read_only_child(void)
{
    struct ocl_cache *c = ocl_cache_open(&place.host);
    char text[8];
    uint32_t bad = !c || place.lines != 0;
    bad |= (uint32_t)!cache_has(c, "one", 1, 1000) << 1;
    bad |= (uint32_t)(place.lines != 0) << 2; /* and the use, which was long ago, is not noted */
    cache_put(c, "two", 2, 1000);
    cache_put(c, "three", 2, 1000);
    ocl_cache_drop_program(c, "one");
    ocl_cache_put_note(c, "scope", "key", "text");
    bad |= (uint32_t)ocl_cache_get_note(c, "scope", "key", text, sizeof text) << 3;
    bad |= (uint32_t)cache_has(c, "two", 2, 1000) << 4 | (uint32_t)!cache_has(c, "one", 1, 1000) << 5;
    bad |= (uint32_t)(place.lines != 1 || place.warnings || !cache_said("nothing new is kept")) << 6;
    ocl_cache_close(c);
    return (int)bad;
}

static int none_child(void)
{
    struct ocl_cache *c = ocl_cache_open(&place.host);
    return c != NULL || place.lines != 1 || place.warnings || !cache_said("can only be read");
}

static void test_read_only(void **state)
{
    (void)state;
    make_cache();
    cache_sql("UPDATE programs SET used = 5");
    size_t before, after;
    unsigned char *was = cache_read(place.file, &before);
    static const mode_t modes[][2] = {{0500, 0400}, {0500, 0600}, {0700, 0400}};
    for (size_t i = 0; i < 3; i++) { /* folder and file, folder, file */
        chmod(place.cache, modes[i][0]);
        chmod(place.file, modes[i][1]);
        assert_int_equal(as_nobody(read_only_child), 0);
    }
    unsigned char *is = cache_read(place.file, &after);
    assert_int_equal(before, after);
    assert_memory_equal(is, was, before);
    free(is);
    static const char *const contents[] = {"", "This is a letter.\n"};
    for (size_t i = 0; i < 2; i++) {
        chmod(place.file, 0600);
        cache_write(place.file, contents[i], strlen(contents[i]));
        chmod(place.file, 0400);
        assert_int_equal(as_nobody(none_child), 0);
    }
    memset(was + 100, 0, before - 100);
    chmod(place.file, 0600);
    cache_write(place.file, was, before / 2);
    chmod(place.file, 0400);
    assert_int_equal(as_nobody(none_child), 0);
    chmod(place.cache, 0700);
    unlink(place.file);
    chmod(place.cache, 0500);
    assert_int_equal(as_nobody(none_child), 0);
    chmod(place.cache, 0700);
    free(was);
}

/* ---- not ours -------------------------------------------------------------------------------------------------------- */

static void test_foreign(void **state)
{
    (void)state;
    size_t before, after;
    make_cache();
    for (int32_t round = 0; round < 3; round++) {
        if (round == 0) /* of another program */
            cache_sql("PRAGMA application_id = 77");
        else if (round == 1) { /* of one that does not say */
            unlink(place.file);
            cache_write(place.file, "", 0);
            cache_sql("CREATE TABLE programs(name); INSERT INTO programs VALUES('mine')");
        } else { /* and is damaged */
            unsigned char *data = cache_read(place.file, &before);
            memset(data + 100, 0xff, before - 100);
            cache_write(place.file, data, before);
            free(data);
        }
        unsigned char *was = cache_read(place.file, &before);
        check_refused(1, "left alone");
        unsigned char *is = cache_read(place.file, &after);
        assert_int_equal(before, after);
        assert_memory_equal(is, was, before);
        free(was);
        free(is);
    }
}

/* A cache can be had and used, after these words; the next one has nothing to say. */
static void check_anew(const char *words)
{
    cache_quiet();
    struct ocl_cache *c = cache_open();
    if (!cache_said(words))
        fail_msg("expected '%s', not '%s'", words, place.log);
    assert_int_equal(place.lines, 1);
    assert_false(cache_has(c, "one", 1, 1000));
    cache_put(c, "two", 2, 50000);
    ocl_cache_put_note(c, "scope", "key", "text");
    ocl_cache_close(c);
    c = cache_open();
    assert_true(cache_has(c, "two", 2, 50000));
    ocl_cache_close(c);
    assert_int_equal(place.lines, 1);
    assert_int_equal(cache_sql("PRAGMA integrity_check; PRAGMA auto_vacuum"), 1);
}

static void test_other_version(void **state)
{
    (void)state;
    make_cache();
    cache_sql("PRAGMA user_version = 99; DROP TABLE programs; CREATE TABLE programs(quite, different);"
              "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM notes; END");
    check_anew("of another version of Convoke: begun anew");
    assert_int_equal(cache_sql("SELECT count(*) FROM notes"), 1);
}

static void test_no_database(void **state)
{
    (void)state;
    char other[256], journal[256];
    make_cache();
    snprintf(other, sizeof other, "%s.damaged", place.file);
    snprintf(journal, sizeof journal, "%s-journal", place.file);
    static const char letter[] = "Dear Ada,\n this is no database.\n";
    char text[2000] = "";
    for (size_t bytes = 2; bytes <= sizeof text; bytes = bytes * 9 / 2) { /* SQLite takes a file of one byte for an empty one */
        memset(text, ' ', sizeof text);
        memcpy(text, letter, bytes < sizeof letter ? bytes : sizeof letter);
        cache_write(place.file, text, bytes);
        cache_write(journal, text, bytes);
        check_anew("is no database");
        size_t kept;
        unsigned char *data = cache_read(other, &kept);
        assert_int_equal(kept, bytes);
        assert_memory_equal(data, text, bytes);
        free(data);
        assert_int_not_equal(access(journal, F_OK), 0);
    }
    cache_write(place.file, "", 0); /* what a process leaves that was killed before the first word */
    struct ocl_cache *c = cache_open();
    cache_put(c, "one", 1, 1000);
    assert_true(cache_has(c, "one", 1, 1000));
    ocl_cache_close(c);
}

/* ---- damage ---------------------------------------------------------------------------------------------------------- */

#define PROGRAMS 30
#define NOTES 80

static void put_all(struct ocl_cache *c)
{
    char key[64], text[64];
    for (uint32_t i = 0; i < PROGRAMS; i++) {
        snprintf(key, sizeof key, "program %u", i);
        cache_put(c, key, i, 100 + 997 * i);
    }
    for (uint32_t i = 0; i < NOTES; i++) {
        snprintf(key, sizeof key, "key %03u", i);
        snprintf(text, sizeof text, "text of %s is %u", key, i * i);
        ocl_cache_put_note(c, "scope", key, text);
    }
}

static int32_t check_note(void *arg, const char *key, const char *text)
{
    char expected[64];
    uint32_t i = (uint32_t)strtoul(key + strlen("key "), NULL, 10);
    snprintf(expected, sizeof expected, "text of %s is %u", key, i * i);
    assert_string_equal(text, expected);
    ++*(uint32_t *)arg;
    return 0;
}

/* How many entries are there; none is wrong. */
static uint32_t count_all(struct ocl_cache *c)
{
    uint32_t count = 0;
    char key[64], text[64];
    for (uint32_t i = 0; i < PROGRAMS; i++) {
        snprintf(key, sizeof key, "program %u", i);
        count += cache_has(c, key, i, 100 + 997 * i);
    }
    for (uint32_t i = 0; i < NOTES; i++) {
        snprintf(key, sizeof key, "key %03u", i);
        uint32_t one = 0;
        if (ocl_cache_get_note(c, "scope", key, text, sizeof text))
            check_note(&one, key, text);
        count += one;
    }
    uint32_t listed = 0;
    ocl_cache_each_note(c, "scope", "key ", check_note, &listed);
    assert_true(listed <= NOTES);
    return count;
}

/* Whatever is in the file, what comes out of it is right, and soon the cache works again as if nothing had been. */
static void check_heals(const void *data, size_t bytes, bool may_be_foreign)
{
    cache_write(place.file, data, bytes);
    cache_quiet();
    uint32_t rounds = 0;
    for (;; rounds++) {
        struct ocl_cache *c = ocl_cache_open(&place.host);
        if (!c) { /* the bytes that say whose it is */
            assert_true(may_be_foreign && cache_said("left alone"));
            return;
        }
        count_all(c);
        put_all(c);
        uint32_t count = count_all(c);
        ocl_cache_close(c);
        if (count == PROGRAMS + NOTES)
            break;
        if (rounds > 2)
            fail_msg("only %u entries after %u rounds: %s", count, rounds, place.log);
    }
}

static void test_truncated(void **state)
{
    (void)state;
    size_t bytes;
    struct ocl_cache *c = cache_open();
    put_all(c);
    assert_int_equal(count_all(c), PROGRAMS + NOTES);
    ocl_cache_close(c);
    unsigned char *data = cache_read(place.file, &bytes);
    static const size_t lengths[] = {1, 15, 16, 17, 60, 72, 99, 100, 101, 511, 512, 513, 4096, 16383, 16384, 16385, 32768, 40000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++)
        check_heals(data, lengths[i], false);
    for (size_t i = 3; i < 12; i++)
        check_heals(data, bytes * i / 12 + 100 * (i % 3), false);
    check_heals(data, bytes - 1, false);
    free(data);
}

static void test_random_damage(void **state)
{
    (void)state;
    size_t bytes;
    uint64_t random = 2026;
    struct ocl_cache *c = cache_open();
    put_all(c);
    ocl_cache_close(c);
    unsigned char *good = cache_read(place.file, &bytes), *bad = malloc(bytes);
    assert_non_null(bad);
    for (uint32_t round = 0; round < 50; round++) {
        memcpy(bad, good, bytes);
        uint32_t places = 1 + cache_random(&random) % 8, length = round % 3 == 0 ? 1 : round % 3 == 1 ? 16 : 3000;
        for (uint32_t i = 0; i < places; i++) {
            size_t at = cache_random(&random) % (round % 4 == 0 ? 2000 : bytes - length);
            for (uint32_t k = 0; k < length; k++)
                bad[at + k] = (unsigned char)cache_random(&random);
        }
        check_heals(bad, bytes, true);
    }
    for (uint32_t round = 0; round < 20; round++) { /* pages in each other's places, and lost ones */
        memcpy(bad, good, bytes);
        size_t pages = bytes / 16384, from = cache_random(&random) % pages, to = cache_random(&random) % pages;
        if (round % 2)
            memset(bad + to * 16384, 0, 16384);
        else
            memcpy(bad + to * 16384, good + from * 16384, 16384);
        check_heals(bad, bytes, true);
    }
    free(good);
    free(bad);
}

static void test_flipped(void **state)
{
    (void)state;
    char text[64];
    struct ocl_cache *c = cache_open();
    put_all(c);
    ocl_cache_close(c);
    cache_sql("UPDATE programs SET binary = CAST(substr(binary, 1, 5000) || x'00' || substr(binary, 5002) AS BLOB)"
              " WHERE key = 'program 7'");
    cache_sql("UPDATE programs SET hash = hash + 1 WHERE key = 'program 8'");
    cache_sql("UPDATE programs SET binary = (SELECT p.binary FROM programs p WHERE p.key = 'program 1'), hash = (SELECT p.hash FROM"
              " programs p WHERE p.key = 'program 1') WHERE key = 'program 9'");
    cache_sql("UPDATE programs SET binary = substr(binary, 1, length(binary) - 1) WHERE key = 'program 10'");
    cache_sql("UPDATE programs SET binary = '' WHERE key = 'program 11'");
    cache_sql("UPDATE programs SET hash = 'text' WHERE key = 'program 12'");
    cache_sql("UPDATE notes SET text = replace(text, 'is', 'as') WHERE key = 'key 005'");
    cache_sql("UPDATE notes SET scope = 'other' WHERE key = 'key 006'");
    c = cache_open();
    assert_int_equal(count_all(c), PROGRAMS - 6 + NOTES - 2);
    assert_false(ocl_cache_get_note(c, "other", "key 006", text, sizeof text));
    ocl_cache_close(c);
    assert_int_equal(place.lines, 1);
    assert_true(cache_said("an entry of"));
    assert_int_equal(cache_sql("SELECT count(*) FROM programs"), PROGRAMS - 6);
    assert_int_equal(cache_sql("SELECT count(*) FROM notes"), NOTES - 2);
}

/* A file that is ours by its head and by nothing else. */
static void test_schema(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "DROP TABLE programs", "ALTER TABLE programs RENAME COLUMN used TO tired", "UPDATE programs SET bytes = 9223372036854775807",
        "DROP TABLE programs; CREATE VIEW programs AS SELECT 'one' AS key, 1 AS bytes, 1 AS hash, 1 AS used, x'00' AS binary",
        "DELETE FROM programs; CREATE UNIQUE INDEX i ON programs(bytes / 10000000)"};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct ocl_cache *c = cache_open();
        put_all(c);
        ocl_cache_close(c);
        cache_sql("%s", changes[i]);
        cache_quiet();
        c = cache_open();
        count_all(c);
        put_all(c);
        put_all(c);
        assert_int_equal(count_all(c), PROGRAMS + NOTES);
        ocl_cache_close(c);
        assert_int_equal(place.lines, 1);
        assert_true(cache_said("is damaged: begun anew"));
    }
}

/* A cache that is cleared by hand while it is in use. */
static void test_deleted(void **state)
{
    (void)state;
    struct ocl_cache *c = cache_open();
    cache_put(c, "one", 1, 1000);
    assert_int_equal(unlink(place.file), 0);
    cache_put(c, "two", 2, 1000);
    cache_put(c, "three", 3, 1000);
    assert_false(cache_has(c, "two", 2, 1000));
    ocl_cache_close(c);
    assert_int_equal(place.lines, 1);
    assert_true(cache_said("nothing new is kept"));
    make_cache();
    assert_int_equal(cache_sql("SELECT count(*) FROM programs"), 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, cache_set_up, cache_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_folder_rules),  TEST(test_private_modes), TEST(test_strangers),   TEST(test_read_only), TEST(test_foreign),
        TEST(test_other_version), TEST(test_no_database),   TEST(test_truncated),   TEST(test_random_damage),
        TEST(test_flipped),       TEST(test_schema),        TEST(test_deleted),
    };
    return cmocka_run_group_tests_name("cache file", tests, NULL, NULL);
}
