/* SPDX-License-Identifier: MIT
 * What the tests of the cache share: a host that counts, a folder of their own, programs that can be known again. */
#ifndef CONVOKE_TEST_CACHE_PLACE_H
#define CONVOKE_TEST_CACHE_PLACE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include <cmocka.h>

#include "cache.h"

struct cache_place {
    struct cvk_host host;
    atomic_int live;    /* allocations that were not freed */
    atomic_int refused; /* allocations to go until one is refused; 0: none is */
    atomic_int lines, warnings;
    char log[4096];     /* what was told, shortened */
    char folder[64];    /* everything of the test is below it */
    char cache[96];     /* CONVOKE_CACHE_DIR */
    char file[128];
    uid_t as_user;      /* what geteuid tells where it is not 0 */
    bool as_root;       /* it tells root */
};

extern struct cache_place place;

int cache_set_up(void **state);
int cache_tear_down(void **state);

struct ocl_cache *cache_open(void); /* must be there */
bool cache_said(const char *words);
void cache_quiet(void);             /* forgets what was told */

/* Program number `seed` of a key, and the checks whether it comes back: exactly so, or not at all. */
void cache_put(struct ocl_cache *c, const char *key, uint32_t seed, uint64_t bytes);
bool cache_has(struct ocl_cache *c, const char *key, uint32_t seed, uint64_t bytes);
void cache_fill(unsigned char *content, uint64_t bytes, uint32_t seed);

/* Through a connection of its own: the first number of the last row, or -1 if there is none. */
int64_t cache_sql(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Files as they are. */
unsigned char *cache_read(const char *path, size_t *bytes);
void cache_write(const char *path, const void *data, size_t bytes);
uint32_t cache_random(uint64_t *state);

#endif
