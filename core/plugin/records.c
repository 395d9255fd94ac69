/* SPDX-License-Identifier: MIT
 * The list of plugins taken and refused, and the calls that add to it. */
#include "gate.h"

static void record_finish(struct cvk__plugin_record *p)
{
    cvk__free(p->path);
    cvk__free(p->name);
    cvk__free(p->version);
    cvk__free(p->stage);
    cvk__free(p->reason);
    cvk__free(p->fix);
    cvk__backend_destroy(p->backend);
}

void cvk__plugins_finish(struct cvk_context *ctx)
{
    for (uint32_t i = 0; i < ctx->plugin_count; i++)
        record_finish(&ctx->plugins[i]);
    cvk__free(ctx->plugins);
    ctx->plugins = NULL;
    ctx->plugin_count = 0;
}

/* Copies a text if there is one; false when there is no memory. */
static bool keep(char **to, const char *text)
{
    *to = text && *text ? cvk__strdup(CVK__TAG_PLUGIN, text) : NULL;
    return *to || !text || !*text;
}

/* Adds one record and tells the log. Takes backend, also on failure. */
static int32_t add(struct cvk_context *ctx, const char *path, const struct cvk__refusal *r, struct cvk__backend *backend)
{
    uint64_t bytes = (ctx->plugin_count + 1ull) * sizeof *ctx->plugins;
    struct cvk__plugin_record *plugins = cvk__realloc(CVK__TAG_PLUGIN, ctx->plugins, bytes);
    if (!plugins) {
        cvk__backend_destroy(backend);
        return cvk__fail_memory(bytes, "the list of plugins");
    }
    ctx->plugins = plugins;
    struct cvk__plugin_record *p = &plugins[ctx->plugin_count];
    *p = (struct cvk__plugin_record){.status = r->status, .backend = backend};
    bool good = keep(&p->path, path) && keep(&p->name, r->name) && keep(&p->version, r->version) && keep(&p->stage, r->stage) &&
                keep(&p->reason, r->reason) && keep(&p->fix, r->fix);
    if (!good) {
        record_finish(p);
        return cvk__fail_memory(sizeof *r, "the record of a plugin");
    }
    ctx->plugin_count++;
    if (backend) {
        cvk__log(&ctx->log, CVK_LOG_INFO, "load", "backend '%s' %s taken from %s (%u rows)", r->name, r->version, path,
                 backend->plugin.kernel_count);
        ctx->devices_scanned = false;
    } else {
        cvk__log(&ctx->log, CVK_LOG_INFO, "load", "%s not taken at %s: %s%s%s", path, r->stage, r->reason, *r->fix ? "; " : "",
                 r->fix);
    }
    return CVK_OK;
}

int32_t cvk__plugin_record_refusal(struct cvk_context *ctx, const char *path, const struct cvk__refusal *r)
{
    return add(ctx, path, r, NULL);
}

/* The one road of static and loaded plugins: gate, then the name must be new. */
static int32_t take(struct cvk_context *ctx, const char *path, void *library, cvk_plugin_query_fn query, struct cvk__refusal *r)
{
    struct cvk__backend *backend = NULL;
    if (cvk__gate_take(ctx, query, &backend, r) != CVK_OK)
        return add(ctx, path, r, NULL);
    for (uint32_t i = 0; i < ctx->plugin_count; i++) {
        const struct cvk__plugin_record *p = &ctx->plugins[i];
        if (!p->backend || strcmp(p->backend->plugin.name, backend->plugin.name) != 0)
            continue;
        cvk__refuse(r, CVK_E_ABI, "duplicate", "take one of the two away; what CONVOKE_PLUGIN_PATH names comes first",
                    "a backend called '%s' was already taken from %s", backend->plugin.name, p->path);
        cvk__backend_destroy(backend);
        return add(ctx, path, r, NULL);
    }
    backend->library = library;
    backend->path = cvk__strdup(CVK__TAG_PLUGIN, path);
    if (!backend->path) {
        cvk__backend_destroy(backend);
        return cvk__fail_memory(strlen(path), "a path");
    }
    return add(ctx, path, r, backend);
}

/* The record of a file that was seen before, if it was taken. */
static bool seen(const struct cvk_context *ctx, const char *path)
{
    for (uint32_t i = 0; i < ctx->plugin_count; i++)
        if (ctx->plugins[i].backend && ctx->plugins[i].path && strcmp(ctx->plugins[i].path, path) == 0)
            return true;
    return false;
}

int32_t cvk__plugin_take(struct cvk_context *ctx, const char *path, enum cvk__plugin_source source, int32_t *fate)
{
    struct cvk__refusal r = {0};
    struct cvk__plugin_file file;
    void *library = NULL;
    cvk_plugin_query_fn query = NULL;
    int32_t status;
    bool asked_by_user = source == CVK__SOURCE_PATH || source == CVK__SOURCE_CALL;
    if (cvk__plugin_file_open(path, source, &file, &r) != CVK_OK ||
        (!seen(ctx, file.path) && asked_by_user && cvk__plugin_probe(ctx, &file, &r) != CVK_OK))
        status = add(ctx, *file.path ? file.path : path, &r, NULL);
    else if (seen(ctx, file.path)) /* the same file by another name: nothing to tell */
        status = CVK_OK;
    else if (cvk__plugin_file_load(&file, &library, &query, &r) != CVK_OK)
        status = add(ctx, file.path, &r, NULL);
    else
        status = take(ctx, file.path, library, query, &r);
    cvk__plugin_file_close(&file);
    if (fate)
        *fate = r.status;
    return status;
}

/* The caller's sentence for a plugin that was not taken: the last record. */
static int32_t tell_last(const struct cvk_context *ctx, int32_t fate)
{
    if (fate == CVK_OK)
        return CVK_OK;
    const struct cvk__plugin_record *p = &ctx->plugins[ctx->plugin_count - 1];
    return cvk__fail(fate, "plugin %s not taken at stage %s: %s%s%s", p->path, p->stage, p->reason, p->fix ? "; " : "",
                     p->fix ? p->fix : "");
}

int32_t cvk_plugin_load(struct cvk_context *ctx, const char *path)
{
    if (!ctx || !path || !*path)
        return cvk__fail(CVK_E_ARG, "cvk_plugin_load: %s is missing", !ctx ? "the context" : "the path");
    int32_t fate = CVK_OK;
    pthread_mutex_lock(&ctx->lock);
    int32_t status = cvk__plugin_take(ctx, path, CVK__SOURCE_CALL, &fate);
    if (status == CVK_OK)
        status = tell_last(ctx, fate);
    pthread_mutex_unlock(&ctx->lock);
    return status;
}

int32_t cvk_plugin_register(struct cvk_context *ctx, cvk_plugin_query_fn query, const char *label)
{
    if (!ctx || !query)
        return cvk__fail(CVK_E_ARG, "cvk_plugin_register: %s is missing", !ctx ? "the context" : "the query function");
    struct cvk__refusal r = {0};
    if (label)
        snprintf(r.name, sizeof r.name, "%s", label);
    pthread_mutex_lock(&ctx->lock);
    int32_t status = take(ctx, "(built in)", NULL, query, &r);
    if (status == CVK_OK)
        status = tell_last(ctx, r.status);
    pthread_mutex_unlock(&ctx->lock);
    return status;
}

/* The list may grow under another thread's cvk_plugin_load. */
static pthread_mutex_t *lock_of(const struct cvk_context *ctx)
{
    return (pthread_mutex_t *)(uintptr_t)&ctx->lock;
}

uint32_t cvk_plugin_count(const struct cvk_context *ctx)
{
    if (!ctx)
        return 0;
    pthread_mutex_lock(lock_of(ctx));
    uint32_t count = ctx->plugin_count;
    pthread_mutex_unlock(lock_of(ctx));
    return count;
}

int32_t cvk_plugin_get(const struct cvk_context *ctx, uint32_t i, struct cvk_plugin_entry *out)
{
    if (!ctx || !out)
        return cvk__fail(CVK_E_ARG, "cvk_plugin_get: %s is missing", !ctx ? "the context" : "the place for the entry");
    pthread_mutex_lock(lock_of(ctx));
    if (i >= ctx->plugin_count) {
        cvk__fail(CVK_E_NOT_FOUND, "there is no plugin %u: %u were found", i, ctx->plugin_count);
        pthread_mutex_unlock(lock_of(ctx));
        return CVK_E_NOT_FOUND;
    }
    const struct cvk__plugin_record *p = &ctx->plugins[i];
    *out = (struct cvk_plugin_entry){.path = p->path,
                                     .name = p->name,
                                     .version = p->version,
                                     .status = p->status,
                                     .stage = p->stage,
                                     .reason = p->reason,
                                     .fix = p->fix,
                                     .plugin = p->backend ? &p->backend->plugin : NULL};
    pthread_mutex_unlock(lock_of(ctx));
    return CVK_OK;
}
