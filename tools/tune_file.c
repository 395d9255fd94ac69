/* SPDX-License-Identifier: MIT
 * Measured choices in a file: JSON, for one device under one driver. */
#include "tune_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_out.h"

#ifdef TOOL_WITH_JSON
#include <jansson.h>

#define SCHEMA 1
#define MOST_BYTES (64l << 20)

struct owner {
    struct cvk_device_info info;
    const char *backend;
    uint32_t lasting;
};

static int find_owner(struct cvk_context *ctx, const char *device, struct owner *out)
{
    return cvk_tune_device(ctx, device, &out->info, &out->backend, &out->lasting) == CVK_OK ? TOOL_GO_ON : tool_fail_library("");
}

/* ---- writing ---- */

static int32_t add_entry(void *arg, const char *key, const char *text)
{
    json_t *entry = json_pack("{ssss}", "node", key, "choice", text);
    return entry && json_array_append_new(arg, entry) == 0 ? CVK_OK : CVK_E_MEMORY;
}

int tune_file_write(struct cvk_context *ctx, const char *device, const char *path, uint32_t *count)
{
    struct owner owner;
    int code = find_owner(ctx, device, &owner);
    if (code != TOOL_GO_ON)
        return code;
    json_t *entries = json_array();
    int32_t status = cvk_tune_export(ctx, device, add_entry, entries);
    char name[TOOL_TEXT], driver[TOOL_TEXT]; /* jansson takes UTF-8 alone */
    json_t *root = json_pack("{sisssssssO}", "convoke_tuning", SCHEMA, "backend", owner.backend, "device",
                             tool_escape(owner.info.name, name, sizeof name), "driver",
                             tool_escape(owner.info.driver, driver, sizeof driver), "entries", entries);
    *count = (uint32_t)json_array_size(entries);
    if (status != CVK_OK || !root)
        code = status == CVK_OK || status == CVK_E_MEMORY ? tool_fail(TOOL_FAILED, "%s: no memory for it", path)
                                                          : tool_fail_library(path);
    else
        code = json_save((struct json *)(void *)json_incref(root), path);
    json_decref(entries);
    json_decref(root);
    return code;
}

/* ---- reading ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* The file's content, or NULL after a sentence. */
static json_t *load(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0 || ftell(file) > MOST_BYTES || fseek(file, 0, SEEK_SET) != 0) {
        tool_fail(TOOL_FAILED, "%s: %s", path, file && ftell(file) > MOST_BYTES ? "is larger than 64 MiB" : strerror(errno));
        if (file)
            fclose(file);
        return NULL;
    }
    json_error_t error;
    json_t *root = json_loadf(file, JSON_REJECT_DUPLICATES, &error);
    fclose(file);
    if (!root)
        tool_fail(TOOL_FAILED, "%s: line %d: %s", path, error.line, error.text);
    return root;
}

static int check_owner(const json_t *root, const struct owner *owner, const char *path, bool force)
{
    char name[TOOL_TEXT], driver[TOOL_TEXT];
    const char *had_name = text_of(root, "device"), *had_driver = text_of(root, "driver"), *backend = text_of(root, "backend");
    json_int_t schema = json_integer_value(json_object_get(root, "convoke_tuning"));
    if (schema != SCHEMA || !json_is_array(json_object_get(root, "entries")))
        return tool_fail(TOOL_FAILED, "%s: is no file of measured choices in version %d", path, SCHEMA);
    if (strcmp(backend, owner->backend) != 0)
        return tool_fail(TOOL_FAILED, "%s: is for the backend '%s', not for '%s'", path, backend, owner->backend);
    tool_escape(owner->info.name, name, sizeof name);
    tool_escape(owner->info.driver, driver, sizeof driver);
    if (!force && (strcmp(had_name, name) != 0 || strcmp(had_driver, driver) != 0))
        return tool_fail(TOOL_FAILED,
                         "%s: was measured on '%s' with driver '%s'; this is '%s' with '%s' (--force takes it all the same)",
                         path, had_name, had_driver, name, driver);
    return TOOL_GO_ON;
}

int tune_file_read(struct cvk_context *ctx, const char *device, const char *path, bool force, uint32_t *count)
{
    struct owner owner;
    int code = find_owner(ctx, device, &owner);
    json_t *root = code == TOOL_GO_ON ? load(path) : NULL;
    if (!root)
        return code == TOOL_GO_ON ? TOOL_FAILED : code;
    code = check_owner(root, &owner, path, force);
    const json_t *entries = json_object_get(root, "entries");
    *count = 0;
    for (size_t i = 0; code == TOOL_GO_ON && i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        if (cvk_tune_import(ctx, device, text_of(entry, "node"), text_of(entry, "choice")) != CVK_OK)
            code = tool_fail_library(path);
        else
            ++*count;
    }
    json_decref(root);
    return code;
}

#else

static int missing(void)
{
    return tool_fail(TOOL_FAILED,
                     "this build has no JSON (built without jansson), so it neither reads nor writes measured choices");
}

int tune_file_write(struct cvk_context *ctx, const char *device, const char *path, uint32_t *count)
{
    (void)ctx, (void)device, (void)path, (void)count;
    return missing();
}

int tune_file_read(struct cvk_context *ctx, const char *device, const char *path, bool force, uint32_t *count)
{
    (void)ctx, (void)device, (void)path, (void)force, (void)count;
    return missing();
}

#endif
