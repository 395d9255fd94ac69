/* SPDX-License-Identifier: MIT
 * The drivers that the ICD loader would load, and whether this process outlives them. */
#ifndef OCL_DRIVERS_H
#define OCL_DRIVERS_H

#include "platform.h"

#define OCL_MAX_DRIVERS 48
#define OCL_PATH_BYTES 512

struct ocl_driver {
    char file[OCL_PATH_BYTES];    /* the .icd file, or the library where a variable names one */
    char module[OCL_PATH_BYTES]; /* what the loader hands to dlopen */
};

struct ocl_drivers {
    char folder[OCL_PATH_BYTES]; /* where the loader looks, for messages */
    uint32_t count;
    struct ocl_driver at[OCL_MAX_DRIVERS]; /* by name */
};

/* ---- drivers.c ---- */
/* Finds the same files as the loader, which loads whatever they name at its first call. */
void ocl_drivers_list(struct ocl_drivers *drivers);
/* Changes with any of the files, the libraries they name, the system's libraries, the host, and the variables that drivers
 * read. */
uint64_t ocl_drivers_fingerprint(const struct ocl_drivers *drivers);
uint64_t ocl_hash(uint64_t hash, const void *bytes, size_t count);
#define OCL_HASH_START 0xcbf29ce484222325u

/* Makes a private folder from which a loader loads only those drivers whose bit is set in `mask`; errno tells why it cannot. */
bool ocl_drivers_folder(const struct ocl_drivers *drivers, uint64_t mask, char folder[OCL_PATH_BYTES]);
void ocl_drivers_folder_remove(const char *folder);

/* ---- probe.c ---- */
/* What trying the drivers came to. */
struct ocl_verdict {
    uint64_t out; /* drivers (bits) that must not come into this process */
    bool only;    /* nor may drivers that are not listed: the loader knows a place that we do not */
    char reasons[OCL_MAX_DRIVERS + 1][256]; /* "" where nothing is wrong; the last is for `only` */
};
/* In child processes, unless the cache or CONVOKE_PROBE spares it. Never fails: what cannot be tried is allowed. */
void ocl_drivers_try(const struct cvk_host *host, const struct ocl_drivers *drivers, struct ocl_verdict *verdict);

/* ---- platform.c ---- */
/* Fills *found with all there is to know about a device. */
void ocl_found_ask(cl_platform_id platform, cl_device_id id, struct ocl_found *found);

#endif
