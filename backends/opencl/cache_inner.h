/* SPDX-License-Identifier: MIT
 * Below the cache's functions: the open file with its statements, and what a failure means for the calls to come.
 *
 * A function enters, runs statements, and leaves with the result code of the last one; nothing else looks at codes. */
#ifndef OCL_CACHE_INNER_H
#define OCL_CACHE_INNER_H

#include <pthread.h>
#include <sys/types.h>

#include "cache.h"
#include "cache_file.h"

enum ocl_cache_statement {
    OCL_CACHE_BEGIN,
    OCL_CACHE_COMMIT,
    OCL_CACHE_ROLLBACK,
    OCL_CACHE_GET_PROGRAM,
    OCL_CACHE_TOUCH_PROGRAM,
    OCL_CACHE_DROP_PROGRAM,
    OCL_CACHE_TOTAL,
    OCL_CACHE_OLDEST,
    OCL_CACHE_EVICT,
    OCL_CACHE_PUT_PROGRAM,
    OCL_CACHE_GET_NOTE,
    OCL_CACHE_DROP_NOTE,
    OCL_CACHE_PUT_NOTE,
    OCL_CACHE_EACH_NOTE,
    OCL_CACHE_STATEMENTS
};

struct ocl_cache {
    struct ocl_cache_file file;
    pthread_mutex_t lock;
    pid_t pid;
    uint64_t limit; /* bytes of programs and their keys */
    sqlite3_stmt *statements[OCL_CACHE_STATEMENTS]; /* prepared at first use */
};

/* Whether there is something to use; then it is locked until leave. To write: not if the file can only be read. */
bool ocl_cache_enter(struct ocl_cache *c);
bool ocl_cache_enter_to_write(struct ocl_cache *c);
void ocl_cache_leave(struct ocl_cache *c, int rc, bool writing);
/* The middle of that: takes note of a result code. May close c->file.db. */
void ocl_cache_judge(struct ocl_cache *c, int rc, bool writing);

/* A statement with its first two texts bound, NULL: not bound. */
int ocl_cache_prepare(struct ocl_cache *c, enum ocl_cache_statement id, const char *first, const char *second, sqlite3_stmt **s);
/* Its first row, which is then to be reset if that is SQLITE_ROW. */
int ocl_cache_first_row(struct ocl_cache *c, enum ocl_cache_statement id, const char *first, const char *second, sqlite3_stmt **s);
/* Runs a prepared statement that gives no rows; SQLITE_OK if that went well. */
int ocl_cache_finish(sqlite3_stmt *s);
/* Both. */
int ocl_cache_run(struct ocl_cache *c, enum ocl_cache_statement id, const char *first, const char *second);

int64_t ocl_cache_hash(const char *scope, const char *key, const void *content, uint64_t bytes);
/* Deletes an entry whose hash is wrong, and tells. */
void ocl_cache_drop_wrong(struct ocl_cache *c, enum ocl_cache_statement drop, const char *first, const char *second);
/* Memory of the caller's; NULL is told. */
void *ocl_cache_alloc(struct ocl_cache *c, uint64_t bytes);

#endif
