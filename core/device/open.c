/* SPDX-License-Identifier: MIT
 * Opening devices: the first choice of a text whose devices all open. What was named and does not open is told, never replaced.
 */
#include "grammar.h"

static void forget_options(struct cvk__device *d)
{
    for (uint32_t i = 0; i < d->option_count; i++) {
        cvk__free(d->option_keys[i]);
        cvk__free(d->option_values[i]);
    }
    cvk__free(d->option_keys);
    cvk__free(d->option_values);
    d->option_keys = d->option_values = NULL;
    d->option_count = 0;
}

/* The spec with its options, and the options for host.config. */
static int32_t name_device(struct cvk__device *d, const struct cvk__device_text *text)
{
    struct cvk__text spec = {0};
    uint32_t count = text ? text->option_count : 0;
    cvk__text_add(&spec, "%s", d->backend->specs[d->index]);
    d->option_keys = cvk__alloc_array(CVK__TAG_PLUGIN, count + 1u, sizeof *d->option_keys);
    d->option_values = cvk__alloc_array(CVK__TAG_PLUGIN, count + 1u, sizeof *d->option_values);
    bool good = d->option_keys && d->option_values;
    for (uint32_t i = 0; i < count && good; i++) {
        cvk__text_add(&spec, "%s%s=%s%s", i ? "," : "(", text->keys[i], text->values[i], i + 1 == count ? ")" : "");
        d->option_count = i + 1;
        d->option_keys[i] = cvk__strdup(CVK__TAG_PLUGIN, text->keys[i]);
        d->option_values[i] = cvk__strdup(CVK__TAG_PLUGIN, text->values[i]);
        good = d->option_keys[i] && d->option_values[i];
    }
    d->spec = spec.data; /* made by the core's allocator, as a copy would be */
    return good && !spec.failed ? CVK_OK : cvk__fail_memory(64, "a device");
}

static int32_t open_device(struct cvk_context *ctx, const struct cvk__backend *b, uint32_t index,
                           const struct cvk__device_text *text, struct cvk__device **out)
{
    *out = NULL;
    if (index >= b->device_count)
        return b->scan_status != CVK_OK ? cvk__fail(b->scan_status, "%s", b->scan_error ? b->scan_error : b->plugin.name)
                                        : cvk__fail(CVK_E_NOT_FOUND, "backend '%s' has no device %u", b->plugin.name, index);
    if (b->info_status[index] != CVK_OK)
        return cvk__fail(b->info_status[index], "%s", b->info_errors[index]);
    if (text)
        CVK__TRY(cvk__options_check(b, text));
    struct cvk__device *d = cvk__alloc(CVK__TAG_PLUGIN, sizeof *d);
    if (!d)
        return cvk__fail_memory(sizeof *d, "a device");
    d->ctx = ctx;
    d->backend = b;
    d->index = index;
    d->info = b->infos[index];
    d->host_memory = d->info.caps & CVK_CAP_HOST_MEMORY;
    cvk__host_init(&d->host, ctx, d);
    int32_t status = name_device(d, text);
    bool opened = false;
    if (status == CVK_OK && b->api.open) {
        cvk__plugin_enter();
        status = cvk__plugin_leave(d, b->api.open(&d->host, index, &d->handle), "opening");
        opened = status == CVK_OK;
    }
    forget_options(d);
    if (status == CVK_OK)
        status = cvk__interfaces_open(d);
    if (status != CVK_OK) {
        if (opened && b->api.close)
            b->api.close(&d->host, d->handle);
        cvk__free(d->spec);
        cvk__free(d);
        return status;
    }
    *out = d;
    return CVK_OK;
}

int32_t cvk__device_open(struct cvk_context *ctx, const struct cvk__backend *backend, uint32_t index, const char *options,
                         struct cvk__device **out)
{
    struct cvk__spec spec;
    *out = NULL;
    CVK__TRY(cvk__backend_scan(ctx, backend));
    CVK__TRY(cvk__spec_parse_options(options, &spec));
    pthread_mutex_lock(&ctx->lock);
    int32_t status = open_device(ctx, backend, index, &spec.devices[0], out);
    pthread_mutex_unlock(&ctx->lock);
    cvk__spec_finish(&spec);
    return status;
}

void cvk__device_close(struct cvk__device *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->ctx->lock);
    cvk__interfaces_close(d);
    if (d->backend->api.close)
        d->backend->api.close(&d->host, d->handle);
    pthread_mutex_unlock(&d->ctx->lock);
    cvk__free(d->spec);
    cvk__free(d);
}

void cvk__device_list_close(struct cvk__device_list *list)
{
    for (uint32_t i = list->count; i > 0; i--)
        cvk__device_close(list->devices[i - 1]);
    cvk__free(list->spec);
    *list = (struct cvk__device_list){0};
}

bool cvk__ends_search(int32_t status)
{
    return status == CVK_E_ARG || status == CVK_E_FORMAT;
}

/* The first of the matching devices that opens. The last sentence stays recorded, all of them are in why. */
static int32_t open_first(struct cvk_context *ctx, const struct cvk__device_text *text, struct cvk__device_list *list,
                          struct cvk__text *why)
{
    struct cvk__match match;
    int32_t status = cvk__device_match(ctx, text, &match);
    if (status != CVK_OK) {
        cvk__text_add(why, "; %s -> %s", text->text, cvk_error_text());
        return status;
    }
    for (uint32_t i = 0; i < match.count; i++) {
        struct cvk__device *d;
        bool taken = false;
        for (uint32_t j = 0; j < list->count; j++)
            taken = taken || (list->devices[j]->backend == match.backend && list->devices[j]->index == match.indices[i]);
        if (taken) {
            status = cvk__fail(CVK_E_ARG, "'%s' means %s, which this choice already has", text->text,
                               match.backend->specs[match.indices[i]]);
            break;
        }
        status = open_device(ctx, match.backend, match.indices[i], text, &d);
        if (status == CVK_OK)
            list->devices[list->count++] = d;
        if (status == CVK_OK || cvk__ends_search(status))
            break;
        cvk__text_add(why, "; %s -> %s", match.backend->specs[match.indices[i]], cvk_error_text());
    }
    cvk__match_finish(&match);
    return status;
}

static int32_t open_choices(struct cvk_context *ctx, const struct cvk__spec *spec, struct cvk__device_list *out)
{
    struct cvk__text why = {0};
    int32_t first = CVK_OK;
    for (uint32_t c = 0; c < spec->choice_count; c++) {
        const struct cvk__choice *choice = &spec->choices[c];
        int32_t status = CVK_OK;
        for (uint32_t i = 0; i < choice->count && status == CVK_OK; i++)
            status = open_first(ctx, &spec->devices[choice->first + i], out, &why);
        if (status == CVK_OK) {
            cvk__log(&ctx->log, CVK_LOG_INFO, "select", "'%s' is taken%s%s", choice->text,
                     why.data ? ": what stands before it does not open" : "", why.data ? why.data : "");
            out->spec = cvk__strdup(CVK__TAG_MISC, choice->text);
            cvk__text_finish(&why);
            return out->spec ? CVK_OK : cvk__fail_memory(strlen(choice->text), "a device text");
        }
        cvk__device_list_close(out);
        first = first == CVK_OK ? status : first;
        if (cvk__ends_search(status)) {
            cvk__text_finish(&why);
            return status;
        }
    }
    if (why.data)
        cvk__fail(first, "no device could be opened: %s", why.data + 2);
    cvk__text_finish(&why);
    return first;
}

/* One more device in the list; its short name if its backend has no other. */
static void append(struct cvk__device_list *out, struct cvk__device *d, struct cvk__text *spec)
{
    out->devices[out->count++] = d;
    cvk__text_add(spec, "%s%s", spec->bytes ? "+" : "", d->backend->device_count == 1 ? d->backend->plugin.name : d->spec);
}

static int32_t open_auto(struct cvk_context *ctx, struct cvk__device_list *out)
{
    struct cvk__rank *order;
    uint32_t count;
    struct cvk__text why = {0}, spec = {0};
    CVK__TRY(cvk__auto_order(ctx, &order, &count));
    int32_t status = CVK_OK;
    for (uint32_t i = 0; i < count && out->count == 0; i++) {
        struct cvk__device *d;
        if (open_device(ctx, order[i].backend, order[i].index, NULL, &d) == CVK_OK)
            append(out, d, &spec);
        else
            cvk__text_add(&why, "; %s -> %s", order[i].backend->specs[order[i].index], cvk_error_text());
    }
    cvk__free(order);
    const struct cvk__backend *reference = cvk__backend_reference(ctx);
    struct cvk__device *d;
    if (reference && open_device(ctx, reference, 0, NULL, &d) == CVK_OK)
        append(out, d, &spec);
    else if (reference)
        cvk__text_add(&why, "; %s -> %s", reference->plugin.name, cvk_error_text());
    if (out->count == 0) {
        if (!why.data)
            cvk__text_add(&why, "; no backend was found");
        cvk__refused_plugins(ctx, NULL, &why);
        status = cvk__fail(CVK_E_NOT_FOUND, "no device could be opened: %s", why.data ? why.data + 2 : "out of memory");
    } else {
        cvk__plugins_tell_refused(ctx);
        cvk__log(&ctx->log, CVK_LOG_INFO, "select", "auto took %s, the best by rank that opens%s", spec.data ? spec.data : "",
                 why.data ? why.data : "");
        out->automatic = true;
        out->spec = spec.data;
        spec.data = NULL;
        if (spec.failed)
            status = cvk__fail_memory(64, "a device text");
    }
    cvk__text_finish(&why);
    cvk__text_finish(&spec);
    return status;
}

int32_t cvk__device_list_open(struct cvk_context *ctx, const char *text, struct cvk__device_list *out)
{
    struct cvk__spec spec;
    *out = (struct cvk__device_list){0};
    if (!text)
        text = cvk__getenv("CONVOKE_DEVICE");
    CVK__TRY(cvk__spec_parse(text, &spec));
    int32_t status;
    pthread_mutex_lock(&ctx->lock);
    if (spec.kind == CVK__SPEC_HELP || spec.kind == CVK__SPEC_LIST)
        status = cvk__fail(CVK_E_ARG, "the device text '%s' asks a question and names no device; 'convoke devices' answers it",
                           spec.kind == CVK__SPEC_HELP ? "help" : "list");
    else
        status = spec.kind == CVK__SPEC_AUTO ? open_auto(ctx, out) : open_choices(ctx, &spec, out);
    pthread_mutex_unlock(&ctx->lock);
    cvk__spec_finish(&spec);
    if (status != CVK_OK)
        cvk__device_list_close(out);
    return status;
}
