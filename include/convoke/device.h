/* SPDX-License-Identifier: MIT
 * The context (plugins, threads, limits) and the devices that it finds.
 *
 * The grammar of a device text is one for the variable CONVOKE_DEVICE, for --device and for this API; the names that
 * are listed are the names that are accepted:
 *
 *   spec   := choice (',' choice)*        ordered: the first choice whose devices all open is taken
 *   choice := device ('+' device)*        shared: the first takes the ops that it supports, the next takes the rest
 *   device := backend [':' filter]* ['(' key=value, ... ')']
 *   filter := index | cpu | gpu | accel | part of the vendor's or device's name | uuid=... | pci=...
 *   also   := auto | help | list
 *
 * Threads: a context may be used by many threads at once, except create and destroy.
 *
 * Example:
 * @code
 * #include <convoke/convoke.h>
 * #include <stdio.h>
 * int main(void)
 * {
 *     struct cvk_context *ctx = NULL;
 *     if (cvk_context_create(NULL, &ctx) != CVK_OK) {
 *         fprintf(stderr, "%s\n", cvk_error_text());
 *         return 1;
 *     }
 *     for (uint32_t i = 0; i < cvk_device_count(ctx); i++) {
 *         struct cvk_device_entry d;
 *         if (cvk_device_get(ctx, i, &d) == CVK_OK)
 *             printf("%s  %s\n", d.spec, d.info.name);
 *     }
 *     cvk_context_destroy(ctx);
 *     return 0;
 * }
 * @endcode
 */
#ifndef CONVOKE_DEVICE_H
#define CONVOKE_DEVICE_H

#include "plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

struct cvk_context;

/* Zero in a field is its default. */
struct cvk_context_params {
    uint32_t threads;          /* workers of the pool; 0: CONVOKE_THREADS, else the CPUs that this process may use */
    uint32_t reserved;
    const char *plugin_path;   /* folders, ':' between them; NULL: CONVOKE_PLUGIN_PATH. The installed folder follows always */
    uint64_t memory_limit_bytes; /* for one session's planned memory; 0: CONVOKE_MEMORY_LIMIT, else 3/4 of the machine's */
    /* Receives log lines instead of stderr; NULL: stderr. Called from any thread, one line at a time. */
    void (*log)(void *arg, uint32_t level, const char *category, const char *text);
    void *log_arg;
};

/* Finds and checks the plugins (each refusal is kept as a sentence, see cvk_plugin_get) and starts the thread pool. params NULL:
 * all defaults. CONVOKE_LOG is read here: a level (error, warn, info, debug, trace) and optionally categories, as in
 * "debug" or "info,load,select". Owns: the caller, who calls cvk_context_destroy after all sessions are gone. */
CVK_API int32_t cvk_context_create(const struct cvk_context_params *params, struct cvk_context **out);
CVK_API void cvk_context_destroy(struct cvk_context *ctx); /* NULL is fine */
CVK_API uint32_t cvk_context_threads(const struct cvk_context *ctx);

/* A plugin file, or the plugin in it, taken or refused. Borrows: text lives as long as the context. */
struct cvk_plugin_entry {
    const char *path;     /* of the file; "(built in)" for a static one */
    const char *name;     /* as the plugin calls itself; NULL if it was refused before it could tell */
    const char *version;  /* NULL if unknown */
    int32_t status;       /* CVK_OK: taken */
    const char *stage;    /* of the refusal: "path", "dlopen", "symbol", "query", "abi", "isa", "sanitizer", "rows", "duplicate"; NULL if taken */
    const char *reason;   /* a sentence; NULL if taken */
    const char *fix;      /* what to do; may be NULL */
    const struct cvk_plugin *plugin; /* its description, in the host's size; NULL if refused */
};
CVK_API uint32_t cvk_plugin_count(const struct cvk_context *ctx);
CVK_API int32_t cvk_plugin_get(const struct cvk_context *ctx, uint32_t i, struct cvk_plugin_entry *out);
/* Loads one more plugin from a file, with the same checks. Errors: as the refusal says. */
CVK_API int32_t cvk_plugin_load(struct cvk_context *ctx, const char *path);
/* Passes a plugin that is linked into the program through the same gate. */
CVK_API int32_t cvk_plugin_register(struct cvk_context *ctx, cvk_plugin_query_fn query, const char *label);

/* A device. Borrows: text lives as long as the context. */
struct cvk_device_entry {
    const char *spec;    /* "opencl:0": what CONVOKE_DEVICE accepts for exactly this device */
    const char *backend; /* "opencl" */
    uint32_t index;      /* among the backend's devices */
    int32_t status;      /* CVK_OK, or why it cannot be used (nothing has been opened to know this) */
    const char *reason;  /* sentence for status; NULL if CVK_OK */
    struct cvk_device_info info;
};
/* Devices of all plugins taken, sorted by falling rank of their backend; the backends are asked on the first call. */
CVK_API uint32_t cvk_device_count(struct cvk_context *ctx);
CVK_API int32_t cvk_device_get(struct cvk_context *ctx, uint32_t i, struct cvk_device_entry *out);

/* Checks a device text and says in words what it would take and why, one line each, without opening devices:
 * "opencl:gpu -> no: no backend 'opencl' (...)". spec NULL: CONVOKE_DEVICE, else auto. *text: the caller frees with cvk_text_free. */
CVK_API int32_t cvk_device_explain(struct cvk_context *ctx, const char *spec, char **text);
/* The grammar in words with examples, for `help`. Owns: static text. */
CVK_API const char *cvk_device_grammar(void);
CVK_API void cvk_text_free(char *text); /* NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
