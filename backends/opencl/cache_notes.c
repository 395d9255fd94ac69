/* SPDX-License-Identifier: MIT
 * Short texts in the cache. */
#include "cache_inner.h"

bool ocl_cache_get_note(struct ocl_cache *c, const char *scope, const char *key, char *text, uint32_t bytes)
{
    bool found = false;
    if (bytes)
        *text = 0;
    if (!ocl_cache_enter(c))
        return false;
    sqlite3_stmt *s;
    int rc = ocl_cache_first_row(c, OCL_CACHE_GET_NOTE, scope, key, &s);
    if (rc == SQLITE_ROW) {
        const void *content = sqlite3_column_text(s, 1);
        uint64_t size = (uint64_t)sqlite3_column_bytes(s, 1);
        bool right = content && sqlite3_column_int64(s, 0) == ocl_cache_hash(scope, key, content, size);
        found = right && size < bytes;
        if (found)
            memcpy(text, content, size + 1);
        rc = sqlite3_reset(s);
        if (rc == SQLITE_OK && !right)
            ocl_cache_drop_wrong(c, OCL_CACHE_DROP_NOTE, scope, key);
    }
    ocl_cache_leave(c, rc, false);
    return found;
}

void ocl_cache_put_note(struct ocl_cache *c, const char *scope, const char *key, const char *text)
{
    if (!ocl_cache_enter_to_write(c))
        return;
    sqlite3_stmt *s;
    int rc = ocl_cache_prepare(c, OCL_CACHE_PUT_NOTE, scope, key, &s);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(s, 3, ocl_cache_hash(scope, key, text, strlen(text)));
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text64(s, 4, text, strlen(text), SQLITE_STATIC, SQLITE_UTF8);
    ocl_cache_leave(c, rc == SQLITE_OK ? ocl_cache_finish(s) : rc, true);
}

/* Texts one after the other, each with its NUL. */
struct list {
    char *memory;
    uint64_t used, room;
};

static bool append(struct ocl_cache *c, struct list *list, const void *text, uint64_t bytes)
{
    if (list->room - list->used < bytes) {
        uint64_t room = 2 * list->room + bytes + 1024;
        char *memory = ocl_cache_alloc(c, room);
        if (!memory)
            return false;
        if (list->used)
            memcpy(memory, list->memory, list->used);
        c->file.host->free(c->file.host, list->memory);
        list->memory = memory;
        list->room = room;
    }
    memcpy(list->memory + list->used, text, bytes);
    list->used += bytes;
    return true;
}

/* Only notes whose sums are right; a wrong one goes when it is asked for by name. */
static int list_notes(struct ocl_cache *c, const char *scope, const char *prefix, struct list *list)
{
    sqlite3_stmt *s;
    size_t length = strlen(prefix);
    bool room = true;
    int rc = ocl_cache_first_row(c, OCL_CACHE_EACH_NOTE, scope, prefix, &s);
    while (rc == SQLITE_ROW && room) {
        const char *key = (const char *)sqlite3_column_text(s, 2), *text = (const char *)sqlite3_column_text(s, 1);
        if (!key || !text || strncmp(key, prefix, length) != 0)
            break;
        uint64_t key_bytes = (uint64_t)sqlite3_column_bytes(s, 2), text_bytes = (uint64_t)sqlite3_column_bytes(s, 1);
        if (sqlite3_column_int64(s, 0) == ocl_cache_hash(scope, key, text, text_bytes))
            room = append(c, list, key, key_bytes + 1) && append(c, list, text, text_bytes + 1);
        rc = sqlite3_step(s);
    }
    int end = sqlite3_reset(s);
    if (!room)
        list->used = 0;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? end : rc;
}

int32_t ocl_cache_each_note(struct ocl_cache *c, const char *scope, const char *prefix,
                            int32_t (*fn)(void *arg, const char *key, const char *text), void *arg)
{
    struct list list = {0};
    int32_t result = 0;
    if (!ocl_cache_enter(c))
        return 0;
    /* Listed first: fn may take its time, and other processes could not write meanwhile. */
    ocl_cache_leave(c, list_notes(c, scope, prefix, &list), false);
    for (const char *at = list.memory, *end = at + list.used; at < end && !result; ) {
        const char *text = at + strlen(at) + 1;
        result = fn(arg, at, text);
        at = text + strlen(text) + 1;
    }
    c->file.host->free(c->file.host, list.memory);
    return result;
}
