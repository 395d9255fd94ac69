/* SPDX-License-Identifier: MIT
 * Built programs in the cache: the least recently used make room for new ones. */
#include "cache_inner.h"

#include <time.h>

#define DAY 86400 /* seconds; how exact the time of the last use is, so that a warm start writes nothing */

/* The number that a statement gives, 0 without a row. */
static int number(struct ocl_cache *c, enum ocl_cache_statement id, int64_t *result)
{
    sqlite3_stmt *s;
    int rc = ocl_cache_first_row(c, id, NULL, NULL, &s);
    *result = 0;
    if (rc != SQLITE_ROW)
        return rc;
    *result = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return SQLITE_ROW;
}

/* Not worth a wait: if others write just now, the next start will do it. */
static void touch(struct ocl_cache *c, const char *key, int64_t now)
{
    sqlite3_stmt *s;
    int rc = ocl_cache_prepare(c, OCL_CACHE_TOUCH_PROGRAM, key, NULL, &s);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(s, 2, now);
    c->file.no_wait = true;
    if (rc == SQLITE_OK)
        rc = ocl_cache_finish(s);
    c->file.no_wait = false;
    if ((rc & 0xff) != SQLITE_BUSY)
        ocl_cache_judge(c, rc, true);
}

bool ocl_cache_get_program(struct ocl_cache *c, const char *key, void **binary, uint64_t *bytes)
{
    *binary = NULL;
    *bytes = 0;
    if (!ocl_cache_enter(c))
        return false;
    sqlite3_stmt *s;
    int rc = c->limit ? ocl_cache_first_row(c, OCL_CACHE_GET_PROGRAM, key, NULL, &s) : SQLITE_DONE;
    if (rc == SQLITE_ROW) {
        const void *content = sqlite3_column_blob(s, 2);
        uint64_t size = (uint64_t)sqlite3_column_bytes(s, 2);
        int64_t hash = sqlite3_column_int64(s, 0), used = sqlite3_column_int64(s, 1), now = time(NULL);
        bool right = content && hash == ocl_cache_hash("", key, content, size);
        if (right && (*binary = ocl_cache_alloc(c, size))) {
            memcpy(*binary, content, size);
            *bytes = size;
        }
        rc = sqlite3_reset(s); /* SQLite's own lack of memory shows here */
        if (rc == SQLITE_OK && !right)
            ocl_cache_drop_wrong(c, OCL_CACHE_DROP_PROGRAM, key, NULL);
        else if (rc == SQLITE_OK && !c->file.read_only && (used > now || now - used > DAY))
            touch(c, key, now);
    }
    ocl_cache_leave(c, rc, false);
    return *binary != NULL;
}

/* Deletes the least recently used until `room` bytes are free. */
static int make_room(struct ocl_cache *c, uint64_t room)
{
    int64_t total, oldest, allowed = (int64_t)(c->limit - room);
    for (;;) {
        int rc = number(c, OCL_CACHE_TOTAL, &total);
        if (rc != SQLITE_ROW || total <= allowed)
            return rc == SQLITE_ROW ? SQLITE_OK : rc;
        if ((rc = number(c, OCL_CACHE_OLDEST, &oldest)) != SQLITE_ROW)
            return rc == SQLITE_DONE ? SQLITE_CORRUPT : rc;
        sqlite3_stmt *s;
        rc = ocl_cache_prepare(c, OCL_CACHE_EVICT, NULL, NULL, &s);
        if (rc == SQLITE_OK)
            rc = sqlite3_bind_int64(s, 1, oldest);
        if (rc == SQLITE_OK)
            rc = ocl_cache_finish(s);
        if (rc != SQLITE_OK)
            return rc;
    }
}

static int insert_program(struct ocl_cache *c, const char *key, const void *binary, uint64_t bytes, uint64_t room)
{
    sqlite3_stmt *s;
    int rc = ocl_cache_prepare(c, OCL_CACHE_PUT_PROGRAM, key, NULL, &s);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(s, 2, (int64_t)room);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(s, 3, ocl_cache_hash("", key, binary, bytes));
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(s, 4, time(NULL));
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob64(s, 5, binary, bytes, SQLITE_STATIC);
    return rc == SQLITE_OK ? ocl_cache_finish(s) : rc;
}

void ocl_cache_put_program(struct ocl_cache *c, const char *key, const void *binary, uint64_t bytes)
{
    if (!bytes || !ocl_cache_enter_to_write(c))
        return;
    uint64_t room = bytes + strlen(key); /* what it counts for */
    bool fits = bytes <= c->limit && room <= c->limit;
    if (!fits && c->limit)
        ocl_cache_tell(&c->file, OCL_CACHE_TOO_LARGE, CVK_LOG_INFO,
                       "program cache: a program of %llu bytes is not kept, CONVOKE_CACHE_SIZE is %llu", (unsigned long long)bytes,
                       (unsigned long long)c->limit);
    int rc = ocl_cache_run(c, OCL_CACHE_BEGIN, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = ocl_cache_run(c, OCL_CACHE_DROP_PROGRAM, key, NULL);
    if (rc == SQLITE_OK)
        rc = make_room(c, fits ? room : 0);
    if (rc == SQLITE_OK && fits)
        rc = insert_program(c, key, binary, bytes, room);
    if (rc == SQLITE_OK)
        rc = ocl_cache_run(c, OCL_CACHE_COMMIT, NULL, NULL);
    if (rc != SQLITE_OK && !sqlite3_get_autocommit(c->file.db))
        ocl_cache_run(c, OCL_CACHE_ROLLBACK, NULL, NULL);
    ocl_cache_leave(c, rc, true);
}

void ocl_cache_drop_program(struct ocl_cache *c, const char *key)
{
    if (ocl_cache_enter_to_write(c))
        ocl_cache_leave(c, ocl_cache_run(c, OCL_CACHE_DROP_PROGRAM, key, NULL), true);
}
