/* SPDX-License-Identifier: MIT
 * The context: log, thread pool, limits and plugins, from the caller's parameters and the environment. */
#include <unistd.h>

#include "backend.h"

#define MAX_THREADS 1024

/* A number from the environment; false with a sentence if there is one that is none. */
static int32_t env_number(const char *variable, uint64_t lowest, uint64_t highest, uint64_t *out)
{
    const char *text = cvk__getenv(variable);
    if (!text || !*text)
        return CVK_OK;
    if (cvk__parse_u64(text, out) && *out >= lowest && *out <= highest)
        return CVK_OK;
    char shown[80];
    return cvk__fail(CVK_E_ARG, "%s='%s': wanted is a whole number from %llu to %llu, K, M and G allowed", variable,
                     cvk__text_escape(text, shown, sizeof shown), (unsigned long long)lowest, (unsigned long long)highest);
}

static uint64_t machine_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : (uint64_t)4 << 30;
}

static int32_t set_up(struct cvk_context *ctx, const struct cvk_context_params *params)
{
    CVK__TRY(cvk__log_init(&ctx->log, cvk__getenv("CONVOKE_LOG")));
    ctx->log.sink = params->log;
    ctx->log.arg = params->log_arg;
    uint64_t threads = params->threads, limit = params->memory_limit_bytes;
    if (threads > MAX_THREADS)
        return cvk__fail(CVK_E_LIMIT, "%llu threads are more than the limit of %d", (unsigned long long)threads, MAX_THREADS);
    if (!threads)
        CVK__TRY(env_number("CONVOKE_THREADS", 1, MAX_THREADS, &threads));
    if (!threads)
        threads = cvk__cpu_count();
    if (!limit)
        CVK__TRY(env_number("CONVOKE_MEMORY_LIMIT", 1, UINT64_MAX, &limit));
    ctx->memory_limit_bytes = limit ? limit : machine_bytes() / 4 * 3;
    CVK__TRY(cvk__pool_create((uint32_t)(threads > MAX_THREADS ? MAX_THREADS : threads), &ctx->pool));
    cvk__host_init(&ctx->host, ctx, NULL);
    CVK__TRY(cvk__notes_create(ctx));
    return cvk__plugins_scan(ctx, params->plugin_path);
}

int32_t cvk_context_create(const struct cvk_context_params *params, struct cvk_context **out)
{
    if (!out)
        return cvk__fail(CVK_E_ARG, "cvk_context_create: the place for the context is missing");
    *out = NULL;
    struct cvk_context *ctx = cvk__alloc(CVK__TAG_PLUGIN, sizeof *ctx);
    if (!ctx)
        return cvk__fail_memory(sizeof *ctx, "the context");
    /* Recursive: a plugin's count or open may be told to log to a caller who asks the context something. */
    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&ctx->lock, &kind);
    pthread_mutexattr_destroy(&kind);
    const struct cvk_context_params defaults = {0};
    int32_t status = set_up(ctx, params ? params : &defaults);
    if (status != CVK_OK) {
        cvk_context_destroy(ctx);
        return status;
    }
    *out = ctx;
    return CVK_OK;
}

void cvk_context_destroy(struct cvk_context *ctx)
{
    if (!ctx)
        return;
    cvk__plugins_finish(ctx);
    cvk__free(ctx->devices);
    cvk__notes_destroy(ctx);
    cvk__pool_destroy(ctx->pool);
    pthread_mutex_destroy(&ctx->lock);
    cvk__free(ctx);
}

uint32_t cvk_context_threads(const struct cvk_context *ctx)
{
    return ctx ? cvk__pool_workers(ctx->pool) : 0;
}

void cvk_text_free(char *text)
{
    cvk__free(text);
}
