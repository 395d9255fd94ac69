/* SPDX-License-Identifier: MIT
 * Interface "notes": what the host wants to remember of this device under this driver, in the cache. */
#include "notes.h"

#include "kernel_sources.h"

static void scope_of(const struct ocl_device *d, char *scope)
{
    /* With the backend's version or a kernel's text changes what was measured and tested. */
    snprintf(scope, OCL_SCOPE_BYTES, "%s%s|%.16s|%s", d->cpu_form ? "cpu" : "gpu", OCL_VERSION, OCL_SOURCES_HASH, d->scope);
}

static int32_t recall(void *device, const char *key, char *text, uint32_t bytes)
{
    const struct ocl_device *d = device;
    char scope[OCL_SCOPE_BYTES];
    scope_of(d, scope);
    return ocl_cache_get_note(d->cache, scope, key, text, bytes) && text[0] ? CVK_OK : CVK_E_NOT_FOUND;
}

static int32_t keep(void *device, const char *key, const char *text)
{
    const struct ocl_device *d = device;
    char scope[OCL_SCOPE_BYTES];
    scope_of(d, scope);
    ocl_cache_put_note(d->cache, scope, key, text);
    return CVK_OK;
}

struct visit {
    int32_t (*fn)(void *arg, const char *key, const char *text);
    void *arg;
};

static int32_t pass_on(void *arg, const char *key, const char *text)
{
    const struct visit *v = arg;
    return text[0] ? v->fn(v->arg, key, text) : CVK_OK; /* an empty text stands for a forgotten key */
}

static int32_t each(void *device, const char *prefix, int32_t (*fn)(void *arg, const char *key, const char *text), void *arg)
{
    const struct ocl_device *d = device;
    char scope[OCL_SCOPE_BYTES];
    struct visit visit = {fn, arg};
    scope_of(d, scope);
    return ocl_cache_each_note(d->cache, scope, prefix, pass_on, &visit);
}

const struct cvk_notes_api ocl_notes_api = {sizeof ocl_notes_api, 1, recall, keep, each};
