/* SPDX-License-Identifier: MIT
 * What every file of the core may use: failures, log, memory, checked sizes, text, environment. */
#ifndef CVK__BASE_H
#define CVK__BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "convoke/status.h"

/* ---- failures (status.c): a sentence per thread ---- */
/* Records the sentence and returns status. */
int32_t cvk__fail(int32_t status, const char *format, ...) CVK_PRINTF(2, 3);
/* Puts text in front of the recorded sentence and returns status, to add where it happened. */
int32_t cvk__fail_in(int32_t status, const char *format, ...) CVK_PRINTF(2, 3);
/* Appends to the recorded sentence. */
void cvk__fail_more(const char *format, ...) CVK_PRINTF(1, 2);
#define CVK__TRY(call)              \
    do {                            \
        int32_t try_status = (call); \
        if (try_status != CVK_OK)   \
            return try_status;      \
    } while (0)

/* ---- log (log.c) ---- */
struct cvk__log {
    void (*sink)(void *arg, uint32_t level, const char *category, const char *text); /* NULL: stderr */
    void *arg;
    uint32_t level;      /* lines above it are dropped */
    uint32_t categories; /* bit per known category; all ones: all */
};
/* Parses CONVOKE_LOG's text ("debug", "info,load,select"); NULL: warnings. Errors: CVK_E_ARG naming the word. */
int32_t cvk__log_init(struct cvk__log *log, const char *spec);
/* One line. log NULL: warnings and errors to stderr. */
void cvk__log(const struct cvk__log *log, uint32_t level, const char *category, const char *format, ...) CVK_PRINTF(4, 5);

/* ---- memory (alloc.c): the only file that calls malloc; a test can fail the n-th call ---- */
enum cvk__tag {
    CVK__TAG_MISC, CVK__TAG_GRAPH, CVK__TAG_TENSOR, CVK__TAG_SESSION, CVK__TAG_PLUGIN, CVK__TAG_ONNX, CVK__TAG_DATA, CVK__TAG_COUNT
};
void *cvk__alloc(enum cvk__tag tag, uint64_t bytes);           /* zeroed; NULL when there is none; freed with cvk__free */
void *cvk__alloc_array(enum cvk__tag tag, uint64_t count, uint64_t bytes_each); /* overflow counts as none */
void *cvk__realloc(enum cvk__tag tag, void *memory, uint64_t bytes); /* new part not zeroed */
/* CVK_ALIGN_BYTES aligned, CVK_TAIL_BYTES readable behind, not zeroed; freed with cvk__free. bytes 0 gives a valid pointer. */
void *cvk__alloc_buffer(enum cvk__tag tag, uint64_t bytes);
void cvk__free(void *memory);
char *cvk__strdup(enum cvk__tag tag, const char *text);
/* Tests: after n further successful calls every call fails until cvk__alloc_fail_never(). */
void cvk__alloc_fail_after(int64_t n);
void cvk__alloc_fail_never(void);
uint64_t cvk__alloc_calls(void); /* calls so far, for such tests */
uint64_t cvk__alloc_held(void);  /* bytes allocated and not freed */
uint64_t cvk__alloc_held_most(void); /* the most that was held since the last call of this */
int32_t cvk__fail_memory(uint64_t bytes, const char *what); /* CVK_E_MEMORY with the number */

/* ---- checked sizes: true when the result fits ---- */
static inline bool cvk__mul_u64(uint64_t a, uint64_t b, uint64_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool cvk__add_u64(uint64_t a, uint64_t b, uint64_t *out) { return !__builtin_add_overflow(a, b, out); }
static inline bool cvk__mul_i64(int64_t a, int64_t b, int64_t *out) { return !__builtin_mul_overflow(a, b, out); }
static inline bool cvk__add_i64(int64_t a, int64_t b, int64_t *out) { return !__builtin_add_overflow(a, b, out); }
static inline uint64_t cvk__round_up(uint64_t n, uint64_t to) { return (n + to - 1) / to * to; }
/* Division that rounds toward minus infinity; b > 0. */
static inline int64_t cvk__floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }
static inline int64_t cvk__ceil_div(int64_t a, int64_t b) { return -cvk__floor_div(-a, b); }

/* ---- text (text.c): a string that grows; after a failed allocation it stays as it was and `failed` is set ---- */
struct cvk__text {
    char *data; /* NUL-terminated; NULL while empty */
    uint64_t bytes, capacity;
    bool failed;
};
void cvk__text_add(struct cvk__text *t, const char *format, ...) CVK_PRINTF(2, 3);
void cvk__text_finish(struct cvk__text *t); /* frees */
/* Copies a name for showing: control characters, bad UTF-8 and quotes become \xNN; cut to `capacity` with "..."; returns out. */
const char *cvk__text_escape(const char *name, char *out, size_t capacity);
/* The same in a buffer of the calling expression's block, for messages: cvk__fail(..., "node '%s'", CVK__SHOW(name)). */
#define CVK__SHOW(name) cvk__text_escape((name), (char[96]){0}, 96)
/* Smallest number of single-character edits between two words, for "did you mean". */
uint32_t cvk__text_distance(const char *a, const char *b);

/* ---- environment (env.c) ---- */
/* NULL in set-uid and set-gid programs. */
const char *cvk__getenv(const char *name);
/* Parses a whole decimal number with optional K, M, G (powers of 1024); false if it is anything else. */
bool cvk__parse_u64(const char *text, uint64_t *out);

/* ---- clock (env.c) ---- */
double cvk__now_ns(void); /* monotonic, nanoseconds */

/* ---- thread pool (pool.c) ---- */
struct cvk__pool;
typedef void (*cvk__task_fn)(void *arg, uint64_t begin, uint64_t end, uint32_t worker);
/* CPUs this process may use: affinity and cgroup quota respected; at least 1. */
uint32_t cvk__cpu_count(void);
/* workers counts the caller in; threads are started on the first run that needs them. */
int32_t cvk__pool_create(uint32_t workers, struct cvk__pool **out);
void cvk__pool_destroy(struct cvk__pool *pool); /* NULL is fine; joins */
uint32_t cvk__pool_workers(const struct cvk__pool *pool);
/* Cuts 0..count-1 in min(workers, max_workers, count) contiguous ranges of nearly equal length and runs them; returns when all are
 * done. If the pool is at work for another thread, the caller does all ranges itself. Inside a range of a job the whole of another
 * job is one range, worker 0, on the same thread. */
void cvk__pool_run(struct cvk__pool *pool, uint32_t max_workers, uint64_t count, cvk__task_fn fn, void *arg);

#endif
