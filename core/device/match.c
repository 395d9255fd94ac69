/* SPDX-License-Identifier: MIT
 * From a device text to devices: filters, option keys, the order of `auto`, and the sentences for what is not there. */
#include <stdlib.h>

#include "grammar.h"

/* A CPU device of a backend for GPUs must not displace the backends made for CPUs, but is still better than the reference. */
#define GPU_RANK 200
#define RANK_OF_GPU_BACKENDS_CPU 99

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* True if part occurs in text, capitals and small letters alike. */
static bool contains(const char *text, const char *part)
{
    for (; *text; text++) {
        size_t i = 0;
        while (part[i] && lower(text[i]) == lower(part[i]))
            i++;
        if (!part[i])
            return true;
    }
    return false;
}

/* Equal without the dashes that some print in a uuid. */
static bool same_uuid(const char *a, const char *b)
{
    if (!*a)
        return false;
    for (;;) {
        while (*a == '-')
            a++;
        while (*b == '-')
            b++;
        if (lower(*a) != lower(*b))
            return false;
        if (!*a)
            return true;
        a++;
        b++;
    }
}

/* "01:00.0" means domain 0000. */
static bool same_pci(const char *have, const char *asked)
{
    size_t have_bytes = strlen(have), asked_bytes = strlen(asked);
    if (!have_bytes || asked_bytes > have_bytes)
        return false;
    const char *tail = have + have_bytes - asked_bytes;
    bool whole = tail == have || (strncmp(have, "0000:", 5) == 0 && tail == have + 5);
    return whole && contains(tail, asked);
}

static bool passes(const struct cvk_device_info *info, const struct cvk__filter *f, uint32_t place)
{
    switch (f->kind) {
    case CVK__FILTER_INDEX:
        return place == f->number;
    case CVK__FILTER_KIND:
        return info->kind == f->number;
    case CVK__FILTER_NAME:
        return contains(info->vendor, f->text) || contains(info->name, f->text) || contains(info->platform, f->text);
    case CVK__FILTER_UUID:
        return same_uuid(info->uuid, f->text);
    case CVK__FILTER_PCI:
        return same_pci(info->pci, f->text);
    }
    return false;
}

static const char *closest(const char *word, const char *const *words, uint32_t count)
{
    const char *best = NULL;
    uint32_t least = 3; /* more edits than two are no typing error */
    for (uint32_t i = 0; i < count; i++) {
        uint32_t distance = cvk__text_distance(word, words[i]);
        if (distance < least && distance < strlen(words[i])) {
            least = distance;
            best = words[i];
        }
    }
    return best;
}

/* A folder that was not looked into may hold what is asked for. */
static bool is_unread_folder(const struct cvk__plugin_record *p)
{
    size_t length = p->path ? strlen(p->path) : 0;
    return p->stage && strcmp(p->stage, "path") == 0 && !(length > 3 && strcmp(p->path + length - 3, ".so") == 0);
}

void cvk__refused_plugins(const struct cvk_context *ctx, const char *name, struct cvk__text *why)
{
    for (uint32_t i = 0; i < ctx->plugin_count; i++) {
        const struct cvk__plugin_record *p = &ctx->plugins[i];
        const char *file = p->path ? strrchr(p->path, '/') : NULL;
        /* A plugin that could not tell its name is recognised by its file's. */
        if (p->backend || (name && !(p->name && strcmp(p->name, name) == 0) && !(file && contains(file, name)) &&
                           !is_unread_folder(p)))
            continue;
        cvk__text_add(why, "; %s was refused at stage %s: %s%s%s", p->path, p->stage, p->reason, p->fix ? "; " : "",
                      p->fix ? p->fix : "");
    }
}

static int32_t no_backend(const struct cvk_context *ctx, const struct cvk__device_text *text)
{
    struct cvk__text why = {0};
    const char *names[64];
    uint32_t count = 0;
    cvk__text_add(&why, "no backend '%s'", text->backend);
    for (uint32_t i = 0; i < ctx->plugin_count && count < 64; i++)
        if (ctx->plugins[i].backend)
            names[count++] = ctx->plugins[i].backend->plugin.name;
    const char *near = closest(text->backend, names, count);
    if (near)
        cvk__text_add(&why, ", did you mean '%s'?", near);
    cvk__text_add(&why, count ? " (there is" : " (no backend was loaded");
    for (uint32_t i = 0; i < count; i++)
        cvk__text_add(&why, "%s %s", i ? "," : "", names[i]);
    cvk__text_add(&why, "; CONVOKE_PLUGIN_PATH names the folders of others)");
    cvk__refused_plugins(ctx, count ? text->backend : NULL, &why);
    cvk__fail(CVK_E_NOT_FOUND, "%s", why.data ? why.data : text->backend);
    cvk__text_finish(&why);
    return CVK_E_NOT_FOUND;
}

/* Which filter left nothing, and what it had to choose from. */
static int32_t no_device(const struct cvk__backend *b, const struct cvk__device_text *text, uint32_t filter, const uint32_t *left,
                         uint32_t left_count)
{
    enum { SHOWN = 8 };
    struct cvk__text why = {0};
    const struct cvk__filter *f = &text->filters[filter];
    if (f->kind == CVK__FILTER_INDEX)
        cvk__text_add(&why, "no device with index %u: %s has", f->number, text->backend);
    else
        cvk__text_add(&why, "no device matches '%s%s': %s has",
                      f->kind == CVK__FILTER_UUID  ? "uuid="
                      : f->kind == CVK__FILTER_PCI ? "pci="
                                                   : "",
                      f->text, text->backend);
    cvk__text_add(&why, " %u%s", left_count, filter ? " left by the filters before it" : "");
    for (uint32_t i = 0; i < left_count && i < SHOWN; i++) {
        const struct cvk_device_info *info = &b->infos[left[i]];
        cvk__text_add(&why, "%s %s (%s)", i ? "," : ":", b->specs[left[i]], info->name);
    }
    cvk__text_add(&why, "%s", left_count > SHOWN ? ", ..." : "");
    cvk__fail(CVK_E_NOT_FOUND, "%s", why.data ? why.data : text->text);
    cvk__text_finish(&why);
    return CVK_E_NOT_FOUND;
}

int32_t cvk__device_match(struct cvk_context *ctx, const struct cvk__device_text *text, struct cvk__match *out)
{
    *out = (struct cvk__match){0};
    for (uint32_t i = 0; i < ctx->plugin_count; i++)
        if (ctx->plugins[i].backend && strcmp(ctx->plugins[i].backend->plugin.name, text->backend) == 0)
            out->backend = ctx->plugins[i].backend;
    const struct cvk__backend *b = out->backend;
    if (!b)
        return no_backend(ctx, text);
    CVK__TRY(cvk__backend_scan(ctx, b));
    if (b->device_count == 0)
        return cvk__fail(b->scan_status, "%s", b->scan_error ? b->scan_error : "no device");
    uint32_t *left = cvk__alloc_array(CVK__TAG_MISC, b->device_count, sizeof *left);
    if (!left)
        return cvk__fail_memory(b->device_count * sizeof *left, "a list of devices");
    uint32_t count = b->device_count;
    for (uint32_t i = 0; i < count; i++)
        left[i] = i;
    for (uint32_t f = 0; f < text->filter_count; f++) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; i++)
            kept += passes(&b->infos[left[i]], &text->filters[f], i);
        if (kept == 0) {
            int32_t status = no_device(b, text, f, left, count);
            cvk__free(left);
            return status;
        }
        kept = 0;
        for (uint32_t i = 0; i < count; i++)
            if (passes(&b->infos[left[i]], &text->filters[f], i))
                left[kept++] = left[i];
        count = kept;
    }
    out->indices = left;
    out->count = count;
    return CVK_OK;
}

void cvk__match_finish(struct cvk__match *match)
{
    cvk__free(match->indices);
    *match = (struct cvk__match){0};
}

int32_t cvk__options_check(const struct cvk__backend *b, const struct cvk__device_text *text)
{
    const char *keys[256]; /* the gate lets no more pass */
    for (uint32_t i = 0; i < b->plugin.option_count; i++)
        keys[i] = b->options[i].key;
    for (uint32_t o = 0; o < text->option_count; o++) {
        bool known = false;
        for (uint32_t i = 0; i < b->plugin.option_count; i++)
            known = known || strcmp(keys[i], text->keys[o]) == 0;
        if (known)
            continue;
        const char *near = closest(text->keys[o], keys, b->plugin.option_count);
        cvk__fail(CVK_E_ARG, "backend '%s' has no option '%s'%s%s%s; it has", b->plugin.name, text->keys[o],
                  near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
        for (uint32_t i = 0; i < b->plugin.option_count; i++)
            cvk__fail_more("%s %s", i ? "," : "", keys[i]);
        if (b->plugin.option_count == 0)
            cvk__fail_more(" none");
        return CVK_E_ARG;
    }
    return CVK_OK;
}

static int by_rank(const void *a, const void *b)
{
    const struct cvk__rank *x = a, *y = b;
    if (x->rank != y->rank)
        return x->rank < y->rank ? 1 : -1;
    int names = strcmp(x->backend->plugin.name, y->backend->plugin.name);
    return names ? names : x->index < y->index ? -1 : x->index > y->index;
}

int32_t cvk__auto_order(struct cvk_context *ctx, struct cvk__rank **order, uint32_t *count)
{
    *order = NULL;
    *count = 0;
    CVK__TRY(cvk__devices_scan(ctx));
    struct cvk__rank *list = cvk__alloc_array(CVK__TAG_MISC, ctx->device_count + 1u, sizeof *list);
    if (!list)
        return cvk__fail_memory(ctx->device_count * sizeof *list, "a list of devices");
    uint32_t n = 0;
    for (uint32_t p = 0; p < ctx->plugin_count; p++) {
        const struct cvk__backend *b = ctx->plugins[p].backend;
        if (!b || b->plugin.flags & CVK_PLUGIN_REFERENCE)
            continue;
        for (uint32_t i = 0; i < b->device_count; i++) {
            if (b->info_status[i] != CVK_OK)
                continue;
            bool demoted = b->plugin.rank >= GPU_RANK && b->infos[i].kind == CVK_DEVICE_CPU;
            list[n++] = (struct cvk__rank){b, i, demoted ? RANK_OF_GPU_BACKENDS_CPU : b->plugin.rank};
        }
    }
    qsort(list, n, sizeof *list, by_rank);
    *order = list;
    *count = n;
    return CVK_OK;
}
