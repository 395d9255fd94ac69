/* SPDX-License-Identifier: MIT
 * Backends that passed the gate, and devices opened from them. */
#ifndef CVK__BACKEND_H
#define CVK__BACKEND_H

#include <pthread.h>

#include "../base/base.h"
#include "convoke/device.h"

/* A plugin that was taken. Its tables are copies in this host's size: what an older plugin does not know is zero, so the rest
 * of the core asks `!= NULL` and nothing else. */
struct cvk__backend {
    struct cvk_plugin plugin;
    struct cvk_kernel *kernels; /* plugin.kernel_count */
    struct cvk_option *options; /* plugin.option_count */
    struct cvk_device_api api;
    void *library; /* of dlopen; NULL if linked in. Never closed */
    char *path;
    uint32_t device_count; /* known after cvk__devices_scan */
    int32_t scan_status;
    char *scan_error;
    struct cvk_device_info *infos; /* per device, as the next three */
    int32_t *info_status;
    char **info_errors; /* NULL where info succeeded */
    char **specs;       /* "opencl:0" */
    bool scanned;
};

/* What host.ctx points to: whose table of services it is. device NULL: the context's own. */
struct cvk__host_owner {
    struct cvk_context *ctx;
    struct cvk__device *device;
};

/* A refusal or an acceptance, kept for `devices --why`. */
struct cvk__plugin_record {
    char *path, *name, *version, *stage, *reason, *fix;
    int32_t status;
    struct cvk__backend *backend; /* NULL if refused */
};

struct cvk_context {
    struct cvk__log log;
    struct cvk__pool *pool;
    uint64_t memory_limit_bytes;
    pthread_mutex_t lock; /* guards plugins, devices scan, open and close */
    struct cvk__plugin_record *plugins;
    uint32_t plugin_count;
    uint32_t path_plugin_count; /* the first of them, which the user's search path brought */
    struct cvk_device_entry *devices; /* the sorted list, once scanned */
    uint32_t device_count;
    bool devices_scanned;
    struct cvk_host host; /* for query, count and info */
    struct cvk__host_owner owner;
    struct cvk__notes *notes; /* notes.c */
};

/* An opened device. */
struct cvk__device {
    struct cvk_context *ctx;
    const struct cvk__backend *backend;
    uint32_t index;
    bool host_memory;
    char *spec; /* "simd:0(threads=4)" */
    void *handle;
    void *queue; /* NULL: synchronous */
    struct cvk_device_info info;
    struct cvk_host host; /* its ctx is `owner` */
    struct cvk__host_owner owner;
    const struct cvk_queue_api *queue_api; /* NULL: without */
    const struct cvk_event_api *event_api;
    const struct cvk_map_api *map_api;
    const struct cvk_profile_api *profile_api;
    const struct cvk_notes_api *notes_api;
    bool heeds_verdicts; /* kernels that a self-test found wrong are refused */
    char **option_keys, **option_values; /* the user's, for host.config during open */
    uint32_t option_count;
};

#define CVK__MAX_DEVICES 8 /* in one choice */

/* The devices of the choice that was taken, in the user's order. */
struct cvk__device_list {
    uint32_t count;
    bool automatic; /* chosen by `auto`, not named */
    struct cvk__device *devices[CVK__MAX_DEVICES];
    char *spec; /* "simd+ref" */
};

/* core/plugin: fill ctx->plugins from the search path (search.c, loader.c, gate.c). A bad plugin is a record, not a failure. */
int32_t cvk__plugins_scan(struct cvk_context *ctx, const char *plugin_path);
void cvk__plugins_finish(struct cvk_context *ctx);
/* One warning if parts of the user's search path were refused: `auto` goes on without them, but not in silence. */
void cvk__plugins_tell_refused(const struct cvk_context *ctx);

/* core/device/host.c: services. owner: the device, or NULL for the context's own table. */
void cvk__host_init(struct cvk_host *host, struct cvk_context *ctx, struct cvk__device *owner);

/* core/device/registry.c: asks the backends for their devices once. */
int32_t cvk__devices_scan(struct cvk_context *ctx);
/* The devices of one backend alone: drivers that nobody asked for are not touched. */
int32_t cvk__backend_scan(struct cvk_context *ctx, const struct cvk__backend *backend);
/* Frees what the scan kept of a backend. */
void cvk__devices_forget(struct cvk__backend *b);
/* core/device/open.c: parses spec (NULL: CONVOKE_DEVICE, else auto), opens the first choice that opens whole. A named device that
 * cannot open fails with every reason. `auto` takes the best backend that opens and adds the reference behind it. */
int32_t cvk__device_list_open(struct cvk_context *ctx, const char *spec, struct cvk__device_list *out);
void cvk__device_list_close(struct cvk__device_list *list);
/* Opens one device of a backend; for the list, for folding and for conformance. options may be NULL. */
int32_t cvk__device_open(struct cvk_context *ctx, const struct cvk__backend *backend, uint32_t index, const char *options,
                         struct cvk__device **out);
void cvk__device_close(struct cvk__device *device);
/* The backend flagged CVK_PLUGIN_REFERENCE, NULL if none was found. */
const struct cvk__backend *cvk__backend_reference(const struct cvk_context *ctx);

/* core/device/buffer.c: memory of a device with the host's fallbacks. */
int32_t cvk__buffer_alloc(struct cvk__device *d, uint64_t bytes, void **buffer);
void cvk__buffer_free(struct cvk__device *d, void *buffer);
int32_t cvk__buffer_write(struct cvk__device *d, void *buffer, uint64_t offset, const void *src, uint64_t bytes);
int32_t cvk__buffer_read(struct cvk__device *d, void *buffer, uint64_t offset, void *dst, uint64_t bytes);
int32_t cvk__buffer_copy(struct cvk__device *d, void *src, uint64_t src_offset, void *dst, uint64_t dst_offset, uint64_t bytes);
/* Waits for all work of the device. */
int32_t cvk__device_finish(struct cvk__device *d);

/* core/device/interface.c: the optional interfaces with the host's fallbacks. */
/* Finds them and makes the queue; close waits for its work. */
int32_t cvk__interfaces_open(struct cvk__device *d);
void cvk__interfaces_close(struct cvk__device *d);
/* core/device/notes.c: small texts about a device, printable ASCII, below CVK_NOTE_TEXT_BYTES; any thread. Keys begin with what
 * they are about: the verdicts of self-tests, measured choices of kernels. */
#define CVK__VERDICTS "selftest|"
#define CVK__CHOICES "tune|"
typedef int32_t (*cvk__note_fn)(void *arg, const char *key, const char *text);
int32_t cvk__notes_create(struct cvk_context *ctx);
void cvk__notes_destroy(struct cvk_context *ctx);
/* Asks the context's store, then the device once for each key. text has CVK_NOTE_TEXT_BYTES. False: there is none. */
bool cvk__note_recall(struct cvk__device *d, const char *key, char *text);
/* Asks the context's store alone, as plan and its like may. */
bool cvk__note_known(struct cvk__device *d, const char *key, char *text);
/* Keeps the text in the context's store, and beyond the process if the device can. Fails only without memory. */
int32_t cvk__note_keep(struct cvk__device *d, const char *key, const char *text);
/* In the context's store alone. */
int32_t cvk__note_mark(struct cvk__device *d, const char *key, const char *text);
/* All that the device and the context remember. Stops at the first status that is not CVK_OK. fn must not come back to the
 * notes. */
int32_t cvk__note_each(struct cvk__device *d, const char *prefix, cvk__note_fn fn, void *arg);
/* Reads all measured choices of the device, once; false if no device has any, so that planning need not look for them. */
bool cvk__notes_choices(struct cvk__device *d);
/* The context's store takes it that there are no such notes. */
void cvk__notes_unlearn(struct cvk__device *d, const char *prefix);
/* Counts a verdict against a kernel; and whether there was one on any device, so that planning need not look for them. */
void cvk__notes_refused(struct cvk__device *d);
bool cvk__notes_refuse(const struct cvk__device *d);
/* FNV-1a: of more data behind `hash`, 0 for a beginning; never 0. */
uint64_t cvk__hash(uint64_t hash, const void *data, uint64_t bytes);

/* Around a call into a plugin, so that a failure always has a sentence: leave gives back the status, and if the plugin failed
 * without cvk_fail says "simd:0: <doing> failed (CVK_E_DEVICE) and the plugin gave no reason". Unknown codes become
 * CVK_E_DEVICE. */
void cvk__plugin_enter(void);
int32_t cvk__plugin_leave(const struct cvk__device *d, int32_t status, const char *doing);

#endif
