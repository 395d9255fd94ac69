/* SPDX-License-Identifier: MIT
 * The host and the folder of the cache's tests. */
#include "cache_place.h"

#include <ftw.h>
#include <pthread.h>

struct cache_place place;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

uid_t __real_geteuid(void);
uid_t __wrap_geteuid(void);

uid_t __wrap_geteuid(void)
{
    return place.as_root ? 0 : place.as_user ? place.as_user : __real_geteuid();
}

static void *host_alloc(const struct cvk_host *host, uint64_t bytes, uint64_t align)
{
    (void)host;
    if (place.refused && atomic_fetch_sub(&place.refused, 1) == 1)
        return NULL;
    void *memory = aligned_alloc(64, (bytes + 127) / 64 * 64);
    assert_true(align == 0);
    if (memory)
        place.live++;
    return memory;
}

static void host_free(const struct cvk_host *host, void *memory)
{
    (void)host;
    if (memory)
        place.live--;
    free(memory);
}

static void host_log(const struct cvk_host *host, uint32_t level, const char *category, const char *text)
{
    (void)host;
    assert_string_equal(category, "compile");
    assert_null(strchr(text, '\n'));
    pthread_mutex_lock(&log_lock);
    size_t used = strlen(place.log);
    snprintf(place.log + used, sizeof place.log - used, "%u %s\n", level, text);
    pthread_mutex_unlock(&log_lock);
    place.lines++;
    place.warnings += level <= CVK_LOG_WARN;
}

int cache_set_up(void **state)
{
    (void)state;
    memset(&place, 0, sizeof place);
    place.host.size = sizeof place.host;
    place.host.alloc = host_alloc;
    place.host.free = host_free;
    place.host.log = host_log;
    snprintf(place.folder, sizeof place.folder, "/tmp/convoke-cache-XXXXXX");
    if (!mkdtemp(place.folder))
        return -1;
    snprintf(place.cache, sizeof place.cache, "%s/cache", place.folder);
    snprintf(place.file, sizeof place.file, "%s/opencl.db", place.cache);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("CONVOKE_CACHE_SIZE");
    setenv("HOME", place.folder, 1);
    return setenv("CONVOKE_CACHE_DIR", place.cache, 1);
}

static int delete_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

int cache_tear_down(void **state)
{
    (void)state;
    place.as_root = false;
    place.as_user = 0;
    if (nftw(place.folder, delete_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
        return -1;
    if (place.live)
        print_error("%d allocations were not freed\n", place.live);
    return place.live;
}

struct ocl_cache *cache_open(void)
{
    struct ocl_cache *c = ocl_cache_open(&place.host);
    if (!c)
        fail_msg("no cache: %s", place.log);
    return c;
}

bool cache_said(const char *words)
{
    return strstr(place.log, words) != NULL;
}

void cache_quiet(void)
{
    place.log[0] = 0;
    place.lines = place.warnings = 0;
}

uint32_t cache_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

void cache_fill(unsigned char *content, uint64_t bytes, uint32_t seed)
{
    uint64_t state = seed + 1;
    for (uint64_t i = 0; i < bytes; i++)
        content[i] = (unsigned char)(cache_random(&state) >> 8);
}

void cache_put(struct ocl_cache *c, const char *key, uint32_t seed, uint64_t bytes)
{
    unsigned char *content = malloc(bytes + 1);
    assert_non_null(content);
    cache_fill(content, bytes, seed);
    ocl_cache_put_program(c, key, content, bytes);
    free(content);
}

bool cache_has(struct ocl_cache *c, const char *key, uint32_t seed, uint64_t bytes)
{
    void *found = &found;
    uint64_t size = 1;
    if (!ocl_cache_get_program(c, key, &found, &size)) {
        assert_null(found);
        assert_int_equal(size, 0);
        return false;
    }
    assert_int_equal(size, bytes);
    unsigned char *content = malloc(bytes + 1);
    assert_non_null(content);
    cache_fill(content, bytes, seed);
    assert_memory_equal(found, content, bytes);
    free(content);
    host_free(&place.host, found);
    return true;
}

int64_t cache_sql(const char *format, ...)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    int64_t answer = -1;
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    assert_int_equal(sqlite3_open_v2(place.file, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 5000);
    for (const char *at = sql; *at; ) {
        if (sqlite3_prepare_v2(db, at, -1, &s, &at) != SQLITE_OK)
            fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        int rc;
        while ((rc = sqlite3_step(s)) == SQLITE_ROW)
            answer = sqlite3_column_int64(s, 0);
        if (rc != SQLITE_DONE)
            fail_msg("%s: %s", sql, sqlite3_errmsg(db));
        sqlite3_finalize(s);
    }
    sqlite3_free(sql);
    sqlite3_close(db);
    return answer;
}

unsigned char *cache_read(const char *path, size_t *bytes)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("cannot open %s", path);
    fseek(f, 0, SEEK_END);
    long length = ftell(f);
    rewind(f);
    unsigned char *data = malloc((size_t)length + 1);
    assert_non_null(data);
    *bytes = fread(data, 1, (size_t)length, f);
    fclose(f);
    return data;
}

void cache_write(const char *path, const void *data, size_t bytes)
{
    unlink(path); /* file systems write out at once what was cut to nothing */
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, bytes, f) != bytes || fclose(f) != 0)
        fail_msg("cannot write %s", path);
    chmod(path, 0600);
}
