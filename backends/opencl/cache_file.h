/* SPDX-License-Identifier: MIT
 * The database file below the cache: where it lies, who may own it, and what becomes of one that is damaged or not ours. */
#ifndef OCL_CACHE_FILE_H
#define OCL_CACHE_FILE_H

#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "convoke/plugin.h"

/* Why something is not kept or not found; each is told once. */
enum ocl_cache_cause {
    OCL_CACHE_LOCATION, /* no folder, no file, or none that may be trusted */
    OCL_CACHE_DAMAGED,
    OCL_CACHE_WRONG, /* one entry */
    OCL_CACHE_BUSY,
    OCL_CACHE_READ,
    OCL_CACHE_WRITE,
    OCL_CACHE_TOO_LARGE,
    OCL_CACHE_MEMORY,
    OCL_CACHE_SETTING
};

struct ocl_cache_file {
    const struct cvk_host *host;
    sqlite3 *db;      /* NULL: there is none, or no more */
    bool read_only;
    bool no_wait;     /* for what can as well be done another day */
    uint32_t told;    /* 1 << enum ocl_cache_cause */
    uint64_t wait_ns, hurry_ns; /* when the wait for a lock began; until when there is none */
    char folder[PATH_MAX];
    char path[PATH_MAX + 16];
};

/* Finds or makes folder and file as the environment says. False: f->db is NULL and the log knows why. */
bool ocl_cache_file_open(struct ocl_cache_file *f);
void ocl_cache_file_close(struct ocl_cache_file *f);
/* After SQLite found damage; all statements are finalized. Gives an empty file, or f->db is NULL. */
void ocl_cache_file_rebuild(struct ocl_cache_file *f);

void CVK_PRINTF(4, 5)
    ocl_cache_tell(struct ocl_cache_file *f, enum ocl_cache_cause cause, uint32_t level, const char *format, ...);

#endif
