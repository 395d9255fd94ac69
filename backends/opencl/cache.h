/* SPDX-License-Identifier: MIT
 * The one file in which the OpenCL backend keeps what it need not find out again: built programs, and notes (self-test
 * verdicts, tuning, drivers that were tried). An SQLite database under $XDG_CACHE_HOME/convoke, safe with many processes; whatever in
 * it is damaged is dropped and made anew. No failure here is ever an error of the caller: without a cache all works, slower. */
#ifndef OCL_CACHE_H
#define OCL_CACHE_H

#include <stdbool.h>

#include "convoke/plugin.h"

struct ocl_cache;

/* Opens the file, making folder (private mode) and file where they are missing. CONVOKE_CACHE_DIR names another folder; "off" means
 * no cache. CONVOKE_CACHE_SIZE: most bytes of programs kept, with K, M or G (default 512M); the least recently used go first; 0: none,
 * but notes. NULL where there is none to be had (off, read-only folder without a file, a folder or file that others may write, no memory,
 * a child of fork whose parent has one open): the reason goes to the log, "compile", and every function below takes NULL. A file that
 * can only be read is used so. Any thread may call any function but close; the host outlives the cache. */
struct ocl_cache *ocl_cache_open(const struct cvk_host *host);
void ocl_cache_close(struct ocl_cache *cache);

/* A program's binary under a key that names all it depends on (source and its hash, options, plugin version, platform, device, driver).
 * *bytes of memory from host->alloc, freed by the caller with host->free; false if there is none. */
bool ocl_cache_get_program(struct ocl_cache *cache, const char *key, void **binary, uint64_t *bytes);
void ocl_cache_put_program(struct ocl_cache *cache, const char *key, const void *binary, uint64_t bytes);
/* Forgets an entry that did not load or gave wrong results. */
void ocl_cache_drop_program(struct ocl_cache *cache, const char *key);

/* Notes: short texts by scope (a device with its driver version, or a list of driver files) and key. get: false and "" if there is none
 * or it does not fit into `bytes` with its NUL. */
bool ocl_cache_get_note(struct ocl_cache *cache, const char *scope, const char *key, char *text, uint32_t bytes);
void ocl_cache_put_note(struct ocl_cache *cache, const char *scope, const char *key, const char *text);
/* Calls fn for each note of the scope whose key begins with prefix, in the order of keys, until fn returns non-zero; returns that. fn must
 * not call back into the cache, and may take its time: nothing is locked meanwhile. */
int32_t ocl_cache_each_note(struct ocl_cache *cache, const char *scope, const char *prefix,
                            int32_t (*fn)(void *arg, const char *key, const char *text), void *arg);

#endif
