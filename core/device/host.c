/* SPDX-License-Identifier: MIT
 * The services that plugins are handed: memory, log, failures, the thread pool, options. */
#include "backend.h"

/* Bytes of a refusal that the asker has room for; CVK__REASON_BYTES of the graph's kernel.h is the same. */
#define REASON_BYTES 256
#define MAX_ALIGN (1u << 20)

/* Whether the plugin called fail since cvk__plugin_enter, on this thread. */
static _Thread_local bool told;

static const struct cvk__host_owner *owner_of(const struct cvk_host *host)
{
    return host->ctx;
}

static const char *speaker(const struct cvk_host *host)
{
    const struct cvk__device *d = owner_of(host)->device;
    return d ? d->spec : NULL;
}

/* The block's own address stands before the memory that is handed out, so that any alignment can be freed. */
static void *host_alloc(const struct cvk_host *host, uint64_t bytes, uint64_t align)
{
    (void)host;
    uint64_t total;
    if (align > MAX_ALIGN || (align & (align - 1)))
        return NULL;
    if (align < CVK_ALIGN_BYTES)
        align = CVK_ALIGN_BYTES;
    if (!cvk__add_u64(bytes, align + CVK_ALIGN_BYTES, &total))
        return NULL;
    char *block = cvk__alloc_buffer(CVK__TAG_PLUGIN, total);
    if (!block)
        return NULL;
    char *memory = block + (cvk__round_up((uintptr_t)block + CVK_ALIGN_BYTES, align) - (uintptr_t)block);
    memcpy(memory - sizeof block, &block, sizeof block);
    return memory;
}

static void host_free(const struct cvk_host *host, void *memory)
{
    (void)host;
    if (!memory)
        return;
    char *block;
    memcpy(&block, (char *)memory - sizeof block, sizeof block);
    cvk__free(block);
}

static void host_log(const struct cvk_host *host, uint32_t level, const char *category, const char *text)
{
    const char *who = speaker(host);
    cvk__log(&owner_of(host)->ctx->log, level > CVK_LOG_TRACE ? CVK_LOG_TRACE : level, category, "%s%s%s", who ? who : "",
             who ? ": " : "", text ? text : "");
}

/* One sentence of all that the plugin told: who, what, the driver's word for it, what to do, and the start of the build log. */
static int32_t host_fail(const struct cvk_host *host, const struct cvk_failure *f)
{
    const char *who = speaker(host);
    told = true;
    if (!f || f->size < offsetof(struct cvk_failure, detail))
        return cvk__fail(CVK_E_DEVICE, "%s%sthe plugin failed and its report is malformed", who ? who : "", who ? ": " : "");
    int32_t status = f->status < 0 ? f->status : CVK_E_DEVICE;
    cvk__fail(status, "%s%s%s", who ? who : "", who ? ": " : "", f->text && *f->text ? f->text : "failed without a reason");
    if (f->native_name)
        cvk__fail_more(" (%s, %d)", f->native_name, f->native_code);
    else if (f->native_code)
        cvk__fail_more(" (driver code %d)", f->native_code);
    if (CVK_HAS(f, advice))
        cvk__fail_more("; %s", f->advice);
    if (CVK_HAS(f, detail)) {
        cvk__fail_more("\n%.1500s", f->detail);
        cvk__log(&owner_of(host)->ctx->log, CVK_LOG_DEBUG, "exec", "%s%s%s", who ? who : "", who ? ": " : "", f->detail);
    }
    return status;
}

static void host_refuse(const struct cvk_query *q, const char *reason)
{
    if (q->answer)
        snprintf(q->answer, REASON_BYTES, "%s", reason ? reason : "");
}

static void host_parallel(const struct cvk_host *host, uint32_t max_workers, uint64_t count, cvk_task_fn fn, void *arg)
{
    struct cvk__pool *pool = owner_of(host)->ctx->pool;
    if (count > 0)
        cvk__pool_run(pool, max_workers ? max_workers : UINT32_MAX, count, fn, arg);
}

static uint32_t host_workers(const struct cvk_host *host)
{
    return cvk__pool_workers(owner_of(host)->ctx->pool);
}

static const char *host_config(const struct cvk_host *host, const char *key)
{
    const struct cvk__device *d = owner_of(host)->device;
    for (uint32_t i = 0; d && key && i < d->option_count; i++)
        if (strcmp(d->option_keys[i], key) == 0)
            return d->option_values[i];
    return NULL;
}

static void host_trace(const struct cvk_host *host, char phase, const char *name)
{
    const struct cvk_context *ctx = owner_of(host)->ctx;
    if (ctx->log.level >= CVK_LOG_TRACE)
        cvk__log(&ctx->log, CVK_LOG_TRACE, "exec", "%s %c %s", speaker(host) ? speaker(host) : "", phase, name ? name : "");
}

void cvk__host_init(struct cvk_host *host, struct cvk_context *ctx, struct cvk__device *device)
{
    struct cvk__host_owner *owner = device ? &device->owner : &ctx->owner;
    *owner = (struct cvk__host_owner){ctx, device};
    *host = (struct cvk_host){.size = sizeof *host,
                              .abi_major = CVK_ABI_MAJOR,
                              .abi_minor = CVK_ABI_MINOR,
                              .ctx = owner,
                              .alloc = host_alloc,
                              .free = host_free,
                              .log = host_log,
                              .fail = host_fail,
                              .refuse = host_refuse,
                              .parallel = host_parallel,
                              .workers = host_workers,
                              .config = host_config,
                              .trace = host_trace};
}

void cvk__plugin_enter(void)
{
    told = false;
}

int32_t cvk__plugin_leave(const struct cvk__device *d, int32_t status, const char *doing)
{
    if (status == CVK_OK)
        return CVK_OK;
    if (status > 0 || strcmp(cvk_status_name(status), "CVK_E_?") == 0) {
        if (!told)
            return cvk__fail(CVK_E_DEVICE, "%s: %s failed with the unknown code %d", d->spec, doing, status);
        return CVK_E_DEVICE;
    }
    if (!told)
        return cvk__fail(status, "%s: %s failed (%s) and the plugin gave no reason", d->spec, doing, cvk_status_name(status));
    return status;
}
