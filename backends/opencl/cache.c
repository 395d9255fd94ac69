/* SPDX-License-Identifier: MIT
 * Opening and closing the cache, its statements, and what their failures mean. */
#include "cache_inner.h"

#include <endian.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define DEFAULT_LIMIT (512ull << 20)
#define MOST_BYTES (1ull << 30) /* that SQLite takes for one entry */

static const char *const texts[OCL_CACHE_STATEMENTS] = {
    [OCL_CACHE_BEGIN] = "BEGIN IMMEDIATE",
    [OCL_CACHE_COMMIT] = "COMMIT",
    [OCL_CACHE_ROLLBACK] = "ROLLBACK",
    [OCL_CACHE_GET_PROGRAM] = "SELECT hash, used, binary FROM programs WHERE key = ?1",
    [OCL_CACHE_TOUCH_PROGRAM] = "UPDATE programs SET used = ?2 WHERE key = ?1",
    [OCL_CACHE_DROP_PROGRAM] = "DELETE FROM programs WHERE key = ?1",
    [OCL_CACHE_TOTAL] = "SELECT sum(bytes) FROM programs",
    [OCL_CACHE_OLDEST] = "SELECT rowid FROM programs ORDER BY used, rowid LIMIT 1",
    [OCL_CACHE_EVICT] = "DELETE FROM programs WHERE rowid = ?1",
    [OCL_CACHE_PUT_PROGRAM] = "INSERT INTO programs(key, bytes, hash, used, binary) VALUES(?1, ?2, ?3, ?4, ?5)",
    [OCL_CACHE_GET_NOTE] = "SELECT hash, text FROM notes WHERE scope = ?1 AND key = ?2",
    [OCL_CACHE_DROP_NOTE] = "DELETE FROM notes WHERE scope = ?1 AND key = ?2",
    [OCL_CACHE_PUT_NOTE] = "INSERT OR REPLACE INTO notes(scope, key, hash, text) VALUES(?1, ?2, ?3, ?4)",
    [OCL_CACHE_EACH_NOTE] = "SELECT hash, text, key FROM notes WHERE scope = ?1 AND key >= ?2 ORDER BY key",
};

/* Process (high half) and number of open caches (low half). A child of fork has a copy of SQLite's memory, locks included, and holds
 * none of those locks: where a cache was open at the fork, the child has none. */
static _Atomic uint64_t users;

static bool join_users(void)
{
    uint64_t self = (uint64_t)getpid() << 32, seen = atomic_load(&users);
    do {
        if ((uint32_t)seen && (seen ^ self) >> 32)
            return false;
    } while (!atomic_compare_exchange_weak(&users, &seen, self | ((uint32_t)seen + 1)));
    return true;
}

/* A change of one word always changes the hash. Starts with the length, so that neighbours cannot trade bytes. */
static uint64_t add_to_hash(uint64_t hash, const void *data, uint64_t bytes)
{
    const unsigned char *at = data;
    uint64_t word = bytes;
    for (;;) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
        if (!bytes)
            return hash;
        uint64_t part = bytes < sizeof word ? bytes : sizeof word;
        word = 0;
        memcpy(&word, at, part);
        word = le64toh(word);
        at += part;
        bytes -= part;
    }
}

int64_t ocl_cache_hash(const char *scope, const char *key, const void *content, uint64_t bytes)
{
    uint64_t hash = add_to_hash(1, scope, strlen(scope));
    hash = add_to_hash(hash, key, strlen(key));
    hash = add_to_hash(hash, content, bytes);
    int64_t stored;
    memcpy(&stored, &hash, sizeof stored);
    return stored;
}

void *ocl_cache_alloc(struct ocl_cache *c, uint64_t bytes)
{
    void *memory = c->file.host->alloc(c->file.host, bytes, 0);
    if (!memory)
        ocl_cache_tell(&c->file, OCL_CACHE_MEMORY, CVK_LOG_INFO, "program cache: no memory for %llu bytes",
                       (unsigned long long)bytes);
    return memory;
}

/* ---- statements ------------------------------------------------------------------------------------------------------ */

static int bind_text(sqlite3_stmt *s, int index, const char *text)
{
    return text ? sqlite3_bind_text64(s, index, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8) : SQLITE_OK;
}

int ocl_cache_prepare(struct ocl_cache *c, enum ocl_cache_statement id, const char *first, const char *second, sqlite3_stmt **s)
{
    int rc = SQLITE_OK;
    if (!c->statements[id])
        rc = sqlite3_prepare_v3(c->file.db, texts[id], -1, SQLITE_PREPARE_PERSISTENT, &c->statements[id], NULL);
    *s = c->statements[id];
    if (rc == SQLITE_OK)
        rc = bind_text(*s, 1, first);
    return rc == SQLITE_OK ? bind_text(*s, 2, second) : rc;
}

int ocl_cache_first_row(struct ocl_cache *c, enum ocl_cache_statement id, const char *first, const char *second, sqlite3_stmt **s)
{
    int rc = ocl_cache_prepare(c, id, first, second, s);
    if (rc == SQLITE_OK && (rc = sqlite3_step(*s)) != SQLITE_ROW)
        sqlite3_reset(*s);
    return rc;
}

int ocl_cache_finish(sqlite3_stmt *s)
{
    int rc = sqlite3_step(s);
    sqlite3_reset(s);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int ocl_cache_run(struct ocl_cache *c, enum ocl_cache_statement id, const char *first, const char *second)
{
    sqlite3_stmt *s;
    int rc = ocl_cache_prepare(c, id, first, second, &s);
    return rc == SQLITE_OK ? ocl_cache_finish(s) : rc;
}

/* What a statement asks for may be gone in a file that was shortened or overwritten; then its errors are about the schema. */
static bool is_damage(const struct ocl_cache_file *f, int rc)
{
    struct statvfs disk;
    switch (rc & 0xff) {
    case SQLITE_FULL: /* so it seems as well where a page's number is beyond all bounds */
        return statvfs(f->path, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize > MOST_BYTES;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
        return true;
    }
    return false;
}

static void finalize_all(struct ocl_cache *c)
{
    for (uint32_t i = 0; i < OCL_CACHE_STATEMENTS; i++) {
        sqlite3_finalize(c->statements[i]);
        c->statements[i] = NULL;
    }
}

static void mend(struct ocl_cache *c)
{
    struct ocl_cache_file *f = &c->file;
    bool again = f->told & 1u << OCL_CACHE_DAMAGED;
    finalize_all(c);
    if (again || sqlite3_db_readonly(f->db, "main")) {
        ocl_cache_tell(f, OCL_CACHE_READ, CVK_LOG_WARN, "program cache: %s is damaged%s: going on without it", f->path,
                       again ? " again" : "");
        ocl_cache_file_close(f);
    } else {
        ocl_cache_file_rebuild(f);
    }
}

void ocl_cache_judge(struct ocl_cache *c, int rc, bool writing)
{
    struct ocl_cache_file *f = &c->file;
    int code = rc & 0xff;
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE)
        return;
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        ocl_cache_tell(f, OCL_CACHE_BUSY, CVK_LOG_INFO, "program cache: %s is in use by other processes: not waiting for it", f->path);
    } else if (code == SQLITE_NOMEM || code == SQLITE_TOOBIG) {
        ocl_cache_tell(f, OCL_CACHE_MEMORY, CVK_LOG_INFO, "program cache: %s", sqlite3_errstr(rc));
    } else if (is_damage(f, rc)) {
        mend(c);
    } else if (writing) { /* the disk is full, or the file can no longer be written */
        ocl_cache_tell(f, OCL_CACHE_WRITE, CVK_LOG_INFO, "program cache: %s: %s: nothing new is kept", f->path, sqlite3_errstr(rc));
        f->read_only = true;
    } else {
        ocl_cache_tell(f, OCL_CACHE_READ, CVK_LOG_INFO, "program cache: %s: %s: going on without it", f->path, sqlite3_errstr(rc));
        finalize_all(c);
        ocl_cache_file_close(f);
    }
}

bool ocl_cache_enter(struct ocl_cache *c)
{
    if (!c || c->pid != getpid())
        return false;
    pthread_mutex_lock(&c->lock);
    if (c->file.db)
        return true;
    pthread_mutex_unlock(&c->lock);
    return false;
}

bool ocl_cache_enter_to_write(struct ocl_cache *c)
{
    if (!ocl_cache_enter(c))
        return false;
    if (!c->file.read_only)
        return true;
    ocl_cache_tell(&c->file, OCL_CACHE_WRITE, CVK_LOG_INFO, "program cache: %s can only be read: nothing new is kept", c->file.path);
    pthread_mutex_unlock(&c->lock);
    return false;
}

void ocl_cache_leave(struct ocl_cache *c, int rc, bool writing)
{
    ocl_cache_judge(c, rc, writing);
    pthread_mutex_unlock(&c->lock);
}

void ocl_cache_drop_wrong(struct ocl_cache *c, enum ocl_cache_statement drop, const char *first, const char *second)
{
    ocl_cache_tell(&c->file, OCL_CACHE_WRONG, CVK_LOG_WARN, "program cache: an entry of %s is damaged and dropped", c->file.path);
    if (!c->file.read_only)
        ocl_cache_judge(c, ocl_cache_run(c, drop, first, second), true);
}

/* ---- open and close -------------------------------------------------------------------------------------------------- */

static uint64_t read_limit(struct ocl_cache_file *f)
{
    const char *text = secure_getenv("CONVOKE_CACHE_SIZE"), *at = text;
    uint64_t n = 0;
    if (!text || !*text)
        return DEFAULT_LIMIT;
    for (; *at >= '0' && *at <= '9' && n < UINT64_MAX / 10 - 1; at++)
        n = n * 10 + (uint64_t)(*at - '0');
    uint32_t shift = *at == 'K' ? 10 : *at == 'M' ? 20 : *at == 'G' ? 30 : 0;
    if (at > text && !at[shift != 0] && n <= (uint64_t)INT64_MAX >> shift)
        return n << shift;
    ocl_cache_tell(f, OCL_CACHE_SETTING, CVK_LOG_WARN, "CONVOKE_CACHE_SIZE=%s is no number of bytes with K, M or G: 512M is taken", text);
    return DEFAULT_LIMIT;
}

struct ocl_cache *ocl_cache_open(const struct cvk_host *host)
{
    struct ocl_cache *c = host->alloc(host, sizeof *c, 0);
    if (!c) {
        host->log(host, CVK_LOG_INFO, "compile", "no program cache: no memory");
        return NULL;
    }
    memset(c, 0, sizeof *c);
    struct ocl_cache_file *f = &c->file;
    f->host = host;
    c->pid = getpid();
    if (!join_users()) {
        ocl_cache_tell(f, OCL_CACHE_LOCATION, CVK_LOG_INFO, "no program cache: this process was forked from one that has it open");
        host->free(host, c);
        return NULL;
    }
    c->limit = read_limit(f);
    if (ocl_cache_file_open(f) && pthread_mutex_init(&c->lock, NULL) == 0)
        return c;
    ocl_cache_file_close(f);
    atomic_fetch_sub(&users, 1);
    host->free(host, c);
    return NULL;
}

void ocl_cache_close(struct ocl_cache *c)
{
    if (!c)
        return;
    const struct cvk_host *host = c->file.host;
    if (c->pid == getpid()) {
        finalize_all(c);
        ocl_cache_file_close(&c->file);
        pthread_mutex_destroy(&c->lock);
        atomic_fetch_sub(&users, 1);
    }
    host->free(host, c);
}
