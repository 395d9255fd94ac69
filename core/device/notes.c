/* SPDX-License-Identifier: MIT
 * What is remembered of a device: the context keeps every note that it saw, and the device's interface "notes", where there is
 * one, keeps those that are worth it beyond the process. */
#include <stdatomic.h>

#include "backend.h"

struct note {
    uint64_t hash; /* of device and key; 0: the slot is free */
    char *device, *key;
    char *text; /* "": known not to be there */
};

struct cvk__notes {
    pthread_mutex_t lock;
    struct note *slots; /* open addressing */
    uint32_t count, capacity;
    atomic_uint refused; /* verdicts against kernels that were kept */
    atomic_uint choices; /* measured choices that were stored */
};

uint64_t cvk__hash(uint64_t hash, const void *data, uint64_t bytes)
{
    const unsigned char *p = data;
    hash = hash ? hash : 0xcbf29ce484222325u;
    for (uint64_t i = 0; i < bytes; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash ? hash : 1;
}

int32_t cvk__notes_create(struct cvk_context *ctx)
{
    ctx->notes = cvk__alloc(CVK__TAG_PLUGIN, sizeof *ctx->notes);
    if (!ctx->notes)
        return cvk__fail_memory(sizeof *ctx->notes, "the context");
    pthread_mutex_init(&ctx->notes->lock, NULL);
    return CVK_OK;
}

void cvk__notes_destroy(struct cvk_context *ctx)
{
    struct cvk__notes *n = ctx->notes;
    if (!n)
        return;
    for (uint32_t i = 0; i < n->capacity; i++) {
        cvk__free(n->slots[i].device);
        cvk__free(n->slots[i].key);
        cvk__free(n->slots[i].text);
    }
    cvk__free(n->slots);
    pthread_mutex_destroy(&n->lock);
    cvk__free(n);
    ctx->notes = NULL;
}

/* The slot of a key, or the free one where it belongs. The capacity is a power of two. */
static struct note *find_slot(struct note *slots, uint32_t capacity, uint64_t hash, const char *device, const char *key)
{
    uint32_t at = (uint32_t)hash & (capacity - 1);
    while (slots[at].hash && (slots[at].hash != hash || strcmp(slots[at].key, key) != 0 || strcmp(slots[at].device, device) != 0))
        at = (at + 1) & (capacity - 1);
    return &slots[at];
}

static bool grow(struct cvk__notes *n)
{
    uint32_t capacity = n->capacity ? 2 * n->capacity : 64;
    struct note *slots = cvk__alloc_array(CVK__TAG_PLUGIN, capacity, sizeof *slots);
    if (!slots)
        return false;
    for (uint32_t i = 0; i < n->capacity; i++)
        if (n->slots[i].hash)
            *find_slot(slots, capacity, n->slots[i].hash, n->slots[i].device, n->slots[i].key) = n->slots[i];
    cvk__free(n->slots);
    n->slots = slots;
    n->capacity = capacity;
    return true;
}

static uint64_t hash_of(const struct cvk__device *d, const char *key)
{
    return cvk__hash(cvk__hash(0, d->spec, strlen(d->spec) + 1), key, strlen(key));
}

/* Puts the text into the context's own store; false when there is no memory. */
static bool store(struct cvk__device *d, const char *key, const char *text)
{
    struct cvk__notes *n = d->ctx->notes;
    uint64_t hash = hash_of(d, key);
    pthread_mutex_lock(&n->lock);
    bool good = n->count + 1 <= n->capacity / 2 || grow(n);
    struct note *slot = good ? find_slot(n->slots, n->capacity, hash, d->spec, key) : NULL;
    char *copy = good ? cvk__strdup(CVK__TAG_PLUGIN, text) : NULL;
    good = copy != NULL;
    if (good && !slot->hash) {
        char *own_device = cvk__strdup(CVK__TAG_PLUGIN, d->spec), *own_key = cvk__strdup(CVK__TAG_PLUGIN, key);
        good = own_device && own_key;
        if (good) {
            *slot = (struct note){.hash = hash, .device = own_device, .key = own_key};
            n->count++;
        } else {
            cvk__free(own_device);
            cvk__free(own_key);
        }
    }
    if (good) {
        cvk__free(slot->text);
        slot->text = copy;
        if (!strncmp(key, CVK__CHOICES, strlen(CVK__CHOICES)))
            atomic_fetch_add(&n->choices, 1);
    } else {
        cvk__free(copy);
    }
    pthread_mutex_unlock(&n->lock);
    return good;
}

/* 0: nothing is known, 1: there is none, 2: here it is. */
static int look_up(struct cvk__device *d, const char *key, char *text)
{
    struct cvk__notes *n = d->ctx->notes;
    int found = 0;
    text[0] = '\0';
    pthread_mutex_lock(&n->lock);
    if (n->capacity) {
        const struct note *slot = find_slot(n->slots, n->capacity, hash_of(d, key), d->spec, key);
        if (slot->hash) {
            snprintf(text, CVK_NOTE_TEXT_BYTES, "%s", slot->text);
            found = text[0] ? 2 : 1;
        }
    }
    pthread_mutex_unlock(&n->lock);
    return found;
}

bool cvk__note_known(struct cvk__device *d, const char *key, char *text)
{
    return look_up(d, key, text) == 2;
}

static bool printable(const char *text)
{
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            return false;
    return true;
}

bool cvk__note_recall(struct cvk__device *d, const char *key, char *text)
{
    int found = look_up(d, key, text);
    if (found || !d->notes_api)
        return found == 2;
    int32_t status = d->notes_api->recall(d->handle, key, text, CVK_NOTE_TEXT_BYTES);
    text[CVK_NOTE_TEXT_BYTES - 1] = '\0';
    if (status != CVK_OK || !printable(text)) {
        if (status != CVK_E_NOT_FOUND)
            cvk__log(&d->ctx->log, CVK_LOG_DEBUG, "tune", "%s: the note '%s' could not be read (%s)", d->spec, key,
                     status == CVK_OK ? "it is no text" : cvk_status_name(status));
        text[0] = '\0';
    }
    store(d, key, text);
    return text[0] != '\0';
}

/* Letters that a note may not have become question marks, and what is too long ends early. */
static void clean(const char *text, char *out)
{
    size_t i = 0;
    for (; text[i] && i + 1 < CVK_NOTE_TEXT_BYTES; i++)
        out[i] = text[i] < ' ' || text[i] > '~' ? '?' : text[i];
    out[i] = '\0';
}

int32_t cvk__note_mark(struct cvk__device *d, const char *key, const char *text)
{
    char cleaned[CVK_NOTE_TEXT_BYTES];
    clean(text, cleaned);
    return store(d, key, cleaned) ? CVK_OK : cvk__fail_memory(strlen(key), "a note");
}

int32_t cvk__note_keep(struct cvk__device *d, const char *key, const char *text)
{
    char cleaned[CVK_NOTE_TEXT_BYTES];
    clean(text, cleaned);
    CVK__TRY(cvk__note_mark(d, key, cleaned));
    int32_t status = d->notes_api ? d->notes_api->keep(d->handle, key, cleaned) : CVK_OK;
    if (status != CVK_OK)
        cvk__log(&d->ctx->log, CVK_LOG_DEBUG, "tune", "%s: a note is kept for this process alone (%s)", d->spec,
                 cvk_status_name(status));
    return CVK_OK;
}

static int32_t store_fn(void *arg, const char *key, const char *text)
{
    bool good = strlen(key) < CVK_NOTE_KEY_BYTES && strlen(text) < CVK_NOTE_TEXT_BYTES && printable(key) && printable(text);
    return !good || store(arg, key, text) ? CVK_OK : CVK_E_MEMORY;
}

/* What this process found out itself comes before what the device says: it may be that it could not be kept there. */
static int32_t add_unknown(void *arg, const char *key, const char *text)
{
    char had[CVK_NOTE_TEXT_BYTES];
    return cvk__note_known(arg, key, had) ? CVK_OK : store_fn(arg, key, text);
}

int32_t cvk__note_each(struct cvk__device *d, const char *prefix, cvk__note_fn fn, void *arg)
{
    if (d->notes_api) {
        cvk__plugin_enter();
        CVK__TRY(cvk__plugin_leave(d, d->notes_api->each(d->handle, prefix, add_unknown, d), "reading notes"));
    }
    struct cvk__notes *n = d->ctx->notes;
    int32_t status = CVK_OK;
    pthread_mutex_lock(&n->lock);
    for (uint32_t i = 0; i < n->capacity && status == CVK_OK; i++) {
        const struct note *slot = &n->slots[i];
        if (slot->hash && slot->text[0] && !strcmp(slot->device, d->spec) && !strncmp(slot->key, prefix, strlen(prefix)))
            status = fn(arg, slot->key, slot->text);
    }
    pthread_mutex_unlock(&n->lock);
    return status;
}

bool cvk__notes_choices(struct cvk__device *d)
{
    static const char loaded[] = "loaded|" CVK__CHOICES;
    char text[CVK_NOTE_TEXT_BYTES];
    if (d->notes_api && !cvk__note_known(d, loaded, text)) {
        int32_t status = d->notes_api->each(d->handle, CVK__CHOICES, store_fn, d);
        if (status != CVK_OK)
            cvk__log(&d->ctx->log, CVK_LOG_DEBUG, "tune", "%s: the measured choices could not be read (%s)", d->spec,
                     cvk_status_name(status));
        store(d, loaded, "yes");
    }
    return atomic_load(&d->ctx->notes->choices) != 0;
}

void cvk__notes_unlearn(struct cvk__device *d, const char *prefix)
{
    struct cvk__notes *n = d->ctx->notes;
    pthread_mutex_lock(&n->lock);
    for (uint32_t i = 0; i < n->capacity; i++) {
        struct note *slot = &n->slots[i];
        if (slot->hash && !strcmp(slot->device, d->spec) && !strncmp(slot->key, prefix, strlen(prefix)))
            slot->text[0] = '\0';
    }
    pthread_mutex_unlock(&n->lock);
}

void cvk__notes_refused(struct cvk__device *d)
{
    atomic_fetch_add(&d->ctx->notes->refused, 1);
}

bool cvk__notes_refuse(const struct cvk__device *d)
{
    return atomic_load(&d->ctx->notes->refused) != 0;
}
