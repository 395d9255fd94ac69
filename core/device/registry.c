/* SPDX-License-Identifier: MIT
 * The list of devices: every backend is asked once, and what it says is checked before anyone relies on it. */
#include <stdlib.h>

#include "backend.h"

#define MAX_DEVICES 1024 /* of one backend */

/* The plugin fills fixed arrays: they must end, and hold nothing that a terminal would obey. */
static void tidy(char *text, size_t capacity)
{
    text[capacity - 1] = 0;
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
}

static void tidy_all(struct cvk_device_info *info)
{
    tidy(info->name, sizeof info->name);
    tidy(info->vendor, sizeof info->vendor);
    tidy(info->driver, sizeof info->driver);
    tidy(info->platform, sizeof info->platform);
    tidy(info->uuid, sizeof info->uuid);
    tidy(info->pci, sizeof info->pci);
}

static int32_t check_info(const struct cvk__backend *b, uint32_t index, struct cvk_device_info *info)
{
    info->size = sizeof *info;
    if (!info->kind)
        info->kind = CVK_DEVICE_CPU;
    if (!info->offset_align)
        info->offset_align = CVK_ALIGN_BYTES;
    if (!b->api.alloc)
        info->caps |= CVK_CAP_HOST_MEMORY; /* the host makes the buffers */
    if (info->offset_align & (info->offset_align - 1))
        return cvk__fail(CVK_E_ABI, "%s:%u says that offsets must be multiples of %u bytes, which is no power of two",
                         b->plugin.name, index, info->offset_align);
    return CVK_OK;
}

static int32_t ask_info(struct cvk_context *ctx, const struct cvk__backend *b, uint32_t index, struct cvk_device_info *info)
{
    *info = (struct cvk_device_info){.size = sizeof *info};
    if (b->api.info) {
        cvk__fail(CVK_OK, "%s", "");
        int32_t status = b->api.info(&ctx->host, index, info);
        tidy_all(info); /* a device that cannot be used is shown, too */
        if (status != CVK_OK) {
            const char *text = cvk_error_text();
            return cvk__fail(status < 0 ? status : CVK_E_DEVICE, "%s:%u cannot be asked about: %s", b->plugin.name, index,
                             *text ? text : "the plugin gave no reason");
        }
    } else {
        snprintf(info->name, sizeof info->name, "CPU by backend '%s'", b->plugin.name);
    }
    return check_info(b, index, info);
}

static int32_t ask_count(struct cvk_context *ctx, const struct cvk__backend *b, uint32_t *count)
{
    *count = 1;
    if (!b->api.count)
        return CVK_OK;
    *count = 0;
    cvk__fail(CVK_OK, "%s", "");
    int32_t status = b->api.count(&ctx->host, count);
    const char *text = cvk_error_text();
    if (status != CVK_OK)
        return cvk__fail(status < 0 ? status : CVK_E_DEVICE, "backend '%s' cannot list its devices: %s", b->plugin.name,
                         *text ? text : "the plugin gave no reason");
    if (*count > MAX_DEVICES)
        return cvk__fail(CVK_E_LIMIT, "backend '%s' claims %u devices; the limit is %u", b->plugin.name, *count, MAX_DEVICES);
    if (*count == 0)
        return cvk__fail(CVK_E_NOT_FOUND, "backend '%s' is loaded but finds no device", b->plugin.name);
    return CVK_OK;
}

void cvk__devices_forget(struct cvk__backend *b)
{
    for (uint32_t i = 0; i < b->device_count; i++) {
        cvk__free(b->specs[i]);
        cvk__free(b->info_errors[i]);
    }
    cvk__free(b->specs);
    cvk__free(b->info_errors);
    cvk__free(b->info_status);
    cvk__free(b->infos);
    cvk__free(b->scan_error);
    b->specs = b->info_errors = NULL;
    b->info_status = NULL;
    b->infos = NULL;
    b->scan_error = NULL;
    b->device_count = 0;
    b->scanned = false;
}

/* Asks one backend. Its own failures are kept as sentences; only lack of memory is returned. */
static int32_t scan_backend(struct cvk_context *ctx, struct cvk__backend *b)
{
    uint32_t count;
    b->scan_status = ask_count(ctx, b, &count);
    if (b->scan_status != CVK_OK) {
        b->scan_error = cvk__strdup(CVK__TAG_PLUGIN, cvk_error_text());
        count = 0;
    }
    b->infos = cvk__alloc_array(CVK__TAG_PLUGIN, count + 1u, sizeof *b->infos);
    b->info_status = cvk__alloc_array(CVK__TAG_PLUGIN, count + 1u, sizeof *b->info_status);
    b->info_errors = cvk__alloc_array(CVK__TAG_PLUGIN, count + 1u, sizeof *b->info_errors);
    b->specs = cvk__alloc_array(CVK__TAG_PLUGIN, count + 1u, sizeof *b->specs);
    bool good = b->infos && b->info_status && b->info_errors && b->specs && (b->scan_status == CVK_OK || b->scan_error);
    b->device_count = good ? count : 0;
    for (uint32_t i = 0; good && i < count; i++) {
        char spec[64];
        snprintf(spec, sizeof spec, "%s:%u", b->plugin.name, i);
        b->specs[i] = cvk__strdup(CVK__TAG_PLUGIN, spec);
        b->info_status[i] = ask_info(ctx, b, i, &b->infos[i]);
        if (b->info_status[i] != CVK_OK)
            b->info_errors[i] = cvk__strdup(CVK__TAG_PLUGIN, cvk_error_text());
        good = b->specs[i] && (b->info_status[i] == CVK_OK || b->info_errors[i]);
    }
    b->scanned = good;
    if (!good)
        cvk__devices_forget(b);
    return good ? CVK_OK : cvk__fail_memory((uint64_t)count * sizeof *b->infos, "the list of devices");
}

static int by_rank(const void *a, const void *b)
{
    const struct cvk__backend *x = *(struct cvk__backend *const *)a, *y = *(struct cvk__backend *const *)b;
    if (x->plugin.rank != y->plugin.rank)
        return x->plugin.rank < y->plugin.rank ? 1 : -1;
    return strcmp(x->plugin.name, y->plugin.name);
}

/* A backend without a device keeps a line of its own in the list, so that the reason is found where people look. */
static void add_entries(struct cvk_context *ctx, const struct cvk__backend *b)
{
    if (b->device_count == 0)
        ctx->devices[ctx->device_count++] = (struct cvk_device_entry){
            .spec = b->plugin.name, .backend = b->plugin.name, .status = b->scan_status, .reason = b->scan_error};
    for (uint32_t i = 0; i < b->device_count; i++)
        ctx->devices[ctx->device_count++] = (struct cvk_device_entry){.spec = b->specs[i],
                                                                      .backend = b->plugin.name,
                                                                      .index = i,
                                                                      .status = b->info_status[i],
                                                                      .reason = b->info_errors[i],
                                                                      .info = b->infos[i]};
}

static int32_t scan(struct cvk_context *ctx)
{
    uint32_t backends = 0;
    uint64_t entries = 1;
    struct cvk__backend **sorted = cvk__alloc_array(CVK__TAG_PLUGIN, ctx->plugin_count + 1u, sizeof *sorted);
    if (!sorted)
        return cvk__fail_memory(ctx->plugin_count * sizeof *sorted, "the list of devices");
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < ctx->plugin_count && status == CVK_OK; i++) {
        struct cvk__backend *b = ctx->plugins[i].backend;
        if (!b)
            continue;
        if (!b->scanned)
            status = scan_backend(ctx, b);
        sorted[backends++] = b;
        entries += b->device_count + 1u;
    }
    struct cvk_device_entry *devices = status == CVK_OK ? cvk__alloc_array(CVK__TAG_PLUGIN, entries, sizeof *devices) : NULL;
    if (status == CVK_OK && !devices)
        status = cvk__fail_memory(entries * sizeof *devices, "the list of devices");
    if (status == CVK_OK) {
        qsort(sorted, backends, sizeof *sorted, by_rank);
        cvk__free(ctx->devices);
        ctx->devices = devices;
        ctx->device_count = 0;
        for (uint32_t i = 0; i < backends; i++)
            add_entries(ctx, sorted[i]);
        ctx->devices_scanned = true;
    }
    cvk__free(sorted);
    return status;
}

int32_t cvk__backend_scan(struct cvk_context *ctx, const struct cvk__backend *backend)
{
    int32_t status = CVK_OK;
    pthread_mutex_lock(&ctx->lock);
    for (uint32_t i = 0; i < ctx->plugin_count; i++)
        if (ctx->plugins[i].backend == backend && !backend->scanned)
            status = scan_backend(ctx, ctx->plugins[i].backend);
    pthread_mutex_unlock(&ctx->lock);
    return status;
}

int32_t cvk__devices_scan(struct cvk_context *ctx)
{
    pthread_mutex_lock(&ctx->lock);
    int32_t status = ctx->devices_scanned ? CVK_OK : scan(ctx);
    pthread_mutex_unlock(&ctx->lock);
    return status;
}

uint32_t cvk_device_count(struct cvk_context *ctx)
{
    if (!ctx || cvk__devices_scan(ctx) != CVK_OK)
        return 0;
    return ctx->device_count;
}

int32_t cvk_device_get(struct cvk_context *ctx, uint32_t i, struct cvk_device_entry *out)
{
    if (!ctx || !out)
        return cvk__fail(CVK_E_ARG, "cvk_device_get: %s is missing", !ctx ? "the context" : "the place for the entry");
    CVK__TRY(cvk__devices_scan(ctx));
    pthread_mutex_lock(&ctx->lock);
    int32_t status = CVK_OK;
    if (i < ctx->device_count)
        *out = ctx->devices[i];
    else
        status = cvk__fail(CVK_E_NOT_FOUND, "there is no device %u: %u were found", i, ctx->device_count);
    pthread_mutex_unlock(&ctx->lock);
    return status;
}

const struct cvk__backend *cvk__backend_reference(const struct cvk_context *ctx)
{
    for (uint32_t i = 0; i < ctx->plugin_count; i++)
        if (ctx->plugins[i].backend && ctx->plugins[i].backend->plugin.flags & CVK_PLUGIN_REFERENCE)
            return ctx->plugins[i].backend;
    return NULL;
}
